"""ONNX's own evaluator, `onnx.reference.ReferenceEvaluator`, on models of one node.

How ONNX spells our operators stands in `deconv_ref.conformance.frameworks._onnx_model`.
"""

import onnx
from onnx.reference import ReferenceEvaluator

from deconv_ref.conformance.frameworks._onnx_model import conv_model, conv_transpose_model

NAME = "onnx"
VERSION = onnx.__version__


def unsupported(op, parameters):
    """Nothing: all our parameters are attributes of the operators."""


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_model(x, weight, bias, **parameters))


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _run(*conv_transpose_model(x, weight, bias, **parameters))


def _run(model, inputs):
    return ReferenceEvaluator(model).run(None, inputs)[0]
