"""Operators of TensorFlow that move a window, or cells, over spatial axes."""

import math

import numpy as np
import tensorflow as tf

from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._tensorflow_tape import (
    LAYOUTS,
    backward,
    channels_first,
    channels_last,
    forward,
    named_or_pairs,
)

METHODS = {"nearest": "nearest", "linear": "bilinear"}
PAD_MODES = {"zeros": "CONSTANT", "reflect": "REFLECT"}


def max_pool(x, kernel_size, *, stride=None, padding="valid", dilation=None, ceil_mode=False):
    """Compute y; on images that are not padded in numbers, its indices too."""
    window = {
        "kernel_size": kernel_size,
        "stride": stride or kernel_size,
        "padding": named_or_pairs(padding, kernel_size, dilation or (1,) * len(kernel_size)),
    }
    dilated = max(dilation or (1,)) > 1
    y = forward(_pool_dilated, x, **window, dilation=dilation) if dilated else None
    y = y if dilated else forward(_max_pool, x, **window)
    if len(kernel_size) != 2 or dilated or not isinstance(window["padding"], str):
        return y
    return y, forward(_argmax, x, **window)


def max_pool_backward(grad_y, indices, input_size):
    """Compute the gradient of x: the operation that `tf.GradientTape` calls."""
    outputs = grad_y.shape[2:]
    if np.any(indices < 0):  # the operation ends the process
        raise NotImplementedError("there is no index for nowhere")
    if any(map(int.__gt__, outputs, input_size[2:])):
        raise NotImplementedError("no window of step 1 gives this many outputs")
    x = tf.zeros([input_size[0], *input_size[2:], input_size[1]], grad_y.dtype)
    channel = np.arange(input_size[1]).reshape(-1, 1, 1)
    grad_x = tf.raw_ops.MaxPoolGradWithArgmax(
        input=x,
        grad=channels_last(tf.constant(grad_y)),
        argmax=channels_last(tf.constant(indices * input_size[1] + channel)),
        ksize=[1, *(n - m + 1 for n, m in zip(input_size[2:], outputs, strict=True)), 1],
        strides=[1, 1, 1, 1],
        padding="VALID",
    )
    return np.asarray(channels_first(grad_x))


def avg_pool(
    x, kernel_size, *, stride=None, padding="valid", ceil_mode=False, count_include_pad=True
):
    """Compute y."""
    return forward(_avg_pool, x, kernel_size=kernel_size, stride=stride, padding=padding)


def avg_pool_backward(
    grad_y,
    input_size,
    kernel_size,
    *,
    stride=None,
    padding="valid",
    ceil_mode=False,
    count_include_pad=True,
):
    """Compute the gradient of x."""
    window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return backward(_avg_pool, grad_y, np.zeros(input_size, grad_y.dtype), **window)


def upsample(x, scale_factor, *, mode="nearest", align_corners=False):
    """Compute y."""
    parameters = {"scale_factor": scale_factor, "mode": mode, "align_corners": align_corners}
    return forward(_upsample, x, **parameters)


def upsample_backward(grad_y, input_size, scale_factor, *, mode="nearest", align_corners=False):
    """Compute the gradient of x."""
    parameters = {"scale_factor": scale_factor, "mode": mode, "align_corners": align_corners}
    return backward(_upsample, grad_y, np.zeros(input_size, grad_y.dtype), **parameters)


def pixel_shuffle(x, factor):
    """Compute y."""
    return forward(_pixel_shuffle, x, factor=factor[0])


def pixel_unshuffle(x, factor):
    """Compute y."""
    return forward(_pixel_unshuffle, x, factor=factor[0])


def pad(x, padding, *, mode="zeros", value=0.0):
    """Compute y."""
    return np.asarray(_pad(tf.constant(x), padding, mode, value))


def pad_backward(grad_y, input_size, padding, *, mode="zeros"):
    """Compute the gradient of x."""
    parameters = {"padding": padding, "mode": mode}
    return backward(_pad, grad_y, np.zeros(input_size, grad_y.dtype), **parameters)


def ssim(x, y, *, data_range, window=None, k1=0.01, k2=0.03):
    """Compute the mean similarity."""
    parameters = {"data_range": data_range, "k1": k1, "k2": k2}
    return forward(lambda *images: tf.reduce_mean(_ssim(*images, **parameters)), x, y)


def ssim_loss(prediction, target, *, data_range, window=None, k1=0.01, k2=0.03, reduction="mean"):
    """Compute the loss."""
    parameters = {"data_range": data_range, "k1": k1, "k2": k2, "reduction": reduction}
    return forward(_ssim_loss, prediction, target, **parameters)


def ssim_loss_backward(
    prediction,
    target,
    *,
    data_range,
    window=None,
    k1=0.01,
    k2=0.03,
    reduction="mean",
    grad_loss=1.0,
):
    """Compute the gradient of prediction."""
    parameters = {"data_range": data_range, "k1": k1, "k2": k2, "reduction": reduction}
    return backward(
        lambda images: _ssim_loss(images, tf.constant(target), **parameters), grad_loss, prediction
    )


def _max_pool(x, kernel_size, stride, padding):
    layout = LAYOUTS[len(kernel_size)]
    return channels_first(
        tf.nn.max_pool(channels_last(x), list(kernel_size), list(stride), padding, layout)
    )


def _pool_dilated(x, kernel_size, stride, padding, dilation):
    y = tf.nn.pool(
        channels_last(x),
        kernel_size,
        "MAX",
        stride,
        padding,
        LAYOUTS[len(kernel_size)],
        dilation,
    )
    return channels_first(y)


def _argmax(x, kernel_size, stride, padding):
    _, indices = tf.nn.max_pool_with_argmax(
        channels_last(x), list(kernel_size), list(stride), padding, output_dtype=tf.int64
    )
    return channels_first(indices // x.shape[1])  # they count channels, fastest


def _avg_pool(x, kernel_size, stride, padding):
    y = tf.nn.avg_pool(
        channels_last(x),
        list(kernel_size),
        list(stride or kernel_size),
        named_or_pairs(padding, kernel_size, (1,) * len(kernel_size)),
        LAYOUTS[len(kernel_size)],
    )
    return channels_first(y)


def _upsample(x, scale_factor, mode, align_corners):
    size = [math.floor(n * scale) for n, scale in zip(x.shape[2:], scale_factor, strict=True)]
    resize = tf.image.resize
    if align_corners:
        resize = tf.compat.v1.image.resize
    extra = {"align_corners": True} if align_corners else {}
    y = resize(channels_last(x), size, METHODS[mode], **extra)
    return channels_first(tf.cast(y, x.dtype))  # bilinear, they are float32


def _pixel_shuffle(x, factor):
    n, channels, *size = x.shape
    kept = channels // factor**2
    x = tf.transpose(tf.reshape(x, [n, kept, factor**2, *size]), [0, 3, 4, 2, 1])
    x = tf.reshape(x, [n, *size, channels])  # the place in a block counts slowest
    return channels_first(tf.nn.depth_to_space(x, factor))


def _pixel_unshuffle(x, factor):
    y = tf.nn.space_to_depth(channels_last(x), factor)
    n, *size, channels = y.shape
    y = tf.transpose(tf.reshape(y, [n, *size, factor**2, x.shape[1]]), [0, 4, 3, 1, 2])
    return tf.reshape(y, [n, channels, *size])


def _pad(x, padding, mode, value=0.0):
    return tf.pad(x, [(0, 0), (0, 0), *padding], PAD_MODES[mode], value)


def _ssim(x, y, data_range, k1, k2):
    """Compare every channel as an image of its own; channels are averaged otherwise."""
    if x.ndim != 4:
        raise ValueError("tf.image.ssim compares images: two spatial axes")
    shape = [x.shape[0] * x.shape[1], *x.shape[2:], 1]
    images = [tf.reshape(image, shape) for image in (x, y)]
    values = tf.image.ssim(*images, data_range, 11, 1.5, k1, k2)
    return tf.cast(tf.reshape(values, x.shape[:2]), x.dtype)  # they are float32


def _ssim_loss(x, y, data_range, k1, k2, reduction):
    reduce = {"mean": tf.reduce_mean, "sum": tf.reduce_sum, "none": tf.identity}[reduction]
    return reduce(1 - _ssim(x, y, data_range, k1, k2))


def _other_than_images(**call):
    return np.inf if {np.ndim(value) for value in call.values()} & {3, 5} else 0.0


IMAGES_ALONE = Difference("images alone are compared: two spatial axes", _other_than_images)
