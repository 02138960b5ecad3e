"""PyTorch's losses, and their gradients by automatic differentiation of the prediction."""

import numpy as np
import torch
from torch.nn import functional

from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._loss_differences import (
    FEW,
    anywhere,
    of_slopes,
    of_values,
    roundoff,
    sigmoid_less_target,
)
from deconv_ref.conformance.frameworks._torch_arrays import tensor, value


def mse(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return value(functional.mse_loss, prediction, target, reduction=reduction)


def mse_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(functional.mse_loss, prediction, target, **parameters)


def mae(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return value(functional.l1_loss, prediction, target, reduction=reduction)


def mae_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(functional.l1_loss, prediction, target, **parameters)


def huber(prediction, target, *, delta=1.0, reduction="mean"):
    """Compute the loss."""
    return value(functional.huber_loss, prediction, target, delta=delta, reduction=reduction)


def huber_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(functional.huber_loss, prediction, target, **parameters)


def binary_cross_entropy(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return value(functional.binary_cross_entropy, prediction, target, reduction=reduction)


def binary_cross_entropy_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(functional.binary_cross_entropy, prediction, target, **parameters)


def binary_cross_entropy_with_logits(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    function = functional.binary_cross_entropy_with_logits
    return value(function, prediction, target, reduction=reduction)


def binary_cross_entropy_with_logits_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    function = functional.binary_cross_entropy_with_logits
    return _gradient(function, prediction, target, **parameters)


def softmax_cross_entropy(prediction, target, *, reduction="mean"):
    """Compute the loss."""
    return value(functional.cross_entropy, prediction, target, reduction=reduction)


def softmax_cross_entropy_backward(prediction, target, **parameters):
    """Compute the gradient of prediction."""
    return _gradient(functional.cross_entropy, prediction, target, **parameters)


def _gradient(function, prediction, target, *, grad_loss=1.0, **parameters):
    prediction = tensor(prediction).requires_grad_()
    loss = function(prediction, tensor(target), **parameters)
    is_array = getattr(grad_loss, "shape", ()) != ()
    grad = tensor(grad_loss) if is_array else torch.full_like(loss, float(grad_loss))
    return torch.autograd.grad(loss, prediction, grad)[0].cpu().numpy()


def _clipped_logarithms(x, t, dtype):
    for_1, for_0 = np.maximum(-np.log(x) - 100, 0), np.maximum(-np.log1p(-x) - 100, 0)
    return np.where(t > 0, t * for_1, 0) + np.where(t < 1, (1 - t) * for_0, 0)


def _clipped_denominator(x, t, dtype):
    slopes = np.where(t < 1, (1 - t) / (1 - x), 0) - np.where(t > 0, t / x, 0)
    least = 1e-12
    return np.where(x * (1 - x) < least, np.abs(slopes - (x - t) / least), 0)


def _terms_of_negative_logits(x, t, dtype):
    return np.where(x < 0, FEW * roundoff(dtype) * (2 - t) * np.abs(x), 0)


def _nan_among_probabilities(prediction, target, **_):
    return np.inf if np.isnan(prediction).any() or np.isnan(target).any() else 0.0


NAN_GIVES_0 = Difference("NaN gives 0", of_slopes(anywhere(lambda x, t: np.isnan(x - t))))
CLIPPED_LOGARITHMS = Difference("logarithms are clipped at -100", of_values(_clipped_logarithms))
NAN_REFUSED = Difference("probabilities of NaN are refused", _nan_among_probabilities)
CLIPPED_DENOMINATOR = Difference(
    "the denominator x (1 - x) is clipped at 1e-12", of_slopes(_clipped_denominator)
)
LOSS_BELOW_ITS_TERMS = Difference(
    "(1 - t) x - log s(x) keeps no digits of a small loss of negative logits",
    of_values(_terms_of_negative_logits),
)
SIGMOID_LESS_TARGET = Difference(
    "the difference of sigmoid and target keeps no digits of a small gradient at target 1",
    of_slopes(sigmoid_less_target),
)
