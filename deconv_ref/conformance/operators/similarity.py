r"""How structural similarity is checked: noisy, flat, equal and opposite images, two windows.

Frameworks are free to compute a variance in two passes or as :math:`E[x^2] - E[x]^2`. The bound is
that of the second way: every moment is known to the rounding of raw moments, and what is made of
them is followed by magnitudes. A product or quotient of factors :math:`a, b, \dots` that are known
to :math:`\alpha, \beta, \dots` is known to

.. math:: |\tilde a \tilde b / \tilde c - a b / c|
    \le \frac{(|a| + \alpha)(|b| + \beta)}{|c| - \gamma} - \frac{|a| |b|}{|c|} \, ,

its value at the enlarged magnitudes less that at the magnitudes; of a sum, the sum of these.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.exact import Exact
from deconv_ref.conformance.margins import Margin, along
from deconv_ref.conformance.strategies import laid_out, reals, reductions, shapes, sprinkled
from deconv_ref.conformance.truth import Operator, Question
from deconv_ref.ops.similarity.ssim import taps

__all__ = ["OPERATORS"]

RANGES = (1.0, 2.0, 255.0)
CONSTANTS = ((0.01, 0.03), (0.25, 0.5), (0.5, 0.125), (0.0, 0.25))
CELLS = 11  # of a Gaussian window along an axis
BEYOND = {1: 9, 2: 2, 3: 0}  # most cells more than that, by the number of axes
SETTLED = 8  # roundings of S from its four factors, and of a slope from its terms
# Weights of a Gaussian are often computed in the dtype: the exponent, up to 5.6, in two roundings,
# the exponential in two, and so their sum of 11, in 10 more, by which they are divided.
OF_WEIGHTS = 40  # along an axis

Array = NDArray[Any]


# Cases


def of_images(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call on two batches of images, each pair alike in a way of its own."""
    window = draw.among([None, "gaussian"])
    shape = shapes(draw, 1, (13, 6, 3)) if window is None else _wide_shapes(draw)
    data_range, (k1, k2) = draw.among(RANGES), draw.among(CONSTANTS)
    parameters = {"data_range": data_range, "window": window, "k1": k1, "k2": k2}
    dtype, rng = draw.among(dtypes), draw.rng()
    x = _images(rng, shape, data_range)
    y = _images(rng, shape, data_range)
    for at in np.ndindex(shape[:2]):
        y[at] = _likened(rng, x[at], y[at], data_range)
    if draw.one_in(10):
        x = sprinkled(rng, x, (np.nan, np.inf, 0.0))
    images = ("x", "y") if function == "ssim" else ("prediction", "target")
    operands = {n: laid_out(draw, image, dtype) for n, image in zip(images, (x, y), strict=True)}
    if function != "ssim":
        more, incoming = reductions(
            draw, function, lambda places: reals(rng, places), shape[:2], dtype
        )
        parameters, operands = parameters | more, operands | incoming
    return Case(function, parameters, operands, exact=False)


def _wide_shapes(draw: Draw) -> tuple[int, ...]:
    """Draw images that hold Wang's window: small, as there are not many batches and channels."""
    axes = draw.among([2, 2, 1, 2, 2, 1, 2, 3])
    batch, channels = (1, 1) if axes == 3 else (draw.integer(0, 2), draw.integer(1, 2))
    return (batch, channels, *(CELLS + draw.integer(0, BEYOND[axes]) for _ in range(axes)))


def _images(rng: np.random.Generator, shape: tuple[int, ...], data_range: float) -> Array:
    """Draw images of whole levels or of any, over the range or a small part of it."""
    per_image = (*shape[:2], *[1] * (len(shape) - 2))
    contrast = rng.choice([1.0, 1.0, 2.0**-4], per_image)
    level = rng.uniform(0, 1, per_image) * (1 - contrast)
    images = (level + contrast * rng.random(shape)) * data_range
    return np.where(rng.random(per_image) < 0.5, images, np.round(images))


def _likened(rng: np.random.Generator, x: Array, y: Array, data_range: float) -> Array:
    """Make of an unrelated image one that stands in a drawn relation to x."""
    noise = x + (y - data_range / 2) / 16
    flat = np.full_like(y, y.flat[0])
    related = [y, noise, noise, x, flat, -x, data_range - x, x + data_range / 4]
    return related[rng.integers(len(related))]


# Bound


class Moments(NamedTuple):
    """Magnitudes of the means, and of the factors of S3, in every window."""

    mean_x: Array
    mean_y: Array
    a1: Array
    a2: Array
    b1: Array
    b2: Array

    def similarity(self) -> Array:
        """Multiply and divide the factors (S3)."""
        return self.a1 * self.a2 / (self.b1 * self.b2)

    def slopes(self) -> Array:
        """Add up the terms of S5, multiplied out: those of no cell, of y's and of x's."""
        s, below = self.similarity(), self.b1 * self.b2
        of_means = (self.a1 + self.a2) * self.mean_y / below
        of_means += s * self.mean_x * (1 / self.b1 + 1 / self.b2)
        return np.stack([of_means, self.a1 / below, s / self.b2])


def similar(question: Question, quantity: str) -> Margin:
    """Bound the similarity (S4), the loss, or its gradient (S6), by the errors of its moments."""
    # Where an infinity or a NaN enters, the truth is NaN and no bound is asked for.
    x, y = (np.where(np.isfinite(a), a, 0) for a in list(question.arrays().values())[:2])
    matrices = weights(question)
    with np.errstate(all="ignore"):
        right, worst = _moments(question, x, y, matrices)
        if quantity == "prediction":
            return Margin(_slope_errors(question, x, y, matrices, right, worst))
        similarity = worst.similarity()
        settled = _unit(question, SETTLED + similarity.size)
        errors = similarity - right.similarity() + settled * (1 + similarity)
    every = errors.mean(axis=tuple(range(2, errors.ndim)))
    reduction = question.case.parameters.get("reduction", "mean")
    if reduction == "none":
        return Margin(every)
    return Margin(np.asarray(every.sum() / (max(every.size, 1) if reduction == "mean" else 1)))


def _slope_errors(
    question: Question, x: Array, y: Array, matrices: list[Array], right: Moments, worst: Moments
) -> Array:
    """Spread the errors of the slopes in each window over its cells."""
    case, slopes = question.case, worst.slopes()
    errors = (
        slopes - right.slopes() + _unit(question, SETTLED + _terms(question, matrices)) * slopes
    )
    back = [matrix.T for matrix in matrices]
    of_means, of_y, of_x = (along(np.nan_to_num(each), back) for each in errors)
    windows = max(math.prod(matrix.shape[0] for matrix in matrices), 1)
    given: Any = case.parameters.get("grad_loss")
    gradient = np.abs(question.arrays()["grad_loss"] if given is None else given)
    gradient = gradient.reshape(gradient.shape + (1,) * (x.ndim - gradient.ndim))
    count = max(math.prod(x.shape[:2]), 1) if case.parameters["reduction"] == "mean" else 1
    return 2 * (of_means + of_y * np.abs(y) + of_x * np.abs(x)) * gradient / (windows * count)


def _moments(
    question: Question, x: Array, y: Array, matrices: list[Array]
) -> tuple[Moments, Moments]:
    """Measure the right moments, and the largest that rounding makes of them; b is the smallest.

    A weighted sum of n cells is known to gamma_n of the sum of magnitudes, a product of two of them
    to gamma_2n of the product; six more roundings make the factors of it, with their constants.
    """
    parameters = question.case.parameters
    c1, c2 = ((parameters[k] * parameters["data_range"]) ** 2 for k in ("k1", "k2"))

    def mean(cells: Array) -> Array:
        return along(cells, matrices)

    mean_x, mean_y, size_x, size_y = mean(x), mean(y), mean(np.abs(x)), mean(np.abs(y))
    right = Moments(
        np.abs(mean_x),
        np.abs(mean_y),
        np.abs(2 * mean_x * mean_y + c1),
        np.abs(2 * (mean(x * y) - mean_x * mean_y) + c2),
        mean_x**2 + mean_y**2 + c1,
        mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2 + c2,
    )
    squares = size_x**2 + size_y**2
    terms = Moments(
        size_x,
        size_y,
        2 * size_x * size_y + c1,
        2 * (mean(np.abs(x * y)) + size_x * size_y) + c2,
        squares + c1,
        mean(x * x) + mean(y * y) + squares + c2,
    )
    unit = _unit(question, 2 * _terms(question, matrices) + 6)
    *above, b1, b2 = (size + unit * of_terms for size, of_terms in zip(right, terms, strict=True))
    below = [
        np.maximum(2 * size - most, 0) for size, most in zip(right[-2:], (b1, b2), strict=True)
    ]
    return right, Moments(*above, *below)


def weights(question: Question) -> list[Array]:
    """Give for each axis the matrix that makes of cells weighted means over windows."""
    parameters, images = question.case.parameters, next(iter(question.arrays().values()))
    size = images.shape[2:]
    bells = taps(parameters["window"], len(size))
    if bells is None:
        return [np.full((1, n), 1 / n) for n in size]
    return [
        np.stack([np.pad(bell, (at, n - bell.size - at)) for at in range(n - bell.size + 1)])
        for n, bell in zip(size, bells[-len(size) :], strict=True)
    ]


def _terms(question: Question, matrices: list[Array]) -> int:
    """Count the cells of a window, and the roundings of their weights."""
    cells = math.prod(int(np.count_nonzero(matrix[0])) for matrix in matrices)
    return cells + (OF_WEIGHTS * len(matrices) if question.case.parameters["window"] else 0)


def _unit(question: Question, roundings: int) -> float:
    return float(
        bounds.rounding_bound(np.array(float(roundings)), np.ones(()), question.case.dtype)
    )


OPERATORS = (
    Operator("ssim", of_images, similar, tier=Exact, flags={"data_range": RANGES}),
    Operator(
        "ssim_loss",
        of_images,
        similar,
        gradients=("prediction",),
        tier=Exact,
        flags={"data_range": RANGES},
    ),
)
