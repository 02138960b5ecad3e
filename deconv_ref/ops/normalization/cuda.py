"""The CUDA kernels of batch normalization and dropout; its functions are those of `cpu`.

What belongs to a channel is summed by many blocks (`deconv_ref.cuda.channels`), in float64, and its
equations are finished by a thread for each channel. The rest is the literal kernels, whose threads
run over all elements.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import cast, empty
from deconv_ref.cuda.channels import channel_sums, total
from deconv_ref.cuda.kernels import PointKernel
from deconv_ref.ops.normalization import literal
from deconv_ref.ops.normalization.literal import (
    dropout,
    inv_std,
    normalize,
    running,
    unbiased,
)

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]


def statistics(x: Any) -> tuple[Any, Any]:
    """Evaluate mean and biased variance (N1, N2); see `cpu.statistics`."""
    count = x.size // x.shape[1]
    mean = MEAN(_per_channel(x), channel_sums(value, x), count)
    return mean, VARIANCE(_per_channel(x), channel_sums(deviation, x, mean), count)


def gradients(
    grad_y: Any, x: Any, gamma: Any, mean: Any, inv_std: Any, training: bool
) -> tuple[Any, Any, Any]:
    """Evaluate the gradients of x, gamma and beta (N7 to N10); see `cpu.gradients`."""
    if not x.size:
        return literal.gradients(grad_y, x, gamma, mean, inv_std, training)
    gamma, mean, inv_std = (cast(vector, np.float64) for vector in (gamma, mean, inv_std))
    sums = channel_sums(product, grad_y, x, mean)
    grad_beta = BETA_GRADIENT(_per_channel(x), sums)
    grad_gamma = GAMMA_GRADIENT(_per_channel(x), sums, inv_std)
    grad_x = empty(x, x.shape)
    if training:
        given = grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta
        literal.INPUT_GRADIENT(grad_x, *given)
    else:
        literal.CONSTANT_GRADIENT(grad_x, grad_y, gamma, inv_std)
    return grad_x, cast(grad_gamma, x.dtype), cast(grad_beta, x.dtype)


def value(operands, c, at):
    """Give what N1 adds up."""
    return operands[0][at], 0.0


def deviation(operands, c, at):
    """Give what N2 adds up."""
    e = operands[0][at] - operands[1][c]
    return e, e * e


def product(operands, c, at):
    """Give what N7 and N8 add up."""
    grad = np.float64(operands[0][at])
    return grad, grad * (operands[1][at] - operands[2][c])


def mean_point(sums, count, c):
    """Finish N1."""
    return total(sums, 0, c) / count


def variance_point(sums, count, c):
    """Finish N2."""
    deviations = total(sums, 0, c)
    return (total(sums, 1, c) - deviations * deviations / count) / count


def beta_gradient_point(sums, c):
    """Finish N7."""
    return total(sums, 0, c)


def gamma_gradient_point(sums, inv_std, c):
    """Finish N8."""
    return total(sums, 1, c) * inv_std[c]


MEAN, VARIANCE = PointKernel(mean_point), PointKernel(variance_point)
BETA_GRADIENT, GAMMA_GRADIENT = PointKernel(beta_gradient_point), PointKernel(gamma_gradient_point)


def _per_channel(x: Any) -> Any:
    return empty(x, (x.shape[1],), np.float64)
