"""Between arrays and patches: copying blocks in, placing vectors, carrying results out.

Compiled loops over the `Blocks` and `Memory` of `plan`. ``start`` and ``length`` bound a block:
its first position and its positions along (n, d, h, w); ``unit`` is one number in bytes.
"""

import numba
import numpy as np

from deconv_ref.lines import (
    address_of,
    copy_between,
    interleave,
    read,
    split_lines,
    turn_lines,
)

SPARE = 16  # grains by which tables are longer, so that the last tile is whole
ZERO = np.int64(0)  # not a literal: for each of those Numba compiles a function once more

__all__ = [
    "SPARE",
    "ZERO",
    "block_bounds",
    "deliver",
    "fill",
    "fill_lines",
    "fill_patch",
    "fill_turned",
    "in_place",
    "patch_at",
    "place_vectors",
    "run_length",
]


@numba.njit(cache=True, nogil=True)
def block_bounds(blocks, index):
    """Give the first position of a block and its positions along each axis."""
    w = index % blocks.number[3]
    index //= blocks.number[3]
    h = index % blocks.number[2]
    index //= blocks.number[2]
    d = index % blocks.number[1]
    n = index // blocks.number[1]
    size, count = blocks.size, blocks.positions
    start = (n * size[0], d * size[1], h * size[2], w * size[3])
    length = (
        min(size[0], count[0] - start[0]),
        min(size[1], count[1] - start[1]),
        min(size[2], count[2] - start[2]),
        min(size[3], count[3] - start[3]),
    )
    return start, length


@numba.njit(cache=True, nogil=True)
def patch_at(patch, copied, memory, blocks, planes, start, length, channel, channels):
    """Give the address of what a block reads of some channels: copied, or where it lies."""
    if copied:
        fill_patch(patch, memory, blocks, planes, start, length, channel, channels)
        return address_of(patch)
    at = memory.address + start[0] * memory.strides[0] + channel * memory.strides[1]
    for axis in range(1, 4):
        at += (start[axis] + blocks.low[axis]) * memory.strides[axis + 1]
    return at


@numba.njit(cache=True, nogil=True)
def fill_patch(patch, memory, blocks, planes, start, length, channel, channels):
    """Copy what a block reads of some channels into a patch, zeros where there is nothing.

    Line l of plane f along an axis is the cell (start + low + l) * step + f.
    """
    step, line, strides = blocks.source_step, blocks.lines, memory.strides
    z0, i0, j0 = start[1] + blocks.low[1], start[2] + blocks.low[2], start[3] + blocks.low[3]
    width, gap = length[3] + blocks.span[3], step[3] * strides[4]
    down, size = step[2] * strides[3], line[0] * line[1] * line[2] * line[3]
    for c in range(channels):
        base = memory.address + (channel + c) * strides[1] + start[0] * strides[0]
        for plane in range(planes.shape[0]):
            first = min(max(0, -j0), width)
            last = (memory.size[3] - 1 - planes[plane, 3]) // step[3] + 1 - j0
            last = max(min(last, width), first)
            left = base + planes[plane, 3] * strides[4] + j0 * gap
            height = length[2] + blocks.span[2]
            above = min(max(0, -i0), height)
            below = (memory.size[2] - 1 - planes[plane, 2]) // step[2] + 1 - i0
            below = max(min(below, height), above)
            pair = pair_of(planes, plane, step[3]) if strides[4] == patch.itemsize else 0
            for n in range(length[0] + blocks.span[0]):
                to_n = c * blocks.pitch + plane * size + n * line[1] * line[2] * line[3]
                for d in range(length[1] + blocks.span[1]):
                    z = (z0 + d) * step[1] + planes[plane, 1]
                    at = left + n * strides[0] + z * strides[2]
                    at += ((i0 + above) * step[2] + planes[plane, 2]) * strides[3]
                    to = to_n + d * line[2] * line[3]
                    lines = below - above if 0 <= z < memory.size[1] else 0
                    to_first, after = to + above * line[3], above + lines
                    clear(patch, to, line[3], above, width)
                    clear(patch, to + after * line[3], line[3], height - after, width)
                    if pair == 1:
                        end = max(min(memory.size[3] - 2 * j0, 2 * width), 2 * first)
                        split_lines(
                            patch, to_first, size, line[3], lines, width, at, down, 2 * first, end,
                            strides[1],
                        )  # fmt: skip
                    elif pair == 0:
                        fill(
                            patch, to_first, line[3], lines, width, at, down, gap, first, last,
                            strides[1],
                        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def pair_of(planes, plane, step):
    """Tell whether a plane is the first or second of two whose cells alternate along w, or 0."""
    if step == 2 and planes[plane, 3] == 0:
        return 1 if plane + 1 < planes.shape[0] and planes[plane + 1, 3] == 1 else 0
    return 2 if step == 2 and plane > 0 and planes[plane - 1, 3] == 0 else 0


@numba.njit(cache=True, nogil=True)
def clear(target, to, pitch, lines, width):
    """Fill lines that are `pitch` numbers apart with zeros."""
    copy_between(target, to, pitch, lines, width, 0, 0, 0, 0, 0)


@numba.njit(cache=True, nogil=True)
def fill(target, to, pitch, lines, width, source, down, gap, first, last, ahead):
    """Fill lines with numbers `first` to `last` of those `gap` bytes apart; the rest is zero.

    Lines are `pitch` numbers apart in the target and `down` bytes at the address `source`. What
    lies `ahead` bytes after what is read will be read soon.
    """
    if gap == target.itemsize or first == last:
        copy_between(target, to, pitch, lines, width, source, down, first, last, ahead)
    elif gap == 2 * target.itemsize:
        first, last = 2 * first, 2 * last - 1
        split_lines(target, to, 0, pitch, lines, width, source, down, first, last, ahead)
    else:
        clear(target, to, pitch, lines, width)
        for line in range(lines):
            for n in range(first, last):
                target[to + line * pitch + n] = read(source + line * down + n * gap, target)


@numba.njit(cache=True, nogil=True)
def fill_lines(lines, pitch, memory, blocks, lanes, start, length, channel, channels):
    """Copy a block of positions as `place_vectors` numbers them, zeros in lanes that are none."""
    for c in range(channels):
        if blocks.joined:  # between the lines
            lines[c * pitch : (c + 1) * pitch] = 0
        for n in range(length[0]):
            for d in range(length[1]):
                at = memory.address + (channel + c) * memory.strides[1]
                at += (start[0] + n) * memory.strides[0] + (start[1] + d) * memory.strides[2]
                at += start[2] * memory.strides[3] + start[3] * memory.strides[4]
                to = row_lane(blocks, lanes, length, n, d, ZERO)
                apart = row_lane(blocks, lanes, length, n, d, ZERO + 1) - to
                fill(
                    lines, c * pitch + to, apart, length[2], length[3] if blocks.joined else apart,
                    at, memory.strides[3], memory.strides[4], ZERO, length[3], memory.strides[1],
                )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def fill_turned(turned, width, memory, blocks, run, start, length, channel, rows):
    """Copy a block of positions, runs of which lie together, with `rows` channels side by side."""
    if blocks.joined:
        turned[:] = 0  # between the lines
    strides, lines, line = memory.strides, length[2], length[3]
    if blocks.joined == 0 and strides[3] == line * strides[4]:  # one line goes on in the next
        lines, line = 1, lines * line
    for n in range(length[0]):
        for d in range(length[1]):
            for h in range(lines):
                at = memory.address + channel * strides[1] + start[3] * strides[4]
                at += (start[0] + n) * strides[0] + (start[1] + d) * strides[2]
                at += (start[2] + h) * strides[3]
                to = row_lane(blocks, run, length, n, d, h)
                if strides[4] == turned.itemsize:
                    turn_lines(turned, to * width, width, at, strides[1], rows, line)
                else:
                    for w in range(line):
                        for row in range(rows):
                            place = at + w * strides[4] + row * strides[1]
                            turned[(to + w) * width + row] = read(place, turned)


@numba.njit(cache=True, nogil=True)
def run_length(blocks, length):
    """Count the lanes from the first position of a run of vectors to its last."""
    line, lanes = blocks.lines, length[3]
    if blocks.joined > 0:
        lanes += (length[2] - 1) * line[3]
    if blocks.joined > 1:
        lanes += (length[1] - 1) * line[2] * line[3]
    if blocks.joined > 2:
        lanes += (length[0] - 1) * line[1] * line[2] * line[3]
    return lanes


@numba.njit(cache=True, nogil=True)
def row_lane(blocks, lanes, length, n, d, h):
    """Give the lane, counted over all vectors of a block, at which a row starts."""
    line, joined, run, lane = blocks.lines, blocks.joined, 0, 0
    if joined > 2:
        lane += n * line[1] * line[2] * line[3]
    else:
        run = n
    if joined > 1:
        lane += d * line[2] * line[3]
    else:
        run = run * length[1] + d
    if joined > 0:
        lane += h * line[3]
    else:
        run = run * length[2] + h
    return run * (-(-run_length(blocks, length) // lanes) * lanes) + lane


@numba.njit(cache=True, nogil=True)
def in_place(blocks, length, lanes, shape):
    """Tell whether vectors can go straight to the result: each run is contiguous there."""
    step, line, joined = blocks.target_step, blocks.lines, blocks.joined
    fits = step[1] == 1 and step[2] == 1 and step[3] == 1 and run_length(blocks, length) >= lanes
    fits = fits and joined < 3 and (joined < 1 or line[3] == shape[4])
    return fits and (joined < 2 or line[2] == shape[3])


@numba.njit(cache=True, nogil=True)
def place_vectors(sources, targets, blocks, lanes, start, length, shape, direct):
    """List where each vector of a block's positions starts in the patch, and where it goes.

    It goes to the same lanes of a tile, or if `direct` to its place in the result of `shape`. Then
    the last vector of a run overlaps the one before: it computes the same numbers once more.

    Returns
    -------
    int
        The number of grains; copies of the last one follow.
    """
    line, joined, count = blocks.lines, blocks.joined, 0
    run = run_length(blocks, length)
    for n in range(length[0] if joined < 3 else 1):
        for d in range(length[1] if joined < 2 else 1):
            for h in range(length[2] if joined < 1 else 1):
                row = ((n * line[1] + d) * line[2] + h) * line[3]
                place = (start[0] + n) * shape[1] * shape[2] + start[1] + d
                place = (place * shape[3] + start[2] + h) * shape[4] + start[3]
                for lane in range(0, run, lanes):
                    if direct:
                        lane = min(lane, run - lanes)
                    sources[count] = row + lane
                    targets[count] = place + lane if direct else count * lanes
                    count += 1
    sources[count : count + SPARE] = sources[count - 1]
    targets[count : count + SPARE] = targets[count - 1]
    return count


@numba.njit(cache=True, nogil=True)
def deliver(tile, pitch, rows, out, shape, channel, blocks, grain, start, length, phases, abreast):
    """Carry the results of phases from a tile to their places in the result of `shape`.

    The tile holds one phase after another. The cells of `abreast` of them alternate along w.
    """
    for first in range(0, phases.shape[0], abreast):
        for row in range(rows):
            at = (first * rows + row) * pitch
            deliver_row(
                tile, at, rows * pitch, out, shape, channel + row, blocks, grain, start, length,
                phases[first, 2:], abreast,
            )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def deliver_row(
    tile, at_row, apart, out, shape, channel, blocks, grain, start, length, corner, abreast
):
    """Carry one channel of a block; `corner` is the first cell, which may lie outside."""
    step = blocks.target_step
    left, top = corner[3] + start[3] * step[3], corner[2] + start[2] * step[2]
    skip, above = max(0, -left), 1 if top < 0 else 0
    width = min(left + length[3] * step[3], shape[4]) - max(left, 0)
    lines = min(length[2], -(-(shape[3] - top) // step[2])) - above
    pitch_out = step[2] * shape[4]
    for n in range(length[0]):
        for d in range(length[1]):
            z = corner[1] + (start[1] + d) * step[1]
            if 0 <= z < shape[2]:
                at = at_row + row_lane(blocks, grain, length, n, d, ZERO)
                down = at_row + row_lane(blocks, grain, length, n, d, ZERO + 1) - at
                at += above * down
                to = ((start[0] + n) * shape[1] + channel) * shape[2] + z
                to = (to * shape[3] + top + above * step[2]) * shape[4] + left + skip
                if step[3] == 1:
                    unit = tile.itemsize
                    source = address_of(tile) + at * unit
                    down *= unit
                    fill(out, to, pitch_out, lines, width, source, down, unit, ZERO, width, ZERO)
                else:
                    for line in range(lines):
                        alternate(
                            tile, at + line * down, apart, out, to + line * pitch_out, skip, width,
                            step[3], abreast, pitch_out,
                        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def alternate(tile, at, apart, out, to, skip, width, step, abreast, ahead):
    """Fill a line of `width` cells from phases that lie `apart` in the tile, but for some cells."""
    if step == 2 and abreast == 2:
        first = at + apart if skip else at
        second = at + 1 if skip else at + apart
        interleave(out, to, tile, first, second, width, ahead)
        return
    for phase in range(abreast):
        first = 1 if phase < skip else 0
        for w in range(first, -(-(skip + width - phase) // step)):
            out[to - skip + w * step + phase] = tile[at + phase * apart + w]
