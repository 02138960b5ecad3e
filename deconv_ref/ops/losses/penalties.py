"""Penalties on weights."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_floating
from deconv_ref.ops.losses.arguments import nonnegative

__all__ = [
    "l1_penalty",
    "l1_penalty_backward",
    "l2_penalty",
    "l2_penalty_backward",
]


def l1_penalty(weight: Any, strength: float) -> Any:
    r"""Charge weights for the sum of their absolute values.

    Equation J16, with s the strength:

    .. math:: s \sum_i |w_i|

    Parameters
    ----------
    weight : array of any shape
        Parameters to hold small, float32 or float64.
    strength : float
        Factor of the sum, at least 0.

    Returns
    -------
    array of shape ()
        The penalty.

    Raises
    ------
    DTypeError
        If `weight` is not float32 or float64.
    ParameterError
        If `strength` is no finite number of at least 0.

    See Also
    --------
    l1_penalty_backward : Its gradient.

    Notes
    -----
    The same as `keras.regularizers.L1`. The sum is in a fixed order with its rounding errors
    carried along.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.l1_penalty(np.array([[-3.0, 0.0, 1.0]]), 0.5)
    array(2.)
    """
    kernels, weight = backend.kernels("l1_penalty", "losses", weight=weight)
    check_floating("l1_penalty", weight=weight)
    strength = nonnegative("l1_penalty", "strength", strength)
    return kernels.l1_penalty(weight, strength)


def l1_penalty_backward(weight: Any, strength: float) -> Any:
    r"""Compute the gradient of `l1_penalty`.

    Equation J17, with s the strength:

    .. math:: \partial L / \partial w_i = s \, \operatorname{sign}(w_i)

    Parameters
    ----------
    weight : array of any shape
        As it was passed to `l1_penalty`.
    strength : float
        As it was passed to `l1_penalty`.

    Returns
    -------
    array of weight's shape
        Gradient of the penalty with respect to `weight`.

    Raises
    ------
    DTypeError
        If `weight` is not float32 or float64.
    ParameterError
        If `strength` is no finite number of at least 0.

    See Also
    --------
    l1_penalty : The penalty.

    Notes
    -----
    The derivative at 0 is 0. NaN gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.l1_penalty_backward(np.array([[-3.0, 0.0, 1.0]]), 0.5)
    array([[-0.5,  0. ,  0.5]])
    """
    name = "l1_penalty_backward"
    kernels, weight = backend.kernels(name, "losses", weight=weight)
    check_floating(name, weight=weight)
    strength = nonnegative(name, "strength", strength)
    return kernels.l1_penalty_backward(weight, strength)


def l2_penalty(weight: Any, strength: float) -> Any:
    r"""Charge weights for the sum of their squares.

    Equation J18, with s the strength:

    .. math:: s \sum_i w_i^2

    Parameters
    ----------
    weight : array of any shape
        Parameters to hold small, float32 or float64.
    strength : float
        Factor of the sum, at least 0.

    Returns
    -------
    array of shape ()
        The penalty.

    Raises
    ------
    DTypeError
        If `weight` is not float32 or float64.
    ParameterError
        If `strength` is no finite number of at least 0.

    See Also
    --------
    l2_penalty_backward : Its gradient.

    Notes
    -----
    The same as `keras.regularizers.L2`. `torch.nn.functional` has none; the weight decay of
    PyTorch's optimizers adds `w` times the decay to the gradient, so that its decay is twice this
    strength. The sum is in a fixed order with its rounding errors carried along.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.l2_penalty(np.array([[-3.0, 0.0, 1.0]]), 0.5)
    array(5.)
    """
    kernels, weight = backend.kernels("l2_penalty", "losses", weight=weight)
    check_floating("l2_penalty", weight=weight)
    strength = nonnegative("l2_penalty", "strength", strength)
    return kernels.l2_penalty(weight, strength)


def l2_penalty_backward(weight: Any, strength: float) -> Any:
    r"""Compute the gradient of `l2_penalty`.

    Equation J19, with s the strength:

    .. math:: \partial L / \partial w_i = 2 s \, w_i

    Parameters
    ----------
    weight : array of any shape
        As it was passed to `l2_penalty`.
    strength : float
        As it was passed to `l2_penalty`.

    Returns
    -------
    array of weight's shape
        Gradient of the penalty with respect to `weight`.

    Raises
    ------
    DTypeError
        If `weight` is not float32 or float64.
    ParameterError
        If `strength` is no finite number of at least 0.

    See Also
    --------
    l2_penalty : The penalty.

    Notes
    -----
    There is no factor of one half.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.l2_penalty_backward(np.array([[-3.0, 0.0, 1.0]]), 0.5)
    array([[-3.,  0.,  1.]])
    """
    name = "l2_penalty_backward"
    kernels, weight = backend.kernels(name, "losses", weight=weight)
    check_floating(name, weight=weight)
    strength = nonnegative(name, "strength", strength)
    return kernels.l2_penalty_backward(weight, strength)
