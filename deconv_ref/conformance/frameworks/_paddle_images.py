"""Operators of PaddlePaddle that move a window, or cells, over spatial axes."""

import numpy as np
import paddle
from paddle.nn import functional

from deconv_ref.conformance.frameworks._paddle_arrays import of_size, sides, tensor, value

MAX_POOLS = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
AVG_POOLS = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
MAX_UNPOOLS = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)
IMAGE_LAYOUTS = ("NCW", "NCHW", "NCDHW")
LINEAR = ("linear", "bilinear", "trilinear")
PAD_MODES = {"zeros": "constant", "reflect": "reflect"}
PAD_MODES |= {"replicate": "replicate", "circular": "circular"}


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y and, where both sides of every axis are padded alike, the indices."""
    function = MAX_POOLS[len(kernel_size) - 1]
    if padding == "same":
        return function(tensor(x), kernel_size, stride, "SAME").numpy()
    numbers = sides(padding, kernel_size, dilation)
    before, after = numbers[::2], numbers[1::2]
    if before != after:
        return function(tensor(x), kernel_size, stride, numbers, ceil_mode=ceil_mode).numpy()
    y, indices = function(tensor(x), kernel_size, stride, before, True, ceil_mode)
    return y.numpy(), indices.numpy().astype(np.int64)


def max_pool_backward(grad_y, indices, input_size):
    """Compute the gradient of x: the function that automatic differentiation calls."""
    arrays = [np.zeros(input_size, grad_y.dtype), _places(indices), grad_y]
    if len(input_size) == 3:  # an image of one row, as in `max_pool1d`
        arrays = [np.expand_dims(array, 2) for array in arrays]
    kernel_size, padding = _any_window(arrays[0].shape[2:], arrays[2].shape[2:])
    ones = [1] * len(kernel_size)
    backward = paddle._C_ops.max_pool2d_with_index_grad
    if len(input_size) == 5:
        backward = paddle._C_ops.max_pool3d_with_index_grad
    window = (kernel_size, ones, padding, False, False, False)
    return backward(*map(tensor, arrays), *window).numpy().reshape(input_size)


def max_unpool(x, indices, output_size):
    """Compute y."""
    return value(_max_unpool, x, _places(indices), output_size=output_size)


def max_unpool_backward(grad_y, indices):
    """Compute the gradient of x."""
    x = tensor(np.zeros(indices.shape, grad_y.dtype))
    x.stop_gradient = False
    y = _max_unpool(x, tensor(_places(indices)), grad_y.shape)
    return paddle.grad(y, x, tensor(grad_y))[0].numpy()


def _max_unpool(x, indices, output_size):
    size = list(output_size[2:])
    kernel_size, padding = _any_window(size, x.shape[2:])
    function = MAX_UNPOOLS[len(size) - 1]
    return function(x, indices, kernel_size, 1, padding, output_size=size)


def _places(indices):
    if np.any(indices < 0):  # it would write there
        raise NotImplementedError("there is no index for nowhere")
    return indices.astype(np.int32)


def _any_window(input_size, output_size):
    """Find a window and a padding that lead from one size to the other: only sizes count."""
    both = list(zip(input_size, output_size, strict=True))
    padding = [max(o - n + 1, 0) // 2 for n, o in both]
    return [n - o + 1 + 2 * p for (n, o), p in zip(both, padding, strict=True)], padding


def _avg_pool(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad):
    given = "SAME" if padding == "same" else sides(padding, kernel_size, [1] * len(kernel_size))
    function = AVG_POOLS[len(kernel_size) - 1]
    rounding = {"ceil_mode": ceil_mode, "exclusive": not count_include_pad}
    return function(x, kernel_size, stride, given, **rounding)


def _upsample(x, *, scale_factor, mode, align_corners):
    return functional.interpolate(
        x,
        scale_factor=list(scale_factor),
        mode="nearest" if mode == "nearest" else LINEAR[x.ndim - 3],
        align_corners=align_corners,
        data_format=IMAGE_LAYOUTS[x.ndim - 3],
    )


def _pad(x, *, padding, mode, value=0.0):
    last_axis_first = [side for pair in reversed(padding) for side in pair]
    layout = "NCL" if x.ndim == 3 else IMAGE_LAYOUTS[x.ndim - 3]
    return functional.pad(x, last_axis_first, PAD_MODES[mode], value, layout)


avg_pool, avg_pool_backward = of_size(_avg_pool)
upsample, upsample_backward = of_size(_upsample)
pad, pad_backward = of_size(_pad)


def pixel_shuffle(x, factor):
    """Compute y."""
    return value(functional.pixel_shuffle, x, upscale_factor=factor[0])


def pixel_unshuffle(x, factor):
    """Compute y."""
    return value(functional.pixel_unshuffle, x, downscale_factor=factor[0])
