"""PyTorch's resampling and padding: ``interpolate``, ``pixel_shuffle`` and ``pad``."""

import math

import numpy as np
from torch.nn import functional

from deconv_ref.conformance.frameworks._torch_arrays import (
    array_of,
    gradients,
    prepared,
    tensor,
    value,
)

LINEAR = ("linear", "bilinear", "trilinear")
PAD_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def upsample(x, scale_factor, **parameters):
    """Compute y."""
    return value(_upsample, x, scale_factor=scale_factor, **parameters)


def upsample_backward(grad_y, input_size, scale_factor, **parameters):
    """Compute the gradient of x."""
    x = np.zeros(input_size, grad_y.dtype)
    return gradients(_upsample, grad_y, x, scale_factor=scale_factor, **parameters)[0]


def pixel_shuffle(x, factor):
    """Compute y."""
    return value(functional.pixel_shuffle, x, upscale_factor=factor[0])


def pixel_unshuffle(x, factor):
    """Compute y."""
    return value(functional.pixel_unshuffle, x, downscale_factor=factor[0])


def pad(x, padding, *, mode="zeros", value=0.0):
    """Compute y."""
    return array_of(prepared(_padded)(tensor(x), padding, mode, value))


def pad_backward(grad_y, input_size, padding, *, mode="zeros"):
    """Compute the gradient of x."""
    x = np.zeros(input_size, grad_y.dtype)
    return gradients(_padded, grad_y, x, padding=padding, mode=mode)[0]


def _upsample(x, scale_factor, *, mode="nearest", align_corners=False):
    return functional.interpolate(
        x,
        scale_factor=tuple(map(float, scale_factor)),
        mode="nearest-exact" if mode == "nearest" else LINEAR[x.ndim - 3],
        align_corners=None if mode == "nearest" else align_corners,
        recompute_scale_factor=False,
    )


def _padded(x, padding, mode, value=0.0):
    last_axis_first = [side for pair in reversed(padding) for side in pair]
    fill = value if mode == "zeros" else None
    return functional.pad(x, last_axis_first, PAD_MODES[mode], fill)


def of_copied_axes(x=None, grad_y=None, input_size=None, *, scale_factor, mode, align_corners):
    """Mark everything where an axis is copied whose size alone the scale leaves as it is."""
    size = x.shape if input_size is None else input_size
    axes = list(zip(size[2:], scale_factor, strict=True))
    copied = any(scale != 1 and math.floor(n * scale) == n for n, scale in axes)
    return np.array([np.inf if copied and mode == "linear" and not align_corners else 0.0])
