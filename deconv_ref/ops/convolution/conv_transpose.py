"""Transposed convolution and its gradients."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_choice, check_floating, check_shape, volume
from deconv_ref.ops.convolution.arguments import ConvGradients, check_operands, oriented, restored
from deconv_ref.parameters import Padding, PerAxis
from deconv_ref.window import conv_transpose_window

__all__ = ["conv_transpose", "conv_transpose_backward"]


def conv_transpose(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
    relu: bool = False,
) -> Any:
    r"""Apply the adjoint of `conv`: what networks call deconvolution.

    Every input value paints its kernel, scaled, onto the result; overlaps add up. Read from the
    result (Q2, one dimension, one group):

    .. math:: y_{n,c,i} = b_c + \sum_m \sum_{o,t:\ oS + tA - P = i} x_{n,m,o} \, w_{m,c,t}

    Parameters
    ----------
    x : array of shape (N, C_in, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    weight : array of shape (C_in, C_out // groups, *kernel)
        Kernels, of x's dtype and rank: the very array of the convolution that this transposes.
    bias : array of shape (C_out,), optional
        Added to every output of its channel.
    stride : int or sequence of int
        Distance between neighbouring inputs in the result per axis, in cells.
    padding : int, sequence of int, sequence of (int, int), or str
        Cells cropped from each axis of the result: the padding of the convolution that this
        transposes. ``"same"`` and ``"same_lower"`` give ``n * stride`` outputs and crop what
        `conv` would pad by that rule; ``"valid"`` crops nothing; ``"full"`` crops
        ``dilation * (kernel - 1)`` on both sides.
    output_padding : int or sequence of int
        Cells added at the end of each axis, below ``max(stride, dilation)``: names one of the
        sizes that `conv` maps to this input.
    dilation : int or sequence of int
        Distance between taps per axis, in cells.
    groups : int
        Number of groups that channels are split into; divides C_in and C_out.
    flip_kernel : bool
        True gives the adjoint of ``conv(..., flip_kernel=True)``.
    relu : bool
        Whether `deconv_ref.relu` follows, with the same bits, while results are written.

    Returns
    -------
    array of shape (N, C_out, *output)
        ``output = (n - 1) * stride - before - after + dilation * (kernel - 1) + 1 +
        output_padding`` per axis, or ``n * stride`` for the "same" rules.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes do not fit each other or a spatial size of the result is below 1.
    ParameterError
        If a parameter is out of its range, or a "same" rule meets an output_padding.

    See Also
    --------
    conv : The operator that this is the adjoint of.
    conv_transpose_backward : Its gradients.

    Notes
    -----
    For all x, v: ``sum(conv(v, w) * x) == sum(v * conv_transpose(x, w))``. The transpose is the
    inverse only where the map is orthogonal; true deconvolution divides spectra instead.

    Where the result is longer than the windows reach ("same" with a kernel below the stride, or
    output_padding), its last cells hold the bias alone.

    Frameworks differ: PyTorch's ``padding`` crops as here; TensorFlow and Keras name the rule only;
    JAX's ``lax.conv_transpose`` counts padding of the dilated input, ``dilation * (kernel - 1) -
    before`` here, and by default does not rotate the kernel.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285,
    chapter 4.

    Examples
    --------
    Two inputs, two cells apart, a kernel of three: they overlap in the middle cell.

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, weight = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]])
    >>> dr.conv_transpose(x, weight, stride=2)
    array([[[ 1.,  2., 13., 20., 30.]]])
    """
    name = "conv_transpose"
    kernels, x, weight, bias = backend.kernels(name, "convolution", x=x, weight=weight, bias=bias)
    check_operands(name, x, weight, bias, groups, flip_kernel, transposed=True)
    window = conv_transpose_window(
        name, x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation
    )
    flipped = oriented(weight, flip_kernel)
    check_choice(name, "relu", relu, (False, True))
    y = kernels.input_gradient(volume(x), flipped, bias, window.volume(), groups, relu)
    return y.reshape(y.shape[:2] + window.input_size)


def conv_transpose_backward(
    grad_y: Any,
    x: Any,
    weight: Any,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
    needs_x: bool = True,
) -> ConvGradients:
    r"""Compute the gradients of a transposed convolution.

    With L the scalar whose gradient is sought (Q1, Q3 with its arrays exchanged, and Q4; one
    dimension, one group):

    .. math::
        \partial L / \partial x_{n,m,o} &=
            \sum_c \sum_t \bar y_{n,\,c,\,oS + tA - P} \, w_{m,c,t} \\
        \partial L / \partial w_{m,c,t} &=
            \sum_n \sum_o x_{n,m,o} \, \bar y_{n,\,c,\,oS + tA - P} \\
        \partial L / \partial b_c &= \sum_n \sum_i \bar y_{n,c,i}

    Parameters
    ----------
    grad_y : array of shape (N, C_out, *output)
        Gradient of L with respect to the result of `conv_transpose`.
    x : array of shape (N, C_in, *spatial)
        Input of `conv_transpose`.
    weight : array of shape (C_in, C_out // groups, *kernel)
        Kernels of `conv_transpose`.
    stride, padding, output_padding, dilation, groups, flip_kernel : as for `conv_transpose`
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
        As `conv_transpose` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    conv_transpose : The operator.

    Notes
    -----
    The gradient of ``x`` is a convolution: the same map as `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, weight = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]])
    >>> grad_y = np.array([[[1.0, 0.0, 0.0, 0.0, 2.0]]])
    >>> gradients = dr.conv_transpose_backward(grad_y, x, weight, stride=2)
    >>> gradients.x
    array([[[1., 6.]]])
    >>> gradients.weight
    array([[[ 1.,  0., 20.]]])
    >>> gradients.bias
    array([3.])
    """
    name = "conv_transpose_backward"
    kernels, grad_y, x, weight = backend.kernels(
        name, "convolution", grad_y=grad_y, x=x, weight=weight
    )
    check_operands(name, x, weight, None, groups, flip_kernel, transposed=True)
    check_floating(name, x=x, grad_y=grad_y)
    window = conv_transpose_window(
        name, x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation
    )
    y_shape = (x.shape[0], weight.shape[1] * groups, *window.input_size)
    check_choice(name, "needs_x", needs_x, (False, True))
    check_shape(name, "grad_y", grad_y, y_shape, "It has the shape of conv_transpose's result")

    window, grad_y = window.volume(), volume(grad_y)
    flipped = oriented(weight, flip_kernel)
    grad_x = None
    if needs_x:
        grad_x = kernels.forward(grad_y, flipped, None, window, groups).reshape(x.shape)
    grad_weight = kernels.weight_gradient(volume(x), grad_y, window, groups)
    return ConvGradients(
        grad_x,
        restored(grad_weight, weight.shape, flip_kernel),
        kernels.bias_gradient(grad_y),
    )
