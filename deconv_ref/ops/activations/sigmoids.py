"""The sigmoid, the hyperbolic tangent, and softplus, whose derivative is the sigmoid."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating
from deconv_ref.ops.activations.arguments import check_pair

__all__ = [
    "sigmoid",
    "sigmoid_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]


def sigmoid(x: Any) -> Any:
    r"""Map the numbers to between 0 and 1.

    Equation F10 (C3 of the documents):

    .. math:: y = 1 / (1 + e^{-x})

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
    sigmoid_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    The limits at the infinities are 0 and 1. Implementations that clip `x` first, or use the
    printed formula for negative `x`, lose the tail.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.sigmoid(np.array([-700.0, 0.0, 700.0]))
    array([9.85967654e-305, 5.00000000e-001, 1.00000000e+000])
    """
    kernels, x = backend.kernels("sigmoid", "activations", x=x)
    check_floating("sigmoid", x=x)
    return kernels.sigmoid(x)


def sigmoid_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of the sigmoid.

    With L the scalar whose gradient is sought (F11):

    .. math:: \partial L / \partial x = \bar y \, y (1 - y), \quad y = 1 / (1 + e^{-x})

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `sigmoid`.
    x : array of any shape
        Input of `sigmoid`.

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
    sigmoid : The operator.

    Notes
    -----
    `1 - y` is not formed as a difference, so that the gradient keeps its digits for large `x`,
    where frameworks that compute it from `y` give 0.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.sigmoid_backward(np.array([4.0, 1.0]), np.array([0.0, 700.0]))
    array([1.00000000e+000, 9.85967654e-305])
    """
    kernels, grad_y, x = backend.kernels("sigmoid_backward", "activations", grad_y=grad_y, x=x)
    check_pair("sigmoid_backward", grad_y, x)
    return kernels.sigmoid_backward(grad_y, x)


def tanh(x: Any) -> Any:
    r"""Map the numbers to between -1 and 1.

    Equation F12 (C4 of the documents):

    .. math:: y = (e^x - e^{-x}) / (e^x + e^{-x})

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
    tanh_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    The limits at the infinities are -1 and 1. Frameworks agree to a few ulp.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.tanh(np.array([-20.0, 0.0, 0.5]))
    array([-1.        ,  0.        ,  0.46211716])
    """
    kernels, x = backend.kernels("tanh", "activations", x=x)
    check_floating("tanh", x=x)
    return kernels.tanh(x)


def tanh_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of the hyperbolic tangent.

    With L the scalar whose gradient is sought (F13):

    .. math:: \partial L / \partial x = \bar y \left( \frac{2}{e^x + e^{-x}} \right)^2

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `tanh`.
    x : array of any shape
        Input of `tanh`.

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
    tanh : The operator.

    Notes
    -----
    The derivative is 1 - y^2, but is not formed as that difference, so that it keeps its digits
    for large `x`, where frameworks that compute it from `y` give 0.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.tanh_backward(np.array([3.0, 1.0]), np.array([0.0, 20.0]))
    array([3.0000000e+00, 1.6993417e-17])
    """
    kernels, grad_y, x = backend.kernels("tanh_backward", "activations", grad_y=grad_y, x=x)
    check_pair("tanh_backward", grad_y, x)
    return kernels.tanh_backward(grad_y, x)


def softplus(x: Any) -> Any:
    r"""Round off the corner of the rectifier.

    Equation F14:

    .. math:: y = \log(1 + e^x)

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
    softplus_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    The limits at the infinities are 0 and infinity. PyTorch returns `x` itself above a threshold
    of 20, and has a sharpness `beta`, which is 1 here.

    References
    ----------
    Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", NIPS
    2000.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.softplus(np.array([-700.0, 0.0, 700.0]))
    array([9.85967654e-305, 6.93147181e-001, 7.00000000e+002])
    """
    kernels, x = backend.kernels("softplus", "activations", x=x)
    check_floating("softplus", x=x)
    return kernels.softplus(x)


def softplus_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of softplus.

    With L the scalar whose gradient is sought (F15):

    .. math:: \partial L / \partial x = \bar y / (1 + e^{-x})

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `softplus`.
    x : array of any shape
        Input of `softplus`.

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
    softplus : The operator.

    Notes
    -----
    The derivative is the sigmoid.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.softplus_backward(np.array([4.0, 1.0]), np.array([0.0, -700.0]))
    array([2.00000000e+000, 9.85967654e-305])
    """
    kernels, grad_y, x = backend.kernels("softplus_backward", "activations", grad_y=grad_y, x=x)
    check_pair("softplus_backward", grad_y, x)
    return kernels.softplus_backward(grad_y, x)
