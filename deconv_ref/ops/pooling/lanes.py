"""Windows of many channels at once: a vector holds one cell of as many channels as it has lanes.

So a window of any size, stride and dilation is gone through one cell after the other, in the order
of its equation, and yet no lane is idle where there are channels enough. Rows are turned on the way
in and out: `LANES` rows, one per channel, become one row of vectors.

Everything here gathers: a row of the result belongs to one call, whatever it is made of.
"""

import math
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref import threads
from deconv_ref.emitter import VECTOR_BYTES, Emitter
from deconv_ref.lines import address_of, copy_between, turn_lines
from deconv_ref.window import Window

__all__ = ["Reach", "blocks", "max_rows", "reached_cells", "reached_positions", "sum_rows"]

REMEMBERED = 32  # windows whose tables are kept

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Reach(NamedTuple):
    """What each element of an axis of the result is made of: `number` elements of the source.

    They are the `first` and every `step`-th after it.
    """

    first: np.ndarray
    number: np.ndarray
    step: int


@lru_cache(maxsize=REMEMBERED)
def reached_cells(window: Window) -> tuple[Reach, ...]:
    """Tell which cells each position meets, axis by axis."""
    axes = []
    for axis, size in enumerate(window.input_size):
        step = window.dilation[axis]
        start = np.arange(window.output_size[axis]) * window.stride[axis] - window.before[axis]
        first = start + step * np.maximum(0, -(start // step))
        end = np.minimum(start + step * window.kernel_size[axis], size)
        axes.append(Reach(first, np.maximum(0, -((first - end) // step)), step))
    return tuple(axes)


@lru_cache(maxsize=REMEMBERED)
def reached_positions(window: Window) -> tuple[Reach, ...]:
    """Tell which positions meet each cell, axis by axis."""
    axes = []
    for axis, size in enumerate(window.input_size):
        cell = np.arange(size) + window.before[axis]
        beyond = (cell - window.kernel_size[axis]) // window.stride[axis]
        first = np.maximum(0, beyond + 1)
        end = np.minimum(cell // window.stride[axis] + 1, window.output_size[axis])
        axes.append(Reach(first, np.maximum(0, end - first), 1))
    return tuple(axes)


def blocks(array: np.ndarray) -> int:
    """Count the rows of `LANES` channels of an array of shape (channels, D, H, W)."""
    lanes = VECTOR_BYTES // array.itemsize
    return -(-array.shape[0] // lanes) * array.shape[1] * array.shape[2]


@compiled
def sum_rows(source, reach, shared, divisors, result, first, last):
    """Add up what each element is made of, on some rows of `LANES` channels of the result.

    The source is first divided by the product of its axes' `shared`, and each sum at the end by
    that of the result's `divisors`; where these are empty, by nothing.
    """
    if threads.shared(first, last):
        return
    deep, high, wide = reach
    lanes, width = VECTOR_BYTES // source.itemsize, result.shape[3]
    line = np.empty(source.shape[3] * lanes, source.dtype)
    quotients = np.empty((lanes, 1, 1, source.shape[3]), source.dtype)
    sums = np.empty(width * lanes, source.dtype)
    rows = np.empty((lanes, 1, 1, -(-width // lanes) * lanes), source.dtype)
    turned = -1, -1, -1
    for number in range(first, last):
        channel, channels, d, h = block_of(number, lanes, result.shape)
        sums[:] = 0
        for z in elements(deep, d):
            for i in elements(high, h):
                if (channel, z, i) != turned:  # neighbours may be made of one row
                    turned = channel, z, i
                    array, place = source, (channel, z, i)
                    if shared[2].size:
                        divisor = shared[0][z] * shared[1][i] * shared[2]
                        divide(source, place, divisor, quotients, (0, 0, 0), channels)
                        array, place = quotients, (0, 0, 0)
                    turn_rows(line, array, place, channels)
                add_windows(sums, line, wide.first, wide.number, wide.step)
        turn_back(rows, sums, lanes, width, channels)
        if divisors[2].size:
            divisor = divisors[0][d] * divisors[1][h] * divisors[2]
            divide(rows, (0, 0, 0), divisor, result, (channel, d, h), channels)
        else:
            copy(rows, result, (channel, d, h), channels)


@compiled
def max_rows(x, reach, places, y, indices, first, last):
    """Evaluate P1 and P2 on some rows of `LANES` channels of `y`.

    `places` is an array of the integers that are as wide as the numbers of `x`.
    """
    if threads.shared(first, last):
        return
    deep, high, wide = reach
    lanes, width = VECTOR_BYTES // x.itemsize, y.shape[3]
    line = np.empty(x.shape[3] * lanes, x.dtype)
    tops, found = np.empty(width * lanes, x.dtype), np.empty(width * lanes, places.dtype)
    rows = np.empty((lanes, 1, 1, -(-width // lanes) * lanes), x.dtype)
    for number in range(first, last):
        channel, channels, d, h = block_of(number, lanes, y.shape)
        fresh = True
        for z in elements(deep, d):
            for i in elements(high, h):
                turn_rows(line, x, (channel, z, i), channels)
                place = (z * x.shape[2] + i) * x.shape[3]
                raise_tops(tops, found, line, wide.first, wide.number, wide.step, place, fresh)
                fresh = False
        if fresh:
            tops[:] = -np.inf
            found[:] = -1
        turn_back(rows, tops, lanes, width, channels)
        copy(rows, y, (channel, d, h), channels)
        turn_back(rows, found.view(x.dtype), lanes, width, channels)
        widen(rows.view(places.dtype), indices, (channel, d, h), channels)


@compiled
def block_of(number, lanes, shape):
    """Find the first channel of a row of `LANES` channels, their number, and the row, (d, h)."""
    h = number % shape[2]
    number //= shape[2]
    channel = number // shape[1] * lanes
    return channel, min(lanes, shape[0] - channel), number % shape[1], h


@compiled
def elements(axis, place):
    """List what an element of an axis is made of."""
    first = axis.first[place]
    return range(first, first + axis.number[place] * axis.step, axis.step)


@compiled
def divide(rows, source, divisor, result, target, count):
    """Divide a row of each of `count` channels; `source` and `target` place it in the first."""
    a, z, i = source
    b, d, h = target
    for n in range(count):
        for w in range(divisor.size):
            result[b + n, d, h, w] = rows[a + n, z, i, w] / divisor[w]


@compiled
def copy(rows, result, target, count):
    """Copy a row of each of `count` channels; `target` places it in the first."""
    _, depth, height, width = result.shape
    channel, d, h = target
    plane, gap = depth * height * width, rows.shape[3] * rows.itemsize
    to = channel * plane + (d * height + h) * width
    copy_between(result, to, plane, count, width, address_of(rows), gap, 0, width, 0)


@compiled
def widen(rows, result, target, count):
    """Copy a row of integers of each of `count` channels to one of wider ones."""
    channel, d, h = target
    for n in range(count):
        row, line = rows[n, 0, 0], result[channel + n, d, h]
        for w in range(line.size):
            line[w] = row[w]


@compiled
def turn_rows(line, array, place, count):
    """Make a row of each of `count` channels a row of vectors; `place` is that in the first."""
    _, depth, height, width = array.shape
    channel, d, h = place
    size = array.itemsize
    source = address_of(array) + ((channel * depth + d) * height + h) * width * size
    gap = depth * height * width * size
    turn_lines(line, 0, line.size // width, source, gap, count, width)


@compiled
def turn_back(rows, line, lanes, width, count):
    """Make a row of vectors a row of each channel."""
    gap = lanes * line.itemsize
    turn_lines(rows, 0, rows.shape[3], address_of(line), gap, width, count)


@intrinsic
def add_windows(typing_context, sums, line, first, count, step):
    """Add to each vector of `sums` the vectors of `line` that it is made of."""
    signature = types.void(sums, line, first, count, step)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, line, VECTOR_BYTES)
        size = context.make_array(first)(context, builder, arguments[2]).nitems
        sums, line_data, starts, counts, step = e.unpacked(signature.args, arguments)
        (total,) = e.slots(1)
        with cgutils.for_range(builder, size) as w:
            place = e.at(sums, builder.mul(w.index, e.number(e.lanes)))
            builder.store(e.load(place), total)
            with _cells(e, line_data, starts, counts, step, w.index) as (_, cell):
                builder.store(builder.fadd(builder.load(total), cell), total)
            e.store(builder.load(total), place)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def raise_tops(typing_context, tops, found, line, first, count, step, place, fresh):
    """Raise each vector of `tops` to the vectors of `line` in its window, and note their places.

    The cells of `line` have the places from `place` on. What was there before counts for nothing
    if it is `fresh`, and windows without a cell get minus infinity, at -1.
    """
    signature = types.void(tops, found, line, first, count, step, place, fresh)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, line, VECTOR_BYTES)
        windows = context.make_array(first)(context, builder, arguments[3]).nitems
        *unpacked, place, fresh = e.unpacked(signature.args, arguments)
        integer = context.get_data_type(found.dtype)
        place = builder.trunc(place, integer)
        kind = ir.VectorType(integer, e.lanes)
        rows = _Rows._make([e, *unpacked, place, kind, windows])
        with builder.if_else(fresh) as (anew, on):
            with anew:
                _raise(rows, fresh=True)
            with on:
                _raise(rows, fresh=False)
        return context.get_dummy_value()

    return signature, codegen


class _Rows(NamedTuple):
    """What `raise_tops` works on, while it is emitted."""

    e: Emitter
    tops: ir.Value
    found: ir.Value
    line: ir.Value
    starts: ir.Value
    counts: ir.Value
    step: ir.Value
    place: ir.Value
    places: ir.VectorType
    windows: ir.Value


def _raise(rows, fresh):
    """Emit the loop over the windows."""
    e, builder = rows.e, rows.e.builder
    (top,), index = e.slots(1), cgutils.alloca_once(builder, rows.places)

    def here(j):
        place = builder.add(rows.place, builder.trunc(j, rows.place.type))
        return _everywhere(e, place, rows.places)

    with cgutils.for_range(builder, rows.windows) as w:
        best = e.at(rows.tops, builder.mul(w.index, e.number(e.lanes)))
        where = e.at(rows.found, builder.mul(w.index, e.number(e.lanes)))
        where = builder.bitcast(where, rows.places.as_pointer())
        if fresh:
            start, count = (builder.load(e.at(t, w.index)) for t in (rows.starts, rows.counts))
            builder.store(ir.Constant(e.vector, [-math.inf] * e.lanes), top)
            builder.store(ir.Constant(rows.places, [-1] * e.lanes), index)
            with builder.if_then(builder.icmp_signed(">", count, e.number(0)), likely=True):
                cell = e.load(e.at(rows.line, builder.mul(start, e.number(e.lanes))))
                builder.store(cell, top)
                builder.store(here(start), index)
        else:
            builder.store(e.load(best), top)
            builder.store(builder.load(where, align=e.alignment), index)
        cells = _cells(
            e, rows.line, rows.starts, rows.counts, rows.step, w.index, e.number(int(fresh))
        )
        with cells as (j, cell):
            old = builder.load(top)
            # Higher, or the first NaN.
            taken = builder.and_(
                builder.fcmp_unordered(">", cell, old), builder.fcmp_ordered("ord", old, old)
            )
            builder.store(builder.select(taken, cell, old), top)
            builder.store(builder.select(taken, here(j), builder.load(index)), index)
        e.store(builder.load(top), best)
        builder.store(builder.load(index), where, align=e.alignment)


@contextmanager
def _cells(e, line, starts, counts, step, w, begin=None):
    """Emit, for each cell of window w, its place in the row and the vector that is there."""
    start, count = (e.builder.load(e.at(table, w)) for table in (starts, counts))
    with cgutils.for_range(e.builder, count, begin) as k:
        j = e.builder.add(start, e.builder.mul(k.index, step))
        yield j, e.load(e.at(line, e.builder.mul(j, e.number(e.lanes))))


def _everywhere(e, number, kind):
    """Put a number into every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = e.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return e.shuffled(first, undefined, [0] * e.lanes)
