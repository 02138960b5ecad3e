"""Lines of numbers, moved and added in whole vectors, and raw access to memory.

What Numba's own loops would do one number at a time, because they cannot know that two arrays
share no memory, or could do only with a version for each memory layout.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref.emitter import VECTOR_BYTES, Emitter

__all__ = [
    "LANES",
    "add_line",
    "address_of",
    "copy_between",
    "copy_every_second",
    "interleave",
    "read",
    "turn_lines",
]

LANES = 64  # sums that `add_line` keeps
ADDED_BYTES = 64  # of them that one vector holds


def _line_copier(step):
    """Make an intrinsic that copies every `step`-th number of some lines."""

    @intrinsic
    def copy(
        typing_context,
        target,
        to,  # first number of the first line
        pitch,  # from one line to the next
        count,  # of lines
        width,  # numbers of a line
        source,  # address of the first line
        gap,  # from one line to the next, in bytes
        first,  # of the numbers that come from the source; before it and from last on: zeros
        last,
    ):
        """Write lines of zeros, but for `first` to `last` what lies at an address.

        Nothing else is read or written, so that lines may end where memory does.
        """
        index = types.int64
        signature = types.void(target, *[index] * 8)

        def codegen(context, builder, signature, arguments):
            e = Emitter(context, builder, target, VECTOR_BYTES)
            _copy_lines(e, step, e.data(target, arguments[0]), *arguments[1:])
            return context.get_dummy_value()

        return signature, codegen

    return copy


def _copy_lines(e, step, data, to, pitch, count, width, source, gap, first, last):
    """Emit the copy, a column of vectors after another, so that a column has one mask."""
    builder, lanes = e.builder, e.number(e.lanes)
    every = list(range(0, step * e.lanes, step))
    # The numbers from `begin` up to `end` are read: none after the last that is wanted.
    begin = builder.mul(first, e.number(step))
    end = builder.sub(builder.mul(last, e.number(step)), e.number(step - 1))

    def column(n, load, store):
        with cgutils.for_range(builder, count) as line:
            start = builder.add(source, builder.mul(line.index, gap))
            start = builder.inttoptr(start, e.scalar.as_pointer())
            cells = [load(start, at) for at in parts]
            place = e.at(data, to, builder.mul(line.index, pitch), n)
            store(e.shuffled(cells[0], cells[-1], every), place)

    with cgutils.for_range_slice(builder, e.number(0), width, lanes, ir.IntType(64)) as (n, _):
        parts = [
            builder.add(builder.mul(n, e.number(step)), e.number(part * e.lanes))
            for part in range(step)
        ]
        inside = builder.icmp_signed("<=", begin, parts[0])
        stop = builder.add(parts[-1], lanes)
        inside = builder.and_(inside, builder.icmp_signed("<=", stop, end))
        with builder.if_else(inside) as (whole, border):
            with whole:
                column(n, lambda start, at: e.load(e.at(start, at), align=1), e.store)
            with border:
                wanted = {
                    at: e.lanes_between(builder.sub(begin, at), builder.sub(end, at))
                    for at in parts
                }
                kept = e.lanes_until(builder.sub(width, n))
                column(
                    n,
                    lambda start, at: e.load_some(e.at(start, at), wanted[at]),
                    lambda vector, place: e.store_some(vector, place, kept),
                )


copy_between = _line_copier(1)
copy_every_second = _line_copier(2)


@intrinsic
def interleave(typing_context, out, to, tile, first, second, count):
    """Write first, second, first, second, ... of two lines; return how many pairs.

    Whole vectors alone: what is left of `count` stays to be done.
    """
    index = types.int64
    signature = index(out, index, tile, index, index, index)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, out, VECTOR_BYTES)
        out_data, tile_data = e.data(out, arguments[0]), e.data(tile, arguments[2])
        _, to, _, first, second, count = arguments
        lanes = e.number(e.lanes)
        whole = builder.mul(builder.sdiv(count, lanes), lanes)
        low = [lane // 2 + lane % 2 * e.lanes for lane in range(e.lanes)]
        high = [lane + e.lanes // 2 for lane in low]
        with cgutils.for_range_slice(builder, e.number(0), whole, lanes, ir.IntType(64)) as (n, _):
            a, b = e.load(e.at(tile_data, first, n)), e.load(e.at(tile_data, second, n))
            target = e.at(out_data, to, builder.mul(n, e.number(2)))
            e.store(e.shuffled(a, b, low), target)
            e.store(e.shuffled(a, b, high), e.at(target, lanes))
        return whole

    return signature, codegen


@intrinsic
def turn_lines(typing_context, turned, to, width, source, gap, rows, count):
    """Write `count` numbers of some lines side by side: the first of each, the second, ...

    The lines start at an address, `gap` bytes apart, and nothing else is read. Side by side, from
    number `to` on, they take `width`; what is beyond `rows` lines is zero.
    """
    index = types.int64
    signature = types.void(turned, *[index] * 6)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, turned, VECTOR_BYTES)
        _turn_lines(e, e.data(turned, arguments[0]), *arguments[1:])
        return context.get_dummy_value()

    return signature, codegen


def _turn_lines(e, data, to, width, source, gap, rows, count):
    builder, zero, lanes, kind = e.builder, e.number(0), e.number(e.lanes), ir.IntType(64)
    with cgutils.for_range_slice(builder, zero, width, lanes, kind) as (first, _):
        lines = []
        for row in range(e.lanes):
            number = builder.add(first, e.number(row))
            exists = builder.icmp_signed("<", number, rows)
            # A masked load that touches nothing is slow all the same where no memory is.
            offset = builder.select(exists, builder.mul(gap, number), zero)
            lines.append((exists, builder.add(source, offset)))
        room = e.lanes_until(builder.sub(width, first))
        with cgutils.for_range_slice(builder, zero, count, lanes, kind) as (n, _):
            left = builder.sub(count, n)
            vectors = []
            for exists, line in lines:
                some = builder.select(exists, left, zero)
                place = e.at(builder.inttoptr(line, e.scalar.as_pointer()), n)
                vectors.append(e.load_some(place, e.lanes_until(some)))
            place = e.at(data, to, builder.mul(n, width), first)
            for lane, vector in enumerate(e.transposed(vectors)):
                with builder.if_then(builder.icmp_signed(">", left, e.number(lane)), likely=True):
                    e.store_some(vector, e.at(place, builder.mul(width, e.number(lane))), room)


@intrinsic
def add_line(typing_context, lanes, line):
    """Add number e of a line to the sum in lane e mod `LANES`; both in whole `LANES`."""
    signature = types.void(lanes, line)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, line, ADDED_BYTES)
        sums, data = e.data(lanes, arguments[0]), e.data(line, arguments[1])
        size = context.make_array(line)(context, builder, arguments[1]).nitems
        places = [e.number(lane) for lane in range(0, LANES, e.lanes)]
        slots = e.slots(len(places))
        for slot, place in zip(slots, places, strict=True):
            builder.store(e.load(e.at(sums, place)), slot)
        step, zero = e.number(LANES), e.number(0)
        with cgutils.for_range_slice(builder, zero, size, step, ir.IntType(64)) as (n, _):
            for slot, place in zip(slots, places, strict=True):
                builder.store(builder.fadd(builder.load(slot), e.load(e.at(data, n, place))), slot)
        for slot, place in zip(slots, places, strict=True):
            e.store(builder.load(slot), e.at(sums, place))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def read(typing_context, address, like):
    """Read a number of the dtype of the array `like` at an address in memory."""
    signature = like.dtype(types.int64, like)

    def codegen(context, builder, signature, arguments):
        scalar = context.get_data_type(like.dtype)
        pointer = builder.inttoptr(arguments[0], scalar.as_pointer())
        return builder.load(pointer, align=1)

    return signature, codegen


@intrinsic
def address_of(typing_context, array):
    """Give the address of an array's first element."""
    signature = types.int64(array)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return signature, codegen
