"""PyTorch's losses, and their gradients by automatic differentiation of the prediction."""

import torch
from torch.nn import functional

from deconv_ref.conformance.frameworks._torch_arrays import prepared, tensor, value


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
    loss = prepared(function)(prediction, tensor(target), **parameters)
    is_array = getattr(grad_loss, "shape", ()) != ()
    grad = tensor(grad_loss) if is_array else torch.full_like(loss, float(grad_loss))
    return torch.autograd.grad(loss, prediction, grad)[0].cpu().numpy()
