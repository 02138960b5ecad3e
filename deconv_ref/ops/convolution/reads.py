"""Which taps meet the source on a line of positions: the others read zeros of padding.

Zeros add nothing to a sum, so that a tile of channels, whose positions all lie on one line, leaves
out what the line does not meet, and of what it does, the positions at the tile's ends that do not:
a quarter of all products and more, where images are small.
"""

from itertools import product
from typing import NamedTuple

import numba
import numpy as np

from deconv_ref.ops.convolution.channels import ends
from deconv_ref.ops.convolution.plan import Blocks, Correlation

__all__ = ["Reads", "alike", "line_count", "reads_of"]


class Reads(NamedTuple):
    """The taps that meet the source on each line of positions: the others read zeros of padding."""

    taps: np.ndarray  # (reads, 3): place in a patch's first channel, number in the phase, and the
    # positions at the tile's ends that meet a cell, as bits; see `channels.ends`
    bounds: np.ndarray  # (lists, 2): where in `taps` that of a line's first tile begins, and ends
    tiles: int  # whose lists follow each other: those of a line, or one for all
    along_d: np.ndarray  # (phases, positions): the list of a line is the sum of two numbers
    along_h: np.ndarray


def reads_of(
    plan: Correlation, source: tuple[int, ...], units: np.ndarray, blocks: Blocks
) -> Reads:
    """List the taps that are read: by line, unless runs of positions go on over several.

    Parameters
    ----------
    plan : Correlation
        Whose taps.
    source : tuple of int
        Its size along (d, h, w).
    units : numpy.ndarray
        Numbers of a patch from one plane to the next, and from one cell to the next along the axes.
    blocks : Blocks
        How it is cut.

    Returns
    -------
    Reads
        The lists.
    """
    apart, starts = blocks.joined == 0, tile_starts(plan, blocks)
    taps: list[np.ndarray] = []
    bounds: list[tuple[int, int]] = []
    along_d, along_h, begin = [], [], 0
    for phase in plan.phases:
        places = phase.places @ units
        shifts = phase.places[:, 1:] + plan.low
        residues = plan.planes[phase.places[:, 0]]
        numbers, met = [], []
        for axis in (1, 2):
            number, lists = met_along(plan, axis, shifts, residues, source[axis - 1], apart)
            numbers.append(number)
            met.append(lists)
        along_d.append(np.array(numbers[0]) * len(met[1]) + len(bounds))
        along_h.append(np.array(numbers[1]))
        first = shifts[:, 3] * plan.source_step[3] + residues[:, 3]
        bits = [
            end_bits(first, start, plan.source_step[3], source[2], blocks.grain) for start in starts
        ]
        for in_d, in_h in product(*met):
            (some,) = np.nonzero(in_d & in_h)
            bounds.append((begin, begin + len(some)))
            for tile in bits:
                taps.append(np.stack([places[some], some, tile[some]], axis=1))
                begin += len(some)
    return Reads(
        np.concatenate(taps).astype(np.int64),
        np.array(bounds, np.int64),
        len(starts),
        np.array(along_d, np.int64),
        np.array(along_h, np.int64),
    )


def met_along(
    plan: Correlation, axis: int, shifts: np.ndarray, residues: np.ndarray, size: int, apart: bool
) -> tuple[list[int], list[np.ndarray]]:
    """Give for each position along an axis the number of a list, and the lists: who of all taps.

    Without `apart` there is one position, and all taps are in its list.
    """
    if not apart or not len(shifts):
        return [0] * (plan.positions[axis] if apart else 1), [np.ones(len(shifts), np.bool_)]
    alike, which = np.unique(
        np.stack([shifts[:, axis], residues[:, axis]]), axis=1, return_inverse=True
    )
    positions = np.arange(plan.positions[axis])[:, None]
    cells = (positions + alike[0]) * plan.source_step[axis] + alike[1]
    inside = (cells >= 0) & (cells < size)
    kinds: dict[bytes, int] = {}
    numbers = [kinds.setdefault(row.tobytes(), len(kinds)) for row in inside]
    return numbers, [np.frombuffer(kind, np.bool_)[which.reshape(-1)] for kind in kinds]


def tile_starts(plan: Correlation, blocks: Blocks) -> list[int | None]:
    """Give the position at which each tile of a line starts; None, for all, where blocks differ."""
    if blocks.joined or blocks.number[3] > 1:
        return [None]
    run, grain = plan.positions[3], blocks.grain
    direct = run >= grain and plan.target_step == (1, 1, 1, 1)  # see `patches.place_vectors`
    return [min(start, run - grain) if direct else start for start in range(0, run, grain)]


def end_bits(first: np.ndarray, start: int | None, step: int, size: int, height: int) -> np.ndarray:
    """Give for taps that the first position of a line has at cell `first` the bits of a tile."""
    bits = np.zeros(len(first), np.int64)
    for bit, position in enumerate(ends(height)):
        cells = first + ((start or 0) + position) * step
        inside = (cells >= 0) & (cells < size) if start is not None else True
        bits |= np.where(inside, 1 << bit, 0)
    return bits


@numba.njit(cache=True, nogil=True)
def line_count(blocks, length):
    """Count the lines of a block, as runs go over them."""
    lines = 1
    for axis in range(3 - blocks.joined):
        lines *= length[axis]
    return lines


@numba.njit(cache=True, nogil=True)
def list_of(reads, phase, blocks, start, length, line):
    """Give the list of the taps that a line reads."""
    if blocks.joined:
        return reads.along_d[phase, 0] + reads.along_h[phase, 0]
    h, d = line % length[2], line // length[2] % length[1]
    return reads.along_d[phase, start[1] + d] + reads.along_h[phase, start[2] + h]


@numba.njit(cache=True, nogil=True)
def alike(reads, phase, blocks, start, length, line, lines):
    """Give the list of the taps that a line reads, and the next line that has another."""
    kind = list_of(reads, phase, blocks, start, length, line)
    line += 1
    while line < lines and list_of(reads, phase, blocks, start, length, line) == kind:
        line += 1
    return kind, line
