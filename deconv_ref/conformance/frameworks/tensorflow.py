"""How TensorFlow spells our operators: functions of `tf.nn`, `tf.image`, `tf.pad` and `tf.linalg`.

Convolution: `tf.nn.convolution`, `tf.nn.conv2d`, `tf.nn.conv_transpose`.

===============  ================================================================================
ours             TensorFlow
===============  ================================================================================
x, y             channels last: ``(N, *spatial, C)``, the layout that all CPU kernels have. It is
                 the default, but left out, the gradient in three axes fails
weight           ``(*kernel, C_in // groups, C_out)``; of conv_transpose ``(*kernel, C_out, C_in)``
"valid", "same"  the strings VALID and SAME
pairs, "full"    explicit paddings, of all four axes, for two spatial axes alone
"same_lower"     not offered
output_padding   a longer ``output_shape``: any size that the convolution maps back to the input,
                 so that ``output_padding < stride``
dilation         in `tf.nn.convolution` not with stride, but with gradients; `tf.nn.conv2d` has it
                 with stride and with explicit paddings
groups           ``C`` over the kernels' channels; not offered in conv_transpose nor, as
                 "`in_channels` must match" there, in `tf.nn.conv3d`
flip_kernel      not offered: `tf.reverse` of the weight
bias             `tf.nn.bias_add`
gradients        `tf.GradientTape`, of these operators and of all below
===============  ================================================================================

Pooling: channels last.

=================  ==============================================================================
ours               TensorFlow
=================  ==============================================================================
max_pool           `tf.nn.max_pool`; explicit paddings for two spatial axes alone, and below the
                   size of the window; with dilation `tf.nn.pool`, without stride and padding
indices            `tf.nn.max_pool_with_argmax`, on images, without explicit paddings: they count
                   channels too, fastest, and are divided by their number
avg_pool           `tf.nn.avg_pool`; SAME divides by the cells inside the input, as
                   ``count_include_pad=False`` does; no explicit paddings
ceil_mode          not offered
max_pool_backward  `tf.raw_ops.MaxPoolGradWithArgmax`, which is what the tape calls, on images: it
                   goes by the indices, and by some window that gives as many outputs
max_unpool         not offered
=================  ==============================================================================

Resampling and padding: images, ``(N, H, W, C)``, but for `tf.pad`.

=================  ==============================================================================
ours               TensorFlow
=================  ==============================================================================
upsample           `tf.image.resize`, "bilinear" or "nearest". It asks for a size and not for a
                   scale: the same where the scales are integers. Bilinear results are float32
align_corners      of `tf.compat.v1.image.resize` alone, whatever the scales
pixel_shuffle      `tf.nn.depth_to_space`, one factor of 2 or more: of an output's place in its
                   block and its channel it counts the place slowest, where ours is the channel
pixel_unshuffle    `tf.nn.space_to_depth`, likewise
pad                `tf.pad`: CONSTANT and REFLECT; SYMMETRIC repeats the edge, and is none of ours
=================  ==============================================================================

Dense, normalization and activations:

=================  ==============================================================================
ours               TensorFlow
=================  ==============================================================================
linear             `tf.tensordot` over the last axis of both, and a sum
batch_norm         y alone: `tf.nn.batch_normalization`, in training with `tf.nn.moments`
leaky_relu         `tf.nn.leaky_relu`: ``alpha``, 0.2 by default
elu                `tf.nn.elu`: alpha is 1
gelu               `tf.nn.gelu` with ``approximate=False``
others             `tf.nn.relu`, `tf.nn.sigmoid`, `tf.nn.tanh`, `tf.nn.softplus`, `tf.nn.silu`
softmax            `tf.nn.softmax` and `tf.nn.log_softmax` with ``axis``, the last by default
prelu              not offered but by Keras, like the losses that are not below
=================  ==============================================================================

Losses: one value per element or line; "mean" is `tf.reduce_mean`, "sum" `tf.reduce_sum`.

================================  ===============================================================
ours                              TensorFlow
================================  ===============================================================
binary_cross_entropy_with_logits  `tf.nn.sigmoid_cross_entropy_with_logits`
softmax_cross_entropy             `tf.nn.softmax_cross_entropy_with_logits` with ``axis=1``
l2_penalty                        ``2 * strength`` times `tf.nn.l2_loss`
ssim, ssim_loss                   `tf.image.ssim`, in float32, of each channel as an image
================================  ===============================================================
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from deconv_ref.conformance.frameworks._tensorflow_images import (  # noqa: F401
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

DIFFERENCES: dict[str, str] = {
    "softmax_cross_entropy": "the gradient takes each line of the target to sum to 1",
    "ssim": "computed in float32, variances as differences of squares",
    "ssim_loss": "computed in float32, variances as differences of squares",
    "upsample": "linear results and coordinates are float32, of float64 images too",
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
