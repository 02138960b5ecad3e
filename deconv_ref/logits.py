"""Softmax along a line of logits, as the kernels compute it.

Plain functions of floats and lines (arrays of one axis, of any stride), for kernels to compile;
arithmetic is in float64. With m the largest logit and e_k = exp(x_k - m), everything follows from
the e_k and their sum S, which is added in the line's order with its rounding errors carried along:
``high + low`` is S to about 100 bits. So S - 1 and S - e_k, on which small results depend, keep
their relative accuracy when one logit is far above all others.

A line with an infinity of the positive sign, a NaN, or negative infinities alone gives NaN.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from deconv_ref.exponential import exp
from deconv_ref.sums import add_exactly

__all__ = [
    "against_others",
    "difference",
    "exponential",
    "exponentials",
    "largest",
    "log_sum",
    "sum_of_exponentials",
    "total",
]


def difference(x: float, m: float) -> tuple[float, float]:
    """Subtract two floats: the rounded difference, and what rounding took off."""
    return add_exactly(x, -m)


def exponential(x: float, m: float) -> float:
    """Evaluate exp(x - m)."""
    d, error = difference(x, m)
    value = exp(d)
    return value + value * error  # the error of an argument of -700 is as large as 1e-13


def largest(x: Any) -> int:
    """Find where the first of the largest logits stands."""
    best = 0
    for k in range(1, x.size):
        if x[k] > x[best]:
            best = k
    return best


def exponentials(x: Any, e: Any) -> tuple[float, float, float]:
    """Fill `e` with exp(x - m); give m and both parts of the sum."""
    m = np.float64(x[largest(x)])
    high, low = 0.0, 0.0
    for k in range(x.size):
        e[k] = exponential(np.float64(x[k]), m)
        high, error = add_exactly(high, e[k])
        low += error
    return m, high, low


def sum_of_exponentials(x: Any) -> tuple[float, float, float]:
    """Give m and both parts of the sum, where there is no memory for its terms."""
    m = np.float64(x[largest(x)])
    high, low = 0.0, 0.0
    for k in range(x.size):
        high, error = add_exactly(high, exponential(np.float64(x[k]), m))
        low += error
    return m, high, low


def log_sum(high: float, low: float) -> float:
    """Evaluate log S from both parts of S; S is at least 1, if only just."""
    return math.log1p((high - 1) + low)


def total(line: Any) -> tuple[float, float]:
    """Add up a line in its order, rounding errors carried along."""
    high, low = 0.0, 0.0
    for k in range(line.size):
        high, error = add_exactly(high, np.float64(line[k]))
        low += error
    return high, low


def against_others(
    e: float, high: float, low: float, g: float, g_high: float, g_low: float
) -> float:
    """Evaluate g_k - p_k sum_j g_j, with p_k = e_k / S, from the parts of S and of the sum of g.

    It is (g_k (S - e_k) - e_k (sum_j g_j - g_k)) / S, in which one-hot g leaves a single term, with
    no difference left to cancel.
    """
    others = (high - e) + low
    other_g = (g_high - g) + g_low
    return (g * others - e * other_g) / (high + low)


for _function in (
    *(difference, exponential, largest, exponentials, sum_of_exponentials),
    *(log_sum, total, against_others),
):
    register_jitable(_function)
