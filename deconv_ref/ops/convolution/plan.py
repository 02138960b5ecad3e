"""How a convolution of any stride, dilation, padding and rank becomes stride-1 correlations.

Output position o reads, through tap t, the cell i = oS + tA - P of the input (W1 in
`deconv_ref.window`). One division per tap separates what depends on t from what moves::

    tA - P = S * quotient + residue,    0 <= residue < S

*Forward (Q1).* i = S * (o + quotient) + residue: split the padded input into S *planes*, plane f
holding the cells S * q + f, and tap t reads plane ``residue`` at o + quotient.

*Input gradient (Q2).* Tap t sends position o to the cells i = S * q + residue with
o = q - quotient: the cells with one residue f form *phase* f of the result, a correlation of the
positions with the taps of that residue alone. No inserted zero is ever touched.

Both are sums over terms k = (channel, tap) of weight[k] * source[plane, q + shift] with q going up
by 1, hence contiguous in memory. For example S = 2, A = 1, P = 1 and four taps:

    ===  =======  ========  ========  ==========================  =============================
    t    tA - P   quotient  residue   Q1: output o reads          Q2: cell i adds position
    ===  =======  ========  ========  ==========================  =============================
    0    -1       -1        1         plane 1 (odd cells), o - 1  odd i = 2q + 1:  q + 1
    1    0        0         0         plane 0 (even cells), o     even i = 2q:     q
    2    1        0         1         plane 1, o                  odd i:           q
    3    2        1         0         plane 0, o + 1              even i:          q - 1
    ===  =======  ========  ========  ==========================  =============================

Here cells 2q - 1 read what cells 2q read. Where all phases can be counted so that they read the
same places (`together`), and channels are few, one tile of sums has rows of all of them.

The result is cut into *blocks* of q small enough for a processor's cache. For each block the part
of the source that it reads is copied once into a *patch*, (channels, planes, n, d, h, w) with zeros
outside the source, or read where it lies if that is the same (`uncopied`). There, term k of
position q lies at ``offsets[k]`` + the place of q: one table of offsets holds all there is to know
of stride, dilation, padding and rank.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from deconv_ref.window import Window

__all__ = [
    "Blocks",
    "Correlation",
    "Phase",
    "Way",
    "correlation",
    "dot_blocks",
    "tile_blocks",
    "together",
    "uncopied",
]

POSITIONS = 4096  # in a block at most: enough to spread the cost of its borders and tables
FEWEST = 1024  # positions in a block of a small result, which is cut into some for the threads
BLOCKS = 8  # as many
PATCH = 1 << 19  # bytes of a patch: half of a common second-level cache
FEW = 128  # positions below which weights are read too often: rather a patch four times as large
MOVING = 8  # what it costs to move a result, in products
ALIGNED = 16  # numbers; a channel of the patch has a multiple of them
APART = 256  # numbers; channels a multiple of them apart compete for the same cache set
AXES = 4  # the batch counts as an axis along which the window is a single tap

Four: TypeAlias = tuple[int, ...]
"""One number for each of the axes (n, d, h, w)."""


class Axis(NamedTuple):
    """One axis of a correlation."""

    planes: tuple[int, ...]  # residues of the source that some tap reads
    phases: tuple[tuple[int, tuple[tuple[int, int, int], ...]], ...]
    # residue of the result, and (tap, plane, shift) of its taps
    low: int  # smallest shift
    span: int  # largest shift - smallest
    source_step: int
    target_step: int
    positions: int  # how many q

    def beyond(self, source_size: int) -> bool:
        """Tell whether some tap reads outside a source of this size."""
        last = [
            (self.positions - 1 + shift) * self.source_step + self.planes[plane]
            for _, taps in self.phases
            for _, plane, shift in taps
        ]
        return self.low < 0 or max(last, default=0) >= source_size

    def shared(self, source_size: int) -> int:
        """Count the lines of zeros that a patch both starts and ends with."""
        ends = [(source_size - 1 - f) // self.source_step + 1 - self.low for f in self.planes]
        after = self.positions + self.span - max(ends, default=0)
        return max(0, min(-self.low, after))


class Phase(NamedTuple):
    """The cells of the result that the same taps reach."""

    first: Four  # of its cells
    taps: np.ndarray  # (taps, 3): tap along each axis
    places: np.ndarray  # (taps, 1 + 3): plane, and shift along each axis from the lowest


class Memory(NamedTuple):
    """An array of shape (n, channels, d, h, w) as compiled code sees it, whatever its strides.

    By address, so that one compiled version serves every layout, and read-only arrays too.
    """

    address: int
    strides: tuple[int, ...]  # in bytes
    size: Four  # without the channels


class Correlation(NamedTuple):
    """A forward map or an input gradient as correlations; axes (n, d, h, w)."""

    planes: np.ndarray  # (planes, 4): residue along each axis
    phases: tuple[Phase, ...]
    low: Four
    span: Four
    source_step: Four
    target_step: Four
    positions: Four
    padded: bool  # whether some tap reads outside the source
    shared: Four  # zeros that end a line and can start the next as well


class Way(NamedTuple):
    """A way to cut runs of positions, and what it costs, in products."""

    grain: int  # positions that lie together
    factor: float = 1.0  # on each product
    extra: float = 0.0  # for each position
    start: float = 0.0  # for each run


class Blocks(NamedTuple):
    """How the positions of a correlation are cut, and where things lie in a patch.

    Runs of positions go along w, and on over the ``joined`` axes before it: what is computed
    between the positions, where they cross a border, is dropped.
    """

    size: Four
    number: Four
    joined: int
    grain: int  # positions of a run that are computed together
    lines: Four  # cells of the patch from one line to the next along the axis before
    pitch: int  # from one channel of the patch to the next
    grains: int  # at most, in a block
    positions: Four  # positions in all
    low: Four  # smallest shift
    span: Four
    source_step: Four
    target_step: Four


def batch_axis(samples: int) -> Axis:
    """Give the axis along which nothing slides."""
    return Axis((0,), ((0, ((0, 0, 0),)),), 0, 0, 1, 1, samples)


def spatial_axis(window: Window, axis: int, transposed: bool) -> Axis:
    """Divide the taps along one axis by residue: see the module."""
    step, dilation, before = window.stride[axis], window.dilation[axis], window.before[axis]
    cells, positions = window.input_size[axis], window.output_size[axis]
    divided = [
        (t, *divmod(t * dilation - before, step))
        for t in range(window.kernel_size[axis])
        if reaches(t * dilation - before, step, positions, cells)
    ]
    residues = sorted({f for _, _, f in divided})
    planes: Four
    if transposed:
        phases = tuple(
            (f, tuple((t, 0, -quotient) for t, quotient, residue in divided if residue == f))
            for f in range(min(step, cells))
        )
        planes, count, steps = (0,), -(-cells // step), (1, step)
    else:
        taps = tuple((t, residues.index(f), quotient) for t, quotient, f in divided)
        planes, phases = tuple(residues), ((0, taps),)
        count, steps = positions, (step, 1)
    shifts = [shift for _, taps in phases for _, _, shift in taps] or [0]
    return Axis(planes, phases, min(shifts), max(shifts) - min(shifts), *steps, count)


def aligned(axis: Axis, cells: int) -> Axis | None:
    """Make all phases along an axis read the same places, if they can.

    A phase whose shifts are greater by one starts a step earlier instead, outside the result.
    """
    step, tops = axis.target_step, [max(s for _, _, s in taps) for _, taps in axis.phases if taps]
    if len(tops) < len(axis.phases) or max(tops) > min(tops) + 1:
        return None
    low, phases = min(tops), []
    for top, (first, taps) in zip(tops, axis.phases, strict=True):
        late = top - low
        moved = tuple((t, plane, shift - late) for t, plane, shift in taps)
        phases.append((first - late * step, moved))
    phases.sort()
    read = {tuple(shift for _, _, shift in taps) for _, taps in phases}
    if len(read) > 1 or phases[-1][0] - phases[0][0] >= len(phases):
        return None
    shifts = read.pop()
    positions = max(-(-(cells - first) // step) for first, _ in phases)
    return axis._replace(
        phases=tuple(phases),
        low=min(shifts),
        span=max(shifts) - min(shifts),
        positions=positions,
    )


def reaches(start: int, step: int, positions: int, cells: int) -> bool:
    """Tell whether a tap that the first position has at cell `start` meets a cell at any position.

    Examples
    --------
    >>> reaches(-3, 2, positions=2, cells=5), reaches(-3, 2, positions=3, cells=5)
    (False, True)
    """
    first = max(0, -(start // step))  # the first position that does not lie before all cells
    return first < positions and start + first * step < cells


def together(window: Window, samples: int) -> Correlation | None:
    """Lay out Q2 as one correlation, if all phases can read the same places; see `aligned`."""
    axes = [spatial_axis(window, axis, transposed=True) for axis in range(3)]
    moved = [aligned(axis, cells) for axis, cells in zip(axes, window.input_size, strict=True)]
    if None in moved or math.prod(len(axis.phases) for axis in axes) == 1:
        return None
    source = (samples, *window.output_size)
    return combined([batch_axis(samples), *(axis for axis in moved if axis)], source)


def correlation(window: Window, samples: int, transposed: bool) -> Correlation:
    """Lay out Q1, or with `transposed` Q2, as correlations.

    Parameters
    ----------
    window : Window
        Of three axes.
    samples : int
        Size of the batch.
    transposed : bool
        Whether positions are the source and cells the result.

    Returns
    -------
    Correlation
        Its phases, planes and steps.
    """
    axes = [spatial_axis(window, axis, transposed) for axis in range(3)]
    source = (samples, *(window.output_size if transposed else window.input_size))
    return combined([batch_axis(samples), *axes], source)


def combined(axes: Sequence[Axis], source: Four) -> Correlation:
    """Combine the phases of all axes."""
    planes = np.array(list(product(*(axis.planes for axis in axes))), np.int64).reshape(-1, AXES)
    sizes = [len(axis.planes) for axis in axes]
    phases = []
    for chosen in product(*(axis.phases for axis in axes)):
        first = tuple(residue for residue, _ in chosen)
        terms = list(product(*(taps for _, taps in chosen)))
        taps = np.array([[t for t, _, _ in term[1:]] for term in terms], np.int64)
        places = np.zeros((len(terms), 1 + AXES), np.int64)
        for place, term in zip(places, terms, strict=True):
            place[0] = np.ravel_multi_index([plane for _, plane, _ in term], sizes)
            place[1:] = [shift - axis.low for axis, (_, _, shift) in zip(axes, term, strict=True)]
        phases.append(Phase(first, taps.reshape(-1, 3), places))
    _, _, low, span, source_step, target_step, count = zip(*axes, strict=True)
    padded = any(axis.beyond(size) for axis, size in zip(axes, source, strict=True))
    shared = tuple(axis.shared(size) for axis, size in zip(axes, source, strict=True))
    return Correlation(
        planes, tuple(phases), low, span, source_step, target_step, count, padded, shared
    )


def tile_blocks(
    plan: Correlation, channels: int, waiting: int, itemsize: int, ways: Sequence[Way]
) -> tuple[Blocks, float]:
    """Cut a correlation for tiles of sums; tell the cost of each channel of the result as well.

    So many results of each phase wait beside a position to be moved, if they have to be.
    """
    beside = waiting * plan.target_step[3] if math.prod(plan.target_step) > 1 else 0
    size = block_size(plan, channels, beside, PATCH // itemsize)
    terms = channels * max(len(phase.taps) for phase in plan.phases)
    return laid_out(plan, size, ways, terms, MOVING)


def dot_blocks(
    plan: Correlation, channels: int, filters: int, itemsize: int, ways: Sequence[Way]
) -> Blocks:
    """Cut a forward map for its weight gradient: by shape alone, for the cut orders the sums.

    Lines share zeros, but no positions: even one that reads padding alone counts for the bias.
    """
    shared = tuple(min(zeros, span) for zeros, span in zip(plan.shared, plan.span, strict=True))
    plan = plan._replace(shared=shared)
    size = block_size(plan, channels, filters, 2 * PATCH // itemsize)
    return laid_out(plan, size, ways, terms=1, moving=0)[0]


def block_size(plan: Correlation, channels: int, beside: int, room: int) -> Four:
    """Choose the positions of a block, innermost axis first, as the patch has room for them.

    `beside` so many other numbers for each position.
    """
    size = [1, 1, 1, 1]
    positions = min(POSITIONS, max(FEWEST, math.prod(plan.positions) // BLOCKS))
    few = FEW
    for axis in reversed(range(AXES)):
        cells = max(channels * len(plan.planes) + beside, 1)
        for other in range(AXES):
            if other != axis:
                cells *= size[other] + plan.span[other]
        fitting = room // cells - plan.span[axis]
        least = min(few, 4 * room // cells - plan.span[axis])
        most = max(min(max(fitting, least), positions), 1)
        number = -(-plan.positions[axis] // most)
        size[axis] = -(-plan.positions[axis] // max(number, 1)) or 1
        positions, few = positions // size[axis], few // size[axis]
    return tuple(size)


def uncopied(
    plan: Correlation, blocks: Blocks, channels: int, source: Sequence[int]
) -> Blocks | None:
    """Lay patches where the source itself lies, C-contiguous, if each is a part of it as it is.

    Not where a tile could read beyond the end, nor where channels compete for the same cache set.
    """
    pitch, steps = math.prod(source), {*plan.source_step, *plan.target_step}
    shortest = blocks.positions[3] - (blocks.number[3] - 1) * blocks.size[3]
    moved = plan.padded or len(plan.planes) != 1 or steps != {1} or blocks.joined
    if moved or shortest < blocks.grain or pitch % APART == 0:
        return None
    return blocks._replace(lines=(1, channels * source[0], *source[1:]), pitch=pitch)


def laid_out(
    plan: Correlation, size: Four, ways: Sequence[Way], terms: int, moving: float
) -> tuple[Blocks, float]:
    """Place a block's patch in memory and choose the axes that runs go over, and their grain.

    A position costs its `terms`, and `moving` where it is not computed in its place.
    """
    number = tuple(-(-c // s) for c, s in zip(plan.positions, size, strict=True))
    lines = tuple(
        s + span - (shared if n == 1 else 0)
        for s, span, shared, n in zip(size, plan.span, plan.shared, number, strict=True)
    )
    units = (lines[1] * lines[2] * lines[3], lines[2] * lines[3], lines[3], 1)
    # A line that shares its last zeros with the next line needs room for them at the end.
    rest = sum((size[a] + plan.span[a] - lines[a]) * units[a] for a in range(AXES))
    cells = max(len(plan.planes), 1) * lines[0] * units[0] + rest
    pitch = -(-cells // ALIGNED) * ALIGNED
    if pitch % APART == 0:
        pitch += ALIGNED

    def runs(joined: int) -> tuple[int, int]:
        run = 1 + sum((size[a] - 1) * units[a] for a in range(AXES - 1 - joined, AXES))
        return math.prod(size[: AXES - 1 - joined]), run

    def cost(joined: int, way: Way) -> float:
        count, run = runs(joined)
        in_place = joined < 3 and run >= way.grain and plan.target_step == (1, 1, 1, 1)
        in_place = in_place and lines[AXES - joined :] == plan.positions[AXES - joined :]
        position = (terms + way.extra) * way.factor + (0 if in_place else moving)
        return count * (-(-run // way.grain) * way.grain * position + way.start)

    joined, way = min(product(range(AXES), ways), key=lambda choice: cost(*choice))
    count, run = runs(joined)
    blocks = Blocks(
        size,
        number,
        joined,
        way.grain,
        lines,
        pitch,
        count * -(-run // way.grain),
        plan.positions,
        plan.low,
        plan.span,
        plan.source_step,
        plan.target_step,
    )
    return blocks, cost(joined, way) * math.prod(number)
