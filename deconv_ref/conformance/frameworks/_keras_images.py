"""Operators of Keras that move a window, or cells, over spatial axes."""

import math

import keras
import numpy as np
from keras import ops

from deconv_ref.conformance.frameworks._keras_backend import (
    backward,
    channels_first,
    channels_last,
    forward,
)

METHODS = {"nearest": "nearest", "linear": "bilinear"}
PAD_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "circular" if keras.backend.backend() == "torch" else "wrap",
}


def max_pool(x, kernel_size, *, stride=None, padding="valid", dilation=None, ceil_mode=False):
    """Compute y."""
    window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return forward(_pool, x, pool=ops.max_pool, **window)


def avg_pool(
    x, kernel_size, *, stride=None, padding="valid", ceil_mode=False, count_include_pad=True
):
    """Compute y."""
    window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return forward(_pool, x, pool=ops.average_pool, **window)


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
    x = np.zeros(input_size, grad_y.dtype)
    return backward(_pool, grad_y, x, pool=ops.average_pool, **window)


def upsample(x, scale_factor, *, mode="nearest", align_corners=False):
    """Compute y."""
    return forward(_upsample, x, scale_factor=scale_factor, mode=mode)


def upsample_backward(grad_y, input_size, scale_factor, *, mode="nearest", align_corners=False):
    """Compute the gradient of x."""
    x = np.zeros(input_size, grad_y.dtype)
    return backward(_upsample, grad_y, x, scale_factor=scale_factor, mode=mode)


def pixel_shuffle(x, factor):
    """Compute y."""
    return forward(_pixel_shuffle, x, factor=factor[0])


def pixel_unshuffle(x, factor):
    """Compute y."""
    return forward(_pixel_unshuffle, x, factor=factor[0])


def pad(x, padding, *, mode="zeros", value=0.0):
    """Compute y."""
    return forward(_pad, x, padding=padding, mode=mode, value=value)


def pad_backward(grad_y, input_size, padding, *, mode="zeros"):
    """Compute the gradient of x."""
    return backward(_pad, grad_y, np.zeros(input_size, grad_y.dtype), padding=padding, mode=mode)


def _pool(x, pool, kernel_size, stride, padding):
    padding = padding if isinstance(padding, str) else "valid"
    y = pool(channels_last(x), kernel_size, stride, padding, "channels_last")
    return channels_first(y)


def _upsample(x, scale_factor, mode):
    factors, dtype = tuple(map(int, scale_factor)), x.dtype
    layers = {1: keras.layers.UpSampling1D, 3: keras.layers.UpSampling3D}
    if len(factors) in layers:
        size = factors[0] if len(factors) == 1 else factors
        last = {} if len(factors) == 1 else {"data_format": "channels_last"}
        layer = layers[len(factors)](size, **last, dtype=keras.backend.standardize_dtype(dtype))
        return channels_first(layer(channels_last(x)))
    size = tuple(math.floor(n * scale) for n, scale in zip(x.shape[2:], factors, strict=True))
    y = ops.image.resize(channels_last(x), size, METHODS[mode], data_format="channels_last")
    return channels_first(ops.cast(y, dtype))  # on TensorFlow, bilinear ones are float32


def _pixel_shuffle(x, factor):
    n, channels, *size = x.shape
    kept = channels // factor**2
    x = ops.transpose(ops.reshape(x, (n, kept, factor**2, *size)), (0, 3, 4, 2, 1))
    x = ops.reshape(x, (n, *size, channels))  # the place in a block counts slowest
    return channels_first(ops.depth_to_space(x, factor, "channels_last"))


def _pixel_unshuffle(x, factor):
    y = ops.space_to_depth(channels_last(x), factor, "channels_last")
    n, *size, channels = y.shape
    y = ops.transpose(ops.reshape(y, (n, *size, factor**2, x.shape[1])), (0, 4, 3, 1, 2))
    return ops.reshape(y, (n, channels, *size))


def _pad(x, padding, mode, value=0.0):
    value = value if mode == "zeros" else None
    return ops.pad(x, ((0, 0), (0, 0), *padding), PAD_MODES[mode], value)
