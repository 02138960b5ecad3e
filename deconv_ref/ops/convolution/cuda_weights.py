"""CUDA kernels of the weight gradient: matrix products over positions, in tiles and stretches.

A row is a filter, a column a term (channel, tap), and what is summed over are the positions of all
samples in row-major order:

    grad_weight[m, k] = sum_q grad_y[m, q] * x[k, q]

A block computes a tile of rows by columns (`cuda_tile`) over one *stretch* of positions, ``depth``
of them at a time, and `add_stretches` adds the stretches in their order. How positions are cut
depends on shapes alone, not on the GPU: the same bits everywhere.

An element that is NaN may owe it to padding, which the equation has no terms for; `add_stretches`
evaluates it anew, by the equation.
"""

from functools import cache

import numba
from numba import cuda
from numba.extending import register_jitable

from deconv_ref.cuda.instructions import LANES, fma, load, load_vector, store
from deconv_ref.ops.convolution import equations
from deconv_ref.ops.convolution.cuda_plan import OUTSIDE
from deconv_ref.ops.convolution.cuda_tile import multiplier, place_in_tile, reads, unravel

__all__ = ["add_stretches", "weigh", "weigh_thin"]


@register_jitable
def position_in(position, end, extents):
    """Give sample, cell that the first tap reads, and number in its sample, of a position."""
    n, d, h, w = unravel(position, extents.positions)
    _, _, height, width = extents.positions
    step = extents.source_step
    cell = (d * step[0] if position < end else OUTSIDE, h * step[1], w * step[2])
    return n, cell, (d * height + h) * width + w


@register_jitable
def place_of_cell(n, cell, group, extents):
    """Give the place of a cell in the group's first channel of the source."""
    size = extents.source
    channel = n * size[0] + group * extents.channels
    return ((channel * size[1] + cell[0]) * size[2] + cell[1]) * size[3] + cell[2]


@cache
def gatherer(tile, spare):
    """Make the functions that bring a slice to a thread's registers, and from there to memory."""
    depth, height, width = tile.depth, tile.height, tile.width
    lefts, rights = depth * height // tile.threads, depth * width // tile.threads
    apart = tile.threads // depth

    @register_jitable
    def fetch(grads, source, terms, position, end, group, row, column, extents, entry, left, right):
        n, cell, q = position_in(position + cuda.threadIdx.x % depth, end, extents)
        size = extents.source
        _, depths, heights, widths = extents.positions
        plane = depths * heights * widths
        first = (n * extents.result[0] + group * extents.outputs) * plane + q
        for each in range(lefts):
            m = row + cuda.threadIdx.x // depth + each * apart
            left[each] = 0
            if (cell[0] >= 0) & (m < extents.outputs):
                left[each] = load(grads, first + m * plane, 0)
        base = place_of_cell(n, cell, group, extents)
        for each in range(rights):
            k = column + cuda.threadIdx.x // depth + each * apart
            load_vector(terms, 4 * k, entry, 0)
            right[each] = 0
            if reads(cell[0] + entry[1], cell[1] + entry[2], cell[2] + entry[3], size):
                right[each] = load(source, base, entry[0])

    @register_jitable
    def stash(left, right, memory, at):
        term, first = cuda.threadIdx.x % depth, cuda.threadIdx.x // depth
        for each in range(lefts):
            place = term * (height + spare) + first + each * apart
            store(memory, at + place, left[each])
        for each in range(rights):
            place = depth * (height + spare) + term * (width + spare) + first + each * apart
            store(memory, at + place, right[each])

    return fetch, stash


@cache
def weigh(tile, dtype):
    """Make the kernel of a tile; a block for each tile, group and stretch."""
    number, lanes = numba.from_dtype(dtype), LANES[dtype.itemsize]
    fetch, stash = gatherer(tile, lanes)
    multiply, place_of_thread = multiplier(tile, lanes, lanes), place_in_tile(tile, lanes)
    rows, columns = tile.rows, tile.columns
    depth, height, width = tile.depth, tile.height, tile.width
    half = depth * (height + width + 2 * lanes)
    both_halves, results, lefts, rights = 2 * half, rows * columns, 2 * rows, 2 * columns
    left_fetched, right_fetched = depth * height // tile.threads, depth * width // tile.threads

    def kernel(partial, grads, source, terms, length, extents):
        memory, sums = cuda.shared.array(both_halves, number), cuda.local.array(results, number)
        left, right = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        grads_fetched = cuda.local.array(left_fetched, number)
        cells_fetched = cuda.local.array(right_fetched, number)
        entry = cuda.local.array(4, numba.int32)

        group, stretch = cuda.blockIdx.y, cuda.blockIdx.z
        tiles = extents.pitch // height
        first_row = cuda.blockIdx.x % tiles * height
        first_column = cuda.blockIdx.x // tiles * width
        samples, depths, heights, widths = extents.positions
        position = stretch * length
        end = min(position + length, samples * depths * heights * widths)
        for each in range(results):
            sums[each] = 0
        row, column = place_of_thread(cuda.threadIdx.x)

        fetch(grads, source, terms, position, end, group, first_row, first_column, extents, entry,
              grads_fetched, cells_fetched)  # fmt: skip
        stash(grads_fetched, cells_fetched, memory, 0)
        cuda.syncthreads()
        half_now = 0
        while position < end:
            position += depth
            if position < end:
                fetch(grads, source, terms, position, end, group, first_row, first_column, extents,
                      entry, grads_fetched, cells_fetched)  # fmt: skip
            multiply(memory, half_now, row, column, left, right, sums)
            half_now = half - half_now
            if position < end:
                stash(grads_fetched, cells_fetched, memory, half_now)
            cuda.syncthreads()

        first = stretch * extents.result[0] + group * extents.outputs
        for r in range(rows):
            m = first_row + r // lanes * lanes * tile.across + row + r % lanes
            if m < extents.outputs:
                for c in range(columns):
                    k = first_column + c // lanes * lanes * tile.along + column + c % lanes
                    if k < extents.terms:
                        store(partial, (first + m) * extents.terms + k, sums[r * columns + c])

    return kernel


@cache
def weigh_thin(columns, threads, dtype):
    """Make the kernel for few filters: a block for each filter and so many terms.

    Its threads share the positions of a stretch, and add their sums by halving.
    """
    number = numba.from_dtype(dtype)
    entries = 4 * columns

    def kernel(partial, grads, source, terms, length, extents):
        memory, sums = cuda.shared.array(threads, number), cuda.local.array(columns, number)
        entry = cuda.local.array(entries, numba.int32)
        filters, stretch, thread = extents.outputs, cuda.blockIdx.z, cuda.threadIdx.x
        group, m = cuda.blockIdx.y // filters, cuda.blockIdx.y % filters
        samples, depths, heights, widths = extents.positions
        plane, size = depths * heights * widths, extents.source
        for c in range(columns):
            load_vector(terms, 4 * (cuda.blockIdx.x * columns + c), entry, 4 * c)
            sums[c] = 0
        end = min((stretch + 1) * length, samples * plane)
        for position in range(stretch * length + thread, end, threads):
            n, cell, q = position_in(position, end, extents)
            grad = load(grads, (n * extents.result[0] + group * filters + m) * plane, q)
            base = place_of_cell(n, cell, group, extents)
            for c in range(columns):
                z, i = cell[0] + entry[4 * c + 1], cell[1] + entry[4 * c + 2]
                if reads(z, i, cell[2] + entry[4 * c + 3], size):
                    sums[c] = fma(grad, load(source, base, entry[4 * c]), sums[c])
        first = (stretch * extents.result[0] + group * filters + m) * extents.terms
        for c in range(columns):
            memory[thread] = sums[c]
            cuda.syncthreads()
            half = threads // 2
            while half:
                if thread < half:
                    memory[thread] += memory[thread + half]
                half //= 2
                cuda.syncthreads()
            k = cuda.blockIdx.x * columns + c
            if thread == 0 and k < extents.terms:
                partial[first + k] = memory[0]
            cuda.syncthreads()

    return kernel


@cache
def add_stretches(dtype):
    """Make the kernel that adds the stretches of every element; -1 as its term means none."""
    zero = dtype.type(0)
    point = register_jitable(equations.conv_weight_point)

    def kernel(grad_weight, partial, stretches, term_of, terms, grads, source, taps):
        filters, channels, depth, height, width = grad_weight.shape
        elements = channels * depth * height * width
        for i in range(cuda.grid(1), grad_weight.size, cuda.gridsize(1)):
            m, place = i // elements, i % elements
            term = term_of[place]
            rest, t = place // width, place % width
            rest, s = rest // height, rest % height
            c, r = rest // depth, rest % depth
            grad_weight[m, c, r, s, t] = 0
            if term >= 0:
                total = partial[m * terms + term]
                for stretch in range(1, stretches):
                    total += partial[(stretch * filters + m) * terms + term]
                if total != total:
                    total = point(grads, source, zero, channels, taps, m, c, r, s, t)
                grad_weight[m, c, r, s, t] = total

    return kernel
