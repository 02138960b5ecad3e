"""How PyTorch spells our operators: ``conv{1,2,3}d`` and ``conv_transpose{1,2,3}d``.

===============  ================================================================================
ours             PyTorch (`torch.nn.functional`)
===============  ================================================================================
arrays           the same layouts, for both operators; any strides that are not negative
padding          one number per axis, for both sides
"valid"          the string of that name in conv; 0 in conv_transpose
"same"           the string of that name in conv, the odd zero at the end, for stride 1 alone; not
                 offered in conv_transpose
"same_lower"     not offered
"full"           ``dilation * (kernel - 1)``
output_padding   the same
flip_kernel      not offered: `torch.flip` of the weight
gradients        `torch.autograd.grad`
===============  ================================================================================
"""

import warnings

import numpy as np
import torch
from torch.nn import functional

NAME = "torch"
VERSION = torch.__version__

torch.set_float32_matmul_precision("highest")
torch.use_deterministic_algorithms(True)


def unsupported(op, parameters):
    """Say what PyTorch does not offer."""
    padding = parameters["padding"]
    if padding == "same_lower":
        return 'there is no "same_lower"'
    if padding == "same" and op == "conv_transpose":
        return 'there is no "same" in conv_transpose'
    if padding == "same" and max(parameters["stride"]) > 1:
        return 'padding="same" is for stride 1 alone'
    if not isinstance(padding, str) and any(before != after for before, after in padding):
        return "padding is one number per axis, for both sides"
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
    function = (functional.conv1d, functional.conv2d, functional.conv3d)[len(stride) - 1]
    if padding not in ("valid", "same"):
        padding = _numbers(padding, weight, dilation)
    return function(x, _oriented(weight, flip_kernel), bias, stride, padding, dilation, groups)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    function = (
        functional.conv_transpose1d,
        functional.conv_transpose2d,
        functional.conv_transpose3d,
    )[len(stride) - 1]
    padding = _numbers(padding, weight, dilation)
    weight = _oriented(weight, flip_kernel)
    return function(x, weight, bias, stride, padding, output_padding, groups, dilation)


def _numbers(padding, weight, dilation):
    if padding == "valid":
        return [0] * len(dilation)
    if padding == "full":
        return [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return [before for before, _ in padding]


def _oriented(weight, flip_kernel):
    return weight.flip(*range(2, weight.ndim)) if flip_kernel else weight


def _value(function, x, weight, bias, parameters):
    bias = bias if bias is None else _tensor(bias)
    return function(_tensor(x), _tensor(weight), bias, **parameters).numpy()


def _gradients(function, grad_y, x, weight, parameters):
    bias = np.zeros(grad_y.shape[1], grad_y.dtype)
    operands = [_tensor(array).requires_grad_() for array in (x, weight, bias)]
    y = function(*operands, **parameters)
    return tuple(grad.numpy() for grad in torch.autograd.grad(y, operands, _tensor(grad_y)))


def _tensor(array):
    if any(step < 0 for step in array.strides):
        array = array.copy()
    with warnings.catch_warnings():  # a read-only array is only read
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
