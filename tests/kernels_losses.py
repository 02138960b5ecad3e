"""Losses as somebody might write them in NumPy, so that small losses keep their digits.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import numpy as np

np.seterr(all="ignore")


def mse(prediction, target, *, reduction):
    """Compute the loss."""
    return reduced((prediction - target) ** 2, reduction)


def mse_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    return chained(2 * (prediction - target), reduction, grad_loss)


def mae(prediction, target, *, reduction):
    """Compute the loss."""
    return reduced(np.abs(prediction - target), reduction)


def mae_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    return chained(np.sign(prediction - target), reduction, grad_loss)


def huber(prediction, target, *, delta, reduction):
    """Compute the loss."""
    delta = prediction.dtype.type(delta)
    far = np.abs(prediction - target)
    return reduced(np.where(far <= delta, far * far / 2, delta * (far - delta / 2)), reduction)


def huber_backward(prediction, target, *, delta, reduction, grad_loss):
    """Compute the gradient of prediction."""
    delta = prediction.dtype.type(delta)
    return chained(np.clip(prediction - target, -delta, delta), reduction, grad_loss)


def binary_cross_entropy(prediction, target, *, reduction):
    """Compute the loss."""
    one, other = times(target, np.log(prediction)), times(1 - target, np.log1p(-prediction))
    return reduced(-(one + other), reduction)


def binary_cross_entropy_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    one = np.where(target == 0, prediction * 0, target / prediction)
    other = np.where(target == 1, prediction * 0, (1 - target) / (1 - prediction))
    return chained(other - one, reduction, grad_loss)


def binary_cross_entropy_with_logits(prediction, target, *, reduction):
    """Compute the loss."""
    weight = np.where(prediction > 0, 1 - target, target)
    small = np.log1p(np.exp(-np.abs(prediction)))
    return reduced(times(weight, np.abs(prediction)) + small, reduction)


def binary_cross_entropy_with_logits_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    slope = (1 - target) * sigmoid(prediction) - target * sigmoid(-prediction)
    return chained(slope, reduction, grad_loss)


def categorical_cross_entropy(prediction, target, *, reduction):
    """Compute the loss."""
    return reduced(-times(target, np.log(prediction)).sum(1), reduction)


def categorical_cross_entropy_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    slope = np.where((target == 0) & (prediction == 0), 0, -target / prediction)
    return chained(slope.astype(prediction.dtype), reduction, grad_loss, along=True)


def softmax_cross_entropy(prediction, target, *, reduction):
    """Compute the loss."""
    below, _, rest = exponentials(prediction)
    return reduced(times(target, np.log1p(rest) - below).sum(1), reduction)


def softmax_cross_entropy_backward(prediction, target, *, reduction, grad_loss):
    """Compute the gradient of prediction."""
    _, e, rest = exponentials(prediction)
    p = e / (1 + rest)
    return chained(p * others(target) - target * others(p), reduction, grad_loss, along=True)


def l1_penalty(weight, strength):
    """Compute the penalty."""
    return weight.dtype.type(strength) * np.abs(weight).sum()


def l1_penalty_backward(weight, strength):
    """Compute the gradient of weight."""
    return weight.dtype.type(strength) * np.sign(weight)


def l2_penalty(weight, strength):
    """Compute the penalty."""
    return weight.dtype.type(strength) * (weight * weight).sum()


def l2_penalty_backward(weight, strength):
    """Compute the gradient of weight."""
    return weight.dtype.type(2 * strength) * weight


def reduced(values, reduction):
    """Average, add up, or leave the losses."""
    if reduction == "none":
        return values
    total = values.sum()
    return total if reduction == "sum" else total / values.dtype.type(values.size)


def chained(slope, reduction, grad_loss, along=False):
    """Multiply by the gradient of the reduced loss, one for a line of slopes where `along`."""
    grad = np.asarray(grad_loss, slope.dtype)
    if along and grad.ndim:
        grad = np.expand_dims(grad, 1)
    count = slope.size // (slope.shape[1] if along else 1)
    slope = slope * grad
    return slope / slope.dtype.type(count) if reduction == "mean" else slope


def times(weight, value):
    """Multiply; 0 times infinity is 0."""
    return np.where((weight == 0) & np.isinf(value), weight, weight * value)


def sigmoid(x):
    """Evaluate the sigmoid without an overflow on the way."""
    e = np.exp(-np.abs(x))
    return np.where(x > 0, 1, e) / (1 + e)


def exponentials(x):
    """Give x - m, its exponentials, and their sum but for that of the largest, which is 1."""
    below = x - x.max(1, keepdims=True)
    e = np.exp(below)
    first = np.expand_dims(e.argmax(1), 1)
    rest = e.copy()
    np.put_along_axis(rest, first, 0 * np.take_along_axis(e, first, 1), 1)
    return below, e, rest.sum(1, keepdims=True)


def others(values):
    """Add up all of a line but one, for each."""
    kept = [np.delete(values, k, 1).sum(1) for k in range(values.shape[1])]
    return np.stack(kept, 1)
