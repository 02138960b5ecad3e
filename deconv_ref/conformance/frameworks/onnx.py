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
    through,
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


def _run(model, inputs):
    return ReferenceEvaluator(model).run(None, inputs)


def max_pool(x, kernel_size, **parameters):
    """Compute y and indices."""
    y, indices = _run(*max_pool_model(x, kernel_size, **parameters))
    return max_pooled(y, indices, x.shape, kernel_size, **parameters)


def linear(x, weight, bias=None):
    """Compute y."""
    rows = _run(*linear_model(x, weight, bias))[0]
    return rows.reshape(*x.shape[:-1], weight.shape[0])


conv = through(_run, conv_model)
conv_transpose = through(_run, conv_transpose_model)
avg_pool = through(_run, avg_pool_model)
max_unpool = through(_run, max_unpool_model)
upsample = through(_run, upsample_model)
pixel_shuffle = through(_run, pixel_shuffle_model)
pixel_unshuffle = through(_run, pixel_unshuffle_model)
pad = through(_run, pad_model)
batch_norm = through(_run, batch_norm_model)
relu = through(_run, plain_model("Relu"))
leaky_relu = through(_run, leaky_relu_model)
prelu = through(_run, prelu_model)
elu = through(_run, elu_model)
sigmoid = through(_run, plain_model("Sigmoid"))
tanh = through(_run, plain_model("Tanh"))
softplus = through(_run, plain_model("Softplus"))
gelu = through(_run, plain_model("Gelu"))
silu = through(_run, plain_model("Swish"))
softmax = through(_run, softmax_model)
log_softmax = through(_run, log_softmax_model)
