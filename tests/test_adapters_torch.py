"""PyTorch's adapter against the literal kernels, on fixed asymmetric cases of every operator.

It runs in a process of its own: its thread pool and that of our kernels do not go well together.
"""

import inspect
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import backend

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

CHILD = """
import pickle, sys
from deconv_ref.conformance.frameworks import torch as adapter
from deconv_ref.conformance.frameworks._torch_arrays import COMPILERS
from deconv_ref.conformance.serve import unsupported
answers, prepared, met = {}, set(), []
COMPILERS.append(lambda function: met.append(function) or function)
for case, (function, operands, parameters) in pickle.load(sys.stdin.buffer).items():
    for name, array in operands.items():
        operands[name] = array[..., ::-1].copy()[..., ::-1]  # reversed in memory
        operands[name].flags.writeable = False
    met.clear()
    try:
        answer = getattr(adapter, function)(**operands, **parameters)
        prepared |= {function} if met else set()
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    op = function.removesuffix("_backward")
    answers[case] = unsupported(adapter, op, parameters, "float64"), answer
offered = {name for name in dir(adapter) if callable(getattr(adapter, name))}
with open(sys.argv[1], "wb") as file:
    pickle.dump((list(adapter.DIFFERENCES), offered, answers, prepared), file)
"""

NAN, INF = np.nan, np.inf


def distinct(*shape, dtype=np.float64):
    """Distinct integers of both signs, in no order."""
    values = np.arange(int(np.prod(shape)), dtype=dtype)
    return np.random.default_rng(len(values)).permutation(values - len(values) // 3).reshape(shape)


def array(*values, shape=(1, 1, -1)):
    return np.array(values, np.float64).reshape(shape)


def places(shape, cells):
    """Distinct places for the values of each channel."""
    rng = np.random.default_rng(cells)
    count = int(np.prod(shape[2:]))
    rows = [rng.permutation(cells)[:count] for _ in range(shape[0] * shape[1])]
    return np.array(rows, np.int64).reshape(shape)


def window(kernel_size, stride=None, padding="valid", **others):
    return {"kernel_size": kernel_size, "stride": stride, "padding": padding, **others}


def max_window(*arguments, dilation=None, ceil_mode=False, **others):
    parameters = window(*arguments, ceil_mode=ceil_mode, **others)
    return parameters | {"dilation": dilation or (1,) * len(parameters["kernel_size"])}


def avg_window(*arguments, ceil_mode=False, count_include_pad=True, **others):
    return window(*arguments, ceil_mode=ceil_mode, count_include_pad=count_include_pad, **others)


POOLS = {
    # operator: (shape of x, parameters); the gradients follow
    "max_pool": {
        "line": ((2, 3, 9), max_window((3,), (2,))),
        "padded": ((1, 2, 6, 7), max_window((3, 2), (2, 3), ((1, 1), (0, 0)))),
        "beyond": ((1, 2, 6, 7), max_window((3, 2), (2, 3), ((0, 0), (1, 1)), ceil_mode=True)),
        "dilated": ((1, 2, 9, 8), max_window((2, 3), (1, 2), dilation=(3, 2))),
        "one more": ((1, 2, 5), max_window((2,), (1,), ((1, 1),))),
        "full": ((1, 2, 4, 3), max_window((2, 1), (1, 1), "full")),
        "volume": ((1, 2, 4, 3, 5), max_window((2, 1, 3), (1, 2, 2))),
    },
    "avg_pool": {
        "line": ((2, 3, 9), avg_window((4,), (2,))),
        "padded": ((1, 2, 6, 7), avg_window((3, 2), (2, 3), ((1, 1), (0, 0)))),
        "excluded": (
            (1, 2, 6, 7),
            avg_window((3, 2), (2, 3), ((1, 1), (1, 1)), count_include_pad=False),
        ),
        "beyond": ((1, 2, 6, 7), avg_window((3, 2), (2, 3), ((0, 0), (1, 1)), ceil_mode=True)),
        "volume": ((1, 2, 4, 3, 5), avg_window((2, 1, 3), (1, 2, 2))),
    },
    "upsample": {
        "line": ((2, 3, 4), {"scale_factor": (2.0,), "mode": "nearest", "align_corners": False}),
        "plane": (
            (1, 2, 4, 6),
            {"scale_factor": (1.5, 0.5), "mode": "nearest", "align_corners": False},
        ),
        "linear": ((1, 2, 4), {"scale_factor": (4.0,), "mode": "linear", "align_corners": False}),
        "bilinear": (
            (1, 2, 3, 4),
            {"scale_factor": (2.0, 0.5), "mode": "linear", "align_corners": False},
        ),
        "trilinear": (
            (1, 2, 3, 4, 2),
            {"scale_factor": (2.0, 0.5, 4.0), "mode": "linear", "align_corners": False},
        ),
        "corners": (
            (1, 2, 3, 5),
            {"scale_factor": (1.7, 1.0), "mode": "linear", "align_corners": True},
        ),
    },
    "pad": {
        "zeros": ((2, 3, 4), {"padding": ((1, 2),), "mode": "zeros", "value": 0.5}),
        "reflect": ((1, 2, 3, 5), {"padding": ((1, 2), (4, 0)), "mode": "reflect"}),
        "replicate": (
            (1, 2, 2, 3, 4),
            {"padding": ((1, 3), (4, 0), (0, 2)), "mode": "replicate"},
        ),
        "circular": ((1, 2, 3, 4), {"padding": ((1, 3), (4, 0)), "mode": "circular"}),
    },
}

SMOOTH = array(-17.5, -3.25, -1.0, -0.125, 0.0, 0.25, 0.75, 2.5, 6.5, 15.0, 23.0, 41.0)
LOGITS = array(*(np.arange(24) * 7 % 24 / 4 - 2), shape=(2, 3, 4))
ACTIVATIONS = {
    # operator: (parameters, ulps of the largest value)
    "relu": ({}, 0),
    "leaky_relu": ({"negative_slope": 0.25}, 0),
    "elu": ({"alpha": 1.5}, 4),
    "sigmoid": ({}, 4),
    "tanh": ({}, 4),
    "softplus": ({}, 4),
    "gelu": ({}, 4),
    "silu": ({}, 4),
    "softmax": ({"axis": 1}, 8),
    "log_softmax": ({"axis": 2}, 8),
}

PREDICTION = array(-3.5, 0.25, 2.0, -1.0, 6.0, 0.75, 1.5, -0.5, shape=(2, 4))
TARGET = array(1.5, 0.0, 2.0, -2.0, -1.0, 0.25, 3.0, 0.125, shape=(2, 4))
SHARES = array(0.125, 0.5, 0.25, 0.125, 0.5, 0.0, 0.25, 0.25, shape=(2, 4))
LOSSES = {
    # operator: (prediction, target, parameters, ulps of the largest value)
    "mse": (PREDICTION, TARGET, {}, 0),
    "mae": (PREDICTION, TARGET, {}, 0),
    "huber": (PREDICTION, TARGET, {"delta": 1.5}, 0),
    "binary_cross_entropy": (np.abs(PREDICTION) / 8, SHARES, {}, 8),
    "binary_cross_entropy_with_logits": (PREDICTION, SHARES, {}, 8),
    "softmax_cross_entropy": (LOGITS, np.flip(LOGITS) / 8 + 0.25, {}, 16),
}


def ours(function, operands, parameters):
    with backend.using(backend.tier("literal")):
        return getattr(dr, function)(**operands, **parameters)


def cases():
    """Build every case: function, operands, parameters, and how many ulps it may be off."""
    built = {}

    def add(case, function, operands, parameters, ulps=0):
        built[f"{function}, {case}"] = (function, operands, parameters, ulps)

    for op, table in POOLS.items():
        for case, (shape, parameters) in table.items():
            operands = {"x": distinct(*shape)}
            ulps = 4 if case == "corners" else 0
            add(case, op, operands, parameters, ulps)
            y = ours(op, operands, parameters)
            size = {"input_size": shape}
            if op == "max_pool":
                grad_y, indices = distinct(*y.y.shape), y.indices
                add(case, "max_pool_backward", {"grad_y": grad_y, "indices": indices}, size)
                continue
            others = {name: v for name, v in parameters.items() if name != "value"}
            grad_y = 720 * distinct(*y.shape)  # any window's count divides it
            add(case, f"{op}_backward", {"grad_y": grad_y}, others | size, ulps)

    for shape, size in (((2, 3, 4), (7,)), ((1, 2, 2, 3), (5, 4)), ((1, 2, 2, 1, 3), (3, 2, 4))):
        indices = places(shape, int(np.prod(size)))
        full = (*shape[:2], *size)
        operands = {"x": distinct(*shape), "indices": indices}
        add(f"{len(size)}-D", "max_unpool", operands, {"output_size": full})
        operands = {"grad_y": distinct(*full), "indices": indices}
        add(f"{len(size)}-D", "max_unpool_backward", operands, {})

    add("image", "pixel_shuffle", {"x": distinct(2, 12, 3, 2)}, {"factor": (2, 2)})
    add("image", "pixel_unshuffle", {"x": distinct(2, 3, 6, 9)}, {"factor": (3, 3)})

    layer = {"x": distinct(3, 2, 5), "weight": distinct(4, 5)}
    add("bias", "linear", layer | {"bias": distinct(4)}, {})
    add("no bias", "linear", layer, {})
    add("rows", "linear_backward", layer | {"grad_y": distinct(3, 2, 4)}, {})

    x, channel = distinct(3, 2, 4) / 8, {"gamma": array(1.5, -2.0, shape=(2,))}
    running = {"running_mean": array(0.5, 3.0, shape=2), "running_var": array(2.0, 5.0, shape=2)}
    operands = {"x": x, **channel, "beta": array(0.25, 3.0, shape=2), **running}
    numbers = {"training": True, "momentum": 0.25, "epsilon": 0.125}
    add("training", "batch_norm", operands, numbers, 8)
    numbers_of_evaluation = numbers | {"training": False}
    add("evaluation", "batch_norm", operands, numbers_of_evaluation, 8)
    add("empty", "batch_norm", operands | {"x": np.zeros((0, 2, 4))}, numbers_of_evaluation)
    normed = ours("batch_norm", operands, numbers)
    saved = {"saved_mean": normed.saved_mean, "saved_inv_std": normed.saved_inv_std}
    operands = {"grad_y": distinct(3, 2, 4), "x": x, **channel, **saved}
    add("training", "batch_norm_backward", operands, {"training": True}, 16)
    operands = operands | {name: np.zeros((0, 2, 4)) for name in ("grad_y", "x")}
    add("empty", "batch_norm_backward", operands, {"training": True})

    for op, (parameters, ulps) in ACTIVATIONS.items():
        x = LOGITS if "softmax" in op else SMOOTH
        add("smooth", op, {"x": x}, parameters, ulps)
        grad_y = distinct(*x.shape)
        add("smooth", f"{op}_backward", {"grad_y": grad_y, "x": x}, parameters, ulps)
    for case, slope in (("each", array(0.25, 0.5, -2.0, shape=3)), ("one", np.array([0.25]))):
        operands = {"x": distinct(2, 3, 4), "slope": slope}
        add(case, "prelu", operands, {})
        add(case, "prelu_backward", operands | {"grad_y": -distinct(2, 3, 4)}, {})

    for op, (prediction, target, parameters, ulps) in LOSSES.items():
        operands = {"prediction": prediction, "target": target}
        for reduction in ("mean", "sum", "none"):
            reduced = parameters | {"reduction": reduction}
            add(reduction, op, operands, reduced, ulps)
            loss = ours(op, operands, reduced)
            grad = distinct(*loss.shape) if reduction == "none" else -3.0
            add(reduction, f"{op}_backward", operands, reduced | {"grad_loss": grad}, ulps)
        add("one grad_loss", f"{op}_backward", operands, reduced | {"grad_loss": 2.0}, ulps)
    return built


CASES = cases() if find_spec("torch") else {}

NOT_OFFERED = {
    "sides": ("max_pool", max_window((3,), (1,), ((0, 1),)), "one number per axis"),
    "half": ("max_pool", max_window((3,), (1,), ((2, 2),), dilation=(2,)), "at most half"),
    "full": ("avg_pool", avg_window((3, 1), (1, 1), "full"), "at most half"),
    "same": ("avg_pool", avg_window((3,), (1,), "same"), 'no "same" in pooling'),
    "same_lower": ("max_pool", max_window((3,), (1,), "same_lower"), 'no "same_lower" in pooling'),
    "line": ("pixel_shuffle", {"factor": (2,)}, "images alone"),
    "factors": ("pixel_unshuffle", {"factor": (2, 3)}, "one factor"),
    "constant": ("batch_norm", {"training": False}, "takes a variance"),
}

PAIR = array(0, 1, shape=(1, 2))
DIFFERENT = {
    # function of DIFFERENCES: (operands, parameters, what PyTorch gives)
    "max_pool": ({"x": array(1, NAN, NAN)}, max_window((3,), (1,)), ([NAN], [2])),
    "max_unpool": (
        {"x": array(5, 6), "indices": np.array([[[-1, 1]]])},
        {"output_size": (1, 1, 3)},
        "RuntimeError",
    ),
    "max_unpool_backward": (
        {"grad_y": array(5, 6, 7), "indices": np.array([[[1, 1]]])},
        {},
        [6, 6],
    ),
    "upsample": (
        {"x": array(0, 8)},
        {"scale_factor": (1.25,), "mode": "linear", "align_corners": False},
        [0, 8],
    ),
    "batch_norm": (
        {
            "x": array(6, 6, shape=(2, 1)),
            **{name: array(v, shape=1) for name, v in (("gamma", 2), ("beta", 3))},
            **{name: array(v, shape=1) for name, v in (("running_mean", 0), ("running_var", 1))},
        },
        {"training": True, "momentum": 0.25, "epsilon": 0.0},
        ([3, 3], [1.5], [0.75], [6], [0]),
    ),
    "relu_backward": ({"grad_y": array(3), "x": array(NAN)}, {}, [3]),
    "leaky_relu_backward": (
        {"grad_y": array(3), "x": array(NAN)},
        {"negative_slope": 0.25},
        [0.75],
    ),
    "prelu_backward": (
        {"grad_y": array(3), "x": array(NAN), "slope": array(0.25, shape=1)},
        {},
        ([0.75], [NAN]),
    ),
    "sigmoid_backward": ({"grad_y": array(3), "x": array(50)}, {}, [0]),
    "tanh_backward": ({"grad_y": array(3), "x": array(-20)}, {}, [0]),
    "gelu": ({"x": array(-20, -INF)}, {}, [0, NAN]),
    "gelu_backward": ({"grad_y": array(3, 3), "x": array(INF, -INF)}, {}, [NAN, NAN]),
    "silu": ({"x": array(-INF)}, {}, [NAN]),
    "silu_backward": ({"grad_y": array(3, 3), "x": array(INF, -INF)}, {}, [NAN, NAN]),
    "softmax_backward": (
        {"grad_y": array(1, 3), "x": array(50, 0)},
        {"axis": 2},
        [0, 2 * np.exp(-50)],
    ),
    "log_softmax": ({"x": array(50, 0)}, {"axis": 2}, [0, -50]),
    "mae_backward": (
        {"prediction": array(NAN), "target": array(1)},
        {"reduction": "sum"},
        [0],
    ),
    "binary_cross_entropy": (
        {"prediction": PAIR, "target": 1 - PAIR},
        {"reduction": "none"},
        [100, 100],
    ),
    "binary_cross_entropy_backward": (
        {"prediction": PAIR, "target": PAIR},
        {"reduction": "sum"},
        [0, 0],
    ),
    "binary_cross_entropy_with_logits": (
        {"prediction": array(-50, INF), "target": array(0, 1)},
        {"reduction": "none"},
        [0, NAN],
    ),
    "binary_cross_entropy_with_logits_backward": (
        {"prediction": array(50), "target": array(1)},
        {"reduction": "sum"},
        [0],
    ),
    "softmax_cross_entropy": (
        {"prediction": array(-INF, 0, 0, 50, shape=(2, 2)), "target": PAIR.repeat(2, axis=0)},
        {"reduction": "none"},
        [NAN, 0],
    ),
    "softmax_cross_entropy_backward": (
        {"prediction": array(0, 50, shape=(1, 2)), "target": PAIR},
        {"reduction": "sum"},
        [np.exp(-50), 0],
    ),
}

ABSENT = {"avg_unpool", "avg_unpool_backward", "dropout", "dropout_backward"}
ABSENT |= {"categorical_cross_entropy", "categorical_cross_entropy_backward"}
ABSENT |= {"l1_penalty", "l1_penalty_backward", "l2_penalty", "l2_penalty_backward"}
ABSENT |= {"ssim", "ssim_loss", "ssim_loss_backward"}
ABSENT |= {"fft_convolve", "inverse_filter", "wiener", "richardson_lucy"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    calls = {case: call[:3] for case, call in CASES.items()}
    calls |= {("lacks", case): (op, {}, call) for case, (op, call, _) in NOT_OFFERED.items()}
    calls |= {("differs", name): (name, *call[:2]) for name, call in DIFFERENT.items()}
    file = tmp_path_factory.mktemp("torch") / "answers"
    command = [sys.executable, "-P", "-c", CHILD, str(file)]
    subprocess.run(command, input=pickle.dumps(calls), check=True)
    return pickle.loads(file.read_bytes())


@pytest.mark.parametrize("case", CASES)
def test_agrees(case, report):
    function, operands, parameters, ulps = CASES[case]
    reason, got = report[2][case]
    assert reason is None
    assert not isinstance(got, str), got
    expected = ours(function, operands, parameters)
    got = got if isinstance(got, tuple) else (got,)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for mine, true in zip(got, expected, strict=True):
        if mine is None:
            assert case in ("batch_norm, evaluation", "batch_norm, empty")
            continue
        assert (mine.shape, mine.dtype) == (true.shape, true.dtype)
        unit = np.spacing(np.abs(true).max()) if ulps else 0.0
        np.testing.assert_allclose(mine, true, rtol=0, atol=ulps * unit)


@pytest.mark.parametrize("case", NOT_OFFERED)
def test_says_what_is_not_offered(case, report):
    reason, _ = report[2]["lacks", case]
    assert NOT_OFFERED[case][2] in reason


def test_has_every_function_that_pytorch_has(report):
    functions = {name for name in dr.__all__ if inspect.isfunction(getattr(dr, name))}
    assert functions - report[1] == ABSENT
    tested_elsewhere = {name for name in functions if name.startswith("conv")}
    assert {call[0] for call in CASES.values()} == functions - ABSENT - tested_elsewhere


def test_what_it_calls_goes_through_compilers(report):
    """Else `torch-compile` would judge in part what is not compiled."""
    assert {call[0] for call in CASES.values()} - report[3] == {"max_pool_backward"}


@pytest.mark.parametrize("function", DIFFERENT)
def test_differs_as_it_says(function, report):
    operands, parameters, known = DIFFERENT[function]
    _, got = report[2]["differs", function]
    if isinstance(known, str):
        assert got.startswith(known)
        return
    known, got = (v if isinstance(v, tuple) else (v,) for v in (known, got))
    mine = getattr(dr, function)(**operands, **parameters)  # stable, where equations are not
    mine = mine if isinstance(mine, tuple) else (mine,)
    for value, answer in zip(known, got, strict=True):
        np.testing.assert_allclose(answer.ravel(), value, rtol=1e-12)
    assert not all(np.array_equal(*pair, equal_nan=True) for pair in zip(got, mine, strict=True))


def test_differences_are_documented(report):
    assert set(report[0]) >= set(DIFFERENT)
