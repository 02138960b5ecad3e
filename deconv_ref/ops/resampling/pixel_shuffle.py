"""Pixel shuffling and its inverse; each is the other's gradient."""

import math
from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating, check_spatial, volume
from deconv_ref.errors import ShapeError, message
from deconv_ref.parameters import PerAxis, per_axis

__all__ = ["pixel_shuffle", "pixel_unshuffle"]


def pixel_shuffle(x: Any, factor: PerAxis) -> Any:
    r"""Lay channels out in space: ``factor`` times finer along each axis, in fewer channels.

    Equation U6, for an image and one factor r:

    .. math::
        y_{n,\,c,\,h,\,w} = x_{n,\ c r^2 + (h \bmod r) r + (w \bmod r),\
            \lfloor h / r \rfloor,\ \lfloor w / r \rfloor}

    Parameters
    ----------
    x : array of shape (N, C * prod(factor), *spatial)
        Input, float32 or float64, with one to three spatial axes.
    factor : int or sequence of int
        Outputs per cell, at least 1, for every axis or one per spatial axis.

    Returns
    -------
    array of shape (N, C, *output)
        ``output = n * factor`` per axis.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If `x` has another layout or its channels are no multiple of ``prod(factor)``.
    ParameterError
        If `factor` is out of its range.

    See Also
    --------
    pixel_unshuffle : Its inverse and, as nothing is added up, its gradient.

    Notes
    -----
    The place inside a block is the fastest part of the channel number, last axis fastest: the order
    of Shi et al., PyTorch's ``pixel_shuffle`` and ONNX's DepthToSpace in mode "CRD". TensorFlow's
    ``depth_to_space`` and ONNX's mode "DCR" count it slowest. PyTorch knows images and one factor
    alone.

    References
    ----------
    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network", arXiv:1609.05158, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.resampling.pixel_shuffle import pixel_shuffle
    >>> x = np.array([[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]])
    >>> pixel_shuffle(x, 2)
    array([[[[1., 2.],
             [3., 4.]]]])
    """
    kernels, x = backend.kernels("pixel_shuffle", "resampling", x=x)
    factors = _factors("pixel_shuffle", x, factor)
    cells = math.prod(factors)
    if x.shape[1] % cells:
        wanted = f"of a multiple of {cells} channels (the product of the factors)"
        got = f"{x.shape[1]} channels in shape {tuple(x.shape)}"
        raise ShapeError(message("pixel_shuffle", "x", wanted, got))
    y = kernels.shuffle(volume(x), _volume(factors))
    size = (n * f for n, f in zip(x.shape[2:], factors, strict=True))
    return y.reshape(*y.shape[:2], *size)


def pixel_unshuffle(x: Any, factor: PerAxis) -> Any:
    r"""Gather blocks of ``factor`` cells along each axis into channels: a coarser grid.

    Equation U7, for an image and one factor r:

    .. math::
        y_{n,\,k,\,h,\,w} = x_{n,\ \lfloor k / r^2 \rfloor,\
            h r + \lfloor k / r \rfloor \bmod r,\ w r + k \bmod r}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    factor : int or sequence of int
        Cells per output, at least 1, for every axis or one per spatial axis.

    Returns
    -------
    array of shape (N, C * prod(factor), *output)
        ``output = n / factor`` per axis.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If `x` has another layout or a spatial size is no multiple of its factor.
    ParameterError
        If `factor` is out of its range.

    See Also
    --------
    pixel_shuffle : Its inverse and, as nothing is added up, its gradient.

    Notes
    -----
    The order of channels is that of `pixel_shuffle`, hence PyTorch's. ONNX's SpaceToDepth and
    TensorFlow's ``space_to_depth`` order them otherwise.

    References
    ----------
    Shi et al., arXiv:1609.05158.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.resampling.pixel_shuffle import pixel_unshuffle
    >>> pixel_unshuffle(np.array([[[1.0, 2.0, 3.0, 4.0]]]), 2)
    array([[[1., 3.],
            [2., 4.]]])
    """
    kernels, x = backend.kernels("pixel_unshuffle", "resampling", x=x)
    factors = _factors("pixel_unshuffle", x, factor)
    size = tuple(x.shape[2:])
    if any(n % f for n, f in zip(size, factors, strict=True)):
        wanted = f"of spatial sizes that are multiples of {factors}"
        raise ShapeError(message("pixel_unshuffle", "x", wanted, f"{size}"))
    y = kernels.unshuffle(volume(x), _volume(factors))
    return y.reshape(*y.shape[:2], *(n // f for n, f in zip(size, factors, strict=True)))


def _factors(function: str, x: Any, factor: PerAxis) -> tuple[int, ...]:
    """Check the operands and give one factor per axis."""
    check_floating(function, x=x)
    check_spatial(function, "x", x)
    return per_axis(function, "factor", factor, x.ndim - 2, least=1)


def _volume(factors: tuple[int, ...]) -> tuple[int, int, int]:
    first, second, third = (1,) * (3 - len(factors)) + factors
    return first, second, third
