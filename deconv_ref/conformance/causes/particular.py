"""Hypotheses about one operator each: what has gone wrong in more than one implementation."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.causes import pooling
from deconv_ref.conformance.causes.hypothesis import (
    Hypotheses,
    Hypothesis,
    Prediction,
    Witness,
    exactly,
    misread,
    recalled,
)
from deconv_ref.conformance.floating import finfo
from deconv_ref.conformance.margins import along
from deconv_ref.window import Window

__all__ = ["particular"]

Array = NDArray[Any]
Source = Callable[[Array, int, int, float], Array]
"""Give coordinates of outputs, told of the sizes of both sides and of the scale."""


def particular(case: Case, quantity: str) -> Hypotheses:
    """Suppose what is known to go wrong in this operator."""
    if case.function in FUNCTIONS:
        yield from FUNCTIONS[case.function](quantity)


# Convolution


def _conv(_: str) -> Hypotheses:
    yield Hypothesis("as if a dilated kernel spanned k + d - 1 cells", _spanned)


def _conv_transpose(_: str) -> Hypotheses:
    yield misread("as if output_padding were in front, not behind", _shifted)
    yield Hypothesis("as if a dilated kernel spanned k + d - 1 cells", _spanned)


def _spanned(witness: Witness) -> Prediction | None:
    """Pad by a rule for kernels of another reach."""
    case, weight = witness.case, witness.case.operands["weight"].values
    if case.function != "conv":
        return witness.misread(partial(_spanning, case))
    sizes = case.operands["x"].values.shape[2:], weight.shape[2:]
    strides, dilations = case.parameters["stride"], case.parameters["dilation"]
    output = tuple(-(-n // s) for n, s in zip(sizes[0], strides, strict=True))
    pads = _sides(case.parameters["padding"], *sizes, output, strides, dilations)
    parameters = {**case.parameters, "padding": pads or case.parameters["padding"]}
    return witness.asked(replace(case, parameters=parameters))


def _spanning(case: Case, window: Window) -> Window | None:
    sizes = window.input_size, window.kernel_size, window.output_size
    pads = _sides(case.parameters["padding"], *sizes, window.stride, window.dilation)
    return replace(window, padding=pads) if pads else None


def _sides(rule: Any, *sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...] | None:
    """Give the sides of "same" and "full", with k + d - 1 in the place of (k - 1) d + 1."""
    if rule not in ("same", "same_lower", "full"):
        return None
    pairs = []
    for n, k, o, s, d in zip(*sizes, strict=True):
        span = k + d - 1
        total = 2 * (span - 1) if rule == "full" else max((o - 1) * s + span - n, 0)
        less, more = total // 2, total - total // 2
        pairs.append((more, less) if rule == "same_lower" else (less, more))
    return tuple(pairs)


def _shifted(case: Case, window: Window) -> Window:
    extra = case.parameters["output_padding"]
    extra = (0,) * (len(window.padding) - len(extra)) + tuple(extra)
    moved = ((b - o, a + o) for o, (b, a) in zip(extra, window.padding, strict=True))
    return replace(window, padding=tuple(moved))


# Resampling and padding


def _upsample(_: str) -> Hypotheses:
    for source, text in SOURCES.items():
        yield Hypothesis(f"as if coordinates were {text}", partial(_resampled, source))


def _unshifted(o: Array, n: int, m: int, scale: float) -> Array:
    return o / scale


def _of_corners(o: Array, n: int, m: int, scale: float) -> Array:
    return o * (n - 1) / max(m - 1, 1)


def _by_sizes(o: Array, n: int, m: int, scale: float) -> Array:
    return (o + 0.5) * n / m - 0.5


SOURCES: dict[Source, str] = {
    _unshifted: "o / scale, not shifted by half a cell",
    _of_corners: "those with align_corners",
    _by_sizes: "scaled by the sizes' ratio, not by the scale",
}


def _resampled(source: Source, witness: Witness) -> Prediction:
    """Evaluate U2 or U4, forward or back, with other coordinates."""
    case, truth = witness.case, witness.truth()
    ours, small = witness.question.arrays(), case.parameters.get("input_size")
    array = ours["grad_y" if small else "x"]
    sizes, results = (small or array.shape)[2:], (array if small else truth.values).shape[2:]
    matrices = []
    for n, m, scale in zip(sizes, results, case.parameters["scale_factor"], strict=True):
        at = np.clip(source(np.arange(m), n, m, float(scale)), 0, n - 1)
        if case.parameters["mode"] == "nearest":
            at = np.floor(at)
        weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)))
        matrices.append(weights.T if small else weights)
    margin = along(np.abs(array), [abs(m) for m in matrices]) * 2.0**-22
    margin = np.where(np.isfinite(margin), margin, 0) * (case.parameters["mode"] != "nearest")
    return Prediction(along(array, matrices), margin)


def _shuffle(_: str) -> Hypotheses:
    depth_first = "as if channels were depth first (ONNX's DCR)"
    yield recalled(depth_first, _taken_depth_first)
    yield Hypothesis(depth_first, _given_depth_first)


def _taken_depth_first(case: Case) -> Case | None:
    if case.function != "pixel_shuffle":
        return None
    x = case.operands["x"].values
    cells = math.prod(case.parameters["factor"])
    split = x.reshape(len(x), cells, -1, *x.shape[2:]).swapaxes(1, 2)
    return case.with_operand("x", values=split.reshape(x.shape))


def _given_depth_first(witness: Witness) -> Prediction | None:
    if witness.case.function != "pixel_unshuffle":
        return None
    y = witness.truth().values
    cells = math.prod(witness.case.parameters["factor"])
    split = y.reshape(len(y), -1, cells, *y.shape[2:]).swapaxes(1, 2)
    return exactly(split.reshape(y.shape))


def _pad(_: str) -> Hypotheses:
    yield Hypothesis("as if the edge were repeated in the reflection", _symmetric)


def _symmetric(witness: Witness) -> Prediction | None:
    case = witness.case
    if case.parameters["mode"] != "reflect":
        return None
    pairs = [(0, 0), (0, 0), *case.parameters["padding"]]
    padded = np.pad(witness.question.arrays()["x"], pairs, "symmetric")
    return exactly(padded)


# Normalization and activations


def _batch_norm(quantity: str) -> Hypotheses:
    unbiased = "sample variance (K - 1), not the population's (K)"
    if quantity == "running_var":
        yield Hypothesis("as if the population variance (K) were stored, not the sample's", _biased)
    else:
        yield recalled("as if epsilon were outside the root", partial(_normalized, _outside))
        yield recalled(f"as if normalized by the {unbiased}", partial(_normalized, _unbiased))


def _moments(case: Case) -> tuple[Array, Array, int]:
    x = case.operands["x"].values.astype(np.float64)
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes), x.size // x.shape[1]


def _normalized(change: Callable[[Array, float, int], Array], case: Case) -> Case:
    """Normalize with a variance that epsilon, added to it, makes what it should not be."""
    mean, var, count = _moments(case)
    if not case.parameters["training"]:
        mean, var = (
            case.operands[n].values.astype(np.float64) for n in ("running_mean", "running_var")
        )
    changed = change(var, case.parameters["epsilon"], count)
    operands = {"running_mean": Operand(mean), "running_var": Operand(changed)}
    fixed = {**case.parameters, "training": False}
    return replace(case, operands={**case.operands, **operands}, parameters=fixed)


def _outside(var: Array, epsilon: float, _: int) -> Array:
    return (np.sqrt(var) + epsilon) ** 2 - epsilon


def _unbiased(var: Array, _: float, count: int) -> Array:
    return var * count / max(count - 1, 1)


def _biased(witness: Witness) -> Prediction | None:
    case, truth = witness.case, witness.truth()
    if not case.parameters["training"]:
        return None
    m, running = case.parameters["momentum"], witness.question.arrays()["running_var"]
    return Prediction((1 - m) * running + m * _moments(case)[1], truth.allowed)


def _batch_norm_backward(quantity: str) -> Hypotheses:
    if quantity == "x":
        for mean, product, text in ((0, 1, "mean's"), (1, 0, "variance's"), (0, 0, "statistics'")):
            yield Hypothesis(
                f"as if the {text} share in the gradient were left out",
                partial(_with_shares, mean, product),
            )


def _with_shares(mean: int, product: int, witness: Witness) -> Prediction:
    """Evaluate N9 with some of its terms."""
    if not witness.case.parameters["training"]:
        return witness.truth()
    arrays = witness.question.arrays()
    grad_y, x = arrays["grad_y"], arrays["x"]
    axes = (0, *range(2, x.ndim))
    wide = (-1, *[1] * (x.ndim - 2))
    names = ("gamma", "saved_mean", "saved_inv_std")
    gamma, center, inv_std = (arrays[name].reshape(wide) for name in names)
    z = (x - center) * inv_std
    less = mean * grad_y.mean(axes, keepdims=True)
    less = less + product * z * (z * grad_y).mean(axes, keepdims=True)
    return Prediction(gamma * inv_std * (grad_y - less), witness.truth().allowed)


def _gelu(_: str) -> Hypotheses:
    yield Hypothesis("as from the approximation by tanh", _by_tanh)


def _by_tanh(witness: Witness) -> Prediction:
    """Evaluate x Φ(x), or its derivative, with tanh in the place of Φ."""
    arrays, root = witness.question.arrays(), math.sqrt(2 / math.pi)
    x = arrays["x"]
    tanh = np.tanh(root * (x + 0.044715 * x**3))
    slope = (1 + tanh) / 2 + x / 2 * (1 - tanh**2) * root * (1 + 3 * 0.044715 * x**2)
    values = arrays["grad_y"] * slope if "grad_y" in arrays else x * (1 + tanh) / 2
    scale = np.abs(x) * np.abs(arrays.get("grad_y", np.ones(())))
    return Prediction(values, 8 * scale * float(finfo(witness.case.dtype).eps))


# Losses, similarity, frequencies


def _held(_: str) -> Hypotheses:
    for least in (1e-7, 1e-12, 1e-15, 1e-10, 1e-8, 1e-6):
        yield recalled(
            f"as if predictions were held {least:g} away from 0 and 1", partial(_within, least)
        )


def _within(least: float, case: Case) -> Case:
    held = np.clip(case.operands["prediction"].values, least, 1 - least)
    return case.with_operand("prediction", values=held.astype(case.dtype))


def _ssim(_: str) -> Hypotheses:
    yield recalled("as if covariances were the sample's (K - 1), not the population's", _of_samples)
    yield recalled("as if k1 and k2 times data_range were not squared", _not_squared)


def _of_samples(case: Case) -> Case | None:
    """Scale k2: covariances so many times as large are as if c2 were so many times as small."""
    cells = math.prod(next(iter(case.operands.values())).values.shape[2:])
    if case.parameters["window"] is not None or cells < 2:
        return None
    k2 = case.parameters["k2"] * ((cells - 1) / cells) ** 0.5
    return replace(case, parameters={**case.parameters, "k2": k2})


def _not_squared(case: Case) -> Case:
    p = case.parameters
    roots = {name: (p[name] / p["data_range"]) ** 0.5 for name in ("k1", "k2")}
    return replace(case, parameters={**p, **roots})


def _fourier(_: str) -> Hypotheses:
    yield Hypothesis("as if correlated with psf, not convolved", _correlated)


def _correlated(witness: Witness) -> Prediction | None:
    """Mirror x and the result, so that psf is mirrored about its own middle."""
    x = witness.case.operands["x"].values
    axes = tuple(range(2, x.ndim))
    mirrored = witness.asked(witness.case.with_operand("x", values=np.flip(x, axes)))
    return mirrored and Prediction(*(np.flip(part, axes) for part in mirrored))


FUNCTIONS: dict[str, Callable[[str], Hypotheses]] = {
    "conv": _conv,
    "conv_backward": _conv,
    "conv_transpose": _conv_transpose,
    "conv_transpose_backward": _conv_transpose,
    "max_pool": pooling.max_pooling,
    "max_pool_backward": pooling.scattering,
    "max_unpool": pooling.scattering,
    "max_unpool_backward": pooling.gathering,
    "avg_pool": pooling.average_pooling,
    "avg_pool_backward": pooling.average_pooling,
    "upsample": _upsample,
    "upsample_backward": _upsample,
    "pixel_shuffle": _shuffle,
    "pixel_unshuffle": _shuffle,
    "pad": _pad,
    "batch_norm": _batch_norm,
    "batch_norm_backward": _batch_norm_backward,
    "gelu": _gelu,
    "gelu_backward": _gelu,
    "binary_cross_entropy": _held,
    "binary_cross_entropy_backward": _held,
    "categorical_cross_entropy": _held,
    "categorical_cross_entropy_backward": _held,
    "ssim": _ssim,
    "ssim_loss": _ssim,
    "ssim_loss_backward": _ssim,
    "fft_convolve": _fourier,
    "inverse_filter": _fourier,
    "wiener": _fourier,
    "richardson_lucy": _fourier,
}
