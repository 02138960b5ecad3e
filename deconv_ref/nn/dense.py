"""The dense layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import deconv_ref as dr
from deconv_ref.checks import check_count
from deconv_ref.errors import ShapeError, message
from deconv_ref.nn.initializers import Fans
from deconv_ref.nn.layer import Weighted

__all__ = ["Dense"]


@dataclass(eq=False)
class Dense(Weighted):
    """Weighted sums of all features, `deconv_ref.linear`, along the last axis.

    Parameters
    ----------
    units : int
        Sums, the size of the result's last axis.
    use_bias : bool
        Whether a bias is added to each sum.
    weight_initializer : Initializer or str
        What the weight, (units, features), starts from.
    bias_initializer : Initializer or str
        What the bias, (units,), starts from.
    weight_penalty : Penalty or str, optional
        What the weight adds to the loss.

    Notes
    -----
    The weight is the transpose of the kernel that a Keras Dense layer keeps.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Dense(10).forward(np.zeros((2, 64), np.float32)).shape
    (2, 10)
    """

    units: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.units = check_count("Dense", "units", self.units, 1)

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if not input_shape:
            raise ShapeError(message("Dense", "x", "(N, ..., features)", "shape (N,)"))
        features = input_shape[-1]
        self._weigh((self.units, features), self.units, Fans(features, self.units), dtype)

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        return dr.linear(x, self.parameters["weight"], self.parameters.get("bias")), (x,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        (x,) = saved
        return self._keep(dr.linear_backward(grad_y, x, self.parameters["weight"]))
