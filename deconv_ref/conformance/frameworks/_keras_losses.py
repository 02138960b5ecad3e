"""Losses of Keras, which average over the last axis unless told where the values are."""

import keras
from keras import ops

from deconv_ref.conformance.frameworks._keras_backend import backward, forward

REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum", "none": "none"}


def mse(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_mse, prediction, target, **parameters)


def mse_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(_mse, prediction, target, grad_loss, parameters)


def mae(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_mae, prediction, target, **parameters)


def mae_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(_mae, prediction, target, grad_loss, parameters)


def huber(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_huber, prediction, target, **parameters)


def huber_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(_huber, prediction, target, grad_loss, parameters)


def binary_cross_entropy(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_binary, prediction, target, **parameters)


def binary_cross_entropy_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(_binary, prediction, target, grad_loss, parameters)


def binary_cross_entropy_with_logits(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_binary, prediction, target, from_logits=True, **parameters)


def binary_cross_entropy_with_logits_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    parameters = {"from_logits": True, **parameters}
    return _gradient(_binary, prediction, target, grad_loss, parameters)


def categorical_cross_entropy(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_categorical, prediction, target, **parameters)


def categorical_cross_entropy_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(_categorical, prediction, target, grad_loss, parameters)


def softmax_cross_entropy(prediction, target, **parameters):
    """Compute the loss."""
    return forward(_categorical, prediction, target, from_logits=True, **parameters)


def softmax_cross_entropy_backward(prediction, target, *, grad_loss=1.0, **parameters):
    """Compute the gradient of prediction."""
    parameters = {"from_logits": True, **parameters}
    return _gradient(_categorical, prediction, target, grad_loss, parameters)


def _mse(prediction, target, reduction="mean"):
    return _by_value(keras.losses.MeanSquaredError, prediction, target, reduction)


def _mae(prediction, target, reduction="mean"):
    return _by_value(keras.losses.MeanAbsoluteError, prediction, target, reduction)


def _huber(prediction, target, delta=1.0, reduction="mean"):
    return _by_value(keras.losses.Huber, prediction, target, reduction, delta=delta)


def _binary(prediction, target, from_logits=False, reduction="mean"):
    loss = keras.losses.BinaryCrossentropy
    return _by_value(loss, prediction, target, reduction, from_logits=from_logits)


def _categorical(prediction, target, from_logits=False, reduction="mean"):
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, axis=1, reduction=REDUCTIONS[reduction], dtype=_name(prediction)
    )
    return loss(target, prediction)


def _by_value(loss, prediction, target, reduction, **parameters):
    """Let the last axis, which is averaged whatever the reduction, be one of a single value."""
    loss = loss(reduction=REDUCTIONS[reduction], dtype=_name(prediction), **parameters)
    return loss(ops.expand_dims(target, -1), ops.expand_dims(prediction, -1))


def _name(x):
    return keras.backend.standardize_dtype(x.dtype)


def _gradient(function, prediction, target, grad_loss, parameters):
    target = ops.convert_to_tensor(target, str(target.dtype))

    def loss(prediction):
        return function(prediction, target, **parameters)

    return backward(loss, grad_loss, prediction)
