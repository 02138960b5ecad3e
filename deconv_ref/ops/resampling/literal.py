"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.resampling import equations
from deconv_ref.ops.resampling.coordinates import Grid

__all__ = ["linear", "linear_gradient", "nearest", "nearest_gradient", "shuffle", "unshuffle"]

WEIGHTS = (equations.weight, equations.upper)
NEAREST = Fill(equations.nearest_point)
NEAREST_GRADIENT = Fill(equations.nearest_gradient_point)
LINEAR = Fill(equations.linear_point, *WEIGHTS)
LINEAR_GRADIENT = Fill(equations.linear_gradient_point, *WEIGHTS)
SHUFFLE = Fill(equations.shuffle_point)
UNSHUFFLE = Fill(equations.unshuffle_point)

Factor = tuple[int, int, int]


def nearest(x: Any, grid: Grid) -> Any:
    """Evaluate nearest resampling (U2); see `deconv_ref.ops.resampling.cpu.nearest`."""
    return NEAREST(empty(x, (*x.shape[:2], *_outputs(grid))), x, grid)


def nearest_gradient(grad_y: Any, grid: Grid) -> Any:
    """Evaluate its gradient (U3); see `deconv_ref.ops.resampling.cpu.nearest_gradient`."""
    grad_x = empty(grad_y, (*grad_y.shape[:2], *_cells(grid)))
    return NEAREST_GRADIENT(grad_x, grad_y, grid, _zero(grad_y))


def linear(x: Any, grid: Grid) -> Any:
    """Evaluate linear resampling (U4); see `deconv_ref.ops.resampling.cpu.linear`."""
    y = empty(x, (*x.shape[:2], *_outputs(grid)))
    return LINEAR(y, x, _exact(grid, x), _zero(x))


def linear_gradient(grad_y: Any, grid: Grid) -> Any:
    """Evaluate its gradient (U5); see `deconv_ref.ops.resampling.cpu.linear_gradient`."""
    grad_x = empty(grad_y, (*grad_y.shape[:2], *_cells(grid)))
    return LINEAR_GRADIENT(grad_x, grad_y, _exact(grid, grad_y), _zero(grad_y))


def shuffle(x: Any, factor: Factor) -> Any:
    """Evaluate pixel shuffling (U6); see `deconv_ref.ops.resampling.cpu.shuffle`."""
    p, q, r = factor
    n, c, d, h, w = x.shape
    return SHUFFLE(empty(x, (n, c // (p * q * r), d * p, h * q, w * r)), x, factor)


def unshuffle(y: Any, factor: Factor) -> Any:
    """Evaluate its inverse (U7); see `deconv_ref.ops.resampling.cpu.unshuffle`."""
    p, q, r = factor
    n, c, d, h, w = y.shape
    return UNSHUFFLE(empty(y, (n, c * p * q * r, d // p, h // q, w // r)), y, factor)


def _zero(array: Any) -> Any:
    return 0.0 if array.dtype != object else 0


def _exact(grid: Grid, array: Any) -> Grid:
    """Give the weights as fractions to an array of fractions."""
    if array.dtype != object:
        return grid
    first, second, third = (
        axis._replace(fraction=np.array([Fraction(f) for f in axis.fraction.tolist()]))
        for axis in grid
    )
    return first, second, third


def _outputs(grid: Grid) -> list[int]:
    return [len(axis.lower) for axis in grid]


def _cells(grid: Grid) -> list[int]:
    return [len(axis.first) for axis in grid]
