"""How pooling and unpooling are checked: ties, NaN in any place, windows of padding alone.

Every axis has its own window, stride, dilation, padding and sides. Averages are exact where every
divisor is a power of two; elsewhere their bound leaves open where they divide: sums, or terms, by
the count or by its rounded reciprocal, over all axes at once or along one after the other.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.halves import Halves, whole
from deconv_ref.conformance.identities import adjoint, gathered
from deconv_ref.conformance.margins import cancelling, collected, selected
from deconv_ref.conformance.strategies import (
    VERY_LONG,
    Names,
    integers,
    laid_out,
    paddings,
    reals,
    shapes,
    some_special,
    sprinkled,
    stretched,
)
from deconv_ref.conformance.truth import Operator, Question
from deconv_ref.window import Window, pool_window, reach, unpool_window

__all__ = ["OPERATORS"]

KERNEL = {1: (1, 2, 3, 4, 5), 2: (1, 2, 3, 4), 3: (1, 2, 3)}  # sizes by the number of axes
POWERS = (1, 2, 4)  # sizes by which averages divide exactly
LARGEST = {"kernel": 11, "stride": 7, "dilation": 7}  # at times, along the last axis
SHAPES = 18  # each of them in one of so many
EXTRA = (12, 6, 3)  # most cells beyond those that one window needs, likewise
FIRST_OF_SEVERAL = (np.nan, np.nan, np.inf, -np.inf, -0.0)

Array = NDArray[Any]


def max_pools(
    draw: Draw, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``max_pool`` or of its gradient."""
    parameters, shape, window = _windows(draw, True, plain, function == "max_pool")
    dtype, rng = draw.among(dtypes), draw.rng()
    if function == "max_pool":
        x = _rivals(draw, rng, shape)
        return Case(function, parameters, {"x": laid_out(draw, x, dtype)}, exact=True)
    exact = draw.among([True, True, False])
    values = integers if exact else reals
    grad_y = some_special(draw, rng, values(rng, (*shape[:2], *window.output_size)))
    operands = {
        "grad_y": laid_out(draw, grad_y, dtype),
        "indices": laid_out(draw, _places(draw, rng, shape, window), np.int64),
    }
    return Case(function, {"input_size": shape}, operands, exact)


def max_unpools(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``max_unpool`` or of its gradient."""
    _, shape, window = _windows(draw, True)
    dtype, rng = draw.among(dtypes), draw.rng()
    indices = laid_out(draw, _places(draw, rng, shape, window), np.int64)
    if function == "max_unpool":
        x = some_special(draw, rng, reals(rng, (*shape[:2], *window.output_size)))
        operands = {"x": laid_out(draw, x, dtype), "indices": indices}
        return Case(function, {"output_size": shape}, operands, exact=True)
    grad_y = some_special(draw, rng, reals(rng, shape))
    operands = {"grad_y": laid_out(draw, grad_y, dtype), "indices": indices}
    return Case(function, {}, operands, exact=True)


def avg_pools(
    draw: Draw, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``avg_pool`` or of its gradient."""
    parameters, shape, window = _windows(draw, False, plain, True)
    included = draw.among([False, True, True])
    parameters = {**parameters, "count_include_pad": included}
    counts = [_counts(window, axis, included) for axis in range(len(shape) - 2)]
    operand, size = "x", shape
    if function.endswith("_backward"):
        operand, size = "grad_y", (*shape[:2], *window.output_size)
        parameters = {"input_size": shape, **parameters}
    return _averages(draw, function, parameters, operand, size, counts, dtypes)


def avg_unpools(
    draw: Draw, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``avg_unpool`` or of its gradient."""
    batch, channels, *size = shapes(draw, 1, EXTRA)
    kernel_size = _kernels(draw, len(size))
    stride = _per_axis(draw, 1, 1 if "stride" in plain else 3, len(size))
    widest = [0 if "padding" in plain else k for k in kernel_size]
    padding = tuple((draw.integer(0, n), draw.integer(0, n)) for n in widest)
    for axis, (k, s, pair) in enumerate(zip(kernel_size, stride, padding, strict=True)):
        size[axis] += max(0, -((k - sum(pair) - 1) // s))  # the result has a cell at least
    window = unpool_window(function, tuple(size), kernel_size, stride, padding, None)
    parameters: dict[str, Any] = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    output_size = None
    if draw.boolean():
        cells = (draw.integer(1, n + 3) for n in window.input_size)
        output_size = (batch, channels, *cells)
        window = unpool_window(function, tuple(size), kernel_size, stride, padding, output_size[2:])
    counts = [_covers(window, axis) for axis in range(len(size))]
    shape = (batch, channels, *size)
    if function == "avg_unpool":
        parameters["output_size"] = output_size
        return _averages(draw, function, parameters, "x", shape, counts, dtypes)
    parameters = {"input_size": shape, **parameters}
    grown = (batch, channels, *window.input_size)
    return _averages(draw, function, parameters, "grad_y", grown, counts, dtypes)


def _windows(
    draw: Draw, dilated: bool, plain: Names = frozenset(), very_long: bool = False
) -> tuple[dict[str, Any], tuple[int, ...], Window]:
    """Draw the window's parameters, the shape of ``x``, and the window they make."""
    batch, channels, *extra = shapes(draw, 1, EXTRA, very_long)
    axes = len(extra)
    large = stretched(draw, SHAPES, *LARGEST) if max(extra) < VERY_LONG else None

    def last(name: str, values: tuple[int, ...]) -> tuple[int, ...]:
        if name != large or name in plain:
            return values
        return (*values[:-1], draw.integer(max(values) + 1, LARGEST[name]))

    kernel_size = last("kernel", _kernels(draw, axes))
    ceil_mode = draw.among([False] if "ceil_mode" in plain else [False, True, True])
    strides = (2, 3, 1, 2, 3) if ceil_mode else (1, 2, 3)  # of 1 there is no remainder
    stride = tuple(draw.among([1] if "stride" in plain else strides) for _ in range(axes))
    stride = last("stride", stride)
    if "stride" not in plain and max(extra) >= VERY_LONG and draw.boolean():
        stride = kernel_size  # libraries have a way of their own for much work side by side
    widest = 1 if "dilation" in plain else 2 if axes == 3 else 3
    dilation = (1,) * axes
    if dilated:
        dilation = last("dilation", _per_axis(draw, 1, widest, axes))
    reaches = tuple(map(reach, kernel_size, dilation))
    padding = paddings(draw, reaches, "padding" in plain)
    least: Sequence[int] = reaches if padding == "valid" else (1,) * axes
    if not isinstance(padding, str):
        least = [max(1, e - sum(pair)) for e, pair in zip(reaches, padding, strict=True)]
    size = tuple(n + more - 1 for n, more in zip(least, extra, strict=True))
    parameters = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        **({"dilation": dilation} if dilated else {}),
        "ceil_mode": ceil_mode,
    }
    window = pool_window("pool", size, kernel_size, stride, padding, dilation, ceil_mode)
    return parameters, (batch, channels, *size), window


def _kernels(draw: Draw, axes: int) -> tuple[int, ...]:
    """Draw any sizes or, as often, such as averages divide by exactly."""
    sizes = [k for k in KERNEL[axes] if k in POWERS] if draw.boolean() else KERNEL[axes]
    return tuple(draw.among(sizes) for _ in range(axes))


def _per_axis(draw: Draw, least: int, most: int, axes: int) -> tuple[int, ...]:
    return tuple(draw.integer(least, most) for _ in range(axes))


def _rivals(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw values for a maximum: ties, or nearly so, below the zero of a mistaken padding, NaN."""
    kinds = ["ties", "special", "reals", "negative", "equal", "near"]
    if shape[-1] >= VERY_LONG:  # vectors of a processor pass over NaN more often than one number
        kinds += ["special"] * len(kinds)
    kind = draw.among(kinds)
    if kind == "special":
        return sprinkled(rng, integers(rng, shape), FIRST_OF_SEVERAL)
    if kind == "equal":
        return np.full(shape, draw.among([0.0, -3.0, -np.inf, np.inf, np.nan]))
    values = integers(rng, shape, bits=1) if kind == "ties" else reals(rng, shape)
    if kind == "near":  # alike but in their last bits, of whatever dtype
        values = rng.choice([-1.0, 1.0]) * (
            1 + rng.integers(1, 8, shape) * 2.0 ** -rng.integers(8, 50)
        )
    return -np.abs(values) if kind == "negative" else values


def _places(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...], window: Window) -> Array:
    """Draw a cell for each position: one of its window's, or any; now and then nowhere."""
    cells = [_cells(rng, shape, window, axis) for axis in range(len(shape) - 2)]
    indices = np.ravel_multi_index(tuple(cells), shape[2:])
    if draw.one_in(3):
        indices = rng.integers(0, math.prod(shape[2:]), indices.shape)
    if draw.one_in(8):
        indices = np.where(rng.random(indices.shape) < 0.2, -1, indices)
    return indices


def _cells(rng: np.random.Generator, shape: tuple[int, ...], window: Window, axis: int) -> Array:
    """Choose a cell of an axis for every position: of its window, or the nearest to it."""
    positions = (*shape[:2], *window.output_size)
    taps = rng.integers(0, window.kernel_size[axis], positions) * window.dilation[axis]
    starts = np.arange(positions[2 + axis]) * window.stride[axis] - window.before[axis]
    along = starts.reshape(-1, *[1] * (len(shape) - 3 - axis))
    return np.clip(along + taps, 0, shape[2 + axis] - 1)


def _averages(
    draw: Draw,
    function: str,
    parameters: dict[str, Any],
    operand: str,
    shape: tuple[int, ...],
    counts: Sequence[Array],
    dtypes: tuple[str, ...],
) -> Case:
    """Draw the operand of an average, of integers wherever that makes it exact."""
    powers = all(not np.any(count & (count - 1)) for count in counts)
    exact = powers and draw.among([True, True, False])
    dtype, rng = draw.among(dtypes), draw.rng()
    values = integers if exact or draw.boolean() else reals
    array = some_special(draw, rng, values(rng, shape))
    return Case(function, parameters, {operand: laid_out(draw, array, dtype)}, exact)


def _counts(window: Window, axis: int, padded: bool) -> Array:
    """Count the cells of an axis that each position divides by."""
    first, end = window.bounds(padded=padded)[axis]
    starts = np.arange(window.output_size[axis]) * window.stride[axis] - window.before[axis]
    ends = starts + window.kernel_size[axis]
    return np.maximum(np.minimum(ends, end) - np.maximum(starts, first), 0)


def _covers(window: Window, axis: int) -> Array:
    """Count the positions that meet each cell of an axis."""
    starts = np.arange(window.output_size[axis]) * window.stride[axis] - window.before[axis]
    taps = np.arange(window.input_size[axis])[:, None] - starts
    return np.count_nonzero((taps >= 0) & (taps < window.kernel_size[axis]), axis=1)


@cancelling
def averaged(question: Question, quantity: str) -> tuple[Any, Any]:
    """Bound a sum of quotients: a rounding for each addition and, for each axis, two to divide."""
    kernel_size = question.case.parameters["kernel_size"]
    roundings = math.prod(kernel_size) - 1 + 2 * len(kernel_size)
    return roundings, question.mapped(np.abs)[quantity]


def of_windows(case: Case) -> float:
    """Count the cells of a window, of which an average takes each for one part."""
    return float(math.prod(case.parameters["kernel_size"]))


OPERATORS = (
    Operator(
        "max_pool",
        max_pools,
        collected,
        gradients=("x",),
        results=("forward", "indices"),
        identity=gathered,
        plain=("stride", "padding", "dilation", "ceil_mode"),
        flags={"ceil_mode": (False, True)},
        halves=Halves(whole),
    ),
    Operator(
        "max_unpool",
        max_unpools,
        selected,
        gradients=("x",),
        identity=adjoint("output_size"),
        halves=Halves(whole),
    ),
    Operator(
        "avg_pool",
        avg_pools,
        averaged,
        gradients=("x",),
        identity=adjoint(),
        plain=("stride", "padding", "ceil_mode"),
        flags={"count_include_pad": (False, True)},
        halves=Halves(of_windows),
    ),
    Operator(
        "avg_unpool",
        avg_unpools,
        averaged,
        gradients=("x",),
        identity=adjoint("output_size"),
        plain=("stride", "padding"),
        halves=Halves(of_windows),
    ),
)
