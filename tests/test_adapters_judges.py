"""The adapters of OpenVINO, PaddlePaddle, tinygrad and MLX, where they are installed.

The cases are those of `test_adapters` and `test_adapters_others`; the literal kernels say what is
right, bit for bit where every step of the sum is exact.
"""

import os
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import test_adapters as convolutions
import test_adapters_others as others

import deconv_ref
from deconv_ref.conformance.frameworks import REQUIRES
from deconv_ref.conformance.frameworks._allowances import in_float32

SAME_LOWER = {"same_lower", "same_lower, strided"}
SAME = {"same", "same, strided", "same, short", "same, ceil", *SAME_LOWER}
SIDES = {"line", "sides", "sides, strided"}
CEIL = set(others.CEIL)
NOT_WHOLE = {"coarser", "broken", "no single", "linear, coarser", "linear, broken", "corners"}
TRANSPOSED_SAME = {"same", "same, stride 1", "same_lower", "same, short kernel"}


def counted(cases, *counts):
    return {f"{case}, {count}" for case in cases for count in counts}


NOT_OFFERED = {
    "openvino": {
        "conv_transpose": TRANSPOSED_SAME,
        "max_pool": {"ceil, left out", "dilated, full"},
        "avg_pool": counted(["ceil, left out"], "all", "inner"),
        "pad": {"circular, 1 axes", "circular, 2 axes"},
        "pixel_shuffle": {"oblong"},
        "pixel_unshuffle": {"oblong"},
        "batch_norm": {"training True"},
    },
    "paddlepaddle": {
        "conv": {"same_lower"},
        "conv_transpose": TRANSPOSED_SAME | {"longer, dilated"},
        "max_pool": {"same, ceil", "ceil", "ceil, left out", *SAME_LOWER, *others.DILATED},
        "avg_pool": counted(SAME, "all")
        | counted(["same, ceil", *SAME_LOWER], "inner")
        | counted(["ceil", "ceil, left out"], "all", "inner"),
        "upsample": {"line", "coarser", "broken", "no single"},
        "pixel_shuffle": {"oblong", "line"},
        "pixel_unshuffle": {"oblong", "line"},
    },
    "tinygrad": {
        "conv": {"same", "same, strided", "same_lower"},
        "conv_transpose": TRANSPOSED_SAME,
        "max_pool": SAME | {"dilated, same"},
        "avg_pool": counted(SAME, "all", "inner"),
        "upsample": NOT_WHOLE,
    },
    "mlx": {
        "conv": {"same", "same, strided", "same_lower", "groups, volume"},
        "conv_transpose": TRANSPOSED_SAME
        | {"pairs", "longer, dilated", "groups", "groups, stride 1"},
        "max_pool": SIDES | SAME | CEIL | set(others.DILATED),
        "avg_pool": counted(others.POOLING, "inner") | counted(SIDES | SAME | CEIL, "all"),
        "upsample": NOT_WHOLE,
        "pad": {"circular, 1 axes", "circular, 2 axes"},
    },
}
"""Cases that `unsupported` must give a reason for, and no others."""

FAULTS = {
    "openvino": set(),
    "paddlepaddle": {
        # An average's divisor: there are as many zeros after the input as before it.
        *((f, c) for f in ("avg_pool", "avg_pool_backward") for c in counted(SIDES, "all")),
        *(("max_unpool", case) for case in ("line", "nowhere")),
    },
    "tinygrad": {
        ("max_unpool", "nowhere"),
        # Weights are multiplied by the rounded reciprocal of a size.
        *((f, case) for f in ("upsample", "upsample_backward") for case in others.LINEAR),
    },
    "mlx": {("conv_transpose", "longer")},  # the gradient of x, which ignores output_padding
}
"""Cases that the framework ought to compute, but that some version of it does not."""

FEWER = {"tinygrad": 9}  # one case of so many: it compiles, or interprets, each anew


def answers(child, cases, name, folder):
    """Run an adapter on cases, in a process of its own."""
    for package in REQUIRES[name]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    file = folder / "answers"
    command = [sys.executable, "-P", "-c", child, name, str(file)]
    environment = {"DEV": "PYTHON", **os.environ}  # of tinygrad, which asks for a compiler else
    subprocess.run(command, input=pickle.dumps(cases), check=True, env=environment)
    return pickle.loads(file.read_bytes())


def reasons(name, cases):
    """Give the function and the case of all that an adapter is not to offer."""
    return {
        (function, case)
        for function, case in cases
        if case in NOT_OFFERED[name].get(function.removesuffix("_backward"), ())
    }


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_convolutions(name, tmp_path):
    cases = dict(list(convolutions.cases().items())[:: FEWER.get(name, 1)])
    called, version, given = answers(convolutions.CHILD, cases, name, tmp_path)
    assert called == name
    assert version
    assert {key for key, answer in given.items() if answer["reason"]} == reasons(name, cases)
    for (op, case), (_, x, weight, bias, grad_y, parameters) in cases.items():
        answer = given[op, case]
        if answer["reason"] or (op, case) in FAULTS[name]:
            continue
        assert "error" not in answer, (op, case, answer["error"])
        call = {"x": x, "weight": weight, "bias": bias, **parameters}
        results = others.result(op, call)
        if "gradients" in answer:
            del call["bias"]
            results += others.result(f"{op}_backward", {"grad_y": grad_y, **call})
        for got, expected in zip((answer["y"], *answer.get("gradients", ())), results, strict=True):
            others.same(got, expected, "linear", f"{op}, {case}")  # which is exact
        assert ("gradients" in answer) == (name != "openvino")


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_others(name, tmp_path):
    families = [family for family in others.FAMILIES if family is not others.fourier_cases]
    cases = {(f, case): (f, call) for family in families for case, f, call in family()}
    cases = dict(list(cases.items())[:: FEWER.get(name, 1)])
    given = answers(others.CHILD, cases, name, tmp_path)
    there = {key for key, (kind, _) in given.items() if kind != "absent"}
    assert {k for k, (kind, _) in given.items() if kind == "unsupported"} == reasons(name, there)
    for (function, case), (_, call) in cases.items():
        kind, results = given[function, case]
        if kind in ("absent", "unsupported") or (function, case) in FAULTS[name]:
            continue
        assert kind == "results", (function, case, results)
        for got, expected in zip(results, others.result(function, call), strict=False):
            if got is not None:
                others.same(got, expected, function, f"{function}, {case}")


@pytest.mark.parametrize("function", ["relu", "sigmoid", "tanh", "softplus", "gelu", "softmax"])
def test_what_float32_rounds_is_allowed_of_float64_and_no_more(function):
    x = np.array([[-700.0, -21.3, -1e-3, 0.1, 7.7, 650.1]])
    call = getattr(deconv_ref, function)
    off = np.abs(call(x.astype(np.float32)) - call(x))
    allowed = in_float32(x)
    assert 0 < np.max(off) <= allowed < 2.0**-22 * 1000
    assert in_float32(x.astype(np.float32)) == 0
    assert in_float32(np.array([[np.inf, 1.0]])) < 1e-6
