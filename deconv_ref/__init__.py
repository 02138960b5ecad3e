"""The source of truth for the operators of convolutional networks and their gradients."""

from deconv_ref.errors import BackendError, DeconvRefError, DTypeError, ParameterError, ShapeError
from deconv_ref.ops.activations.arguments import PreluGradients
from deconv_ref.ops.activations.normalized import (
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)
from deconv_ref.ops.activations.rectifiers import (
    leaky_relu,
    leaky_relu_backward,
    prelu,
    prelu_backward,
    relu,
    relu_backward,
)
from deconv_ref.ops.activations.sigmoids import (
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from deconv_ref.ops.activations.units import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    silu,
    silu_backward,
)
from deconv_ref.ops.convolution.arguments import ConvGradients
from deconv_ref.ops.convolution.conv import conv, conv_backward
from deconv_ref.ops.convolution.conv_transpose import conv_transpose, conv_transpose_backward
from deconv_ref.ops.dense.linear import LinearGradients, linear, linear_backward
from deconv_ref.ops.fourier.deconvolve import inverse_filter, richardson_lucy, wiener
from deconv_ref.ops.fourier.fft_convolve import fft_convolve
from deconv_ref.ops.losses.binary import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
)
from deconv_ref.ops.losses.distances import (
    huber,
    huber_backward,
    mae,
    mae_backward,
    mse,
    mse_backward,
)
from deconv_ref.ops.losses.entropies import (
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from deconv_ref.ops.losses.penalties import (
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
)
from deconv_ref.ops.normalization.batch_norm import (
    BatchNormed,
    BatchNormGradients,
    batch_norm,
    batch_norm_backward,
)
from deconv_ref.ops.normalization.dropout import dropout, dropout_backward
from deconv_ref.ops.padding.pad import pad, pad_backward
from deconv_ref.ops.pooling.arguments import MaxPooled
from deconv_ref.ops.pooling.average import avg_pool, avg_pool_backward
from deconv_ref.ops.pooling.max import max_pool, max_pool_backward
from deconv_ref.ops.pooling.unpooling import (
    avg_unpool,
    avg_unpool_backward,
    max_unpool,
    max_unpool_backward,
)
from deconv_ref.ops.resampling.pixel_shuffle import pixel_shuffle, pixel_unshuffle
from deconv_ref.ops.resampling.upsample import upsample, upsample_backward
from deconv_ref.ops.similarity.ssim import ssim, ssim_loss, ssim_loss_backward
from deconv_ref.version import __version__

__all__ = [
    "BackendError",
    "BatchNormGradients",
    "BatchNormed",
    "ConvGradients",
    "DTypeError",
    "DeconvRefError",
    "LinearGradients",
    "MaxPooled",
    "ParameterError",
    "PreluGradients",
    "ShapeError",
    "__version__",
    "avg_pool",
    "avg_pool_backward",
    "avg_unpool",
    "avg_unpool_backward",
    "batch_norm",
    "batch_norm_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "categorical_cross_entropy",
    "categorical_cross_entropy_backward",
    "conv",
    "conv_backward",
    "conv_transpose",
    "conv_transpose_backward",
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "fft_convolve",
    "gelu",
    "gelu_backward",
    "huber",
    "huber_backward",
    "inverse_filter",
    "l1_penalty",
    "l1_penalty_backward",
    "l2_penalty",
    "l2_penalty_backward",
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
    "richardson_lucy",
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
    "ssim",
    "ssim_loss",
    "ssim_loss_backward",
    "tanh",
    "tanh_backward",
    "upsample",
    "upsample_backward",
    "wiener",
]
