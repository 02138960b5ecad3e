"""How resampling is checked: a scale of its own for every axis, finer and coarser, whole or not.

Scales are eighths, which float32 holds. "nearest" is exact: where a coordinate lies half-way
between two cells, and arithmetic with the reciprocal of the scale might round it to either side,
the axis gets a whole scale instead. "linear" is exact where every weight is a dyadic fraction.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.halves import Halves
from deconv_ref.conformance.identities import adjoint
from deconv_ref.conformance.margins import Margin, along, collected, selected
from deconv_ref.conformance.strategies import (
    integers,
    is_power_of_two,
    laid_out,
    reals,
    shapes,
    some_special,
)
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["OPERATORS"]

EIGHTHS = 8
WHOLE = (1.0, 2.0, 3.0, 4.0)
POWERS = (0.25, 0.5, 1.0, 2.0, 4.0)
LARGEST = {1: 4.0, 2: 4.0, 3: 3.0}  # scale, by the number of axes
LARGER, FEW = 12, 6  # at times, of a last axis of few cells
WEIGHT_BITS = 12  # of an exact weight, all axes together
FACTORS = {1: 4, 2: 3, 3: 2}  # largest by the number of axes
LARGER_FACTOR = 7  # of the last axis, at times

Array = NDArray[Any]


def upsamples(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``upsample`` or of its gradient."""
    shape = shapes(draw, 1)
    mode = draw.among(["nearest", "linear", "linear"])
    align_corners = mode == "linear" and draw.boolean()
    scales = _scales(draw, shape[2:], centred=not align_corners)
    parameters = {"scale_factor": scales, "mode": mode, "align_corners": align_corners}
    dyadic = _weight_bits(shape[2:], scales, align_corners) <= WEIGHT_BITS
    exact = dyadic or mode == "nearest"
    dtype, rng = draw.among(dtypes), draw.rng()
    operand, size = "x", shape
    if function == "upsample_backward":
        parameters = {"input_size": shape, **parameters}
        operand, size = "grad_y", (*shape[:2], *map(_outputs, shape[2:], scales))
        exact = exact and draw.among([True, True, False])
    copied = mode == "nearest" and function == "upsample"
    values = (integers if exact and not copied else reals)(rng, size)
    if dyadic:  # elsewhere rounding decides whether a cell of weight 0 is read
        values = some_special(draw, rng, values)
    return Case(function, parameters, {operand: laid_out(draw, values, dtype)}, exact)


def _scales(draw: Draw, size: tuple[int, ...], centred: bool) -> tuple[float, ...]:
    """Draw scales that leave a cell of each axis: all whole, all powers of two, or any."""
    kind = draw.among(["whole", "powers", "eighths", "eighths"])
    most = LARGEST[len(size)]
    scales = []
    for n in size:
        least = math.ceil(EIGHTHS / n) / EIGHTHS
        if kind == "eighths":
            scale = draw.integer(round(least * EIGHTHS), round(most * EIGHTHS)) / EIGHTHS
            if centred and _is_torn(n, scale):
                scale = float(math.ceil(scale))
        else:
            among = WHOLE if kind == "whole" else POWERS
            scale = draw.among([s for s in among if least <= s <= most])
        scales.append(scale)
    if size[-1] <= FEW and draw.one_in(4):
        scales[-1] = float(draw.integer(int(most) + 1, LARGER))
    return tuple(scales)


def _outputs(n: int, scale: float) -> int:
    return math.floor(n * scale)


def _is_torn(n: int, scale: float) -> bool:
    """Tell whether the rounding of 1 / scale may decide which of two cells is the nearest."""
    exact = Fraction(scale)
    coordinates = [(o + Fraction(1, 2)) / exact for o in range(_outputs(n, scale))]
    return not is_power_of_two(exact.numerator) and any(c.denominator == 1 for c in coordinates)


def _weight_bits(size: tuple[int, ...], scales: tuple[float, ...], align_corners: bool) -> float:
    """Count the bits of a product of weights; infinite where they are no dyadic fractions."""
    bits = 0
    for n, scale in zip(size, scales, strict=True):
        step = 1 / Fraction(scale)  # from one output to the next, in cells
        if align_corners:
            step = Fraction(n - 1, max(_outputs(n, scale) - 1, 1))
        if not is_power_of_two(step.denominator):
            return math.inf
        bits += step.denominator.bit_length()  # half of a step, too
    return bits


def shuffles(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``pixel_shuffle`` or ``pixel_unshuffle``."""
    batch, channels, *size = shapes(draw, 1, (9, 4, 3))
    most = FACTORS[len(size)]
    factor = tuple(draw.integer(1, most) for _ in size)
    if draw.boolean():
        factor = (draw.integer(2, most),) * len(size)
    if channels < 5 and draw.one_in(12):
        factor = (*factor[:-1], draw.integer(most + 1, LARGER_FACTOR))
    dtype, rng = draw.among(dtypes), draw.rng()
    if function == "pixel_shuffle":
        channels *= math.prod(factor)
    else:
        size = [n * f for n, f in zip(size, factor, strict=True)]
    x = some_special(draw, rng, reals(rng, (batch, channels, *size)))
    return Case(function, {"factor": factor}, {"x": laid_out(draw, x, dtype)}, exact=True)


def resampled(question: Question, quantity: str) -> Margin:
    """Bound "nearest" as sums of copies, and "linear" with its coordinates rounded in the dtype."""
    if question.case.parameters["mode"] == "nearest":
        return collected(question, quantity)
    allowed = sum(_interpolated(question, d) for d in (question.case.dtype, np.float64))
    return Margin(np.asarray(allowed))


def _interpolated(question: Question, dtype: DTypeLike) -> Array:
    r"""Bound the error of linear resampling in a dtype of unit roundoff u.

    A coordinate is computed in three roundings or fewer, of numbers up to n + 1/2 where n is the
    size of the axis, and a weight, or a step from one cell to the next, in one more: every weight
    is off by no more than d = 4 u (n + 1), and only cells nearer than 1 + d have one. Between the
    coordinates a weight is continuous, so that this holds too where one is rounded to the other
    side of a cell. With W the weights of an axis, W + d those with d more for each such cell, and m
    the cells that an output reads,

    .. math:: |error| \le (\prod (W + d) - \prod W) |x| + \gamma_{m + 3 axes} \prod (W + d) |x|

    for two products and a difference along each axis; for the gradient with W transposed.
    """
    u = bounds.unit_roundoff(dtype)
    [values] = question.arrays().values()
    magnitude = np.where(np.isfinite(values), np.abs(values), 0)
    weights = _weights(question, u)
    least, most = (along(magnitude, [pair[i] for pair in weights]) for i in (0, 1))
    reads = along(np.ones_like(magnitude), [w > 0 for _, w in weights])
    return most - least + bounds.gamma(reads + 3 * (values.ndim - 2), u) * most


def _weights(question: Question, u: float) -> list[tuple[Array, Array]]:
    """Tabulate W and W + d of every axis, a row for each element of the result."""
    case = question.case
    size = case.parameters.get("input_size") or case.arrays()["x"].shape
    weights = []
    for n, scale in zip(size[2:], case.parameters["scale_factor"], strict=True):
        off = 4 * u * (n + 1)
        distance = _distances(n, scale, case.parameters["align_corners"])
        weight = np.maximum(1 - distance, 0)
        most = np.where(distance < 1 + off, weight + off, 0)
        backward = case.function != case.op
        weights.append((weight.T, most.T) if backward else (weight, most))
    return weights


def _distances(n: int, scale: float, align_corners: bool) -> Array:
    """Measure how far each output of an axis, by row, lies from each cell."""
    outputs = np.arange(_outputs(n, scale))
    source = (outputs + 0.5) / scale - 0.5
    if align_corners:
        source = outputs * (n - 1) / max(len(outputs) - 1, 1)
    return np.abs(np.clip(source, 0, n - 1)[:, None] - np.arange(n))


def of_weights(case: Case) -> float:
    """Count the parts that weights divide 1 into, of axes whose coordinates have them too."""
    parameters, operands = case.parameters, case.arrays()
    if parameters["mode"] == "nearest":
        return 1.0
    size = parameters.get("input_size") or operands["x"].shape
    scales = parameters["scale_factor"]
    bits = _weight_bits(size[2:], scales, parameters["align_corners"])
    longest = max(n * max(scale, 1) for n, scale in zip(size[2:], scales, strict=True))
    return longest * 2.0**bits


OPERATORS = (
    Operator(
        "upsample",
        upsamples,
        resampled,
        gradients=("x",),
        identity=adjoint(),
        flags={"mode": ("nearest", "linear")},
        halves=Halves(of_weights),
    ),
    Operator("pixel_shuffle", shuffles, selected, halves=Halves()),
    Operator("pixel_unshuffle", shuffles, selected, halves=Halves()),
)
