"""OpenVINO on the CPU: models of one operation of `openvino.opset15`, compiled and run.

Arrays have the same layouts as ours. There are no gradients. Inference is asked for in float32 and
for accuracy, for a processor may have a faster default; float64 is computed as float32.
"""

import numpy as np
import openvino
from openvino import opset15 as opset

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU,
    GELU,
    INFINITE_LINE,
    LOG_SOFTMAX,
    MINUS_INFINITY,
)
from deconv_ref.conformance.frameworks._allowances import beside_infinities, in_float32
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._openvino_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "openvino"
VERSION = openvino.__version__.partition("-")[0]

IN_FLOAT32 = Difference("float64 is computed as float32", in_float32, "forward")
DIFFERENCES: dict[str, list[Difference]] = {
    "max_pool": [IN_FLOAT32],
    "upsample": [
        Difference("linear: a cell of weight 0 is multiplied, so NaN spreads", beside_infinities),
        IN_FLOAT32,
    ],
    "pixel_shuffle": [IN_FLOAT32],
    "pixel_unshuffle": [IN_FLOAT32],
    "pad": [IN_FLOAT32],
    "batch_norm": [Difference("there are no statistics but those given")],
    "relu": [IN_FLOAT32],
    "prelu": [IN_FLOAT32],
    "elu": [ELU, IN_FLOAT32],
    "sigmoid": [IN_FLOAT32],
    "tanh": [IN_FLOAT32],
    "softplus": [IN_FLOAT32],
    "gelu": [GELU, MINUS_INFINITY, IN_FLOAT32],
    "silu": [MINUS_INFINITY],
    "softmax": [IN_FLOAT32],
    "log_softmax": [LOG_SOFTMAX, INFINITE_LINE, IN_FLOAT32],
}
"""What OpenVINO does otherwise by design, by function; no parameter changes it."""

CORE = openvino.Core()
HINTS = {
    "INFERENCE_PRECISION_HINT": "f32",
    "EXECUTION_MODE_HINT": "ACCURACY",
    "INFERENCE_NUM_THREADS": 1,
}
AUTO_PADS = {"valid": "valid", "same": "same_upper", "same_lower": "same_lower"}
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}


def unsupported(op, parameters):
    """Say what OpenVINO does not offer."""
    if op == "conv_transpose" and parameters["padding"] in ("same", "same_lower"):
        return "SAME takes the size of the result, from which it counts other paddings"
    if op in ("max_pool", "avg_pool") and parameters["padding"] not in AUTO_PADS:
        kernel_size = parameters["kernel_size"]
        dilation = parameters.get("dilation", (1,) * len(kernel_size))
        sides = pairs(parameters["padding"], kernel_size, dilation)
        if any(max(pair) >= k for pair, k in zip(sides, kernel_size, strict=True)):
            return "padding is smaller than the kernel"
    if op == "pad" and parameters["mode"] == "circular":
        return "there is no circular mode"
    if op in ("pixel_shuffle", "pixel_unshuffle") and len(set(parameters["factor"])) > 1:
        return "there is one block size for all axes"
    if op == "batch_norm" and parameters["training"]:
        return "there is no training"
    return None


def _run(build, *arrays):
    """Build a model of these inputs, compile it and run it."""
    inputs = [opset.parameter(array.shape, array.dtype) for array in arrays]
    model = openvino.Model(build(*inputs).outputs(), inputs)
    compiled = CORE.compile_model(model, "CPU", HINTS)
    results = compiled([np.array(array, order="C") for array in arrays])
    return [np.array(results[output]) for output in compiled.outputs]


def conv(x, weight, bias=None, *, stride, padding, dilation, groups, flip_kernel):
    """Compute y."""
    weight = _oriented(weight, flip_kernel)
    function = opset.convolution
    if groups > 1:
        weight = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        function = opset.group_convolution
    window = _padding(padding, weight.shape[-len(stride) :], dilation)

    def build(x, weight, *bias):
        return _plus(function(x, weight, list(stride), dilations=list(dilation), **window), *bias)

    return _run(build, x, weight, *_channels(bias, x.ndim))[0]


def conv_transpose(
    x, weight, bias=None, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Compute y."""
    weight = _oriented(weight, flip_kernel)
    function = opset.convolution_backprop_data
    if groups > 1:
        weight = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        function = opset.group_convolution_backprop_data
    window = _padding(padding, weight.shape[-len(stride) :], dilation)
    window |= {"dilations": list(dilation), "output_padding": list(output_padding)}

    def build(x, weight, *bias):
        return _plus(function(x, weight, list(stride), **window), *bias)

    return _run(build, x, weight, *_channels(bias, x.ndim))[0]


def _oriented(weight, flip_kernel):
    return np.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight


def _channels(bias, ndim):
    return [] if bias is None else [bias.reshape(-1, *[1] * (ndim - 2))]


def _plus(y, *bias):
    return opset.add(y, *bias) if bias else y


def _padding(padding, kernel_size, dilation):
    zeros = [0] * len(kernel_size)
    if padding in AUTO_PADS:
        return {"auto_pad": AUTO_PADS[padding], "pads_begin": zeros, "pads_end": zeros}
    before, after = zip(*pairs(padding, kernel_size, dilation), strict=True)
    return {"auto_pad": "explicit", "pads_begin": list(before), "pads_end": list(after)}


def _window(kernel_size, stride, padding, dilation, ceil_mode):
    return {
        "kernel_shape": list(kernel_size),
        "strides": list(stride),
        "rounding_type": "ceil_torch" if ceil_mode else "floor",
        **_padding(padding, kernel_size, dilation),
    }


def max_pool(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Compute y and the indices."""
    window = _window(kernel_size, stride, padding, dilation, ceil_mode)
    pool = {"dilations": list(dilation), "axis": 2, **window}
    y, indices = _run(lambda x: opset.max_pool(x, **pool), x)
    return y, indices


def avg_pool(x, kernel_size, *, stride, padding, ceil_mode, count_include_pad):
    """Compute y."""
    window = _window(kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    return _run(lambda x: opset.avg_pool(x, exclude_pad=not count_include_pad, **window), x)[0]


def upsample(x, scale_factor, *, mode, align_corners):
    """Compute y."""
    return _run(
        lambda x: opset.interpolate(
            x,
            np.array(scale_factor, np.float32),
            "nearest" if mode == "nearest" else "linear_onnx",
            "scales",
            coordinate_transformation_mode="align_corners" if align_corners else "half_pixel",
            nearest_mode="round_prefer_ceil",
            axes=np.arange(2, len(scale_factor) + 2),
        ),
        x,
    )[0]


def pad(x, padding, *, mode, value=0.0):
    """Compute y."""
    before, after = np.transpose([(0, 0), (0, 0), *padding])
    fill = [np.array(value, x.dtype)] if mode == "zeros" else []
    return _run(lambda x: opset.pad(x, before, after, PAD_MODES[mode], *fill), x)[0]


def pixel_shuffle(x, factor):
    """Compute y."""
    return _run(lambda x: opset.depth_to_space(x, "depth_first", factor[0]), x)[0]


def pixel_unshuffle(x, factor):
    """Compute y."""
    return _run(lambda x: opset.space_to_depth(x, "depth_first", factor[0]), x)[0]


def linear(x, weight, bias=None):
    """Compute y."""

    def build(x, weight, *bias):
        return _plus(opset.matmul(x, weight, False, True), *bias)

    return _run(build, x, weight, *([] if bias is None else [bias]))[0]


def batch_norm(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5):
    """Compute y."""

    def build(*operands):
        return opset.batch_norm_inference(*operands, epsilon)

    return _run(build, x, gamma, beta, running_mean, running_var)[0]


def relu(x):
    """Compute y."""
    return _run(opset.relu, x)[0]


def prelu(x, slope):
    """Compute y."""
    return _run(opset.prelu, x, slope)[0]


def elu(x, alpha=1.0):
    """Compute y."""
    return _run(lambda x: opset.elu(x, alpha), x)[0]


def sigmoid(x):
    """Compute y."""
    return _run(opset.sigmoid, x)[0]


def tanh(x):
    """Compute y."""
    return _run(opset.tanh, x)[0]


def softplus(x):
    """Compute y."""
    return _run(opset.softplus, x)[0]


def gelu(x):
    """Compute y."""
    return _run(lambda x: opset.gelu(x, "erf"), x)[0]


def silu(x):
    """Compute y."""
    return _run(opset.swish, x)[0]


def softmax(x, axis=1):
    """Compute y."""
    return _run(lambda x: opset.softmax(x, axis), x)[0]


def log_softmax(x, axis=1):
    """Compute y."""
    return _run(lambda x: opset.log_softmax(x, axis), x)[0]
