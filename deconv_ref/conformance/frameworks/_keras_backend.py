"""What the operators of Keras share: its backend, arrays in and out, layouts and gradients."""

import os
from importlib.util import find_spec

BACKENDS = ("tensorflow", "jax", "torch")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", next(filter(find_spec, BACKENDS), BACKENDS[0]))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")

    def differentiate(function, operands, grad_y):
        """Compute the gradients of all operands."""
        with tf.GradientTape() as tape:
            tape.watch(operands)
            y = function(*operands)
        return tape.gradient(y, operands, ops.broadcast_to(grad_y, y.shape))

elif keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")

    def differentiate(function, operands, grad_y):
        """Compute the gradients of all operands."""
        y, pull = jax.vjp(function, *operands)
        return pull(ops.broadcast_to(grad_y, y.shape))

else:
    import torch

    def differentiate(function, operands, grad_y):
        """Compute the gradients of all operands."""
        y = function(*(operand.requires_grad_() for operand in operands))
        return torch.autograd.grad(y, operands, ops.broadcast_to(grad_y, y.shape))


def forward(function, *operands, **parameters):
    """Call a function of tensors on arrays; an operand may be None."""
    tensors = [operand if operand is None else _tensor(operand) for operand in operands]
    return ops.convert_to_numpy(function(*tensors, **parameters))


def backward(function, grad_y, *operands, **parameters):
    """Differentiate a function of tensors with respect to all its operands, or its only one."""
    grad_y = _tensor(np.asarray(grad_y, operands[0].dtype))  # a number, for losses
    tensors = [_tensor(operand) for operand in operands]
    results = differentiate(lambda *given: function(*given, **parameters), tensors, grad_y)
    results = tuple(map(ops.convert_to_numpy, results))
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
    return ops.moveaxis(x, 1, -1)


def channels_first(y):
    """Put the channels before the spatial axes."""
    return ops.moveaxis(y, -1, 1)


def is_explicit(padding):
    """Tell pairs from the strings."""
    return not isinstance(padding, str)


def _tensor(array):
    return ops.convert_to_tensor(array, str(array.dtype))
