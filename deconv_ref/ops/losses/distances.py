"""Losses that measure how far a prediction is from its target."""

from typing import Any

from deconv_ref import backend
from deconv_ref.ops.losses.arguments import check_grad, check_operands, positive

__all__ = [
    "huber",
    "huber_backward",
    "mae",
    "mae_backward",
    "mse",
    "mse_backward",
]


def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    r"""Measure squared errors up to a distance, absolute ones beyond.

    Equation J6, reduced by J1:

    .. math::
        (x - t)^2 / 2 \text{ if } |x - t| \le \delta, \quad
            \delta (|x - t| - \delta / 2) \text{ beyond}

    Parameters
    ----------
    prediction : array of any shape
        Prediction, float32 or float64.
    target : array of prediction's shape
        Target, of the same dtype.
    delta : float
        Distance up to which errors are squared, above 0.
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
        If `reduction` is none of the three, or `delta` is no finite number above 0.

    See Also
    --------
    huber_backward : Its gradient.

    Notes
    -----
    The values are added in a fixed order with their rounding errors carried along, so that the
    reduced loss is rounded once. The mean of no values is NaN, their sum 0.

    The smooth L1 loss of PyTorch is this loss divided by delta.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35
    (1964).

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 5.0]]), np.array([[0.0, 0.0]])
    >>> dr.huber(x, t, delta=2.0, reduction="none")
    array([[0.5, 8. ]])
    """
    kernels, prediction, target = backend.kernels(
        "huber", "losses", prediction=prediction, target=target
    )
    check_operands("huber", prediction, target, reduction)
    delta = positive("huber", "delta", delta)
    return kernels.huber(prediction, target, reduction, delta)


def huber_backward(
    prediction: Any,
    target: Any,
    *,
    delta: float = 1.0,
    reduction: str = "mean",
    grad_loss: Any = 1.0,
) -> Any:
    r"""Compute the gradient of `huber`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J7):

    .. math:: \partial L / \partial x = \min(\max(x - t, -\delta), \delta) \, g / \mathrm{count}

    Parameters
    ----------
    prediction : array of any shape
        As it was passed to `huber`.
    target : array of prediction's shape
        As it was passed to `huber`.
    delta : float
        As it was passed to `huber`.
    reduction : str
        As it was passed to `huber`.
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
        If `reduction` is none of the three, or `delta` is no finite number above 0.

    See Also
    --------
    huber : The loss.

    Notes
    -----
    NaN gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 5.0]]), np.array([[0.0, 0.0]])
    >>> dr.huber_backward(x, t, delta=2.0, reduction="sum")
    array([[1., 2.]])
    """
    name = "huber_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_operands(name, prediction, target, reduction)
    delta = positive(name, "delta", delta)
    grad = check_grad(name, grad_loss, prediction, prediction.shape, reduction)
    return kernels.huber_backward(prediction, target, grad, reduction, delta)


def mae(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Measure the mean absolute error.

    Equation J4, reduced by J1:

    .. math:: |x - t|

    Parameters
    ----------
    prediction : array of any shape
        Prediction, float32 or float64.
    target : array of prediction's shape
        Target, of the same dtype.
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
    mae_backward : Its gradient.

    Notes
    -----
    The values are added in a fixed order with their rounding errors carried along, so that the
    reduced loss is rounded once. The mean of no values is NaN, their sum 0.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 4.0, 3.0]])
    >>> dr.mae(x, t)
    array(1.)
    """
    kernels, prediction, target = backend.kernels(
        "mae", "losses", prediction=prediction, target=target
    )
    check_operands("mae", prediction, target, reduction)
    return kernels.mae(prediction, target, reduction)


def mae_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `mae`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J5):

    .. math:: \partial L / \partial x = \operatorname{sign}(x - t) \, g / \mathrm{count}

    Parameters
    ----------
    prediction : array of any shape
        As it was passed to `mae`.
    target : array of prediction's shape
        As it was passed to `mae`.
    reduction : str
        As it was passed to `mae`.
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
    mae : The loss.

    Notes
    -----
    The derivative is 0 where prediction and target are equal, as in PyTorch. NaN gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])
    >>> dr.mae_backward(x, t, grad_loss=3.0)
    array([[ 0. , -1.5]])
    """
    name = "mae_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_operands(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, prediction.shape, reduction)
    return kernels.mae_backward(prediction, target, grad, reduction)


def mse(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Measure the mean squared error.

    Equation J2 (C6 of the documents), reduced by J1:

    .. math:: (x - t)^2

    Parameters
    ----------
    prediction : array of any shape
        Prediction, float32 or float64.
    target : array of prediction's shape
        Target, of the same dtype.
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
    mse_backward : Its gradient.

    Notes
    -----
    The values are added in a fixed order with their rounding errors carried along, so that the
    reduced loss is rounded once. The mean of no values is NaN, their sum 0.

    There is no factor of one half.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 2.0, 4.0]]), np.array([[1.0, 4.0, 3.0]])
    >>> dr.mse(x, t, reduction="sum")
    array(5.)
    """
    kernels, prediction, target = backend.kernels(
        "mse", "losses", prediction=prediction, target=target
    )
    check_operands("mse", prediction, target, reduction)
    return kernels.mse(prediction, target, reduction)


def mse_backward(
    prediction: Any, target: Any, *, reduction: str = "mean", grad_loss: Any = 1.0
) -> Any:
    r"""Compute the gradient of `mse`.

    With g the gradient `grad_loss` and count the number of values averaged, 1 for the other
    reductions (J3):

    .. math:: \partial L / \partial x = 2 (x - t) \, g / \mathrm{count}

    Parameters
    ----------
    prediction : array of any shape
        As it was passed to `mse`.
    target : array of prediction's shape
        As it was passed to `mse`.
    reduction : str
        As it was passed to `mse`.
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
    mse : The loss.

    Notes
    -----
    The division by the count comes last.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, t = np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])
    >>> dr.mse_backward(x, t, grad_loss=3.0)
    array([[ 0., -6.]])
    """
    name = "mse_backward"
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "losses", prediction=prediction, target=target, grad_loss=grad_loss
    )
    check_operands(name, prediction, target, reduction)
    grad = check_grad(name, grad_loss, prediction, prediction.shape, reduction)
    return kernels.mse_backward(prediction, target, grad, reduction)
