"""What the tiled CUDA kernels of convolution are told: tables of terms, tiles, numbers of a task.

As on the CPU (`plan`), a forward map or an input gradient is a correlation for each phase of its
result. Its terms k = (channel, tap), in the order of the equation, are rows of a table: term k of
position q reads the source at ``q * source_step + (dz, di, dj)``, which lies ``offset`` from the
place of q in the position's group of channels. So the kernels multiply matrices,

    result[m, q] = sum_k weight[m, k] * source[k, q]              (implicit GEMM)

of which the second never exists: the table says where each of its elements lies, or that it lies
outside. Strides, dilations, padding and rank are in the table alone. No inserted zero is touched.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numba.core import config

from deconv_ref.ops.convolution.plan import Correlation, correlation
from deconv_ref.window import Window

__all__ = [
    "Extents",
    "Map",
    "Tables",
    "Tile",
    "cheapest",
    "cut",
    "extents_of",
    "near",
    "tabulate",
    "takes",
]

OUTSIDE = -(2**30)
"""A displacement, or a coordinate, that no displacement or coordinate brings inside an array."""

LARGEST = 2**31 - 1
BLOCKS = 65535  # along the second and the third axis of a grid

Sizes = tuple[int, ...]


class Tile(NamedTuple):
    """The part of a result that a block of threads computes, and how they share it.

    A block has ``across * along`` threads, each with ``rows * columns`` sums in registers.
    """

    across: int
    along: int
    rows: int
    columns: int
    depth: int  # terms that are in shared memory at a time

    @property
    def height(self) -> int:
        """Rows of the block."""
        return self.across * self.rows

    @property
    def width(self) -> int:
        """Columns of the block."""
        return self.along * self.columns

    @property
    def threads(self) -> int:
        """Threads of the block."""
        return self.across * self.along

    def cost(self, rows: int, columns: int, repeats: int) -> float:
        """Weigh what it takes to fill so many results, `repeats` times, with blocks of this tile.

        It counts products, also those that are thrown away or that wait for the last blocks, and
        for each of them its share of what is loaded, and of what is gathered for all rows at once.

        Examples
        --------
        >>> large, small = Tile(16, 16, 8, 8, 8), Tile(8, 16, 8, 8, 8)
        >>> large.cost(128, 10**6, 1) < small.cost(128, 10**6, 1)
        True
        >>> large.cost(64, 10**6, 1) > small.cost(64, 10**6, 1)
        True
        """
        blocks = -(-rows // self.height) * -(-columns // self.width) * repeats
        shares = 1 / self.rows + 1 / self.columns + GATHERING / self.height
        return -(-blocks // FULL) * self.height * self.width * (1 + shares)


# Numbers of float32; of float64, a thread has half as many rows and columns. The simulator starts a
# thread of Python's for each thread, so that its blocks are small.
WARP = (4, 8)  # how the threads of a warp lie in a tile
FULL = 264  # blocks at a time: two on each multiprocessor of a large GPU
GATHERING = 10  # what it takes to gather a value of the source, in products
SLICES = 16  # of a stretch, at least
THIN_THREADS = 256
CORRELATING: tuple[Tile, ...] = (Tile(16, 16, 8, 8, 8), Tile(8, 16, 8, 8, 8), Tile(4, 32, 8, 4, 16))
WEIGHING: tuple[Tile, ...] = (Tile(16, 16, 8, 8, 16), Tile(8, 8, 8, 8, 16), Tile(8, 8, 4, 4, 16))
if config.ENABLE_CUDASIM:
    WARP, FULL, SLICES, THIN_THREADS = (2, 1), 24, 2, 4
    CORRELATING = WEIGHING = (Tile(4, 2, 4, 4, 2), Tile(4, 1, 4, 4, 4))
THIN_ROWS = (1, 4, 16)  # channels of the result, up to which threads work for themselves
THIN_FILTERS = 4  # likewise, filters of a weight gradient
THIN_TERMS = 9  # terms of a weight gradient that a thread then sums


class Map(NamedTuple):
    """A forward map, or with `transposed` an input gradient; channels are those of a group."""

    window: Window
    samples: int
    channels: int  # of the source
    outputs: int  # channels of the result
    groups: int
    transposed: bool

    @property
    def plan(self) -> Correlation:
        """Its correlations, one for each phase of the result."""
        return _planned(self.window, self.samples, self.transposed)

    @property
    def sizes(self) -> tuple[Sizes, Sizes]:
        """Spatial sizes of the source and of the result."""
        both = self.window.input_size, self.window.output_size
        return both[::-1] if self.transposed else both

    @property
    def strides(self) -> tuple[int, int, int]:
        """Numbers in the weights from a group, source channel or result channel to the next."""
        taps = prod(self.window.kernel_size)
        group = self.channels * self.outputs * taps
        inner, outer = taps, (self.outputs if self.transposed else self.channels) * taps
        return (group, outer, inner) if self.transposed else (group, inner, outer)


_planned = lru_cache(maxsize=256)(correlation)


class Extents(NamedTuple):
    """The numbers of a map, as kernels see them; axes (n, d, h, w) and (d, h, w)."""

    positions: Sizes
    source_step: Sizes
    target_step: Sizes
    source: Sizes  # channels in all and size
    result: Sizes
    channels: int  # of the source, in a group
    outputs: int  # channels of the result, in a group
    pitch: int  # `outputs`, with those that fill tiles
    terms: int  # of all phases, with those that fill tiles
    whole: int  # whether results lie in rows of whole vectors, one after the other


class Tables(NamedTuple):
    """The terms of a map."""

    terms: np.ndarray  # int32 (terms, 4): offset, and displacement along each axis
    places: np.ndarray  # int64 (terms,): where its weights lie; -1 for what fills a tile
    phases: np.ndarray  # int32 (phases, 5): first term, terms, first cell along each axis


def tabulate(task: Map, depth: int) -> Tables:
    """Tabulate the terms of a map, those of each phase filled up to a multiple of `depth`.

    Examples
    --------
    The four taps of `plan`, stride 2: the even cells, then the odd ones, two terms each.

    >>> window = Window((6,), (3,), (4,), (2,), (1,), ((1, 1),)).volume()
    >>> tables = tabulate(Map(window, 1, 1, 1, 1, True), depth=1)
    >>> tables.places.tolist(), tables.terms[:, 3].tolist(), tables.phases[:, :2].tolist()
    ([1, 3, 0, 2], [0, -1, 1, 0], [[0, 2], [2, 2]])
    """
    plan, size = task.plan, task.sizes[0]
    numbers = np.arange(task.channels)[:, None]
    terms, places, phases, first = [], [], [], 0
    for phase in plan.phases:
        moved = displacements(plan, phase.places)
        offset = (moved[:, 0] * size[1] + moved[:, 1]) * size[2] + moved[:, 2]
        offsets = numbers * prod(size) + offset
        tap = np.ravel_multi_index(tuple(phase.taps.T), task.window.kernel_size)
        filling = -offsets.size % depth
        rows = np.column_stack([offsets.ravel(), np.tile(moved, (task.channels, 1))])
        terms += [rows, np.full((filling, 4), OUTSIDE)]
        places += [(numbers * task.strides[1] + tap).ravel(), np.full(filling, -1)]
        phases.append((first, offsets.size + filling, *phase.first[1:]))
        first += offsets.size + filling
    return Tables(
        np.concatenate(terms).astype(np.int32),
        np.concatenate(places).astype(np.int64),
        np.array(phases, np.int32),
    )


def extents_of(task: Map, tables: Tables, height: int, lanes: int) -> Extents:
    """Gather the numbers of a map, for tiles of so many rows."""
    plan, (source, result) = task.plan, task.sizes
    step = plan.target_step[1:]
    return Extents(
        plan.positions,
        plan.source_step[1:],
        step,
        (task.groups * task.channels, *source),
        (task.groups * task.outputs, *result),
        task.channels,
        task.outputs,
        -(-task.outputs // height) * height,
        len(tables.terms),
        int(step == (1, 1, 1) and prod(result) % lanes == 0),
    )


def displacements(plan: Correlation, places: np.ndarray) -> np.ndarray:
    """Give the cell that each tap reads, along (d, h, w), less that of its position."""
    shifts, step = places[:, 1:] + np.array(plan.low), np.array(plan.source_step)
    return (shifts * step + plan.planes[places[:, 0]])[:, 1:]


def cheapest(tiles: Sequence[Tile], itemsize: int, rows: int, columns: int, repeats: int) -> Tile:
    """Choose the tile that costs least, of equals the first."""
    part = itemsize // 4
    sized = [t._replace(rows=t.rows // part, columns=t.columns // part) for t in tiles]
    return min(sized, key=lambda tile: tile.cost(rows, columns, repeats))


def cut(positions: int, blocks: int, depth: int) -> tuple[int, int]:
    """Cut positions into stretches, a multiple of `depth` long, so that blocks fill a GPU.

    Returns
    -------
    stretches, length : int
        How many, and of how many positions each but the last.

    Examples
    --------
    >>> cut(10**6, blocks=66, depth=16)
    (4, 250000)
    """
    wanted = max(1, min(FULL // blocks, positions // (SLICES * depth)))
    length = -(-positions // (wanted * depth)) * depth
    return -(-positions // length), length


def takes(task: Map) -> bool:
    """Tell whether kernels can count a map in 32 bits and in the axes of a grid, and have terms."""
    source, result = map(prod, task.sizes)
    channels, outputs = task.groups * task.channels, task.groups * task.outputs
    largest = max(task.samples * max(source, result), channels * source, outputs * result)
    axes = channels, outputs, prod(task.window.stride)
    taps = any(len(phase.taps) for phase in task.plan.phases)
    return taps and largest <= LARGEST and max(axes) <= BLOCKS


def near(task: Map, positions: int) -> bool:
    """Tell whether so many positions in a row read cells that are less than 2^31 apart."""
    samples = positions // prod(task.plan.positions[1:]) + 2
    return samples * task.groups * task.channels * prod(task.sizes[0]) <= LARGEST
