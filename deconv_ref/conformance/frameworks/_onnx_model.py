"""Our operators as ONNX models of one node, for whatever runs ONNX."""

import numpy as np
from onnx import TensorProto, defs, helper

from deconv_ref.conformance.frameworks._activation_losses import (
    GELU,
    MINUS_INFINITY,
    logarithm_of_softmax,
)
from deconv_ref.conformance.frameworks._allowances import with_nowhere
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._translation import pairs

OPSET = 20
OPSETS = {"Swish": 24, "SpaceToDepth": 28}  # where an operator, or a mode of it, came later

AUTO_PADS = {"valid": "VALID", "same": "SAME_UPPER", "same_lower": "SAME_LOWER"}
PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def nan_left_open(max_pool):
    """Build the difference of windows with a NaN; those of padding alone are given as ours."""

    def at_nan(x, kernel_size, **parameters):
        try:
            y, _ = max_pool(np.isnan(x).astype(x.dtype), kernel_size, **parameters)
        except Exception:  # what is refused leaves nothing open
            return 0.0
        return np.where(y > 0, np.inf, 0.0)

    return Difference("what NaN gives is left open", at_nan)


CONVENTIONS: dict[str, list[Difference]] = {
    "gelu": [GELU, MINUS_INFINITY],
    "silu": [MINUS_INFINITY],
    "log_softmax": [
        Difference("the logarithm of softmax, which has fewer small numbers", logarithm_of_softmax)
    ],
    "batch_norm": [
        Difference("the running variance is the biased one; the statistics used are not given")
    ],
    "max_unpool": [Difference("there is no index for nowhere", with_nowhere)],
}
"""What ONNX does otherwise, by design."""

SINGLES = ("negative_slope", "alpha", "epsilon", "momentum")


def not_offered(op, parameters):
    """Say what ONNX does not offer."""
    later = {"silu": "Swish", "pixel_unshuffle": "SpaceToDepth"}.get(op)
    if later and defs.onnx_opset_version() < OPSETS[later]:
        return f"{later} has this form from opset {OPSETS[later]}"
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        factor = parameters["factor"]
        if len(factor) != 2 or len(set(factor)) > 1:
            return "blocks are squares of images"
    if op == "upsample" and not all(map(_is_single, parameters["scale_factor"])):
        return "scales are float32"
    for name in SINGLES:
        value = parameters.get(name, 0.0)
        if not _is_single(1 - value if name == "momentum" else value):
            return f"{name} is float32"
    return None


def conv_model(x, weight, bias=None, *, stride, padding, dilation, groups, flip_kernel):
    """Build the model of conv, and its inputs by name."""
    attributes = {"strides": stride, "dilations": dilation, "group": groups}
    attributes |= _padding(padding, weight.shape[2:], dilation)
    inputs = {"x": x, "weight": _oriented(weight, flip_kernel), "bias": bias}
    return _model("Conv", inputs, attributes)


def conv_transpose_model(
    x, weight, bias=None, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Build the model of conv_transpose, and its inputs by name."""
    kernel_size = weight.shape[2:]
    if padding in ("same", "same_lower"):
        axes = zip(stride, dilation, kernel_size, strict=True)
        output_padding = [max(s - (d * (k - 1) + 1), 0) for s, d, k in axes]
    attributes = {"strides": stride, "dilations": dilation, "group": groups}
    attributes |= {"output_padding": output_padding, **_padding(padding, kernel_size, dilation)}
    inputs = {"x": x, "weight": _oriented(weight, flip_kernel), "bias": bias}
    return _model("ConvTranspose", inputs, attributes)


def max_pool_model(x, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Build the model of max_pool, and its inputs by name."""
    attributes = _window(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    outputs = {"y": _element(x), "indices": TensorProto.INT64}
    return _model("MaxPool", {"x": x}, {"dilations": dilation, **attributes}, outputs)


def avg_pool_model(x, kernel_size, *, stride, padding, ceil_mode, count_include_pad):
    """Build the model of avg_pool, and its inputs by name."""
    dilation = (1,) * len(kernel_size)
    attributes = _window(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    attributes["count_include_pad"] = int(count_include_pad)
    return _model("AveragePool", {"x": x}, attributes)


def max_unpool_model(x, indices, output_size):
    """Build the model of max_unpool, and its inputs by name."""
    if indices.size and indices.min() < 0:
        raise NotImplementedError("there is no index for nowhere")
    # The kernel that, moved by 1, makes this size; where x is larger, one cell and crops.
    spare = [m - n for n, m in zip(x.shape[2:], output_size[2:], strict=True)]
    attributes = {
        "kernel_shape": [max(cells, 0) + 1 for cells in spare],
        "strides": [1] * len(spare),
        "pads": [0] * len(spare) + [max(-cells, 0) for cells in spare],
    }
    inputs = {"x": x, "indices": indices + _before(indices, output_size)}
    return _model("MaxUnpool", inputs, attributes)


def max_pooled(y, indices, input_size, kernel_size, *, stride, padding, dilation, ceil_mode):
    """Count indices from the start of their channel; a window of padding alone is as ours."""
    alone = np.zeros(y.shape[2:], bool)
    sides = _numbers(input_size[2:], kernel_size, stride, padding, dilation)
    for axis, (before, _) in enumerate(sides):
        first = np.arange(alone.shape[axis])[:, None] * stride[axis] - before
        taps = first + np.arange(kernel_size[axis]) * dilation[axis]
        outside = ((taps < 0) | (taps >= input_size[2 + axis])).all(axis=1)
        alone |= np.expand_dims(outside, [a for a in range(alone.ndim) if a != axis])
    indices = np.where(alone, -1, indices - _before(indices, input_size))
    return np.where(alone, y.dtype.type(-np.inf), y), indices


def upsample_model(x, scale_factor, *, mode, align_corners):
    """Build the model of upsample, and its inputs by name."""
    attributes = {"mode": mode, "coordinate_transformation_mode": "half_pixel"}
    if align_corners:
        attributes["coordinate_transformation_mode"] = "align_corners"
    if mode == "nearest":
        attributes["nearest_mode"] = "round_prefer_ceil"
    scales = np.array((1, 1, *scale_factor), np.float32)
    return _model("Resize", {"x": x, "": None, "scales": scales}, attributes)


def pixel_shuffle_model(x, factor):
    """Build the model of pixel_shuffle, and its inputs by name."""
    return _model("DepthToSpace", {"x": x}, {"blocksize": factor[0], "mode": "CRD"})


def pixel_unshuffle_model(x, factor):
    """Build the model of pixel_unshuffle, and its inputs by name."""
    return _model("SpaceToDepth", {"x": x}, {"blocksize": factor[0], "mode": "CRD"})


def pad_model(x, padding, *, mode, value=0.0):
    """Build the model of pad, and its inputs by name."""
    before, after = zip((0, 0), (0, 0), *padding, strict=True)
    inputs = {"x": x, "pads": np.array(before + after)}
    if mode == "zeros":
        inputs["value"] = np.array(value, x.dtype)
    return _model("Pad", inputs, {"mode": PAD_MODES[mode]})


def linear_model(x, weight, bias=None):
    """Build the model of linear on rows, and its inputs by name."""
    rows = x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])
    return _model("Gemm", {"x": rows, "weight": weight, "bias": bias}, {"transB": 1})


def batch_norm_model(
    x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, epsilon=1e-5
):
    """Build the model of batch_norm, and its inputs by name."""
    inputs = {"x": x, "gamma": gamma, "beta": beta, "mean": running_mean, "var": running_var}
    attributes = {"epsilon": epsilon, "momentum": 1 - momentum, "training_mode": int(training)}
    names = ("y", "running_mean", "running_var") if training else ("y",)
    outputs = {name: _element(x) for name in names}
    return _model("BatchNormalization", inputs, attributes, outputs)


def prelu_model(x, slope):
    """Build the model of prelu, and its inputs by name."""
    return _model("PRelu", {"x": x, "slope": slope.reshape(-1, *[1] * (x.ndim - 2))})


def leaky_relu_model(x, negative_slope=0.01):
    """Build the model of leaky_relu, and its inputs by name."""
    return _model("LeakyRelu", {"x": x}, {"alpha": negative_slope})


def elu_model(x, alpha=1.0):
    """Build the model of elu, and its inputs by name."""
    return _model("Elu", {"x": x}, {"alpha": alpha})


def softmax_model(x, axis=1):
    """Build the model of softmax, and its inputs by name."""
    return _model("Softmax", {"x": x}, {"axis": axis})


def log_softmax_model(x, axis=1):
    """Build the model of log_softmax, and its inputs by name."""
    return _model("LogSoftmax", {"x": x}, {"axis": axis})


def plain_model(operator):
    """Give the builder of models of an operator without parameters."""
    return lambda x: _model(operator, {"x": x})


def through(run, build):
    """Make a function of arrays: it builds a model, runs it, and gives the first result."""
    return lambda *operands, **parameters: run(*build(*operands, **parameters))[0]


def _window(size, kernel_size, stride, padding, dilation, ceil_mode):
    attributes = {"kernel_shape": kernel_size, "strides": stride}
    reach = (d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True))
    long = all(r >= s for r, s in zip(reach, stride, strict=True))
    if padding in ("same", "same_lower") and long:
        return attributes | {"auto_pad": AUTO_PADS[padding]}
    before, after = zip(*_numbers(size, kernel_size, stride, padding, dilation), strict=True)
    return attributes | {"pads": before + after, "ceil_mode": int(ceil_mode)}


def _numbers(size, kernel_size, stride, padding, dilation):
    """Write any padding as one (before, after) pair per axis."""
    if padding not in ("same", "same_lower"):
        return pairs(padding, kernel_size, dilation)
    written = []
    for n, k, s, d in zip(size, kernel_size, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        less, more = total // 2, total - total // 2
        written.append((more, less) if padding == "same_lower" else (less, more))
    return written


def _padding(padding, kernel_size, dilation):
    if padding in AUTO_PADS:
        return {"auto_pad": AUTO_PADS[padding]}
    before, after = zip(*pairs(padding, kernel_size, dilation), strict=True)
    return {"pads": before + after}


def _oriented(weight, flip_kernel):
    return np.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight


def _before(indices, size):
    """Count the cells of all channels before an index's own."""
    samples, channels, *spatial = size
    starts = np.arange(samples * channels) * int(np.prod(spatial))
    return starts.reshape(samples, channels, *[1] * len(spatial))


def _is_single(value):
    return float(np.float32(value)) == value


def _element(array):
    return helper.np_dtype_to_tensor_dtype(array.dtype)


def _model(operator, inputs, attributes=None, outputs=None):
    names = [name for name, array in inputs.items() if array is not None or not name]
    inputs = {name: inputs[name] for name in names if name}
    outputs = outputs or {"y": _element(inputs["x"])}
    graph = helper.make_graph(
        [helper.make_node(operator, names, list(outputs), **(attributes or {}))],
        operator,
        [helper.make_tensor_value_info(n, _element(a), a.shape) for n, a in inputs.items()],
        [helper.make_tensor_value_info(n, element, None) for n, element in outputs.items()],
    )
    opsets = [helper.make_opsetid("", OPSETS.get(operator, OPSET))]
    version = helper.find_min_ir_version_for(opsets)
    return helper.make_model(graph, opset_imports=opsets, ir_version=version), inputs
