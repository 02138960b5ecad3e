"""How Keras spells our operators: functions of `keras.ops`, losses, layers and regularizers.

The backend is the one that KERAS_BACKEND names, or else the first that is installed; what its
operators lack, Keras lacks. On JAX and PyTorch float64 promotes to float32: there means, and so the
losses, are computed in float32.

Convolution: `keras.ops.conv` and `keras.ops.conv_transpose`.

===============  ================================================================================
ours             Keras
===============  ================================================================================
x, y             ``data_format="channels_last"``: ``(N, *spatial, C)``
weight           ``(*kernel, C_in // groups, C_out)``; of conv_transpose ``(*kernel, C_out, C_in)``
"valid", "same"  the strings of these names
other padding    not offered
output_padding   below stride; given at all it changes the meaning of "same", and left at None it
                 stretches "valid" where the kernel is shorter than the stride: None for "same",
                 numbers for "valid"
dilation         not with stride, as the layers' documentation says
groups           ``C`` over the kernels' channels; not offered in conv_transpose
flip_kernel      not offered: `keras.ops.flip` of the weight
bias             not offered: a sum
gradients        those of the backend, of these operators and of all below
===============  ================================================================================

Pooling: ``data_format="channels_last"``, padding "valid" or "same".

=================  ==============================================================================
ours               Keras
=================  ==============================================================================
max_pool           `keras.ops.max_pool`: no indices, and so no gradient that takes them
avg_pool           `keras.ops.average_pool`: "same" divides by the cells inside the input, as
                   ``count_include_pad=False`` does
dilation           not offered
ceil_mode          not offered
=================  ==============================================================================

Resampling and padding:

=================  ==============================================================================
ours               Keras
=================  ==============================================================================
upsample           images: `keras.ops.image.resize`, "bilinear" or "nearest", which asks for a
                   size and not for a scale: the same where the scales are integers; one or
                   three axes: `keras.layers.UpSampling1D` and `UpSampling3D`, nearest alone
align_corners      not offered
pixel_shuffle      `keras.ops.depth_to_space`, one factor of 2 or more: of an output's place in its
                   block and its channel it counts the place slowest, where ours is the channel
pixel_unshuffle    `keras.ops.space_to_depth`, likewise
pad                `keras.ops.pad`: "constant", "reflect"; "edge" and "wrap" on JAX alone, and
                   "circular" on PyTorch
=================  ==============================================================================

Dense, normalization and activations:

=================  ==============================================================================
ours               Keras
=================  ==============================================================================
linear             `keras.ops.matmul` with the weight transposed, and a sum
batch_norm         y alone: `keras.ops.batch_normalization`, in training with `keras.ops.moments`
prelu              `keras.layers.PReLU`, with all spatial axes in ``shared_axes``
gelu               `keras.ops.gelu` with ``approximate=False``
softmax            `keras.ops.softmax` and `log_softmax` with ``axis``, the last by default
other activations  the functions of our names in `keras.ops`
=================  ==============================================================================

Losses: classes of `keras.losses`. "mean" is ``reduction="sum_over_batch_size"``. Those of single
values average over the last axis whatever the reduction: a last axis of size 1 is added.

================================  ===============================================================
ours                              Keras
================================  ===============================================================
mse, mae, huber                   `MeanSquaredError`, `MeanAbsoluteError`, `Huber`
binary_cross_entropy              `BinaryCrossentropy`
binary_cross_entropy_with_logits  `BinaryCrossentropy` with ``from_logits=True``
categorical_cross_entropy         `CategoricalCrossentropy` with ``axis=1``
softmax_cross_entropy             the same with ``from_logits=True``
l1_penalty, l2_penalty            `keras.regularizers.L1` and `L2`
================================  ===============================================================
"""

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

NAME = "keras"
VERSION = f"{keras.__version__} on {keras.backend.backend()}"

DIFFERENCES: dict[str, str] = {
    "binary_cross_entropy": "predictions are held between 1e-7 and 1 - 1e-7",
    "categorical_cross_entropy": "predictions are scaled to sum to 1, then held likewise",
    "prelu": "the derivative at 0 is 0",
    "softmax_cross_entropy": "the gradient takes each line of the target to sum to 1",
    "upsample": "on TensorFlow, linear results and coordinates are float32",
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
