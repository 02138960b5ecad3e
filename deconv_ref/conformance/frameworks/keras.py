"""How Keras spells our operators: `keras.ops.conv` and `keras.ops.conv_transpose`.

===============  ================================================================================
ours             Keras
===============  ================================================================================
x, y             ``data_format="channels_last"``: ``(N, *spatial, C)``
weight           ``(*kernel, C_in // groups, C_out)``; of conv_transpose ``(*kernel, C_out, C_in)``
"valid", "same"  the strings of these names
other padding    not offered
output_padding   below stride; given at all it changes the meaning of "same", and left at None it
                 stretches "valid" where the kernel is shorter than the stride: None for "same",
                 numbers for "valid"
dilation         not with stride, as the layers' documentation says
groups           ``C`` over the kernels' channels; not offered in conv_transpose
flip_kernel      not offered: `keras.ops.flip` of the weight
bias             not offered: a sum
gradients        those of the backend
===============  ================================================================================

The backend is the one that KERAS_BACKEND names, or else the first that is installed.
"""

import os
from functools import partial
from importlib.util import find_spec

BACKENDS = ("tensorflow", "jax", "torch")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", next(filter(find_spec, BACKENDS), BACKENDS[0]))

import keras  # noqa: E402
from keras import ops  # noqa: E402

NAME = "keras"
VERSION = f"{keras.__version__} on {keras.backend.backend()}"

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")

    def _differentiate(function, operands, grad_y):
        with tf.GradientTape() as tape:
            tape.watch(operands)
            y = function(*operands)
        return tape.gradient(y, operands, grad_y)

elif keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")

    def _differentiate(function, operands, grad_y):
        return jax.vjp(function, *operands)[1](grad_y)

else:
    import torch

    def _differentiate(function, operands, grad_y):
        y = function(*(operand.requires_grad_() for operand in operands))
        return torch.autograd.grad(y, operands, grad_y)


def unsupported(op, parameters):
    """Say what Keras does not offer."""
    stride, padding = parameters["stride"], parameters["padding"]
    if padding in ("same_lower", "full") or (_explicit(padding) and any(map(any, padding))):
        return 'padding is "valid" or "same"'
    if max(stride) > 1 and max(parameters["dilation"]) > 1:
        return "stride is not offered together with dilation"
    if op == "conv_transpose" and parameters["groups"] > 1:
        return "there are no groups in conv_transpose"
    if op == "conv_transpose" and any(map(int.__ge__, parameters["output_padding"], stride)):
        return "output_padding must be below stride"
    return None


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(_conv, x, weight, bias, parameters)


def conv_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(_conv, grad_y, x, weight, parameters)


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(_conv_transpose, x, weight, bias, parameters)


def conv_transpose_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(_conv_transpose, grad_y, x, weight, parameters)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    y = ops.conv(
        _channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        "valid" if _explicit(padding) else padding,
        "channels_last",
        dilation,
    )
    return _channels_first(_plus(y, bias))


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    y = ops.conv_transpose(
        _channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        "valid" if _explicit(padding) else padding,
        None if padding == "same" else output_padding,
        "channels_last",
        dilation,
    )
    return _channels_first(_plus(y, bias))


def _explicit(padding):
    return not isinstance(padding, str)


def _channels_last(x):
    return ops.moveaxis(x, 1, -1)


def _channels_first(y):
    return ops.moveaxis(y, -1, 1)


def _kernel(weight, flip_kernel):
    weight = ops.flip(weight, tuple(range(2, weight.ndim))) if flip_kernel else weight
    return ops.moveaxis(weight, (0, 1), (-1, -2))


def _plus(y, bias):
    return y if bias is None else ops.add(y, bias)


def _value(function, x, weight, bias, parameters):
    bias = bias if bias is None else ops.convert_to_tensor(bias)
    y = function(ops.convert_to_tensor(x), ops.convert_to_tensor(weight), bias, **parameters)
    return ops.convert_to_numpy(y)


def _gradients(function, grad_y, x, weight, parameters):
    operands = [
        ops.convert_to_tensor(x),
        ops.convert_to_tensor(weight),
        ops.zeros(grad_y.shape[1], str(grad_y.dtype)),
    ]
    grad_y = ops.convert_to_tensor(grad_y)
    gradients = _differentiate(partial(function, **parameters), operands, grad_y)
    return tuple(map(ops.convert_to_numpy, gradients))
