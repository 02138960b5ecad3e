"""Smooth linear units: about the input where it is positive, about 0 where it is not."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating
from deconv_ref.ops.activations.arguments import check_pair, finite

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
]


def elu(x: Any, alpha: float = 1.0) -> Any:
    r"""Let what is negative fall off exponentially to a floor.

    Equation F8, with a the depth of the floor:

    .. math:: y = x \text{ if } x > 0, \quad a (e^x - 1) \text{ otherwise}

    Parameters
    ----------
    x : array of any shape
        Input, float32 or float64.
    alpha : float
        How far below 0 the result may fall.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ParameterError
        If `alpha` is no finite number.

    See Also
    --------
    elu_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    PyTorch, Keras, JAX and ONNX agree on the equation.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
    Linear Units", arXiv:1511.07289.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.elu(np.array([-1000.0, 0.0, 3.0]), 2.0)
    array([-2.,  0.,  3.])
    """
    kernels, x = backend.kernels("elu", "activations", x=x)
    check_floating("elu", x=x)
    alpha = finite("elu", "alpha", alpha)
    return kernels.elu(x, alpha)


def elu_backward(grad_y: Any, x: Any, alpha: float = 1.0) -> Any:
    r"""Compute the gradient of elu.

    With L the scalar whose gradient is sought (F9):

    .. math::
        \partial L / \partial x = \bar y \text{ if } x > 0, \quad
            \bar y \, a \, e^x \text{ otherwise}

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `elu`.
    x : array of any shape
        Input of `elu`.
    alpha : float
        As it was passed to `elu`.

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
        If `alpha` is no finite number.

    See Also
    --------
    elu : The operator.

    Notes
    -----
    The derivative at 0 is `alpha`. NaN in `x` gives NaN.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Taking the derivative from the result, as `y + alpha`, loses digits for large negative `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.elu_backward(np.array([5.0, 5.0, 5.0]), np.array([-1000.0, 0.0, 3.0]), 2.0)
    array([ 0., 10.,  5.])
    """
    kernels, grad_y, x = backend.kernels("elu_backward", "activations", grad_y=grad_y, x=x)
    check_pair("elu_backward", grad_y, x)
    alpha = finite("elu_backward", "alpha", alpha)
    return kernels.elu_backward(grad_y, x, alpha)


def gelu(x: Any) -> Any:
    r"""Weigh each number by the normal distribution function.

    Equation F16, the exact form:

    .. math::
        y = x \, \Phi(x), \quad
            \Phi(x) = \tfrac12 \left( 1 + \operatorname{erf}(x / \sqrt 2) \right)

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
    gelu_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    The limit at minus infinity is 0. The approximation by tanh, which is the default of
    `jax.nn.gelu` and an option elsewhere, is another function: it differs by up to 5e-4. Computing
    1 + erf as printed loses all digits of the tail below -8.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.gelu(np.array([-10.0, 0.0, 10.0]))
    array([-7.61985302e-23,  0.00000000e+00,  1.00000000e+01])
    """
    kernels, x = backend.kernels("gelu", "activations", x=x)
    check_floating("gelu", x=x)
    return kernels.gelu(x)


def gelu_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of gelu.

    With L the scalar whose gradient is sought (F17):

    .. math::
        \partial L / \partial x =
            \bar y \left( \Phi(x) + x \, e^{-x^2/2} / \sqrt{2 \pi} \right)

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `gelu`.
    x : array of any shape
        Input of `gelu`.

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
    gelu : The operator.

    Notes
    -----
    The derivative is 0 near -0.7518. Its relative error is bounded there too: the zero is known to
    twice the precision, and what remains of the derivative has no zero.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.gelu_backward(np.array([4.0, 1.0]), np.array([0.0, -10.0]))
    array([ 2.0000000e+00, -7.6184001e-22])
    """
    kernels, grad_y, x = backend.kernels("gelu_backward", "activations", grad_y=grad_y, x=x)
    check_pair("gelu_backward", grad_y, x)
    return kernels.gelu_backward(grad_y, x)


def silu(x: Any) -> Any:
    r"""Weigh each number by its sigmoid.

    Equation F18:

    .. math:: y = x / (1 + e^{-x})

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
    silu_backward : Its gradient.

    Notes
    -----
    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    The limit at minus infinity is 0, where the product of `x` and its sigmoid would be NaN. Also
    called swish.

    References
    ----------
    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units for Neural Network Function
    Approximation in Reinforcement Learning", arXiv:1702.03118.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.silu(np.array([-np.inf, 0.0, 100.0]))
    array([ -0.,   0., 100.])
    """
    kernels, x = backend.kernels("silu", "activations", x=x)
    check_floating("silu", x=x)
    return kernels.silu(x)


def silu_backward(grad_y: Any, x: Any) -> Any:
    r"""Compute the gradient of silu.

    With L the scalar whose gradient is sought (F19):

    .. math:: \partial L / \partial x = \bar y \, \frac{1 + e^{-x} + x e^{-x}}{(1 + e^{-x})^2}

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `silu`.
    x : array of any shape
        Input of `silu`.

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
    silu : The operator.

    Notes
    -----
    The derivative is 0 near -1.2785. Its relative error is bounded there too: the zero is known to
    twice the precision, and what remains of the derivative has no zero.

    Evaluated in float64 and rounded once: a float32 result is within 1 ulp of the true value for
    every input. A float64 result is within 6 ulp, in the tails too.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.silu_backward(np.array([4.0, 1.0]), np.array([0.0, -700.0]))
    array([ 2.0000000e+000, -6.8919139e-302])
    """
    kernels, grad_y, x = backend.kernels("silu_backward", "activations", grad_y=grad_y, x=x)
    check_pair("silu_backward", grad_y, x)
    return kernels.silu_backward(grad_y, x)
