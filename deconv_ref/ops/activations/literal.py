"""The literal kernels: every element of a result by its own point function.

Slow, plain, right to many digits on fractions, and what every other kernel is judged by. On floats
the formulas are those of the textbook, and lose digits where it does.
"""

from typing import Any

from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.elementwise import Elementwise
from deconv_ref.ops.activations import equations as eq

SIGMOID = eq.sigmoid_point
relu = Elementwise(eq.relu_point)
relu_backward = Elementwise(eq.relu_gradient_point)
leaky_relu = Elementwise(eq.leaky_relu_point)
leaky_relu_backward = Elementwise(eq.leaky_relu_gradient_point)
elu = Elementwise(eq.elu_point)
elu_backward = Elementwise(eq.elu_gradient_point)
sigmoid = Elementwise(eq.sigmoid_point)
sigmoid_backward = Elementwise(eq.sigmoid_gradient_point, SIGMOID)
tanh = Elementwise(eq.tanh_point)
tanh_backward = Elementwise(eq.tanh_gradient_point)
softplus = Elementwise(eq.softplus_point)
softplus_backward = Elementwise(eq.softplus_gradient_point, SIGMOID)
gelu = Elementwise(eq.gelu_point)
gelu_backward = Elementwise(eq.gelu_gradient_point)
silu = Elementwise(eq.silu_point, SIGMOID)
silu_backward = Elementwise(eq.silu_gradient_point, SIGMOID)

LINE = (eq._largest, eq._sum_of_exponentials)
PRELU = Fill(eq.prelu_point, eq.leaky_relu_point)
PRELU_GRADIENT = Fill(eq.prelu_gradient_point, eq.leaky_relu_gradient_point)
PRELU_SLOPE = Fill(eq.prelu_slope_point)
SOFTMAX = Fill(eq.softmax_point, *LINE)
SOFTMAX_GRADIENT = Fill(eq.softmax_gradient_point, eq.softmax_point, *LINE)
LOG_SOFTMAX = Fill(eq.log_softmax_point, *LINE)
LOG_SOFTMAX_GRADIENT = Fill(eq.log_softmax_gradient_point, eq.softmax_point, *LINE)


def prelu(x: Any, slope: Any) -> Any:
    """Evaluate F5; see `deconv_ref.ops.activations.cpu.prelu`."""
    return PRELU(empty(x, x.shape), x, slope)


def prelu_backward(grad_y: Any, x: Any, slope: Any) -> tuple[Any, Any]:
    """Evaluate F6 and F7; see `deconv_ref.ops.activations.cpu.prelu_backward`."""
    zero = 0 if x.dtype == object else x.dtype.type(0)
    return (
        PRELU_GRADIENT(empty(x, x.shape), grad_y, x, slope),
        PRELU_SLOPE(empty(x, slope.shape), grad_y, x, zero),
    )


def softmax(x: Any) -> Any:
    """Evaluate F20 along the middle axis."""
    return SOFTMAX(empty(x, x.shape), x)


def softmax_backward(grad_y: Any, x: Any) -> Any:
    """Evaluate F21 along the middle axis."""
    return SOFTMAX_GRADIENT(empty(x, x.shape), grad_y, x)


def log_softmax(x: Any) -> Any:
    """Evaluate F22 along the middle axis."""
    return LOG_SOFTMAX(empty(x, x.shape), x)


def log_softmax_backward(grad_y: Any, x: Any) -> Any:
    """Evaluate F23 along the middle axis."""
    return LOG_SOFTMAX_GRADIENT(empty(x, x.shape), grad_y, x)
