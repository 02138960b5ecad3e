"""ONNX Runtime on the CPU: `onnxruntime.InferenceSession` runs models of one node.

What it offers is ONNX's, but for a few limits of its own: of half precisions it has float16 alone.
"""

import onnxruntime

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU,
    INFINITE_LINE,
    LOG_SOFTMAX,
    sigmoid_to_absolute_error,
    silu_by_that_sigmoid,
)
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._onnx_model import (
    AUTO_PADS,
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
    plain_model,
    prelu_model,
    softmax_model,
    through,
    upsample_model,
)
from deconv_ref.conformance.frameworks._onnx_spellings import ONNX_SPELLINGS
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "onnxruntime"
VERSION = onnxruntime.__version__

NO_FLOAT64 = Difference("there is no kernel for float64")

DIFFERENCES: dict[str, list[Difference]] = CONVENTIONS | {
    "conv": [NO_FLOAT64],
    "conv_transpose": [NO_FLOAT64],
    "avg_pool": [NO_FLOAT64],
    "max_unpool": [*CONVENTIONS["max_unpool"], NO_FLOAT64],
    "max_pool": [nan_left_open(lambda *arrays, **parameters: max_pool(*arrays, **parameters))],
    "leaky_relu": [NO_FLOAT64],
    "prelu": [NO_FLOAT64],
    "elu": [NO_FLOAT64, ELU],
    "sigmoid": [Difference("good to some roundoffs of 1", sigmoid_to_absolute_error)],
    "softplus": [NO_FLOAT64],
    "gelu": [*CONVENTIONS["gelu"], NO_FLOAT64],
    "log_softmax": [LOG_SOFTMAX, INFINITE_LINE],
    "silu": [
        *CONVENTIONS["silu"],
        Difference("x times a sigmoid good to some roundoffs of 1", silu_by_that_sigmoid),
    ],
}
"""What ONNX, or ONNX Runtime, does otherwise, by design."""

SPELLINGS: dict[str, str] = ONNX_SPELLINGS | {
    "max_pool.padding avg_pool.padding": "`pads`; every axis' number before, then every axis' "
    "number after; smaller than the kernel, others are not offered",
    "max_unpool.output_size": "by `kernel_shape`; that which `strides` of 1 and a fitting "
    "`kernel_shape` give; no smaller than x",
    "pixel_unshuffle": "`SpaceToDepth` is ours from opset 28, which is not yet run",
}

OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
OPTIONS.log_severity_level = 4  # errors are raised as well


def unsupported(op, parameters, dtype):
    """Say what is not offered."""
    if dtype == "bfloat16":
        return "there are no kernels for bfloat16"
    if dtype == "float64" and NO_FLOAT64 in DIFFERENCES.get(op, ()):
        return NO_FLOAT64.reason
    if op in ("max_pool", "avg_pool") and parameters["padding"] not in AUTO_PADS:
        kernel_size = parameters["kernel_size"]
        dilation = parameters.get("dilation", (1,) * len(kernel_size))
        padding = pairs(parameters["padding"], kernel_size, dilation)
        if any(max(pair) >= k for pair, k in zip(padding, kernel_size, strict=True)):
            return "padding is smaller than the kernel"
    return not_offered(op, parameters)


def _run(model, inputs):
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=providers)
    return session.run(None, inputs)


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
