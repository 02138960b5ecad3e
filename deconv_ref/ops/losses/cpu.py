"""The CPU kernels of the losses.

Arithmetic is in float64 whatever the arrays are, and rounded once, when a result is written.
Losses that are rational run as their equations do; the others by formulas that keep their relative
accuracy (`stable`, `deconv_ref.logits`). Sums run in a fixed order with their rounding errors
carried along: the bits of a result do not depend on the number of threads.
"""

from typing import Any

import numba
import numpy as np

from deconv_ref import logits, threads
from deconv_ref.compiling import plain
from deconv_ref.elementwise import COST
from deconv_ref.memory import empty
from deconv_ref.ops.losses import literal, stable
from deconv_ref.ops.losses.reduction import Gradient, Loss, gradient_of_values, reduced
from deconv_ref.sums import add_exactly

mse, mse_backward = literal.mse, literal.mse_backward
mae, mae_backward = literal.mae, literal.mae_backward
huber, huber_backward = literal.huber, literal.huber_backward
binary_cross_entropy = Loss(stable.binary_cross_entropy)
binary_cross_entropy_backward = Gradient(stable.binary_cross_entropy_gradient)
binary_cross_entropy_with_logits = Loss(stable.binary_cross_entropy_with_logits)
binary_cross_entropy_with_logits_backward = Gradient(
    stable.binary_cross_entropy_with_logits_gradient
)
l1_penalty, l1_penalty_backward = literal.l1_penalty, literal.l1_penalty_backward
l2_penalty, l2_penalty_backward = literal.l2_penalty, literal.l2_penalty_backward


def categorical_cross_entropy(x: np.ndarray, t: np.ndarray, reduction: str) -> np.ndarray:
    """Evaluate the cross entropy of probabilities (J12).

    Parameters
    ----------
    x, t : numpy.ndarray of shape (A, K, B)
        Prediction and target; categories along the middle axis.
    reduction : str
        ``"mean"``, ``"sum"`` or ``"none"`` (J1).

    Returns
    -------
    numpy.ndarray of shape () or (A, B)
        The loss.
    """
    return reduced(_along_lines(_categorical, x, t), reduction, x.dtype)


def categorical_cross_entropy_backward(
    x: np.ndarray, t: np.ndarray, grad: Any, reduction: str
) -> np.ndarray:
    """Evaluate the gradient of J12 (J13).

    Parameters
    ----------
    x, t : numpy.ndarray of shape (A, K, B)
        Prediction and target.
    grad : float or numpy.ndarray of shape (A, B)
        Gradient of the reduced loss.
    reduction : str
        As in `categorical_cross_entropy`.

    Returns
    -------
    numpy.ndarray of shape (A, K, B)
        The gradient of `x`.
    """
    return literal.categorical_cross_entropy_backward(x, t, grad, reduction)


def softmax_cross_entropy(x: np.ndarray, t: np.ndarray, reduction: str) -> np.ndarray:
    """Evaluate the cross entropy of logits (J14); see `categorical_cross_entropy`."""
    return reduced(_along_lines(_softmax, x, t), reduction, x.dtype)


def softmax_cross_entropy_backward(
    x: np.ndarray, t: np.ndarray, grad: Any, reduction: str
) -> np.ndarray:
    """Evaluate the gradient of J14 (J15); see `categorical_cross_entropy_backward`."""
    spread, count = gradient_of_values(grad, x, reduction)
    grad_x = empty(x.shape, x.dtype)
    arrays = (plain(x), plain(t), spread, float(count), grad_x)
    threads.run_shares(_softmax_gradient, spread.size, COST * x.size, *arrays)
    return grad_x


def _along_lines(piece, x, t):
    values = np.empty((x.shape[0], x.shape[2]))
    threads.run_shares(piece, values.size, COST * x.size, plain(x), plain(t), values)
    return values


# Each of the following fills what belongs to lines [first, last); line a B + b is [a, :, b].


@numba.njit(cache=True, nogil=True)
def _categorical(x, t, values, first, last):
    if threads.shared(first, last):
        return
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        high, low = 0.0, 0.0
        for k in range(x.shape[1]):
            p, weight = np.float64(x[a, k, b]), np.float64(t[a, k, b])
            if p != 0 or weight != 0:
                high, error = add_exactly(high, -weight * np.log(p))
                low += error
        values[a, b] = high + low


@numba.njit(cache=True, nogil=True)
def _softmax(x, t, values, first, last):
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        m, s_high, s_low = logits.exponentials(x[a, :, b], e)
        log_sum = logits.log_sum(s_high, s_low)
        high, low = 0.0, 0.0
        for k in range(e.size):
            d, error = logits.difference(np.float64(x[a, k, b]), m)
            weight = np.float64(t[a, k, b])
            if weight != 0 or d != -np.inf:
                high, rest = add_exactly(high, weight * ((log_sum - d) - error))
                low += rest
        values[a, b] = high + low


@numba.njit(cache=True, nogil=True)
def _softmax_gradient(x, t, grad, count, grad_x, first, last):
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        _, high, low = logits.exponentials(x[a, :, b], e)
        t_high, t_low = logits.total(t[a, :, b])
        for k in range(e.size):
            weight = np.float64(t[a, k, b])
            slope = -logits.against_others(e[k], high, low, weight, t_high, t_low)
            grad_x[a, k, b] = slope * grad[a, b] / count
