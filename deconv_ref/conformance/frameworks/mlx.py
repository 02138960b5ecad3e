"""MLX on the CPU: functions of `mlx.core` and `mlx.nn`.

Here `MaxPool2d` stands for all ranks, and so do its like. Gradients come from `mlx.core.vjp`, at
the operator's own input. Channels are last.
"""

import mlx.core as mx
import numpy as np
from mlx import nn

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
    infinite_grad_y,
    nan_in_x,
    no_number_above_0,
)
from deconv_ref.conformance.frameworks._allowances import (
    beside_infinities,
    fed_by_infinities,
    volumes_refused,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._loss_differences import (
    CLIPPED_LOGARITHMS,
    INFINITE_LOGITS,
    LOSS_OF_TARGETS_THAT_SUM_TO_1,
    NAN_GIVES_0,
    OUT_OF_SUPPORT,
    PRODUCT_LESS,
    SIGMOID_LESS_TARGET,
    TARGETS_THAT_SUM_TO_1,
)
from deconv_ref.conformance.frameworks._mlx_arrays import (
    array_of,
    channels_first,
    channels_last,
    of_prediction,
    of_size,
    of_weights,
    of_x,
    of_x_and_slope,
    tensor,
    value,
)
from deconv_ref.conformance.frameworks._mlx_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "mlx"
VERSION = mx.__version__

NO_FLOAT64 = Difference("there is no convolution of float64")
SPREADS_NAN = "linear: a cell of weight 0 is multiplied, so NaN spreads"

DIFFERENCES: dict[str, list[Difference]] = {
    "conv": [NO_FLOAT64],
    "conv_transpose": [NO_FLOAT64],
    "max_pool": [Difference("there are no indices")],
    "upsample": [Difference(SPREADS_NAN, beside_infinities)],
    "upsample_backward": [Difference(SPREADS_NAN, fed_by_infinities)],
    "batch_norm": [Difference("volumes are refused", volumes_refused)],
    "relu_backward": [MASKED_NAN, MULTIPLIED_INFINITY, Difference("NaN in x gives 0", nan_in_x)],
    "leaky_relu_backward": [
        Difference("NaN in x counts as negative", nan_in_x),
        Difference("an infinite gradient gives NaN", infinite_grad_y),
    ],
    "prelu_backward": [
        Difference("NaN in x counts as negative", nan_in_x, "x"),
        Difference("an infinite gradient gives NaN", infinite_grad_y, "x"),
        Difference(
            "a gradient that is no number counts at positive x too", no_number_above_0, "slope"
        ),
    ],
    "elu": [ELU],
    "elu_backward": [ELU_GRADIENT, Difference("NaN in x lets the gradient pass", nan_in_x)],
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
    "binary_cross_entropy": [CLIPPED_LOGARITHMS],
    "binary_cross_entropy_with_logits": [PRODUCT_LESS, INFINITE_LOGITS],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_TARGET],
    "softmax_cross_entropy": [LOSS_OF_TARGETS_THAT_SUM_TO_1, OUT_OF_SUPPORT],
    "softmax_cross_entropy_backward": [TARGETS_THAT_SUM_TO_1],
}
"""What MLX does otherwise by design, by function; no parameter changes it."""

CONV_TRANSPOSES = (mx.conv_transpose1d, mx.conv_transpose2d, mx.conv_transpose3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVG_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}


def unsupported(op, parameters, dtype):
    """Say what MLX does not offer."""
    if dtype == "float64" and NO_FLOAT64 in DIFFERENCES.get(op, ()):
        return NO_FLOAT64.reason
    padding = parameters.get("padding")
    if padding in ("same", "same_lower"):
        return f'there is no "{padding}"'
    if op in ("conv", "conv_transpose"):
        return _convolution_lacks(op, **parameters)
    if op in ("max_pool", "avg_pool") and "kernel_size" in parameters:
        return _pooling_lacks(**parameters)
    if op == "upsample" and any(scale % 1 for scale in parameters["scale_factor"]):
        return "scales that are not whole have centres of their own"
    if op == "pad" and parameters["mode"] == "circular":
        return "there is no circular mode"
    if op == "batch_norm" and parameters["epsilon"] == 0:
        return "epsilon is positive"
    if op == "leaky_relu" and parameters["negative_slope"] > 1:
        return "the larger of x and its multiple is ours for slopes up to 1"
    return None


def _convolution_lacks(op, *, stride, padding, dilation, groups, output_padding=(), **_):
    if groups > 1 and (op == "conv_transpose" or len(stride) == 3):
        return "there are no groups in conv_transpose, nor in three axes"
    if op == "conv_transpose" and _is_uneven(padding, dilation):
        return "padding is one number per axis, for both sides"
    if any(extra >= step for extra, step in zip(output_padding, stride, strict=False)):
        return "output_padding is below stride"
    return None


def _pooling_lacks(*, kernel_size, padding, ceil_mode, dilation=(1,), count_include_pad=True, **_):
    if max(dilation) > 1 or ceil_mode:
        return "there is no dilation and no ceil_mode in pooling"
    if not count_include_pad:
        return "averages count the padding"
    if _is_uneven(padding, kernel_size):
        return "padding is one number per axis, for both sides"
    return None


def _is_uneven(padding, axes):
    numbers = () if padding in ("valid", "full") else padding
    return any(before != after for before, after in numbers)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    sides = zip(*pairs(padding, weight.shape[2:], dilation), strict=True)
    y = mx.conv_general(
        channels_last(x),
        channels_last(weight),
        stride,
        tuple(map(list, sides)),
        dilation,
        groups=groups,
        flip=flip_kernel,
    )
    return _plus(y, bias)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    axes = len(stride)
    crops = [before for before, _ in pairs(padding, weight.shape[2:], dilation)]
    if flip_kernel:
        weight = weight[(..., *[slice(None, None, -1)] * axes)]
    kernel = channels_last(mx.swapaxes(weight, 0, 1))
    per_axis = (stride, crops, dilation, output_padding)
    # Of one axis a number is asked for, of several a tuple.
    numbers = [number[0] if axes == 1 else tuple(number) for number in per_axis]
    return _plus(CONV_TRANSPOSES[axes - 1](channels_last(x), kernel, *numbers), bias)


def _plus(y, bias):
    return channels_first(y if bias is None else y + bias)


def _linear(x, weight, bias):
    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)


conv, conv_backward = of_weights(_conv)
conv_transpose, conv_transpose_backward = of_weights(_conv_transpose)
linear, linear_backward = of_weights(_linear, channels=-1)


def _pool(layers, x, kernel_size, stride, padding):
    sides = [before for before, _ in pairs(padding, kernel_size, (1,) * len(kernel_size))]
    pool = layers[len(kernel_size) - 1](tuple(kernel_size), tuple(stride), tuple(sides))
    return channels_first(pool(channels_last(x)))


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y; there are no indices."""
    return array_of(_pool(MAX_POOLS, tensor(x), kernel_size, stride, padding))


avg_pool, avg_pool_backward = of_size(
    lambda x, kernel_size, stride, padding, **_: _pool(AVG_POOLS, x, kernel_size, stride, padding)
)


def _upsample(x, *, scale_factor, mode, align_corners):
    upsample = nn.Upsample(tuple(scale_factor), mode, align_corners)
    return channels_first(upsample(channels_last(x))).astype(x.dtype)  # linear ones are float32


def _pad(x, *, padding, mode, value=0.0):
    return mx.pad(x, [(0, 0), (0, 0), *padding], PAD_MODES[mode], value)


upsample, upsample_backward = of_size(_upsample)
pad, pad_backward = of_size(_pad)


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5):
    """Compute y and the next running statistics."""
    layer = nn.BatchNorm(x.shape[1], epsilon, momentum)
    layer.weight, layer.bias = tensor(gamma), tensor(beta)
    layer.running_mean, layer.running_var = tensor(running_mean), tensor(running_var)
    layer.train(training)
    y = value(lambda x: channels_first(layer(channels_last(x))), x)
    return y, np.array(layer.running_mean), np.array(layer.running_var), None, None


relu, relu_backward = of_x(nn.relu)
leaky_relu, leaky_relu_backward = of_x(
    lambda x, negative_slope=0.01: nn.leaky_relu(x, negative_slope)
)
prelu, prelu_backward = of_x_and_slope(
    lambda x, slope: nn.prelu(x, slope.reshape(-1, *[1] * (x.ndim - 2)))
)
elu, elu_backward = of_x(lambda x, alpha=1.0: nn.elu(x, alpha))
sigmoid, sigmoid_backward = of_x(mx.sigmoid)
tanh, tanh_backward = of_x(mx.tanh)
softplus, softplus_backward = of_x(nn.softplus)
gelu, gelu_backward = of_x(nn.gelu)
silu, silu_backward = of_x(nn.silu)
softmax, softmax_backward = of_x(lambda x, axis=1: mx.softmax(x, axis))
log_softmax, log_softmax_backward = of_x(lambda x, axis=1: nn.log_softmax(x, axis))

mse, mse_backward = of_prediction(nn.losses.mse_loss)
mae, mae_backward = of_prediction(nn.losses.l1_loss)
huber, huber_backward = of_prediction(
    lambda prediction, target, delta=1.0, reduction="mean": nn.losses.huber_loss(
        prediction, target, delta, reduction
    )
)
binary_cross_entropy, binary_cross_entropy_backward = of_prediction(
    lambda prediction, target, reduction="mean": nn.losses.binary_cross_entropy(
        prediction, target, with_logits=False, reduction=reduction
    )
)
binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_backward = of_prediction(
    lambda prediction, target, reduction="mean": nn.losses.binary_cross_entropy(
        prediction, target, reduction=reduction
    )
)
softmax_cross_entropy, softmax_cross_entropy_backward = of_prediction(
    lambda prediction, target, reduction="mean": nn.losses.cross_entropy(
        prediction, target, axis=1, reduction=reduction
    )
)
