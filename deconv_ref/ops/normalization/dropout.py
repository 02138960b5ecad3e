"""Dropout and its gradient."""

from numbers import Real
from typing import Any

import numpy as np

from deconv_ref import backend
from deconv_ref.checks import check_floating, check_shape, is_array
from deconv_ref.errors import DTypeError, ParameterError, message

__all__ = ["dropout", "dropout_backward"]


def dropout(x: Any, rate: float, *, mask: Any) -> Any:
    r"""Drop the values that a mask names, and scale up the rest.

    Equation N11, with r the rate:

    .. math:: y_i = x_i \, m_i / (1 - r)

    Parameters
    ----------
    x : array of any shape
        Input, float32 or float64.
    rate : float
        Expected fraction of dropped values, from 0 to below 1. It sets the scale alone: what is
        dropped is for `mask` to say.
    mask : array of x's shape
        What to keep: boolean, or of x's dtype with 1 to keep and 0 to drop.

    Returns
    -------
    array of x's shape
        The result.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64, or `mask` is neither boolean nor of x's dtype.
    ShapeError
        If `mask` has another shape than `x`.
    ParameterError
        If `rate` is no number from 0 to below 1.

    See Also
    --------
    dropout_backward : Its gradient.

    Notes
    -----
    Dividing by ``1 - rate`` in training ("inverted" dropout, as in all of today's frameworks)
    leaves nothing to do in evaluation. A mask to be drawn: ``rng.random(x.shape) >= rate``.

    The mask multiplies: a NaN or an infinity that it drops gives NaN. The result does not depend
    on random numbers of the project's own, so that frameworks can be compared on the same mask.

    References
    ----------
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15
    (2014).

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.dropout(np.array([1.0, 2.0, 3.0]), 0.5, mask=np.array([True, False, True]))
    array([2., 0., 6.])
    """
    return _dropped("dropout", "x", x, rate, mask)


def dropout_backward(grad_y: Any, rate: float, *, mask: Any) -> Any:
    r"""Compute the gradient of dropout, which is dropout of the gradient.

    With L the scalar whose gradient is sought (N11) and r the rate:

    .. math:: \partial L / \partial x_i = \bar y_i \, m_i / (1 - r)

    Parameters
    ----------
    grad_y : array of any shape
        Gradient of L with respect to the result of `dropout`.
    rate : float
        As it was passed to `dropout`.
    mask : array of grad_y's shape
        As it was passed to `dropout`.

    Returns
    -------
    array of grad_y's shape
        Gradient of L with respect to the input of `dropout`.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `dropout` does.

    See Also
    --------
    dropout : The operator.

    Notes
    -----
    The map is linear and its matrix diagonal: it is its own adjoint.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> dr.dropout_backward(np.array([1.0, 2.0, 3.0]), 0.75, mask=np.array([1.0, 0.0, 1.0]))
    array([ 4.,  0., 12.])
    """
    return _dropped("dropout_backward", "grad_y", grad_y, rate, mask)


def _dropped(function: str, name: str, x: Any, rate: Any, mask: Any) -> Any:
    kernels, x, mask = backend.kernels(function, "normalization", **{name: x, "mask": mask})
    check_floating(function, **{name: x if x is not None else ()})
    if not is_array(mask) or mask.dtype not in (np.dtype(np.bool_), x.dtype):
        got = str(mask.dtype) if is_array(mask) else type(mask).__name__
        wanted = f"an array of bool or {x.dtype}"
        raise DTypeError(message(function, "mask", wanted, got, "Write np.asarray(mask, bool)"))
    check_shape(function, "mask", mask, x.shape, f"It has the shape of {name}")
    if type(rate) is bool or not isinstance(rate, Real) or not 0 <= float(rate) < 1:
        raise ParameterError(message(function, "rate", "a number from 0 to below 1", rate))
    return kernels.dropout(x.reshape(-1), mask.reshape(-1), 1 - float(rate)).reshape(x.shape)
