"""Losses on arrays, made of functions of numbers; shared by the literal and the fast kernels.

This module imports Numba; only kernels import it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from deconv_ref import real
from deconv_ref.arrays import cast, full
from deconv_ref.cuda import on_gpu
from deconv_ref.elementwise import Elementwise

__all__ = ["Gradient", "Loss", "gradient_of_values", "reduced"]


class Loss:
    """A loss of numbers, made a loss of arrays.

    Parameters
    ----------
    point : callable
        ``point(x, t, *parameters)``.
    *helpers : callable
        The functions that it calls in turn.
    """

    def __init__(self, point: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self._values = Elementwise(point, *helpers)

    def __call__(self, x: Any, t: Any, reduction: str, *parameters: Any) -> Any:
        """Evaluate and reduce (J1)."""
        if reduction == "none":
            return self._values(x, t, *parameters)
        total = self._values.sum(x, t, *parameters)
        return rounded(real.divide(total, x.size) if reduction == "mean" else total, x.dtype)


class Gradient:
    """The gradient of a loss of numbers, made one of arrays.

    Parameters
    ----------
    point : callable
        ``point(x, t, grad, count, *parameters)``.
    *helpers : callable
        The functions that it calls in turn.
    """

    def __init__(self, point: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self._elements = Elementwise(point, *helpers)

    def __call__(self, x: Any, t: Any, grad: Any, reduction: str, *parameters: Any) -> Any:
        """Evaluate; `grad` is a number, or an array of x's shape."""
        count = x.size if reduction == "mean" else 1
        return self._elements(x, t, grad, count, *parameters)


def reduced(values: Any, reduction: str, dtype: Any) -> Any:
    """Reduce values, one per place, that are still in float64 (J1)."""
    if reduction == "none":
        return rounded(values, dtype)
    total = SUM.sum(values)
    return rounded(real.divide(total, values.size) if reduction == "mean" else total, dtype)


def gradient_of_values(grad: Any, x: Any, reduction: str) -> tuple[Any, int]:
    """Spread `grad`, a number or an array, over the places of `x`; count those averaged."""
    places, wide = (x.shape[0], x.shape[2]), object if x.dtype == object else np.float64
    single = not on_gpu(grad) and not np.shape(grad)
    spread = full(x, places, grad, wide) if single else cast(grad, wide)
    return spread, spread.size if reduction == "mean" else 1


def rounded(values: Any, dtype: Any) -> Any:
    """Make an array of the dtype, of what was computed in a wider one: a sum's is on the CPU."""
    return cast(values, dtype)


def itself(value: Any) -> Any:
    """Give what is given."""
    return value


SUM = Elementwise(itself)
