"""Our operators as ONNX models of one node, for whatever runs ONNX.

===============  ================================================================================
ours             ONNX (`Conv` and `ConvTranspose`)
===============  ================================================================================
arrays           the same layouts, for both operators
stride           ``strides``; dilation ``dilations``; groups ``group``
pairs, "full"    ``pads``: every axis' number before, then every axis' number after
"valid", "same", ``auto_pad`` VALID, SAME_UPPER, SAME_LOWER. ConvTranspose splits
"same_lower"     ``output_padding + reach - stride`` between the two sides even where that is
                 negative, and the result would begin with empty cells; ``output_padding`` of
                 ``stride - reach`` puts them all at the end, as in ours
output_padding   the same
flip_kernel      not offered: `numpy.flip` of the weight
gradients        not offered: the functions are absent
===============  ================================================================================
"""

import numpy as np
from onnx import helper

from deconv_ref.conformance.frameworks._translation import pairs

OPSET = 20
IR_VERSION = 9  # the model format of that opset's release

AUTO_PADS = {"valid": "VALID", "same": "SAME_UPPER", "same_lower": "SAME_LOWER"}


def conv_model(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    """Build the model of conv, and its inputs by name."""
    attributes = {"strides": stride, "dilations": dilation, "group": groups}
    attributes |= _padding(padding, weight.shape[2:], dilation)
    return _model("Conv", x, _oriented(weight, flip_kernel), bias, attributes)


def conv_transpose_model(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    """Build the model of conv_transpose, and its inputs by name."""
    kernel_size = weight.shape[2:]
    if padding in ("same", "same_lower"):
        axes = zip(stride, dilation, kernel_size, strict=True)
        output_padding = [max(s - (d * (k - 1) + 1), 0) for s, d, k in axes]
    attributes = {"strides": stride, "dilations": dilation, "group": groups}
    attributes |= {"output_padding": output_padding, **_padding(padding, kernel_size, dilation)}
    return _model("ConvTranspose", x, _oriented(weight, flip_kernel), bias, attributes)


def _padding(padding, kernel_size, dilation):
    if padding in AUTO_PADS:
        return {"auto_pad": AUTO_PADS[padding]}
    before, after = zip(*pairs(padding, kernel_size, dilation), strict=True)
    return {"pads": before + after}


def _oriented(weight, flip_kernel):
    return np.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight


def _model(operator, x, weight, bias, attributes):
    inputs = {"x": x, "weight": weight} | ({} if bias is None else {"bias": bias})
    element = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [helper.make_node(operator, list(inputs), ["y"], **attributes)],
        operator,
        [helper.make_tensor_value_info(name, element, a.shape) for name, a in inputs.items()],
        [helper.make_tensor_value_info("y", element, [None] * x.ndim)],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION), inputs
