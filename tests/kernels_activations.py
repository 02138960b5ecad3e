"""Activations as somebody might write them in plain NumPy, in formulas that keep small numbers.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import math

import numpy as np

ROOT_2, ROOT_2_PI = math.sqrt(2), math.sqrt(2 * math.pi)
FAR = 1000.0  # every function here has come to its limit

erfc = np.vectorize(math.erfc, otypes=[np.float64])


def relu(x):
    """Compute y."""
    return np.maximum(x, 0)


def relu_backward(grad_y, x):
    """Compute the gradient of x."""
    return rectified_gradient(grad_y, x, 0)


def leaky_relu(x, negative_slope):
    """Compute y."""
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_backward(grad_y, x, negative_slope):
    """Compute the gradient of x."""
    return rectified_gradient(grad_y, x, negative_slope)


def rectified_gradient(grad_y, x, slope):
    """Compute the gradient of x; a slope of 0 leaves nothing of infinities."""
    below = np.where(np.isnan(grad_y), grad_y, 0) if slope == 0 else slope * grad_y
    return np.where(np.isnan(x), np.nan, np.where(x > 0, grad_y, below))


def prelu(x, slope):
    """Compute y."""
    return np.where(x > 0, x, by_channel(slope, x) * x)


def prelu_backward(grad_y, x, slope):
    """Compute the gradients of x and slope."""
    grad_x = np.where(x > 0, grad_y, by_channel(slope, x) * grad_y)
    terms = np.where(x > 0, 0, grad_y * x)
    per_channel = terms.sum(axis=tuple(axis for axis in range(x.ndim) if axis != 1))
    grad_slope = per_channel if len(slope) == x.shape[1] else per_channel.sum(keepdims=True)
    return np.where(np.isnan(x), np.nan, grad_x), grad_slope


def by_channel(slope, x):
    """View slopes so that they go with the channels of x."""
    return slope.reshape(-1, *[1] * (x.ndim - 2))


def elu(x, alpha):
    """Compute y."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_backward(grad_y, x, alpha):
    """Compute the gradient of x."""
    return np.where(x > 0, grad_y, grad_y * alpha * np.exp(np.minimum(x, 0)))


def sigmoid(x):
    """Compute y."""
    return logistic(x)


def logistic(x):
    """Compute 1 / (1 + e^-x)."""
    e = np.exp(-np.abs(x))
    return np.where(x > 0, 1, e) / (1 + e)


def sigmoid_backward(grad_y, x):
    """Compute the gradient of x."""
    return grad_y * logistic(x) * logistic(-x)


def tanh(x):
    """Compute y."""
    return np.tanh(x)


def tanh_backward(grad_y, x):
    """Compute the gradient of x."""
    e = np.exp(-2 * np.abs(x))
    return grad_y * (4 * e / (1 + e) ** 2)


def softplus(x):
    """Compute y."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(grad_y, x):
    """Compute the gradient of x."""
    return grad_y * logistic(x)


def gelu(x):
    """Compute y."""
    return np.maximum(x, -FAR) * normal_cdf(x)


def gelu_backward(grad_y, x):
    """Compute the gradient of x."""
    near = np.clip(x, -FAR, FAR)
    return grad_y * (normal_cdf(x) + near * np.exp(-near * near / 2) / ROOT_2_PI)


def normal_cdf(x):
    """Compute the distribution function of the standard normal."""
    return (erfc(-x / ROOT_2) / 2).astype(x.dtype)


def silu(x):
    """Compute y."""
    return np.maximum(x, -FAR) * logistic(x)


def silu_backward(grad_y, x):
    """Compute the gradient of x."""
    s = logistic(x)
    return grad_y * (s + np.clip(x, -FAR, FAR) * s * logistic(-x))


def softmax(x, axis):
    """Compute y."""
    return probabilities(x, axis)


def probabilities(x, axis):
    """Normalize the exponentials of lines."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_backward(grad_y, x, axis):
    """Compute the gradient of x: the sum over j of y_k y_j (grad_y_k - grad_y_j)."""
    y, g = lines_last(probabilities(x, axis), axis), lines_last(grad_y, axis)
    terms = y[..., None, :] * (g[..., :, None] - g[..., None, :])
    return np.moveaxis(y * terms.sum(axis=-1), -1, axis)


def log_softmax(x, axis):
    """Compute y: the largest logit has an exponential of 1, the others may be lost beside it."""
    m = x.max(axis=axis, keepdims=True)
    e = np.exp(x - m)
    np.put_along_axis(e, x.argmax(axis=axis, keepdims=True), 0, axis)
    return (x - m) - np.log1p(e.sum(axis=axis, keepdims=True)) + 0 * m  # NaN if m is not finite


def log_softmax_backward(grad_y, x, axis):
    """Compute the gradient of x: the sum over j of y_j grad_y_k - y_k grad_y_j."""
    y, g = lines_last(probabilities(x, axis), axis), lines_last(grad_y, axis)
    terms = y[..., None, :] * g[..., :, None] - y[..., :, None] * g[..., None, :]
    return np.moveaxis(terms.sum(axis=-1), -1, axis)


def lines_last(array, axis):
    """View an array with one of its axes last."""
    return np.moveaxis(array, axis, -1)
