"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.compiling import Fill
from deconv_ref.ops.normalization import equations

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]

MEAN = Fill(equations.fill_mean, equations.mean_point)
VARIANCE = Fill(equations.fill_variance, equations.variance_point)
INV_STD = Fill(equations.fill_inv_std, equations.inv_std_point)
NORMALIZED = Fill(equations.fill_normalized, equations.normalized_point)
UNBIASED = Fill(equations.fill_unbiased, equations.unbiased_point)
RUNNING = Fill(equations.fill_running, equations.running_point)
BETA_GRADIENT = Fill(equations.fill_beta_gradient, equations.beta_gradient_point)
GAMMA_GRADIENT = Fill(equations.fill_gamma_gradient, equations.gamma_gradient_point)
INPUT_GRADIENT = Fill(equations.fill_input_gradient, equations.input_gradient_point)
CONSTANT_GRADIENT = Fill(equations.fill_constant_gradient, equations.constant_gradient_point)
DROPOUT = Fill(equations.fill_dropout, equations.dropout_point)


def statistics(x: Any) -> tuple[Any, Any]:
    """Evaluate mean and biased variance (N1, N2); see `cpu.statistics`."""
    mean = MEAN(_per_channel(x), x, _zero(x))
    return mean, VARIANCE(_per_channel(x), x, mean, _zero(x))


def inv_std(var: Any, epsilon: Any) -> Any:
    """Evaluate the normalizing factors (N3), in float64."""
    return INV_STD(np.empty(len(var), np.float64), var, epsilon)


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, inv_std: Any) -> Any:
    """Evaluate batch normalization with given statistics (N4); see `cpu.normalize`."""
    vectors = map(_wide, (gamma, beta, mean, inv_std))
    return NORMALIZED(np.empty(x.shape, x.dtype), x, *vectors)


def unbiased(var: Any, count: int) -> Any:
    """Evaluate the unbiased variances (N5)."""
    return UNBIASED(np.empty_like(var), var, count)


def running(old: Any, new: Any, momentum: Any) -> Any:
    """Evaluate the next running statistics (N6), of the dtype of the old ones."""
    return RUNNING(np.empty(old.shape, old.dtype), old, new, momentum)


def gradients(
    grad_y: Any, x: Any, gamma: Any, mean: Any, inv_std: Any, training: bool
) -> tuple[Any, Any, Any]:
    """Evaluate the gradients of x, gamma and beta (N7 to N10); see `cpu.gradients`."""
    gamma, mean, inv_std = map(_wide, (gamma, mean, inv_std))
    grad_beta = BETA_GRADIENT(_per_channel(x), grad_y, _zero(x))
    grad_gamma = GAMMA_GRADIENT(_per_channel(x), grad_y, x, mean, inv_std, _zero(x))
    grad_x = np.empty(x.shape, x.dtype)
    if training:
        INPUT_GRADIENT(grad_x, grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta)
    else:
        CONSTANT_GRADIENT(grad_x, grad_y, gamma, inv_std)
    return grad_x, grad_gamma.astype(x.dtype), grad_beta.astype(x.dtype)


def dropout(x: Any, mask: Any, keep: Any) -> Any:
    """Evaluate dropout of a flat array (N11)."""
    return DROPOUT(np.empty(x.shape, x.dtype), x, mask, keep)


def _per_channel(x: Any) -> Any:
    return np.empty(x.shape[1], object if x.dtype == object else np.float64)


def _wide(vector: Any) -> Any:
    return vector if vector.dtype == object else vector.astype(np.float64)


def _zero(x: Any) -> Any:
    return 0 if x.dtype == object else np.float64(0)
