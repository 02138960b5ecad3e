"""Convolution and its gradients."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_choice, check_floating, check_shape, volume
from deconv_ref.ops.convolution.arguments import ConvGradients, check_operands, oriented, restored
from deconv_ref.parameters import Padding, PerAxis
from deconv_ref.window import conv_window

__all__ = ["conv", "conv_backward"]


def conv(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
    relu: bool = False,
) -> Any:
    r"""Convolve a batch of signals, images or volumes with a bank of kernels.

    Equation Q1, in one dimension and for one group:

    .. math:: y_{n,m,o} = b_m + \sum_c \sum_t x_{n,\,c,\,oS + tA - P} \, w_{m,c,t}

    Parameters
    ----------
    x : array of shape (N, C_in, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    weight : array of shape (C_out, C_in // groups, *kernel)
        Kernels, of x's dtype and rank.
    bias : array of shape (C_out,), optional
        Added to every output of its channel.
    stride : int or sequence of int
        Step of the window per axis, in cells.
    padding : int, sequence of int, sequence of (int, int), or str
        Zeros around each axis: as many on both sides, or ``(before, after)`` pairs. ``"valid"`` is
        none; ``"same"`` gives ``ceil(n / stride)`` outputs, an odd zero at the end;
        ``"same_lower"`` the same with the odd zero at the start; ``"full"`` every output that one
        tap can reach.
    dilation : int or sequence of int
        Distance between taps per axis, in cells.
    groups : int
        Number of groups that channels are split into; divides C_in and C_out.
    flip_kernel : bool
        False is cross-correlation, what frameworks call convolution. True rotates the kernel by
        180 degrees first: convolution as in mathematics and in the documents (C1, D1).
    relu : bool
        Whether `deconv_ref.relu` follows, with the same bits, while results are written.

    Returns
    -------
    array of shape (N, C_out, *output)
        ``output = (n + before + after - dilation * (kernel - 1) - 1) // stride + 1`` per axis.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes do not fit each other or a spatial size of the result is below 1.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    conv_backward : Its gradients.
    conv_transpose : Its adjoint.

    Notes
    -----
    Padding cells do not take part in the sum: an infinite weight over padding does not give NaN,
    as it does where padding is multiplied out.

    Frameworks differ in "same": TensorFlow, Keras, JAX and ONNX (SAME_UPPER) put the odd zero at
    the end as here; PyTorch does too, but offers "same" for stride 1 only. ONNX SAME_LOWER and JAX
    SAME_LOWER are "same_lower" here.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.

    Examples
    --------
    A difference kernel over a ramp and a step:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[0.0, 1.0, 2.0, 9.0]]])
    >>> dr.conv(x, np.array([[[-1.0, 1.0]]]))
    array([[[1., 1., 7.]]])

    As the documents print it, with the kernel rotated:

    >>> dr.conv(x, np.array([[[-1.0, 1.0]]]), flip_kernel=True)
    array([[[-1., -1., -7.]]])
    """
    kernels, x, weight, bias = backend.kernels("conv", "convolution", x=x, weight=weight, bias=bias)
    check_operands("conv", x, weight, bias, groups, flip_kernel, transposed=False)
    window = conv_window("conv", x.shape[2:], weight.shape[2:], stride, padding, dilation)
    check_choice("conv", "relu", relu, (False, True))
    flipped = oriented(weight, flip_kernel)
    y = kernels.forward(volume(x), flipped, bias, window.volume(), groups, relu)
    return y.reshape(y.shape[:2] + window.output_size)


def conv_backward(
    grad_y: Any,
    x: Any,
    weight: Any,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
    needs_x: bool = True,
) -> ConvGradients:
    r"""Compute the gradients of a convolution.

    With L the scalar whose gradient is sought (Q2, Q3 and Q4; one dimension, one group):

    .. math::
        \partial L / \partial x_{n,c,i} &=
            \sum_m \sum_{o,t:\ oS + tA - P = i} \bar y_{n,m,o} \, w_{m,c,t} \\
        \partial L / \partial w_{m,c,t} &=
            \sum_n \sum_o \bar y_{n,m,o} \, x_{n,\,c,\,oS + tA - P} \\
        \partial L / \partial b_m &= \sum_n \sum_o \bar y_{n,m,o}

    Parameters
    ----------
    grad_y : array of shape (N, C_out, *output)
        Gradient of L with respect to the result of `conv`.
    x : array of shape (N, C_in, *spatial)
        Input of `conv`.
    weight : array of shape (C_out, C_in // groups, *kernel)
        Kernels of `conv`.
    stride, padding, dilation, groups, flip_kernel : as for `conv`
        As they were passed to it.
    needs_x : bool
        Whether the gradient of `x` is computed: what comes first in a network has no use for it.

    Returns
    -------
    ConvGradients
        ``x``, ``weight`` and ``bias``, each of the shape and dtype of its operand; without
        `needs_x`, ``x`` is None.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `conv` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    conv : The operator.

    Notes
    -----
    The gradient of ``x`` is a transposed convolution: the same map as `conv_transpose`.

    Examples
    --------
    Each cell collects the taps that read it; the inner cell is read by both:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, weight = np.array([[[5.0, 6.0, 7.0]]]), np.array([[[2.0, 3.0]]])
    >>> gradients = dr.conv_backward(np.array([[[1.0, 10.0]]]), x, weight)
    >>> gradients.x
    array([[[ 2., 23., 30.]]])
    >>> gradients.weight
    array([[[65., 76.]]])
    >>> gradients.bias
    array([11.])
    """
    name = "conv_backward"
    kernels, grad_y, x, weight = backend.kernels(
        name, "convolution", grad_y=grad_y, x=x, weight=weight
    )
    check_operands(name, x, weight, None, groups, flip_kernel, transposed=False)
    check_floating(name, x=x, grad_y=grad_y)
    window = conv_window(name, x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y_shape = (x.shape[0], weight.shape[0], *window.output_size)
    check_choice(name, "needs_x", needs_x, (False, True))
    check_shape(name, "grad_y", grad_y, y_shape, "It has the shape of conv's result")

    window, grad_y = window.volume(), volume(grad_y)
    flipped = oriented(weight, flip_kernel)
    grad_x = None
    if needs_x:
        grad_x = kernels.input_gradient(grad_y, flipped, None, window, groups).reshape(x.shape)
    grad_weight, grad_bias = kernels.parameter_gradients(grad_y, volume(x), window, groups)
    return ConvGradients(grad_x, restored(grad_weight, weight.shape, flip_kernel), grad_bias)
