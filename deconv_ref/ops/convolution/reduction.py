"""The weight gradient and the bias gradient: sums over positions.

The weight gradient reads the same patches as the forward map: element (channel, tap) of a filter
is the product of the filter's line of ``grad_y`` and the line of the patch that starts at the
offset of that term. The bias is one more weight, which reads a channel of ones: its gradient is one
more term of the same sums.

Where the lanes of a tile are filters, its terms are channels that the same tap reads, or a few taps
do, and positions at which these read padding alone are left out.

The blocks of positions are dealt out in *chunks*, as many as the shape says, whose sums are kept
apart and added at the end: so threads share the positions, and results do not depend on them.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.lines import LANES, add_line
from deconv_ref.memory import empty
from deconv_ref.ops.convolution.handing import words_of
from deconv_ref.ops.convolution.microkernel import DOT_BYTES
from deconv_ref.ops.convolution.packing import PRODUCTS
from deconv_ref.ops.convolution.patches import ZERO, fill
from deconv_ref.ops.convolution.pieces import CHUNK, sum_by_filter, sum_by_position
from deconv_ref.ops.convolution.plan import (
    Correlation,
    Memory,
    Way,
    correlation,
    dot_blocks,
    uncopied,
)
from deconv_ref.window import Window

__all__ = ["DotLayout", "dot_layout", "sum_positions", "weight_sums"]

STARTING = 1.0  # what it costs to start a run of positions, in positions
MANY = 12  # filters from which on the lanes of a tile are filters, not positions
LEAST = 16  # filters that are left to a thread
CHUNKS = 8  # at most
APART = 1 << 18  # numbers that all chunks' sums are at most
ALONE = 1 << 18  # products that one thread finishes before a second one has started


class DotLayout(NamedTuple):
    """All that shapes and parameters say about a weight gradient."""

    blocks: np.ndarray  # see `handing.words_of`
    planes: np.ndarray  # (planes, 4): residue along each axis
    taps: np.ndarray  # (taps, 3): those that meet a cell at some position
    places: np.ndarray  # (taps,): where each reads in a patch's first channel
    met: np.ndarray  # (taps + 1, 4, 2): by axis the first position that meets a cell, and the end
    by_filter: bool  # whether the lanes of a tile are filters, or positions
    copied: bool  # whether patches are, or read where the source lies
    ones: bool  # whether these lie behind a patch: by shape alone, for it orders the bias' sum
    chunks: int
    products: int


@lru_cache(maxsize=256)
def dot_layout(
    window: Window,
    samples: int,
    channels: int,
    filters: int,
    groups: int,
    itemsize: int,
    contiguous: bool,
) -> DotLayout:
    """Lay out Q3 for so many channels and filters in a group, and a source that is C-contiguous.

    Of a kernel of one tap each number of the source is read but once for some filters: what copies
    it would read it as often.
    """
    plan = correlation(window, samples, transposed=False)
    lanes = DOT_BYTES // itemsize
    by_filter = filters >= MANY
    way = Way(1, start=STARTING) if by_filter else Way(lanes)
    blocks = dot_blocks(plan, min(channels, CHUNK), min(filters, CHUNK), itemsize, [way])
    (phase,) = plan.phases
    there = None
    if by_filter and len(phase.taps) == 1:
        there = uncopied(plan, blocks, channels * groups, window.input_size)
    copied = there is None or not contiguous
    blocks = blocks if there is None or copied else there
    line = np.array(blocks.lines)
    units = np.array([line.prod(), line[1:].prod(), line[2:].prod(), line[3], 1])
    size = samples, *window.input_size
    elements = filters * groups * channels * len(phase.taps)
    return DotLayout(
        words_of(blocks),
        plan.planes,
        phase.taps,
        phase.places @ units,
        met_positions(plan, size),
        by_filter,
        copied,
        there is None,
        max(1, min(CHUNKS, math.prod(blocks.number), APART // max(elements, 1))),
        math.prod(plan.positions) * elements,
    )


def met_positions(plan: Correlation, size: tuple[int, ...]) -> np.ndarray:
    """Give for each tap, and the bias, the positions that meet a cell of a source of this size."""
    (phase,) = plan.phases
    shifts, residues = phase.places[:, 1:] + plan.low, plan.planes[phase.places[:, 0]]
    last = (np.array(size) - 1 - residues) // plan.source_step - shifts + 1
    taps = np.stack([np.maximum(-shifts, 0), np.minimum(last, plan.positions)], axis=2)
    return np.concatenate([taps, [[(0, count) for count in plan.positions]]])


def weight_sums(
    grad_weight: np.ndarray,
    grad_bias: np.ndarray,
    grads: tuple[Any, ...],
    source: tuple[Any, ...],
    groups: int,
    plan: DotLayout,
) -> bool:
    """Fill `grad_weight`, (M, C/G, taps), and `grad_bias`, (M,), unless it is empty.

    Tell whether all sums for the former are finite: one may be NaN where a cell that is not meets a
    zero of padding, or the reverse.
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
    if not plan.ones and grad_bias.size:
        sum_positions(grad_bias, grads)
        grad_bias = grad_bias[:0]
    parts, biases = grad_weight[None], grad_bias[None]
    if plan.chunks > 1:
        parts = empty((plan.chunks, *grad_weight.shape), grad_weight.dtype)
        biases = empty((plan.chunks, *grad_bias.shape), grad_bias.dtype)
    finite = np.ones(1, np.bool_)
    piece = sum_by_filter if plan.by_filter else sum_by_position
    threads.run_shares(
        piece, plan.chunks * math.prod(cuts), plan.products // PRODUCTS, parts, biases, finite,
        grads, source, groups, plan.blocks, plan.planes, plan.places, plan.met, plan.copied, cuts,
    )  # fmt: skip
    if plan.chunks > 1:
        flat, apart = grad_weight.reshape(-1), parts.reshape(len(parts), -1)
        threads.run_shares(add_parts, flat.size, parts.size, flat, apart, grad_bias, biases)
    return bool(finite[0])


@numba.njit(cache=True, nogil=True)
def add_parts(grad_weight, parts, grad_bias, biases, first, last):
    """Add up the sums of all chunks, one after another."""
    if threads.shared(first, last):
        return
    add_rows(grad_weight[first:last], parts[:, first:last])
    if first == 0:
        add_rows(grad_bias, biases)


@numba.njit(cache=True, nogil=True)
def add_rows(total, rows):
    """Add up some rows, one after another."""
    total[:] = 0
    for row in range(rows.shape[0]):
        for n in range(total.size):
            total[n] += rows[row, n]


def sum_positions(grad_bias: np.ndarray, grads: tuple[Any, ...]) -> None:
    """Fill `grad_bias`: one sum for each channel of `grads`."""
    channels = len(grad_bias)
    threads.run_shares(sum_channels, channels, channels * math.prod(grads[2]), grad_bias, grads)


@numba.njit(cache=True, nogil=True)
def sum_channels(grad_bias, grads, first, last):
    """Sum some channels: number e of a channel, in memory order, in lane e mod `LANES`."""
    if threads.shared(first, last):
        return
    grads = Memory(*grads)
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
                        fill(line, filled, ZERO, 1, some, at, ZERO, strides[4], ZERO, some, ZERO)
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
