"""The equations of the losses, one element of a result at a time.

Each *point function* is the equation in its docstring. Losses of numbers are applied element by
element; the cross entropies of distributions read a line of arrays ``(A, K, B)`` along its middle
axis, that of the categories, and give a value per place ``(a, b)``. The same source runs compiled
by Numba (`literal`) and undecorated on `fractions.Fraction`, where it is the truth that the fast
kernels are judged by (see `deconv_ref.real`).

Legend: ``x`` prediction (probability, or logit), ``t`` target, ``grad`` gradient of the reduced
loss, ``count`` the number of values that the reduction averages, 1 where it does not:

    mean: L = (sum of values) / count;  sum: L = sum of values;  none: the values          (J1)

Throughout, 0 log 0 is 0: a category that the target leaves out does not count.
"""

import math

from deconv_ref import real


def mse_point(x, t):
    """Evaluate (x - t)^2 (J2)."""
    return (x - t) * (x - t)


def mse_gradient_point(x, t, grad, count):
    """Evaluate 2 (x - t) grad / count (J3)."""
    return 2 * (x - t) * grad / count


def mae_point(x, t):
    """Evaluate |x - t| (J4)."""
    return abs(x - t)


def mae_gradient_point(x, t, grad, count):
    """Evaluate sign(x - t) grad / count; the sign of 0 is 0 (J5)."""
    return _sign(x - t) * grad / count


def huber_point(x, t, delta):
    """Evaluate (x - t)^2 / 2 if |x - t| <= delta, delta (|x - t| - delta / 2) beyond (J6)."""
    distance = abs(x - t)
    return distance * distance / 2 if distance <= delta else delta * (distance - delta / 2)


def huber_gradient_point(x, t, grad, count, delta):
    """Evaluate (x - t) grad / count, with x - t held within -delta and delta (J7)."""
    slope = x - t
    if slope > delta:
        slope = delta
    elif slope < -delta:
        slope = -delta
    return slope * grad / count


def binary_cross_entropy_point(x, t):
    """Evaluate -(t log x + (1 - t) log(1 - x)) (J8)."""
    return -(_weighted(t, real.log(x)) + _weighted(1 - t, real.log(1 - x)))


def binary_cross_entropy_gradient_point(x, t, grad, count):
    """Evaluate ((1 - t) / (1 - x) - t / x) grad / count (J9).

    Terms of weight 0 are 0; NaN for x outside [0, 1], as the loss is.
    """
    if not 0 <= x <= 1 or t != t:
        return math.nan
    slope = real.divide(1 - t, 1 - x) if t != 1 else 0
    slope -= real.divide(t, x) if t != 0 else 0
    return slope * grad / count


def binary_cross_entropy_with_logits_point(x, t):
    """Evaluate J8 at the sigmoid of x: t log(1 + e^-x) + (1 - t) log(1 + e^x) (J10).

    log(1 + e^x) is max(x, 0) + log(1 + e^-|x|).
    """
    small = real.log(1 + real.exp(-abs(x)))
    positive, negative = (x, 0) if x > 0 else (0, -x)
    return _weighted(t, negative + small) + _weighted(1 - t, positive + small)


def binary_cross_entropy_with_logits_gradient_point(x, t, grad, count):
    """Evaluate (s(x) - t) grad / count, s(x) = 1 / (1 + e^-x) (J11)."""
    return (1 / (1 + real.exp(-x)) - t) * grad / count


def categorical_cross_entropy_point(x, t, a, b):
    """Evaluate -sum_k t[a,k,b] log x[a,k,b] (J12)."""
    total = _weighted(t[a, 0, b], real.log(x[a, 0, b]))
    for k in range(1, x.shape[1]):
        total += _weighted(t[a, k, b], real.log(x[a, k, b]))
    return -total


def categorical_cross_entropy_gradient_point(x, t, grad, count):
    """Evaluate -(t / x) grad / count, 0 if x and t are 0; NaN for negative x (J13)."""
    if x < 0:
        return math.nan
    return -(0 if x == 0 and t == 0 else real.divide(t, x)) * grad / count


def softmax_cross_entropy_point(x, t, a, b):
    """Evaluate J12 at the softmax of x.

    sum_k t[a,k,b] (log sum_j e^(x[a,j,b] - m) - (x[a,k,b] - m)), m = max_j x[a,j,b]      (J14)
    """
    m = _largest(x, a, b)
    log_sum = real.log(_sum_of_exponentials(x, m, a, b))
    total = _weighted(t[a, 0, b], log_sum - (x[a, 0, b] - m))
    for k in range(1, x.shape[1]):
        total += _weighted(t[a, k, b], log_sum - (x[a, k, b] - m))
    return total


def softmax_cross_entropy_gradient_point(x, t, grad, count, a, k, b):
    """Evaluate one element of the gradient.

    (e^(x[a,k,b] - m) / sum_j e^(x[a,j,b] - m) sum_j t[a,j,b] - t[a,k,b]) grad[a,b] / count
                                                                                          (J15)
    """
    m = _largest(x, a, b)
    weight = t[a, 0, b]
    for j in range(1, x.shape[1]):
        weight += t[a, j, b]
    p = real.exp(x[a, k, b] - m) / _sum_of_exponentials(x, m, a, b)
    return (p * weight - t[a, k, b]) * grad[a, b] / count


def l1_penalty_point(w):
    """Evaluate |w|; the penalty is strength sum |w| (J16)."""
    return abs(w)


def l1_penalty_gradient_point(w, strength):
    """Evaluate strength sign(w); the sign of 0 is 0 (J17)."""
    return strength * _sign(w)


def l2_penalty_point(w):
    """Evaluate w^2; the penalty is strength sum w^2 (J18)."""
    return w * w


def l2_penalty_gradient_point(w, strength):
    """Evaluate 2 strength w (J19)."""
    return 2 * strength * w


def _sign(x):
    return 1 if x > 0 else -1 if x < 0 else x * 0


def _weighted(weight, value):
    """Multiply; 0 times an infinite logarithm is 0."""
    return weight * 0 if weight == 0 and abs(value) == math.inf else weight * value


def _largest(x, a, b):
    m = x[a, 0, b]
    for j in range(x.shape[1]):
        if x[a, j, b] > m or x[a, j, b] != x[a, j, b]:
            m = x[a, j, b]
    return m


def _sum_of_exponentials(x, m, a, b):
    total = real.exp(x[a, 0, b] - m)
    for j in range(1, x.shape[1]):
        total += real.exp(x[a, j, b] - m)
    return total
