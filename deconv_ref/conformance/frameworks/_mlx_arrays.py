"""Lines that every family of the MLX adapter shares: arrays, gradients, layouts."""

from functools import partial

import mlx.core as mx
import numpy as np

from deconv_ref.conformance.frameworks._differentiated import (
    by_size,
    in_prediction,
    in_weights,
    in_x,
    in_x_and_slope,
)

mx.set_default_device(mx.cpu)


def tensor(array):
    """Copy an array in its own dtype, which is not the default; None stays None."""
    if array is None:
        return None
    array = np.array(array, order="C")
    if array.dtype.name == "bfloat16":  # which is none of NumPy's own
        return mx.array(array.view(np.uint16)).view(mx.bfloat16)
    return mx.array(array, getattr(mx, str(array.dtype)))


def array_of(y):
    """Copy one of MLX's arrays."""
    if y.dtype == mx.bfloat16:
        return np.array(y.view(mx.uint16)).view("bfloat16")
    return np.array(y)


def value(function, *arrays, **parameters):
    """Call a function of MLX's arrays with arrays."""
    return array_of(function(*map(tensor, arrays), **parameters))


def gradients(function, grad_y, *arrays, **parameters):
    """Differentiate a function automatically, with respect to each array."""
    operands = list(map(tensor, arrays))
    call = partial(function, **parameters)
    y = call(*operands)
    grad = tensor(grad_y) if np.ndim(grad_y) else mx.full(y.shape, float(grad_y), y.dtype)
    return tuple(map(array_of, mx.vjp(call, operands, [grad])[1]))


def channels_last(x):
    """Move channels to the end, where MLX has them."""
    return mx.moveaxis(x, 1, -1)


def channels_first(y):
    """Move channels back."""
    return mx.moveaxis(y, -1, 1)


of_x = partial(in_x, value, gradients)
of_x_and_slope = partial(in_x_and_slope, value, gradients)
of_size = partial(by_size, value, gradients)
of_weights = partial(in_weights, value, gradients)
of_prediction = partial(in_prediction, tensor, value, gradients)
