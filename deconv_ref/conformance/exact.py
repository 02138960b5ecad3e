"""Our equations in exact rational arithmetic, each result rounded once.

The literal kernels run over `fractions.Fraction`: every float becomes the rational number that it
is, nothing is rounded on the way (but for exp and its like, which `deconv_ref.real` gives to 60
digits), and each element of a result is the float nearest to the true value, ties to even.
Infinities and NaN are no rational numbers; they stay floats, and make every sum that they enter
infinite or NaN, as they should.
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from deconv_ref import backend

__all__ = ["Exact"]


class Exact:
    """The literal kernels of a chapter, taking and giving floats, computing with fractions."""

    def __init__(self, chapter: str) -> None:
        self._kernels = backend.tier("literal")(chapter)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Wrap a kernel."""
        kernel = getattr(self._kernels, name)

        def exact(*arguments: Any) -> Any:
            # An incoming gradient may be wider than the images that it belongs to.
            dtype = min(
                (a.dtype for a in arguments if _is_floating(a)), key=lambda kind: kind.itemsize
            )
            return _rounded(kernel(*map(_fractions, arguments)), dtype)

        return exact


def _is_floating(argument: Any) -> bool:
    return isinstance(argument, np.ndarray) and np.issubdtype(argument.dtype, np.floating)


def _fractions(argument: Any) -> Any:
    if _is_floating(argument):
        return np.vectorize(_fraction, otypes=[object])(argument)
    return _fraction(argument) if isinstance(argument, float | np.floating) else argument


def _fraction(number: Any) -> Any:
    return Fraction(float(number)) if math.isfinite(number) else float(number)


def _rounded(result: Any, dtype: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_rounded(part, dtype) for part in result)
    if result.dtype != object:
        return result
    with np.errstate(over="ignore"):
        return np.vectorize(functools.partial(_nearest, dtype.type), otypes=[dtype])(result)


def _nearest(kind: Any, exact: Any) -> Any:
    try:
        near = kind(float(exact))  # float rounds correctly; kind may round a second time
    except OverflowError:
        return kind(-math.inf if exact < 0 else math.inf)
    around = (near, np.nextafter(near, kind(-math.inf)), np.nextafter(near, kind(math.inf)))
    if kind is np.float64 or not all(map(math.isfinite, around)):
        return near
    return min(around, key=lambda candidate: abs(Fraction(float(candidate)) - exact))
