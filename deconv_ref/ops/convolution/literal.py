"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.compiling import Fill
from deconv_ref.ops.convolution import equations
from deconv_ref.window import Window

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]

FORWARD = Fill(equations.fill_conv, equations.conv_point)
INPUT_GRADIENT = Fill(equations.fill_conv_transpose, equations.conv_transpose_point)
WEIGHT_GRADIENT = Fill(equations.fill_conv_weight, equations.conv_weight_point)
BIAS_GRADIENT = Fill(equations.fill_conv_bias, equations.conv_bias_point)


def forward(x: Any, weight: Any, bias: Any, window: Window, groups: int) -> Any:
    """Evaluate the forward map (Q1); see `deconv_ref.ops.convolution.cpu.forward`."""
    y = np.empty((x.shape[0], weight.shape[0], *window.output_size), x.dtype)
    return FORWARD(y, x, weight, _or_zeros(bias, y), window.taps())


def input_gradient(y: Any, weight: Any, bias: Any, window: Window, groups: int) -> Any:
    """Evaluate the input gradient (Q2); see `deconv_ref.ops.convolution.cpu.input_gradient`."""
    x = np.empty((y.shape[0], weight.shape[1] * groups, *window.input_size), y.dtype)
    return INPUT_GRADIENT(x, y, weight, _or_zeros(bias, x), window.taps())


def weight_gradient(grad_y: Any, x: Any, window: Window, groups: int) -> Any:
    """Evaluate the weight gradient (Q3); see `deconv_ref.ops.convolution.cpu.weight_gradient`."""
    shape = (grad_y.shape[1], x.shape[1] // groups, *window.kernel_size)
    grad_weight = np.empty(shape, x.dtype)
    return WEIGHT_GRADIENT(grad_weight, grad_y, x, _zero(x), window.taps())


def bias_gradient(grad_y: Any) -> Any:
    """Evaluate the bias gradient (Q4); see `deconv_ref.ops.convolution.cpu.bias_gradient`."""
    grad_bias = np.empty(grad_y.shape[1], grad_y.dtype)
    return BIAS_GRADIENT(grad_bias, grad_y, _zero(grad_y))


def _zero(array: Any) -> Any:
    return array.dtype.type(0) if array.dtype != object else 0


def _or_zeros(bias: Any, result: Any) -> Any:
    return bias if bias is not None else np.zeros(result.shape[1], result.dtype)
