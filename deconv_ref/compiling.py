"""Fill functions: one source, run as it stands or compiled.

A *point function* is an equation: it gives one element of a result. A *fill function* evaluates a
point function for every element. Both are plain Python. `Fill` runs them compiled by Numba on
floats, and as they stand on object arrays, such as arrays of `fractions.Fraction`, where they are
exact.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

__all__ = ["Fill", "plain"]


class Fill:
    """A fill function in both its forms.

    Parameters
    ----------
    fill : callable
        ``fill(*arguments, result)`` writes every element of the array `result`.
    *points : callable
        The point functions, and what they call in turn.
    """

    def __init__(self, fill: Callable[..., None], *points: Callable[..., Any]) -> None:
        for point in points:
            register_jitable(point)
        self._plain = fill
        self._compiled = numba.njit(cache=True)(fill)

    def __call__(self, result: Any, *arguments: Any) -> Any:
        """Fill `result` and return it."""
        if result.dtype == object:
            self._plain(*arguments, result)
        else:
            # One memory layout, writable, so that Numba compiles one version per dtype.
            self._compiled(*map(_plain_if_array, arguments), result)
        return result


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
