"""How PyTorch spells our operators, and which of them it has.

Arrays have the same layouts everywhere; their strides must not be negative. Functions are those of
`torch.nn.functional` unless another place is named, and `conv2d` stands for `conv1d`, `conv2d` and
`conv3d`. Gradients come from `torch.autograd.grad`, at the operator's own input, or from the
function that it would call where a table names one.

**Convolution**

=========================  ======================================================================
ours                       PyTorch
=========================  ======================================================================
conv, conv_transpose       `conv2d`, `conv_transpose2d`
padding                    one number per axis, for both sides
"valid"                    the string of that name in conv; 0 in conv_transpose
"same"                     the string of that name in conv, the odd zero at the end, for stride 1
                           alone; not offered in conv_transpose
"same_lower"               not offered
"full"                     ``dilation * (kernel - 1)``
output_padding             the same
flip_kernel                not offered: `torch.flip` of the weight
=========================  ======================================================================

**Pooling and unpooling**

=========================  ======================================================================
ours                       PyTorch
=========================  ======================================================================
max_pool                   `max_pool2d` with ``return_indices=True``; indices count as ours
avg_pool                   `avg_pool2d`
padding                    one number per axis, for both sides, at most half of kernel_size
"valid", "full"            0 and ``dilation * (kernel - 1)``
"same", "same_lower"       not offered
max_pool_backward          `torch.ops.aten.max_pool2d_with_indices_backward`; a line is an image
                           of one row. It asks for the window too, but uses the sizes alone: any
                           window that leads from the one size to the other will do
max_unpool                 `max_unpool2d`, of whose window too only the sizes count. It has no
                           deterministic algorithm, so none is asked for in this call
avg_unpool                 none
=========================  ======================================================================

**Resampling and padding**

=========================  ======================================================================
ours                       PyTorch
=========================  ======================================================================
upsample                   `interpolate` with ``recompute_scale_factor=False``
"nearest"                  "nearest-exact"; its "nearest" takes ``floor(o / scale)``
"linear"                   "linear", "bilinear" or "trilinear", by rank
pixel_shuffle              `pixel_shuffle`, of images alone, with one factor for both axes
pixel_unshuffle            `pixel_unshuffle`, likewise
pad                        `pad`, which lists the last axis first
"zeros"                    "constant"; the other modes have our names
=========================  ======================================================================

**Dense and normalization**

=========================  ======================================================================
ours                       PyTorch
=========================  ======================================================================
linear                     `linear`
batch_norm                 `torch.native_batch_norm`, which `batch_norm` calls: it also gives the
                           saved statistics; in evaluation it gives none, and they are None. It
                           refuses empty batches, which go to `batch_norm` itself
batch_norm_backward        `torch.ops.aten.native_batch_norm_backward`, in training alone: with
                           constant statistics it takes a variance, no inverse deviation
dropout                    none that takes a mask
=========================  ======================================================================

**Activations**

=========================  ======================================================================
ours                       PyTorch
=========================  ======================================================================
relu, ..., log_softmax     the functions of our names
axis                       ``dim``
softplus                   ``threshold=40``, beyond which it gives x: its own 20 is too low for
                           float64
gelu                       ``approximate="none"``
=========================  ======================================================================

**Losses**

================================  ===============================================================
ours                              PyTorch
================================  ===============================================================
mse, mae, huber                   `mse_loss`, `l1_loss`, `huber_loss`
binary_cross_entropy              `binary_cross_entropy`
binary_cross_entropy_with_logits  `binary_cross_entropy_with_logits`
softmax_cross_entropy             `cross_entropy`, with probabilities for a target
categorical_cross_entropy         none: `nll_loss` takes logarithms and numbers of categories
ssim, l1_penalty, l2_penalty      none
================================  ===============================================================

The frequency domain has no functions there: `torch.fft` gives transforms alone.
"""

import numpy as np
import torch
from torch.nn import functional

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
)
from deconv_ref.conformance.frameworks._torch_resampling import (
    pad,
    pad_backward,
    pixel_shuffle,
    pixel_unshuffle,
    upsample,
    upsample_backward,
)

__all__ = [
    "DIFFERENCES",
    "NAME",
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
torch.use_deterministic_algorithms(True)

DIFFERENCES: dict[str, str] = {
    "max_pool": "of several NaN in a window the last has the index",
    "max_unpool": "index -1, which is nowhere, is refused",
    "max_unpool_backward": "a value that was overwritten gets the gradient of the place it lost",
    "upsample": "linear: an axis whose size the scale leaves as it is, is copied; a cell of weight "
    "0 is multiplied, so that an infinity spreads NaN",
    "batch_norm": "a constant channel with an epsilon of 0 gives beta, not NaN",
    "relu_backward": "NaN in x lets the gradient pass",
    "leaky_relu_backward": "NaN in x counts as negative",
    "prelu_backward": "NaN in x counts as negative",
    "sigmoid_backward": "y (1 - y) keeps no digits where y is near 1",
    "tanh_backward": "1 - y^2 keeps no digits where y is near 1 or -1",
    "gelu": "1 + erf keeps no digits far below 0; minus infinity gives NaN",
    "gelu_backward": "1 + erf keeps no digits far below 0; infinities give NaN",
    "silu": "minus infinity gives NaN",
    "silu_backward": "infinities give NaN",
    "softmax_backward": "the difference of gradients keeps no digits where y is near 1",
    "log_softmax": "the difference of logarithms keeps no digits near 0",
    "mae_backward": "NaN gives 0",
    "binary_cross_entropy": "logarithms are clipped at -100; predictions of NaN are refused",
    "binary_cross_entropy_backward": "the denominator x (1 - x) is clipped at 1e-12",
    "binary_cross_entropy_with_logits": "differences keep no digits of a small loss at target 0; "
    "infinite logits give NaN",
    "binary_cross_entropy_with_logits_backward": "the difference of sigmoid and target keeps no "
    "digits of a small gradient at target 1",
    "softmax_cross_entropy": "as log_softmax; a logit of minus infinity gives NaN where its target "
    "is 0",
    "softmax_cross_entropy_backward": "the difference of softmax and target keeps no digits of a "
    "small gradient",
}
"""What PyTorch does otherwise by design, by function; no parameter changes it."""


def unsupported(op, parameters):
    """Say what PyTorch does not offer."""
    op = op.removesuffix("_backward")
    if op in ("conv", "conv_transpose"):
        return _unsupported_in_conv(op, parameters)
    if op in ("max_pool", "avg_pool") and "padding" in parameters:
        return _unsupported_in_pool(parameters)
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


def _unsupported_in_pool(parameters):
    padding, kernel_size = parameters["padding"], parameters["kernel_size"]
    if padding in ("same", "same_lower"):
        return f'there is no "{padding}" in pooling'
    dilation = parameters.get("dilation", [1] * len(kernel_size))
    numbers = sides(padding, kernel_size, dilation)
    if any(number > taps // 2 for number, taps in zip(numbers, kernel_size, strict=True)):
        return "padding is at most half of kernel_size"
    return _unequal(padding)


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
    return weight.flip(*range(2, weight.ndim)) if flip_kernel else weight
