"""Operators of TensorFlow that work on single values, on rows or on channels."""

from functools import partial

import numpy as np
import tensorflow as tf

from deconv_ref.conformance.frameworks._tensorflow_tape import (
    backward,
    channels_first,
    channels_last,
    elementwise,
    forward,
)

relu, relu_backward = elementwise(tf.nn.relu)
sigmoid, sigmoid_backward = elementwise(tf.nn.sigmoid)
tanh, tanh_backward = elementwise(tf.nn.tanh)
softplus, softplus_backward = elementwise(tf.nn.softplus)
silu, silu_backward = elementwise(tf.nn.silu)


def gelu(x):
    """Compute y."""
    return forward(tf.nn.gelu, x, approximate=False)


def gelu_backward(grad_y, x):
    """Compute the gradient of x."""
    return backward(tf.nn.gelu, grad_y, x, approximate=False)


def elu(x, alpha=1.0):
    """Compute y."""
    return forward(tf.nn.elu, x)


def elu_backward(grad_y, x, alpha=1.0):
    """Compute the gradient of x."""
    return backward(tf.nn.elu, grad_y, x)


def leaky_relu(x, negative_slope=0.01):
    """Compute y."""
    return forward(tf.nn.leaky_relu, x, alpha=negative_slope)


def leaky_relu_backward(grad_y, x, negative_slope=0.01):
    """Compute the gradient of x."""
    return backward(tf.nn.leaky_relu, grad_y, x, alpha=negative_slope)


def softmax(x, axis=1):
    """Compute y."""
    return forward(tf.nn.softmax, x, axis=axis)


def softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return backward(tf.nn.softmax, grad_y, x, axis=axis)


def log_softmax(x, axis=1):
    """Compute y."""
    return forward(tf.nn.log_softmax, x, axis=axis)


def log_softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return backward(tf.nn.log_softmax, grad_y, x, axis=axis)


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


def binary_cross_entropy_with_logits(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return forward(_sigmoid_cross_entropy, prediction, target, reduction=reduction)


def binary_cross_entropy_with_logits_backward(
    prediction, target, *, reduction="mean", grad_loss=1.0
):
    """Compute the gradient of prediction."""
    loss = partial(_sigmoid_cross_entropy, target=tf.constant(target), reduction=reduction)
    return backward(loss, grad_loss, prediction)


def softmax_cross_entropy(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return forward(_softmax_cross_entropy, prediction, target, reduction=reduction)


def softmax_cross_entropy_backward(prediction, target, *, reduction="mean", grad_loss=1.0):
    """Compute the gradient of prediction."""
    loss = partial(_softmax_cross_entropy, target=tf.constant(target), reduction=reduction)
    return backward(loss, grad_loss, prediction)


def l2_penalty(weight, strength):
    """Compute the penalty."""
    return forward(_l2_penalty, weight, strength=strength)


def l2_penalty_backward(weight, strength):
    """Compute the gradient of weight."""
    return backward(_l2_penalty, 1.0, weight, strength=strength)


def _linear(x, weight, bias):
    y = tf.tensordot(x, weight, [[-1], [1]])
    return y if bias is None else y + bias


def _batch_norm(x, gamma, beta, mean, variance, training, epsilon):
    x = channels_last(x)
    if training:
        mean, variance = tf.nn.moments(x, list(range(x.ndim - 1)))
    return channels_first(tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon))


def _sigmoid_cross_entropy(prediction, target, reduction):
    return _reduced(tf.nn.sigmoid_cross_entropy_with_logits(target, prediction), reduction)


def _softmax_cross_entropy(prediction, target, reduction):
    values = tf.nn.softmax_cross_entropy_with_logits(target, prediction, axis=1)
    return _reduced(values, reduction)


def _reduced(values, reduction):
    if reduction == "none":
        return values
    return tf.reduce_mean(values) if reduction == "mean" else tf.reduce_sum(values)


def _l2_penalty(weight, strength):
    return 2 * strength * tf.nn.l2_loss(weight)  # which is half the sum of squares
