"""Nearest and linear resampling, and its gradient."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from deconv_ref import backend
from deconv_ref.checks import (
    check_choice,
    check_floating,
    check_shape,
    check_spatial,
    full_size,
    volume,
)
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.ops.resampling import coordinates
from deconv_ref.parameters import LARGEST

__all__ = ["upsample", "upsample_backward"]

ScaleFactor: TypeAlias = float | Sequence[float]


def upsample(
    x: Any, scale_factor: ScaleFactor, *, mode: str = "nearest", align_corners: bool = False
) -> Any:
    r"""Resample to a finer grid, or to a coarser one, by the nearest cell or linearly.

    Equations U2 and U4, in one dimension, with the source coordinate s(o) of output o by U1:

    .. math::
        s(o) &= (o + 1/2) / \mathrm{scale} - 1/2 \\
        y_{n,c,o} &= x_{n,\,c,\,\lfloor (o + 1/2) / \mathrm{scale} \rfloor} & \text{("nearest")} \\
        y_{n,c,o} &= \sum_j \max(0,\, 1 - |s(o) - j|) \, x_{n,c,j} & \text{("linear")}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    scale_factor : float or sequence of float
        Outputs per cell, positive, for every axis or one per spatial axis; below 1 for fewer
        outputs than cells.
    mode : {"nearest", "linear"}
        "linear" is linear along each axis: bilinear on images, trilinear on volumes.
    align_corners : bool
        For "linear" alone. False: cells and outputs tile the same stretch, and s(o) is clamped to
        the centres of the first and the last cell. True: the first and the last output lie on the
        first and the last cell, ``s(o) = o (n - 1) / (output - 1)``.

    Returns
    -------
    array of shape (N, C, *output)
        ``output = floor(n * scale_factor)`` per axis.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If `x` has another layout or a spatial size of the result is below 1.
    ParameterError
        If a parameter is out of its range, or `align_corners` meets "nearest".

    See Also
    --------
    upsample_backward : Its gradient.

    Notes
    -----
    Sizes and coordinates are computed in float64, in the order written, whatever the dtype of `x`.
    A coordinate half-way between two cells rounds up in "nearest". Sums are taken in float64 and
    rounded once. A cell of weight 0 is not read, so that infinities and NaN stay where they belong;
    frameworks multiply it by 0, and get NaN from an infinity.

    Frameworks differ: this "nearest" is PyTorch's "nearest-exact" (its "nearest" takes
    ``floor(o / scale)``), ONNX's ``half_pixel`` with ``nearest_mode="round_prefer_ceil"``, Keras's
    and TensorFlow's default. "linear" is "linear", "bilinear" or "trilinear" in PyTorch. Below a
    scale of 1 nothing is smoothed first, where JAX does so by default. PyTorch copies an axis whose
    size a scale leaves as it is, 2 cells at 1.3, where the equation interpolates. With
    corners aligned, ONNX divides by the size times the scale, less 1, also where that is a
    fraction. Frameworks compute coordinates in float32 in part.

    References
    ----------
    ONNX operator Resize, coordinate_transformation_mode ``half_pixel`` and ``align_corners``.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.resampling.upsample import upsample
    >>> x = np.array([[[0.0, 4.0, 16.0]]])
    >>> upsample(x, 2)
    array([[[ 0.,  0.,  4.,  4., 16., 16.]]])
    >>> upsample(x, 2, mode="linear")
    array([[[ 0.,  1.,  3.,  7., 13., 16.]]])
    >>> upsample(x, 5 / 3, mode="linear", align_corners=True)
    array([[[ 0.,  2.,  4., 10., 16.]]])
    """
    kernels, x = backend.kernels("upsample", "resampling", x=x)
    check_floating("upsample", x=x)
    check_spatial("upsample", "x", x)
    size = tuple(x.shape[2:])
    scales = _checked("upsample", size, scale_factor, mode, align_corners)
    grid = coordinates.grid(size, scales, mode, align_corners)
    y = kernels.nearest(volume(x), grid) if mode == "nearest" else kernels.linear(volume(x), grid)
    return y.reshape(*x.shape[:2], *map(coordinates.output_size, size, scales))


def upsample_backward(
    grad_y: Any,
    input_size: tuple[int, ...],
    scale_factor: ScaleFactor,
    *,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Any:
    r"""Compute the gradient of resampling: each cell collects from the outputs that read it.

    With L the scalar whose gradient is sought, and the weights of `upsample` (U3 and U5, one
    dimension):

    .. math:: \partial L / \partial x_{n,c,j} = \sum_o \mathrm{weight}(o, j) \, \bar y_{n,c,o}

    Parameters
    ----------
    grad_y : array of shape (N, C, *output)
        Gradient of L with respect to the result of `upsample`.
    input_size : tuple of int
        Shape of the input of `upsample`, ``(N, C, *spatial)``: pass ``x.shape``.
    scale_factor : float or sequence of float
        As it was passed to `upsample`.
    mode : {"nearest", "linear"}
        As it was passed to `upsample`.
    align_corners : bool
        As it was passed to `upsample`.

    Returns
    -------
    array of shape (N, C, *spatial)
        The gradient with respect to the input.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `upsample` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    upsample : The operator.

    Notes
    -----
    The exact adjoint: the weights are the very ones of `upsample`. A cell that no output reads,
    as at a scale below 1, gets 0.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.resampling.upsample import upsample_backward
    >>> grad_y = np.array([[[1.0, 2.0, 4.0, 8.0]]])
    >>> upsample_backward(grad_y, (1, 1, 2), 2)
    array([[[ 3., 12.]]])
    >>> upsample_backward(grad_y, (1, 1, 2), 2, mode="linear")
    array([[[ 3.5, 11.5]]])
    """
    name = "upsample_backward"
    kernels, grad_y = backend.kernels(name, "resampling", grad_y=grad_y)
    check_floating(name, grad_y=grad_y)
    check_spatial(name, "grad_y", grad_y)
    shape = full_size(name, "input_size", input_size, "grad_y", grad_y)
    scales = _checked(name, shape[2:], scale_factor, mode, align_corners)
    y_shape = shape[:2] + tuple(map(coordinates.output_size, shape[2:], scales))
    check_shape(name, "grad_y", grad_y, y_shape, "It has the shape of upsample's result")
    grid = coordinates.grid(shape[2:], scales, mode, align_corners)
    gradient = kernels.nearest_gradient if mode == "nearest" else kernels.linear_gradient
    return gradient(volume(grad_y), grid).reshape(shape)


def _checked(
    function: str, size: tuple[int, ...], scale_factor: ScaleFactor, mode: str, align_corners: bool
) -> tuple[float, ...]:
    """Check the parameters and give one scale per axis."""
    check_choice(function, "mode", mode, ("nearest", "linear"))
    check_choice(function, "align_corners", align_corners, (False, True))
    if align_corners and mode == "nearest":
        remedy = 'Corners are aligned in mode "linear" alone'
        wanted = "False in mode 'nearest'"
        raise ParameterError(message(function, "align_corners", wanted, align_corners, remedy))
    scales = _scales(function, scale_factor, len(size))
    for axis, (n, scale) in enumerate(zip(size, scales, strict=True)):
        output = coordinates.output_size(n, scale)
        if not 1 <= output <= LARGEST:
            wanted = f"from 1 to {LARGEST} long on spatial axis {axis}"
            got = f"floor({n} * {scale}) = {output}"
            raise ShapeError(message(function, "the result", wanted, got))
    return scales


def _scales(function: str, scale_factor: Any, axes: int) -> tuple[float, ...]:
    """Spread `scale_factor` over the axes, as float64."""
    values = scale_factor.tolist() if isinstance(scale_factor, np.ndarray) else scale_factor
    if not isinstance(values, Sequence) or isinstance(values, str):
        values = (values,) * axes
    if len(values) != axes or not all(map(_is_scale, values)):
        wanted = f"a number above 0 and below {LARGEST}, or {axes} of them (one per spatial axis)"
        raise ParameterError(message(function, "scale_factor", wanted, repr(scale_factor)))
    return tuple(map(float, values))


def _is_scale(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return 0 < float(value) < LARGEST
    except OverflowError:
        return False
