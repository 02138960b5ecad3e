"""PyTorch's pooling and unpooling: ``max_pool``, ``max_unpool`` and ``avg_pool``, by rank."""

from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

from deconv_ref.conformance.frameworks._torch_arrays import (
    array_of,
    gradients,
    prepared,
    sides,
    tensor,
    value,
)

MAX_POOLS = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
AVG_POOLS = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
MAX_UNPOOLS = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y and the indices."""
    y, indices = prepared(MAX_POOLS[len(kernel_size) - 1])(
        tensor(x),
        kernel_size,
        stride,
        sides(padding, kernel_size, dilation),
        dilation,
        ceil_mode,
        return_indices=True,
    )
    return array_of(y), indices.numpy()


def max_pool_backward(grad_y, indices, input_size):
    """Compute the gradient of x: the function that automatic differentiation calls."""
    operands = [tensor(array) for array in (grad_y, np.zeros(input_size, grad_y.dtype), indices)]
    if len(input_size) == 3:  # an image of one row, as in `max_pool1d`
        operands = [operand.unsqueeze(2) for operand in operands]
    grad, x, places = operands
    kernel_size, padding = _any_window(x.shape[2:], grad.shape[2:])
    ones = [1] * len(kernel_size)
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    if len(input_size) == 5:
        backward = torch.ops.aten.max_pool3d_with_indices_backward
    grad_x = backward(grad, x, kernel_size, ones, padding, ones, False, places)
    return array_of(grad_x.reshape(input_size))


def max_unpool(x, indices, output_size):
    """Compute y."""
    with _in_any_order():
        return value(_max_unpool, x, indices, output_size=output_size)


def max_unpool_backward(grad_y, indices):
    """Compute the gradient of x."""
    x = np.zeros(indices.shape, grad_y.dtype)
    parameters = {"indices": tensor(indices), "output_size": grad_y.shape}
    with _in_any_order():
        return gradients(_max_unpool, grad_y, x, **parameters)[0]


def avg_pool(x, kernel_size, **parameters):
    """Compute y."""
    return value(_avg_pool, x, kernel_size=kernel_size, **parameters)


def avg_pool_backward(grad_y, input_size, kernel_size, **parameters):
    """Compute the gradient of x."""
    x = np.zeros(input_size, grad_y.dtype)
    return gradients(_avg_pool, grad_y, x, kernel_size=kernel_size, **parameters)[0]


def _avg_pool(x, kernel_size, *, stride, padding, ceil_mode, count_include_pad):
    function = AVG_POOLS[len(kernel_size) - 1]
    padding = sides(padding, kernel_size, [1] * len(kernel_size))
    return function(x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def _max_unpool(x, indices, output_size):
    function = MAX_UNPOOLS[x.ndim - 3]
    size = list(output_size[2:])
    kernel_size = [n - o + 1 for n, o in zip(size, x.shape[2:], strict=True)]
    return function(x, indices, kernel_size, [1] * len(size), 0, size)


@contextmanager
def _in_any_order():
    """Allow what has no deterministic algorithm."""
    torch.set_deterministic_debug_mode("default")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode("error")


def _any_window(input_size, output_size):
    """Find a window and a padding that lead from one size to the other: only sizes count."""
    both = list(zip(input_size, output_size, strict=True))
    kernel_size = [n - o + 1 if o <= n else 2 for n, o in both]
    return kernel_size, [0 if o <= n else 1 for n, o in both]


def of_several_nan(x, kernel_size, **parameters):
    """Mark the windows with a NaN, of which another may have the index."""
    y, _ = max_pool(x, kernel_size, **parameters)
    return np.where(np.isnan(y), np.inf, 0.0)


def more_positions_than_cells(grad_y, indices, input_size):
    """Tell what no window leads to: more positions than a padding of half of it makes."""
    axes = zip(grad_y.shape[2:], input_size[2:], strict=True)
    return np.inf if any(positions > cells + 1 for positions, cells in axes) else 0.0
