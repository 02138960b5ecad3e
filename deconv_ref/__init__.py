"""The source of truth for convolution, transposed convolution and their gradients."""

from deconv_ref.errors import BackendError, DeconvRefError, DTypeError, ParameterError, ShapeError
from deconv_ref.ops.convolution.arguments import ConvGradients
from deconv_ref.ops.convolution.conv import conv, conv_backward
from deconv_ref.ops.convolution.conv_transpose import conv_transpose, conv_transpose_backward
from deconv_ref.version import __version__

__all__ = [
    "BackendError",
    "ConvGradients",
    "DTypeError",
    "DeconvRefError",
    "ParameterError",
    "ShapeError",
    "__version__",
    "conv",
    "conv_backward",
    "conv_transpose",
    "conv_transpose_backward",
]
