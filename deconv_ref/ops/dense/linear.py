"""The dense layer and its gradients."""

from typing import Any, NamedTuple

from deconv_ref import backend
from deconv_ref.checks import check_floating, check_shape
from deconv_ref.errors import ShapeError, message

__all__ = ["LinearGradients", "linear", "linear_backward"]


class LinearGradients(NamedTuple):
    """Gradients of a scalar with respect to the operands of `linear`.

    Each has the shape and dtype of its operand. `bias` is always given: it depends on ``grad_y``
    alone.
    """

    x: Any
    weight: Any
    bias: Any


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    r"""Apply a dense layer: each output is a weighted sum of all inputs of its row.

    Equation L1:

    .. math:: y_{n,m} = b_m + \sum_c x_{n,c} \, w_{m,c}

    Parameters
    ----------
    x : array of shape (..., in)
        Rows of features, float32 or float64. Any number of leading axes, (N, in) as a rule.
    weight : array of shape (out, in)
        Weights, of x's dtype.
    bias : array of shape (out,), optional
        Added to every row.

    Returns
    -------
    array of shape (..., out)
        The leading axes are those of `x`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes do not fit each other or there are no features.

    See Also
    --------
    linear_backward : Its gradients.

    Notes
    -----
    Sums run upwards in c by fused multiply-adds, so that a row's result has the same bits whatever
    the rows beside it, the number of threads and the processor. Matrix products of a BLAS promise
    none of this.

    The weight lies as PyTorch and ONNX (Gemm with ``transB=1``) keep it; the kernel of a Keras
    Dense layer and that of a Flax one are its transpose.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.dense.linear import linear
    >>> weight = np.array([[1.0, 10.0, 100.0], [0.0, 2.0, 0.0]])
    >>> linear(np.array([[1.0, 2.0, 3.0]]), weight, np.array([0.5, 0.25]))
    array([[321.5 ,   4.25]])
    """
    kernels, x, weight, bias = backend.kernels("linear", "dense", x=x, weight=weight, bias=bias)
    _check_operands("linear", x, weight, bias)
    y = kernels.forward(_rows(x), weight, bias)
    return y.reshape(*x.shape[:-1], weight.shape[0])


def linear_backward(grad_y: Any, x: Any, weight: Any) -> LinearGradients:
    r"""Compute the gradients of a dense layer.

    With L the scalar whose gradient is sought (L2, L3 and L4):

    .. math::
        \partial L / \partial x_{n,c} &= \sum_m \bar y_{n,m} \, w_{m,c} \\
        \partial L / \partial w_{m,c} &= \sum_n \bar y_{n,m} \, x_{n,c} \\
        \partial L / \partial b_m &= \sum_n \bar y_{n,m}

    Parameters
    ----------
    grad_y : array of shape (..., out)
        Gradient of L with respect to the result of `linear`.
    x : array of shape (..., in)
        Input of `linear`.
    weight : array of shape (out, in)
        Weights of `linear`.

    Returns
    -------
    LinearGradients
        ``x``, ``weight`` and ``bias``, each of the shape and dtype of its operand.

    Raises
    ------
    DTypeError, ShapeError
        As `linear` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    linear : The operator.

    Notes
    -----
    All leading axes count as the batch: the gradients of weight and bias are sums over all of
    them, and 0 for an empty batch.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.dense.linear import linear_backward
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])
    >>> gradients = linear_backward(np.array([[1.0, 10.0]]), x, weight)
    >>> gradients.x
    array([[53., 64.]])
    >>> gradients.weight
    array([[ 1.,  2.],
           [10., 20.]])
    >>> gradients.bias
    array([ 1., 10.])
    """
    name = "linear_backward"
    kernels, grad_y, x, weight = backend.kernels(name, "dense", grad_y=grad_y, x=x, weight=weight)
    _check_operands(name, x, weight, None)
    check_floating(name, x=x, grad_y=grad_y)
    y_shape = (*x.shape[:-1], weight.shape[0])
    check_shape(name, "grad_y", grad_y, y_shape, "It has the shape of linear's result")
    grads, rows = _rows(grad_y), _rows(x)
    return LinearGradients(
        kernels.input_gradient(grads, weight).reshape(x.shape),
        kernels.weight_gradient(grads, rows),
        kernels.bias_gradient(grads),
    )


def _check_operands(function: str, x: Any, weight: Any, bias: Any) -> None:
    check_floating(function, x=x, weight=weight, **({} if bias is None else {"bias": bias}))
    if weight.ndim != 2 or 0 in weight.shape:
        got = f"shape {tuple(weight.shape)}"
        raise ShapeError(message(function, "weight", "(out, in) without empty axes", got))
    features = weight.shape[1]
    if x.ndim == 0 or x.shape[-1] != features:
        wanted = f"(..., in) with in = weight.shape[1] = {features}"
        raise ShapeError(message(function, "x", wanted, f"shape {tuple(x.shape)}"))
    if bias is not None:
        remedy = "It has one value per output feature"
        check_shape(function, "bias", bias, (weight.shape[0],), remedy)


def _rows(array: Any) -> Any:
    """View `array` with all its leading axes joined; their product is named, for -1 fits no 0."""
    rows = 1
    for size in array.shape[:-1]:
        rows *= size
    return array.reshape(rows, array.shape[-1])
