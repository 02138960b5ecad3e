"""Functions of numbers as kernels over arrays on a GPU, and sums of their values.

As on the CPU, each element is evaluated in float64 and rounded once, when it is written; and a sum
adds its values to lanes, the lanes by halving and the blocks in their order, with rounding errors
carried along (`deconv_ref.elementwise.Elementwise.sum`).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda
from numba.extending import register_jitable

from deconv_ref.cuda.arrays import empty, on_host
from deconv_ref.cuda.kernels import grid, launch
from deconv_ref.sums import BLOCK, LANES, add_blocks, add_exactly, add_lanes

__all__ = ["ElementKernel"]


class ElementKernel:
    """A function of numbers, made kernels.

    Parameters
    ----------
    point : callable
        ``point(*elements, *parameters)`` gives one element of the result. Numba knows how to
        compile it.
    """

    def __init__(self, point: Callable[..., Any]) -> None:
        self._point = point
        self._kernels: dict[tuple[Any, int, int], Any] = {}

    def __call__(self, arrays: list[Any], parameters: tuple[float, ...]) -> Any:
        """Evaluate every element: an array of the shape and dtype of the first one."""
        first = arrays[0]
        result = empty(first.shape, first.dtype, first.stream)
        self.write(result, arrays, parameters)
        return result

    def write(self, result: Any, arrays: list[Any], parameters: tuple[float, ...]) -> None:
        """Evaluate every element into `result`, which may be one of the arrays."""
        if result.size:
            kernel = self._compiled(_elements, len(arrays), len(parameters))
            flat = [array.reshape(result.size) for array in (result, *arrays)]
            launch(kernel, *grid(result.size), flat[0], (*flat[1:], *parameters))

    def sum(self, arrays: list[Any], parameters: tuple[float, ...]) -> float:
        """Add up what a call would give, without writing it down."""
        first = arrays[0]
        if not first.size:
            return 0.0
        blocks = -(-first.size // BLOCK)
        lanes = empty((2, blocks * LANES), np.float64, first.stream)
        sums = empty((blocks, 2), np.float64, first.stream)
        total = empty((1,), np.float64, first.stream)
        kernel = self._compiled(_lanes, len(arrays), len(parameters))
        flat = [array.reshape(first.size) for array in arrays]
        launch(kernel, *grid(blocks * LANES), lanes, (*flat, *parameters))
        launch(_jitted(_add_lanes), *grid(blocks), sums, lanes)
        launch(_jitted(_add_blocks), 1, 1, total, sums)
        return float(on_host(total)[0])

    def _compiled(self, make: Any, arrays: int, parameters: int) -> Any:
        key = make, arrays, parameters
        if key not in self._kernels:
            self._kernels[key] = cuda.jit(make(self._point, values_of(arrays, parameters)))
        return self._kernels[key]


@cache
def values_of(arrays: int, parameters: int) -> Any:
    """Give the function that reads element i of so many arrays, and lets parameters follow.

    Examples
    --------
    >>> [float(value) for value in values_of(2, 1)((np.arange(3), np.ones(3), 0.5), 2)]
    [2.0, 1.0, 0.5]
    """
    last = arrays + parameters - 1
    if last < 0:
        return register_jitable(lambda operands, i: ())
    if parameters:
        before = values_of(arrays, parameters - 1)
        return register_jitable(lambda operands, i: (*before(operands, i), operands[last]))
    before = values_of(arrays - 1, 0)
    return register_jitable(
        lambda operands, i: (*before(operands, i), np.float64(operands[last][i]))
    )


def _elements(point: Any, values: Any) -> Any:
    def elements(result, operands):  # type: ignore[no-untyped-def]
        for i in range(cuda.grid(1), result.size, cuda.gridsize(1)):
            result[i] = point(*values(operands, i))

    return elements


def _lanes(point: Any, values: Any) -> Any:
    def lanes(result, operands):  # type: ignore[no-untyped-def]
        """Add each value to its lane: a row of sums above a row of what they lost."""
        size = operands[0].size
        for i in range(cuda.grid(1), result.shape[1], cuda.gridsize(1)):
            block, lane = i // LANES, i % LANES
            high, low = 0.0, 0.0
            for k in range(block * BLOCK + lane, min(size, (block + 1) * BLOCK), LANES):
                high, error = add_exactly(high, point(*values(operands, k)))
                low += error
            result[0, i], result[1, i] = high, low

    return lanes


def _add_lanes(sums, lanes):  # type: ignore[no-untyped-def]
    for block in range(cuda.grid(1), sums.shape[0], cuda.gridsize(1)):
        sums[block, 0], sums[block, 1] = add_lanes(lanes[:, block * LANES : (block + 1) * LANES])


def _add_blocks(total, sums):  # type: ignore[no-untyped-def]
    total[0] = add_blocks(sums)


_jitted = cache(cuda.jit)
