"""The forward map and the input gradient: stride-1 correlations of `plan`, run in tiles."""

import math
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.lines import read, turn_lines
from deconv_ref.memory import empty
from deconv_ref.ops.convolution.channels import ABREAST, HEIGHTS, WIDEST, correlate_channels
from deconv_ref.ops.convolution.microkernel import (
    VECTOR_BYTES,
    correlate_tiles,
    largest_rows,
)
from deconv_ref.ops.convolution.patches import (
    SPARE,
    block_bounds,
    deliver,
    fill_patch,
    in_place,
    place_vectors,
)
from deconv_ref.ops.convolution.plan import (
    Blocks,
    Correlation,
    Memory,
    Way,
    correlation,
    tile_blocks,
)
from deconv_ref.window import Window

__all__ = ["Layout", "correlate", "layout"]

ROWS = largest_rows()
PACKED = 1 << 22  # bytes of weights that are packed at a time
MOVING = 4  # what it costs to move a weight, in products
TURNING = 16.0  # what it costs to turn a tile of channels over, a result
LOADING = 0.5  # what it costs to load the weights of a tile of channels, in positions
FLAT = 1.1  # what a product costs in a tile of positions, against one of channels
ALONE = 1 << 18  # products that one thread finishes before a second one has started


class Layout(NamedTuple):
    """All that shapes and parameters say about a correlation.

    Terms are numbered over all phases, one after another; within a phase by channel, then tap.
    """

    blocks: Blocks
    channels: int  # of the source, in a group
    planes: np.ndarray  # (planes, 4): residue along each axis
    phases: np.ndarray  # (phases, 2 + 4): first tap, taps, first cell along (n, d, h, w)
    taps: np.ndarray  # (taps, 3): tap along each axis
    offsets: np.ndarray  # (taps * channels,): place of each term in a patch
    by_channel: bool  # whether the lanes of a tile are channels of the result, or positions
    tiles: np.ndarray  # (tiles, 6): group, first channel in it, in the result, channels; where
    # their weights start when packed, in channels, and how many with those that fill vectors
    abreast: int  # consecutive phases whose cells alternate along w
    padded: bool  # whether padding is read
    products: int  # in the whole of the result


@lru_cache(maxsize=64)
def layout(
    window: Window,
    samples: int,
    transposed: bool,
    channels: int,
    outputs: int,
    groups: int,
    itemsize: int,
) -> Layout:
    """Lay out Q1, or with `transposed` Q2.

    Parameters
    ----------
    window : Window
        Of three axes.
    samples : int
        Size of the batch, at least 1.
    transposed : bool
        Whether positions are the source and cells the result.
    channels, outputs : int
        Channels of the source and of the result in a group.
    groups : int
        Number of groups.
    itemsize : int
        Bytes of a number.

    Returns
    -------
    Layout
        What `correlate` needs besides the arrays.
    """
    plan = correlation(window, samples, transposed)
    lanes = VECTOR_BYTES // itemsize
    by_channel, blocks = cheapest(plan, channels, outputs, lanes, itemsize)
    line = np.array(blocks.lines)
    units = np.array([line.prod(), line[1:].prod(), line[2:].prod(), line[3], 1])
    phases, offsets, first = [], [], 0
    pitches = np.arange(channels)[:, None] * blocks.pitch
    for phase in plan.phases:
        phases.append((first, len(phase.taps), *phase.first))
        offsets.append((pitches + phase.places @ units).reshape(-1))
        first += len(phase.taps)
    return Layout(
        blocks,
        channels,
        plan.planes,
        np.array(phases, np.int64),
        np.concatenate([phase.taps for phase in plan.phases]),
        np.concatenate(offsets).astype(np.int64),
        by_channel,
        tiles_of(outputs, groups, lanes if by_channel else 0),
        len({phase.first[3] for phase in plan.phases}),
        plan.padded,
        first * channels * math.prod(plan.positions) * outputs * groups,
    )


def cheapest(
    plan: Correlation, channels: int, outputs: int, lanes: int, itemsize: int
) -> tuple[bool, Blocks]:
    """Choose what the lanes of a tile are, channels or else positions, and cut the positions."""
    flat, cost = tile_blocks(plan, channels, itemsize, [Way(lanes, FLAT)])
    ways = [Way(height, 1 + LOADING / height, TURNING) for height in reversed(HEIGHTS)]
    upright, other = tile_blocks(plan, channels, itemsize, ways)
    by_channel = other * -(-outputs // lanes) * lanes < cost * outputs
    return by_channel, upright if by_channel else flat


def tiles_of(outputs: int, groups: int, lanes: int) -> np.ndarray:
    """Cut the channels of the result into tiles, of vectors of so many lanes or, if 0, of rows."""
    largest = ABREAST * lanes or ROWS
    number = -(-outputs // largest)
    edges = [
        min(n * largest, outputs) if lanes else outputs * n // number for n in range(number + 1)
    ]
    tiles, place = [], 0
    for group in range(groups):
        for begin, end in pairwise(edges):
            width = -(-(end - begin) // lanes) * lanes if lanes else end - begin
            tiles.append((group, begin, group * outputs + begin, end - begin, place, width))
            place += width
    return np.array(tiles, np.int64)


def correlate(
    out: np.ndarray,
    source: Memory,
    weight: Memory,
    group_stride: int,
    row_stride: int,
    channel_stride: int,
    bias: np.ndarray,
    plan: Layout,
) -> bool:
    """Fill `out`.

    Parameters
    ----------
    out : numpy.ndarray
        The result, C-contiguous, (N, channels, D, H, W).
    source, weight : Memory
        The operands.
    group_stride, row_stride, channel_stride : int
        Bytes in `weight` from a group to the next, from a channel of the result to the next, and
        from a channel of the source to the next.
    bias : numpy.ndarray
        One number for each channel of `out`.
    plan : Layout
        From `layout`.

    Returns
    -------
    bool
        Whether `out` is right: not where padding meets a weight that is not finite.
    """
    flat, tiles = out.reshape(-1), plan.tiles
    strides = (group_stride, row_stride, channel_stride, *weight.strides[2:])
    weights = len(plan.offsets) * max(ROWS, WIDEST) * out.itemsize
    per_pass = max(PACKED // max(weights, 1), 1)
    for first in range(0, len(tiles), per_pass):
        last = min(first + per_pass, len(tiles))
        packed, finite = packed_weights(weight.address, strides, plan, first, last, out.dtype)
        if plan.padded and not finite:
            return False
        fixed = (flat, out.shape, source, plan.blocks, plan.channels, plan.planes, plan.phases,
                 plan.abreast, plan.offsets, plan.by_channel, tiles, packed, tiles[first, 4],
                 bias)  # fmt: skip
        pieces = pieces_of(plan, first, last)
        threads.run(correlate_blocks, [(*fixed, *piece) for piece in pieces])
    return True


def packed_weights(
    address: int, strides: tuple[int, ...], plan: Layout, first: int, last: int, dtype: np.dtype
) -> tuple[np.ndarray, bool]:
    """Order the weights of some tiles for the micro-kernel; tell whether all are finite."""
    origin = plan.tiles[first, 4]
    rows = int(plan.tiles[last - 1, 4] + plan.tiles[last - 1, 5] - origin)
    packed = empty((rows * len(plan.offsets),), dtype)
    fixed = (packed, origin, address, strides, plan.channels, plan.taps, plan.phases, plan.tiles)
    pieces = shares(last - first, packed.size * MOVING)
    finite = threads.run(pack, [(*fixed, first + begin, first + end) for begin, end in pieces])
    return packed, all(finite)


def shares(number: int, products: int) -> list[tuple[int, int]]:
    """Cut ``range(number)`` into pieces for the threads: a few for each, one where it is little."""
    pieces = min(4 * threads.threads(), number) if products > ALONE else 1
    if threads.threads() == 1:
        pieces = 1
    return [(number * n // pieces, number * (n + 1) // pieces) for n in range(pieces)]


def pieces_of(plan: Layout, first: int, last: int) -> list[tuple[int, int, int, int]]:
    """Share blocks, and where they are few tiles too, among the threads."""
    number = math.prod(plan.blocks.number)
    products = plan.products * (last - first) // len(plan.tiles)
    by_block = shares(number, products)
    by_tile = [(0, last - first)]
    if len(by_block) < 2 * threads.threads() and products > ALONE:
        by_tile = shares(last - first, products)
    return [(*b, first + t0, first + t1) for b in by_block for t0, t1 in by_tile]


@numba.njit(cache=True, nogil=True)
def pack(packed, origin, address, strides, channels, taps, phases, tiles, first, last):
    """Order weights as the micro-kernels read them: by tile, phase, term and channel.

    Returns
    -------
    bool
        Whether all are finite.
    """
    total, unit, infinite = taps.shape[0] * channels, packed.itemsize, 0
    for tile in range(first, last):
        group, channel_in_group, _, rows, place, width = tiles[tile]
        base = address + group * strides[0] + channel_in_group * strides[1]
        start = to = (place - origin) * total
        for phase in range(phases.shape[0]):
            begin, count = phases[phase, 0], phases[phase, 1]
            run = consecutive(taps, begin, count, strides, unit)
            at_once = channels if run and strides[2] == count * unit else 1
            for channel in range(0, channels, at_once):
                at = base + channel * strides[2]
                if run:
                    at += place_of(taps, begin, strides)
                    turn_lines(packed, to, width, at, strides[1], rows, at_once * count)
                else:
                    for tap in range(count):
                        here = at + place_of(taps, begin + tap, strides)
                        for row in range(width):
                            value = read(here + row * strides[1], packed) if row < rows else 0
                            packed[to + tap * width + row] = value
                to += at_once * count * width
        for n in range(start, to):
            infinite += packed[n] * 0 != 0
    return infinite == 0


@numba.njit(cache=True, nogil=True)
def place_of(taps, tap, strides):
    """Give the distance of a tap from the first, in bytes."""
    return taps[tap, 0] * strides[3] + taps[tap, 1] * strides[4] + taps[tap, 2] * strides[5]


@numba.njit(cache=True, nogil=True)
def consecutive(taps, begin, count, strides, unit):
    """Tell whether taps lie in memory one after another."""
    for tap in range(begin, begin + count):
        if place_of(taps, tap, strides) - place_of(taps, begin, strides) != (tap - begin) * unit:
            return False
    return count > 0


@numba.njit(cache=True, nogil=True)
def correlate_blocks(
    out, shape, source, blocks, channels, planes, phases, abreast, offsets, by_channel, tiles,
    packed, origin, bias, first_block, last_block, first_tile, last_tile,
):  # fmt: skip
    """Compute some tiles of channels for some blocks of positions."""
    lanes, grain = VECTOR_BYTES // out.itemsize, blocks.grain
    total, size = offsets.shape[0], shape[2] * shape[3] * shape[4]
    patch = np.empty(channels * blocks.pitch + lanes + grain, out.dtype)
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    pitch = blocks.grains * grain + lanes
    scratch = np.empty(max(ROWS, WIDEST) * pitch * abreast, out.dtype)
    for block in range(first_block, last_block):
        start, length = block_bounds(blocks, block)
        direct = in_place(blocks, length, grain, shape)
        count = place_vectors(sources, targets, blocks, grain, start, length, shape, direct)
        present = -1
        for tile in range(first_tile, last_tile):
            group, _, channel, rows, place, width = tiles[tile]
            if group != present:
                fill_patch(patch, source, blocks, planes, start, length, group * channels, channels)
                present = group
            for phase in range(phases.shape[0]):
                begin, terms = phases[phase, 0] * channels, phases[phase, 1] * channels
                weights, side = (place - origin) * total + width * begin, phase % abreast
                target, to, apart = scratch, side * rows * pitch, pitch
                if direct:
                    target, to, apart = out, channel * size, size
                if by_channel:
                    correlate_channels(
                        grain, rows, terms, packed, weights, offsets, begin, patch, bias, channel,
                        sources, targets, count, target, to, apart,
                    )  # fmt: skip
                else:
                    correlate_tiles(
                        rows, terms, packed, weights, offsets, begin, patch, bias, channel, sources,
                        targets, count, target, to, apart,
                    )  # fmt: skip
                if not direct and side == abreast - 1:
                    first = (0, phases[phase, 3], phases[phase, 4], 0)
                    deliver(
                        scratch, pitch, rows, out, shape, channel, blocks, grain, start, length,
                        first, abreast,
                    )  # fmt: skip
