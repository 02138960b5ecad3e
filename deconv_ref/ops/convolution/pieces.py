"""The weight gradient's two kinds of pieces: lanes that are positions, and lanes that are filters.

Each piece sums some terms (channel, tap) of some filters over a chunk of the blocks of positions;
see `reduction`. The bias is one term more, which reads a channel of ones behind those of the patch.
"""

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.lines import address_of, all_finite, copy_between, turn_lines
from deconv_ref.ops.convolution.channels import (
    ABREAST,
    MOST_TERMS,
    dot_filters,
    terms_together,
)
from deconv_ref.ops.convolution.handing import blocks_in
from deconv_ref.ops.convolution.microkernel import (
    DOT_BYTES,
    MOST_COLUMNS,
    VECTOR_BYTES,
    dot_columns,
    dot_tiles,
    largest_dot_rows,
)
from deconv_ref.ops.convolution.patches import (
    SPARE,
    ZERO,
    block_bounds,
    fill_lines,
    fill_patch,
    fill_turned,
    patch_at,
    place_vectors,
    run_length,
)
from deconv_ref.ops.convolution.plan import Memory

__all__ = ["CHUNK", "sum_by_filter", "sum_by_position"]

ROWS = largest_dot_rows()
COLUMNS = tuple(dot_columns(max(rows, 1)) for rows in range(ROWS + 1))
CHUNK = 64  # channels, and filters, whose lines are held at a time
TOGETHER = tuple(terms_together(max(vectors, 1)) for vectors in range(ABREAST + 1))


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
def sum_by_position(
    parts, biases, finite, grads, source, groups, blocks, planes, places, met, copied, cuts, first,
    last,
):  # fmt: skip
    """Compute the elements of some parts; see `cut`. Patches are copied, and taken whole."""
    if threads.shared(first, last):
        return
    grads, source, blocks = Memory(*grads), Memory(*source), blocks_in(blocks)
    lanes = DOT_BYTES // parts.itemsize
    pitch = -(-blocks.grains * blocks.grain // lanes) * lanes
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    shape, direct = (ZERO, ZERO, ZERO, ZERO, ZERO), ZERO > 0  # nothing goes anywhere
    for n in range(first, last):
        chunk, own_groups, own_filters, own_channels = cut(parts, groups, cuts, n)
        channels, filters = own_channels[1] - own_channels[0], parts.shape[1] // groups
        ones = 1 if own_channels[0] == 0 and biases.shape[1] > 0 else 0
        patch = patch_of(parts, blocks, channels, ones, lanes)
        lines = np.empty(min(own_filters[1] - own_filters[0], CHUNK) * pitch, parts.dtype)
        offsets, _ = list_terms(places, channels, blocks.pitch, ones, False, MOST_COLUMNS)
        weights = parts[chunk].reshape(parts.shape[1], -1)
        weights = weights[:, own_channels[0] * places.size : own_channels[1] * places.size]
        for group in range(own_groups[0], own_groups[1]):
            begin, end = group * filters + own_filters[0], group * filters + own_filters[1]
            clear(weights[begin:end], biases[chunk, begin : begin + (end - begin) * ones])
        begin_block, end_block = blocks_of(blocks, chunk, parts.shape[0])
        for block in range(begin_block, end_block):
            start, length = block_bounds(blocks, block)
            count = place_vectors(
                sources, targets, blocks, blocks.grain, start, length, shape, direct
            )
            for group in range(own_groups[0], own_groups[1]):
                channel = group * parts.shape[2] + own_channels[0]
                fill_patch(patch, source, blocks, planes, start, length, channel, channels)
                end = group * filters + own_filters[1]
                for row in range(group * filters + own_filters[0], end, CHUNK):
                    rows = min(CHUNK, end - row)
                    fill_lines(lines, pitch, grads, blocks, blocks.grain, start, length, row, rows)
                    add_tiles(
                        weights[row : row + rows], biases[chunk, row : row + rows * ones], lines,
                        pitch, patch, offsets, sources, count,
                    )  # fmt: skip
        for group in range(own_groups[0], own_groups[1]):
            for row in range(group * filters + own_filters[0], group * filters + own_filters[1]):
                if not all_finite(weights[row]):
                    finite[0] = False


@numba.njit(cache=True, nogil=True)
def clear(weights, biases):
    """Set sums to zero."""
    for row in range(weights.shape[0]):
        for n in range(weights.shape[1]):
            weights[row, n] = 0
    for n in range(biases.size):
        biases[n] = 0


@numba.njit(cache=True, nogil=True)
def patch_of(parts, blocks, channels, ones, lanes):
    """Make room for the channels of a patch and, behind them, a channel of ones if wanted."""
    patch = np.zeros((channels + ones) * blocks.pitch + lanes, parts.dtype)
    for n in range(channels * blocks.pitch, patch.size if ones else 0):
        patch[n] = 1
    return patch


@numba.njit(cache=True, nogil=True)
def list_terms(places, channels, pitch, ones, tap_first, spare):
    """List where each term starts in a patch, and its weight; the bias is the last, if wanted.

    In the order of the channels, or of the taps. A tile may reach `spare` terms beyond the last.
    """
    terms = channels * places.size
    offsets = np.zeros(terms + ones + spare, np.int64)
    weights = np.zeros(terms + ones + spare, np.int64)
    for k in range(weights.size):
        weights[k] = k
    for channel in range(channels):
        for tap in range(places.size):
            weight = channel * places.size + tap
            k = tap * channels + channel if tap_first else weight
            offsets[k], weights[k] = channel * pitch + places[tap], weight
    if ones:
        offsets[terms] = channels * pitch
    return offsets, weights


@numba.njit(cache=True, nogil=True)
def add_tiles(weights, biases, lines, pitch, patch, offsets, sources, count):
    """Add what one block contributes to (filters, terms), and the biases', tile by tile."""
    filters, terms = weights.shape
    sums = np.empty(ROWS * MOST_COLUMNS + DOT_BYTES, weights.dtype)
    tiles = -(-filters // ROWS)
    for tile in range(tiles):
        row = filters * tile // tiles
        rows = filters * (tile + 1) // tiles - row
        columns = COLUMNS[rows]
        for k in range(0, terms + min(biases.size, 1), columns):
            dot_tiles(rows, lines, row * pitch, pitch, patch, offsets, k, sources, count, sums)
            for i in range(rows):
                for j in range(min(columns, terms - k)):
                    weights[row + i, k + j] += sums[i * columns + j]
                if terms < k + columns and biases.size:
                    biases[row + i] += sums[i * columns + terms - k]


@numba.njit(cache=True, nogil=True)
def sum_by_filter(
    parts, biases, finite, grads, source, groups, blocks, planes, places, met, copied, cuts, first,
    last,
):  # fmt: skip
    """Compute the same with filters side by side: sums of a block, added up over the blocks."""
    if threads.shared(first, last):
        return
    grads, source, blocks = Memory(*grads), Memory(*source), blocks_in(blocks)
    lanes, filters = VECTOR_BYTES // parts.itemsize, parts.shape[1] // groups
    widest = ABREAST * lanes
    turned = np.zeros(widest * blocks.grains, parts.dtype)
    sources = np.empty(blocks.grains + SPARE, np.int64)
    targets = np.empty(blocks.grains + SPARE, np.int64)
    box = np.empty((4, 3), np.int64)
    shape, direct = (ZERO, ZERO, ZERO, ZERO, ZERO), ZERO > 0  # nothing goes anywhere
    for n in range(first, last):
        chunk, own_groups, own_filters, own_channels = cut(parts, groups, cuts, n)
        channels, tiles = own_channels[1] - own_channels[0], -(-span_of(own_filters) // widest)
        ones = 1 if own_channels[0] == 0 and biases.shape[1] > 0 else 0
        patch = patch_of(parts, blocks, channels if copied else 0, ones, lanes)
        offsets, weights = list_terms(places, channels, blocks.pitch, ones, True, MOST_TERMS)
        sums = np.zeros((span_of(own_groups) * tiles, weights.size * widest), parts.dtype)
        begin_block, end_block = blocks_of(blocks, chunk, parts.shape[0])
        for block in range(begin_block, end_block):
            start, length = block_bounds(blocks, block)
            run = run_length(blocks, length)
            count = place_vectors(sources, targets, blocks, run, start, length, shape, direct)
            for group in range(own_groups[0], own_groups[1]):
                channel = group * parts.shape[2] + own_channels[0]
                cells = patch_at(
                    patch, copied, source, blocks, planes, start, length, channel, channels
                )
                for tile in range(tiles):
                    row = own_filters[0] + tile * widest
                    rows = min(widest, own_filters[1] - row)
                    row += group * filters
                    vectors = -(-rows // lanes)
                    fill_turned(
                        turned, vectors * lanes, grads, blocks, run, start, length, row, rows
                    )
                    total = sums[(group - own_groups[0]) * tiles + tile]
                    add_terms(
                        total, vectors, channels * places.size + ones, channels, turned, cells,
                        offsets, weights, met, box, blocks, start, length, sources, count, run,
                    )  # fmt: skip
        for group in range(own_groups[0], own_groups[1]):
            own_sums = sums[(group - own_groups[0]) * tiles :]
            begin, end = group * filters + own_filters[0], group * filters + own_filters[1]
            store_sums(
                parts[chunk], biases[chunk], finite, own_sums, begin, end,
                own_channels[0] * places.size, channels * places.size, ones,
            )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def span_of(bounds):
    """Count from the first to the last."""
    return bounds[1] - bounds[0]


@numba.njit(cache=True, nogil=True)
def add_terms(
    sums, vectors, terms, channels, turned, cells, offsets, weights, met, box, blocks, start,
    length, sources, count, run,
):  # fmt: skip
    """Add what one block contributes to some vectors of filters, tile by tile of terms."""
    height = fitting(vectors, terms)
    for k in range(0, terms, height):
        last_term = min(k + height, terms) - 1
        some = met[k // channels : last_term // channels + 1]
        bound(box, some, blocks, start, length, count, run)
        dot_filters(
            vectors, height, turned, cells, offsets, weights, k, sources, box, sums,
        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def bound(box, met, blocks, start, length, count, run):
    """Bound the positions of a block at which some tap meets a cell, as `dot_filters` wants it.

    Runs over several lines are taken whole.
    """
    whole = (ZERO + 1, ZERO + 1, count, run)
    for axis in range(4):
        if blocks.joined:
            box[axis, 0], box[axis, 1], box[axis, 2] = whole[axis], 0, whole[axis]
        else:
            box[axis, 0] = length[axis]
            box[axis, 1], box[axis, 2] = within(met[:, axis], start[axis], length[axis])


@numba.njit(cache=True, nogil=True)
def within(met, start, length):
    """Give the part of a block along an axis that holds all positions met by some tap."""
    first, last = length, 0
    for tap in range(met.shape[0]):
        first = min(first, met[tap, 0] - start)
        last = max(last, met[tap, 1] - start)
    return max(first, 0), min(last, length)


@numba.njit(cache=True, nogil=True)
def store_sums(grad_weight, grad_bias, finite, sums, begin, end, first_term, terms, ones):
    """Carry sums that have filters side by side to their places in the gradients."""
    lanes, unit = VECTOR_BYTES // grad_weight.itemsize, grad_weight.itemsize
    widest, pitch = ABREAST * lanes, -(-terms // lanes) * lanes
    all_terms = grad_weight.shape[1] * grad_weight.shape[2]
    result, lines = grad_weight.reshape(-1), np.empty(widest * pitch, grad_weight.dtype)
    for row in range(begin, end, widest):
        rows = min(widest, end - row)
        width = -(-rows // lanes) * lanes
        own = sums[(row - begin) // widest]
        turn_lines(lines, 0, pitch, address_of(own), width * unit, terms, rows)
        to, gap = row * all_terms + first_term, pitch * unit
        copy_between(result, to, all_terms, rows, terms, address_of(lines), gap, 0, terms, 0)
        for n in range(rows):
            if not all_finite(lines[n * pitch : n * pitch + terms]):
                finite[0] = False
        for n in range(rows * ones):
            grad_bias[row + n] = own[terms * width + n]


@numba.njit(cache=True, nogil=True)
def fitting(vectors, terms):
    """Choose the height of tiles that wastes least."""
    best, least = 0, 0
    for height in TOGETHER[vectors]:
        cost = -(-terms // height) * (height + 1)
        if best == 0 or cost <= least:
            best, least = height, cost
    return best
