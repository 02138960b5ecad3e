"""Arrays on a GPU that NumPy's elementwise functions take, for what is written with these.

Each function is one kernel. A single sum, difference, product, quotient or root that is computed in
float64 and rounded to float32 is what float32 arithmetic gives: results have the bits of NumPy's.
"""

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.lib.mixins import NDArrayOperatorsMixin

from deconv_ref.cuda.elementwise import ElementKernel

__all__ = ["Vector"]


class Vector(NDArrayOperatorsMixin):
    """An array on a GPU, as NumPy's functions with ``out`` and operators in place want it.

    Parameters
    ----------
    array : Array
        Its memory is written to.
    """

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Evaluate a function of one or two arrays, or of an array and a number, into ``out``."""
        (out,) = options["out"]
        arrays = [x.array for x in inputs if isinstance(x, Vector)]
        given = (x for x in inputs if not isinstance(x, Vector))
        numbers = tuple(float(out.array.dtype.type(x)) for x in given)
        FUNCTIONS[ufunc].write(out.array, arrays, numbers)
        return out


def _sum(x: float, y: float) -> float:
    return x + y


def _difference(x: float, y: float) -> float:
    return x - y


def _product(x: float, y: float) -> float:
    return x * y


def _quotient(x: float, y: float) -> float:
    return x / y


def _root(x: float) -> float:
    return math.sqrt(x)


FUNCTIONS = {
    np.add: ElementKernel(register_jitable(_sum)),
    np.subtract: ElementKernel(register_jitable(_difference)),
    np.multiply: ElementKernel(register_jitable(_product)),
    np.divide: ElementKernel(register_jitable(_quotient)),
    np.sqrt: ElementKernel(register_jitable(_root)),
}
