"""Sums in a fixed order, with what rounding takes off carried along.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import math
from typing import Any

from numba.extending import register_jitable

__all__ = ["BLOCK", "LANES", "add_blocks", "add_exactly", "add_lanes", "add_to_lanes"]

BLOCK = 4096  # values of a sum that are added by one thread
LANES = 64  # sums that a block is added to side by side: value i to number i mod LANES


def add_exactly(a: float, b: float) -> tuple[float, float]:
    """Add two floats: the rounded sum, and what rounding took off (0 where it overflows).

    Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B.
    """
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    return total, error if error - error == 0 else 0.0


register_jitable(add_exactly)


def add_to_lanes(lanes: Any, values: Any, count: int) -> None:
    """Add each of the first values to its lane: a row of sums above a row of what they lost."""
    for lane in range(count):
        lanes[0, lane], error = add_exactly(lanes[0, lane], values[lane])
        lanes[1, lane] += error


def add_lanes(lanes: Any) -> tuple[float, float]:
    """Add the lanes by halving, to one sum and what it lost."""
    half = LANES // 2
    while half:
        for lane in range(half):
            lanes[0, lane], error = add_exactly(lanes[0, lane], lanes[0, lane + half])
            lanes[1, lane] += lanes[1, lane + half] + error
        half //= 2
    return lanes[0, 0], lanes[1, 0]


register_jitable(add_to_lanes)
register_jitable(add_lanes)


def add_blocks(sums: Any) -> float:
    """Add rows of sums and errors in their order.

    Examples
    --------
    >>> add_blocks([[1e16, 0.0], [1.0, 0.0], [-1e16, 0.0]])
    1.0
    """
    high, low = 0.0, 0.0
    for block in range(len(sums)):
        high, error = add_exactly(high, sums[block][0])
        low += error + sums[block][1]
    return high + low if math.isfinite(high) else high


register_jitable(add_blocks)
