"""Structural similarity as somebody might write it in NumPy: deviations from the mean, squared.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

np.seterr(all="ignore")


def ssim(x, y, *, data_range, window, k1, k2):
    """Compute the mean similarity."""
    a1, a2, b1, b2 = factors(x, y, data_range, window, k1, k2)
    return values(a1, a2, b1, b2).mean().astype(x.dtype)


def ssim_loss(prediction, target, *, data_range, window, k1, k2, reduction):
    """Compute the loss."""
    loss = 1 - values(*factors(prediction, target, data_range, window, k1, k2))
    reduce = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction]
    return reduce(loss).astype(prediction.dtype)


def ssim_loss_backward(prediction, target, *, data_range, window, k1, k2, reduction, grad_loss):
    """Compute the gradient of prediction."""
    x, y = prediction.astype(np.float64), target.astype(np.float64)
    a1, a2, b1, b2 = factors(prediction, target, data_range, window, k1, k2)
    weight = weights(window, x.shape[2:])
    mean_x, mean_y = averages(x, weight), averages(y, weight)
    similarity, below = a1 * a2 / (b1 * b2), b1 * b2
    offset = (a2 - a1) * mean_y / below - similarity * mean_x * (1 / b1 - 1 / b2)
    grad = np.asarray(grad_loss, np.float64)
    grad = grad.reshape(grad.shape + (1,) * (x.ndim - grad.ndim))
    count = similarity[0, 0].size if x.shape[0] else 1
    if reduction == "mean":
        count *= x.shape[0] * x.shape[1]
    grad_x = spread(offset, weight) + y * spread(a1 / below, weight)
    grad_x -= x * spread(similarity / b2, weight)
    return (-2 * grad * grad_x / count).astype(prediction.dtype)


def factors(x, y, data_range, window, k1, k2):
    """Compute the four factors of the similarity in every window."""
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    x, y, weight = x.astype(np.float64), y.astype(np.float64), weights(window, x.shape[2:])
    mean_x, mean_y = averages(x, weight), averages(y, weight)
    a1, b1 = 2 * mean_x * mean_y + c1, mean_x**2 + mean_y**2 + c1
    a2 = 2 * covariance(x, y, weight) + c2
    b2 = covariance(x, x, weight) + covariance(y, y, weight) + c2
    return a1, a2, b1, b2


def values(a1, a2, b1, b2):
    """Average over the windows of an image."""
    similarity = a1 * a2 / (b1 * b2)
    return similarity.mean(tuple(range(2, similarity.ndim)))


def weights(window, size):
    """Weigh the cells of a window."""
    if window is None:
        return np.full(size, 1 / np.prod(size))
    bell = gaussian()
    weight = np.ones(())
    for _ in size:
        weight = np.multiply.outer(weight, bell)
    return weight


def gaussian():
    """Weigh the eleven cells of an axis."""
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    return bell / bell.sum()


def averages(x, weight):
    """Average x in every window."""
    views = sliding_window_view(x, weight.shape, tuple(range(2, x.ndim)))
    return (views * weight).sum(tuple(range(-weight.ndim, 0)))


def covariance(x, y, weight):
    """Average the products of deviations in every window."""
    axes = tuple(range(2, x.ndim))
    every = (..., *[None] * weight.ndim)
    from_x = sliding_window_view(x, weight.shape, axes) - averages(x, weight)[every]
    from_y = sliding_window_view(y, weight.shape, axes) - averages(y, weight)[every]
    return (from_x * from_y * weight).sum(tuple(range(-weight.ndim, 0)))


def spread(slopes, weight):
    """Give each cell the slopes of the windows that hold it: the transpose of averages."""
    margins = [(n - 1, n - 1) for n in weight.shape]
    return averages(np.pad(slopes, [(0, 0), (0, 0), *margins]), np.flip(weight))
