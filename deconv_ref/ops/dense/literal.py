"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

from deconv_ref.arrays import empty, full
from deconv_ref.compiling import Fill
from deconv_ref.ops.dense import equations

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]

FORWARD = Fill(equations.linear_point)
INPUT_GRADIENT = Fill(equations.linear_input_point)
WEIGHT_GRADIENT = Fill(equations.linear_weight_point)
BIAS_GRADIENT = Fill(equations.linear_bias_point)


def forward(x: Any, weight: Any, bias: Any) -> Any:
    """Evaluate the forward map (L1); see `deconv_ref.ops.dense.cpu.forward`."""
    y = empty(x, (len(x), len(weight)))
    return FORWARD(y, x, weight, bias if bias is not None else full(x, (len(weight),), 0))


def input_gradient(grad_y: Any, weight: Any) -> Any:
    """Evaluate the input gradient (L2); see `deconv_ref.ops.dense.cpu.input_gradient`."""
    grad_x = empty(grad_y, (len(grad_y), weight.shape[1]))
    return INPUT_GRADIENT(grad_x, grad_y, weight, _zero(grad_y))


def weight_gradient(grad_y: Any, x: Any) -> Any:
    """Evaluate the weight gradient (L3); see `deconv_ref.ops.dense.cpu.weight_gradient`."""
    grad_weight = empty(x, (grad_y.shape[1], x.shape[1]))
    return WEIGHT_GRADIENT(grad_weight, grad_y, x, _zero(x))


def bias_gradient(grad_y: Any) -> Any:
    """Evaluate the bias gradient (L4); see `deconv_ref.ops.dense.cpu.bias_gradient`."""
    return BIAS_GRADIENT(empty(grad_y, (grad_y.shape[1],)), grad_y, _zero(grad_y))


def _zero(array: Any) -> Any:
    return array.dtype.type(0) if array.dtype != object else 0
