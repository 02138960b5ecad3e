"""PyTorch's dense layer and batch normalization: ``linear`` and ``native_batch_norm``."""

import numpy as np
import torch
from torch.nn import functional

from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._torch_arrays import gradients, prepared, tensor, value


def linear(x, weight, bias=None):
    """Compute y."""
    return value(functional.linear, x, weight, bias)


def linear_backward(grad_y, x, weight):
    """Compute the gradients of x, weight and bias."""
    bias = np.zeros(weight.shape[0], grad_y.dtype)
    return gradients(functional.linear, grad_y, x, weight, bias)


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5):
    """Compute y, the next running statistics, and those used, which exist in training alone."""
    running = [tensor(array).clone() for array in (running_mean, running_var)]
    x, gamma, beta = map(tensor, (x, gamma, beta))
    if x.numel():
        function = prepared(torch.native_batch_norm)
        y, *used = function(x, gamma, beta, *running, training, momentum, epsilon)
    else:  # `batch_norm` does not call it then
        y, used = prepared(_batch_norm)(x, gamma, beta, running, training), []
    saved = [statistics.cpu().numpy() for statistics in used] if training else [None, None]
    return (y.cpu().numpy(), *(statistics.numpy() for statistics in running), *saved)


def batch_norm_backward(grad_y, x, gamma, saved_mean, saved_inv_std, *, training=True):
    """Compute the gradients of x, gamma and beta: what automatic differentiation calls."""
    if not training:
        raise NotImplementedError("PyTorch's gradient takes a variance, no inverse deviation")
    if not x.size:
        return gradients(_batch_norm, grad_y, x, gamma, gamma, running=(None, None), training=True)
    saved = map(np.ascontiguousarray, (saved_mean, saved_inv_std))  # as they are kept
    grad_y, x, gamma, mean, inv_std = map(tensor, (grad_y, x, gamma, *saved))
    backward = prepared(torch.ops.aten.native_batch_norm_backward)
    grads = backward(grad_y, x, gamma, None, None, mean, inv_std, training, 0.0, [True, True, True])
    return tuple(grad.cpu().numpy() for grad in grads)


def _batch_norm(x, gamma, beta, running, training):
    mean, var = running
    return functional.batch_norm(x, mean, var, gamma, beta, training)


def _without_deviation(x, *, training, epsilon, **others):
    """Mark the channels of a call of batch_norm that have one value alone, and no epsilon."""
    axes = (0, *range(2, x.ndim))
    if not training or epsilon > 0:
        return np.zeros(x.shape[1])
    return np.where(np.ptp(x, axes) == 0, np.inf, 0.0)


def _result_without_deviation(x, **call):
    marked = _without_deviation(x, **call)
    return np.broadcast_to(marked.reshape(-1, *[1] * (x.ndim - 2)), x.shape)


CONSTANT_CHANNELS = [
    Difference(
        "a constant channel with an epsilon of 0 gives beta, not NaN",
        _result_without_deviation,
        "forward",
    ),
    Difference(
        "a constant channel with an epsilon of 0 gives beta, not NaN",
        _without_deviation,
        "saved_inv_std",
    ),
]
