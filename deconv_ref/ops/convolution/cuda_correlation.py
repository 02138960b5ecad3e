"""CUDA kernels of the forward map and the input gradient: implicit matrix products, in tiles.

A block of threads computes a tile of the result, channels by positions (`cuda_tile`). It walks
through the terms, ``depth`` of them at a time: weights and source values go from the device's
memory to registers while the terms before them are multiplied, and then to the other half of the
shared memory.

Every sum starts at the bias and goes through the terms in the order of the equation, with fused
multiplications and additions: the bits of a result depend on nothing else. `cuda_thin` is for few
channels; it takes its terms in another order.

A tile reads zeros where a term lies outside, and 0 times infinity is NaN, where the equation has no
term at all. So kernels tell in ``invalid`` whether they met a NaN, and `mend` evaluates those
elements anew, by the equation.
"""

from functools import cache

import numba
from numba import cuda
from numba.extending import register_jitable

from deconv_ref.cuda.instructions import LANES, load, load_vector, store, store_vector
from deconv_ref.cuda.kernels import place_of
from deconv_ref.ops.convolution import equations
from deconv_ref.ops.convolution.cuda_plan import OUTSIDE
from deconv_ref.ops.convolution.cuda_tile import multiplier, place_in_tile, reads, unravel

__all__ = ["cell_of", "correlate", "mend", "pack", "unsound"]


def pack(packed, weight, places, group_stride, row_stride, extents, invalid):
    """Order the weights by group, term and channel of the result, zeros where nothing is.

    Also takes back what `invalid` said of the correlation before.
    """
    if cuda.grid(1) == 0:
        invalid[0] = 0
    for at in range(cuda.grid(1), packed.shape[0], cuda.gridsize(1)):
        row = at % extents.pitch
        term = at // extents.pitch % extents.terms
        group = at // extents.pitch // extents.terms
        packed[at] = 0
        if row < extents.outputs and places[term] >= 0:
            packed[at] = weight[group * group_stride + row * row_stride + places[term]]


@register_jitable
def cell_of(position, phases, phase, extents):
    """Give the place of a position's result in channel 0, or -1 where there is none."""
    n, d, h, w = unravel(position, extents.positions)
    z = d * extents.target_step[0] + phases[phase, 2]
    i = h * extents.target_step[1] + phases[phase, 3]
    j = w * extents.target_step[2] + phases[phase, 4]
    channels, depth, height, width = extents.result
    inside = (n < extents.positions[0]) & (z < depth) & (i < height) & (j < width)
    return ((n * channels * depth + z) * height + i) * width + j if inside else -1


@register_jitable
def unsound(sums, number):
    """Tell whether there is a NaN among the sums."""
    sound = True
    for each in range(number):
        sound &= sums[each] == sums[each]
    return not sound


@cache
def fetcher(tile, lanes):
    """Make the functions that bring a slice to a thread's registers, and from there to memory."""
    height, width, threads = tile.height, tile.width, tile.threads
    loaded, gathered = tile.depth * height // threads, tile.depth * width // threads
    apart = threads // width  # terms whose values the block gathers at a time

    @register_jitable
    def fetch_weights(packed, at, pitch, weights):
        for first in range(0, loaded, lanes):
            place = cuda.threadIdx.x * lanes + first * threads
            load_vector(packed, at + place // height * pitch + place % height, weights, first)

    @register_jitable
    def fetch_values(source, base, terms, term, cell, size, entry, values):
        for gather in range(gathered):
            row = term + cuda.threadIdx.x // width + gather * apart
            load_vector(terms, 4 * row, entry, 0)
            values[gather] = 0
            if reads(cell[0] + entry[1], cell[1] + entry[2], cell[2] + entry[3], size):
                values[gather] = load(source, base, entry[0])

    @register_jitable
    def stash(weights, values, memory, at):
        for first in range(0, loaded, lanes):
            place = cuda.threadIdx.x * lanes + first * threads
            store_vector(memory, at + place, weights, first)
        for gather in range(gathered):
            place = tile.depth * height + cuda.threadIdx.x + gather * threads
            store(memory, at + place, values[gather])

    return fetch_weights, fetch_values, stash


@cache
def deliverer(tile, lanes):
    """Make the functions that start a thread's sums at the bias and write them down."""
    rows, columns = tile.rows, tile.columns

    @register_jitable
    def start(sums, bias, group, first_row, extents):
        for r in range(rows):
            m = first_row + r // lanes * lanes * tile.across + r % lanes
            sums[r * columns] = 0
            if m < extents.outputs:
                sums[r * columns] = load(bias, group * extents.outputs, m)
            for c in range(1, columns):
                sums[r * columns + c] = sums[r * columns]

    @register_jitable
    def deliver_row(sums, r, whole, cells, out, at):
        for c in range(0, columns, lanes):
            if whole:
                if cells[c] >= 0:
                    store_vector(out, at + cells[c], sums, r * columns + c)
            else:
                for lane in range(lanes):
                    if cells[c + lane] >= 0:
                        store(out, at + cells[c + lane], sums[r * columns + c + lane])

    @register_jitable
    def deliver(sums, group, first_row, first_position, phases, phase, extents, cells, out):
        for c in range(columns):
            if not extents.whole or c % lanes == 0:
                position = first_position + c // lanes * lanes * tile.along + c % lanes
                cells[c] = cell_of(position, phases, phase, extents)
        plane = extents.result[1] * extents.result[2] * extents.result[3]
        for r in range(rows):
            m = first_row + r // lanes * lanes * tile.across + r % lanes
            if m < extents.outputs:
                place = (group * extents.outputs + m) * plane
                deliver_row(sums, r, extents.whole, cells, out, place)

    return start, deliver


@cache
def correlate(tile, dtype):
    """Make the kernel of a tile; a block for each tile of a group of a phase."""
    number, lanes = numba.from_dtype(dtype), LANES[dtype.itemsize]
    fetch_weights, fetch_values, stash = fetcher(tile, lanes)
    start, deliver = deliverer(tile, lanes)
    multiply, place_of_thread = multiplier(tile, lanes, 0), place_in_tile(tile, lanes)
    height, width, depth, columns = tile.height, tile.width, tile.depth, tile.columns
    half = depth * (height + width)
    both_halves, results = 2 * half, tile.rows * columns
    lefts, rights = 2 * tile.rows, 2 * columns
    loaded, gathered = depth * height // tile.threads, depth * width // tile.threads

    def kernel(out, source, packed, bias, terms, phases, extents, invalid):
        memory, sums = cuda.shared.array(both_halves, number), cuda.local.array(results, number)
        left, right = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        weights, values = cuda.local.array(loaded, number), cuda.local.array(gathered, number)
        entry, cells = cuda.local.array(4, numba.int32), cuda.local.array(columns, numba.int64)

        phase, group = cuda.blockIdx.z, cuda.blockIdx.y
        tiles = extents.pitch // height
        block, first_row = cuda.blockIdx.x // tiles * width, cuda.blockIdx.x % tiles * height
        term, steps = phases[phase, 0], phases[phase, 1] // depth
        at = (group * extents.terms + term) * extents.pitch + first_row

        n, d, h, w = unravel(block + cuda.threadIdx.x % width, extents.positions)
        size, step = extents.source, extents.source_step
        d, h, w = d * step[0], h * step[1], w * step[2]
        base = n * size[0] + group * extents.channels
        base = ((base * size[1] + d) * size[2] + h) * size[3] + w
        cell = (d if n < extents.positions[0] else OUTSIDE, h, w)

        row, column = place_of_thread(cuda.threadIdx.x)
        start(sums, bias, group, first_row + row, extents)
        if steps > 0:
            fetch_weights(packed, at, extents.pitch, weights)
            fetch_values(source, base, terms, term, cell, size, entry, values)
            stash(weights, values, memory, 0)
        cuda.syncthreads()
        for step in range(1, steps + 1):
            at += depth * extents.pitch
            term += depth
            if step < steps:
                fetch_weights(packed, at, extents.pitch, weights)
                fetch_values(source, base, terms, term, cell, size, entry, values)
            multiply(memory, (step - 1) % 2 * half, row, column, left, right, sums)
            if step < steps:
                stash(weights, values, memory, step % 2 * half)
            cuda.syncthreads()

        if unsound(sums, results):
            invalid[0] = 1
        row, column = first_row + row, block + column
        deliver(sums, group, row, column, phases, phase, extents, cells, out)

    return kernel


@cache
def mend(transposed):
    """Make the kernel that evaluates NaNs anew, if `invalid` says that there may be some."""
    point = equations.conv_transpose_point if transposed else equations.conv_point
    point, place = register_jitable(point), place_of(5)

    def kernel(out, source, weight, bias, taps, invalid):
        if invalid[0] != 0:
            for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
                at = place(i, out.shape)
                if out[at] != out[at]:
                    out[at] = point(source, weight, bias, taps, *at)

    return kernel
