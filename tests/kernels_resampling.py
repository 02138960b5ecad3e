"""A file of resampling and padding kernels as somebody might write one: axis by axis.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import math

import numpy as np

PADS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def upsample(x, scale_factor, *, mode, align_corners):
    """Compute y."""
    for axis, scale in enumerate(scale_factor, 2):
        n = x.shape[axis]
        if mode == "nearest":
            x = x.take(nearest_cells(n, scale), axis)
            continue
        lower, upper, f = neighbours(n, scale, align_corners)
        f = along(f.astype(x.dtype), axis, x.ndim)
        below, beyond = x.take(lower, axis), x.take(upper, axis)
        with np.errstate(invalid="ignore"):
            x = np.where(f == 0, below, (1 - f) * below + f * beyond)
    return x


def upsample_backward(grad_y, input_size, scale_factor, *, mode, align_corners):
    """Compute the gradient of x."""
    for axis, scale in enumerate(scale_factor, 2):
        n = input_size[axis]
        if mode == "nearest":
            grad_y = collect(grad_y, nearest_cells(n, scale), axis, n)
            continue
        lower, upper, f = neighbours(n, scale, align_corners)
        f = along(f.astype(grad_y.dtype), axis, grad_y.ndim)
        with np.errstate(invalid="ignore"):
            above = np.where(f == 0, 0, f * grad_y)
            grad_y = collect((1 - f) * grad_y, lower, axis, n) + collect(above, upper, axis, n)
    return grad_y


def nearest_cells(n, scale):
    """Give the cell that each output shows."""
    return np.floor((np.arange(math.floor(n * scale)) + 0.5) / scale).astype(int)


def neighbours(n, scale, align_corners):
    """Give the cells on both sides of each output, and the weight of the upper one."""
    outputs = math.floor(n * scale)
    source = (np.arange(outputs) + 0.5) / scale - 0.5
    if align_corners:
        source = np.arange(outputs) * ((n - 1) / max(outputs - 1, 1))
    source = np.clip(source, 0, n - 1)
    lower = np.floor(source).astype(int)
    return lower, np.minimum(lower + 1, n - 1), source - lower


def along(values, axis, ndim):
    """Lay values along an axis."""
    return values.reshape([-1 if a == axis else 1 for a in range(ndim)])


def collect(values, cells, axis, n):
    """Add each slice of values to its cell of an axis of n."""
    total = np.zeros((*values.shape[:axis], n, *values.shape[axis + 1 :]), values.dtype)
    np.add.at(total, (slice(None),) * axis + (cells,), values)
    return total


def pixel_shuffle(x, factor):
    """Compute y."""
    n, channels, *size = x.shape
    axes, kept = len(factor), channels // math.prod(factor)
    y = x.reshape(n, kept, *factor, *size)
    pairs = [axis for a in range(axes) for axis in (2 + axes + a, 2 + a)]
    finer = (m * f for m, f in zip(size, factor, strict=True))
    return y.transpose(0, 1, *pairs).reshape(n, kept, *finer)


def pixel_unshuffle(x, factor):
    """Compute y."""
    n, channels, *size = x.shape
    split = [part for m, f in zip(size, factor, strict=True) for part in (m // f, f)]
    y = x.reshape(n, channels, *split)
    cells, places = range(2, y.ndim, 2), range(3, y.ndim, 2)
    return y.transpose(0, 1, *places, *cells).reshape(n, channels * math.prod(factor), *split[::2])


def pad(x, padding, *, mode, value):
    """Compute y."""
    widths = [(0, 0), (0, 0), *padding]
    if mode == "zeros":
        return np.pad(x, widths, constant_values=value)
    return np.pad(x, widths, PADS[mode])


def pad_backward(grad_y, input_size, padding, *, mode):
    """Compute the gradient of x."""
    for axis, sides in enumerate(padding, 2):
        n = input_size[axis]
        if mode == "zeros":
            grad_y = grad_y.take(range(sides[0], sides[0] + n), axis)
        else:
            grad_y = collect(grad_y, np.pad(np.arange(n), sides, PADS[mode]), axis, n)
    return grad_y
