"""The two register-tiled micro-kernels of convolution, and raw access to memory.

Numba's own loops keep one sum in a register at a time. These kernels keep a whole *tile* of sums
in vector registers, so that every number loaded is used several times. They are written straight
in LLVM's intermediate language: ``builder`` appends instructions, a stack slot (``alloca``) that
is only loaded and stored becomes a register, and a vector type such as ``<16 x float>`` is sixteen
sums side by side.

`correlate_tiles` serves the forward map and the input gradient. For a tile of ``rows`` output
channels and some vectors of positions it runs over all terms k = (channel, tap) of the sum::

    tile[row, position] = bias[row] + sum_k packed[k, row] * patch[offsets[k] + position]

`dot_tiles` serves the weight gradient. For a tile of rows (output channels) and columns (terms k)
it runs over all positions::

    sums[row, k] = sum_position grads[row, position] * patch[offsets[k] + position]

**The same bits everywhere.** Every product enters its sum by a fused multiply-add, in the order of
k above. In `correlate_tiles` a sum never leaves its lane, so that neither the shape of the tile
nor the width of the machine's vectors can change it: both are chosen for the processor. In
`dot_tiles` position p is summed in lane p mod `DOT_BYTES` / itemsize, and the lanes are added by
halving: there the number of lanes is fixed for every processor.
"""

from itertools import product

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from deconv_ref.emitter import REGISTERS, VECTOR_BYTES, Emitter

__all__ = [
    "DOT_BYTES",
    "MOST_COLUMNS",
    "VECTOR_BYTES",
    "correlate_tiles",
    "dot_columns",
    "dot_tiles",
    "largest_dot_rows",
    "largest_rows",
    "widest",
]

DOT_BYTES = 64
MOST_VECTORS = 8  # in a tile of `correlate_tiles`
MOST_COLUMNS = 10  # in a tile of `dot_tiles`: nine taps and the bias


def largest_rows() -> int:
    """Count the output channels of the tallest tile of `correlate_tiles`."""
    return (REGISTERS - 3) // 2


def widest(rows: int) -> int:
    """Count the vectors of positions in a tile of so many rows.

    All sums, the shorter side's operands and one operand of the longer side stay in registers.

    Examples
    --------
    >>> 1 <= widest(largest_rows()) <= widest(1)
    True
    """
    fitting = [n for n in range(1, MOST_VECTORS + 1) if rows * n + min(rows, n) < REGISTERS]
    return fitting[-1]


def largest_dot_rows() -> int:
    """Count the output channels of the tallest tile of `dot_tiles`."""
    return 5 if REGISTERS * VECTOR_BYTES >= 32 * DOT_BYTES else 2


def dot_columns(rows: int) -> int:
    """Count the terms in a tile of `dot_tiles` of so many rows."""
    vectors = REGISTERS * VECTOR_BYTES // DOT_BYTES
    fitting = [n for n in range(1, MOST_COLUMNS + 1) if rows * n + min(rows, n) < vectors]
    return max(fitting, default=1)


@intrinsic
def correlate_tiles(
    typing_context,
    rows,  # output channels in the tile, 1 to largest_rows()
    terms,  # how many k
    packed,  # weights, (terms, rows) from packed_at on
    packed_at,
    offsets,  # of term k in the patch: offsets[offsets_at + k]
    offsets_at,
    patch,  # its address
    bias,  # of row r: bias[bias_at + r]
    bias_at,
    sources,  # where each vector of positions starts in the patch, relative to a term's offset
    targets,  # where it goes in out, relative to out_at and its row
    count,  # of vectors; both tables are longer by copies of the last one
    out,
    out_at,
    pitch,  # from one row to the next in out
    low,  # what results are raised to
):
    """Correlate: see the module."""
    index, array = types.int64, types.Array
    signature = types.void(
        index, index, packed, index, offsets, index, index, bias, index, sources, targets, index,
        out, index, index, packed.dtype,
    )  # fmt: skip
    if not isinstance(packed, array):
        return None

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, packed, VECTOR_BYTES)
        rows, *rest = e.unpacked(signature.args, arguments)
        e.switch(rows, range(1, largest_rows() + 1), lambda height: _correlate(e, height, *rest))
        return context.get_dummy_value()

    return signature, codegen


def _correlate(
    e, rows, terms, packed, packed_at, offsets, offsets_at, patch, bias, bias_at, sources, targets,
    count, out, out_at, pitch, low,
):  # fmt: skip
    builder, vectors = e.builder, widest(rows)
    sums = [e.slots(vectors) for _ in range(rows)]
    step = e.number(vectors)
    with cgutils.for_range_slice(builder, e.number(0), count, step, ir.IntType(64)) as (first, _):
        nth = [builder.add(first, e.number(v)) for v in range(vectors)]
        starts = [e.at(e.numbers(patch), builder.load(e.at(sources, n))) for n in nth]
        for row in range(rows):
            start = e.spread(e.at(bias, bias_at, e.number(row)))
            for slot in sums[row]:
                builder.store(start, slot)
        with cgutils.for_range(builder, terms) as loop:
            offset = builder.load(e.at(offsets, offsets_at, loop.index))
            weights = e.at(packed, packed_at, builder.mul(loop.index, e.number(rows)))
            if vectors <= rows:
                cells = [e.load(e.at(start, offset)) for start in starts]
                for row in range(rows):
                    weight = e.spread(e.at(weights, e.number(row)))
                    for v in range(vectors):
                        e.multiply_add(sums[row][v], cells[v], weight)
            else:
                spread = [e.spread(e.at(weights, e.number(row))) for row in range(rows)]
                for v in range(vectors):
                    cells = e.load(e.at(starts[v], offset))
                    for row in range(rows):
                        e.multiply_add(sums[row][v], cells, spread[row])
        for v in range(vectors):
            place = e.at(out, out_at, builder.load(e.at(targets, nth[v])))
            for row in range(rows):
                e.store(e.raised(e.positive(builder.load(sums[row][v])), low), place)
                place = e.at(place, pitch)


@intrinsic
def dot_tiles(
    typing_context,
    rows,  # output channels in the tile, 1 to largest_dot_rows()
    grads,  # gradients of the positions, row r from grads_at + r * pitch on
    grads_at,
    pitch,
    patch,
    offsets,  # of the tile's column j in the patch: offsets[offsets_at + j]
    offsets_at,
    sources,  # where each vector of positions starts in the patch, relative to a term's offset
    count,  # of vectors
    sums,  # the result, (rows, dot_columns(rows)), in whole vectors
):
    """Sum over positions: see the module."""
    index, array = types.int64, types.Array
    signature = types.void(
        index, grads, index, index, patch, offsets, index, sources, index, sums
    )  # fmt: skip
    if not isinstance(grads, array):
        return None

    def codegen(context, builder, signature, arguments):
        e = Emitter(context, builder, grads, DOT_BYTES)
        rows, *rest = e.unpacked(signature.args, arguments)
        e.switch(rows, range(1, largest_dot_rows() + 1), lambda height: _dot(e, height, *rest))
        return context.get_dummy_value()

    return signature, codegen


def _dot(e, rows, grads, grads_at, pitch, patch, offsets, offsets_at, sources, count, sums):
    builder, columns = e.builder, dot_columns(rows)
    slots = [e.slots(columns) for _ in range(rows)]
    for row, j in product(range(rows), range(columns)):
        builder.store(ir.Constant(e.vector, None), slots[row][j])
    starts = [
        e.at(patch, builder.load(e.at(offsets, offsets_at, e.number(j)))) for j in range(columns)
    ]
    lines = [e.at(grads, grads_at, builder.mul(pitch, e.number(row))) for row in range(rows)]
    with cgutils.for_range(builder, count) as loop:
        source = builder.load(e.at(sources, loop.index))
        position = builder.mul(loop.index, e.number(e.lanes))
        grad = [e.load(e.at(line, position)) for line in lines]
        for j in range(columns):
            cells = e.load(e.at(starts[j], source))
            for row in range(rows):
                e.multiply_add(slots[row][j], grad[row], cells)
    results = [builder.load(slot) for row in slots for slot in row]
    results += [ir.Constant(e.vector, None)] * (-len(results) % e.lanes)
    for first in range(0, len(results), e.lanes):
        e.store(e.across(results[first : first + e.lanes]), e.at(sums, e.number(first)))
