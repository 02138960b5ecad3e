"""Cross entropies of two outcomes."""

from typing import Any

from deconv_ref import backend
from deconv_ref.ops.losses.arguments import check_grad, check_operands

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
]


def binary_cross_entropy(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Measure the cross entropy of probabilities of two outcomes.

    Equation J8, reduced by J1:

    .. math:: -(t \log x + (1 - t) \log(1 - x))

    Parameters
    ----------
    prediction : array of any shape
        Probabilities of the outcome 1, float32 or float64.
    target : array of prediction's shape
        Probabilities that are right, from 0 to 1.
    reduction : str
        ``"mean"`` averages over the values, ``"sum"`` adds them up, ``"none"`` leaves them.

    Returns
    -------
    array of shape () or prediction's
        The loss.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    binary_cross_entropy_backward : Its gradient.
    binary_cross_entropy_with_logits : The same before the sigmoid.

    Notes
    -----
    0 log 0 is 0: a prediction of exactly 0 or 1 costs nothing where the target is that number, and
    infinity otherwise. Nothing is clipped. PyTorch holds each logarithm above -100; Keras and
    TensorFlow hold `x` away from 0 and 1 by 1e-7.

    Predictions outside 0 to 1 give NaN. For targets from 0 to 1 every value is within 6 ulp
    (float64) or 1 ulp (float32) of the true one. The values are added in a fixed order with their
    rounding errors carried along, so that the reduced loss is rounded once. The mean of no values
    is NaN, their sum 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 1.0, 1.0]])
    >>> dr.binary_cross_entropy(x, t, reduction="none")
    array([[0.        , 0.69314718, 0.        ]])
    """
    kernels, prediction, target = backend.kernels(
        "binary_cross_entropy", "losses", prediction=prediction, target=target
    )
    check_operands("binary_cross_entropy", prediction, target, reduction)
    return kernels.binary_cross_entropy(prediction, target, reduction)


def binary_cross_entropy_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `binary_cross_entropy`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J9):

    .. math::
        \partial L / \partial x =
            \left( \frac{1 - t}{1 - x} - \frac{t}{x} \right) g / \mathrm{count}

    Parameters
    ----------
    prediction : array of any shape
        As it was passed to `binary_cross_entropy`.
    target : array of prediction's shape
        As it was passed to `binary_cross_entropy`.
    reduction : str
        As it was passed to `binary_cross_entropy`.
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
        If `target` has not the shape of `prediction`, or `grad_loss` not the loss's.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    binary_cross_entropy : The loss.

    Notes
    -----
    A term whose weight `t` or `1 - t` is 0 is 0. So at `x = t = 0` the derivative is 1, at `x = t
    = 1` it is -1: the limits. Predictions outside 0 to 1 give NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 1.0, 1.0]])
    >>> dr.binary_cross_entropy_backward(x, t, reduction="sum")
    array([[ 1., -2., -1.]])
    """
    name = "binary_cross_entropy_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_operands(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, prediction.shape, reduction)
    return kernels.binary_cross_entropy_backward(prediction, target, grad, reduction)


def binary_cross_entropy_with_logits(
    prediction: Any, target: Any, *, reduction: str = "mean"
) -> Any:
    r"""Measure the cross entropy of two outcomes, given their logit.

    Equation J10, which is J8 at the sigmoid of x, reduced by J1:

    .. math:: t \log(1 + e^{-x}) + (1 - t) \log(1 + e^x)

    Parameters
    ----------
    prediction : array of any shape
        Logits of the outcome 1, float32 or float64.
    target : array of prediction's shape
        Probabilities that are right, from 0 to 1.
    reduction : str
        ``"mean"`` averages over the values, ``"sum"`` adds them up, ``"none"`` leaves them.

    Returns
    -------
    array of shape () or prediction's
        The loss.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If `target` has not the shape of `prediction`.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    binary_cross_entropy_with_logits_backward : Its gradient.
    binary_cross_entropy : The same of probabilities.

    Notes
    -----
    For targets from 0 to 1 every value is within 6 ulp (float64) or 1 ulp (float32) of the true
    one, in the tails too. An infinite logit on the target's side costs nothing, on the other
    infinity, where formulas that subtract `x t` give NaN. The values are added in a fixed order
    with their rounding errors carried along, so that the reduced loss is rounded once. The mean of
    no values is NaN, their sum 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[-700.0, 0.0, 700.0]]), np.array([[0.0, 0.5, 0.0]])
    >>> dr.binary_cross_entropy_with_logits(x, t, reduction="none")
    array([[9.85967654e-305, 6.93147181e-001, 7.00000000e+002]])
    """
    kernels, prediction, target = backend.kernels(
        "binary_cross_entropy_with_logits", "losses", prediction=prediction, target=target
    )
    check_operands("binary_cross_entropy_with_logits", prediction, target, reduction)
    return kernels.binary_cross_entropy_with_logits(prediction, target, reduction)


def binary_cross_entropy_with_logits_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `binary_cross_entropy_with_logits`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J11):

    .. math:: \partial L / \partial x = \left( \frac{1}{1 + e^{-x}} - t \right) g / \mathrm{count}

    Parameters
    ----------
    prediction : array of any shape
        As it was passed to `binary_cross_entropy_with_logits`.
    target : array of prediction's shape
        As it was passed to `binary_cross_entropy_with_logits`.
    reduction : str
        As it was passed to `binary_cross_entropy_with_logits`.
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
        If `target` has not the shape of `prediction`, or `grad_loss` not the loss's.
    ParameterError
        If `reduction` is none of the three.

    See Also
    --------
    binary_cross_entropy_with_logits : The loss.

    Notes
    -----
    Targets of 0 and 1 leave no difference to cancel: `s(x) - 1` is `-s(-x)`. For soft targets the
    error is relative to `s(x) (1 - t) + t s(-x)`.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[-700.0, 0.0, 700.0]]), np.array([[0.0, 0.5, 1.0]])
    >>> dr.binary_cross_entropy_with_logits_backward(x, t, reduction="sum")
    array([[ 9.85967654e-305,  0.00000000e+000, -9.85967654e-305]])
    """
    name = "binary_cross_entropy_with_logits_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_operands(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, prediction.shape, reduction)
    return kernels.binary_cross_entropy_with_logits_backward(prediction, target, grad, reduction)
