"""The forward map and the input gradient: stride-1 correlations of `plan`, run in tiles."""

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.memory import empty
from deconv_ref.ops.convolution.channels import ABREAST, HEIGHTS, WIDEST, correlate_channels
from deconv_ref.ops.convolution.handing import blocks_in, words_of
from deconv_ref.ops.convolution.microkernel import (
    VECTOR_BYTES,
    correlate_tiles,
    largest_rows,
)
from deconv_ref.ops.convolution.packing import PRODUCTS, pack_tiles
from deconv_ref.ops.convolution.patches import (
    SPARE,
    ZERO,
    block_bounds,
    deliver,
    in_place,
    patch_at,
    place_vectors,
)
from deconv_ref.ops.convolution.plan import (
    Blocks,
    Correlation,
    Memory,
    Way,
    correlation,
    tile_blocks,
    together,
    uncopied,
)
from deconv_ref.ops.convolution.reads import Reads, alike, line_count, reads_of
from deconv_ref.window import Window

__all__ = ["Layout", "correlate", "layout"]

ROWS = largest_rows()
PACKED = 1 << 23  # bytes of weights that are packed at a time
LOADED = 2  # rows up to which a tile of positions loads as fast as it multiplies, at best
TURNING = 16.0  # what it costs to turn a tile of channels over, a result
LOADING = 0.5  # what it costs to load the weights of a tile of channels, in positions
FLAT = 1.1  # what a product costs in a tile of positions, against one of channels
SHARES = 4  # pieces of the work for each thread


class Pass(NamedTuple):
    """Tiles whose weights are packed at a time."""

    first: int
    last: int
    tiles: np.ndarray
    numbers: int  # of their weights
    cost: int  # of what is computed with them


class Layout(NamedTuple):
    """All that shapes and parameters say about a correlation.

    Terms are numbered over all phases, one after another; within a phase by channel, then tap.
    """

    blocks: np.ndarray  # see `handing.words_of`
    number: int  # of blocks
    channels: int  # of the source, in a group
    planes: np.ndarray  # (planes, 4): residue along each axis
    phases: np.ndarray  # (phases, 2 + 4): first tap, taps, first cell along (n, d, h, w)
    taps: np.ndarray  # (taps, 3): tap along each axis
    offsets: np.ndarray  # (taps * channels,): place of each term in a patch
    by_channel: bool  # whether the lanes of a tile are channels of the result, or positions
    copied: bool  # whether patches are, or read where the source lies
    tiles: np.ndarray  # (tiles, 6): group, first channel in it, in the result, channels; where
    # their weights start when packed, in channels, and how many with those that fill vectors
    reads: Reads
    together: int  # phases that one tile computes: one, or all
    abreast: int  # consecutive phases whose cells alternate along w
    padded: bool  # whether padding is read
    passes: tuple[Pass, ...]


@lru_cache(maxsize=64)
def layout(
    window: Window,
    samples: int,
    transposed: bool,
    channels: int,
    outputs: int,
    groups: int,
    itemsize: int,
    contiguous: bool,
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
    contiguous : bool
        Whether the source is C-contiguous.

    Returns
    -------
    Layout
        What `correlate` needs besides the arrays.
    """
    plan = correlation(window, samples, transposed)
    lanes = VECTOR_BYTES // itemsize
    by_channel, blocks = cheapest(plan, channels, outputs, lanes, itemsize)
    number = 1
    if transposed and outputs <= LOADED:
        joint = together(window, samples)
        if joint is not None and outputs * len(joint.phases) <= ROWS:
            plan, number, by_channel = joint, len(joint.phases), False
            waiting = outputs * number // plan.target_step[3]
            blocks, _ = tile_blocks(plan, channels, waiting, itemsize, [Way(lanes, FLAT)])
    source = window.output_size if transposed else window.input_size
    there = uncopied(plan, blocks, channels * groups, source) if by_channel and contiguous else None
    blocks = there or blocks
    line = np.array(blocks.lines)
    units = np.array([line.prod(), line[1:].prod(), line[2:].prod(), line[3], 1])
    phases, offsets, first = [], [], 0
    pitches = np.arange(channels)[:, None] * blocks.pitch
    for phase in plan.phases:
        phases.append((first, len(phase.taps), *phase.first))
        offsets.append((pitches + phase.places @ units).reshape(-1))
        first += len(phase.taps)
    if number > 1:
        offsets = offsets[:1]
    tiles = tiles_of(outputs, groups, lanes if by_channel else 0, number)
    terms = sum(map(len, offsets))
    products = first * channels * math.prod(plan.positions) * outputs * groups
    return Layout(
        words_of(blocks),
        math.prod(blocks.number),
        channels,
        plan.planes,
        np.array(phases, np.int64),
        np.concatenate([phase.taps for phase in plan.phases]),
        np.concatenate(offsets).astype(np.int64),
        by_channel,
        there is None,
        tiles,
        reads_of(plan, source, units, blocks),
        number,
        len({phase.first[3] for phase in plan.phases}),
        plan.padded,
        passes_of(tiles, terms, products, itemsize),
    )


def cheapest(
    plan: Correlation, channels: int, outputs: int, lanes: int, itemsize: int
) -> tuple[bool, Blocks]:
    """Choose what the lanes of a tile are, channels or else positions, and cut the positions."""
    flat, cost = tile_blocks(plan, channels, min(outputs, ROWS), itemsize, [Way(lanes, FLAT)])
    ways = [Way(height, 1 + LOADING / height, TURNING) for height in reversed(HEIGHTS)]
    upright, other = tile_blocks(plan, channels, min(outputs, WIDEST), itemsize, ways)
    by_channel = other * -(-outputs // lanes) * lanes < cost * outputs
    return by_channel, upright if by_channel else flat


def tiles_of(outputs: int, groups: int, lanes: int, together: int) -> np.ndarray:
    """Cut the channels of the result into tiles, of vectors of so many lanes or, if 0, of rows.

    A tile of rows holds so many phases `together`, one after another.
    """
    largest = ABREAST * lanes or ROWS
    number = -(-outputs // largest)
    edges = [
        min(n * largest, outputs) if lanes else outputs * n // number for n in range(number + 1)
    ]
    tiles, place = [], 0
    for group in range(groups):
        for begin, end in pairwise(edges):
            width = -(-(end - begin) // lanes) * lanes if lanes else (end - begin) * together
            tiles.append((group, begin, group * outputs + begin, end - begin, place, width))
            place += width
    return np.array(tiles, np.int64)


def passes_of(tiles: np.ndarray, terms: int, products: int, itemsize: int) -> tuple[Pass, ...]:
    """Cut the tiles, of so many terms each, as memory for their packed weights allows."""
    per_pass = max(PACKED // max(terms * max(ROWS, WIDEST) * itemsize, 1), 1)
    passes = []
    for first in range(0, len(tiles), per_pass):
        some = tiles[first : first + per_pass]
        rows = int(some[-1, 4] + some[-1, 5] - some[0, 4])
        cost = products * len(some) // len(tiles) // PRODUCTS
        passes.append(Pass(first, first + len(some), some, rows * terms, cost))
    return tuple(passes)


def correlate(
    out: np.ndarray,
    source: tuple[Any, ...],
    weight: int,
    strides: tuple[int, ...],
    bias: np.ndarray,
    low: float,
    plan: Layout,
) -> bool:
    """Fill `out`.

    Parameters
    ----------
    out : numpy.ndarray
        The result, C-contiguous, (N, channels, D, H, W).
    source : tuple
        Of `handing.memory`.
    weight : int
        Address of the first weight.
    strides : tuple of int
        Bytes in `weight` from a group to the next, from a channel of the result, from one of the
        source, and from a tap to the next along each axis.
    bias : numpy.ndarray
        One number for each channel of `out`.
    low : float
        What results are raised to: 0 rectifies them, minus infinity leaves them.
    plan : Layout
        From `layout`.

    Returns
    -------
    bool
        Whether `out` is right: not where padding meets a weight that is not finite.
    """
    flat, lowest = out.reshape(-1), out.dtype.type(low)
    if plan.together > 1:  # each phase has rows of its own
        by_tile = bias[: out.shape[1]].reshape(len(plan.tiles), 1, -1)
        bias = np.repeat(by_tile, plan.together, axis=1).reshape(-1)
    for first, last, tiles, numbers, cost in plan.passes:
        packed = empty((numbers,), out.dtype)
        finite = pack_tiles(
            packed, weight, strides, plan.channels, plan.taps, plan.phases, plan.together, tiles
        )
        if plan.padded and not finite:
            return False
        parts = parts_of(plan.number, last - first)
        threads.run_shares(
            correlate_blocks, plan.number * parts, cost, flat, out.shape, source, plan.blocks,
            plan.channels, plan.planes, plan.phases, tuple(plan.reads), plan.together, plan.abreast,
            plan.offsets, plan.by_channel, plan.copied, plan.tiles, packed, bias, lowest, first,
            last, parts,
        )  # fmt: skip
    return True


def parts_of(blocks: int, tiles: int) -> int:
    """Choose in how many parts the tiles of a block are done: in one, where blocks are many."""
    wanted = SHARES * threads.threads() if threads.threads() > 1 else 1
    return min(tiles, -(-wanted // blocks))


@numba.njit(cache=True, nogil=True)
def correlate_blocks(
    out, shape, source, blocks, channels, planes, phases, reads, together, abreast, offsets,
    by_channel, copied, tiles, packed, bias, low, first_tile, last_tile, parts, first, last,
):  # fmt: skip
    """Compute tiles of channels for blocks of positions: part n % parts of block n // parts."""
    if threads.shared(first, last):
        return
    source, blocks, reads = Memory(*source), blocks_in(blocks), Reads(*reads)
    lanes, grain = VECTOR_BYTES // out.itemsize, blocks.grain
    total, size = offsets.shape[0], shape[2] * shape[3] * shape[4]
    patch = np.empty((channels * blocks.pitch if copied else 0) + lanes + grain, out.dtype)
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    pitch = blocks.grains * grain + lanes
    waiting = tiles[:, 5].max() * (abreast if together == 1 else 1)
    scratch = np.empty(waiting * pitch, out.dtype)
    origin, many = tiles[first_tile, 4], last_tile - first_tile
    for n in range(first, last):
        part = n % parts
        start, length = block_bounds(blocks, n // parts)
        direct = in_place(blocks, length, grain, shape)
        if n == first or part == 0:
            count = place_vectors(sources, targets, blocks, grain, start, length, shape, direct)
            present, cells = -1, 0
        end_tile = first_tile + many * (part + 1) // parts
        for tile in range(first_tile + many * part // parts, end_tile):
            group, _, channel, rows, place, width = tiles[tile]
            if group != present:
                cells = patch_at(
                    patch, copied, source, blocks, planes, start, length, group * channels, channels
                )
                present = group
            for phase in range(0, phases.shape[0], together):
                begin, terms = phases[phase, 0] * channels, phases[phase, 1] * channels
                weights, side = (place - origin) * total + width * begin, phase % abreast
                target, to, apart = scratch, side * rows * pitch, pitch
                if direct:
                    target, to, apart = out, channel * size, size
                if by_channel:
                    correlate_lines(
                        reads, phase, blocks, start, length, rows, channels, phases[phase, 1],
                        packed, weights, cells, bias, channel, sources, targets, count, target, to,
                        apart, low,
                    )  # fmt: skip
                else:
                    correlate_tiles(
                        width, terms, packed, weights, offsets, begin, cells, bias, place, sources,
                        targets, count, target, to, apart, low,
                    )  # fmt: skip
                if not direct and (phase + together) % abreast == 0:
                    ready = phases[phase + together - max(together, abreast) : phase + together]
                    deliver(
                        scratch, pitch, rows, out, shape, channel, blocks, grain, start, length,
                        ready, abreast,
                    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def correlate_lines(
    reads, phase, blocks, start, length, rows, channels, taps, packed, weights, patch, bias,
    channel, sources, targets, count, target, to, apart, low,
):  # fmt: skip
    """Compute a tile of channels for a block, lines that read the same taps together."""
    lines = line_count(blocks, length)
    line, runs = ZERO, count // lines
    while line < lines:
        kind, end = alike(reads, phase, blocks, start, length, line, lines)
        correlate_channels(
            blocks.grain, rows, channels, blocks.pitch, taps, reads.taps, reads.bounds[kind, 0],
            reads.bounds[kind, 1], reads.tiles, packed, weights, patch, bias, channel, sources,
            targets, line * runs, end * runs, target, to, apart, low,
        )  # fmt: skip
        line = end
