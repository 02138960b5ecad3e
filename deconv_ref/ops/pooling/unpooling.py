"""Maximum and average unpooling, and their gradients."""

from collections.abc import Sequence
from math import prod
from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_spatial, full_size, volume
from deconv_ref.errors import ShapeError, message
from deconv_ref.ops.pooling.arguments import (
    check_indices,
    check_input,
    check_int64,
    flat,
)
from deconv_ref.parameters import PerAxis
from deconv_ref.window import unpool_window

__all__ = ["avg_unpool", "avg_unpool_backward", "max_unpool", "max_unpool_backward"]


def max_unpool(x: Any, indices: Any, output_size: Sequence[int]) -> Any:
    r"""Put values in the places that `max_pool` recorded, and zeros everywhere else.

    Equation P4, in one dimension:

    .. math:: y_{n,c,i} = x_{n,c,o}, \qquad
        o = \max \, \{ o' \mid \mathrm{indices}_{n,c,o'} = i \}

    and 0 where no index is i.

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Values, float32 or float64, with one to three spatial axes.
    indices : array of shape (N, C, *spatial)
        A place for each value, int64 and flat over the spatial axes of the result: the ``indices``
        of `max_pool`. -1 is nowhere.
    output_size : sequence of int
        Shape of the result, ``(N, C, *spatial)``: that of the input of `max_pool`.

    Returns
    -------
    array of shape `output_size`
        Of x's dtype.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64, or `indices` not int64.
    ShapeError
        If the shapes do not fit each other.
    ParameterError
        If an index is below -1 or beyond the cells of a channel.

    See Also
    --------
    max_unpool_backward : Its gradient.
    max_pool : Gives the indices.

    Notes
    -----
    Of several values for one place the last in row-major order stays. Values are copied, NaN and
    infinities too.

    The documents' C calls this step "the inverse of max pooling (avgpooling)". Max pooling has no
    inverse: what was not a maximum is lost. Unpooling is a right inverse at the recorded places:
    reading there what it put there gives `x` again, where no two places are the same. Pooling it
    again does so too, where besides windows do not overlap and no value is below 0.

    Frameworks differ: PyTorch does not say which of several values stays, and refuses -1. Indices
    of ONNX count over batch and channels too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[1.0, 9.0, 4.0, 7.0]]])
    >>> pooled = dr.max_pool(x, 2)
    >>> dr.max_unpool(pooled.y, pooled.indices, x.shape)
    array([[[0., 9., 0., 7.]]])
    """
    name = "max_unpool"
    kernels, x, indices = backend.kernels(name, "pooling", x=x, indices=indices)
    check_input(name, x=x)
    shape = full_size(name, "output_size", output_size, "x", x)
    check_indices(name, indices, x.shape, shape[2:])
    return kernels.max_unpool(flat(x), flat(indices), prod(shape[2:])).reshape(shape)


def max_unpool_backward(grad_y: Any, indices: Any) -> Any:
    r"""Compute the gradient of maximum unpooling.

    With L the scalar whose gradient is sought (P5, one dimension):

    .. math:: \partial L / \partial x_{n,c,o} = \bar y_{n,\,c,\,\mathrm{indices}_{n,c,o}}

    or 0 where the value was overwritten or its index is -1.

    Parameters
    ----------
    grad_y : array of shape (N, C, *output)
        Gradient of L with respect to the result of `max_unpool`, float32 or float64.
    indices : array of shape (N, C, *spatial)
        As passed to `max_unpool`.

    Returns
    -------
    array of shape (N, C, *spatial)
        The gradient, of grad_y's dtype.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `max_unpool` does.

    See Also
    --------
    max_unpool : The operator.

    Notes
    -----
    A value that a later one with the same index overwrote gets 0, as the result does not depend
    on it. PyTorch gives it the gradient of the place that it lost.

    Examples
    --------
    Two values for cell 1, of which the second stayed:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.max_unpool_backward(np.array([[[5.0, 6.0, 7.0]]]), np.array([[[1, 1, 2]]]))
    array([[[0., 6., 7.]]])
    """
    name = "max_unpool_backward"
    kernels, grad_y, indices = backend.kernels(name, "pooling", grad_y=grad_y, indices=indices)
    check_input(name, grad_y=grad_y)
    check_int64(name, indices)
    if indices.ndim != grad_y.ndim or indices.shape[:2] != grad_y.shape[:2]:
        wanted = f"of shape (N, C, *spatial) with grad_y's N, C and rank, {grad_y.shape}"
        raise ShapeError(message(name, "indices", wanted, f"shape {indices.shape}"))
    check_spatial(name, "indices", indices)
    check_indices(name, indices, indices.shape, grad_y.shape[2:])
    return kernels.max_unpool_backward(flat(grad_y), flat(indices)).reshape(indices.shape)


def avg_unpool(
    x: Any,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis | Sequence[tuple[int, int]] = 0,
    output_size: Sequence[int] | None = None,
) -> Any:
    r"""Give each cell the mean of the values whose windows cover it.

    Equation P8, in one dimension, over the positions that meet cell i:

    .. math:: y_{n,c,i} = \frac{1}{\mathrm{covers}_i} \sum_{o:\ 0 \le i + P - oS < K} x_{n,c,o}

    with :math:`\mathrm{covers}_i` their number; 0 where there is none.

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        One value for each position of the window, float32 or float64, with one to three spatial
        axes.
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis, in cells; `kernel_size` by default.
    padding : int, sequence of int, or sequence of (int, int)
        Cells cropped from each axis of the result: the padding of the pooling that this goes back
        through. Explicit only.
    output_size : sequence of int, optional
        Shape of the result, ``(N, C, *spatial)``, any spatial size of at least 1: cells beyond the
        windows are 0, and windows are cut off at the end.

    Returns
    -------
    array of shape `output_size`
        Of x's dtype. By default ``(n - 1) * stride - before - after + kernel_size`` per axis.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If shapes do not fit each other or a spatial size of the result is below 1.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    avg_unpool_backward : Its gradient.
    avg_pool : What this goes back through.
    avg_pool_backward : The adjoint of `avg_pool`, which adds where this averages.

    Notes
    -----
    Terms are added in row-major order, in x's dtype, and divided once. Where windows do not overlap
    this repeats each value over its window. A constant stays one, up to rounding, on every cell
    that is covered.

    Examples
    --------
    Two windows of three that share a cell:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.avg_unpool(np.array([[[2.0, 8.0]]]), 3, stride=2)
    array([[[2., 2., 5., 8., 8.]]])
    """
    name = "avg_unpool"
    kernels, x = backend.kernels(name, "pooling", x=x)
    check_input(name, x=x)
    size = None
    if output_size is not None:
        size = full_size(name, "output_size", output_size, "x", x)[2:]
    window = unpool_window(name, x.shape[2:], kernel_size, stride, padding, size)
    y = kernels.avg_unpool(volume(x), window.volume())
    return y.reshape(y.shape[:2] + window.input_size)


def avg_unpool_backward(
    grad_y: Any,
    input_size: Sequence[int],
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis | Sequence[tuple[int, int]] = 0,
) -> Any:
    r"""Compute the gradient of average unpooling.

    With L the scalar whose gradient is sought (P9, one dimension):

    .. math:: \partial L / \partial x_{n,c,o} =
        \sum_t \bar y_{n,\,c,\,oS + t - P} \,/\, \mathrm{covers}_{oS + t - P}

    Parameters
    ----------
    grad_y : array of shape (N, C, *output)
        Gradient of L with respect to the result of `avg_unpool`, float32 or float64. Its shape
        says what `output_size` was.
    input_size : sequence of int
        Shape of the input of `avg_unpool`, ``(N, C, *spatial)``.
    kernel_size, stride, padding : as for `avg_unpool`
        As they were passed to it.

    Returns
    -------
    array of shape `input_size`
        The gradient, of grad_y's dtype.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `avg_unpool` does.

    See Also
    --------
    avg_unpool : The operator.

    Notes
    -----
    The adjoint of `avg_unpool`. Each quotient is rounded, then they are added in row-major order of
    the cells. A value whose window meets no cell of the result gets 0.

    Examples
    --------
    The cell that two windows share gives half of its gradient to each:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> grad_y = np.array([[[1.0, 20.0, 300.0, 4000.0, 50000.0]]])
    >>> dr.avg_unpool_backward(grad_y, (1, 1, 2), 3, stride=2)
    array([[[  171., 54150.]]])
    """
    name = "avg_unpool_backward"
    kernels, grad_y = backend.kernels(name, "pooling", grad_y=grad_y)
    check_input(name, grad_y=grad_y)
    shape = full_size(name, "input_size", input_size, "grad_y", grad_y)
    window = unpool_window(name, shape[2:], kernel_size, stride, padding, grad_y.shape[2:])
    return kernels.avg_unpool_backward(volume(grad_y), window.volume()).reshape(shape)
