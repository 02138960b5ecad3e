"""Activations that normalize a line: softmax and its logarithm."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating
from deconv_ref.ops.activations.arguments import check_axis, check_pair, lines

__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward"]


def softmax(x: Any, axis: int = 1) -> Any:
    r"""Turn a line of logits into probabilities.

    Equation F20, with j running along `axis`:

    .. math:: y_k = e^{x_k} / \sum_j e^{x_j}

    Parameters
    ----------
    x : array of any shape with that axis
        Logits, float32 or float64.
    axis : int
        Axis of the line over which the results are normalized; negative counts from the end.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ParameterError
        If `axis` is no axis of `x`.

    See Also
    --------
    softmax_backward : Its gradient.
    log_softmax : Its logarithm.

    Notes
    -----
    A logit of minus infinity has probability 0. A line with a NaN, with plus infinity, or of minus
    infinity alone gives NaN throughout, as in PyTorch and JAX.

    The largest logit is taken off first, with the rounding error of that difference, and the sum
    runs along the line in its order: probabilities down to the smallest float are within a few
    ulp, which a plain `exp(x - m)` misses by hundreds at logits of -700.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.softmax(np.array([[0.0, 0.0, -700.0]]))
    array([[5.00000000e-001, 5.00000000e-001, 4.92983827e-305]])
    """
    kernels, x = backend.kernels("softmax", "activations", x=x)
    check_floating("softmax", x=x)
    axis = check_axis("softmax", x, axis)
    return kernels.softmax(lines(x, axis)).reshape(x.shape)


def softmax_backward(grad_y: Any, x: Any, axis: int = 1) -> Any:
    r"""Compute the gradient of softmax.

    With L the scalar whose gradient is sought (F21):

    .. math:: \partial L / \partial x_k = y_k \sum_j y_j \, (\bar y_k - \bar y_j)

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `softmax`.
    x : array of any shape with that axis
        Input of `softmax`, not its result.
    axis : int
        As it was passed to `softmax`.

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
        If `axis` is no axis of `x`.

    See Also
    --------
    softmax : The operator.

    Notes
    -----
    The gradients of a line sum to 0. They are differences of `grad_y`, whose error is relative to
    the size of what is subtracted; differences are taken from `grad_y` at the largest logit, so
    that nothing is lost where one probability is near 1.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.softmax_backward(np.array([[4.0, 0.0]]), np.array([[1.0, 1.0]]))
    array([[ 1., -1.]])
    """
    name = "softmax_backward"
    kernels, grad_y, x = backend.kernels(name, "activations", grad_y=grad_y, x=x)
    check_pair(name, grad_y, x)
    axis = check_axis(name, x, axis)
    return kernels.softmax_backward(lines(grad_y, axis), lines(x, axis)).reshape(x.shape)


def log_softmax(x: Any, axis: int = 1) -> Any:
    r"""Turn a line of logits into logarithms of probabilities.

    Equation F22, with j running along `axis`:

    .. math:: y_k = x_k - \log \sum_j e^{x_j}

    Parameters
    ----------
    x : array of any shape with that axis
        Logits, float32 or float64.
    axis : int
        Axis of the line over which the results are normalized; negative counts from the end.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ParameterError
        If `axis` is no axis of `x`.

    See Also
    --------
    log_softmax_backward : Its gradient.
    softmax : Its exponential.

    Notes
    -----
    A logit of minus infinity gives minus infinity. A line with a NaN, with plus infinity, or of
    minus infinity alone gives NaN throughout, as in PyTorch and JAX.

    With m the largest logit, the result is `(x - m) - log1p(sum of the others)`, two terms of one
    sign: it keeps its relative accuracy where one probability is near 1 and its logarithm near 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.log_softmax(np.array([[0.0, -700.0]]))
    array([[-9.85967654e-305, -7.00000000e+002]])
    """
    kernels, x = backend.kernels("log_softmax", "activations", x=x)
    check_floating("log_softmax", x=x)
    axis = check_axis("log_softmax", x, axis)
    return kernels.log_softmax(lines(x, axis)).reshape(x.shape)


def log_softmax_backward(grad_y: Any, x: Any, axis: int = 1) -> Any:
    r"""Compute the gradient of log-softmax.

    With L the scalar whose gradient is sought (F23):

    .. math:: \partial L / \partial x_k = \bar y_k - \frac{e^{x_k}}{\sum_i e^{x_i}} \sum_j \bar y_j

    Parameters
    ----------
    grad_y : array of x's shape
        Gradient of L with respect to the result of `log_softmax`.
    x : array of any shape with that axis
        Input of `log_softmax`, not its result.
    axis : int
        As it was passed to `log_softmax`.

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
        If `axis` is no axis of `x`.

    See Also
    --------
    log_softmax : The operator.

    Notes
    -----
    The gradients of a line sum to 0. One-hot `grad_y` gives differences of no two terms, so that
    small gradients keep their relative accuracy; otherwise the error is relative to the terms.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.log_softmax_backward(np.array([[4.0, 0.0]]), np.array([[1.0, 1.0]]))
    array([[ 2., -2.]])
    """
    name = "log_softmax_backward"
    kernels, grad_y, x = backend.kernels(name, "activations", grad_y=grad_y, x=x)
    check_pair(name, grad_y, x)
    axis = check_axis(name, x, axis)
    return kernels.log_softmax_backward(lines(grad_y, axis), lines(x, axis)).reshape(x.shape)
