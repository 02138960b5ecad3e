"""Lines of numbers, moved and added in whole vectors, and raw access to memory.

What Numba's own loops would do one number at a time, because they cannot know that two arrays
share no memory, or could do only with a version for each memory layout.
"""

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref.emitter import VECTOR_BYTES, Emitter

__all__ = [
    "LANES",
    "add_line",
    "address_of",
    "all_finite",
    "copy_between",
    "interleave",
    "read",
    "split_lines",
    "turn_lines",
]

LANES = 64  # sums that `add_line` keeps
ADDED_BYTES = 64  # of them that one vector holds


@intrinsic
def copy_between(
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
    ahead,  # bytes from there to what will be read soon
):
    """Write lines of zeros, but for `first` to `last` what lies at an address.

    Nothing else is read or written, so that lines may end where memory does.
    """
    index = types.int64
    signature = types.void(target, *[index] * 9)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, target, VECTOR_BYTES)
        _copy_lines(e, [e.data(target, arguments[0])], *arguments[1:])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def split_lines(
    typing_context, target, to, apart, pitch, count, width, source, gap, first, last, ahead
):
    """Do as `copy_between`, with every second number: the others go `apart` from those.

    `first` and `last` count all numbers. With `apart` zero those of even number alone stay.
    """
    index = types.int64
    signature = types.void(target, *[index] * 10)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, target, VECTOR_BYTES)
        even = e.data(target, arguments[0])
        _copy_lines(e, [even, e.at(even, arguments[2])], arguments[1], *arguments[3:])
        return context.get_dummy_value()

    return signature, codegen


def _copy_lines(e, targets, to, pitch, count, width, source, gap, first, last, ahead):
    """Emit the copy, each line dealt out to the targets."""
    builder, lanes, step = e.builder, e.number(e.lanes), len(targets)
    kind = ir.IntType(64)

    def copy(start, places, load, store):
        cells = [load(e.at(start, part), part) for part in parts]
        for first, place in reversed(list(enumerate(places))):
            every = range(first, step * e.lanes, step)
            store(e.shuffled(cells[0], cells[-1], list(every)), place)

    with cgutils.for_range(builder, count) as line:
        start = builder.add(source, builder.mul(line.index, gap))
        soon = builder.inttoptr(builder.add(start, ahead), e.scalar.as_pointer())
        start = builder.inttoptr(start, e.scalar.as_pointer())
        lines = [e.at(data, to, builder.mul(line.index, pitch)) for data in targets]
        with cgutils.for_range_slice(builder, e.number(0), width, lanes, kind) as (n, _):
            places = [e.at(line, n) for line in lines]
            begin = builder.mul(n, e.number(step))
            parts = [builder.add(begin, e.number(part * e.lanes)) for part in range(step)]
            inside = builder.icmp_signed("<=", first, begin)
            end = builder.add(begin, e.number(step * e.lanes))
            inside = builder.and_(inside, builder.icmp_signed("<=", end, last))
            with builder.if_else(inside, likely=True) as (whole, border):
                with whole:
                    for part in parts:
                        e.prefetch(e.at(soon, part))
                    copy(start, places, lambda place, _: e.load(place, align=1), e.store)
                with border:
                    kept = e.lanes_until(builder.sub(width, n))
                    copy(
                        start,
                        places,
                        lambda place, part: e.load_some(
                            place,
                            e.lanes_between(builder.sub(first, part), builder.sub(last, part)),
                        ),
                        lambda vector, place: e.store_some(vector, place, kept),
                    )


@intrinsic
def interleave(typing_context, out, to, tile, first, second, width, ahead):
    """Write first, second, first, second, ... of two lines: `width` numbers in all.

    What lies `ahead` numbers after them will be written soon.
    """
    index = types.int64
    signature = types.void(out, index, tile, index, index, index, index)

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, out, VECTOR_BYTES)
        out_data, tile_data = e.data(out, arguments[0]), e.data(tile, arguments[2])
        _, to, _, first, second, width, ahead = arguments
        lines = e.at(tile_data, first), e.at(tile_data, second)
        _interleave(e, e.at(out_data, to), *lines, width, ahead)
        return context.get_dummy_value()

    return signature, codegen


def _interleave(e, out, first, second, width, ahead):
    builder, lanes, two = e.builder, e.number(e.lanes), e.number(2)
    low = [lane // 2 + lane % 2 * e.lanes for lane in range(e.lanes)]
    high = [lane + e.lanes // 2 for lane in low]
    step, kind = e.number(2 * e.lanes), ir.IntType(64)
    with cgutils.for_range_slice(builder, e.number(0), width, step, kind) as (n, _):
        pair, left = builder.sdiv(n, two), builder.sub(width, n)
        with builder.if_else(builder.icmp_signed(">=", left, step)) as (whole, rest):
            with whole:
                e.prefetch(e.at(out, n, ahead), write=True)
                e.prefetch(e.at(out, n, ahead, lanes), write=True)
                a, b = e.load(e.at(first, pair)), e.load(e.at(second, pair))
                e.store(e.shuffled(a, b, low), e.at(out, n))
                e.store(e.shuffled(a, b, high), e.at(out, n, lanes))
            with rest:
                halves = builder.sdiv(builder.add(left, e.number(1)), two), builder.sdiv(left, two)
                a, b = (
                    e.load_some(e.at(line, pair), e.lanes_until(half))
                    for line, half in zip((first, second), halves, strict=True)
                )
                e.store_some(e.shuffled(a, b, low), e.at(out, n), e.lanes_until(left))
                left = e.lanes_until(builder.sub(left, lanes))
                e.store_some(e.shuffled(a, b, high), e.at(out, n, lanes), left)


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


@numba.njit(cache=True, nogil=True)
def all_finite(line):
    """Tell whether there is neither an infinity nor NaN."""
    infinite = False
    for n in range(line.size):
        infinite |= line[n] * 0 != 0
    return not infinite
