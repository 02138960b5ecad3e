"""Lines that every family of the tinygrad adapter shares: tensors, gradients, padding."""

from functools import partial

import numpy as np
from tinygrad import Tensor, dtypes

from deconv_ref.conformance.frameworks._differentiated import (
    by_size,
    in_prediction,
    in_weights,
    in_x,
    in_x_and_slope,
)
from deconv_ref.conformance.frameworks._translation import pairs


def tensor(array):
    """Copy an array; None stays None."""
    if array is None:
        return None
    array = np.array(array, order="C")
    if array.dtype.name == "bfloat16":  # which is none of NumPy's own
        return Tensor(array.view(np.uint16)).bitcast(dtypes.bfloat16)
    return Tensor(array)


def array_of(y):
    """Copy a tensor."""
    if y.dtype == dtypes.bfloat16:
        return y.bitcast(dtypes.uint16).numpy().view("bfloat16")
    return y.numpy()


def value(function, *arrays, **parameters):
    """Call a function of tensors with arrays."""
    return array_of(function(*map(tensor, arrays), **parameters))


def gradients(function, grad_y, *arrays, **parameters):
    """Differentiate a function of tensors automatically, with respect to each array."""
    operands = list(map(tensor, arrays))
    y = function(*operands, **parameters)
    grad = tensor(grad_y) if np.ndim(grad_y) else y.full_like(float(grad_y))
    return tuple(map(array_of, y.gradient(*operands, gradient=grad)))


def sides(padding, kernel_size, dilation):
    """Write the padding flat: before and after, the last axis first."""
    numbers = pairs(padding, kernel_size, dilation)
    return tuple(side for pair in reversed(numbers) for side in pair)


of_x = partial(in_x, value, gradients)
of_x_and_slope = partial(in_x_and_slope, value, gradients)
of_size = partial(by_size, value, gradients)
of_weights = partial(in_weights, value, gradients)
of_prediction = partial(in_prediction, tensor, value, gradients)
