r"""How the frequency domain is checked: the truth are the sums that define it, not fast transforms.

What those round is bounded by R2 and R3 of `deconv_ref.conformance.bounds`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deconv_ref
from deconv_ref import backend
from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.margins import Margin
from deconv_ref.conformance.strategies import laid_out, shapes
from deconv_ref.conformance.truth import LITERAL, Operator, Question

__all__ = ["OPERATORS"]

MOST = (12, 6, 4)  # largest size of an image's axis, where there are 1, 2 or 3
KERNEL = 5
THRESHOLDS = (1e-12, 1e-12, 0.25, 0.5, 0.0)
BALANCES = (2.0**-3, 2.0**-6, 1.0, 0.01)
BOUNDARIES = ("zeros", "circular")
PENALTIES = (None, "laplacian")

Array = NDArray[Any]


# Cases


def blurs(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw an image, a point-spread function of odd or even sizes, and the parameters."""
    shape = shapes(draw, 1, MOST)
    if shape[-1] > MOST[0]:
        shape = (*shape[:2], *(min(n, 2) for n in shape[2:-1]), shape[-1])
    size = tuple(draw.integer(1, min(n, KERNEL)) for n in shape[2:])
    parameters = _parameters(draw, function)
    dtype, rng = draw.among(dtypes), draw.rng()
    psf_shape = (shape[1], *size) if draw.boolean() else size
    if function == "richardson_lucy":
        x, psf = _light(rng, shape), 0.1 + rng.random(psf_shape)
    else:
        x, psf = rng.standard_normal(shape) * 2.0 ** rng.integers(-4, 5), _kernels(rng, psf_shape)
        if parameters.get("threshold", 1) < min(THRESHOLDS[2:4]) or draw.boolean():
            psf = _peaked(rng, psf, len(size))
    operands = {"x": laid_out(draw, x, dtype), "psf": laid_out(draw, psf, dtype)}
    return Case(function, parameters, operands, exact=False)


def of_light(case: Case) -> bool:
    """Tell whether an image is nowhere negative, and its point-spread function positive."""
    x, psf = case.arrays()["x"], case.arrays()["psf"]
    return bool(np.all(x >= 0) and np.all(psf > 0))


def _parameters(draw: Draw, function: str) -> dict[str, Any]:
    if function == "inverse_filter":
        return {"threshold": draw.among(THRESHOLDS)}
    if function == "wiener":
        return {
            "balance": draw.among(BALANCES),
            "regularization": draw.among(PENALTIES),
        }
    boundary = {"boundary": draw.among(BOUNDARIES)}
    if function == "richardson_lucy":
        return {"iterations": draw.among([1, 2, 3, 5, 0]), **boundary}
    return boundary


def _kernels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape)


def _peaked(rng: np.random.Generator, psf: Array, axes: int) -> Array:
    """Let one cell, anywhere, outweigh the others: its spectrum stays away from 0."""
    flat = psf.reshape(-1, math.prod(psf.shape[-axes:])).copy()
    rows = np.arange(len(flat))
    flat[rows, rng.integers(flat.shape[1], size=len(flat))] += 1.5 * np.abs(flat).sum(axis=1)
    return flat.reshape(psf.shape)


def _light(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw an image that is nowhere negative, and dark in a few cells."""
    return (0.1 + rng.random(shape)) * (rng.random(shape) > 0.1) * 2.0 ** rng.integers(-4, 5)


# Bounds


def roundoff(dtype: Any, cells: int) -> float:
    """Add R2 and what the sums that define the transform lose in float64, for the truth.

    A sum of P products with a root is right to (P + 8) u times the sum of absolute values, which is
    at most the root of P times their norm; a spectrum has P of them.
    """
    fast = bounds.transform_roundoff(dtype, cells)
    return fast + math.sqrt(cells) * (cells + 8) * bounds.unit_roundoff(np.float64)


def convolved(question: Question, quantity: str) -> Margin:
    """Bound a convolution by fast transforms; a plain sum of a hundred products loses less."""
    x, psf = question.arrays()["x"], _per_channel(question)
    error = _convolution_roundoff(question, psf) * _norm(x)
    return Margin(np.broadcast_to(error, x.shape))


def _convolution_roundoff(question: Question, psf: Array) -> Array:
    """Bound the error of a convolution by R3, by channel, as a part of the image's norm."""
    dtype, size = question.case.dtype, question.arrays()["x"].shape[2:]
    if question.case.parameters["boundary"] == "zeros":
        size = tuple(n + k - 1 for n, k in zip(size, psf.shape[2:], strict=True))
    rho = roundoff(dtype, math.prod(size))
    absolute = np.abs(psf).sum(_spatial(psf), keepdims=True)
    return (2 * rho + 3 * bounds.unit_roundoff(dtype)) * _norm(psf) + rho * absolute


def inverted(question: Question, quantity: str) -> Margin:
    """Bound the inverse filter, where 1 / H moves by 1 / |H|^2 with H.

    Anything goes where rounding may decide whether a frequency is kept.
    """
    transfer, slack = _transfer(question)
    limit = question.case.parameters["threshold"] * _most(transfer)
    undecided = np.abs(transfer - limit) <= 2 * slack
    gain = 1 / np.where(transfer > limit, transfer - slack, np.inf)
    return _filtered(question, np.where(undecided, np.inf, gain), gain**2, 0.0)


def restored(question: Question, quantity: str) -> Margin:
    """Bound Wiener's filter H* / B, B = |H|^2 + K L^2, which moves by at most 3 / B with H.

    The Laplacian L, too, may be a fast transform: of 2 d for the cell itself and -1 for each of its
    2 d neighbours, with d axes. It is at most 4 d.
    """
    parameters, size = question.case.parameters, question.arrays()["x"].shape[2:]
    transfer, slack = _transfer(question)
    penalty: Array | float = 1.0
    loose = 0.0
    if parameters["regularization"] == "laplacian":
        axes = len(size)
        waves = (2 - 2 * np.cos(2 * np.pi * np.arange(n) / n) for n in size)
        penalty = sum(np.meshgrid(*waves, indexing="ij")) ** 2
        rho = roundoff(question.case.dtype, math.prod(size))
        loose = 8 * axes * rho * math.sqrt(4 * axes**2 + 2 * axes)
    balance = parameters["balance"]
    below = np.maximum(transfer - slack, 0) ** 2 + balance * np.maximum(penalty - loose, 0)
    gain = (transfer + slack) / below
    return _filtered(question, gain, 3 / below, gain * balance * loose / below)


def _filtered(question: Question, gain: Array, slope: Array, extra: Array | float) -> Margin:
    """Bound the product of a spectrum with a filter.

    Parameters
    ----------
    question : Question
        The call.
    gain : array
        Largest that the filter may be, at each frequency of each channel.
    slope : array
        How far it moves with the transfer function H.
    extra : array or float
        Its error of other origin.

    Returns
    -------
    Margin
        The errors of the spectrum of the image and of the inverse transform come to rho |x| gain
        each, that of H to rho |x| |h| slope, and the product's ten roundings to 10 u |x| gain.
    """
    x, psf = question.arrays()["x"], _per_channel(question)
    rho = roundoff(question.case.dtype, math.prod(x.shape[2:]))
    part = (2 * rho + 10 * bounds.unit_roundoff(question.case.dtype)) * _most(gain)
    part = part + rho * _norm(psf) * _most(slope) + _most(np.asarray(extra + 0 * gain))
    return Margin(np.broadcast_to(part * _norm(x), x.shape))


def _transfer(question: Question) -> tuple[Array, Array]:
    """Give |H| by channel, and how far rounding may take it."""
    x, psf = question.arrays()["x"], _per_channel(question)
    transfer = np.abs(np.fft.fftn(psf, x.shape[2:], _spatial(psf)))
    cells = math.prod(x.shape[2:])
    return transfer, roundoff(question.case.dtype, cells) * math.sqrt(cells) * _norm(psf)


def iterated(question: Question, quantity: str) -> Margin:
    """Bound the steps of Richardson and Lucy by taking the largest error through each of them.

    The blur and its adjoint are matrices of what is nowhere negative, and err as `convolved` does.
    """
    x, psf = question.arrays()["x"], _per_channel(question)
    blur, images = _matrices(question), x.reshape(*x.shape[:2], math.prod(x.shape[2:]), 1)
    part = _convolution_roundoff(question, psf).reshape(-1, 1, 1)
    rounding = 4 * bounds.unit_roundoff(question.case.dtype)

    def mapped(matrix: Array, values: Array, error: Array) -> tuple[Array, Array]:
        rounded = part * np.linalg.norm(values + error, axis=2, keepdims=True)
        return matrix @ values, matrix @ error + rounded

    adjoint, ones = blur.swapaxes(1, 2), np.ones_like(images)
    estimate, error = ones, np.zeros_like(images)
    weight, weight_error = mapped(adjoint, ones, error)
    for _ in range(question.case.parameters["iterations"]):
        model, loose = mapped(blur, estimate, error)
        ratio, ratio_error = _divided(images, 0.0, model, loose, rounding)
        up, up_error = mapped(adjoint, ratio, ratio_error)
        product = estimate * up
        product_error = (estimate + error) * (up + up_error) - product
        estimate, error = _divided(product, product_error, weight, weight_error, rounding)
    return Margin(error.reshape(x.shape))


def _divided(
    above: Array, above_error: Any, below: Array, below_error: Array, rounding: float
) -> tuple[Array, Array]:
    """Divide, 0 where the divisor is 0; nothing is sure of a divisor that may be 0, but 0 / it."""
    ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    most, least = above + above_error, below - below_error
    sure = np.where(most > 0, np.inf, 0.0)
    np.divide(most, least, out=sure, where=least > 0)
    return ratio, (1 + rounding) * sure - ratio


def _matrices(question: Question) -> Array:
    """Write the blur of each channel as a matrix: its columns are the images of single points."""
    operands, size = question.arrays(), question.arrays()["x"].shape[2:]
    cells, channels = math.prod(size), question.arrays()["x"].shape[1]
    points = np.eye(cells).reshape(cells, 1, *size).repeat(channels, axis=1)
    boundary = question.case.parameters["boundary"]
    with backend.using(LITERAL):
        images = deconv_ref.fft_convolve(points, operands["psf"], boundary=boundary)
    return images.reshape(cells, channels, cells).transpose(1, 2, 0)


def _per_channel(question: Question) -> Array:
    """Give the point-spread functions as a batch of one, (1, C, *size)."""
    operands = question.arrays()
    x, psf = operands["x"], operands["psf"]
    return np.broadcast_to(psf, (1, x.shape[1], *psf.shape[-(x.ndim - 2) :]))


def _norm(images: Array) -> Array:
    return np.sqrt(np.sum(images**2, _spatial(images), keepdims=True))


def _most(images: Array) -> Array:
    return images.max(_spatial(images), keepdims=True)


def _spatial(images: Array) -> tuple[int, ...]:
    return tuple(range(2, images.ndim))


OPERATORS = (
    Operator("fft_convolve", blurs, convolved, flags={"boundary": BOUNDARIES}),
    Operator("inverse_filter", blurs, inverted),
    Operator("wiener", blurs, restored, flags={"regularization": PENALTIES}),
    Operator("richardson_lucy", blurs, iterated, flags={"boundary": BOUNDARIES}, domain=of_light),
)
