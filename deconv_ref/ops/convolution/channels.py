"""Two more micro-kernels, whose vectors lie across channels instead of positions.

Those of `microkernel` take vectors of neighbouring positions, which narrow images leave partly
empty. With many output channels the lanes can be channels: a tile is some neighbouring positions,
each with a vector or two of channels, and no lane is lost at the end of a line::

    tile[p, channel] = bias[channel] + sum_k packed[k, channel] * patch[offsets[k] + p]
    sums[k, filter] = sum_p grads[p, filter] * patch[offsets[k] + p]

`correlate_channels` turns its tile over as it stores it, so that what lies in memory is the same as
`microkernel.correlate_tiles` writes, to the bit: each sum adds the same products in the same order.
`dot_filters` sums one position of a block after another, in one lane, whatever the processor, and
adds that to the sums of the blocks before.
"""

from contextlib import ExitStack, contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref.emitter import REGISTERS, VECTOR_BYTES, Emitter

__all__ = [
    "ABREAST",
    "HEIGHTS",
    "MOST_TERMS",
    "WIDEST",
    "correlate_channels",
    "dot_filters",
    "ends",
    "terms_together",
]

ABREAST = 2  # vectors of channels at most in a tile
LARGEST = (REGISTERS - 3) // ABREAST  # positions, or terms: their sums fill the registers
# Few, for each is compiled: yet most widths are nearly a multiple of one.
HEIGHTS = (5, 7, 8, 9, 11, 13, 14) if LARGEST >= 14 else (4, 5, 6)
WIDEST = ABREAST * VECTOR_BYTES // 4  # channels at most in a tile
ENDS = 2  # positions at each end of a tile that taps may leave out
MOST_TERMS = ABREAST * LARGEST  # in a tile of `dot_filters`


def terms_together(vectors: int) -> tuple[int, ...]:
    """List how many terms a tile of `dot_filters` may have beside so many vectors of filters."""
    most = MOST_TERMS // vectors
    return (-(-most // 3), -(-most // 3) * 2, most)


def ends(height: int) -> tuple[int, ...]:
    """List the positions of a tile that a tap leaves out where they meet no cell.

    Examples
    --------
    >>> ends(8)
    (0, 1, 7, 6)
    """
    return (*range(ENDS), *range(height - 1, height - 1 - ENDS, -1))


@intrinsic
def correlate_channels(
    typing_context,
    height,  # positions in the tile, one of HEIGHTS
    width,  # channels of the result: 1 to ABREAST vectors of them
    channels,  # of the source
    apart,  # from one to the next in the patch
    taps,  # of which weights are packed, for each channel
    reads,  # (reads, 3): place in a patch's first channel, tap, and bits as of `ends`
    reads_at,  # the first of those that are wanted by run 0; those of run 1 follow, and so on
    reads_to,
    lists,  # runs after which they start over
    packed,  # weights from packed_at on, (channels, taps, whole vectors of the result's channels)
    packed_at,
    patch,  # its address
    bias,  # of channel c: bias[bias_at + c]; longer by vectors that are read in vain
    bias_at,
    sources,  # where each run of `height` positions starts in the patch
    targets,  # where it goes in out, relative to out_at and its channel
    first,  # of the runs that are wanted
    last,
    out,
    out_at,
    pitch,  # from one channel to the next in out
    low,  # what results are raised to
):
    """Correlate: see the module."""
    index, array = types.int64, types.Array
    signature = types.void(
        index, index, index, index, index, reads, index, index, index, packed, index, index, bias,
        index, sources, targets, index, index, out, index, index, packed.dtype,
    )  # fmt: skip
    if not isinstance(packed, array):
        return None

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, packed, VECTOR_BYTES)
        height, width, *rest = e.unpacked(signature.args, arguments)

        def emit(vectors):
            e.switch(height, HEIGHTS, lambda h: _correlate(e, h, vectors, width, *rest))

        vectors = builder.sdiv(builder.add(width, e.number(e.lanes - 1)), e.number(e.lanes))
        e.switch(vectors, range(1, ABREAST + 1), emit)
        return context.get_dummy_value()

    return signature, codegen


def _correlate(
    e, height, vectors, width, channels, apart, taps, reads, reads_at, reads_to, lists, packed,
    packed_at, patch, bias, bias_at, sources, targets, first, last, out, out_at, pitch, low,
):  # fmt: skip
    builder, one, two, three = e.builder, e.number(1), e.number(2), e.number(3)
    firsts = [e.number(v * e.lanes) for v in range(vectors)]
    sums = [e.slots(vectors) for _ in range(height)]
    row = e.number(vectors * e.lanes)
    number = builder.sub(reads_to, reads_at)
    with e.between(first, last) as run:
        for v in range(vectors):
            start = e.load(e.at(bias, bias_at, firsts[v]))
            for slots in sums:
                builder.store(start, slots[v])
        origin = e.at(e.numbers(patch), builder.load(e.at(sources, run)))
        list_at = builder.add(reads_at, builder.mul(builder.srem(run, lists), number))
        own_reads = e.at(reads, builder.mul(list_at, three))
        with cgutils.for_range(builder, channels) as channel:
            source = e.at(origin, builder.mul(channel.index, apart))
            rows = e.at(packed, packed_at, builder.mul(builder.mul(channel.index, taps), row))
            with cgutils.for_range(builder, number) as term:
                read = e.at(own_reads, builder.mul(term.index, three))
                cells = e.at(source, builder.load(read))
                tap = e.at(rows, builder.mul(builder.load(e.at(read, one)), row))
                weights = [e.load(e.at(tap, lane)) for lane in firsts]
                inside = builder.load(e.at(read, two))
                for position in range(height):
                    with _if_met(e, inside, position, height):
                        cell = e.spread(e.at(cells, e.number(position)))
                        for v in range(vectors):
                            e.multiply_add(sums[position][v], weights[v], cell)
        place = e.at(out, out_at, builder.load(e.at(targets, run)))
        for v in range(vectors):
            _turn_over(e, [slots[v] for slots in sums], place, pitch, firsts[v], width, low)


@contextmanager
def _if_met(e, inside, position, height):
    """Emit what is done for a position if it meets a cell, so far as `inside` tells."""
    if position not in ends(height):
        yield
        return
    bit = e.number(1 << ends(height).index(position))
    met = e.builder.icmp_signed("!=", e.builder.and_(inside, bit), e.number(0))
    with e.builder.if_then(met, likely=True):
        yield


def _turn_over(e, slots, place, pitch, channel, channels, low):
    """Store sums of some positions, each a vector of channels, as lines of positions."""
    builder = e.builder
    for first in range(0, len(slots), e.lanes):
        rows = [builder.load(slot) for slot in slots[first : first + e.lanes]]
        rows = [e.raised(e.positive(row), low) for row in rows]
        mask = e.first_lanes(len(rows))
        for lane, line in enumerate(e.transposed(rows)):
            number = builder.add(channel, e.number(lane))
            with builder.if_then(builder.icmp_signed("<", number, channels), likely=True):
                to = e.at(place, builder.mul(pitch, number), e.number(first))
                e.store_some(line, to, mask)


@intrinsic
def dot_filters(
    typing_context,
    vectors,  # of filters, 1 to ABREAST
    height,  # terms in the tile, one of terms_together(vectors)
    grads,  # (runs, width, whole vectors of filters)
    patch,  # its address
    offsets,  # of the tile's terms in the patch: offsets[first_term + k]
    places,  # of their sums, in whole vectors of filters: places[first_term + k]
    first_term,
    sources,  # where each run of positions starts in the patch, relative to a term's offset
    box,  # (4, 3): along (n, d, h) and the run, how many positions, the first wanted, and the end
    sums,  # added to
):
    """Sum over positions: see the module."""
    index, array = types.int64, types.Array
    signature = types.void(index, index, grads, index, offsets, places, index, sources, box, sums)
    if not isinstance(grads, array):
        return None

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, grads, VECTOR_BYTES)
        vectors, height, *rest = e.unpacked(signature.args, arguments)

        def emit(count):
            e.switch(height, terms_together(count), lambda h: _dot(e, count, h, *rest))

        e.switch(vectors, range(1, ABREAST + 1), emit)
        return context.get_dummy_value()

    return signature, codegen


def _dot(e, vectors, height, grads, patch, offsets, places, first_term, sources, box, sums):
    builder = e.builder
    lanes = [e.number(v * e.lanes) for v in range(vectors)]
    filters = e.number(vectors * e.lanes)
    slots = [e.slots(vectors) for _ in range(height)]
    for slot in (slot for row in slots for slot in row):
        builder.store(ir.Constant(e.vector, None), slot)
    terms = [builder.load(e.at(offsets, first_term, e.number(k))) for k in range(height)]
    sides = [[builder.load(e.at(box, e.number(3 * n + k))) for k in range(3)] for n in range(4)]
    with ExitStack() as loops:
        run = e.number(0)
        for size, first, last in sides[:3]:
            place = loops.enter_context(e.between(first, last))
            run = builder.add(builder.mul(run, size), place)
        size, first, last = sides[3]
        origin = e.at(e.numbers(patch), builder.load(e.at(sources, run)))
        starts = [e.at(origin, term) for term in terms]
        line = e.at(grads, builder.mul(builder.mul(run, size), filters))
        position = loops.enter_context(e.between(first, last))
        row = e.at(line, builder.mul(position, filters))
        grad = [e.load(e.at(row, lane)) for lane in lanes]
        for k in range(height):
            cell = e.spread(e.at(starts[k], position))
            for v in range(vectors):
                e.multiply_add(slots[k][v], grad[v], cell)
    for k in range(height):
        place = builder.load(e.at(places, first_term, e.number(k)))
        total = e.at(sums, builder.mul(place, filters))
        for v in range(vectors):
            some = e.at(total, lanes[v])
            e.store(builder.fadd(e.load(some), builder.load(slots[k][v])), some)
