"""Kernels made of point functions, and the one place where kernels are launched.

A point function, an equation of ``deconv_ref/ops/*/equations.py``, becomes a kernel in which each
thread evaluates elements of the result, one after the other, and adds in the order of the equation.
There are no atomics: results have the same bits from run to run, and whatever the grid.

Kernels are compiled by Numba when they are first called with arguments of some types.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda, types
from numba.core import config
from numba.extending import overload, register_jitable

from deconv_ref.cuda import simulator

__all__ = ["PointKernel", "launch", "on_device", "place_of"]

# The simulator starts a thread of Python's for each thread of a block; two blocks of two show
# whether elements are shared out well.
THREADS, BLOCKS = (2, 2) if config.ENABLE_CUDASIM else (128, 4096)
if config.ENABLE_CUDASIM:
    simulator.tune()


class PointKernel:
    """A point function, made a kernel.

    Parameters
    ----------
    point : callable
        ``point(*arguments, *at)`` gives the element of the result at ``at``; at module level.
    *helpers : callable
        The functions that it calls in turn.
    """

    def __init__(self, point: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self._points = (*helpers, point)
        self._kernels: dict[int, Any] = {}

    def __call__(self, result: Any, *arguments: Any) -> Any:
        """Fill `result`, an array on a GPU, and return it."""
        if result.size:
            kernel = self._kernels.get(result.ndim) or self._compiled(result.ndim)
            launch(kernel, *grid(result.size), result, on_device(arguments, result.stream))
        return result

    def _compiled(self, axes: int) -> Any:
        for point in self._points:
            register_jitable(point)
        point, place = self._points[-1], place_of(axes)

        def kernel(result, arguments):  # type: ignore[no-untyped-def]
            for i in range(cuda.grid(1), result.size, cuda.gridsize(1)):
                at = place(i, result.shape)
                result[at] = point(*arguments, *at)

        kernel.__name__ = kernel.__qualname__ = point.__name__  # as a profiler shows it
        self._kernels[axes] = cuda.jit(kernel)
        return self._kernels[axes]


@cache
def place_of(axes: int) -> Any:
    """Give the function that turns a flat index into one of so many axes, in row-major order.

    Examples
    --------
    >>> place_of(3)(17, (2, 3, 4))
    (1, 1, 1)
    """
    if axes == 0:
        return register_jitable(lambda i, shape: ())
    outer, last = place_of(axes - 1), axes - 1

    def place(i, shape):  # type: ignore[no-untyped-def]
        return (*outer(i // shape[last], shape), i % shape[last])

    return register_jitable(place)


def grid(size: int) -> tuple[int, int]:
    """Choose how many blocks of how many threads share so many elements."""
    return min(-(-size // THREADS), BLOCKS), THREADS


def launch(kernel: Any, blocks: Any, threads: Any, result: Any, *arguments: Any) -> None:
    """Run a kernel on the stream of its result: the only place where kernels are launched.

    Parameters
    ----------
    kernel : callable
        As `numba.cuda.jit` gives it.
    blocks, threads : int or tuple of int
        The grid, and the threads of each block.
    result : array
        On a GPU; the kernel's first argument.
    *arguments : object
        The others: arrays on the GPU, numbers, and tuples of these.
    """
    kernel[blocks, threads, result.stream](result, *arguments)


def on_device(argument: Any, stream: Any) -> Any:
    """Copy the NumPy arrays in an argument, or in the tuples that it is made of, to the GPU."""
    if isinstance(argument, np.ndarray):
        return cuda.to_device(np.ascontiguousarray(argument), stream=stream)
    if isinstance(argument, tuple):
        parts = [on_device(part, stream) for part in argument]
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


# Numba 0.68 writes max and min with a variable number of arguments, which its built-in CUDA target
# cannot call.


@overload(max, target="cuda")
def _max(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, types.Number) and isinstance(b, types.Number):
        return lambda a, b: b if b > a else a
    return None


@overload(min, target="cuda")
def _min(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, types.Number) and isinstance(b, types.Number):
        return lambda a, b: b if b < a else a
    return None
