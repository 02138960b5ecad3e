"""A kernel file as somebody might write one: taps in a loop, slices of a padded canvas.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import numpy as np


def conv(x, weight, bias=None, *, stride, padding, dilation, groups, flip_kernel):
    """Compute y."""
    size, kernel = x.shape[2:], weight.shape[2:]
    sides = conv_sides(padding, size, kernel, stride, dilation)
    output = [
        (n + before + after - (d * (k - 1) + 1)) // s + 1
        for n, k, s, d, (before, after) in zip(size, kernel, stride, dilation, sides, strict=True)
    ]
    y = gather(x, oriented(weight, flip_kernel), sides, output, stride, dilation, groups)
    return with_bias(y, bias, groups)


def conv_backward(grad_y, x, weight, *, stride, padding, dilation, groups, flip_kernel):
    """Compute the gradients of x, weight and bias."""
    size, kernel = x.shape[2:], weight.shape[2:]
    sides = conv_sides(padding, size, kernel, stride, dilation)
    grad_x = scatter(grad_y, oriented(weight, flip_kernel), sides, size, stride, dilation, groups)
    grad_weight = correlate(grad_y, x, sides, weight.shape, stride, dilation, groups)
    return grad_x, oriented(grad_weight, flip_kernel), bias_gradient(grad_y)


def conv_transpose(
    x, weight, bias=None, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Compute y, which is a gradient of conv's input."""
    sides, output = crops(x.shape[2:], weight, stride, padding, output_padding, dilation)
    y = scatter(x, oriented(weight, flip_kernel), sides, output, stride, dilation, groups)
    return with_bias(y, bias, groups)


def conv_transpose_backward(
    grad_y, x, weight, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Compute the gradients of x, weight and bias."""
    sides, _ = crops(x.shape[2:], weight, stride, padding, output_padding, dilation)
    down = oriented(weight, flip_kernel)
    grad_x = gather(grad_y, down, sides, x.shape[2:], stride, dilation, groups)
    grad_weight = correlate(x, grad_y, sides, weight.shape, stride, dilation, groups)
    return grad_x, oriented(grad_weight, flip_kernel), bias_gradient(grad_y)


def conv_sides(padding, size, kernel, stride, dilation):
    """Write padding out as (before, after) per axis."""
    if not isinstance(padding, str):
        return [(before, after) for before, after in padding]
    sides = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
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


def crops(size, weight, stride, padding, output_padding, dilation):
    """Find the crop on both sides of each axis, and the size that is left."""
    kernel = weight.shape[2:]
    if padding in ("same", "same_lower"):
        output = [n * s for n, s in zip(size, stride, strict=True)]
        return conv_sides(padding, output, kernel, stride, dilation), output
    sides = conv_sides(padding, size, kernel, stride, dilation)
    output = [
        (n - 1) * s - before - after + d * (k - 1) + 1 + more
        for n, k, s, d, more, (before, after) in zip(
            size, kernel, stride, dilation, output_padding, sides, strict=True
        )
    ]
    return sides, output


def oriented(weight, flip_kernel):
    """Turn a flipped kernel round."""
    return np.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight


def with_bias(y, bias, groups):
    """Add a number to every channel."""
    if bias is None:
        return y
    return y + bias.reshape(-1, *[1] * (y.ndim - 2))


def bias_gradient(grad_y):
    """Add up everything that a channel's bias reaches."""
    return grad_y.sum(axis=(0, *range(2, grad_y.ndim)))


def seen(tap, output, stride, dilation):
    """Slice what one tap sees of the canvas, for all output positions."""
    return tuple(
        slice(t * d, t * d + (o - 1) * s + 1, s)
        for t, o, s, d in zip(tap, output, stride, dilation, strict=True)
    )


def canvas_of(x, sides):
    """Surround x with zeros."""
    return np.pad(x, [(0, 0), (0, 0), *sides])


def by_group(array, groups, axis):
    """Split an axis of channels in two: groups, and channels of a group."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, -1, *shape[axis + 1 :])


def taps_of(shape):
    """List the places in a kernel."""
    return np.ndindex(*shape[2:])


def flat(array):
    """Line the positions up."""
    return array.reshape(*array.shape[:3], -1)


def gather(x, weight, sides, output, stride, dilation, groups):
    """Correlate: (N, C, ...) and (M, C / G, ...) to (N, M, ...)."""
    canvas = by_group(canvas_of(x, sides), groups, 1)
    taps = by_group(weight, groups, 0)
    y = np.zeros((len(x), groups, taps.shape[1], *output), x.dtype)
    for tap in taps_of(weight.shape):
        part = canvas[:, :, :, *seen(tap, output, stride, dilation)]
        y += np.einsum("ngc...,gmc->ngm...", part, taps[:, :, :, *tap])
    return y.reshape(len(x), -1, *output)


def scatter(y, weight, sides, size, stride, dilation, groups):
    """Paint kernels: (N, M, ...) and (M, C / G, ...) to (N, C, ...)."""
    parts = by_group(y, groups, 1)
    taps = by_group(weight, groups, 0)
    spread = [n + before + after for n, (before, after) in zip(size, sides, strict=True)]
    canvas = np.zeros((len(y), groups, weight.shape[1], *spread), y.dtype)
    for tap in taps_of(weight.shape):
        painted = np.einsum("ngm...,gmc->ngc...", parts, taps[:, :, :, *tap])
        canvas[:, :, :, *seen(tap, y.shape[2:], stride, dilation)] += painted
    left = [slice(before, before + n) for n, (before, _) in zip(size, sides, strict=True)]
    return canvas.reshape(len(y), -1, *spread)[:, :, *left]


def correlate(y, x, sides, shape, stride, dilation, groups):
    """Give each tap the products of what it saw and what came of it: the gradient of a weight."""
    canvas = by_group(canvas_of(x, sides), groups, 1)
    parts = by_group(y, groups, 1)
    weight = np.zeros((groups, shape[0] // groups, *shape[1:]), x.dtype)
    for tap in taps_of(shape):
        part = canvas[:, :, :, *seen(tap, y.shape[2:], stride, dilation)]
        products = np.einsum("ngmp,ngcp->gmc", flat(parts), flat(part))
        weight[:, :, :, *tap] = products
    return weight.reshape(shape)
