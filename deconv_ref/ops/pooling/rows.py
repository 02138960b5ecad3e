"""Maxima along rows: a vector holds one cell of as many neighbouring windows as it has lanes.

Nothing is turned as it is in `deconv_ref.ops.pooling.lanes`, but cells of neighbouring windows must
lie side by side, or every second one: `STRIDES` along the innermost axis. The cells of a window are
gone through in row-major order.
"""

import math
from contextlib import contextmanager

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref import threads
from deconv_ref.emitter import VECTOR_BYTES, Emitter

__all__ = ["STRIDES", "max_rows"]

STRIDES = (1, 2)

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


def _maxima(stride):
    """Make an intrinsic that evaluates P1 and P2 for one vector of positions."""

    @intrinsic
    def maxima(
        typing_context,
        y,
        indices,  # viewed as float64, the kind of number that there are vectors of
        to,  # place of the first position in these two
        count,  # positions from there to the end of the row
        x,
        channel,  # its first cell
        deep,  # the planes that the windows meet: first, number, step
        high,  # the rows, likewise
        size,  # of the input, (D, H, W)
        start,  # column of the first window's first tap; in the padding it lies outside
        taps,
        step,  # from tap to tap
    ):
        index, three = types.int64, types.UniTuple(types.int64, 3)
        kinds = y, indices, index, index, x, index, three, three, three, index, index, index
        signature = types.void(*kinds)

        def codegen(context, builder, signature, arguments):
            _Maxima(context, builder, stride, kinds, arguments).emit()
            return context.get_dummy_value()

        return signature, codegen

    return maxima


class _Maxima:
    """The instructions for one vector of positions."""

    def __init__(self, context, builder, stride, kinds, arguments):
        self.e = e = Emitter(context, builder, kinds[0], VECTOR_BYTES)
        self.wide = Emitter(context, builder, kinds[1], 8 * e.lanes)
        self.builder, self.stride = builder, stride
        self.y, self.indices, self.to, count, self.x, self.channel = e.unpacked(
            kinds[:6], arguments[:6]
        )
        self.deep, self.high, (_, self.height, self.width) = (
            cgutils.unpack_tuple(builder, value, 3) for value in arguments[6:9]
        )
        self.start, self.taps, self.step = arguments[9:]

        most = e.number(e.lanes)
        self.count = builder.select(builder.icmp_signed("<", count, most), count, most)
        self.kept = e.lanes_until(self.count)
        # From the first window's tap to the last one's, and the lanes of two vectors up to there.
        self.span = builder.mul(builder.sub(self.count, e.number(1)), e.number(stride))
        ends = (builder.sub(self.span, e.number(before)) for before in (-1, e.lanes - 2))
        self.masks = tuple(map(e.lanes_until, ends))

        self.places = ir.VectorType(ir.IntType(8 * e.alignment), e.lanes)
        (self.top,) = e.slots(1)
        self.found = cgutils.alloca_once(builder, self.places)

    def emit(self):
        """Take the short way; the other where a window meets NaN, or minus infinity at most."""
        e, builder = self.e, self.builder
        last = builder.mul(self.step, builder.sub(self.taps, e.number(1)))
        last = builder.add(self.start, builder.add(last, self.span))
        inside = builder.and_(
            builder.icmp_signed(">=", self.start, e.number(0)),
            builder.icmp_signed("<", last, self.width),
        )
        again = cgutils.alloca_once(builder, ir.IntType(1))
        with builder.if_else(inside) as (within, border):
            with within:
                builder.store(self.numbers(self.cells), again)
            with border:
                builder.store(self.numbers(self.cells_inside), again)
        with builder.if_then(builder.load(again), likely=False):
            self.anything()
        found = builder.sext(builder.load(self.found), ir.VectorType(ir.IntType(64), e.lanes))
        found = builder.bitcast(found, self.wide.vector)
        e.store_some(builder.load(self.top), e.at(self.y, self.to), self.kept)
        self.wide.store_some(found, e.at(self.indices, self.to), self.kept)

    def numbers(self, cells):
        """Raise the maxima by what is higher; tell if that is not all there is to it."""
        builder = self.builder
        self.begin()
        nan = cgutils.alloca_once_value(builder, ir.Constant(self.kept.type, None))
        with self.window() as (row, line, column):
            cell, _ = cells(line, column)
            met = builder.fcmp_unordered("uno", cell, cell)
            builder.store(builder.or_(builder.load(nan), met), nan)
            higher = builder.fcmp_ordered(">", cell, builder.load(self.top))
            self.raise_top(higher, cell, row, column)
        other = builder.and_(self.kept, builder.or_(self.nowhere(), builder.load(nan)))
        bits = ir.IntType(self.e.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(other, bits), bits(0))

    def anything(self):
        """Raise the maxima by the first cell, and by what is higher, or the first NaN."""
        builder = self.builder
        self.begin()
        with self.window() as (row, line, column):
            cell, there = self.cells_inside(line, column)
            top = builder.load(self.top)
            higher = builder.fcmp_unordered(">", cell, top)
            higher = builder.and_(higher, builder.fcmp_ordered("ord", top, top))
            taken = builder.and_(there, builder.or_(self.nowhere(), higher))
            self.raise_top(taken, cell, row, column)

    def begin(self):
        """Start from minus infinity, found nowhere."""
        e = self.e
        self.builder.store(ir.Constant(e.vector, [-math.inf] * e.lanes), self.top)
        self.builder.store(ir.Constant(self.places, [-1] * e.lanes), self.found)

    def nowhere(self):
        """Tell which maxima were found nowhere so far."""
        builder = self.builder
        return builder.icmp_signed("<", builder.load(self.found), ir.Constant(self.places, None))

    def raise_top(self, taken, cell, row, column):
        """Take the cells of some windows, and their places."""
        builder = self.builder
        place = builder.trunc(builder.add(row, column), self.places.element)
        across = [lane * self.stride for lane in range(self.e.lanes)]
        places = builder.add(self.e.everywhere(place), ir.Constant(self.places, across))
        builder.store(builder.select(taken, cell, builder.load(self.top)), self.top)
        builder.store(builder.select(taken, places, builder.load(self.found)), self.found)

    @contextmanager
    def window(self):
        """Emit loops over a window: its rows, by place and address, and its columns."""
        e, builder = self.e, self.builder
        with self.elements(self.deep) as z, self.elements(self.high) as i:
            row = builder.mul(builder.add(builder.mul(z, self.height), i), self.width)
            line = e.at(self.x, self.channel, row)
            with self.elements((self.start, self.taps, self.step)) as column:
                yield row, line, column

    @contextmanager
    def elements(self, axis):
        """Emit a loop over what the windows meet along one axis."""
        first, number, step = axis
        with cgutils.for_range(self.builder, number) as loop:
            yield self.builder.add(first, self.builder.mul(loop.index, step))

    def cells(self, line, column):
        """Load the cell of every window, where all lie inside the row, and tell which there are."""
        e = self.e
        if self.stride == 1:
            return e.load_some(e.at(line, column), self.kept, -math.inf), self.kept
        # The second vector ends with the last cell, and not after it, where memory may end.
        halves = e.at(line, column), e.at(line, column, e.number(e.lanes - 1))
        return self.alternate(*map(e.load_some, halves, self.masks, [-math.inf] * 2)), self.kept

    def cells_inside(self, line, column):
        """Load the cells that lie inside the row, and tell which do."""
        e, builder = self.e, self.builder

        def load(column):
            mask = e.lanes_between(builder.neg(column), builder.sub(self.width, column))
            return e.load_some(e.at(line, column), mask, -math.inf), mask

        if self.stride == 1:
            return load(column)
        halves = load(column), load(builder.add(column, e.number(e.lanes - 1)))
        return tuple(self.alternate(*parts) for parts in zip(*halves, strict=True))

    def alternate(self, first, second):
        """Gather every second number of two vectors, of which the second starts a lane early."""
        half = range(0, self.e.lanes, 2)
        return self.e.shuffled(first, second, [*half, *(self.e.lanes + 1 + lane for lane in half)])


side_by_side, every_second = map(_maxima, STRIDES)


@compiled
def max_rows(x, deep, high, wide, y, indices, first, last):
    """Evaluate P1 and P2 on some rows of `y`.

    `deep` and `high` tell which planes and rows the windows meet, `wide` where they begin, their
    stride, their taps and the step from tap to tap.
    """
    if threads.shared(first, last):
        return
    start, stride, taps, step = wide
    lanes = VECTOR_BYTES // x.itemsize
    _, depth, height, width = y.shape
    size = x.shape[1], x.shape[2], x.shape[3]
    cells, tops, found = x.reshape(-1), y.reshape(-1), indices.reshape(-1).view(np.float64)
    plane, h = first // height, first % height - 1  # divided once: rows are short
    for row in range(first, last):
        h += 1
        if h == height:
            plane, h = plane + 1, 0
        channel, d = (plane, 0) if depth == 1 else (plane // depth, plane % depth)
        begin = channel * size[0] * size[1] * size[2]
        planes = deep.first[d], deep.number[d], deep.step
        rows = high.first[h], high.number[h], high.step
        for w in range(0, width, lanes):
            to, count, column = row * width + w, width - w, start + w * stride
            span = (min(count, lanes) - 1) * stride
            met = taps
            if column < 0 or column + span + (taps - 1) * step >= size[2]:
                column, met = met_taps(column, span, taps, step, size[2])
            if stride == 1:
                side_by_side(
                    tops, found, to, count, cells, begin, planes, rows, size, column, met, step
                )
            else:
                every_second(
                    tops, found, to, count, cells, begin, planes, rows, size, column, met, step
                )


@compiled
def met_taps(column, span, taps, step, width):
    """Leave out the taps that lie outside the row in all windows; give column and number.

    The first tap of the first window lies in `column`, that of the last window `span` further on.
    """
    before = max(0, -((column + span) // step))
    after = min(taps, -((column - width) // step))
    return column + before * step, max(after - before, 0)
