"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import cast, empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.normalization import equations

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]

MEAN = Fill(equations.mean_point)
VARIANCE = Fill(equations.variance_point)
INV_STD = Fill(equations.inv_std_point)
NORMALIZED = Fill(equations.normalized_point)
UNBIASED = Fill(equations.unbiased_point)
RUNNING = Fill(equations.running_point)
BETA_GRADIENT = Fill(equations.beta_gradient_point)
GAMMA_GRADIENT = Fill(equations.gamma_gradient_point)
INPUT_GRADIENT = Fill(equations.input_gradient_point)
CONSTANT_GRADIENT = Fill(equations.constant_gradient_point)
DROPOUT = Fill(equations.dropout_point)


def statistics(x: Any) -> tuple[Any, Any]:
    """Evaluate mean and biased variance (N1, N2); see `cpu.statistics`."""
    mean = MEAN(_per_channel(x), x, _zero(x))
    return mean, VARIANCE(_per_channel(x), x, mean, _zero(x))


def inv_std(var: Any, epsilon: Any) -> Any:
    """Evaluate the normalizing factors (N3), in float64."""
    return INV_STD(empty(var, var.shape, np.float64), var, epsilon)


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, inv_std: Any) -> Any:
    """Evaluate batch normalization with given statistics (N4); see `cpu.normalize`."""
    vectors = map(_wide, (gamma, beta, mean, inv_std))
    return NORMALIZED(empty(x, x.shape), x, *vectors)


def unbiased(var: Any, count: int) -> Any:
    """Evaluate the unbiased variances (N5)."""
    return UNBIASED(empty(var, var.shape), var, count)


def running(old: Any, new: Any, momentum: Any) -> Any:
    """Evaluate the next running statistics (N6), of the dtype of the old ones."""
    return RUNNING(empty(old, old.shape), old, new, momentum)


def gradients(
    grad_y: Any, x: Any, gamma: Any, mean: Any, inv_std: Any, training: bool
) -> tuple[Any, Any, Any]:
    """Evaluate the gradients of x, gamma and beta (N7 to N10); see `cpu.gradients`."""
    gamma, mean, inv_std = map(_wide, (gamma, mean, inv_std))
    grad_beta = BETA_GRADIENT(_per_channel(x), grad_y, _zero(x))
    grad_gamma = GAMMA_GRADIENT(_per_channel(x), grad_y, x, mean, inv_std, _zero(x))
    grad_x = empty(x, x.shape)
    if training:
        INPUT_GRADIENT(grad_x, grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta)
    else:
        CONSTANT_GRADIENT(grad_x, grad_y, gamma, inv_std)
    return grad_x, cast(grad_gamma, x.dtype), cast(grad_beta, x.dtype)


def dropout(x: Any, mask: Any, keep: Any) -> Any:
    """Evaluate dropout of a flat array (N11)."""
    return DROPOUT(empty(x, x.shape), x, mask, keep)


def _per_channel(x: Any) -> Any:
    return empty(x, (x.shape[1],), object if x.dtype == object else np.float64)


def _wide(vector: Any) -> Any:
    return vector if vector.dtype == object else cast(vector, np.float64)


def _zero(x: Any) -> Any:
    return 0 if x.dtype == object else np.float64(0)
