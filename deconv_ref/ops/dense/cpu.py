"""The CPU kernels of the dense layer: three matrix products in one fixed order, and a sum.

Each map is ``out[i, j] = start[j] + sum_k a[i, k] b[k, j]``. The sums run upwards in k by fused
multiply-adds, each in a vector lane of its own, so that a result has the same bits whatever the
number of threads, the processor's vectors and the rows beside it. A BLAS, which NumPy's ``@`` would
call, promises none of the three: how it cuts a product depends on shapes, threads and processor.

A tile of `ROWS` x `LANE_BYTES` sums stays in registers; what a tile reads is packed first, so that
one compiled version serves every memory layout, transposed or not.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.lines import address_of, copy_between, turn_lines
from deconv_ref.memory import empty, zeros

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]

# The processor that Numba compiles for; its cache is kept by the same three values.
_, _, FEATURES = cpu_target.target_context.codegen().magic_tuple()

ROWS = 6  # of a tile, with two vectors of sums each: with their operands they fill 16 registers
LANE_BYTES = 128 if "+avx512f" in FEATURES.split(",") else 64
BLOCK_ROWS = 252  # rows that share packed columns
BLOCK_TILES = 4  # side by side
BLOCK_TERMS = 256  # so many times the columns of a block stay in a second-level cache
SHARES = 2  # blocks for each thread, where there are few
CHEAP = 8  # products that cost as much as moving an element


def forward(x, weight, bias):
    """Evaluate the forward map (L1).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C)
        Input.
    weight : numpy.ndarray of shape (M, C)
        Weights.
    bias : numpy.ndarray of shape (M,), optional
        Added to every row.

    Returns
    -------
    numpy.ndarray of shape (N, M)
        The map's result.
    """
    y = empty((len(x), len(weight)), x.dtype)
    y[...] = 0 if bias is None else bias
    return add_product(y, x, weight.T)


def input_gradient(grad_y, weight):
    """Evaluate the input gradient (L2).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, M)
        Gradient of the result.
    weight : numpy.ndarray of shape (M, C)
        Weights.

    Returns
    -------
    numpy.ndarray of shape (N, C)
        The gradient.
    """
    return add_product(zeros((len(grad_y), weight.shape[1]), grad_y.dtype), grad_y, weight)


def weight_gradient(grad_y, x):
    """Evaluate the weight gradient (L3).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, M)
        Gradient of the result.
    x : numpy.ndarray of shape (N, C)
        Input.

    Returns
    -------
    numpy.ndarray of shape (M, C)
        The gradient.
    """
    return add_product(zeros((grad_y.shape[1], x.shape[1]), x.dtype), grad_y.T, x)


def bias_gradient(grad_y):
    """Evaluate the bias gradient (L4).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, M)
        Gradient of the result.

    Returns
    -------
    numpy.ndarray of shape (M,)
        The sums over rows.
    """
    grad_bias = np.zeros(grad_y.shape[1], grad_y.dtype)
    memory, row, column = _memory(grad_y)
    arguments = (grad_bias, memory, len(grad_y), row, column)
    threads.run_shares(_add_rows, len(grad_bias), grad_y.size, *arguments)
    return grad_bias


def add_product(out, a, b):
    """Add ``a @ b`` to `out`, which is contiguous, and return it."""
    rows = -(-out.shape[0] // BLOCK_ROWS)
    tiles = -(-out.shape[1] * out.itemsize // LANE_BYTES)  # in a row
    columns = max(1, min(BLOCK_TILES, -(-tiles * rows // (SHARES * threads.threads()))))
    blocks = rows * -(-tiles // columns)
    cost = max(out.size * a.shape[1] // CHEAP, b.size)
    arguments = out, *_memory(a), *_memory(b), a.shape[1], columns
    threads.run_shares(_add_blocks, blocks, cost, *arguments)
    return out


def _memory(array):
    """Give an array as one line of numbers, and the steps along its two axes."""
    if array.T.flags.c_contiguous:
        return plain(array.T).reshape(-1), 1, array.shape[0]
    return plain(array).reshape(-1), array.shape[1], 1


@numba.njit(cache=True, nogil=True)
def _add_rows(total, memory, rows, row, column, first, last):
    if threads.shared(first, last):
        return
    for n in range(rows):
        for m in range(first, last):
            total[m] += memory[n * row + m * column]


@numba.njit(cache=True, nogil=True)
def _add_blocks(
    out, a, a_row, a_column, b, b_row, b_column, terms, tiles, first, last
):  # fmt: skip
    if threads.shared(first, last):
        return
    lanes = LANE_BYTES // out.itemsize
    width = tiles * lanes
    columns = -(-out.shape[1] // width)
    depth = min(terms, BLOCK_TERMS)
    packed_b = np.empty(depth * width, out.dtype)
    packed_a = np.empty(depth * ROWS, out.dtype)
    tile = np.empty(ROWS * lanes, out.dtype)
    whole = out.reshape(-1)
    for block in range(first, last):
        top, left = block // columns * BLOCK_ROWS, block % columns * width
        bottom = min(top + BLOCK_ROWS, out.shape[0])
        right = min(left + width, out.shape[1])
        for k in range(0, terms, BLOCK_TERMS):
            count = min(BLOCK_TERMS, terms - k)
            for j in range(left, right, lanes):
                at = (j - left) * count
                _pack(packed_b, at, lanes, b, b_column, b_row, j, right, k, count)
            for i in range(top, bottom, ROWS):
                _pack(packed_a, 0, ROWS, a, a_row, a_column, i, bottom, k, count)
                for j in range(left, right, lanes):
                    at, place = (j - left) * count, i * out.shape[1] + j
                    if i + ROWS <= bottom and j + lanes <= right:
                        _multiply(packed_a, packed_b, at, count, whole, place, out.shape[1])
                    else:  # the tile reaches over an edge
                        _load(tile, out, i, bottom, j, right, lanes)
                        _multiply(packed_a, packed_b, at, count, tile, 0, lanes)
                        _store(tile, out, i, bottom, j, right, lanes)


@numba.njit(cache=True, nogil=True)
def _pack(packed, at, width, source, across, along, begin, end, k, count):
    """Copy lines `begin` to `begin` + `width`, zeros from `end` on, term by term."""
    inside, size = min(width, end - begin), packed.itemsize
    place = address_of(source) + (begin * across + k * along) * size
    if across == 1:
        copy_between(packed, at, width, count, width, place, along * size, 0, inside, 0)
    else:
        turn_lines(packed, at, width, place, across * size, inside, count)


@numba.njit(cache=True, nogil=True)
def _load(tile, out, top, bottom, left, right, lanes):
    tile[:] = 0
    for i in range(min(ROWS, bottom - top)):
        for j in range(min(lanes, right - left)):
            tile[i * lanes + j] = out[top + i, left + j]


@numba.njit(cache=True, nogil=True)
def _store(tile, out, top, bottom, left, right, lanes):
    for i in range(min(ROWS, bottom - top)):
        for j in range(min(lanes, right - left)):
            out[top + i, left + j] = tile[i * lanes + j]


@intrinsic
def _multiply(typing_context, a, b, at, terms, out, place, pitch):
    """Add sum_k a[k, i] b[k, j] to a tile of out, k upwards.

    ``b`` starts at ``at``, the tile at ``place``, with ``pitch`` numbers from row to row.
    """
    index = types.int64
    signature = types.void(a, b, index, index, out, index, index)

    def codegen(context, builder, signature, arguments):
        scalar = context.get_data_type(out.dtype)
        align = out.dtype.bitwidth // 8
        vector = ir.VectorType(scalar, LANE_BYTES // align)
        fma = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector] * 3),
            f"llvm.fma.v{vector.count}f{out.dtype.bitwidth}",
        )

        def data(kind, value):
            return context.make_array(kind)(context, builder, value).data

        def vector_at(start, offset):
            return builder.bitcast(builder.gep(start, [offset]), vector.as_pointer())

        left, right, sums = data(a, arguments[0]), data(b, arguments[1]), data(out, arguments[4])
        places = [builder.mul(arguments[6], ir.Constant(ir.IntType(64), i)) for i in range(ROWS)]
        rows = [vector_at(sums, builder.add(arguments[5], place)) for place in places]
        slots = [cgutils.alloca_once(builder, vector) for _ in rows]  # LLVM makes them registers
        for row, slot in zip(rows, slots, strict=True):
            builder.store(builder.load(row, align=align), slot)
        with cgutils.for_range(builder, arguments[3]) as loop:
            step = builder.mul(loop.index, ir.Constant(ir.IntType(64), vector.count))
            cells = builder.load(vector_at(right, builder.add(arguments[2], step)), align=align)
            step = builder.mul(loop.index, ir.Constant(ir.IntType(64), ROWS))
            for i, slot in enumerate(slots):
                place = builder.add(step, ir.Constant(ir.IntType(64), i))
                weight = builder.load(builder.gep(left, [place]))
                first = builder.insert_element(
                    ir.Constant(vector, ir.Undefined), weight, ir.Constant(ir.IntType(32), 0)
                )
                zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
                spread = builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)
                builder.store(builder.call(fma, [cells, spread, builder.load(slot)]), slot)
        for row, slot in zip(rows, slots, strict=True):
            builder.store(builder.load(slot), row, align=align)
        return context.get_dummy_value()

    return signature, codegen
