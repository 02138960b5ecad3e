"""The literal kernels: every element of a result by its own point function.

On floats the fill functions of `equations` run compiled by Numba; on object arrays, such as arrays
of `fractions.Fraction`, they run as they stand, and are exact. Slow, plain, and what every other
kernel is proven against.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from deconv_ref.ops.convolution import equations
from deconv_ref.window import Window

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]

for _point in (
    equations.conv_point,
    equations.conv_transpose_point,
    equations.conv_weight_point,
    equations.conv_bias_point,
):
    register_jitable(_point)

COMPILED = {
    fill: numba.njit(cache=True)(fill)
    for fill in (
        equations.fill_conv,
        equations.fill_conv_transpose,
        equations.fill_conv_weight,
        equations.fill_conv_bias,
    )
}


def forward(x: Any, weight: Any, bias: Any, window: Window, groups: int) -> Any:
    """Evaluate the forward map (Q1); see `deconv_ref.ops.convolution.cpu.forward`."""
    y = np.empty((x.shape[0], weight.shape[0], *window.output_size), x.dtype)
    return _fill(equations.fill_conv, y, x, weight, _or_zeros(bias, y), window.taps())


def input_gradient(y: Any, weight: Any, bias: Any, window: Window, groups: int) -> Any:
    """Evaluate the input gradient (Q2); see `deconv_ref.ops.convolution.cpu.input_gradient`."""
    x = np.empty((y.shape[0], weight.shape[1] * groups, *window.input_size), y.dtype)
    return _fill(equations.fill_conv_transpose, x, y, weight, _or_zeros(bias, x), window.taps())


def weight_gradient(grad_y: Any, x: Any, window: Window, groups: int) -> Any:
    """Evaluate the weight gradient (Q3); see `deconv_ref.ops.convolution.cpu.weight_gradient`."""
    shape = (grad_y.shape[1], x.shape[1] // groups, *window.kernel_size)
    grad_weight = np.empty(shape, x.dtype)
    return _fill(equations.fill_conv_weight, grad_weight, grad_y, x, _zero(x), window.taps())


def bias_gradient(grad_y: Any) -> Any:
    """Evaluate the bias gradient (Q4); see `deconv_ref.ops.convolution.cpu.bias_gradient`."""
    grad_bias = np.empty(grad_y.shape[1], grad_y.dtype)
    return _fill(equations.fill_conv_bias, grad_bias, grad_y, _zero(grad_y))


def _fill(fill: Any, result: Any, *arguments: Any) -> Any:
    if result.dtype != object:
        fill = COMPILED[fill]
        # One memory layout, writable, so that Numba compiles one version per dtype.
        arguments = tuple(
            np.require(a, requirements=["C", "W"]) if isinstance(a, np.ndarray) else a for a in arguments
        )
    fill(*arguments, result)
    return result


def _zero(array: Any) -> Any:
    return array.dtype.type(0) if array.dtype != object else 0


def _or_zeros(bias: Any, result: Any) -> Any:
    return bias if bias is not None else np.zeros(result.shape[1], result.dtype)
