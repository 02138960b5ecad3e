"""ONNX, as its own evaluator `onnx.reference.ReferenceEvaluator` runs models of one node.

Arrays have the same layouts as ours. There are no gradients. Attributes that are numbers (a slope,
an alpha, an epsilon) are of float32. Of the losses, and of the frequency domain, it has none.
"""

import onnx
from onnx.reference import ReferenceEvaluator

from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._onnx_model import (
    CONVENTIONS,
    avg_pool_model,
    batch_norm_model,
    conv_model,
    conv_transpose_model,
    elu_model,
    leaky_relu_model,
    linear_model,
    log_softmax_model,
    max_pool_model,
    max_pooled,
    max_unpool_model,
    nan_left_open,
    not_offered,
    pad_model,
    pixel_shuffle_model,
    pixel_unshuffle_model,
    plain_model,
    prelu_model,
    softmax_model,
    upsample_model,
)
from deconv_ref.conformance.frameworks._onnx_spellings import ONNX_SPELLINGS

NAME = "onnx"
VERSION = onnx.__version__

DIFFERENCES: dict[str, list[Difference]] = CONVENTIONS | {
    "max_pool": [nan_left_open(lambda *arrays, **parameters: max_pool(*arrays, **parameters))],
}
"""What ONNX does otherwise, by design."""

SPELLINGS: dict[str, str] = ONNX_SPELLINGS | {
    "upsample.align_corners": '`"align_corners"`; as `coordinate_transformation_mode`; it counts '
    "with the size times the scale, also where that is a fraction: then it is not offered"
}


def unsupported(op, parameters):
    """Say what is not offered."""
    if parameters.get("align_corners") and any(scale % 1 for scale in parameters["scale_factor"]):
        return "the corners are those of a result of fractional size"
    return not_offered(op, parameters)


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_model(x, weight, bias, **parameters))[0]


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_transpose_model(x, weight, bias, **parameters))[0]


def max_pool(x, kernel_size, **parameters):
    """Compute y and indices."""
    y, indices = _run(*max_pool_model(x, kernel_size, **parameters))
    return max_pooled(y, indices, x.shape, kernel_size, **parameters)


def avg_pool(x, kernel_size, **parameters):
    """Compute y."""
    return _run(*avg_pool_model(x, kernel_size, **parameters))[0]


def max_unpool(x, indices, output_size):
    """Compute y."""
    return _run(*max_unpool_model(x, indices, output_size))[0]


def upsample(x, scale_factor, **parameters):
    """Compute y."""
    return _run(*upsample_model(x, scale_factor, **parameters))[0]


def pixel_shuffle(x, factor):
    """Compute y."""
    return _run(*pixel_shuffle_model(x, factor))[0]


def pixel_unshuffle(x, factor):
    """Compute y."""
    return _run(*pixel_unshuffle_model(x, factor))[0]


def pad(x, padding, **parameters):
    """Compute y."""
    return _run(*pad_model(x, padding, **parameters))[0]


def linear(x, weight, bias=None):
    """Compute y."""
    rows = _run(*linear_model(x, weight, bias))[0]
    return rows.reshape(*x.shape[:-1], weight.shape[0])


def batch_norm(x, gamma, beta, running_mean, running_var, **parameters):
    """Compute y."""
    return _run(*batch_norm_model(x, gamma, beta, running_mean, running_var, **parameters))[0]


def relu(x):
    """Compute y."""
    return _run(*plain_model("Relu", x))[0]


def leaky_relu(x, negative_slope=0.01):
    """Compute y."""
    return _run(*leaky_relu_model(x, negative_slope))[0]


def prelu(x, slope):
    """Compute y."""
    return _run(*prelu_model(x, slope))[0]


def elu(x, alpha=1.0):
    """Compute y."""
    return _run(*elu_model(x, alpha))[0]


def sigmoid(x):
    """Compute y."""
    return _run(*plain_model("Sigmoid", x))[0]


def tanh(x):
    """Compute y."""
    return _run(*plain_model("Tanh", x))[0]


def softplus(x):
    """Compute y."""
    return _run(*plain_model("Softplus", x))[0]


def gelu(x):
    """Compute y."""
    return _run(*plain_model("Gelu", x))[0]


def silu(x):
    """Compute y."""
    return _run(*plain_model("Swish", x))[0]


def softmax(x, axis=1):
    """Compute y."""
    return _run(*softmax_model(x, axis))[0]


def log_softmax(x, axis=1):
    """Compute y."""
    return _run(*log_softmax_model(x, axis))[0]


def _run(model, inputs):
    return ReferenceEvaluator(model).run(None, inputs)
