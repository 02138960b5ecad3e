"""A file of pooling kernels as somebody might write one: tap by tap, over flat cells.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import functools
import math

import numpy as np


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y and the indices."""
    size = x.shape[2:]
    sides = pads(padding, size, kernel_size, stride, dilation)
    output = outputs(size, sides, kernel_size, stride, dilation, ceil_mode)
    y = np.full((*x.shape[:2], *output), -np.inf, x.dtype)
    indices = np.full(y.shape, -1)
    for places, inside in taps(size, output, sides, kernel_size, stride, dilation):
        cells = flat(x)[:, :, places]
        better = inside & ((indices < 0) | above(cells, y))
        y = np.where(better, cells, y)
        indices = np.where(better, places, indices)
    return y, indices


def above(cells, best):
    """Tell which cells replace the best so far: NaN is above all, the first of equals stays."""
    return (cells > best) | (np.isnan(cells) & ~np.isnan(best))


def max_pool_backward(grad_y, indices, input_size):
    """Compute the gradient of x."""
    grad_x = np.zeros((*input_size[:2], math.prod(input_size[2:])), grad_y.dtype)
    for n, c in np.ndindex(input_size[:2]):
        somewhere = indices[n, c] >= 0
        np.add.at(grad_x[n, c], indices[n, c][somewhere], grad_y[n, c][somewhere])
    return grad_x.reshape(input_size)


def max_unpool(x, indices, output_size):
    """Compute y."""
    y = np.zeros((*output_size[:2], math.prod(output_size[2:])), x.dtype)
    for n, c in np.ndindex(output_size[:2]):
        somewhere = indices[n, c] >= 0
        y[n, c, indices[n, c][somewhere]] = x[n, c][somewhere]  # of several, the last stays
    return y.reshape(output_size)


def max_unpool_backward(grad_y, indices):
    """Compute the gradient of x."""
    places = flat(indices)
    grad_x = np.zeros(places.shape, grad_y.dtype)
    for n, c in np.ndindex(indices.shape[:2]):
        last = np.full(math.prod(grad_y.shape[2:]) + 1, -1)
        last[places[n, c]] = positions = np.arange(places.shape[2])
        stays = (places[n, c] >= 0) & (last[places[n, c]] == positions)
        grad_x[n, c, stays] = grad_y[n, c].flat[places[n, c, stays]]
    return grad_x.reshape(indices.shape)


def avg_pool(x, kernel_size, *, stride, padding, ceil_mode, count_include_pad):
    """Compute y."""
    ones, size = (1,) * len(kernel_size), x.shape[2:]
    sides = pads(padding, size, kernel_size, stride, ones)
    output = outputs(size, sides, kernel_size, stride, ones, ceil_mode)
    y = np.zeros((*x.shape[:2], *output), x.dtype)
    for places, inside in taps(size, output, sides, kernel_size, stride, ones):
        y += np.where(inside, flat(x)[:, :, places], 0)
    with np.errstate(invalid="ignore"):
        return divided(y, counts(size, output, sides, kernel_size, stride, count_include_pad))


def avg_pool_backward(
    grad_y, input_size, kernel_size, *, stride, padding, ceil_mode, count_include_pad
):
    """Compute the gradient of x."""
    ones, size, output = (1,) * len(kernel_size), input_size[2:], grad_y.shape[2:]
    sides = pads(padding, size, kernel_size, stride, ones)
    divisor = counts(size, output, sides, kernel_size, stride, count_include_pad)
    shares = divided(grad_y, np.maximum(divisor, 1))
    return scattered(shares, size, sides, kernel_size, stride)


def avg_unpool(x, kernel_size, *, stride, padding, output_size):
    """Compute y."""
    size = unpooled(x.shape[2:], kernel_size, stride, padding, output_size)
    covers = scattered(np.ones((1, 1, *x.shape[2:])), size, padding, kernel_size, stride)
    return divided(scattered(x, size, padding, kernel_size, stride), np.maximum(covers, 1))


def avg_unpool_backward(grad_y, input_size, kernel_size, *, stride, padding):
    """Compute the gradient of x."""
    ones, size, output = (1,) * len(kernel_size), grad_y.shape[2:], input_size[2:]
    covers = scattered(np.ones((1, 1, *output)), size, padding, kernel_size, stride)
    shares = divided(grad_y, np.maximum(covers, 1))
    grad_x = np.zeros(input_size, grad_y.dtype)
    for places, inside in taps(size, output, padding, kernel_size, stride, ones):
        grad_x += np.where(inside, flat(shares)[:, :, places], 0)
    return grad_x


def divided(sums, counted):
    """Divide, in the dtype of the sums."""
    return sums / counted.astype(sums.dtype)


def flat(x):
    """Lay the spatial axes in a row."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def pads(padding, size, kernel_size, stride, dilation):
    """Write padding out as (before, after) per axis."""
    if not isinstance(padding, str):
        return padding
    sides = []
    for n, k, s, d in zip(size, kernel_size, stride, dilation, strict=True):
        reach = d * (k - 1) + 1
        total = max((-(-n // s) - 1) * s + reach - n, 0)
        sides.append(
            {
                "valid": (0, 0),
                "full": (reach - 1, reach - 1),
                "same": (total // 2, total - total // 2),
                "same_lower": (total - total // 2, total // 2),
            }[padding]
        )
    return sides


def outputs(size, sides, kernel_size, stride, dilation, ceil_mode):
    """Count the positions of the window on each axis."""
    output = []
    axes = zip(size, sides, kernel_size, stride, dilation, strict=True)
    for n, (before, after), k, s, d in axes:
        room = n + before + after - (d * (k - 1) + 1)
        positions = (math.ceil(room / s) if ceil_mode else room // s) + 1
        if ceil_mode and (positions - 1) * s >= n + before:
            positions -= 1
        output.append(positions)
    return output


def unpooled(size, kernel_size, stride, padding, output_size):
    """Find the spatial size of what is unpooled."""
    if output_size is not None:
        return output_size[2:]
    axes = zip(size, kernel_size, stride, padding, strict=True)
    return tuple((n - 1) * s + k - before - after for n, k, s, (before, after) in axes)


def taps(size, output, sides, kernel_size, stride, dilation):
    """Give the cell that each position meets, and whether there is one, tap by tap."""
    for tap in np.ndindex(*kernel_size):
        axes = zip(tap, output, sides, stride, dilation, strict=True)
        cells = [np.arange(o) * s + t * d - before for t, o, (before, _), s, d in axes]
        inside = [(a >= 0) & (a < n) for a, n in zip(cells, size, strict=True)]
        clipped = [np.clip(a, 0, n - 1) for a, n in zip(cells, size, strict=True)]
        places = np.ravel_multi_index(np.ix_(*clipped), size)
        yield places, functools.reduce(np.logical_and.outer, inside)


def counts(size, output, sides, kernel_size, stride, count_include_pad):
    """Count the cells of each window, those of the declared padding too if told."""
    if count_include_pad:
        size = tuple(n + before + after for n, (before, after) in zip(size, sides, strict=True))
        sides = [(0, 0)] * len(size)
    window = taps(size, output, sides, kernel_size, stride, (1,) * len(size))
    return sum(inside.astype(int) for _, inside in window)


def scattered(values, size, sides, kernel_size, stride):
    """Add each value to all the cells of its window."""
    total = np.zeros((*values.shape[:2], math.prod(size)), values.dtype)
    ones = (1,) * len(size)
    for places, inside in taps(size, values.shape[2:], sides, kernel_size, stride, ones):
        total[:, :, places[inside]] += values[:, :, inside]
    return total.reshape(*values.shape[:2], *size)
