"""Formulas for the cross entropies of numbers that keep their relative accuracy, in float64.

For targets from 0 to 1 no loss here is a difference. The gradients are one where the target is soft
and the prediction near it; their error is then relative to the terms, as the error of the target
itself would be.
"""

import math

from deconv_ref.exponential import exp, log1p


def binary_cross_entropy(x: float, t: float) -> float:
    """Evaluate J8."""
    if not 0 <= x <= 1:
        return math.nan
    total = 0.0
    if t != 0 or x != 0:
        total -= t * (math.log(x) if x > 0 else -math.inf)
    if t != 1 or x != 1:
        total -= (1 - t) * (math.log1p(-x) if x < 1 else -math.inf)
    return total


def binary_cross_entropy_gradient(x: float, t: float, grad: float, count: float) -> float:
    """Evaluate J9; over a common denominator, (x - t) / (x (1 - x))."""
    if not 0 <= x <= 1:
        return math.nan
    x = abs(x)  # a negative 0 is 0
    if t == 0:
        return 1 / (1 - x) * grad / count
    if t == 1:
        return -1 / x * grad / count
    return (x - t) / (x * (1 - x)) * grad / count


def binary_cross_entropy_with_logits(x: float, t: float) -> float:
    """Evaluate J10; it is log(1 + e^-|x|) + (1 - t) x, or - t x for negative x."""
    weight = 1 - t if x > 0 else t
    linear = weight * abs(x) if weight != 0 else 0.0  # with an infinite logit too
    return log1p(exp(-abs(x))) + linear


def binary_cross_entropy_with_logits_gradient(
    x: float, t: float, grad: float, count: float
) -> float:
    """Evaluate J11; s(x) - t is (1 - t) s(x) - t s(-x), one term for targets 0 and 1."""
    e = exp(-abs(x))
    difference = (1 - t) - t * e if x > 0 else (1 - t) * e - t
    return difference / (1 + e) * grad / count
