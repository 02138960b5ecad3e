"""One driver for every function that is applied element by element, and for sums of its values.

A function of a few numbers, plain Python, becomes a kernel on arrays. Whatever the dtype of the
arrays, each element is evaluated in float64 and rounded once, when it is written; on object arrays,
such as arrays of `fractions.Fraction`, the function runs as it stands, and is exact.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

from deconv_ref import real, threads
from deconv_ref.compiling import code_digest, plain
from deconv_ref.cuda import on_gpu
from deconv_ref.memory import empty
from deconv_ref.sums import BLOCK, LANES, add_blocks, add_lanes, add_to_lanes

__all__ = ["Elementwise"]

COST = 8  # an element costs about as much as moving this many


class Elementwise:
    """A function of numbers, made a function of arrays.

    Parameters
    ----------
    point : callable
        ``point(*elements, *parameters)`` gives one element of the result; at module level.
    *helpers : callable
        The functions that it calls in turn.
    """

    def __init__(self, point: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        for function in (point, *helpers):  # a loop that calls is none of vectors
            register_jitable(forceinline=True)(function)
        self.point = point
        self._digest = code_digest(point, *helpers)
        self._loops: dict[tuple[str, int], Callable[..., None]] = {}
        self._kernel: Any = None

    def __call__(self, *operands: Any) -> Any:
        """Evaluate every element.

        Parameters
        ----------
        *operands : array or number
            One to three arrays of one shape, then the parameters, which are numbers.

        Returns
        -------
        array
            Of the shape and dtype of the first array.
        """
        arrays, parameters = _split(operands)
        if on_gpu(arrays[0]):
            return self._on_gpu()(arrays, parameters)
        result = empty(arrays[0].shape, arrays[0].dtype)
        if result.dtype == object:
            for at in np.ndindex(result.shape):
                result[at] = self.point(*(array[at] for array in arrays), *parameters)
            return result
        flat = [plain(array).reshape(-1) for array in (*arrays, result)]
        loop = self._compiled("fill", len(arrays))
        size = result.size
        threads.run_shares(loop, size, COST * size, *flat, parameters)
        return result

    def sum(self, *operands: Any) -> Any:
        """Add up what a call would give, without writing it down.

        Values are added in the lanes of their block, the lanes by halving and the blocks in their
        order, with rounding errors carried along: the result depends on nothing else, and is within
        one rounding of the true sum of the values unless a sum of many terms cancels.

        Parameters
        ----------
        *operands : array or number
            As in a call.

        Returns
        -------
        float or Fraction
            The sum; 0 for empty arrays.
        """
        arrays, parameters = _split(operands)
        if on_gpu(arrays[0]):
            return self._on_gpu().sum(arrays, parameters)
        if arrays[0].dtype == object:
            rows = zip(*(array.flat for array in arrays), strict=True)
            return sum(self.point(*row, *parameters) for row in rows)
        flat = [plain(array).reshape(-1) for array in arrays]
        blocks = -(-flat[0].size // BLOCK)
        sums = np.zeros((blocks, 2))
        loop = self._compiled("sum", len(arrays))
        threads.run_shares(loop, blocks, COST * flat[0].size, *flat, sums, parameters)
        return add_blocks(sums.tolist())

    def _on_gpu(self) -> Any:
        if self._kernel is None:
            from deconv_ref.cuda.elementwise import ElementKernel

            self._kernel = ElementKernel(self.point)
        return self._kernel

    def _compiled(self, kind: str, arrays: int) -> Callable[..., None]:
        if (kind, arrays) not in self._loops:
            source = LOOPS[kind, arrays](self.point, self._digest)
            compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(source)
            self._loops[kind, arrays] = compiled
        return self._loops[kind, arrays]


def _split(operands: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    arrays = [operand for operand in operands if isinstance(operand, np.ndarray) or on_gpu(operand)]
    numbers = operands[len(arrays) :]
    exact = arrays[0].dtype == object
    return arrays, numbers if exact else tuple(map(float, numbers))


# The loops. `digest` does nothing in them but enter the key of Numba's cache. They count from 0,
# over slices: an index that might be negative, counted from the end, could not be vectorised.


def _fill_1(point: Any, digest: int) -> Any:
    def fill_1(x, y, parameters, first, last):  # type: ignore[no-untyped-def]
        _ = digest
        if threads.shared(first, last):
            return
        x, y = x[first:last], y[first:last]
        for i in range(y.size):
            y[i] = point(np.float64(x[i]), *parameters)

    return fill_1


def _fill_2(point: Any, digest: int) -> Any:
    def fill_2(a, b, y, parameters, first, last):  # type: ignore[no-untyped-def]
        _ = digest
        if threads.shared(first, last):
            return
        a, b, y = a[first:last], b[first:last], y[first:last]
        for i in range(y.size):
            y[i] = point(np.float64(a[i]), np.float64(b[i]), *parameters)

    return fill_2


def _fill_3(point: Any, digest: int) -> Any:
    def fill_3(a, b, c, y, parameters, first, last):  # type: ignore[no-untyped-def]
        _ = digest
        if threads.shared(first, last):
            return
        a, b, c, y = a[first:last], b[first:last], c[first:last], y[first:last]
        for i in range(y.size):
            y[i] = point(np.float64(a[i]), np.float64(b[i]), np.float64(c[i]), *parameters)

    return fill_3


def _sum_1(point: Any, digest: int) -> Any:
    def sum_1(x, sums, parameters, first, last):  # type: ignore[no-untyped-def]
        _ = digest
        if threads.shared(first, last):
            return
        values, lanes = np.empty(LANES), np.empty((2, LANES))
        for block in range(first, last):
            lanes[:] = 0
            for start in range(block * BLOCK, min(x.size, (block + 1) * BLOCK), LANES):
                part = x[start : min(x.size, start + LANES)]
                for lane in range(part.size):
                    values[lane] = point(np.float64(part[lane]), *parameters)
                add_to_lanes(lanes, values, part.size)
            sums[block, 0], sums[block, 1] = add_lanes(lanes)

    return sum_1


def _sum_2(point: Any, digest: int) -> Any:
    def sum_2(a, b, sums, parameters, first, last):  # type: ignore[no-untyped-def]
        _ = digest
        if threads.shared(first, last):
            return
        values, lanes = np.empty(LANES), np.empty((2, LANES))
        for block in range(first, last):
            lanes[:] = 0
            for start in range(block * BLOCK, min(a.size, (block + 1) * BLOCK), LANES):
                end = min(a.size, start + LANES)
                part, other = a[start:end], b[start:end]
                for lane in range(part.size):
                    x, y = np.float64(part[lane]), np.float64(other[lane])
                    values[lane] = point(x, y, *parameters)
                add_to_lanes(lanes, values, part.size)
            sums[block, 0], sums[block, 1] = add_lanes(lanes)

    return sum_2


LOOPS = {
    ("fill", 1): _fill_1,
    ("fill", 2): _fill_2,
    ("fill", 3): _fill_3,
    ("sum", 1): _sum_1,
    ("sum", 2): _sum_2,
}


# How Numba compiles the functions of `deconv_ref.real`: as the C library's, in float64.

register_jitable(real.divide)


def _put_in_place(name: str) -> None:
    function = getattr(math, name)

    @overload(getattr(real, name), inline="always")
    def implement(x):  # type: ignore[no-untyped-def]
        return lambda x: function(np.float64(x))


for _name in ("exp", "expm1", "log1p", "tanh"):
    _put_in_place(_name)


@overload(real.log)
def _log(x):  # type: ignore[no-untyped-def]
    return lambda x: math.log(np.float64(x))


@overload(real.normal_cdf)
def _normal_cdf(x):  # type: ignore[no-untyped-def]
    return lambda x: math.erfc(-x / math.sqrt(2.0)) / 2


@overload(real.normal_density)
def _normal_density(x):  # type: ignore[no-untyped-def]
    return lambda x: math.exp(-np.float64(x) * x / 2) / math.sqrt(2 * math.pi)
