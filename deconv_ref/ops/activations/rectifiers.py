"""Rectifiers: relu, leaky relu, and prelu with slopes to learn."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating
from deconv_ref.ops.activations.arguments import (
    PreluGradients,
    by_channel,
    check_pair,
    check_slope,
    finite,
)

__all__ = [
    "leaky_relu",
    "leaky_relu_backward",
    "prelu",
    "prelu_backward",
    "relu",
    "relu_backward",
]


def relu(x: Any) -> Any:
    r"""Set what is negative to 0.

    Equation F1 (C5 of the documents):

    .. math:: y = \max(x, 0)

    Parameters
    ----------
    x : array of any shape
        Input, float32 or float64.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.

    See Also
    --------
    relu_backward : Its gradient.

    Notes
    -----
    NaN stays NaN. Frameworks agree on the operator.

    References
    ----------
    Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    kernels, x = backend.kernels("relu", "activations", x=x)
    check_floating("relu", x=x)
    return kernels.relu(x)


def relu_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of the rectifier.

    With L the scalar whose gradient is sought (F2):

    .. math:: \partial L / \partial x = \bar y \; [x > 0]

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `relu`.
    x : array of any shape
        Input of `relu`.

    Returns
    -------
    array of x's shape
        Gradient of L with respect to `x`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `grad_y` has not the shape of `x`.

    See Also
    --------
    relu : The operator.

    Notes
    -----
    The derivative at 0 is 0, of either sign. NaN in `x` or in `grad_y` gives NaN, also where the
    gradient is 0 otherwise; an infinity there gives 0.

    PyTorch, JAX and TensorFlow also take 0 at 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.relu_backward(np.array([5.0, 6.0, 7.0]), np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 7.])
    """
    kernels, grad_y, x = backend.kernels("relu_backward", "activations", grad_y=grad_y, x=x)
    check_pair("relu_backward", grad_y, x)
    return kernels.relu_backward(grad_y, x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    r"""Scale what is negative by a small slope.

    Equation F3, with s the slope:

    .. math:: y = x \text{ if } x > 0, \quad s x \text{ otherwise}

    Parameters
    ----------
    x : array of any shape
        Input, float32 or float64.
    negative_slope : float
        Factor of what is not positive.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ParameterError
        If `negative_slope` is no finite number.

    See Also
    --------
    leaky_relu_backward : Its gradient.

    Notes
    -----
    The product is made in float64 and rounded once; frameworks round `negative_slope` to float32
    first, and may differ by one ulp in float32. The default is that of PyTorch and ONNX;
    TensorFlow has 0.2.

    References
    ----------
    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML
    2013.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.leaky_relu(np.array([-2.0, 0.0, 3.0]), 0.25)
    array([-0.5,  0. ,  3. ])
    """
    kernels, x = backend.kernels("leaky_relu", "activations", x=x)
    check_floating("leaky_relu", x=x)
    negative_slope = finite("leaky_relu", "negative_slope", negative_slope)
    return kernels.leaky_relu(x, negative_slope)


def leaky_relu_backward(grad_y: Any, x: Any, negative_slope: float = 0.01) -> Any:
    r"""Compute the gradient of the leaky rectifier.

    With L the scalar whose gradient is sought (F4):

    .. math:: \partial L / \partial x = \bar y \text{ if } x > 0, \quad s \bar y \text{ otherwise}

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `leaky_relu`.
    x : array of any shape
        Input of `leaky_relu`.
    negative_slope : float
        As it was passed to `leaky_relu`.

    Returns
    -------
    array of x's shape
        Gradient of L with respect to `x`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `grad_y` has not the shape of `x`.
    ParameterError
        If `negative_slope` is no finite number.

    See Also
    --------
    leaky_relu : The operator.

    Notes
    -----
    The derivative at 0 is `negative_slope`. NaN in `x` gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.leaky_relu_backward(np.array([8.0, 8.0, 8.0]), np.array([-2.0, 0.0, 3.0]), 0.25)
    array([2., 2., 8.])
    """
    kernels, grad_y, x = backend.kernels("leaky_relu_backward", "activations", grad_y=grad_y, x=x)
    check_pair("leaky_relu_backward", grad_y, x)
    negative_slope = finite("leaky_relu_backward", "negative_slope", negative_slope)
    return kernels.leaky_relu_backward(grad_y, x, negative_slope)


def prelu(x: Any, slope: Any) -> Any:
    r"""Scale what is negative by a slope of its channel.

    Equation F5:

    .. math::
        y_{n,c,p} = x_{n,c,p} \text{ if } x_{n,c,p} > 0, \quad
            s_c \, x_{n,c,p} \text{ otherwise}

    Parameters
    ----------
    x : array of shape (N, C, ...)
        Input, float32 or float64, with two axes at least.
    slope : array of shape (C,) or (1,)
        Slope of each channel, or one for all of them, of x's dtype.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `x` has fewer than two axes, or `slope` another shape than (C,) or (1,).

    See Also
    --------
    prelu_backward : Its gradients.
    leaky_relu : The same with a constant slope.

    Notes
    -----
    NaN in `x` gives NaN; so does an infinite `x` over a slope of 0.

    PyTorch takes `slope` in either form, as here. Keras gives every element its own slope unless
    `shared_axes` is set; ONNX broadcasts from the last axis, where the slopes are of shape `(C, 1,
    ...)`.

    References
    ----------
    He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.prelu(np.array([[[-4.0, 1.0], [-4.0, 2.0]]]), np.array([0.5, 0.25]))
    array([[[-2.,  1.],
            [-1.,  2.]]])
    """
    kernels, x, slope = backend.kernels("prelu", "activations", x=x, slope=slope)
    check_floating("prelu", x=x, slope=slope)
    check_slope("prelu", x, slope)
    return kernels.prelu(by_channel(x, slope), slope).reshape(x.shape)


def prelu_backward(grad_y: Any, x: Any, slope: Any) -> PreluGradients:
    r"""Compute the gradients of prelu.

    With L the scalar whose gradient is sought (F6, F7):

    .. math::
        \partial L / \partial x_{n,c,p} &= \bar y_{n,c,p} \text{ if } x_{n,c,p} > 0, \quad
            s_c \, \bar y_{n,c,p} \text{ otherwise} \\
        \partial L / \partial s_c &= \sum_{n,p:\ x_{n,c,p} \le 0} \bar y_{n,c,p} \, x_{n,c,p}

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `prelu`.
    x : array of shape (N, C, ...)
        Input of `prelu`.
    slope : array of shape (C,) or (1,)
        Slopes of `prelu`.

    Returns
    -------
    PreluGradients
        ``x`` and ``slope``, each of the shape and dtype of its operand.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        As `prelu` does, and if `grad_y` has not the shape of `x`.

    See Also
    --------
    prelu : The operator.

    Notes
    -----
    The derivative for `x` at 0 is the slope. NaN in `x` gives NaN there and in the gradient of its
    slope. Positive elements take no part in the sum, whatever their `grad_y`.

    The sum runs over the batch in its order, with rounding errors carried along: float64 is exact
    wherever the sum is a float. An empty batch gives 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[-4.0, 1.0], [-4.0, 2.0]]])
    >>> grad_y, slope = np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([0.5, 0.25])
    >>> gradients = dr.prelu_backward(grad_y, x, slope)
    >>> gradients.x
    array([[[0.5 , 2.  ],
            [0.75, 4.  ]]])
    >>> gradients.slope
    array([ -4., -12.])
    """
    name = "prelu_backward"
    kernels, grad_y, x, slope = backend.kernels(
        name, "activations", grad_y=grad_y, x=x, slope=slope
    )
    check_pair(name, grad_y, x)
    check_floating(name, x=x, slope=slope)
    check_slope(name, x, slope)
    rows = by_channel(grad_y, slope), by_channel(x, slope)
    grad_x, grad_slope = kernels.prelu_backward(*rows, slope)
    return PreluGradients(grad_x.reshape(x.shape), grad_slope)
