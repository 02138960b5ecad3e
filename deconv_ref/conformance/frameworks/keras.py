"""Keras: functions of `keras.ops`, losses, layers and regularizers.

The backend is the one that KERAS_BACKEND names, or else the first that is installed; what its
operators lack, Keras lacks, and all gradients are its own. Arrays of convolution, pooling and
images have their channels last, ``(N, *spatial, C)``, as ``data_format="channels_last"`` says. On
JAX and PyTorch float64 promotes to float32: there means, and so the losses, are computed in
float32.
"""

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
    derivative_at_0,
    infinite_grad_y,
    nan_in_x,
    no_number_above_0,
)
from deconv_ref.conformance.frameworks._allowances import (
    beside_infinities,
    fed_by_infinities,
    linear_in_float32,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._keras_backend import (
    backward,
    channels_first,
    channels_last,
    forward,
    is_explicit,
)

# isort: split
import keras
import numpy as np
from keras import ops

from deconv_ref.conformance.frameworks._keras_images import (  # noqa: F401
    avg_pool,
    avg_pool_backward,
    max_pool,
    pad,
    pad_backward,
    pixel_shuffle,
    pixel_unshuffle,
    upsample,
    upsample_backward,
)
from deconv_ref.conformance.frameworks._keras_losses import (  # noqa: F401
    HELD,
    HELD_SLOPES,
    SCALED,
    SCALED_SLOPES,
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
    huber,
    huber_backward,
    mae,
    mae_backward,
    mse,
    mse_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from deconv_ref.conformance.frameworks._keras_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._keras_values import (  # noqa: F401
    batch_norm,
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
    leaky_relu,
    leaky_relu_backward,
    linear,
    linear_backward,
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
from deconv_ref.conformance.frameworks._loss_differences import (
    INFINITE_LOGITS,
    LOGARITHM_OF_SUM,
    NO_VALUES,
    OUT_OF_SUPPORT,
    PRODUCT_LESS,
    SIGMOID_LESS_SOFT_TARGET,
    TARGETS_THAT_SUM_TO_1,
)

NAME = "keras"
VERSION = f"{keras.__version__} on {keras.backend.backend()}"

DIFFERENCES: dict[str, list[Difference]] = {
    "binary_cross_entropy": [HELD, NO_VALUES],
    "binary_cross_entropy_backward": [HELD_SLOPES],
    "binary_cross_entropy_with_logits": [PRODUCT_LESS, INFINITE_LOGITS, NO_VALUES],
    "binary_cross_entropy_with_logits_backward": [SIGMOID_LESS_SOFT_TARGET],
    "categorical_cross_entropy": [SCALED, NO_VALUES],
    "categorical_cross_entropy_backward": [SCALED_SLOPES],
    "huber": [NO_VALUES],
    "mae": [NO_VALUES],
    "mse": [NO_VALUES],
    "relu_backward": [MULTIPLIED_INFINITY, Difference("NaN in x counts as negative", nan_in_x)],
    "leaky_relu": [SLOPE_IN_FLOAT32],
    "leaky_relu_backward": [
        SLOPE_IN_FLOAT32,
        Difference("NaN in x counts as negative", nan_in_x),
    ],
    "prelu_backward": [
        Difference("the derivative at 0 is 0", derivative_at_0(0), "x"),
        Difference("NaN in x gives 0", nan_in_x, "x"),
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
    "softmax_cross_entropy": [LOGARITHM_OF_SUM, OUT_OF_SUPPORT, NO_VALUES],
    "softmax_cross_entropy_backward": [TARGETS_THAT_SUM_TO_1],
    "upsample": [
        Difference("on TensorFlow, linear results and coordinates are float32", linear_in_float32),
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities),
    ],
    "upsample_backward": [
        Difference("on TensorFlow, linear results and coordinates are float32", linear_in_float32),
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", fed_by_infinities),
    ],
}
"""What Keras does otherwise, by design."""

PAD_MODES_OF = {
    "tensorflow": ("zeros", "reflect"),
    "jax": ("zeros", "reflect", "replicate", "circular"),
    "torch": ("zeros", "reflect", "circular"),
}


def unsupported(op, parameters):
    """Say what Keras does not offer."""
    if op in ("conv", "conv_transpose"):
        return _convolution_lacks(op, **parameters)
    if op in ("max_pool", "avg_pool"):
        return _pooling_lacks(op, **parameters)
    if op == "upsample":
        return _upsample_lacks(**parameters)
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        factor = parameters["factor"]
        offered = len(factor) == 2 and factor[0] == factor[1] >= 2
        return None if offered else "images alone, and one block size of at least 2"
    if op == "pad":
        backend = keras.backend.backend()
        offered = parameters.get("mode", "zeros") in PAD_MODES_OF.get(backend, ())
        return None if offered else f"not one of the modes on {backend}"
    return None


def _convolution_lacks(op, *, stride, padding, dilation, groups, output_padding=(), **_):
    if not _is_named(padding):
        return 'padding is "valid" or "same"'
    if max(stride) > 1 and max(dilation) > 1:
        return "stride is not offered together with dilation"
    if op == "conv_transpose" and groups > 1:
        return "there are no groups in conv_transpose"
    if op == "conv_transpose" and any(map(int.__ge__, output_padding, stride)):
        return "output_padding must be below stride"
    return None


def _pooling_lacks(
    op, *, padding="valid", dilation=(1,), ceil_mode=False, count_include_pad=True, **_
):
    if not _is_named(padding):
        return 'padding is "valid" or "same"'
    if ceil_mode or max(dilation) > 1:
        return "there are no ceil_mode and no dilation"
    if op == "avg_pool" and padding == "same" and count_include_pad:
        return '"same" divides by the cells inside the input'
    return None


def _upsample_lacks(*, scale_factor, mode="nearest", align_corners=False, **_):
    if align_corners:
        return "there is no align_corners"
    if any(scale != int(scale) for scale in scale_factor):
        return "it asks for a size, which implies another scale"
    if mode == "linear" and len(scale_factor) != 2:
        return "linear is for images alone"
    return None


def _is_named(padding):
    """Tell whether padding is one of the strings that are offered, or none in numbers."""
    return padding in ("valid", "same") or (is_explicit(padding) and not any(map(any, padding)))


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
    y = ops.conv(
        channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        "valid" if is_explicit(padding) else padding,
        "channels_last",
        dilation,
    )
    return channels_first(_plus(y, bias))


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    y = ops.conv_transpose(
        channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        "valid" if is_explicit(padding) else padding,
        None if padding == "same" else output_padding,
        "channels_last",
        dilation,
    )
    return channels_first(_plus(y, bias))


def _kernel(weight, flip_kernel):
    weight = ops.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight
    return ops.moveaxis(weight, (0, 1), (-1, -2))


def _plus(y, bias):
    return y if bias is None else ops.add(y, bias)


def _bias(grad_y):
    return np.zeros(grad_y.shape[1], grad_y.dtype)
