"""How TensorFlow spells our operators: `tf.nn.convolution`, `tf.nn.conv2d`, `tf.nn.conv_transpose`.

===============  ================================================================================
ours             TensorFlow
===============  ================================================================================
x, y             channels last: ``(N, *spatial, C)``, the layout that all CPU kernels have. It is
                 the default, but left out, the gradient in three axes fails
weight           ``(*kernel, C_in // groups, C_out)``; of conv_transpose ``(*kernel, C_out, C_in)``
"valid", "same"  the strings VALID and SAME
pairs, "full"    explicit paddings, of all four axes, for two spatial axes alone
"same_lower"     not offered
output_padding   a longer ``output_shape``: any size that the convolution maps back to the input,
                 so that ``output_padding < stride``
dilation         in `tf.nn.convolution` not with stride, but with gradients; `tf.nn.conv2d` has it
                 with stride and with explicit paddings
groups           ``C`` over the kernels' channels; not offered in conv_transpose nor, as
                 "`in_channels` must match" there, in `tf.nn.conv3d`
flip_kernel      not offered: `tf.reverse` of the weight
bias             `tf.nn.bias_add`
gradients        `tf.GradientTape`
===============  ================================================================================
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from deconv_ref.conformance.frameworks._translation import pairs

NAME = "tensorflow"
VERSION = tf.__version__

LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}

tf.config.experimental.enable_tensor_float_32_execution(False)
tf.config.experimental.enable_op_determinism()


def unsupported(op, parameters):
    """Say what TensorFlow does not offer."""
    stride, padding, dilation = (parameters[name] for name in ("stride", "padding", "dilation"))
    planar = len(stride) == 2
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if not planar and (padding == "full" or (_explicit(padding) and any(map(any, padding)))):
        return "padding in numbers is for two spatial axes alone"
    if op == "conv" and not planar and max(stride) > 1 and max(dilation) > 1:
        return "stride is not offered together with dilation"
    if parameters["groups"] > 1 and (op == "conv_transpose" or len(stride) == 3):
        return "there are no groups in conv_transpose, nor in three axes"
    if op == "conv_transpose" and any(map(int.__ge__, parameters["output_padding"], stride)):
        return "output_shape must be one that conv maps back to the input: output_padding < stride"
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
    padding = _padding(padding, weight.shape[2:], dilation)
    both = max(stride) > 1 and max(dilation) > 1
    function = tf.nn.conv2d if _explicit(padding) or both else tf.nn.convolution
    y = function(
        _channels_last(x),
        _kernel(weight, flip_kernel),
        stride,
        padding,
        LAYOUTS[len(stride)],
        dilation,
    )
    return _channels_first(_plus(y, bias))


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    n, kernel_size = x.shape[2:], weight.shape[2:]
    if padding == "same":
        output_size = [n[axis] * stride[axis] for axis in range(len(n))]
    else:
        output_size = [
            (n[axis] - 1) * stride[axis]
            - before
            - after
            + dilation[axis] * (kernel_size[axis] - 1)
            + 1
            + output_padding[axis]
            for axis, (before, after) in enumerate(pairs(padding, kernel_size, dilation))
        ]
    y = tf.nn.conv_transpose(
        _channels_last(x),
        _kernel(weight, flip_kernel),
        [x.shape[0], *output_size, weight.shape[1]],
        stride,
        _padding(padding, kernel_size, dilation),
        LAYOUTS[len(stride)],
        dilation,
    )
    return _channels_first(_plus(y, bias))


def _explicit(padding):
    return not isinstance(padding, str)


def _padding(padding, kernel_size, dilation):
    if padding in ("valid", "same"):
        return padding.upper()
    numbers = pairs(padding, kernel_size, dilation)
    return [(0, 0), *numbers, (0, 0)] if any(map(any, numbers)) else "VALID"


def _channels_last(x):
    return tf.transpose(x, [0, *range(2, x.ndim), 1])


def _channels_first(y):
    return tf.transpose(y, [0, y.ndim - 1, *range(1, y.ndim - 1)])


def _kernel(weight, flip_kernel):
    spatial = list(range(2, weight.ndim))
    weight = tf.reverse(weight, spatial) if flip_kernel else weight
    return tf.transpose(weight, [*spatial, 1, 0])


def _plus(y, bias):
    return y if bias is None else tf.nn.bias_add(y, bias)


def _value(function, x, weight, bias, parameters):
    bias = bias if bias is None else tf.constant(bias)
    return function(tf.constant(x), tf.constant(weight), bias, **parameters).numpy()


def _gradients(function, grad_y, x, weight, parameters):
    operands = tf.constant(x), tf.constant(weight), tf.zeros(grad_y.shape[1], grad_y.dtype)
    with tf.GradientTape() as tape:
        tape.watch(operands)
        y = function(*operands, **parameters)
    return tuple(grad.numpy() for grad in tape.gradient(y, operands, tf.constant(grad_y)))
