"""PyTorch: functions of `torch.nn.functional` unless another place is named.

Here `conv2d` stands for `conv1d`, `conv2d` and `conv3d`, and so in pooling. Arrays have the same
layouts as ours everywhere; their strides must not be negative. Gradients come from
`torch.autograd.grad`, at the operator's own input, or from the function that it would call where
one is named. Matrix products have float32's precision, and algorithms are deterministic.
"""

import numpy as np
import torch
from torch.nn import functional

from deconv_ref.conformance.frameworks._activation_losses import (
    GELU,
    GELU_GRADIENT,
    INFINITE,
    LOG_SOFTMAX,
    LOG_SOFTMAX_GRADIENT,
    MASKED_NAN,
    MINUS_INFINITY,
    SIGMOID_GRADIENT,
    SILU_GRADIENT,
    SOFTMAX_GRADIENT,
    TANH_GRADIENT,
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
    CLIPPED_DENOMINATOR,
    CLIPPED_LOGARITHMS,
    INFINITE_LOGITS,
    LOGARITHM_OF_SUM,
    LOSS_BELOW_ITS_TERMS,
    NAN_GIVES_0,
    NAN_REFUSED,
    OUT_OF_SUPPORT,
    SIGMOID_LESS_TARGET,
    SOFTMAX_LESS_TARGET,
)
from deconv_ref.conformance.frameworks._torch_activations import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    log_softmax,
    log_softmax_backward,
    prelu,
    prelu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from deconv_ref.conformance.frameworks._torch_arrays import gradients, sides, value
from deconv_ref.conformance.frameworks._torch_layers import (
    CONSTANT_CHANNELS,
    batch_norm,
    batch_norm_backward,
    linear,
    linear_backward,
)
from deconv_ref.conformance.frameworks._torch_losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    huber,
    huber_backward,
    mae,
    mae_backward,
    mse,
    mse_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from deconv_ref.conformance.frameworks._torch_pooling import (
    avg_pool,
    avg_pool_backward,
    max_pool,
    max_pool_backward,
    max_unpool,
    max_unpool_backward,
    more_positions_than_cells,
    of_several_nan,
)
from deconv_ref.conformance.frameworks._torch_resampling import (
    of_copied_axes,
    pad,
    pad_backward,
    pixel_shuffle,
    pixel_unshuffle,
    upsample,
    upsample_backward,
)
from deconv_ref.conformance.frameworks._torch_spellings import SPELLINGS

__all__ = [
    "DIFFERENCES",
    "NAME",
    "SPELLINGS",
    "VERSION",
    "avg_pool",
    "avg_pool_backward",
    "batch_norm",
    "batch_norm_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "conv",
    "conv_backward",
    "conv_transpose",
    "conv_transpose_backward",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "huber",
    "huber_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "log_softmax_backward",
    "mae",
    "mae_backward",
    "max_pool",
    "max_pool_backward",
    "max_unpool",
    "max_unpool_backward",
    "mse",
    "mse_backward",
    "pad",
    "pad_backward",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "prelu_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
    "unsupported",
    "upsample",
    "upsample_backward",
]

NAME = "torch"
VERSION = torch.__version__

torch.set_float32_matmul_precision("highest")
torch.set_deterministic_debug_mode("error")  # the same, and does not import the compiler

DIFFERENCES: dict[str, list[Difference]] = {
    "max_pool": [
        Difference("of several NaN in a window the last has the index", of_several_nan, "indices")
    ],
    "max_pool_backward": [
        Difference("index -1, which is nowhere, is refused", with_nowhere),
        Difference("no window has so many more positions than cells", more_positions_than_cells),
    ],
    "max_unpool": [
        Difference("index -1, which is nowhere, is refused", with_nowhere),
        Difference("of several values for one place any may stay", at_repeated_places),
    ],
    "max_unpool_backward": [
        Difference("index -1, which is nowhere, is refused", with_nowhere),
        Difference(
            "a value that was overwritten gets the gradient of the place it lost", of_overwritten
        ),
    ],
    "upsample": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities),
        Difference(
            "linear: an axis whose size the scale leaves as it is, is copied", of_copied_axes
        ),
    ],
    "upsample_backward": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", fed_by_infinities),
        Difference(
            "linear: an axis whose size the scale leaves as it is, is copied", of_copied_axes
        ),
    ],
    "batch_norm": CONSTANT_CHANNELS,
    "relu_backward": [Difference("NaN in x lets the gradient pass", nan_in_x), MASKED_NAN],
    "leaky_relu_backward": [Difference("NaN in x counts as negative", nan_in_x)],
    "prelu_backward": [Difference("NaN in x counts as negative", nan_in_x, "x")],
    "elu_backward": [Difference("NaN in x lets the gradient pass", nan_in_x)],
    "sigmoid_backward": [SIGMOID_GRADIENT],
    "tanh_backward": [TANH_GRADIENT],
    "gelu": [GELU, MINUS_INFINITY],
    "gelu_backward": [GELU_GRADIENT, INFINITE],
    "silu": [MINUS_INFINITY],
    "silu_backward": [SILU_GRADIENT, INFINITE],
    "softmax_backward": [SOFTMAX_GRADIENT],
    "log_softmax": [LOG_SOFTMAX],
    "log_softmax_backward": [LOG_SOFTMAX_GRADIENT],
    "mae_backward": [NAN_GIVES_0],
    "binary_cross_entropy": [CLIPPED_LOGARITHMS, NAN_REFUSED],
    "binary_cross_entropy_backward": [CLIPPED_DENOMINATOR, NAN_REFUSED],
    "binary_cross_entropy_with_logits": [LOSS_BELOW_ITS_TERMS, INFINITE_LOGITS],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_TARGET],
    "softmax_cross_entropy": [LOGARITHM_OF_SUM, OUT_OF_SUPPORT],
    "softmax_cross_entropy_backward": [SOFTMAX_LESS_TARGET],
}
"""What PyTorch does otherwise by design, by function; no parameter changes it."""


def unsupported(op, parameters, dtype):
    """Say what PyTorch does not offer."""
    if op in ("conv", "conv_transpose"):
        return _unsupported_in_conv(op, parameters)
    if op in ("max_pool", "avg_pool") and "padding" in parameters:
        return _unsupported_in_pool(op, parameters, dtype)
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        return _unsupported_in_shuffle(parameters["factor"])
    if op == "batch_norm" and "epsilon" not in parameters and not parameters["training"]:
        return "the gradient in evaluation takes a variance, no inverse deviation"
    return None


def _unsupported_in_conv(op, parameters):
    padding = parameters["padding"]
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if padding == "same" and op == "conv_transpose":
        return 'there is no "same" in conv_transpose'
    if padding == "same" and max(parameters["stride"]) > 1:
        return 'padding="same" is for stride 1 alone'
    return _unequal(padding)


def _unsupported_in_pool(op, parameters, dtype):
    padding, kernel_size = parameters["padding"], parameters["kernel_size"]
    if op == "avg_pool" and len(kernel_size) == 3 and dtype.endswith("float16") and _on_cpu():
        return f"there is no average pooling of volumes of {dtype} on the CPU"
    if padding in ("same", "same_lower"):
        return f'there is no "{padding}" in pooling'
    dilation = parameters.get("dilation", [1] * len(kernel_size))
    numbers = sides(padding, kernel_size, dilation)
    if any(number > taps // 2 for number, taps in zip(numbers, kernel_size, strict=True)):
        return "padding is at most half of kernel_size"
    return _unequal(padding)


def _on_cpu():
    return torch.empty(0).device.type == "cpu"


def _unsupported_in_shuffle(factor):
    if len(factor) != 2:
        return "pixels are shuffled in images alone"
    return None if factor[0] == factor[1] else "there is one factor for both axes"


def _unequal(padding):
    if not isinstance(padding, str) and any(before != after for before, after in padding):
        return "padding is one number per axis, for both sides"
    return None


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return value(_conv, x, weight, bias, **parameters)


def conv_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    bias = np.zeros(grad_y.shape[1], grad_y.dtype)
    return gradients(_conv, grad_y, x, weight, bias, **parameters)


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return value(_conv_transpose, x, weight, bias, **parameters)


def conv_transpose_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    bias = np.zeros(grad_y.shape[1], grad_y.dtype)
    return gradients(_conv_transpose, grad_y, x, weight, bias, **parameters)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    function = (functional.conv1d, functional.conv2d, functional.conv3d)[len(stride) - 1]
    if padding not in ("valid", "same"):
        padding = sides(padding, weight.shape[2:], dilation)
    return function(x, _oriented(weight, flip_kernel), bias, stride, padding, dilation, groups)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    function = (
        functional.conv_transpose1d,
        functional.conv_transpose2d,
        functional.conv_transpose3d,
    )[len(stride) - 1]
    padding = sides(padding, weight.shape[2:], dilation)
    weight = _oriented(weight, flip_kernel)
    return function(x, weight, bias, stride, padding, output_padding, groups, dilation)


def _oriented(weight, flip_kernel):
    return weight.flip(tuple(range(2, weight.ndim))) if flip_kernel else weight
