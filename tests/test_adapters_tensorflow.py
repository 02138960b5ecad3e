"""The adapters of TensorFlow and Keras against the literal kernels, beyond convolutions.

Each adapter runs in a process of its own, which is given operands and gives back results.
"""

import os
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import backend

CHILD = """
import importlib, pickle, sys
adapter = importlib.import_module("deconv_ref.conformance.frameworks." + sys.argv[1])
answers = {"differences": list(adapter.DIFFERENCES)}
for case, (op, function, operands, parameters) in pickle.load(sys.stdin.buffer).items():
    for operand in operands.values():
        operand.flags.writeable = False
    if not hasattr(adapter, function):
        answers[case] = "absent", None
    elif reason := adapter.unsupported(op, parameters):
        answers[case] = "unsupported", reason
    else:
        try:
            answers[case] = "given", getattr(adapter, function)(**operands, **parameters)
        except Exception as error:
            answers[case] = "raised", repr(error)
with open(sys.argv[2], "wb") as file:
    pickle.dump(answers, file)
"""

X1, X2, X3 = (2, 3, 7), (2, 3, 6, 5), (2, 2, 3, 5, 4)
POOL = {"stride": (2, 1), "padding": "valid", "dilation": (1, 1), "ceil_mode": False}
MEAN = {"stride": (2, 1), "padding": "valid", "ceil_mode": False, "count_include_pad": True}

WINDOWS = {
    # case: (op, shape of x, parameters)
    "max, images": ("max_pool", X2, {**POOL, "kernel_size": (3, 2)}),
    "max, same": ("max_pool", X2, {**POOL, "kernel_size": (4, 3), "padding": "same"}),
    "max, pairs": ("max_pool", X2, {**POOL, "kernel_size": (3, 2), "padding": ((2, 1), (0, 1))}),
    "max, full": ("max_pool", X2, {**POOL, "kernel_size": (3, 2), "padding": "full"}),
    "max, beyond": ("max_pool", X2, {**POOL, "kernel_size": (2, 2), "padding": ((0, 0), (2, 1))}),
    "max, same_lower": ("max_pool", X2, {**POOL, "kernel_size": (4, 3), "padding": "same_lower"}),
    "max, ceil": ("max_pool", X2, {**POOL, "kernel_size": (3, 2), "ceil_mode": True}),
    "max, dilated": (
        "max_pool",
        X2,
        {**POOL, "kernel_size": (2, 3), "stride": (1, 1), "dilation": (3, 2)},
    ),
    "max, dilated, strided": ("max_pool", X2, {**POOL, "kernel_size": (2, 3), "dilation": (3, 2)}),
    "max, dilated, same": (
        "max_pool",
        X2,
        {"kernel_size": (2, 3), "stride": (1, 1), "padding": "same", "dilation": (3, 2)},
    ),
    "max, sequences": (
        "max_pool",
        X1,
        {"kernel_size": (3,), "stride": (2,), "padding": "same", "dilation": (1,)},
    ),
    "max, sequences, pairs": (
        "max_pool",
        X1,
        {"kernel_size": (3,), "stride": (2,), "padding": ((1, 0),), "dilation": (1,)},
    ),
    "max, volumes": (
        "max_pool",
        X3,
        {"kernel_size": (2, 3, 1), "stride": (1, 2, 3), "padding": "same", "dilation": (1,) * 3},
    ),
    "average, images": ("avg_pool", X2, {**MEAN, "kernel_size": (3, 2)}),
    "average, no padding": (
        "avg_pool",
        X2,
        {**MEAN, "kernel_size": (3, 2), "padding": ((0, 0),) * 2},
    ),
    "average, same": (
        "avg_pool",
        X2,
        {**MEAN, "kernel_size": (4, 3), "padding": "same", "count_include_pad": False},
    ),
    "average, same, counted": ("avg_pool", X2, {**MEAN, "kernel_size": (4, 3), "padding": "same"}),
    "average, pairs": (
        "avg_pool",
        X2,
        {**MEAN, "kernel_size": (3, 2), "padding": ((1, 0), (0, 1))},
    ),
    "average, ceil": ("avg_pool", X2, {**MEAN, "kernel_size": (3, 2), "ceil_mode": True}),
    "average, sequences": (
        "avg_pool",
        X1,
        {"kernel_size": (3,), "stride": (2,), "padding": "same", "count_include_pad": False},
    ),
    "average, volumes": (
        "avg_pool",
        X3,
        {
            "kernel_size": (2, 3, 1),
            "stride": (1, 2, 3),
            "padding": "same",
            "count_include_pad": False,
        },
    ),
    "nearest": ("upsample", X2, {"scale_factor": (3, 2), "mode": "nearest"}),
    "nearest, sequences": ("upsample", X1, {"scale_factor": (3,), "mode": "nearest"}),
    "nearest, volumes": ("upsample", X3, {"scale_factor": (2, 1, 3), "mode": "nearest"}),
    "nearest, in part": ("upsample", X2, {"scale_factor": (1.5, 2), "mode": "nearest"}),
    "linear": ("upsample", X2, {"scale_factor": (4, 2), "mode": "linear"}),
    "linear, thirds": ("upsample", X2, {"scale_factor": (3, 5), "mode": "linear"}),
    "linear, in part": ("upsample", X2, {"scale_factor": (1.5, 2.5), "mode": "linear"}),
    "linear, sequences": ("upsample", X1, {"scale_factor": (2,), "mode": "linear"}),
    "linear, corners": (
        "upsample",
        X2,
        {"scale_factor": (2, 1.7), "mode": "linear", "align_corners": True},
    ),
    "zeros": ("pad", X3, {"padding": ((1, 0), (0, 2), (3, 1)), "mode": "zeros"}),
    "reflect": ("pad", X2, {"padding": ((1, 3), (4, 2)), "mode": "reflect"}),
    "reflect, volumes": ("pad", X3, {"padding": ((2, 1), (0, 4), (3, 1)), "mode": "reflect"}),
    "replicate": ("pad", X2, {"padding": ((1, 3), (4, 2)), "mode": "replicate"}),
    "circular": ("pad", X2, {"padding": ((1, 3), (4, 2)), "mode": "circular"}),
}

BLOCKS = {
    "shuffle": ("pixel_shuffle", (2, 18, 2, 3), (3, 3)),
    "shuffle, factors": ("pixel_shuffle", (2, 12, 2, 3), (3, 2)),
    "shuffle, sequences": ("pixel_shuffle", (2, 12, 3), (3,)),
    "unshuffle": ("pixel_unshuffle", (2, 2, 6, 9), (3, 3)),
}

UNITS = {
    # case: (op, parameters)
    **{op: (op, {}) for op in ("relu", "sigmoid", "tanh", "softplus", "gelu", "silu")},
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.25}),
    "elu": ("elu", {"alpha": 1.0}),
    "elu, deep": ("elu", {"alpha": 2.5}),
    "softmax": ("softmax", {"axis": 1}),
    "softmax, last": ("softmax", {"axis": -1}),
    "log_softmax": ("log_softmax", {"axis": 1}),
}

LOSSES = {
    # case: (op, parameters)
    "mse": ("mse", {}),
    "mae": ("mae", {}),
    "huber": ("huber", {"delta": 2.0}),
    "binary": ("binary_cross_entropy", {}),
    "binary, logits": ("binary_cross_entropy_with_logits", {}),
    "categorical": ("categorical_cross_entropy", {}),
    "categorical, logits": ("softmax_cross_entropy", {}),
    "ssim_loss": ("ssim_loss", {"data_range": 8.0, "window": "gaussian"}),
}

NOT_OFFERED = {
    "tensorflow": {
        *("max, beyond", "max, same_lower", "max, ceil", "max, dilated, strided"),
        *(
            "max, dilated, same",
            "max, sequences, pairs",
            "average, same, counted",
            "average, pairs",
        ),
        *("average, ceil", "nearest, sequences", "nearest, volumes", "nearest, in part"),
        *("linear, in part", "linear, sequences", "replicate", "circular", "shuffle, factors"),
        *("shuffle, sequences", "elu, deep", "global"),
    },
    "keras": {
        *("max, pairs", "max, full", "max, beyond", "max, same_lower", "max, ceil"),
        *("max, dilated", "max, dilated, strided", "max, dilated, same"),
        *("max, sequences, pairs", "average, same, counted", "average, pairs", "average, ceil"),
        *("nearest, in part", "linear, in part", "linear, sequences", "linear, corners"),
        *("replicate", "circular", "shuffle, factors", "shuffle, sequences"),
    },
}
"""Cases that `unsupported` must give a reason for, and no others."""

ABSENT = {
    "tensorflow": {"prelu", "mse", "mae", "huber", "binary_cross_entropy"}
    | {"categorical_cross_entropy", "l1_penalty"},
    "keras": {"ssim", "ssim_loss", "max_pool_backward"},
}
"""Operators that the framework has not at all."""

RAISED = {
    ("float64", f"{pool}, volumes{of}") for pool in ("max", "average") for of in ("", ", gradient")
}
"""Cases that the framework ought to compute, but that some version of it does not on the CPU."""

DIFFERENT = {"keras": {"categorical_cross_entropy_backward"}}
"""Functions that compute something else by design."""

LOWER = {"gelu", "ssim", "ssim_loss"}
"""Operators that compute in float32, at least in part, whatever the operands are."""

EXACT = {
    *("max_pool", "avg_pool", "pad", "pixel_shuffle", "pixel_unshuffle", "linear", "upsample"),
    *("relu", "leaky_relu", "prelu", "mse", "mae", "huber", "l1_penalty", "l2_penalty"),
}
"""Operators that round nothing, or once, in the cases here but for a few."""

ROUNDED = ("thirds", "corners", "mean,")  # in the names of these few
COORDINATES = ROUNDED[:2]  # float32 ones
ULPS = 8  # of the largest value, for what is not exact


def distinct(shape, factor=1):
    """Distinct integers in no order, some negative."""
    values = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = np.random.default_rng(len(values)).permutation(values - len(values) // 3)
    return values.reshape(shape) * factor


def eighths(shape):
    """Numbers from -5 to 5 in eighths, without 0."""
    values = np.random.default_rng(int(np.prod(shape))).integers(1, 40, shape)
    return np.where(distinct(shape) % 2, values, -values) / 8


def shares(shape, low=1):
    """Probabilities in 64ths that sum to 1 along axis 1."""
    rest = 64 - low * shape[1]
    draw = np.random.default_rng(low).multinomial(rest, [1 / shape[1]] * shape[1], shape[:1])
    return (np.moveaxis(draw.reshape(shape[0], shape[1], *[1] * (len(shape) - 2)), 1, 1) + low) / 64


def right(function, operands, parameters):
    """Evaluate in float64, for which the kernels are compiled once."""
    operands = {
        name: o.astype(np.float64) if np.issubdtype(o.dtype, np.floating) else o
        for name, o in operands.items()
    }
    with backend.using(backend.tier("literal")):
        return getattr(dr, function)(**operands, **parameters)


def windows():
    """Pooling, resampling and padding: case, op, operands, parameters and what to call."""
    for case, (op, shape, parameters) in WINDOWS.items():
        operands = {"x": distinct(shape, 36)}  # of which every mean is an integer
        yield case, op, operands, parameters, ""
        if op != "max_pool":
            operands = {"grad_y": distinct(right(op, operands, parameters).shape, 36)}
            of = {**parameters, "input_size": shape}
            yield f"{case}, gradient", op, operands, of, "_backward"
    x = {"x": distinct(X2)}
    indices = right("max_pool", x, {"kernel_size": (3, 2), "stride": 1}).indices
    operands = {"grad_y": distinct(indices.shape), "indices": indices}
    yield "max, gradient", "max_pool", operands, {"input_size": X2}, "_backward"
    ties = {"x": -(distinct(X2) % 3)}
    yield "max, ties", "max_pool", ties, {**POOL, "kernel_size": (3, 3)}, ""
    value = {"padding": ((1, 0), (0, 2)), "mode": "zeros", "value": -2.5}
    yield "zeros, value", "pad", x, value, ""
    for case, (op, shape, factor) in BLOCKS.items():
        yield case, op, {"x": distinct(shape)}, {"factor": factor}, ""


def units():
    """Activations."""
    for case, (op, parameters) in UNITS.items():
        operands = {"x": eighths((3, 4, 5))}
        yield case, op, operands, parameters, ""
        operands = {**operands, "grad_y": distinct((3, 4, 5))}
        yield f"{case}, gradient", op, operands, parameters, "_backward"
    operands = {"x": np.arange(-1.0, 2.0), "grad_y": np.array([5.0, 6.0, 7.0])}
    slope = {"negative_slope": 0.25}
    for op, parameters in (("relu", {}), ("leaky_relu", slope), ("elu", {})):
        yield f"{op} at 0, gradient", op, operands, parameters, "_backward"
    for case, slopes in (("prelu", [0.25, -0.5, 3.0]), ("prelu, one", [0.75])):
        operands = {"x": eighths((2, 3, 4, 5)), "slope": np.array(slopes)}
        yield case, "prelu", operands, {}, ""
        operands = {**operands, "grad_y": distinct((2, 3, 4, 5))}
        yield f"{case}, gradient", "prelu", operands, {}, "_backward"


def layers():
    """Dense layers, batch normalization and penalties."""
    for case, shape in (("linear layer", (4, 3)), ("linear layer, rows", (2, 3, 4, 3))):
        operands = {"x": distinct(shape), "weight": distinct((5, 3))}
        yield case, "linear", {**operands, "bias": distinct((5,))}, {}, ""
        operands = {**operands, "grad_y": distinct((*shape[:-1], 5))}
        yield f"{case}, gradient", "linear", operands, {}, "_backward"
    operands = {
        "x": eighths((3, 2, 4, 5)),
        "gamma": np.array([1.5, -2.0]),
        "beta": np.array([0.25, 3.0]),
        "running_mean": np.array([1.0, -0.5]),
        "running_var": np.array([2.0, 0.75]),
    }
    for training in (True, False):
        parameters = {"training": training, "momentum": 0.25, "epsilon": 0.125}
        yield f"batch_norm, {training}", "batch_norm", operands, parameters, ""
    for op in ("l1_penalty", "l2_penalty"):
        weight = {"weight": eighths((3, 4))}
        yield op, op, weight, {"strength": 0.75}, ""
        yield f"{op}, gradient", op, weight, {"strength": 0.75}, "_backward"


def losses():
    """Losses and similarities."""
    shape, images = (4, 3), (2, 3, 12, 13)
    logits, soft, softer = eighths(shape), shares(shape), shares(shape, 4)
    pairs = {
        "binary_cross_entropy": (soft, softer),
        "binary_cross_entropy_with_logits": (logits, soft),
        "categorical_cross_entropy": (soft, softer),
        "softmax_cross_entropy": (logits, softer),
        "ssim_loss": (eighths(images), distinct(images) % 8),
    }
    for case, (op, parameters) in LOSSES.items():
        given = pairs.get(op, (logits, eighths(shape[::-1]).T))
        operands = dict(zip(("prediction", "target"), given, strict=True))
        for reduction in ("mean", "sum", "none"):
            every = {**parameters, "reduction": reduction}
            name = f"{case}, {reduction}"
            yield name, op, operands, every, ""
            scaled = {**every, "grad_loss": 3.0}
            yield f"{name}, gradient", op, operands, scaled, "_backward"
            if reduction == "none":
                grad = {**operands, "grad_loss": distinct(right(op, operands, every).shape)}
                yield f"{name} of each, gradient", op, grad, every, "_backward"
    x, y = pairs["ssim_loss"]
    for case, window in (("ssim", "gaussian"), ("global", None)):
        yield case, "ssim", {"x": x, "y": y}, {"data_range": 8.0, "window": window}, ""


def far(got, expected, dtype, precision):
    """Measure the distance in ulps of the largest value; infinite if shape or dtype differs."""
    if isinstance(got, tuple):
        return max(far(*both, dtype, precision) for both in zip(got, expected, strict=True))
    expected = expected[0] if isinstance(expected, tuple) else expected  # y alone
    wanted = np.dtype(dtype) if expected.dtype == np.float64 else expected.dtype
    if not isinstance(got, np.ndarray) or (got.shape, got.dtype) != (expected.shape, wanted):
        return np.inf
    if np.array_equal(got, expected.astype(wanted)):
        return 0.0
    return float(np.abs(got - expected).max() / np.spacing(precision(np.abs(expected).max())))


@pytest.fixture(scope="module")
def built():
    built = {}
    for case, op, operands, parameters, suffix in (*windows(), *units(), *layers(), *losses()):
        for dtype in (np.float32, np.float64):
            given = {
                name: o if o.dtype == np.int64 else o.astype(dtype) for name, o in operands.items()
            }
            built[np.dtype(dtype).name, case] = (op, op + suffix, given, parameters)
    return built


@pytest.mark.parametrize("name", ["tensorflow", "keras"])
def test_adapter(name, built, tmp_path):
    if find_spec(name) is None or find_spec("tensorflow") is None:
        pytest.skip(f"{name} is not installed")
    file = tmp_path / "answers"
    command = [sys.executable, "-P", "-c", CHILD, name, str(file)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    subprocess.run(command, input=pickle.dumps(built), check=True, env=environment)
    answers = pickle.loads(file.read_bytes())
    differences = answers.pop("differences")
    functions = {name for op, function, *_ in built.values() for name in (op, function)}
    assert set(differences) <= functions
    for (dtype, case), (op, function, operands, parameters) in built.items():
        how, answer = answers[dtype, case]
        absent = ABSENT[name] & {op, function}
        offered = case.removesuffix(", gradient") not in NOT_OFFERED[name]
        if absent or not offered:
            assert how == ("absent" if absent else "unsupported"), (case, how, answer)
            continue
        if (dtype, case) in RAISED and how == "raised":
            continue
        assert how == "given", (case, how, answer)
        if function in DIFFERENT.get(name, ()):
            continue
        lower = op in LOWER or any(word in case for word in COORDINATES)
        exact = op in EXACT and not any(word in case for word in ROUNDED)
        precision = np.float32 if lower else np.dtype(dtype).type
        error = far(answer, right(function, operands, parameters), dtype, precision)
        assert error <= (0 if exact else ULPS), (dtype, case, error)
