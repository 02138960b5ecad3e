"""Adapters against the literal kernels, bit for bit, on a few asymmetric cases.

Every adapter runs in a process of its own: the thread pools of frameworks and of our kernels do not
go well together.
"""

import importlib
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
from deconv_ref.conformance.serve import unsupported
adapter = importlib.import_module("deconv_ref.conformance.frameworks." + sys.argv[1])
answers = {}
for case, (op, x, weight, bias, grad_y, parameters) in pickle.load(sys.stdin.buffer).items():
    answer = {"reason": unsupported(adapter, op, parameters, x.dtype.name)}
    if answer["reason"] is None:
        x = x[..., ::-1].copy()[..., ::-1]  # reversed in memory
        weight.flags.writeable = False
        backward = getattr(adapter, op + "_backward", None)
        try:
            answer["y"] = getattr(adapter, op)(x, weight, bias, **parameters)
            if backward is not None:
                answer["gradients"] = tuple(backward(grad_y, x, weight, **parameters))
        except Exception as error:
            answer["error"] = repr(error)
    answers[case] = answer
with open(sys.argv[2], "wb") as file:
    pickle.dump((adapter.NAME, adapter.VERSION, answers), file)
"""

CONV = {
    # case: (x, weight, parameters that are not stride 1, no padding, dilation 1, one group)
    "valid": ((2, 3, 7, 6), (4, 3, 2, 3), {"stride": (2, 1), "padding": "valid"}),
    "zeros": ((1, 2, 5), (3, 2, 2), {}),
    "sides": ((1, 2, 7, 8), (3, 2, 3, 2), {"padding": ((1, 1), (2, 2)), "stride": (1, 3)}),
    "pairs": ((1, 2, 6, 5), (3, 2, 2, 3), {"padding": ((0, 1), (2, 1)), "stride": (2, 1)}),
    "same": ((1, 2, 5), (3, 2, 4), {"padding": "same"}),
    "same, strided": ((1, 2, 7, 8), (3, 2, 4, 5), {"padding": "same", "stride": (2, 3)}),
    "same_lower": ((1, 2, 5), (3, 2, 4), {"padding": "same_lower"}),
    "full": ((1, 2, 3, 2, 4), (2, 2, 1, 2, 3), {"padding": "full"}),
    "full, planar": ((1, 2, 3, 4), (2, 2, 3, 2), {"padding": "full"}),
    "dilated": ((1, 2, 9, 7), (3, 2, 3, 2), {"dilation": (2, 3), "padding": "valid"}),
    "dilated, strided": ((1, 2, 9), (3, 2, 3), {"dilation": (2,), "stride": (3,)}),
    "groups": ((1, 4, 6, 5), (6, 2, 2, 3), {"groups": 2, "stride": (2, 1)}),
    "groups, volume": ((1, 4, 3, 2, 3), (6, 2, 2, 1, 2), {"groups": 2}),
    "flipped": ((2, 2, 3, 4, 4), (3, 2, 2, 3, 1), {"flip_kernel": True, "stride": (1, 2, 1)}),
    "flipped, stride 1": ((1, 2, 5, 4), (3, 2, 2, 3), {"flip_kernel": True}),
}

CONV_TRANSPOSE = {
    "valid": ((2, 3, 4, 3), (3, 2, 2, 4), {"stride": (2, 1), "padding": "valid"}),
    "zeros": ((1, 3, 4), (3, 2, 3), {}),
    "sides": ((1, 3, 4, 3), (3, 2, 3, 4), {"padding": ((1, 1), (2, 2)), "stride": (1, 3)}),
    "pairs": ((1, 3, 4, 3), (3, 2, 3, 4), {"padding": ((0, 1), (2, 1)), "stride": (2, 1)}),
    "same": ((1, 3, 4, 3), (3, 2, 5, 6), {"padding": "same", "stride": (2, 3)}),
    "same, stride 1": ((1, 3, 5), (3, 2, 4), {"padding": "same"}),
    "same_lower": ((1, 3, 4, 3), (3, 2, 5, 6), {"padding": "same_lower", "stride": (2, 3)}),
    "same, short kernel": ((1, 3, 2, 3), (3, 2, 1, 2), {"padding": "same", "stride": (3, 4)}),
    "full": ((1, 3, 5, 6), (3, 2, 2, 3), {"padding": "full"}),
    "short kernel": ((1, 3, 2, 3), (3, 2, 1, 2), {"stride": (3, 4)}),
    "longer": ((1, 3, 2, 3), (3, 2, 2, 3), {"stride": (3, 2), "output_padding": (2, 1)}),
    "longer, dilated": ((1, 3, 5), (3, 2, 2), {"dilation": (3,), "output_padding": (2,)}),
    "dilated": ((1, 3, 4, 3), (3, 2, 2, 3), {"dilation": (3, 1), "padding": "valid"}),
    "groups": ((1, 4, 3, 2), (4, 3, 2, 3), {"groups": 2, "stride": (1, 2)}),
    "groups, stride 1": ((1, 4, 5), (4, 3, 2), {"groups": 2}),
    "flipped": ((2, 3, 2, 3, 2), (3, 2, 2, 1, 3), {"flip_kernel": True, "stride": (1, 2, 1)}),
    "flipped, stride 1": ((1, 3, 5, 4), (3, 2, 2, 3), {"flip_kernel": True}),
}

NOT_OFFERED = {
    "equations": {},
    "cpu": {},
    "scipy": {
        "conv": {
            *("valid", "sides", "pairs", "same", "same, strided", "dilated", "dilated, strided"),
            *("groups", "flipped"),
        },
        "conv_transpose": {
            *("valid", "sides", "pairs", "same", "same_lower", "same, short kernel"),
            *("short kernel", "longer", "longer, dilated", "dilated", "groups", "flipped"),
        },
    },
    "torch": {
        "conv": {"pairs", "same, strided", "same_lower"},
        "conv_transpose": {
            *("pairs", "same", "same, stride 1", "same_lower", "same, short kernel"),
        },
    },
    "tensorflow": {
        "conv": {"same_lower", "full", "dilated, strided", "groups, volume"},
        "conv_transpose": {"same_lower", "longer, dilated", "groups", "groups, stride 1"},
    },
    "keras": {
        "conv": {"sides", "pairs", "same_lower", "full", "full, planar", "dilated, strided"},
        "conv_transpose": {
            *("sides", "pairs", "same_lower", "full", "longer, dilated", "groups"),
            "groups, stride 1",
        },
    },
    "jax": {"conv_transpose": {"same_lower", "groups", "groups, stride 1"}},
    "onnx": {},
    "onnxruntime": {},
}
"""Cases that `unsupported` must give a reason for, and no others."""

REFUSED = {
    "tensorflow": {"conv": {"groups"}, "conv_transpose": {"dilated"}},  # on the CPU
    "keras": {"conv_transpose": {"dilated"}},  # of TensorFlow
    "onnx": {"conv_transpose": {"longer, dilated", "groups", "groups, stride 1"}},
    "onnxruntime": {"conv_transpose": {"longer, dilated"}},
}
"""Cases that the framework ought to compute, but that some version of it does not."""

FORWARD_ONLY = {"scipy", "onnx", "onnxruntime"}

REQUIRES = {"onnxruntime": ["onnx", "onnxruntime"], "equations": [], "cpu": []}


def cases():
    """Build every case: operator, x, weight, bias, grad_y and all parameters."""
    built = {}
    for op, table in (("conv", CONV), ("conv_transpose", CONV_TRANSPOSE)):
        for case, (x_shape, weight_shape, chosen) in table.items():
            axes = len(x_shape) - 2
            parameters = {
                "stride": (1,) * axes,
                "padding": ((0, 0),) * axes,
                "dilation": (1,) * axes,
                "groups": 1,
                "flip_kernel": False,
            }
            if op == "conv_transpose":
                parameters["output_padding"] = (0,) * axes
            parameters |= chosen
            x, weight = distinct(x_shape), distinct(weight_shape)
            filters = weight_shape[0] if op == "conv" else weight_shape[1] * parameters["groups"]
            bias = distinct((filters,))
            with backend.using(backend.tier("literal")):
                y = getattr(dr, op)(x, weight, bias, **parameters)
            built[op, case] = (op, x, weight, bias, distinct(y.shape), parameters)
    return built


def distinct(shape):
    """Distinct integers, small enough that float32 holds every sum of their products."""
    values = np.arange(int(np.prod(shape)), dtype=np.float32)
    return np.random.default_rng(len(values)).permutation(values - len(values) // 3).reshape(shape)


@pytest.fixture(scope="module")
def built():
    return cases()


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_adapter(name, built, tmp_path):
    for package in REQUIRES.get(name, [name]):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    file = tmp_path / "answers"
    command = [sys.executable, "-P", "-c", CHILD, name, str(file)]
    subprocess.run(command, input=pickle.dumps(built), check=True)
    called, version, answers = pickle.loads(file.read_bytes())

    assert called == name
    assert version
    for (op, case), (_, x, weight, bias, grad_y, parameters) in built.items():
        answer = answers[op, case]
        offered = case not in NOT_OFFERED[name].get(op, ())
        assert (answer["reason"] is None) == offered, (op, case, answer["reason"])
        if not offered or case in REFUSED.get(name, {}).get(op, ()):
            continue
        with backend.using(backend.tier("literal")):
            y = getattr(dr, op)(x, weight, bias, **parameters)
            gradients = getattr(dr, f"{op}_backward")(grad_y, x, weight, **parameters)
        assert "error" not in answer, (op, case, answer["error"])
        np.testing.assert_array_equal(answer["y"], y, f"{op}, {case}", strict=True)
        assert ("gradients" in answer) == (name not in FORWARD_ONLY)
        for got, expected in zip(answer.get("gradients", gradients), gradients, strict=True):
            np.testing.assert_array_equal(got, expected, f"{op}_backward, {case}", strict=True)


def test_equations_round_once():
    equations = importlib.import_module("deconv_ref.conformance.frameworks.equations")
    x = np.array([[[1.0, 2.0**-24, 2.0**-80]]], np.float32)  # float64 would round 2**-80 away
    y = equations.conv(x, np.ones((1, 1, 3), np.float32))
    assert y.item() == 1 + 2.0**-23


def test_equations_keep_infinities_and_nan():
    equations = importlib.import_module("deconv_ref.conformance.frameworks.equations")
    x = np.array([[[1.0, np.inf, 0.5, np.nan]]])
    y = equations.conv(x, np.array([[[0.1]]]))
    np.testing.assert_array_equal(y, x * 0.1)
