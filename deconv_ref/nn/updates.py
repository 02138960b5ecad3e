"""Arrays changed where they lie, in one pass over memory, with the bits of what makes new ones.

This module imports Numba; it is imported when first needed.
"""

from typing import Any

import numba
import numpy as np

from deconv_ref import threads

__all__ = ["adam", "rectify"]

FLOATING = (np.dtype(np.float32), np.dtype(np.float64))
COST = 8  # of a number of each array, in numbers moved: there are a root and a quotient


def adam(
    weight: Any,
    gradient: Any,
    mean: Any,
    square: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    rate: float,
) -> bool:
    """Update a parameter and its moments, where their arrays are alike and contiguous.

    Parameters
    ----------
    weight, gradient, mean, square : array
        The parameter w, its gradient g, and the moments m and v; all but g are changed.
    beta_1, beta_2, epsilon, rate : float
        Numbers of `deconv_ref.nn.Adam`, the bias corrections in the latter two. Each is rounded
        to the dtype of the arrays, and so is each operation.

    Returns
    -------
    bool
        Whether it was done: not for arrays on a GPU, of two dtypes, or not contiguous.
    """
    arrays, dtype = (weight, gradient, mean, square), getattr(weight, "dtype", None)
    for array in arrays:
        if type(array) is not np.ndarray or array.dtype != dtype or not array.flags.carray:
            return False
    if dtype not in FLOATING:
        return False
    numbers = beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon, rate
    flat = (array.reshape(-1) for array in arrays)
    size = weight.size
    threads.run_shares(_adam, size, COST * size, *flat, tuple(map(float, numbers)))
    return True


def rectify(grad_y: Any, x: Any) -> bool:
    """Make of a gradient what `deconv_ref.relu_backward` makes of it, where it lies.

    Parameters
    ----------
    grad_y : array
        Gradient with respect to the result of `deconv_ref.relu`; it becomes that of the input.
    x : array of grad_y's shape
        The input, or the result.

    Returns
    -------
    bool
        Whether it was done: not for arrays on a GPU, of two dtypes or shapes, or not contiguous.
    """
    arrays = grad_y, x
    if any(type(array) is not np.ndarray or not array.flags.carray for array in arrays):
        return False
    dtype = x.dtype
    if dtype not in FLOATING or grad_y.dtype != dtype or grad_y.shape != x.shape:
        return False
    flat = (array.reshape(-1) for array in arrays)
    threads.run_shares(_rectify, x.size, 2 * x.size, *flat, dtype.type(0), dtype.type(np.nan))
    return True


@numba.njit(cache=True, nogil=True)
def _rectify(gradient, x, zero, nan, first, last):  # type: ignore[no-untyped-def]
    if threads.shared(first, last):
        return
    gradient, x = gradient[first:last], x[first:last]
    for i in range(x.size):
        g, cell = gradient[i], x[i]
        silent = zero if cell <= 0 and g == g else nan
        gradient[i] = g if cell > 0 else silent


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _adam(weight, gradient, mean, square, numbers, first, last):  # type: ignore[no-untyped-def]
    if threads.shared(first, last):
        return
    rounded = np.empty(6, weight.dtype)
    for n in range(6):
        rounded[n] = numbers[n]
    one, rest, two, other, epsilon, rate = rounded
    weight, gradient = weight[first:last], gradient[first:last]
    mean, square = mean[first:last], square[first:last]
    for i in range(weight.size):
        g = gradient[i]
        m = mean[i] * one + g * rest
        v = square[i] * two + g * g * other
        mean[i], square[i] = m, v
        weight[i] -= m / (np.sqrt(v) + epsilon) * rate
