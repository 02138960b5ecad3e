"""The CUDA kernel of maps to few channels: depthwise, or transposed convolutions to an image.

There a tile of channels by positions has nothing that two threads could share. So each thread works
for itself, on a few positions and all the channels there are: source values and weights come from
the first-level cache, with no shared memory and no barrier between. The positions of a thread are a
block apart, so that those of a warp lie side by side.

A sum goes through the channels of the source in chunks, within a chunk through the taps, within a
tap through the channels of the chunk, so that its cells are still in the cache for the next tap.
"""

from functools import cache

import numba
from numba import cuda
from numba.extending import register_jitable

from deconv_ref.cuda.instructions import LANES, fma, load, load_vector, store
from deconv_ref.ops.convolution.cuda_correlation import cell_of, unsound
from deconv_ref.ops.convolution.cuda_plan import OUTSIDE
from deconv_ref.ops.convolution.cuda_tile import reads, unravel

__all__ = ["correlate_thin"]

CHUNK = 8


@cache
def locator(columns, threads):
    """Make the function that finds a thread's positions in the source.

    It gives the start of what the block reads, and puts down the first cell of each position: its
    coordinates, and its distance from that start.
    """

    @register_jitable
    def locate(block, group, extents, d, h, w, near):
        size, step = extents.source, extents.source_step
        plane = size[1] * size[2] * size[3]
        first, _, _, _ = unravel(block, extents.positions)
        for c in range(columns):
            position = block + cuda.threadIdx.x + c * threads
            n, z, i, j = unravel(position, extents.positions)
            z, i, j = z * step[0], i * step[1], j * step[2]
            near[c] = (n - first) * size[0] * plane + (z * size[2] + i) * size[3] + j
            d[c], h[c], w[c] = z if n < extents.positions[0] else OUTSIDE, i, j
        return (first * size[0] + group * extents.channels) * plane

    return locate


@cache
def adder(rows, columns, lanes):
    """Make the function that adds the products of one tap with some channels."""

    @register_jitable
    def load_weights(packed, at, weights):
        if rows % lanes == 0:
            for r in range(0, rows, lanes):
                load_vector(packed, at + r, weights, r)
        else:
            for r in range(rows):
                weights[r] = load(packed, at, r)

    @register_jitable
    def add(channels, packed, at, pitch, cells, plane, inside, place, weights, values, sums):
        for _ in range(channels):
            load_weights(packed, at, weights)
            for c in range(columns):
                values[c] = 0
                if inside[c]:
                    values[c] = load(cells, 0, place[c])
                place[c] += plane
            for r in range(rows):
                for c in range(columns):
                    sums[r * columns + c] = fma(weights[r], values[c], sums[r * columns + c])
            at += pitch

    return add


@cache
def correlate_thin(rows, columns, threads, dtype):
    """Make the kernel for so many channels, and positions of a thread; as `correlate` otherwise."""
    number, lanes = numba.from_dtype(dtype), LANES[dtype.itemsize]
    locate, add = locator(columns, threads), adder(rows, columns, lanes)
    results = rows * columns

    def kernel(out, source, packed, bias, terms, phases, extents, invalid):
        sums, weights = cuda.local.array(results, number), cuda.local.array(rows, number)
        values, inside = cuda.local.array(columns, number), cuda.local.array(columns, numba.boolean)
        near, entry = cuda.local.array(columns, numba.int32), cuda.local.array(4, numba.int32)
        d, h = cuda.local.array(columns, numba.int32), cuda.local.array(columns, numba.int32)
        w, place = cuda.local.array(columns, numba.int32), cuda.local.array(columns, numba.int32)

        phase, group = cuda.blockIdx.z, cuda.blockIdx.y
        tiles, size, pitch = extents.pitch // rows, extents.source, extents.pitch
        block, m = cuda.blockIdx.x // tiles * threads * columns, cuda.blockIdx.x % tiles * rows
        cells = source[locate(block, group, extents, d, h, w, near) :]
        for r in range(rows):
            sums[r * columns] = 0
            if m + r < extents.outputs:
                sums[r * columns] = load(bias, group * extents.outputs, m + r)
            for c in range(1, columns):
                sums[r * columns + c] = sums[r * columns]

        plane = size[1] * size[2] * size[3]
        first, taps = phases[phase, 0], phases[phase, 1] // extents.channels
        for chunk in range(0, extents.channels, CHUNK):
            channels = min(CHUNK, extents.channels - chunk)
            for tap in range(taps):
                load_vector(terms, 4 * (first + tap), entry, 0)
                for c in range(columns):
                    inside[c] = reads(d[c] + entry[1], h[c] + entry[2], w[c] + entry[3], size)
                    place[c] = near[c] + entry[0] + chunk * plane
                at = (group * extents.terms + first + chunk * taps + tap) * pitch + m
                add(channels, packed, at, taps * pitch, cells, plane, inside, place, weights,
                    values, sums)  # fmt: skip

        if unsound(sums, results):
            invalid[0] = 1
        plane = extents.result[1] * extents.result[2] * extents.result[3]
        for c in range(columns):
            cell = cell_of(block + cuda.threadIdx.x + c * threads, phases, phase, extents)
            if cell >= 0:
                for r in range(rows):
                    if m + r < extents.outputs:
                        at = cell + (group * extents.outputs + m + r) * plane
                        store(out, at, sums[r * columns + c])

    return kernel
