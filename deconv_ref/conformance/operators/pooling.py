"""How pooling and unpooling are checked: ties, NaN in any place, windows of padding alone.

Every axis has its own window, stride, dilation, padding and sides. Averages are exact where every
divisor is a power of two; elsewhere their bound leaves open where they divide: sums, or terms, by
the count or by its rounded reciprocal, over all axes at once or along one after the other.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.identities import adjoint, gathered
from deconv_ref.conformance.margins import cancelling, collected, selected
from deconv_ref.conformance.strategies import (
    VERY_LONG,
    Names,
    integers,
    laid_out,
    paddings,
    reals,
    rngs,
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


@st.composite
def max_pools(
    draw: st.DrawFn, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``max_pool`` or of its gradient."""
    parameters, shape, window = draw(_windows(True, plain, function == "max_pool"))
    dtype, rng = draw(st.sampled_from(dtypes)), draw(rngs())
    if function == "max_pool":
        x = draw(_rivals(rng, shape))
        return Case(function, parameters, {"x": draw(laid_out(x, dtype))}, exact=True)
    exact = draw(st.sampled_from([True, True, False]))
    values = integers if exact else reals
    grad_y = draw(some_special(rng, values(rng, (*shape[:2], *window.output_size))))
    operands = {
        "grad_y": draw(laid_out(grad_y, dtype)),
        "indices": draw(laid_out(draw(_places(rng, shape, window)), np.int64)),
    }
    return Case(function, {"input_size": shape}, operands, exact)


@st.composite
def max_unpools(draw: st.DrawFn, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``max_unpool`` or of its gradient."""
    _, shape, window = draw(_windows(True))
    dtype, rng = draw(st.sampled_from(dtypes)), draw(rngs())
    indices = draw(laid_out(draw(_places(rng, shape, window)), np.int64))
    if function == "max_unpool":
        x = draw(some_special(rng, reals(rng, (*shape[:2], *window.output_size))))
        operands = {"x": draw(laid_out(x, dtype)), "indices": indices}
        return Case(function, {"output_size": shape}, operands, exact=True)
    grad_y = draw(some_special(rng, reals(rng, shape)))
    operands = {"grad_y": draw(laid_out(grad_y, dtype)), "indices": indices}
    return Case(function, {}, operands, exact=True)


@st.composite
def avg_pools(
    draw: st.DrawFn, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``avg_pool`` or of its gradient."""
    parameters, shape, window = draw(_windows(False, plain, True))
    included = draw(st.booleans())
    parameters = {**parameters, "count_include_pad": included}
    counts = [_counts(window, axis, included) for axis in range(len(shape) - 2)]
    operand, size = "x", shape
    if function.endswith("_backward"):
        operand, size = "grad_y", (*shape[:2], *window.output_size)
        parameters = {"input_size": shape, **parameters}
    return draw(_averages(function, parameters, operand, size, counts, dtypes))


@st.composite
def avg_unpools(
    draw: st.DrawFn, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``avg_unpool`` or of its gradient."""
    batch, channels, *size = draw(shapes(1, EXTRA))
    kernel_size = draw(_kernels(len(size)))
    stride = draw(_per_axis(1, 1 if "stride" in plain else 3, len(size)))
    sides = [st.integers(0, 0 if "padding" in plain else k) for k in kernel_size]
    padding = tuple((draw(side), draw(side)) for side in sides)
    for axis, (k, s, pair) in enumerate(zip(kernel_size, stride, padding, strict=True)):
        size[axis] += max(0, -((k - sum(pair) - 1) // s))  # the result has a cell at least
    window = unpool_window(function, tuple(size), kernel_size, stride, padding, None)
    parameters: dict[str, Any] = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    output_size = None
    if draw(st.booleans()):
        cells = (draw(st.integers(1, n + 3)) for n in window.input_size)
        output_size = (batch, channels, *cells)
        window = unpool_window(function, tuple(size), kernel_size, stride, padding, output_size[2:])
    counts = [_covers(window, axis) for axis in range(len(size))]
    shape = (batch, channels, *size)
    if function == "avg_unpool":
        parameters["output_size"] = output_size
        return draw(_averages(function, parameters, "x", shape, counts, dtypes))
    parameters = {"input_size": shape, **parameters}
    grown = (batch, channels, *window.input_size)
    return draw(_averages(function, parameters, "grad_y", grown, counts, dtypes))


@st.composite
def _windows(
    draw: st.DrawFn, dilated: bool, plain: Names = frozenset(), very_long: bool = False
) -> tuple[dict[str, Any], tuple[int, ...], Window]:
    """Draw the window's parameters, the shape of ``x``, and the window they make."""
    batch, channels, *extra = draw(shapes(1, EXTRA, very_long))
    axes = len(extra)
    large = draw(stretched(SHAPES, *LARGEST)) if max(extra) < VERY_LONG else None

    def last(name: str, values: tuple[int, ...]) -> tuple[int, ...]:
        if name != large or name in plain:
            return values
        return (*values[:-1], draw(st.integers(max(values) + 1, LARGEST[name])))

    kernel_size = last("kernel", draw(_kernels(axes)))
    stride = last("stride", draw(_per_axis(1, 1 if "stride" in plain else 3, axes)))
    widest = 1 if "dilation" in plain else 2 if axes == 3 else 3
    dilation = (1,) * axes
    if dilated:
        dilation = last("dilation", draw(_per_axis(1, widest, axes)))
    reaches = tuple(map(reach, kernel_size, dilation))
    padding = draw(paddings(reaches, "padding" in plain))
    ceil_mode = draw(st.sampled_from([False] if "ceil_mode" in plain else [False, True]))
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


@functools.cache  # Hypothesis validates every new strategy
def _kernels(axes: int) -> st.SearchStrategy[tuple[int, ...]]:
    sizes = [k for k in KERNEL[axes] if k in POWERS]
    return st.one_of(
        *(st.tuples(*[st.sampled_from(among)] * axes) for among in (KERNEL[axes], sizes))
    )


@functools.cache
def _per_axis(least: int, most: int, axes: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(least, most)] * axes)


@st.composite
def _rivals(draw: st.DrawFn, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw values for a maximum: ties, or nearly so, below the zero of a mistaken padding, NaN."""
    kind = draw(st.sampled_from(["ties", "special", "reals", "negative", "equal", "near"]))
    if kind == "special":
        return sprinkled(rng, integers(rng, shape), FIRST_OF_SEVERAL)
    if kind == "equal":
        return np.full(shape, draw(st.sampled_from([0.0, -3.0, -np.inf, np.inf, np.nan])))
    values = integers(rng, shape, bits=1) if kind == "ties" else reals(rng, shape)
    if kind == "near":  # alike but in their last bits, of whatever dtype
        values = rng.choice([-1.0, 1.0]) * (
            1 + rng.integers(1, 8, shape) * 2.0 ** -rng.integers(8, 50)
        )
    return -np.abs(values) if kind == "negative" else values


@st.composite
def _places(
    draw: st.DrawFn, rng: np.random.Generator, shape: tuple[int, ...], window: Window
) -> Array:
    """Draw a cell for each position: one of its window's, or any; now and then nowhere."""
    cells = [_cells(rng, shape, window, axis) for axis in range(len(shape) - 2)]
    indices = np.ravel_multi_index(tuple(cells), shape[2:])
    if draw(st.sampled_from([False, False, True])):
        indices = rng.integers(0, math.prod(shape[2:]), indices.shape)
    if draw(st.sampled_from([False] * 7 + [True])):
        indices = np.where(rng.random(indices.shape) < 0.2, -1, indices)
    return indices


def _cells(rng: np.random.Generator, shape: tuple[int, ...], window: Window, axis: int) -> Array:
    """Choose a cell of an axis for every position: of its window, or the nearest to it."""
    positions = (*shape[:2], *window.output_size)
    taps = rng.integers(0, window.kernel_size[axis], positions) * window.dilation[axis]
    starts = np.arange(positions[2 + axis]) * window.stride[axis] - window.before[axis]
    along = starts.reshape(-1, *[1] * (len(shape) - 3 - axis))
    return np.clip(along + taps, 0, shape[2 + axis] - 1)


@st.composite
def _averages(
    draw: st.DrawFn,
    function: str,
    parameters: dict[str, Any],
    operand: str,
    shape: tuple[int, ...],
    counts: Sequence[Array],
    dtypes: tuple[str, ...],
) -> Case:
    """Draw the operand of an average, of integers wherever that makes it exact."""
    powers = all(not np.any(count & (count - 1)) for count in counts)
    exact = powers and draw(st.sampled_from([True, True, False]))
    dtype, rng = draw(st.sampled_from(dtypes)), draw(rngs())
    values = integers if exact or draw(st.booleans()) else reals
    array = draw(some_special(rng, values(rng, shape)))
    return Case(function, parameters, {operand: draw(laid_out(array, dtype))}, exact)


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
    ),
    Operator(
        "max_unpool",
        max_unpools,
        selected,
        gradients=("x",),
        identity=adjoint("output_size"),
    ),
    Operator(
        "avg_pool",
        avg_pools,
        averaged,
        gradients=("x",),
        identity=adjoint(),
        plain=("stride", "padding", "ceil_mode"),
        flags={"count_include_pad": (False, True)},
    ),
    Operator(
        "avg_unpool",
        avg_unpools,
        averaged,
        gradients=("x",),
        identity=adjoint("output_size"),
        plain=("stride", "padding"),
    ),
)
