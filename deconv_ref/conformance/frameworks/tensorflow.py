"""TensorFlow: functions of `tf.nn`, `tf.image`, `tf.pad` and `tf.linalg`.

Arrays have their channels last, ``(N, *spatial, C)``, the layout that all CPU kernels have;
``data_format`` says so, though it is the default: left out, the gradient in three axes fails.
Images are ``(N, H, W, C)``. All gradients are those of `tf.GradientTape`. Losses give one value per
element or line, which other functions reduce. TensorFloat-32 is off, and algorithms are
deterministic.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU,
    ELU_GRADIENT,
    GELU,
    GELU_GRADIENT,
    INFINITE,
    LOG_SOFTMAX,
    LOG_SOFTMAX_GRADIENT,
    MINUS_INFINITY,
    MULTIPLIED_INFINITY,
    SIGMOID_GRADIENT,
    SILU_GRADIENT,
    SLOPE_IN_FLOAT32,
    SOFTMAX_GRADIENT,
    TANH_GRADIENT,
    nan_in_x,
)
from deconv_ref.conformance.frameworks._allowances import (
    beside_infinities,
    fed_by_infinities,
    linear_in_float32,
    with_nowhere,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._loss_differences import (
    INFINITE_LOGITS,
    LOGARITHM_OF_SUM,
    OUT_OF_SUPPORT,
    PRODUCT_LESS,
    SIGMOID_LESS_SOFT_TARGET,
    TARGETS_THAT_SUM_TO_1,
)
from deconv_ref.conformance.frameworks._tensorflow_images import (  # noqa: F401
    IMAGES_ALONE,
    avg_pool,
    avg_pool_backward,
    max_pool,
    max_pool_backward,
    pad,
    pad_backward,
    pixel_shuffle,
    pixel_unshuffle,
    ssim,
    ssim_loss,
    ssim_loss_backward,
    upsample,
    upsample_backward,
)
from deconv_ref.conformance.frameworks._tensorflow_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._tensorflow_tape import (
    LAYOUTS,
    backward,
    channels_first,
    channels_last,
    forward,
    is_explicit,
    named_or_pairs,
)
from deconv_ref.conformance.frameworks._tensorflow_values import (  # noqa: F401
    batch_norm,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    l2_penalty,
    l2_penalty_backward,
    leaky_relu,
    leaky_relu_backward,
    linear,
    linear_backward,
    log_softmax,
    log_softmax_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "tensorflow"
VERSION = tf.__version__

DIFFERENCES: dict[str, list[Difference]] = {
    "relu_backward": [MULTIPLIED_INFINITY, Difference("NaN in x counts as negative", nan_in_x)],
    "leaky_relu": [SLOPE_IN_FLOAT32],
    "leaky_relu_backward": [
        SLOPE_IN_FLOAT32,
        Difference("NaN in x counts as negative", nan_in_x),
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
    "binary_cross_entropy_with_logits": [PRODUCT_LESS, INFINITE_LOGITS],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_SOFT_TARGET],
    "softmax_cross_entropy": [LOGARITHM_OF_SUM, OUT_OF_SUPPORT],
    "softmax_cross_entropy_backward": [TARGETS_THAT_SUM_TO_1],
    "ssim": [IMAGES_ALONE],
    "ssim_loss": [IMAGES_ALONE],
    "ssim_loss_backward": [IMAGES_ALONE],
    "upsample": [
        Difference(
            "linear results and coordinates are float32, of float64 images too", linear_in_float32
        ),
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities),
    ],
    "upsample_backward": [
        Difference(
            "linear results and coordinates are float32, of float64 images too", linear_in_float32
        ),
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", fed_by_infinities),
    ],
    "max_pool_backward": [Difference("index -1, which is nowhere, is refused", with_nowhere)],
}
"""What TensorFlow does otherwise, by design."""

tf.config.experimental.enable_tensor_float_32_execution(False)
tf.config.experimental.enable_op_determinism()


def unsupported(op, parameters):
    """Say what TensorFlow does not offer."""
    if op in ("conv", "conv_transpose"):
        return _convolution_lacks(op, **parameters)
    if op == "max_pool" and "kernel_size" not in parameters:
        return None if len(parameters["input_size"]) == 4 else "indices are of images alone"
    if op in ("max_pool", "avg_pool"):
        return _pooling_lacks(op, **parameters)
    if op == "upsample" and len(parameters["scale_factor"]) != 2:
        return "images alone are resized: two spatial axes"
    if op == "upsample" and not parameters.get("align_corners"):
        whole = all(scale == int(scale) for scale in parameters["scale_factor"])
        return None if whole else "it asks for a size, which implies another scale"
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        factor = parameters["factor"]
        offered = len(factor) == 2 and factor[0] == factor[1] >= 2
        return None if offered else "images alone, and one block size of at least 2"
    if op == "pad" and parameters.get("mode", "zeros") not in ("zeros", "reflect"):
        return "the modes are CONSTANT, REFLECT and SYMMETRIC"
    if op == "elu" and parameters.get("alpha", 1) != 1:
        return "alpha is 1"
    if op in ("ssim", "ssim_loss") and parameters.get("window") != "gaussian":
        return "windows are Gaussian"
    return None


def _convolution_lacks(op, *, stride, padding, dilation, groups, output_padding=(), **_):
    planar = len(stride) == 2
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if not planar and (padding == "full" or (is_explicit(padding) and any(map(any, padding)))):
        return "padding in numbers is for two spatial axes alone"
    if op == "conv" and not planar and max(stride) > 1 and max(dilation) > 1:
        return "stride is not offered together with dilation"
    if groups > 1 and (op == "conv_transpose" or len(stride) == 3):
        return "there are no groups in conv_transpose, nor in three axes"
    if op == "conv_transpose" and any(map(int.__ge__, output_padding, stride)):
        return "output_shape must be one that conv maps back to the input: output_padding < stride"
    return None


def _pooling_lacks(
    op,
    *,
    kernel_size,
    stride=None,
    padding="valid",
    dilation=(1,),
    ceil_mode=False,
    count_include_pad=True,
    **_,
):
    if ceil_mode:
        return "there is no ceil_mode"
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if max(dilation) > 1 and (max(stride or kernel_size) > 1 or padding == "same"):
        return "dilation is offered without stride and padding alone"
    if padding == "same":
        counted = op == "avg_pool" and count_include_pad
        return "SAME divides by the cells inside the input" if counted else None
    numbers = pairs(padding, kernel_size, dilation * (len(kernel_size) // len(dilation)))
    if not any(map(any, numbers)):
        return None
    if op == "avg_pool" or len(kernel_size) != 2 or max(dilation) > 1:
        return "padding in numbers is for max_pool of images, without dilation, alone"
    beyond = any(max(pair) >= k for pair, k in zip(numbers, kernel_size, strict=True))
    return "paddings must be below the window's size" if beyond else None


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return forward(_conv, x, weight, bias, **parameters)


def conv_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return backward(_conv, grad_y, x, weight, _bias(grad_y), **parameters)


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return forward(_conv_transpose, x, weight, bias, **parameters)


def conv_transpose_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return backward(_conv_transpose, grad_y, x, weight, _bias(grad_y), **parameters)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    padding = named_or_pairs(padding, weight.shape[2:], dilation)
    both = max(stride) > 1 and max(dilation) > 1
    function = tf.nn.conv2d if is_explicit(padding) or both else tf.nn.convolution
    y = function(
        channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        padding,
        LAYOUTS[len(stride)],
        dilation,
    )
    return channels_first(_plus(y, bias))


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    n, kernel_size = x.shape[2:], weight.shape[2:]
    if padding == "same":
        output_size = [n[axis] * stride[axis] for axis in range(len(n))]
    else:
        output_size = [
            (n[axis] - 1) * stride[axis]
            - before
            - after
            + dilation[axis] * (kernel_size[axis] - 1)
            + 1
            + output_padding[axis]
            for axis, (before, after) in enumerate(pairs(padding, kernel_size, dilation))
        ]
    y = tf.nn.conv_transpose(
        channels_last(x),
        _kernel(weight, flip_kernel),
        [x.shape[0], *output_size, weight.shape[1]],
        stride,
        named_or_pairs(padding, kernel_size, dilation),
        LAYOUTS[len(stride)],
        dilation,
    )
    return channels_first(_plus(y, bias))


def _kernel(weight, flip_kernel):
    spatial = list(range(2, weight.ndim))
    weight = tf.reverse(weight, spatial) if flip_kernel else weight
    return tf.transpose(weight, [*spatial, 1, 0])


def _plus(y, bias):
    return y if bias is None else tf.nn.bias_add(y, bias)


def _bias(grad_y):
    return np.zeros(grad_y.shape[1], grad_y.dtype)
