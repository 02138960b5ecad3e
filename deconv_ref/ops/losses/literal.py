"""The literal kernels: every element of a result by its own point function.

Slow, plain, right to many digits on fractions, and what every other kernel is judged by. On floats
the formulas are those of the textbook, and lose digits where it does.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import empty, spread
from deconv_ref.compiling import Fill
from deconv_ref.elementwise import Elementwise
from deconv_ref.ops.losses import equations as eq
from deconv_ref.ops.losses.reduction import Gradient, Loss, gradient_of_values, reduced, rounded

LINE = (eq._weighted, eq._largest, eq._sum_of_exponentials)

mse, mse_backward = Loss(eq.mse_point), Gradient(eq.mse_gradient_point)
mae, mae_backward = Loss(eq.mae_point), Gradient(eq.mae_gradient_point, eq._sign)
huber, huber_backward = Loss(eq.huber_point), Gradient(eq.huber_gradient_point)
binary_cross_entropy = Loss(eq.binary_cross_entropy_point, eq._weighted)
binary_cross_entropy_backward = Gradient(eq.binary_cross_entropy_gradient_point)
binary_cross_entropy_with_logits = Loss(eq.binary_cross_entropy_with_logits_point, eq._weighted)
binary_cross_entropy_with_logits_backward = Gradient(
    eq.binary_cross_entropy_with_logits_gradient_point
)
categorical_gradient = Elementwise(eq.categorical_cross_entropy_gradient_point)
absolute, l1_penalty_backward = (
    Elementwise(eq.l1_penalty_point),
    Elementwise(eq.l1_penalty_gradient_point, eq._sign),
)
square, l2_penalty_backward = (
    Elementwise(eq.l2_penalty_point),
    Elementwise(eq.l2_penalty_gradient_point),
)

CATEGORICAL = Fill(eq.categorical_cross_entropy_point, *LINE)
SOFTMAX = Fill(eq.softmax_cross_entropy_point, *LINE)
SOFTMAX_GRADIENT = Fill(eq.softmax_cross_entropy_gradient_point, *LINE)


def categorical_cross_entropy(x: Any, t: Any, reduction: str) -> Any:
    """Evaluate J12; see `deconv_ref.ops.losses.cpu.categorical_cross_entropy`."""
    return reduced(CATEGORICAL(_values(x), x, t), reduction, x.dtype)


def categorical_cross_entropy_backward(x: Any, t: Any, grad: Any, reduction: str) -> Any:
    """Evaluate J13; see `deconv_ref.ops.losses.cpu.categorical_cross_entropy_backward`."""
    grads, count = gradient_of_values(grad, x, reduction)
    return categorical_gradient(x, t, spread(grads, x.shape[1]), count)


def softmax_cross_entropy(x: Any, t: Any, reduction: str) -> Any:
    """Evaluate J14; see `deconv_ref.ops.losses.cpu.softmax_cross_entropy`."""
    return reduced(SOFTMAX(_values(x), x, t), reduction, x.dtype)


def softmax_cross_entropy_backward(x: Any, t: Any, grad: Any, reduction: str) -> Any:
    """Evaluate J15; see `deconv_ref.ops.losses.cpu.softmax_cross_entropy_backward`."""
    grads, count = gradient_of_values(grad, x, reduction)
    return SOFTMAX_GRADIENT(empty(x, x.shape), x, t, grads, count)


def l1_penalty(w: Any, strength: Any) -> Any:
    """Evaluate J16."""
    return rounded(strength * absolute.sum(w), w.dtype)


def l2_penalty(w: Any, strength: Any) -> Any:
    """Evaluate J18."""
    return rounded(strength * square.sum(w), w.dtype)


def _values(x: Any) -> Any:
    return empty(x, (x.shape[0], x.shape[2]), object if x.dtype == object else np.float64)
