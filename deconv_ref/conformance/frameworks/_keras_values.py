"""Operators of Keras that work on single values, on rows or on channels."""

import keras
import numpy as np
from keras import ops

from deconv_ref.conformance.frameworks._keras_backend import backward, elementwise, forward

relu, relu_backward = elementwise(ops.relu)
sigmoid, sigmoid_backward = elementwise(ops.sigmoid)
tanh, tanh_backward = elementwise(ops.tanh)
softplus, softplus_backward = elementwise(ops.softplus)
silu, silu_backward = elementwise(ops.silu)


def gelu(x):
    """Compute y."""
    return forward(ops.gelu, x, approximate=False)


def gelu_backward(grad_y, x):
    """Compute the gradient of x."""
    return backward(ops.gelu, grad_y, x, approximate=False)


def elu(x, alpha=1.0):
    """Compute y."""
    return forward(ops.elu, x, alpha=alpha)


def elu_backward(grad_y, x, alpha=1.0):
    """Compute the gradient of x."""
    return backward(ops.elu, grad_y, x, alpha=alpha)


def leaky_relu(x, negative_slope=0.01):
    """Compute y."""
    return forward(ops.leaky_relu, x, negative_slope=negative_slope)


def leaky_relu_backward(grad_y, x, negative_slope=0.01):
    """Compute the gradient of x."""
    return backward(ops.leaky_relu, grad_y, x, negative_slope=negative_slope)


def prelu(x, slope):
    """Compute y."""
    return forward(_prelu, x, slope)


def prelu_backward(grad_y, x, slope):
    """Compute the gradients of x and slope."""
    return backward(_prelu, grad_y, x, slope)


def softmax(x, axis=1):
    """Compute y."""
    return forward(ops.softmax, x, axis=axis)


def softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return backward(ops.softmax, grad_y, x, axis=axis)


def log_softmax(x, axis=1):
    """Compute y."""
    return forward(ops.log_softmax, x, axis=axis)


def log_softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return backward(ops.log_softmax, grad_y, x, axis=axis)


def linear(x, weight, bias=None):
    """Compute y."""
    return forward(_linear, x, weight, bias)


def linear_backward(grad_y, x, weight):
    """Compute the gradients of x, weight and bias."""
    return backward(_linear, grad_y, x, weight, np.zeros(len(weight), weight.dtype))


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5):
    """Compute y."""
    parameters = {"training": training, "epsilon": epsilon}
    return forward(_batch_norm, x, gamma, beta, running_mean, running_var, **parameters)


def l1_penalty(weight, strength):
    """Compute the penalty."""
    return forward(keras.regularizers.L1(strength), weight)


def l1_penalty_backward(weight, strength):
    """Compute the gradient of weight."""
    return backward(keras.regularizers.L1(strength), 1.0, weight)


def l2_penalty(weight, strength):
    """Compute the penalty."""
    return forward(keras.regularizers.L2(strength), weight)


def l2_penalty_backward(weight, strength):
    """Compute the gradient of weight."""
    return backward(keras.regularizers.L2(strength), 1.0, weight)


def _prelu(x, slope):
    shared = range(1 if len(slope) == 1 else 2, x.ndim)
    dtype = keras.backend.standardize_dtype(x.dtype)
    layer = keras.layers.PReLU(shared_axes=list(shared) or None, dtype=dtype)
    layer.build(tuple(x.shape))
    alpha = ops.reshape(slope, layer.alpha.shape)
    return layer.stateless_call([alpha], [], x)[0]


def _linear(x, weight, bias):
    y = ops.matmul(x, ops.transpose(weight))
    return y if bias is None else ops.add(y, bias)


def _batch_norm(x, gamma, beta, mean, variance, training, epsilon):
    if training:
        mean, variance = ops.moments(x, [0, *range(2, x.ndim)])
    return ops.batch_normalization(x, mean, variance, 1, beta, gamma, epsilon)
