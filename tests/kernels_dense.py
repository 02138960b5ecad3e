"""Dense layers, batch normalization and dropout, as somebody might write them in NumPy.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import numpy as np


def linear(x, weight, bias=None):
    """Compute y."""
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(grad_y, x, weight):
    """Compute the gradients of x, weight and bias."""
    grads, rows = by_row(grad_y), by_row(x)
    return grad_y @ weight, grads.T @ rows, grads.sum(axis=0)


def by_row(array):
    """Join all axes but the last."""
    return array.reshape(int(np.prod(array.shape[:-1])), array.shape[-1])


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum, epsilon):
    """Compute y, the next running statistics, and the mean and inverse deviation used."""
    mean, var = statistics(x) if training else (running_mean, running_var)
    with np.errstate(all="ignore"):
        inv_std = 1 / np.sqrt(var + x.dtype.type(epsilon))
        y = along(gamma, x) * (x - along(mean, x)) * along(inv_std, x) + along(beta, x)
    if training:
        count = x.size // x.shape[1]
        running_mean = remembered(running_mean, mean, momentum)
        running_var = remembered(running_var, var * count / (count - 1), momentum)
    return y, running_mean.copy(), running_var.copy(), mean.copy(), inv_std


def batch_norm_backward(grad_y, x, gamma, saved_mean, saved_inv_std, *, training):
    """Compute the gradients of x, gamma and beta."""
    axes = (0, *range(2, x.ndim))
    z = (x - along(saved_mean, x)) * along(saved_inv_std, x)
    grad_gamma, grad_beta = (grad_y * z).sum(axes), grad_y.sum(axes)
    moved = grad_y
    if training and x.size:
        count = x.size // x.shape[1]
        moved = grad_y - along(grad_beta / count, x) - z * along(grad_gamma / count, x)
    return along(gamma * saved_inv_std, x) * moved, grad_gamma, grad_beta


def statistics(x):
    """Compute the mean and the biased variance of every channel."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    return mean, ((x - along(mean, x)) ** 2).mean(axes)


def remembered(old, new, momentum):
    """Compute the next running statistic."""
    return (1 - momentum) * old + momentum * new


def along(vector, x):
    """Reshape one value per channel for arithmetic with x."""
    return vector.reshape(-1, *[1] * (x.ndim - 2))


def dropout(x, rate, *, mask):
    """Compute y."""
    return x * mask / x.dtype.type(1 - rate)


def dropout_backward(grad_y, rate, *, mask):
    """Compute the gradient of x."""
    return grad_y * mask / grad_y.dtype.type(1 - rate)
