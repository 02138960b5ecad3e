"""Cross entropies of several categories, which lie along axis 1."""

from math import prod
from typing import Any

from deconv_ref import backend
from deconv_ref.checks import is_array
from deconv_ref.ops.losses.arguments import check_grad, check_lines, lines, places

__all__ = [
    "categorical_cross_entropy",
    "categorical_cross_entropy_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
]


def categorical_cross_entropy(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Measure the cross entropy of probabilities of several categories.

    Equation J12, with k running along axis 1, reduced by J1:

    .. math:: -\sum_k t_k \log x_k

    Parameters
    ----------
    prediction : array of shape (N, K, ...)
        Probabilities, one per category along axis 1, float32 or float64.
    target : array of prediction's shape
        Probabilities that are right; one-hot or soft.
    reduction : str
        ``"mean"`` averages over the values, one per item and position, ``"sum"`` adds them up,
        ``"none"`` leaves them.

    Returns
    -------
    array of shape (), or prediction's without axis 1
        The loss.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`, or there is no axis 1, or an empty one.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    categorical_cross_entropy_backward : Its gradient.
    softmax_cross_entropy : The same before softmax.

    Notes
    -----
    0 log 0 is 0: a category of target 0 may have probability 0. Nothing is clipped, and
    predictions are not scaled to sum to 1; Keras and TensorFlow do both. A negative prediction
    gives NaN.

    The values are added in a fixed order with their rounding errors carried along, so that the
    reduced loss is rounded once. The mean of no values is NaN, their sum 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[0.25, 0.75, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    >>> dr.categorical_cross_entropy(x, t)
    array(1.38629436)
    """
    kernels, prediction, target = backend.kernels(
        "categorical_cross_entropy", "losses", prediction=prediction, target=target
    )
    check_lines("categorical_cross_entropy", prediction, target, reduction)
    loss = kernels.categorical_cross_entropy(lines(prediction), lines(target), reduction)
    return loss.reshape(places(prediction)) if reduction == "none" else loss


def categorical_cross_entropy_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `categorical_cross_entropy`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J13):

    .. math:: \partial L / \partial x_k = -\frac{t_k}{x_k} \, g / \mathrm{count}

    Parameters
    ----------
    prediction : array of shape (N, K, ...)
        As it was passed to `categorical_cross_entropy`.
    target : array of prediction's shape
        As it was passed to `categorical_cross_entropy`.
    reduction : str
        As it was passed to `categorical_cross_entropy`.
    grad_loss : float or array
        Gradient of L with respect to the loss: a number, or with ``reduction="none"`` also an array
        of the loss's shape.

    Returns
    -------
    array of prediction's shape
        Gradient of L with respect to `prediction`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`, or there is no axis 1, or an empty one, or
        `grad_loss` not the loss's.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    categorical_cross_entropy : The loss.

    Notes
    -----
    Where prediction and target are both 0 the derivative is 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[0.25, 0.75, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    >>> dr.categorical_cross_entropy_backward(x, t)
    array([[-4., -0., -0.]])
    """
    name = "categorical_cross_entropy_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_lines(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, places(prediction), reduction)
    if is_array(grad):
        grad = grad.reshape(len(grad), prod(grad.shape[1:]))
    grad_x = kernels.categorical_cross_entropy_backward(
        lines(prediction), lines(target), grad, reduction
    )
    return grad_x.reshape(prediction.shape)


def softmax_cross_entropy(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Measure the cross entropy of several categories, given their logits.

    Equation J14, which is J12 at the softmax of x along axis 1, reduced by J1:

    .. math:: \sum_k t_k \left( \log \sum_j e^{x_j} - x_k \right)

    Parameters
    ----------
    prediction : array of shape (N, K, ...)
        Logits, one per category along axis 1, float32 or float64.
    target : array of prediction's shape
        Probabilities that are right; one-hot or soft.
    reduction : str
        ``"mean"`` averages over the values, one per item and position, ``"sum"`` adds them up,
        ``"none"`` leaves them.

    Returns
    -------
    array of shape (), or prediction's without axis 1
        The loss.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`, or there is no axis 1, or an empty one.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    softmax_cross_entropy_backward : Its gradient.
    categorical_cross_entropy : The same of probabilities.

    Notes
    -----
    Each term is one of `log_softmax` and keeps its relative accuracy, also where the loss is near
    0. A logit of minus infinity costs nothing where its target is 0. Lines with NaN, plus
    infinity, or of minus infinity alone give NaN. The values are added in a fixed order with their
    rounding errors carried along, so that the reduced loss is rounded once. The mean of no values
    is NaN, their sum 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[700.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> dr.softmax_cross_entropy(x, t, reduction="none")
    array([9.85967654e-305, 6.93147181e-001])
    """
    kernels, prediction, target = backend.kernels(
        "softmax_cross_entropy", "losses", prediction=prediction, target=target
    )
    check_lines("softmax_cross_entropy", prediction, target, reduction)
    loss = kernels.softmax_cross_entropy(lines(prediction), lines(target), reduction)
    return loss.reshape(places(prediction)) if reduction == "none" else loss


def softmax_cross_entropy_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `softmax_cross_entropy`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J15):

    .. math::
        \partial L / \partial x_k =
            \left( \frac{e^{x_k}}{\sum_j e^{x_j}} \sum_j t_j - t_k \right) g / \mathrm{count}

    Parameters
    ----------
    prediction : array of shape (N, K, ...)
        As it was passed to `softmax_cross_entropy`.
    target : array of prediction's shape
        As it was passed to `softmax_cross_entropy`.
    reduction : str
        As it was passed to `softmax_cross_entropy`.
    grad_loss : float or array
        Gradient of L with respect to the loss: a number, or with ``reduction="none"`` also an array
        of the loss's shape.

    Returns
    -------
    array of prediction's shape
        Gradient of L with respect to `prediction`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`, or there is no axis 1, or an empty one, or
        `grad_loss` not the loss's.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    softmax_cross_entropy : The loss.

    Notes
    -----
    Targets need not sum to 1. One-hot targets leave no difference to cancel, so that the gradients
    of a right answer keep their relative accuracy down to the smallest; for soft targets the error
    is relative to the terms. The gradients of a line sum to 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[700.0, 0.0]]), np.array([[1.0, 0.0]])
    >>> dr.softmax_cross_entropy_backward(x, t)
    array([[-9.85967654e-305,  9.85967654e-305]])
    """
    name = "softmax_cross_entropy_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_lines(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, places(prediction), reduction)
    if is_array(grad):
        grad = grad.reshape(len(grad), prod(grad.shape[1:]))
    grad_x = kernels.softmax_cross_entropy_backward(
        lines(prediction), lines(target), grad, reduction
    )
    return grad_x.reshape(prediction.shape)
