"""Lines that every family of the PaddlePaddle adapter shares: tensors, gradients, padding."""

from functools import partial

import numpy as np
import paddle

from deconv_ref.conformance.frameworks._differentiated import (
    by_size,
    in_prediction,
    in_weights,
    in_x,
    in_x_and_slope,
)
from deconv_ref.conformance.frameworks._translation import pairs

paddle.set_device("cpu")


def tensor(array):
    """Copy an array; None stays None."""
    return None if array is None else paddle.to_tensor(np.array(array, order="C"))


def value(function, *arrays, **parameters):
    """Call a function of tensors with arrays."""
    return function(*map(tensor, arrays), **parameters).numpy()


def gradients(function, grad_y, *arrays, **parameters):
    """Differentiate a function of tensors automatically, with respect to each array."""
    operands = list(map(tensor, arrays))
    for operand in operands:
        operand.stop_gradient = False
    y = function(*operands, **parameters)
    grad = tensor(grad_y) if np.ndim(grad_y) else paddle.full_like(y, float(grad_y))
    return tuple(g.numpy() for g in paddle.grad(y, operands, grad))


def sides(padding, kernel_size, dilation):
    """Write the padding as one number before and one after each axis."""
    return [side for pair in pairs(padding, kernel_size, dilation) for side in pair]


of_x = partial(in_x, value, gradients)
of_x_and_slope = partial(in_x_and_slope, value, gradients)
of_size = partial(by_size, value, gradients)
of_weights = partial(in_weights, value, gradients)
of_prediction = partial(in_prediction, tensor, value, gradients)
