"""What the public functions of this chapter check, and the gradients they return."""

import math
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from deconv_ref.checks import check_floating, check_shape
from deconv_ref.errors import ParameterError, ShapeError, message

__all__ = [
    "PreluGradients",
    "by_channel",
    "check_axis",
    "check_pair",
    "check_slope",
    "finite",
    "lines",
]


class PreluGradients(NamedTuple):
    """Gradients of a scalar with respect to the operands of `deconv_ref.prelu`.

    Each has the shape and dtype of its operand.
    """

    x: Any
    slope: Any


def check_pair(function: str, grad_y: Any, x: Any) -> None:
    """Ask that ``x`` and ``grad_y`` be alike in dtype and shape."""
    check_floating(function, x=x, grad_y=grad_y)
    check_shape(function, "grad_y", grad_y, tuple(x.shape), "It has the shape of x")


def finite(function: str, name: str, value: Any) -> float:
    """Ask for a finite number, and make it a float.

    Examples
    --------
    >>> finite("elu", "alpha", 2)
    2.0
    """
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not number or not math.isfinite(value):
        raise ParameterError(message(function, name, "a finite number", value))
    return float(value)


def check_axis(function: str, x: Any, axis: Any) -> int:
    """Ask for an axis of ``x``, and count it from the first."""
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise ParameterError(message(function, "axis", "an int", axis))
    if not -x.ndim <= axis < x.ndim:
        wanted = f"an axis of x, which has {x.ndim} axes"
        raise ParameterError(message(function, "axis", wanted, axis))
    return int(axis) % x.ndim


def check_slope(function: str, x: Any, slope: Any) -> None:
    """Ask for channels in ``x``, and a slope for each or for all."""
    if x.ndim < 2:
        got = f"shape {tuple(x.shape)}"
        raise ShapeError(message(function, "x", "(N, C, ...)", got))
    if tuple(slope.shape) not in ((x.shape[1],), (1,)):
        wanted = f"of shape ({x.shape[1]},), one slope per channel of x, or (1,)"
        raise ShapeError(message(function, "slope", wanted, f"shape {tuple(slope.shape)}"))


def by_channel(x: Any, slope: Any) -> Any:
    """View ``(N, C, ...)`` as ``(N, C, P)``, or as one channel where there is one slope."""
    if tuple(slope.shape) == (1,):
        return x.reshape(1, 1, x.size)
    return x.reshape(x.shape[0], x.shape[1], math.prod(x.shape[2:]))


def lines(x: Any, axis: int) -> Any:
    """View an array with three axes, `axis` in the middle."""
    return x.reshape(math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))
