"""The weight gradient and the bias gradient: sums over positions.

The weight gradient reads the same patches as the forward map: element (channel, tap) of a filter
is the product of the filter's line of ``grad_y`` and the line of the patch that starts at the
offset of that term.

The blocks of positions are dealt out in *chunks*, as many as the shape says, whose sums are kept
apart and added at the end: so threads share the positions, and results do not depend on them.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.lines import LANES, add_line, address_of, copy_between, turn_lines
from deconv_ref.memory import zeros
from deconv_ref.ops.convolution.channels import (
    ABREAST,
    MOST_TERMS,
    dot_filters,
    terms_together,
)
from deconv_ref.ops.convolution.microkernel import (
    DOT_BYTES,
    LONGEST,
    VECTOR_BYTES,
    dot_columns,
    dot_tiles,
    largest_dot_rows,
)
from deconv_ref.ops.convolution.packing import PRODUCTS
from deconv_ref.ops.convolution.patches import (
    SPARE,
    block_bounds,
    fill,
    fill_lines,
    fill_patch,
    fill_turned,
    place_vectors,
    run_length,
)
from deconv_ref.ops.convolution.plan import Blocks, Memory, Way, correlation, dot_blocks
from deconv_ref.window import Window

__all__ = ["DotLayout", "dot_layout", "sum_positions", "weight_sums"]

ROWS = largest_dot_rows()
COLUMNS = tuple(dot_columns(max(rows, 1)) for rows in range(ROWS + 1))
CHUNK = 64  # channels, and filters, whose lines are held at a time
STARTING = 1.0  # what it costs to start a run of positions, in positions
MANY = 12  # filters from which on the lanes of a tile are filters, not positions
LEAST = 16  # filters that are left to a thread
CHUNKS = 8  # at most
APART = 1 << 18  # numbers that all chunks' sums are at most
ALONE = 1 << 18  # products that one thread finishes before a second one has started
TOGETHER = tuple(terms_together(max(vectors, 1)) for vectors in range(ABREAST + 1))


class DotLayout(NamedTuple):
    """All that shapes and parameters say about a weight gradient."""

    blocks: Blocks
    planes: np.ndarray  # (planes, 4): residue along each axis
    taps: np.ndarray  # (taps, 3): those that meet a cell at some position
    offsets: np.ndarray  # (channels * taps,): place of each term in a patch
    by_filter: bool  # whether the lanes of a tile are filters, or positions
    chunks: int
    products: int


@lru_cache(maxsize=256)
def dot_layout(
    window: Window, samples: int, channels: int, filters: int, groups: int, itemsize: int
) -> DotLayout:
    """Lay out Q3 for so many channels and filters in a group."""
    plan = correlation(window, samples, transposed=False)
    lanes = DOT_BYTES // itemsize
    by_filter = filters >= MANY
    way = Way(1, start=STARTING) if by_filter else Way(lanes)
    blocks = dot_blocks(plan, min(channels, CHUNK), min(filters, CHUNK), itemsize, [way])
    line = np.array(blocks.lines)
    units = np.array([line.prod(), line[1:].prod(), line[2:].prod(), line[3], 1])
    (phase,) = plan.phases
    chunk = min(channels, CHUNK)
    offsets = np.arange(chunk)[:, None] * blocks.pitch + phase.places @ units
    elements = filters * groups * channels * len(phase.taps)
    return DotLayout(
        blocks,
        plan.planes,
        phase.taps,
        offsets.reshape(-1),
        by_filter,
        max(1, min(CHUNKS, math.prod(blocks.number), APART // max(elements, 1))),
        math.prod(plan.positions) * elements,
    )


def weight_sums(
    grad_weight: np.ndarray, grads: Memory, source: Memory, groups: int, plan: DotLayout
) -> None:
    """Fill `grad_weight`, (M, C/G, taps).

    An element is NaN where a cell that is not finite meets a zero of padding, or the reverse.
    """
    filters, channels = grad_weight.shape[0] // groups, grad_weight.shape[1]
    by_filter, by_channel = 1, -(-channels // CHUNK)
    fewest = 2 * LEAST if plan.by_filter else 2
    wanted = 2 * threads.threads() if threads.threads() > 1 and plan.products > ALONE else 1
    by_group = min(groups, -(-wanted // plan.chunks))
    while plan.chunks * by_group * by_filter * by_channel < wanted:
        if filters // by_filter >= max(channels // by_channel, fewest):
            by_filter *= 2
        elif channels // by_channel >= 2:
            by_channel *= 2
        else:
            break
    cuts = by_group, by_filter, by_channel
    parts = grad_weight[None]
    if plan.chunks > 1:
        parts = zeros((plan.chunks, *grad_weight.shape), grad_weight.dtype)
    piece = sum_by_filter if plan.by_filter else sum_by_position
    threads.run_shares(
        piece, plan.chunks * math.prod(cuts), plan.products // PRODUCTS, parts, grads, source,
        groups, plan.blocks, plan.planes, plan.offsets, cuts,
    )  # fmt: skip
    if plan.chunks > 1:
        flat = grad_weight.reshape(-1)
        threads.run_shares(add_parts, flat.size, parts.size, flat, parts.reshape(len(parts), -1))


@numba.njit(cache=True, nogil=True)
def add_parts(total, parts, first, last):
    """Add up the sums of all chunks, one after another."""
    if threads.shared(first, last):
        return
    own = total[first:last]
    own[:] = 0
    for part in range(parts.shape[0]):
        line = parts[part, first:last]
        for n in range(own.size):
            own[n] += line[n]


@numba.njit(cache=True, nogil=True)
def cut(parts, groups, cuts, n):
    """Give chunk, groups, filters and channels of piece n, the latter two counted in a group."""
    filters, channels = parts.shape[1] // groups, parts.shape[2]
    by_group, by_filter, by_channel = cuts
    m, n = n % by_filter, n // by_filter
    c, n = n % by_channel, n // by_channel
    g, chunk = n % by_group, n // by_group
    return (
        chunk,
        (groups * g // by_group, groups * (g + 1) // by_group),
        (filters * m // by_filter, filters * (m + 1) // by_filter),
        (channels * c // by_channel, channels * (c + 1) // by_channel),
    )


@numba.njit(cache=True, nogil=True)
def blocks_of(blocks, chunk, chunks):
    """Give the first block of a chunk, and that of the next one."""
    number = blocks.number[0] * blocks.number[1] * blocks.number[2] * blocks.number[3]
    return number * chunk // chunks, number * (chunk + 1) // chunks


@numba.njit(cache=True, nogil=True)
def sum_by_position(parts, grads, source, groups, blocks, planes, offsets, cuts, first, last):
    """Compute the elements of some parts; see `cut`."""
    if threads.shared(first, last):
        return
    lanes, taps = DOT_BYTES // parts.itemsize, parts.shape[3]
    pitch = -(-blocks.grains * blocks.grain // lanes) * lanes
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    shape = (0, 0, 0, 0, 0)
    for n in range(first, last):
        chunk, own_groups, own_filters, own_channels = cut(parts, groups, cuts, n)
        grad_weight = parts[chunk]
        channels = own_channels[1] - own_channels[0]
        patch = np.zeros(channels * blocks.pitch + lanes, grad_weight.dtype)
        lines = np.empty(min(own_filters[1] - own_filters[0], CHUNK) * pitch, grad_weight.dtype)
        places = longer(offsets, channels * taps, LONGEST)
        result = grad_weight.reshape(grad_weight.shape[0], -1)
        result = result[:, own_channels[0] * taps : own_channels[1] * taps]
        begin_block, end_block = blocks_of(blocks, chunk, parts.shape[0])
        for block in range(begin_block, end_block):
            start, length = block_bounds(blocks, block)
            count = place_vectors(
                sources, targets, blocks, blocks.grain, start, length, shape, False
            )
            for group in range(own_groups[0], own_groups[1]):
                channel = group * grad_weight.shape[1] + own_channels[0]
                fill_patch(patch, source, blocks, planes, start, length, channel, channels)
                begin = group * (grad_weight.shape[0] // groups)
                for row in range(begin + own_filters[0], begin + own_filters[1], CHUNK):
                    rows = min(CHUNK, begin + own_filters[1] - row)
                    fill_lines(lines, pitch, grads, blocks, blocks.grain, start, length, row, rows)
                    add_tiles(result[row : row + rows], lines, pitch, patch, places, sources, count)


@numba.njit(cache=True, nogil=True)
def longer(offsets, terms, spare):
    """Copy some offsets, and add spare ones: a tile may reach beyond the last term.

    By a loop: a slice that is assigned makes Numba compile its error message, for two seconds.
    """
    places = np.zeros(terms + spare, np.int64)
    for k in range(terms):
        places[k] = offsets[k]
    return places


@numba.njit(cache=True, nogil=True)
def add_tiles(result, lines, pitch, patch, places, sources, count):
    """Add what one block contributes to (filters, terms), tile by tile."""
    filters, terms = result.shape
    sums = np.empty(ROWS * LONGEST + DOT_BYTES, result.dtype)
    tiles = -(-filters // ROWS)
    for tile in range(tiles):
        row = filters * tile // tiles
        rows = filters * (tile + 1) // tiles - row
        columns = COLUMNS[rows]
        for k in range(0, terms, columns):
            dot_tiles(rows, lines, row * pitch, pitch, patch, places, k, sources, count, sums)
            for i in range(rows):
                for j in range(min(columns, terms - k)):
                    result[row + i, k + j] += sums[i * columns + j]


@numba.njit(cache=True, nogil=True)
def sum_by_filter(parts, grads, source, groups, blocks, planes, offsets, cuts, first, last):
    """Compute the same with filters side by side: sums of a block, added up over the blocks."""
    if threads.shared(first, last):
        return
    lanes, taps = VECTOR_BYTES // parts.itemsize, parts.shape[3]
    widest, filters = ABREAST * lanes, parts.shape[1] // groups
    turned = np.zeros(widest * blocks.grains, parts.dtype)
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    shape = (0, 0, 0, 0, 0)
    for n in range(first, last):
        chunk, own_groups, own_filters, own_channels = cut(parts, groups, cuts, n)
        grad_weight = parts[chunk]
        channels = own_channels[1] - own_channels[0]
        tiles, terms = -(-(own_filters[1] - own_filters[0]) // widest), channels * taps
        patch = np.zeros(channels * blocks.pitch + lanes, grad_weight.dtype)
        places = longer(offsets, terms, MOST_TERMS)
        many = (own_groups[1] - own_groups[0]) * tiles
        sums = np.zeros((many, places.size * widest), grad_weight.dtype)
        begin_block, end_block = blocks_of(blocks, chunk, parts.shape[0])
        for block in range(begin_block, end_block):
            start, length = block_bounds(blocks, block)
            run = run_length(blocks, length)
            count = place_vectors(sources, targets, blocks, run, start, length, shape, False)
            for group in range(own_groups[0], own_groups[1]):
                channel = group * grad_weight.shape[1] + own_channels[0]
                fill_patch(patch, source, blocks, planes, start, length, channel, channels)
                for tile in range(tiles):
                    row = own_filters[0] + tile * widest
                    rows = min(widest, own_filters[1] - row)
                    vectors = -(-rows // lanes)
                    width, height = vectors * lanes, fitting(vectors, terms)
                    row += group * filters
                    fill_turned(turned, width, grads, blocks, run, start, length, row, rows)
                    total = sums[(group - own_groups[0]) * tiles + tile]
                    for k in range(0, terms, height):
                        dot_filters(
                            vectors, height, turned, patch, places, k, sources, count, run, total,
                            k * width,
                        )  # fmt: skip
        for group in range(own_groups[0], own_groups[1]):
            own_sums = sums[(group - own_groups[0]) * tiles :]
            begin, end = group * filters + own_filters[0], group * filters + own_filters[1]
            store_sums(grad_weight, own_sums, begin, end, own_channels[0] * taps, terms)


@numba.njit(cache=True, nogil=True)
def store_sums(grad_weight, sums, begin, end, first_term, terms):
    """Carry sums that have filters side by side to their places in the gradient."""
    lanes, unit = VECTOR_BYTES // grad_weight.itemsize, grad_weight.itemsize
    widest, pitch = ABREAST * lanes, -(-terms // lanes) * lanes
    all_terms = grad_weight.shape[1] * grad_weight.shape[2]
    result, lines = grad_weight.reshape(-1), np.empty(widest * pitch, grad_weight.dtype)
    for row in range(begin, end, widest):
        rows = min(widest, end - row)
        width = -(-rows // lanes) * lanes
        at = address_of(sums[(row - begin) // widest])
        turn_lines(lines, 0, pitch, at, width * unit, terms, rows)
        to, gap = row * all_terms + first_term, pitch * unit
        copy_between(result, to, all_terms, rows, terms, address_of(lines), gap, 0, terms, 0)


@numba.njit(cache=True, nogil=True)
def fitting(vectors, terms):
    """Choose the height of tiles that wastes least."""
    best, least = 0, 0
    for height in TOGETHER[vectors]:
        cost = -(-terms // height) * (height + 1)
        if best == 0 or cost <= least:
            best, least = height, cost
    return best


def sum_positions(grad_bias: np.ndarray, grads: Memory) -> None:
    """Fill `grad_bias`: one sum for each channel of `grads`."""
    channels = len(grad_bias)
    threads.run_shares(sum_channels, channels, channels * math.prod(grads.size), grad_bias, grads)


@numba.njit(cache=True, nogil=True)
def sum_channels(grad_bias, grads, first, last):
    """Sum some channels: number e of a channel, in memory order, in lane e mod `LANES`."""
    if threads.shared(first, last):
        return
    size, strides = grads.size, grads.strides
    planes, rows, width = size[1], size[2], size[3]
    if strides[3] == width * strides[4] and strides[2] == rows * strides[3]:
        planes, rows, width = 1, 1, planes * rows * width
    line = np.empty(8 * LANES, grad_bias.dtype)
    for channel in range(first, last):
        lanes, filled = np.zeros(LANES, grad_bias.dtype), 0
        for n in range(size[0]):
            for d in range(planes):
                for h in range(rows):
                    row = grads.address + n * strides[0] + channel * strides[1]
                    row += d * strides[2] + h * strides[3]
                    done = 0
                    while done < width:
                        some = min(width - done, line.size - filled)
                        at = row + done * strides[4]
                        fill(line, filled, 0, 1, some, at, 0, strides[4], 0, some, 0)
                        done, filled = done + some, filled + some
                        if filled == line.size:
                            add_line(lanes, line)
                            filled = 0
        line[filled:] = 0
        add_line(lanes, line)
        grad_bias[channel] = sum_lanes(lanes)


@numba.njit(cache=True, nogil=True)
def sum_lanes(lanes):
    """Add the lanes by halving."""
    half = LANES // 2
    while half:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return lanes[0]
