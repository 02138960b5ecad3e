"""The CUDA kernels of the losses; its functions are those of `cpu`.

Arithmetic is in float64 whatever the arrays are, and rounded once. What goes element by element
are the functions of the CPU, a thread for each element; so are those along lines, which go through
their line anew for every element of it. A loss of one number is read back.
"""

from typing import Any

import numpy as np

from deconv_ref import logits
from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.losses.cpu import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    huber,
    huber_backward,
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
    mae,
    mae_backward,
    mse,
    mse_backward,
)
from deconv_ref.ops.losses.literal import (
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
)
from deconv_ref.ops.losses.reduction import gradient_of_values, reduced
from deconv_ref.sums import add_exactly

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "categorical_cross_entropy",
    "categorical_cross_entropy_backward",
    "huber",
    "huber_backward",
    "l1_penalty",
    "l1_penalty_backward",
    "l2_penalty",
    "l2_penalty_backward",
    "mae",
    "mae_backward",
    "mse",
    "mse_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
]


def softmax_cross_entropy(x: Any, t: Any, reduction: str) -> Any:
    """Evaluate the cross entropy of logits (J14); see `cpu.softmax_cross_entropy`."""
    values = VALUES(empty(x, (x.shape[0], x.shape[2]), np.float64), x, t)
    return reduced(values, reduction, x.dtype)


def softmax_cross_entropy_backward(x: Any, t: Any, grad: Any, reduction: str) -> Any:
    """Evaluate the gradient of J14 (J15); see `cpu.softmax_cross_entropy_backward`."""
    grads, count = gradient_of_values(grad, x, reduction)
    return GRADIENT(empty(x, x.shape), x, t, grads, float(count))


def value_point(x, t, a, b):
    """Evaluate the cross entropy of one line of logits."""
    m, s_high, s_low = logits.sum_of_exponentials(x[a, :, b])
    log_sum = logits.log_sum(s_high, s_low)
    high, low = 0.0, 0.0
    for k in range(x.shape[1]):
        d, error = logits.difference(np.float64(x[a, k, b]), m)
        weight = np.float64(t[a, k, b])
        if weight != 0 or d != -np.inf:
            high, rest = add_exactly(high, weight * ((log_sum - d) - error))
            low += rest
    return high + low


def gradient_point(x, t, grad, count, a, k, b):
    """Evaluate one element of its gradient."""
    m, high, low = logits.sum_of_exponentials(x[a, :, b])
    e = logits.exponential(np.float64(x[a, k, b]), m)
    t_high, t_low = logits.total(t[a, :, b])
    weight = np.float64(t[a, k, b])
    return -logits.against_others(e, high, low, weight, t_high, t_low) * grad[a, b] / count


VALUES, GRADIENT = Fill(value_point), Fill(gradient_point)
