"""The CUDA kernels of the activations; its functions are those of `cpu`.

Arithmetic is in float64 whatever the arrays are, and rounded once. What goes element by element
are the functions of the CPU (`stable`), a thread for each element; so are the four along lines
here, which go through their line anew for every element of it.
"""

from typing import Any

import numpy as np

from deconv_ref import logits
from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.activations.cpu import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from deconv_ref.ops.activations.literal import prelu, prelu_backward
from deconv_ref.sums import add_exactly

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "log_softmax",
    "log_softmax_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]


def softmax(x: Any) -> Any:
    """Evaluate softmax (F20) along the middle axis of (A, K, B)."""
    return SOFTMAX(empty(x, x.shape), x)


def softmax_backward(grad_y: Any, x: Any) -> Any:
    """Evaluate the gradient of softmax (F21); see `softmax`."""
    return SOFTMAX_GRADIENT(empty(x, x.shape), grad_y, x)


def log_softmax(x: Any) -> Any:
    """Evaluate log-softmax (F22); see `softmax`."""
    return LOG_SOFTMAX(empty(x, x.shape), x)


def log_softmax_backward(grad_y: Any, x: Any) -> Any:
    """Evaluate the gradient of log-softmax (F23); see `softmax`."""
    return LOG_SOFTMAX_GRADIENT(empty(x, x.shape), grad_y, x)


def softmax_point(x, a, k, b):
    """Evaluate one element of softmax."""
    m, high, low = logits.sum_of_exponentials(x[a, :, b])
    return logits.exponential(np.float64(x[a, k, b]), m) / (high + low)


def softmax_gradient_point(grad_y, x, a, k, b):
    """Evaluate one element of its gradient.

    Differences are taken from the gradient at the largest logit, not to lose small ones there.
    """
    m, high, low = logits.sum_of_exponentials(x[a, :, b])
    reference = np.float64(grad_y[a, logits.largest(x[a, :, b]), b])
    mean, carried = 0.0, 0.0
    for j in range(x.shape[1]):
        term = logits.exponential(np.float64(x[a, j, b]), m) * (grad_y[a, j, b] - reference)
        mean, error = add_exactly(mean, term)
        carried += error
    mean = (mean + carried) / (high + low)
    p = logits.exponential(np.float64(x[a, k, b]), m) / (high + low)
    return p * ((grad_y[a, k, b] - reference) - mean)


def log_softmax_point(x, a, k, b):
    """Evaluate one element of log-softmax."""
    m, high, low = logits.sum_of_exponentials(x[a, :, b])
    d, error = logits.difference(np.float64(x[a, k, b]), m)
    return (d - logits.log_sum(high, low)) + error


def log_softmax_gradient_point(grad_y, x, a, k, b):
    """Evaluate one element of its gradient."""
    m, high, low = logits.sum_of_exponentials(x[a, :, b])
    e = logits.exponential(np.float64(x[a, k, b]), m)
    g_high, g_low = logits.total(grad_y[a, :, b])
    return logits.against_others(e, high, low, np.float64(grad_y[a, k, b]), g_high, g_low)


SOFTMAX, SOFTMAX_GRADIENT = Fill(softmax_point), Fill(softmax_gradient_point)
LOG_SOFTMAX, LOG_SOFTMAX_GRADIENT = Fill(log_softmax_point), Fill(log_softmax_gradient_point)
