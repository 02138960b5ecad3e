"""Point functions: one source, run as it stands, compiled for the CPU, or compiled for a GPU.

A *point function* is an equation, in plain Python: it gives one element of a result. `Fill`
evaluates one for every element. On arrays of floats it is compiled by Numba; on arrays that are on
a GPU it becomes a kernel there; on object arrays, such as arrays of `fractions.Fraction`, it runs
as it stands, and is exact.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import zlib
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from deconv_ref.cuda import on_gpu

__all__ = ["Fill", "code_digest", "plain"]


class Fill:
    """A point function, evaluated for every element of a result.

    Parameters
    ----------
    point : callable
        ``point(*arguments, *at)`` gives the element at ``at``; at module level.
    *helpers : callable
        The functions that it calls in turn.
    """

    def __init__(self, point: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self._points = (point, *helpers)
        self._compiled: Callable[..., None] | None = None
        self._kernel: Callable[..., Any] | None = None

    def __call__(self, result: Any, *arguments: Any) -> Any:
        """Fill `result`, and return it.

        Parameters
        ----------
        result : array
            Of floats, of objects or on a GPU; every element is written.
        *arguments : object
            What the point function takes before the place of the element.

        Returns
        -------
        array
            `result`.
        """
        if on_gpu(result):
            if self._kernel is None:
                from deconv_ref.cuda.kernels import PointKernel

                self._kernel = PointKernel(*self._points)
            return self._kernel(result, *arguments)
        arrays = [array for array in (result, *arguments) if isinstance(array, np.ndarray)]
        if any(array.dtype.hasobject for array in arrays):
            _filler(self._points[0])(result, *arguments)
        else:
            if self._compiled is None:
                for function in self._points:
                    register_jitable(function)
                fill = _filler(self._points[0], code_digest(*self._points))
                self._compiled = numba.njit(cache=True)(fill)
            # One memory layout, writable, so that Numba compiles one version per dtype.
            self._compiled(result, *map(_plain_if_array, arguments))
        return result


def _filler(point: Callable[..., Any], digest: int = 0) -> Callable[..., None]:
    def fill(result, *arguments):  # type: ignore[no-untyped-def]
        _ = digest  # does nothing but enter the key of Numba's cache
        for at in np.ndindex(result.shape):
            result[at] = point(*arguments, *at)

    return fill


def code_digest(*functions: Callable[..., Any]) -> int:
    """Make a number of the code of functions: Numba's cache knows a loop, not what it calls."""
    parts: list[Any] = []
    for function in functions:
        code, known = function.__code__, function.__globals__
        values = (known.get(name) for name in code.co_names)
        constants = [value for value in values if isinstance(value, int | float | tuple)]
        parts += [code.co_code, code.co_names, code.co_consts, constants]
    return zlib.crc32(repr(parts).encode())


def plain(array: Any) -> Any:
    """Give an array the one memory layout that compiled functions are made for, if it has another.

    Examples
    --------
    >>> plain(np.zeros((2, 3)).T).flags.carray
    True
    """
    if type(array) is np.ndarray and array.flags.carray:
        return array
    return np.require(array, requirements=["C", "A", "W", "E"])


def _plain_if_array(argument: Any) -> Any:
    return plain(argument) if isinstance(argument, np.ndarray) else argument
