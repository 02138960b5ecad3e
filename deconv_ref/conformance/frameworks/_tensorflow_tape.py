"""What the operators of TensorFlow share: arrays in and out, layouts, paddings and the tape."""

import numpy as np
import tensorflow as tf

from deconv_ref.conformance.frameworks._translation import pairs

LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def forward(function, *operands, **parameters):
    """Call a function of tensors on arrays; an operand may be None."""
    tensors = [operand if operand is None else tf.constant(operand) for operand in operands]
    return np.asarray(function(*tensors, **parameters))


def backward(function, grad_y, *operands, **parameters):
    """Differentiate a function of tensors with respect to all its operands, or its only one."""
    tensors = [tf.constant(operand) for operand in operands]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors, **parameters)
    grad_y = tf.broadcast_to(tf.constant(grad_y, y.dtype), y.shape)  # a number, for losses
    results = tuple(map(np.asarray, tape.gradient(y, tensors, grad_y)))
    return results if len(results) > 1 else results[0]


def elementwise(function):
    """Make an operator, and its gradient, of a function that has no parameters."""

    def operator(x):
        return forward(function, x)

    def gradient(grad_y, x):
        return backward(function, grad_y, x)

    return operator, gradient


def channels_last(x):
    """Put the channels behind the spatial axes."""
    return tf.transpose(x, [0, *range(2, x.ndim), 1])


def channels_first(y):
    """Put the channels before the spatial axes."""
    return tf.transpose(y, [0, y.ndim - 1, *range(1, y.ndim - 1)])


def is_explicit(padding):
    """Tell pairs from the strings."""
    return not isinstance(padding, str)


def named_or_pairs(padding, kernel_size, dilation):
    """Spell our padding: VALID and SAME by name where they are meant, else pairs of all axes."""
    if padding in ("valid", "same"):
        return padding.upper()
    numbers = pairs(padding, kernel_size, dilation)
    return [(0, 0), *numbers, (0, 0)] if any(map(any, numbers)) else "VALID"
