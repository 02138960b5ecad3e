"""Updates in one pass over memory, with the bits of what `deconv_ref.nn.optimizers` has in NumPy.

This module imports Numba; it is imported when first needed.
"""

from typing import Any

import numba
import numpy as np

from deconv_ref import threads

__all__ = ["adam"]

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
