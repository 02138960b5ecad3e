"""What the public functions of this chapter check."""

import math
from numbers import Real
from typing import Any

import numpy as np

from deconv_ref.arrays import on_host
from deconv_ref.checks import check_choice, check_floating, check_shape
from deconv_ref.errors import ParameterError, ShapeError, message

__all__ = [
    "check_grad",
    "check_lines",
    "check_operands",
    "lines",
    "nonnegative",
    "places",
    "positive",
]

REDUCTIONS = ("mean", "sum", "none")


def check_operands(function: str, prediction: Any, target: Any, reduction: Any) -> None:
    """Ask for a prediction and a target that are alike, and for one of the reductions."""
    check_floating(function, prediction=prediction, target=target)
    remedy = "It has the shape of prediction"
    check_shape(function, "target", target, tuple(prediction.shape), remedy)
    check_choice(function, "reduction", reduction, REDUCTIONS)


def check_lines(function: str, prediction: Any, target: Any, reduction: Any) -> None:
    """Ask also for categories along axis 1."""
    check_floating(function, prediction=prediction, target=target)
    shape = tuple(prediction.shape)
    if len(shape) < 2 or shape[1] == 0:
        wanted = "(N, K, ...) with a category at least"
        raise ShapeError(message(function, "prediction", wanted, f"shape {shape}"))
    check_operands(function, prediction, target, reduction)


def check_grad(
    function: str, grad_loss: Any, prediction: Any, shape: tuple[int, ...], reduction: str
) -> Any:
    """Ask for a number, or an array like the loss; make a float of what is a single number."""
    shape = tuple(shape) if reduction == "none" else ()
    if _is_number(grad_loss):
        return float(grad_loss)
    if not hasattr(grad_loss, "dtype") or isinstance(grad_loss, np.bool_):
        wanted = f"a number or an array of shape {shape}"
        raise ParameterError(message(function, "grad_loss", wanted, grad_loss))
    check_floating(function, prediction=prediction, grad_loss=grad_loss)
    check_shape(function, "grad_loss", grad_loss, shape, "It is a number or like the loss")
    return grad_loss if shape else float(on_host(grad_loss))


def positive(function: str, name: str, value: Any) -> float:
    """Ask for a finite number above 0, and make it a float.

    Examples
    --------
    >>> positive("huber", "delta", 2)
    2.0
    """
    if not _is_finite(value) or value <= 0:
        raise ParameterError(message(function, name, "a finite number above 0", value))
    return float(value)


def nonnegative(function: str, name: str, value: Any) -> float:
    """Ask for a finite number of at least 0, and make it a float."""
    if not _is_finite(value) or value < 0:
        raise ParameterError(message(function, name, "a finite number of at least 0", value))
    return float(value)


def places(prediction: Any) -> tuple[int, ...]:
    """Give the shape of a loss that takes categories along axis 1 together."""
    return tuple(prediction.shape[:1]) + tuple(prediction.shape[2:])


def lines(x: Any) -> Any:
    """View ``(N, K, ...)`` with three axes."""
    return x.reshape(x.shape[0], x.shape[1], math.prod(x.shape[2:]))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)
