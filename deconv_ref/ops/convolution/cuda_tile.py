"""What the tiled CUDA kernels of convolution share: how threads multiply a tile, and find places.

In shared memory lies a slice of the left matrix, ``depth`` terms of ``height`` rows, and behind it
one of the right matrix, ``depth`` terms of ``width`` columns. Each thread loads the numbers of the
next term while it multiplies those of the last; it has ``rows * columns`` sums, in registers. A
warp's threads lie 4 by 8, so that loads of 16 bytes serve all its sums.
"""

from functools import cache
from typing import Any

from numba.extending import register_jitable

from deconv_ref.cuda.instructions import divide, fma, load_vector, within
from deconv_ref.ops.convolution.cuda_plan import WARP, Tile

__all__ = ["multiplier", "place_in_tile", "reads", "unravel"]


@register_jitable
def unravel(position, size):
    """Give the place (n, d, h, w) of a position counted in row-major order."""
    rest, w = divide(position, size[3])
    rest, h = divide(rest, size[2])
    n, d = divide(rest, size[1])
    return n, d, h, w


@register_jitable
def reads(z, i, j, size):
    """Tell whether a cell lies inside an array of this size, (channels, d, h, w)."""
    return within(z, size[1]) & within(i, size[2]) & within(j, size[3])


@cache
def place_in_tile(tile: Tile, lanes: int) -> Any:
    """Make the function that gives a thread's first row and first column, of vectors of lanes."""
    high, wide = min(WARP[0], tile.across), min(WARP[1], tile.along)
    warps = tile.along // wide

    @register_jitable
    def place(thread):
        warp, lane = thread // (high * wide), thread % (high * wide)
        row, column = warp // warps * high + lane // wide, warp % warps * wide + lane % wide
        return row * lanes, column * lanes

    return place


@cache
def multiplier(tile: Tile, lanes: int, spare: int) -> Any:
    """Make the function that adds the products of a slice; `spare` numbers lie between its terms.

    Row r of a thread's is ``r // lanes * lanes * tile.across + r % lanes`` rows from its first one,
    and its columns likewise.
    """
    rows, columns, depth = tile.rows, tile.columns, tile.depth
    left_pitch, right_pitch = tile.height + spare, tile.width + spare

    @register_jitable
    def load_term(memory, at, term, row, column, left, right, slot):
        for first in range(0, rows, lanes):
            place = at + term * left_pitch + first * tile.across + row
            load_vector(memory, place, left, slot * rows + first)
        for first in range(0, columns, lanes):
            place = at + depth * left_pitch + term * right_pitch + first * tile.along + column
            load_vector(memory, place, right, slot * columns + first)

    @register_jitable
    def multiply(memory, at, row, column, left, right, sums):
        load_term(memory, at, 0, row, column, left, right, 0)
        for pair in range(0, depth, 2):
            for slot in range(2):
                following = (pair + slot + 1) % depth  # the last time, in vain
                load_term(memory, at, following, row, column, left, right, 1 - slot)
                for r in range(rows):
                    for c in range(columns):
                        sums[r * columns + c] = fma(
                            left[slot * rows + r], right[slot * columns + c], sums[r * columns + c]
                        )

    return multiply
