"""Our equations in exact rational arithmetic, each result rounded once.

The public functions of `deconv_ref` run on the literal kernels, over `fractions.Fraction`: every
float becomes the rational number that it is, nothing is rounded on the way, and each element of a
result is the float nearest to the true value, ties to even. Infinities and NaN are no rational
numbers; they stay floats, and make every sum that they enter infinite or NaN, as they should.
"""

import functools
import inspect
import math
from fractions import Fraction

import numpy as np

import deconv_ref
from deconv_ref import backend

NAME = "equations"
VERSION = deconv_ref.__version__


class Exact:
    """The literal kernels of a chapter, taking and giving floats, computing with fractions."""

    def __init__(self, chapter):
        self._kernels = backend.tier("literal")(chapter)

    def __getattr__(self, name):
        kernel = getattr(self._kernels, name)

        def exact(*arguments):
            dtype = next(a.dtype for a in arguments if _is_floating(a))
            return _rounded(kernel(*map(_fractions, arguments)), dtype)

        return exact


def _is_floating(argument):
    return isinstance(argument, np.ndarray) and np.issubdtype(argument.dtype, np.floating)


def _fractions(argument):
    if _is_floating(argument):
        return np.vectorize(_fraction, otypes=[object])(argument)
    return _fraction(argument) if isinstance(argument, float | np.floating) else argument


def _fraction(number):
    return Fraction(float(number)) if math.isfinite(number) else float(number)


def _rounded(result, dtype):
    if isinstance(result, tuple):
        return tuple(_rounded(part, dtype) for part in result)
    if result.dtype != object:
        return result
    with np.errstate(over="ignore"):
        return np.vectorize(functools.partial(_nearest, dtype.type), otypes=[dtype])(result)


def _nearest(kind, exact):
    try:
        near = kind(float(exact))  # float rounds correctly; kind may round a second time
    except OverflowError:
        return kind(-math.inf if exact < 0 else math.inf)
    around = (near, np.nextafter(near, kind(-math.inf)), np.nextafter(near, kind(math.inf)))
    if not all(map(math.isfinite, around)):
        return near
    return min(around, key=lambda candidate: abs(Fraction(float(candidate)) - exact))


def _exactly(function):
    @functools.wraps(function)
    def exactly(*arguments, **parameters):
        with backend.using(Exact):
            return function(*arguments, **parameters)

    return exactly


for _name, _function in inspect.getmembers(deconv_ref, inspect.isfunction):
    globals()[_name] = _exactly(_function)
