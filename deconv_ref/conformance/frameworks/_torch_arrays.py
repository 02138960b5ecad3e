"""Lines that every family of the PyTorch adapter shares: tensors, gradients, padding."""

import warnings
from collections.abc import Callable

import numpy as np
import torch

from deconv_ref.conformance.frameworks._translation import pairs

# Through which functions of tensors go before they are called.
COMPILERS: list[Callable[..., Callable[..., torch.Tensor]]] = []


def prepared(function):
    """Give a function of tensors as it is to be called: as it stands, unless it is compiled."""
    for compiled in COMPILERS:
        function = compiled(function)
    return function


def tensor(array):
    """View an array, or copy one with steps backwards, on the default device; None stays None."""
    if array is None:
        return None
    if min(array.strides, default=0) < 0:
        array = array.copy()
    if array.flags.writeable:
        return _viewed(array)
    with warnings.catch_warnings():  # a read-only array is only read
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return _viewed(array)


def _viewed(array):
    if array.dtype.kind == "V":  # bfloat16, which is none of NumPy's own
        found = torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    else:
        found = torch.from_numpy(array)
    return found.to(torch.empty(0).device)


def array_of(tensor):
    """Give the numbers of a tensor as an array."""
    tensor = tensor.cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view("bfloat16")
    return tensor.numpy()


def value(function, *arrays, **parameters):
    """Call a function of tensors with arrays."""
    return array_of(prepared(function)(*map(tensor, arrays), **parameters))


def gradients(function, grad_y, *arrays, **parameters):
    """Differentiate a function of tensors automatically, with respect to each array."""
    operands = [tensor(array).requires_grad_() for array in arrays]
    y = prepared(function)(*operands, **parameters)
    return tuple(map(array_of, torch.autograd.grad(y, operands, tensor(grad_y))))


def sides(padding, kernel_size, dilation):
    """Write the padding as one number per axis, for both sides."""
    return [before for before, _ in pairs(padding, kernel_size, dilation)]
