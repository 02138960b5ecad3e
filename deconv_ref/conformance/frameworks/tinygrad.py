"""Methods of `tinygrad.Tensor`.

Arrays have the same layouts as ours, and one method serves all ranks. Gradients come from
`Tensor.gradient`, at the operator's own input. The device is tinygrad's own choice: that of the
environment variable `DEV`, or the first that works, which on a processor alone takes a C compiler.
"""

from importlib.metadata import version
from math import floor

import numpy as np
from tinygrad import Device

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU,
    ELU_GRADIENT,
    GELU,
    GELU_GRADIENT,
    INFINITE,
    LOG_SOFTMAX,
    LOG_SOFTMAX_GRADIENT,
    MASKED_NAN,
    MINUS_INFINITY,
    MULTIPLIED_INFINITY,
    SIGMOID_GRADIENT,
    SILU_GRADIENT,
    SOFTMAX_GRADIENT,
    TANH_GRADIENT,
    derivative_at_0,
    nan_in_x,
)
from deconv_ref.conformance.frameworks._allowances import (
    at_repeated_places,
    beside_infinities,
    fed_by_infinities,
    of_overwritten,
    with_nowhere,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._loss_differences import (
    INFINITE_LOGITS,
    LOGARITHM_OF_SUM,
    OUT_OF_SUPPORT,
    SIGMOID_LESS_TARGET,
    SOFTMAX_LESS_TARGET,
)
from deconv_ref.conformance.frameworks._tinygrad_arrays import (
    array_of,
    of_prediction,
    of_size,
    of_weights,
    of_x,
    sides,
    tensor,
)
from deconv_ref.conformance.frameworks._tinygrad_spellings import SPELLINGS  # noqa: F401

NAME = "tinygrad"
VERSION = f"{version('tinygrad')} on {Device.DEFAULT}"

NOWHERE = Difference("there is no index for nowhere", with_nowhere)
SPREADS_NAN = "linear: a cell of weight 0 is multiplied, so NaN spreads"

DIFFERENCES: dict[str, list[Difference]] = {
    "max_unpool": [
        NOWHERE,
        Difference("values for one place are added up", at_repeated_places),
    ],
    "max_unpool_backward": [
        NOWHERE,
        Difference(
            "a value that was overwritten gets the gradient of the place it lost", of_overwritten
        ),
    ],
    "upsample": [Difference(SPREADS_NAN, beside_infinities)],
    "upsample_backward": [Difference(SPREADS_NAN, fed_by_infinities)],
    "relu_backward": [MASKED_NAN, MULTIPLIED_INFINITY, Difference("NaN in x gives 0", nan_in_x)],
    "leaky_relu_backward": [
        Difference("the derivative at 0 is 1, as for positive numbers", derivative_at_0(1)),
        Difference("NaN in x counts as positive", nan_in_x),
    ],
    "elu": [ELU],
    "elu_backward": [ELU_GRADIENT],
    "sigmoid_backward": [SIGMOID_GRADIENT],
    "tanh_backward": [TANH_GRADIENT],
    "gelu": [GELU, MINUS_INFINITY],
    "gelu_backward": [GELU_GRADIENT, INFINITE],
    "silu": [MINUS_INFINITY],
    "silu_backward": [SILU_GRADIENT, INFINITE],
    "softmax_backward": [SOFTMAX_GRADIENT],
    "log_softmax": [LOG_SOFTMAX],
    "log_softmax_backward": [LOG_SOFTMAX_GRADIENT],
    "binary_cross_entropy_with_logits": [INFINITE_LOGITS],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_TARGET],
    "softmax_cross_entropy": [LOGARITHM_OF_SUM, OUT_OF_SUPPORT],
    "softmax_cross_entropy_backward": [SOFTMAX_LESS_TARGET],
}
"""What tinygrad does otherwise by design, by function; no parameter changes it."""

PAD_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def unsupported(op, parameters):
    """Say what tinygrad does not offer."""
    padding = parameters.get("padding")
    if padding in ("same", "same_lower"):
        return f'there is no "{padding}"'
    if op == "upsample" and any(scale % 1 for scale in parameters["scale_factor"]):
        return "it takes a size, which is ours for whole scales"
    return None


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    given = sides(padding, weight.shape[2:], dilation)
    return x.conv2d(_oriented(weight, flip_kernel), bias, groups, stride, dilation, given)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    given = sides(padding, weight.shape[2:], dilation)
    window = (groups, stride, dilation, given, output_padding)
    return x.conv_transpose2d(_oriented(weight, flip_kernel), bias, *window)


def _oriented(weight, flip_kernel):
    return weight.flip(*range(2, weight.ndim)) if flip_kernel else weight


conv, conv_backward = of_weights(_conv)
conv_transpose, conv_transpose_backward = of_weights(_conv_transpose)
linear, linear_backward = of_weights(lambda x, weight, bias: x.linear(weight.T, bias), channels=-1)


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y and the indices."""
    given = sides(padding, kernel_size, dilation)
    y, indices = tensor(x).max_pool2d(kernel_size, stride, dilation, given, ceil_mode, True)
    return array_of(y), indices.numpy().astype(np.int64)


def _max_unpool(x, indices, output_size):
    return x.max_unpool2d(indices, output_size=tuple(output_size))


def max_unpool(x, indices, output_size):
    """Compute y."""
    return array_of(_max_unpool(tensor(x), tensor(indices), output_size))


def max_unpool_backward(grad_y, indices):
    """Compute the gradient of x."""
    x = tensor(np.zeros(indices.shape, grad_y.dtype))
    y = _max_unpool(x, tensor(indices), grad_y.shape)
    return array_of(y.gradient(x, gradient=tensor(grad_y))[0])


def _avg_pool(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad):
    given = sides(padding, kernel_size, (1,) * len(kernel_size))
    return x.avg_pool2d(kernel_size, stride, 1, given, ceil_mode, count_include_pad)


def _upsample(x, *, scale_factor, mode, align_corners):
    size = tuple(floor(n * scale) for n, scale in zip(x.shape[2:], scale_factor, strict=True))
    return x.interpolate(size, "nearest-exact" if mode == "nearest" else mode, align_corners)


def _pad(x, *, padding, mode, value=0.0):
    return x.pad(((0, 0), (0, 0), *padding), PAD_MODES[mode], value)


avg_pool, avg_pool_backward = of_size(_avg_pool)
upsample, upsample_backward = of_size(_upsample)
pad, pad_backward = of_size(_pad)

relu, relu_backward = of_x(lambda x: x.relu())
leaky_relu, leaky_relu_backward = of_x(lambda x, negative_slope=0.01: x.leaky_relu(negative_slope))
elu, elu_backward = of_x(lambda x, alpha=1.0: x.elu(alpha))
sigmoid, sigmoid_backward = of_x(lambda x: x.sigmoid())
tanh, tanh_backward = of_x(lambda x: x.tanh())
softplus, softplus_backward = of_x(lambda x: x.softplus())
gelu, gelu_backward = of_x(lambda x: x.gelu("none"))
silu, silu_backward = of_x(lambda x: x.silu())
softmax, softmax_backward = of_x(lambda x, axis=1: x.softmax(axis))
log_softmax, log_softmax_backward = of_x(lambda x, axis=1: x.log_softmax(axis))

binary_cross_entropy, binary_cross_entropy_backward = of_prediction(
    lambda x, target, reduction="mean": x.binary_crossentropy(target, reduction)
)
binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_backward = of_prediction(
    lambda x, target, reduction="mean": x.binary_crossentropy_logits(target, reduction)
)
softmax_cross_entropy, softmax_cross_entropy_backward = of_prediction(
    lambda x, target, reduction="mean": x.cross_entropy(target, reduction)
)
