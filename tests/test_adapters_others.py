"""The operators beyond convolution in the adapters of JAX, ONNX, SciPy and scikit-image.

Every adapter runs in a process of its own and is asked for every case; the literal kernels say what
is right, bit for bit where every step of the sum is exact.
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
from deconv_ref.conformance.serve import unsupported
adapter = importlib.import_module("deconv_ref.conformance.frameworks." + sys.argv[1])
answers = {}
for case, (function, arguments) in pickle.load(sys.stdin.buffer).items():
    operator = getattr(adapter, function, None)
    if operator is None:
        answers[case] = "absent", None
        continue
    parameters = {n: a for n, a in arguments.items() if not hasattr(a, "dtype")}
    dtypes = (a.dtype for a in arguments.values() if hasattr(a, "dtype"))
    dtype = next(dtype.name for dtype in dtypes if dtype.kind == "f")
    reason = unsupported(adapter, function.removesuffix("_backward"), parameters, dtype)
    if reason is not None:
        answers[case] = "unsupported", reason
        continue
    for name, array in arguments.items():
        if hasattr(array, "dtype") and array.ndim:
            arguments[name] = array[..., ::-1].copy()[..., ::-1]  # reversed in memory
            arguments[name].flags.writeable = False
    try:
        results = operator(**arguments)
        answers[case] = "results", tuple(results) if type(results) in (tuple, list) else (results,)
    except Exception as error:
        answers[case] = "error", repr(error)[:300]
with open(sys.argv[2], "wb") as file:
    pickle.dump(answers, file)
"""


def distinct(*shape, dtype=np.float32, factor=1.0):
    """Distinct integers of both signs, times a factor."""
    values = np.arange(int(np.prod(shape)), dtype=dtype)
    mixed = np.random.default_rng(len(values)).permutation(values - len(values) // 3)
    return (mixed * dtype(factor)).reshape(shape)


def window(kernel_size, **changed):
    """All parameters of avg_pool."""
    axes = len(kernel_size)
    given = {"kernel_size": kernel_size, "stride": (1,) * axes, "padding": ((0, 0),) * axes}
    return given | {"ceil_mode": False, "count_include_pad": True} | changed


def max_window(kernel_size, **changed):
    """All parameters of max_pool."""
    given = window(kernel_size, dilation=(1,) * len(kernel_size)) | changed
    del given["count_include_pad"]
    return given


IMAGE, LINE, VOLUME = (2, 3, 7, 6), (2, 3, 9), (1, 2, 4, 5, 3)
SIDES = {"padding": ((1, 0), (0, 2))}

POOLING = {
    # case: (size of x, kernel_size, parameters)
    "plain": (IMAGE, (2, 3), {}),
    "strided": (IMAGE, (3, 2), {"stride": (2, 3)}),
    "line": (LINE, (4,), {"stride": (2,), "padding": ((1, 2),)}),
    "volume": (VOLUME, (2, 1, 3), {"stride": (1, 2, 1)}),
    "sides": (IMAGE, (2, 4), SIDES),
    "sides, strided": (IMAGE, (2, 4), {"stride": (3, 2), **SIDES}),
    "same": (IMAGE, (2, 4), {"padding": "same"}),
    "same, strided": (IMAGE, (4, 3), {"padding": "same", "stride": (2, 2)}),
    "same, short": (IMAGE, (1, 2), {"padding": "same", "stride": (3, 4)}),
    "same, ceil": (IMAGE, (4, 3), {"padding": "same", "stride": (2, 2), "ceil_mode": True}),
    "same_lower": (IMAGE, (2, 4), {"padding": "same_lower"}),
    "same_lower, strided": (IMAGE, (4, 3), {"padding": "same_lower", "stride": (2, 2)}),
    "valid": (IMAGE, (2, 4), {"padding": "valid", "stride": (2, 1)}),
    "valid, ceil": (IMAGE, (2, 4), {"padding": "valid", "stride": (2, 3), "ceil_mode": True}),
    "full": (IMAGE, (2, 4), {"padding": "full"}),
    "ceil": (IMAGE, (2, 4), {"stride": (3, 3), "ceil_mode": True, **SIDES}),
    "ceil, left out": ((1, 2, 4, 5), (1, 2), {"stride": (3, 4), "ceil_mode": True, **SIDES}),
}

DILATED = {
    "dilated": (IMAGE, (2, 3), {"dilation": (3, 2)}),
    "dilated, full": (IMAGE, (2, 3), {"dilation": (2, 1), "padding": "full"}),
    "dilated, same": (IMAGE, (3, 2), {"dilation": (2, 3), "padding": "same", "stride": (2, 1)}),
}

SCALES = {
    "line": (LINE, (3.0,), {}),
    "image": (IMAGE, (2.0, 4.0), {}),
    "volume": (VOLUME, (2.0, 1.0, 4.0), {}),
    "coarser": ((1, 2, 8, 6), (0.5, 2.0), {}),
    "broken": ((1, 2, 5, 4), (1.5, 2.0), {}),
    "no single": ((1, 2, 5), (1.3,), {}),
}
LINEAR = {
    "linear, line": (LINE, (4.0,), {}),
    "linear, image": (IMAGE, (2.0, 4.0), {}),
    "linear, volume": (VOLUME, (2.0, 1.0, 4.0), {}),
    "linear, coarser": ((1, 2, 8, 6), (0.5, 2.0), {}),
    "linear, broken": ((1, 2, 7, 6), (0.5, 2.0), {}),
    "corners": ((1, 2, 3, 5), (3.0, 1.875), {"align_corners": True}),
    "corners, whole": ((1, 2, 3, 2), (3.0, 1.0), {"align_corners": True}),
    "corners, line": ((1, 2, 3), (3.0,), {"align_corners": True}),
}

PADS = {
    "zeros": {"value": 0.0},
    "value": {"value": -1.5},
    "reflect": {"mode": "reflect", "value": 0.0},
    "replicate": {"mode": "replicate", "value": 0.0},
    "circular": {"mode": "circular", "value": 0.0},
}

PLAIN = ("relu", "sigmoid", "tanh", "softplus", "gelu", "silu")
PARAMETRIC = {
    "leaky_relu": {"negative_slope": 0.25},
    "elu": {"alpha": 0.75},
    "softmax": {"axis": 1},
    "log_softmax": {"axis": 2},
}
EXACT = ("relu", "leaky_relu", "prelu")


def pooling_cases():
    for case, (size, kernel_size, changed) in (POOLING | DILATED).items():
        yield case, "max_pool", {"x": distinct(*size), **max_window(kernel_size, **changed)}
    for number, (case, (size, kernel_size, changed)) in enumerate(POOLING.items()):
        for count in (True, False):
            parameters = window(kernel_size, count_include_pad=count, **changed)
            arguments = {"x": distinct(*size, factor=144), **parameters}
            key = f"{case}, {'all' if count else 'inner'}"
            yield key, "avg_pool", arguments
            if count == number % 2:
                continue  # compiling takes time
            grad_y = distinct(*shape("avg_pool", arguments), factor=144)
            arguments = {"grad_y": grad_y, "input_size": size, **parameters}
            yield key, "avg_pool_backward", arguments


def unpooling_cases():
    places = np.random.default_rng(1).permuted(np.tile(np.arange(30), (2, 3, 1)), axis=2)
    small, large = places[..., :12].reshape(2, 3, 4, 3), places.reshape(2, 3, 5, 6)
    for case, indices, size in (
        ("image", small, (5, 6)),
        ("line", places, (31,)),
        ("smaller", large, (4, 8)),
        ("nowhere", np.where(small > 20, -1, small), (5, 6)),
    ):
        arguments = {"x": distinct(*indices.shape), "indices": indices}
        yield case, "max_unpool", {**arguments, "output_size": (2, 3, *size)}


def resampling_cases():
    for table, mode in ((SCALES, "nearest"), (LINEAR, "linear")):
        for case, (size, scale, changed) in table.items():
            parameters = {"scale_factor": scale, "mode": mode, "align_corners": False} | changed
            arguments = {"x": distinct(*size, factor=64), **parameters}
            yield case, "upsample", arguments
            grad_y = distinct(*shape("upsample", arguments), factor=64)
            yield case, "upsample_backward", {"grad_y": grad_y, "input_size": size, **parameters}
    for case, size, factor in (
        ("image", (2, 12, 2, 3), (2, 2)),
        ("oblong", (1, 12, 2, 3), (2, 3)),
        ("line", (2, 6, 4), (3,)),
    ):
        arguments = {"x": distinct(*size), "factor": factor}
        yield case, "pixel_shuffle", arguments
        x = distinct(*shape("pixel_shuffle", arguments))
        yield case, "pixel_unshuffle", {"x": x, "factor": factor}


def padding_cases():
    for case, changed in PADS.items():
        for size, padding in ((IMAGE, ((1, 3), (2, 0))), (LINE, ((2, 4),))):
            parameters = {"padding": padding, "mode": "zeros"} | changed
            arguments = {"x": distinct(*size), **parameters}
            key = f"{case}, {len(padding)} axes"
            yield key, "pad", arguments
            del parameters["value"]
            grad_y = distinct(*shape("pad", arguments))
            yield key, "pad_backward", {"grad_y": grad_y, "input_size": size, **parameters}


def layer_cases():
    weight, bias = distinct(5, 4), distinct(5)
    for case, size in (("rows", (3, 4)), ("more axes", (2, 3, 4)), ("one row", (4,))):
        x = distinct(*size)
        yield case, "linear", {"x": x, "weight": weight, "bias": bias}
        grad_y = distinct(*size[:-1], 5)
        yield case, "linear_backward", {"grad_y": grad_y, "x": x, "weight": weight}
    yield "no bias", "linear", {"x": distinct(3, 4), "weight": weight}
    gamma, beta, mean = (distinct(3, factor=f) for f in (0.5, 3, 0.25))
    var = np.array([4.0, 0.25, 16.0], np.float32)
    vectors = {"gamma": gamma, "beta": beta, "running_mean": mean, "running_var": var}
    for training in (False, True):
        parameters = {"training": training, "momentum": 0.25, "epsilon": 2**-10}
        arguments = {"x": distinct(*IMAGE), **vectors, **parameters}
        yield f"training {training}", "batch_norm", arguments


def activation_cases():
    x, grad_y = distinct(2, 3, 5, 4, factor=2**-5) + np.float32(2**-6), distinct(2, 3, 5, 4)
    for op in (*PLAIN, *PARAMETRIC):
        arguments = {"x": x, **PARAMETRIC.get(op, {})}
        yield "image", op, arguments
        yield "image", f"{op}_backward", {"grad_y": grad_y, **arguments}
    yield "decimal", "leaky_relu", {"x": x, "negative_slope": 0.01}
    yield "last", "softmax", {"x": x, "axis": -1}
    half = np.array([0.5], np.float32)
    for case, slope in (("channels", distinct(3, factor=0.25)), ("one", half)):
        yield case, "prelu", {"x": x, "slope": slope}
        yield case, "prelu_backward", {"grad_y": grad_y, "x": x, "slope": slope}
    for reduction in ("none", "mean"):
        arguments = {"prediction": x, "target": x[::-1], "delta": 0.75, "reduction": reduction}
        yield reduction, "huber", arguments


def fourier_cases():
    for case, size, psf in (
        ("image", (2, 3, 7, 6), (2, 3)),
        ("channels", (2, 3, 7, 6), (3, 4, 3)),
        ("line", (2, 3, 9), (4,)),
    ):
        x = distinct(*size, dtype=np.float64)
        arguments = {"x": x, "psf": distinct(*psf, dtype=np.float64, factor=1 / 8) ** 2}
        for boundary in ("zeros", "circular"):
            yield f"{case}, {boundary}", "fft_convolve", {**arguments, "boundary": boundary}
        for kind in (None, "laplacian"):
            parameters = {"balance": 0.125, "regularization": kind}
            yield f"{case}, {kind}", "wiener", {**arguments, **parameters}
    for case, size in (("image", (2, 3, 13, 14)), ("line", (2, 2, 20))):
        x, noise = np.random.default_rng(3).normal(size=(2, *size))
        for kind in (None, "gaussian"):
            parameters = {"data_range": 3.0, "window": kind, "k1": 0.02, "k2": 0.05}
            yield f"{case}, {kind}", "ssim", {"x": x, "y": x + noise / 2, **parameters}


FAMILIES = (
    *(pooling_cases, unpooling_cases, resampling_cases, padding_cases, layer_cases),
    *(activation_cases, fourier_cases),
)


def shape(function, arguments):
    return result(function, arguments)[0].shape


def result(function, arguments):
    """Ask the literal kernels; as a tuple."""
    with backend.using(backend.tier("literal")):
        results = getattr(dr, function)(**arguments)
    return tuple(results) if isinstance(results, tuple) else (results,)


@pytest.fixture(scope="module")
def built():
    cases = (case for family in FAMILIES for case in family())
    return {(function, case): (function, arguments) for case, function, arguments in cases}


CEIL = ("same, ceil", "valid, ceil", "ceil", "ceil, left out")
NO_CEIL = {("max_pool", case) for case in CEIL}
NO_CEIL |= {("avg_pool", f"{case}, {count}") for case in CEIL for count in ("all", "inner")}
NO_CEIL |= {("avg_pool_backward", f"{case}, inner") for case in CEIL[:3]}
NO_CEIL |= {("avg_pool_backward", "ceil, left out, all")}
NOT_CIRCULAR = {("fft_convolve", f"{case}, circular") for case in ("image", "channels", "line")}
NOT_SQUARE = {("pixel_shuffle", "oblong"), ("pixel_shuffle", "line")}
NO_SINGLE = {("upsample", "no single"), ("leaky_relu", "decimal")}

NOT_OFFERED = {
    "jax": NO_CEIL
    | NOT_CIRCULAR
    | {
        (function, case)
        for function in ("upsample", "upsample_backward")
        for case in ("coarser", "broken", "no single", *LINEAR)
        if not case.startswith("linear")
    },
    "onnx": NOT_SQUARE
    | NO_SINGLE
    | {("upsample", "corners"), ("pixel_unshuffle", "oblong"), ("pixel_unshuffle", "line")},
    "onnxruntime": NOT_SQUARE
    | NO_SINGLE
    | {("max_pool", "ceil, left out"), ("max_pool", "dilated, full")}
    | {("avg_pool", "ceil, left out, all"), ("avg_pool", "ceil, left out, inner")},
    "scipy": NOT_CIRCULAR
    | {("huber", "mean"), ("upsample", "corners")}
    | {("upsample", f"{mode}{case}") for mode in ("", "linear, ") for case in ("coarser", "broken")}
    | {("upsample", "no single")},
    "skimage": {("ssim", "image, None"), ("ssim", "line, None")},
}
"""Cases that `unsupported` must give a reason for, and no others."""

OLD = {("softplus", "image"), ("silu", "image"), ("pixel_unshuffle", "image")}
"""Cases for which an old version may give a reason, or an error."""

FAULTS = {
    "onnx": {
        *(("max_pool", case) for case in ("plain", "sides", "full")),  # indices, order of pads
        *(("max_pool", case) for case in ("same", "same_lower", "same_lower, strided")),
        ("max_unpool", "nowhere"),
    },
    "onnxruntime": {
        ("max_pool", "dilated, same"),  # pads as if the kernel were not dilated
        ("max_unpool", "smaller"),
        ("max_unpool", "nowhere"),
    },
}
"""Cases that the framework ought to compute, but that some version of it does not."""

REQUIRES = {"onnxruntime": ["onnx", "onnxruntime"]}

EXACT = (
    *("max_pool", "avg_pool", "max_unpool", "upsample", "pixel", "pad", "linear", "relu"),
    *("leaky_relu", "prelu"),
)


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_adapter(name, built, tmp_path):
    for package in REQUIRES.get(name, [name]):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    file = tmp_path / "answers"
    command = [sys.executable, "-P", "-c", CHILD, name, str(file)]
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    environment = os.environ | {"XLA_FLAGS": flags}  # compiling is what takes the time
    subprocess.run(command, input=pickle.dumps(built), check=True, env=environment)
    answers = pickle.loads(file.read_bytes())

    reasons = {case for case, (kind, _) in answers.items() if kind == "unsupported"}
    assert reasons - OLD == NOT_OFFERED[name]
    for (function, case), (_, arguments) in built.items():
        kind, got = answers[function, case]
        if kind in ("absent", "unsupported") or (function, case) in FAULTS.get(name, ()):
            continue
        if kind == "error" and (function, case) in OLD:
            continue
        assert kind == "results", (function, case, got)
        for one, expected in zip(got, result(function, arguments), strict=False):
            same(one, expected, function, f"{function}, {case}")


def same(got, expected, function, case):
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), case
    if function.startswith(EXACT) and not case.endswith("decimal"):
        np.testing.assert_array_equal(got, expected, case)
    else:
        few = 16 * np.finfo(expected.dtype).eps
        np.testing.assert_allclose(got, expected, few, few * np.abs(expected).max(), err_msg=case)


def test_what_a_framework_refuses_leaves_nothing_open():
    """The difference asks the framework itself, which may refuse that too."""
    pytest.importorskip("onnx")
    from deconv_ref.conformance.frameworks import _onnx_model

    def refusing(x, kernel_size):
        raise ValueError("no")

    assert _onnx_model.nan_left_open(refusing).allowance(np.array([[[np.nan]]]), (1,)) == 0
