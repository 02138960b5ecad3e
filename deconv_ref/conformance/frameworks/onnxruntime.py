"""ONNX Runtime on the CPU, `onnxruntime.InferenceSession`, on models of one node.

How ONNX spells our operators stands in `deconv_ref.conformance.frameworks._onnx_model`.
"""

import onnxruntime

from deconv_ref.conformance.frameworks._onnx_model import conv_model, conv_transpose_model

NAME = "onnxruntime"
VERSION = onnxruntime.__version__

OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
OPTIONS.log_severity_level = 4  # errors are raised as well


def unsupported(op, parameters):
    """Nothing: all our parameters are attributes of the operators."""


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_model(x, weight, bias, **parameters))


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_transpose_model(x, weight, bias, **parameters))


def _run(model, inputs):
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=providers)
    return session.run(None, inputs)[0]
