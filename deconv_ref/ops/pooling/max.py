"""Maximum pooling and its gradient."""

from collections.abc import Sequence
from math import prod
from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_choice, full_size, volume
from deconv_ref.ops.pooling.arguments import MaxPooled, check_indices, check_input, flat
from deconv_ref.parameters import Padding, PerAxis
from deconv_ref.window import pool_window

__all__ = ["max_pool", "max_pool_backward"]


def max_pool(
    x: Any,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> MaxPooled:
    r"""Take the maximum of each window, and where it was found.

    Equations P1 and P2, in one dimension:

    .. math::
        y_{n,c,o} &= \max_t \, x_{n,\,c,\,oS + tA - P} \\
        \mathrm{indices}_{n,c,o} &=
            \min \, \{ i = oS + tA - P \mid x_{n,c,i} = y_{n,c,o} \}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis, in cells; `kernel_size` by default.
    padding : int, sequence of int, sequence of (int, int), or str
        Cells of minus infinity around each axis: as many on both sides, or ``(before, after)``
        pairs, or a rule of `conv`: ``"valid"``, ``"same"``, ``"same_lower"``, ``"full"``.
    dilation : int or sequence of int
        Distance between taps per axis, in cells.
    ceil_mode : bool
        True rounds the number of positions up, so that a last window may reach beyond the padding.
        If it would not start inside the axis or its leading padding, it is left out.

    Returns
    -------
    MaxPooled
        ``y``, of x's dtype, and ``indices``, int64 and flat over the spatial axes of `x`; both
        ``(N, C, *output)``. Per axis ``output = (n + before + after - dilation * (kernel_size - 1)
        - 1) // stride + 1``, or the same quotient rounded up in `ceil_mode`.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If `x` has not one to three spatial axes or a spatial size of the result is below 1.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    max_pool_backward : Its gradient.
    max_unpool : Puts values back in their places.

    Notes
    -----
    Ties: the first maximum in row-major order has the index, +0 and -0 being equal. A NaN in the
    window gives NaN and the index of the first NaN. A cell of minus infinity is above padding; a
    window of padding alone gives minus infinity and index -1.

    The documents' D2 prints the maximum of one window, at no position and without stride, and
    takes x for the image and for an index of it; P1 is what it means.

    Frameworks differ: PyTorch gives the index of the last NaN of several and takes a padding of at
    most half the window, equal on both sides. TensorFlow, Keras and JAX have no `ceil_mode`.
    Indices of ONNX count over batch and channels too; those of TensorFlow over channels, which come
    last.

    Examples
    --------
    Two windows of three that share a cell; the second holds its maximum twice:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> pooled = dr.max_pool(np.array([[[1.0, 9.0, 4.0, 7.0, 7.0]]]), 3, stride=2)
    >>> pooled.y
    array([[[9., 7.]]])
    >>> pooled.indices
    array([[[1, 3]]])
    """
    kernels, x = backend.kernels("max_pool", "pooling", x=x)
    check_input("max_pool", x=x)
    check_choice("max_pool", "ceil_mode", ceil_mode, (False, True))
    window = pool_window("max_pool", x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = kernels.max_pool(volume(x), window.volume())
    shape = y.shape[:2] + window.output_size
    return MaxPooled(y.reshape(shape), indices.reshape(shape))


def max_pool_backward(grad_y: Any, indices: Any, input_size: Sequence[int]) -> Any:
    r"""Compute the gradient of maximum pooling.

    With L the scalar whose gradient is sought (P3, one dimension):

    .. math:: \partial L / \partial x_{n,c,i} =
        \sum_{o:\ \mathrm{indices}_{n,c,o} = i} \bar y_{n,c,o}

    Parameters
    ----------
    grad_y : array of shape (N, C, *output)
        Gradient of L with respect to the ``y`` of `max_pool`, float32 or float64.
    indices : array of shape (N, C, *output)
        The ``indices`` of `max_pool`, int64.
    input_size : sequence of int
        Shape of the input of `max_pool`, ``(N, C, *spatial)``.

    Returns
    -------
    array of shape `input_size`
        The gradient, of grad_y's dtype.

    Raises
    ------
    DTypeError
        If `grad_y` is not float32 or float64, or `indices` not int64.
    ShapeError
        If the shapes do not fit each other.
    ParameterError
        If an index is below -1 or beyond the cells of a channel.

    See Also
    --------
    max_pool : The operator.

    Notes
    -----
    Where windows overlap and share their maximum, its gradients add up, in row-major order of the
    positions. The whole gradient goes to the one cell at the index, of ties and of NaN too; that at
    index -1 goes nowhere.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[1.0, 9.0, 4.0, 7.0, 8.0]]])
    >>> pooled = dr.max_pool(x, 3, stride=1)
    >>> dr.max_pool_backward(np.array([[[1.0, 20.0, 300.0]]]), pooled.indices, x.shape)
    array([[[  0.,  21.,   0.,   0., 300.]]])
    """
    name = "max_pool_backward"
    kernels, grad_y, indices = backend.kernels(name, "pooling", grad_y=grad_y, indices=indices)
    check_input(name, grad_y=grad_y)
    shape = full_size(name, "input_size", input_size, "grad_y", grad_y)
    check_indices(name, indices, grad_y.shape, shape[2:])
    grad_x = kernels.max_pool_backward(flat(grad_y), flat(indices), prod(shape[2:]))
    return grad_x.reshape(shape)
