"""Losses of Keras, which average over the last axis unless told where the values are."""

from deconv_ref.conformance.frameworks._allowances import roundoff
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._keras_backend import backward, forward
from deconv_ref.conformance.frameworks._loss_differences import FEW, of_slopes, of_values

# isort: split
import keras
import numpy as np
from keras import ops

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


def _limits(dtype):
    """Give the numbers between which probabilities are held, as they are in a dtype."""
    epsilon = keras.config.epsilon()
    return float(dtype.type(epsilon)), float(dtype.type(1 - epsilon))


def _held(x, t, dtype):
    held = np.clip(x, *_limits(dtype))
    for_1 = np.where(t > 0, t * np.abs(np.log(x) - np.log(held)), 0)
    for_0 = np.where(t < 1, (1 - t) * np.abs(np.log1p(-x) - np.log1p(-held)), 0)
    rounded = FEW * roundoff(dtype)
    return (for_1 + for_0) * (1 + 2 * rounded) + rounded * (1 - t)  # the last for log(1 - x)


def _held_slopes(x, t, dtype):
    slopes = np.where(t < 1, (1 - t) / (1 - x), 0) - np.where(t > 0, t / x, 0)
    lost = np.where(np.isnan(x - t), np.inf, np.abs(slopes))
    return np.where(x == np.clip(x, *_limits(dtype)), 0, lost)


def _scaled(x, t, dtype):
    scaled = x / x.sum(1, keepdims=True)
    held = np.clip(scaled, *_limits(dtype))
    moved = np.abs(np.where(t > 0, t * (np.log(x) - np.log(held)), 0).sum(1))
    rounded = (x.shape[1] + FEW) * roundoff(dtype) * t.sum(1)
    return np.where(np.isnan(held).any(1), np.inf, moved + rounded)


def _scaled_slopes(x, t, dtype):
    total = x.sum(1, keepdims=True)
    scaled, unit = x / total, (x.shape[1] + FEW) * roundoff(dtype)
    own, limits = np.where(t > 0, t / x, 0), _limits(dtype)
    kept = (limits[0] <= scaled) & (scaled <= limits[1])
    unsure = np.minimum(*(np.abs(scaled - limit) for limit in limits)) <= unit
    shared = (t * (kept | unsure)).sum(1, keepdims=True) / total
    lost = own * (~kept | unsure) + shared + unit * (own + shared)
    return np.where(np.isnan(scaled).any(1, keepdims=True), np.inf, lost)


HELD = Difference("predictions are held between 1e-7 and 1 - 1e-7", of_values(_held))
HELD_SLOPES = Difference(HELD.reason, of_slopes(_held_slopes))
SCALED = Difference("predictions are scaled to sum to 1, then held likewise", of_values(_scaled))
SCALED_SLOPES = Difference(SCALED.reason, of_slopes(_scaled_slopes, along=True))
