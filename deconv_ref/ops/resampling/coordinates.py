"""Which cells of an axis each output reads: computed once, here, for every kernel alike.

Output o of an axis of n cells lies, in cells of the input, at

    s(o) = (o + 1/2) / scale - 1/2               half-pixel centres                    (U1)
    s(o) = o (n - 1) / (output - 1)              ``align_corners``; 0 for a single output

clamped to 0 ... n - 1; there are ``output = floor(n * scale)`` of them. "linear" reads the cells on
both sides of s(o), the lower one with weight 1 - f and the upper one with weight f, where f is the
fraction of s(o); where f is 0 it reads one cell alone. "nearest" reads one cell, that of number
floor((o + 1/2) / scale): a coordinate half-way between two cells rounds up.

The arithmetic is that of IEEE float64, each operation rounded once in the order written, whatever
the dtype of the arrays; a scale factor counts as the nearest float64. So 10 cells at a scale of 0.7
give 7 outputs, as one expects, though the float64 nearest to 0.7 lies below it.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

__all__ = ["Axis", "Grid", "axis", "grid", "output_size"]


class Axis(NamedTuple):
    """What the outputs of one axis read."""

    lower: Any  # (output,), int64: number of the lower cell
    fraction: Any  # (output,), float64: weight of the cell above it, which is not read if 0
    first: Any  # (n,), int64: first output that reads a cell ...
    last: Any  # (n,), int64: ... and the one after the last


Grid: TypeAlias = tuple[Axis, Axis, Axis]
"""The axes (d, h, w) of outputs."""


def output_size(n: int, scale: float) -> int:
    """Count the outputs of an axis.

    Examples
    --------
    >>> output_size(5, 1.5), output_size(10, 0.7)
    (7, 7)
    """
    return math.floor(n * scale)


def grid(size: tuple[int, ...], scales: tuple[float, ...], mode: str, align_corners: bool) -> Grid:
    """Tabulate three axes, new ones of size 1 in front."""
    missing = 3 - len(size)
    size, scales = (1,) * missing + size, (1.0,) * missing + scales
    first, second, third = (
        axis(n, scale, mode, align_corners) for n, scale in zip(size, scales, strict=True)
    )
    return first, second, third


@lru_cache(maxsize=64)
def axis(n: int, scale: float, mode: str, align_corners: bool) -> Axis:
    """Tabulate what the outputs of an axis of `n` cells read (U1).

    Examples
    --------
    >>> axis(2, 2.0, "linear", False).fraction
    array([0.  , 0.25, 0.75, 0.  ])
    >>> axis(2, 2.0, "linear", True).fraction.round(3)
    array([0.   , 0.333, 0.667, 0.   ])
    """
    outputs, cells = np.arange(output_size(n, scale)), np.arange(n)
    if mode == "nearest":
        lower = np.minimum((outputs + 0.5) / scale, n - 1).astype(np.int64)
        first, last = np.searchsorted(lower, cells), np.searchsorted(lower, cells, "right")
        return Axis(lower, np.zeros(len(outputs)), first, last)
    corners = outputs * (n - 1) / max(len(outputs) - 1, 1)
    source = np.clip(corners if align_corners else (outputs + 0.5) / scale - 0.5, 0, n - 1)
    lower = np.floor(source)
    # An output reads a cell if it lies less than 1 from it; the outputs that do are neighbours.
    first, last = np.searchsorted(source, cells - 1, "right"), np.searchsorted(source, cells + 1)
    return Axis(lower.astype(np.int64), source - lower, first, last)
