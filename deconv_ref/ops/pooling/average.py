"""Average pooling and its gradient."""

from collections.abc import Sequence
from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_choice, check_shape, full_size, volume
from deconv_ref.ops.pooling.arguments import check_input
from deconv_ref.parameters import Padding, PerAxis
from deconv_ref.window import pool_window

__all__ = ["avg_pool", "avg_pool_backward"]


def avg_pool(
    x: Any,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    r"""Take the mean of each window.

    Equation P6, in one dimension, over the taps :math:`0 \le t < K` that meet the axis:

    .. math:: y_{n,c,o} = \frac{1}{\mathrm{count}_o} \sum_t x_{n,\,c,\,oS + t - P}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis, in cells; `kernel_size` by default.
    padding : int, sequence of int, sequence of (int, int), or str
        Zeros around each axis: as many on both sides, or ``(before, after)`` pairs, or a rule of
        `conv`: ``"valid"``, ``"same"``, ``"same_lower"``, ``"full"``.
    ceil_mode : bool
        True rounds the number of positions up, so that a last window may reach beyond the padding.
        If it would not start inside the axis or its leading padding, it is left out.
    count_include_pad : bool
        Whether the divisor counts the declared padding that a window meets, or cells of `x` alone.
        It never counts what is beyond the declared padding.

    Returns
    -------
    array of shape (N, C, *output)
        Of x's dtype. Per axis ``output = (n + before + after - kernel_size) // stride + 1``, or the
        same quotient rounded up in `ceil_mode`.

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
    avg_pool_backward : Its gradient.
    avg_unpool : Spreads averages over the cells that they stand for.

    Notes
    -----
    Terms are added in row-major order, in x's dtype, and divided once. A NaN or an infinity reaches
    the windows that meet it and no others. A window of padding alone is 0, or NaN (0 / 0) without
    `count_include_pad`.

    The documents' D3 prints the mean of one window, at no position and without stride, and takes x
    for the image and for an index of it. Its divisor, the taps of the window, is that of P6 where
    windows meet neither the border nor what is beyond the padding.

    Frameworks differ: PyTorch counts padding by default as here; TensorFlow, Keras and ONNX do not.
    TensorFlow and Keras have no `ceil_mode`.

    Examples
    --------
    The first window holds one zero of padding, and in `ceil_mode` the last reaches beyond the axis:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[6.0, 2.0, 4.0]]])
    >>> dr.avg_pool(x, 2, padding=[(1, 0)])
    array([[[3., 3.]]])
    >>> dr.avg_pool(x, 2, padding=[(1, 0)], count_include_pad=False)
    array([[[6., 3.]]])
    >>> dr.avg_pool(x, 2, ceil_mode=True)
    array([[[4., 4.]]])
    """
    kernels, x = backend.kernels("avg_pool", "pooling", x=x)
    check_input("avg_pool", x=x)
    check_choice("avg_pool", "ceil_mode", ceil_mode, (False, True))
    check_choice("avg_pool", "count_include_pad", count_include_pad, (False, True))
    window = pool_window("avg_pool", x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    y = kernels.avg_pool(volume(x), window.volume(), count_include_pad)
    return y.reshape(y.shape[:2] + window.output_size)


def avg_pool_backward(
    grad_y: Any,
    input_size: Sequence[int],
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    r"""Compute the gradient of average pooling.

    With L the scalar whose gradient is sought (P7, one dimension):

    .. math:: \partial L / \partial x_{n,c,i} =
        \sum_{o:\ 0 \le i + P - oS < K} \bar y_{n,c,o} \,/\, \mathrm{count}_o

    Parameters
    ----------
    grad_y : array of shape (N, C, *output)
        Gradient of L with respect to the result of `avg_pool`, float32 or float64.
    input_size : sequence of int
        Shape of the input of `avg_pool`, ``(N, C, *spatial)``.
    kernel_size, stride, padding, ceil_mode, count_include_pad : as for `avg_pool`
        As they were passed to it.

    Returns
    -------
    array of shape `input_size`
        The gradient, of grad_y's dtype.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `avg_pool` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    avg_pool : The operator.

    Notes
    -----
    The adjoint of `avg_pool`. Each quotient is rounded, then they are added in row-major order of
    the positions. The gradient of a window of padding alone goes nowhere, be it NaN.

    Examples
    --------
    The middle cell is in both windows:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.avg_pool_backward(np.array([[[2.0, 20.0]]]), (1, 1, 3), 2, stride=1)
    array([[[ 1., 11., 10.]]])
    """
    name = "avg_pool_backward"
    kernels, grad_y = backend.kernels(name, "pooling", grad_y=grad_y)
    check_input(name, grad_y=grad_y)
    shape = full_size(name, "input_size", input_size, "grad_y", grad_y)
    check_choice(name, "ceil_mode", ceil_mode, (False, True))
    check_choice(name, "count_include_pad", count_include_pad, (False, True))
    window = pool_window(name, shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    y_shape = shape[:2] + window.output_size
    check_shape(name, "grad_y", grad_y, y_shape, "It has the shape of avg_pool's result")
    grad_x = kernels.avg_pool_backward(volume(grad_y), window.volume(), count_include_pad)
    return grad_x.reshape(shape)
