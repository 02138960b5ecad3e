"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

from deconv_ref.arrays import empty, full
from deconv_ref.compiling import Fill
from deconv_ref.elementwise import Elementwise
from deconv_ref.ops.convolution import equations
from deconv_ref.window import Window

__all__ = [
    "bias_gradient",
    "forward",
    "input_gradient",
    "parameter_gradients",
    "weight_gradient",
]

FORWARD = Fill(equations.conv_point)
INPUT_GRADIENT = Fill(equations.conv_transpose_point)
WEIGHT_GRADIENT = Fill(equations.conv_weight_point)
BIAS_GRADIENT = Fill(equations.conv_bias_point)
RECTIFIED = Elementwise(equations.rectified_point)


def forward(x: Any, weight: Any, bias: Any, window: Window, groups: int, relu: bool = False) -> Any:
    """Evaluate the forward map (Q1); see `deconv_ref.ops.convolution.cpu.forward`."""
    y = empty(x, (x.shape[0], weight.shape[0], *window.output_size))
    return rectified(FORWARD(y, x, weight, _or_zeros(bias, y), window.taps()), relu)


def input_gradient(
    y: Any, weight: Any, bias: Any, window: Window, groups: int, relu: bool = False
) -> Any:
    """Evaluate the input gradient (Q2); see `deconv_ref.ops.convolution.cpu.input_gradient`."""
    x = empty(y, (y.shape[0], weight.shape[1] * groups, *window.input_size))
    return rectified(INPUT_GRADIENT(x, y, weight, _or_zeros(bias, x), window.taps()), relu)


def parameter_gradients(grad_y: Any, x: Any, window: Window, groups: int) -> tuple[Any, Any]:
    """Evaluate the weight gradient (Q3) and the bias gradient (Q4)."""
    return weight_gradient(grad_y, x, window, groups), bias_gradient(grad_y)


def weight_gradient(grad_y: Any, x: Any, window: Window, groups: int) -> Any:
    """Evaluate the weight gradient (Q3); see `deconv_ref.ops.convolution.cpu.weight_gradient`."""
    shape = (grad_y.shape[1], x.shape[1] // groups, *window.kernel_size)
    return WEIGHT_GRADIENT(empty(x, shape), grad_y, x, _zero(x), shape[1], window.taps())


def bias_gradient(grad_y: Any) -> Any:
    """Evaluate the bias gradient (Q4); see `deconv_ref.ops.convolution.cpu.bias_gradient`."""
    return BIAS_GRADIENT(empty(grad_y, (grad_y.shape[1],)), grad_y, _zero(grad_y))


def rectified(result: Any, relu: bool) -> Any:
    """Rectify a result (F1), if that is asked for."""
    return RECTIFIED(result) if relu else result


def _zero(array: Any) -> Any:
    return array.dtype.type(0) if array.dtype != object else 0


def _or_zeros(bias: Any, result: Any) -> Any:
    return bias if bias is not None else full(result, result.shape[1:2], 0)
