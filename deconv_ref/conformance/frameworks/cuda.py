"""Our CUDA kernels: the public functions of `deconv_ref`, on arrays copied to the GPU and back."""

import functools
import inspect

import numpy as np

import deconv_ref
from deconv_ref.cuda import numba_cuda, on_gpu

NAME = "cuda"
VERSION = deconv_ref.__version__

_CUDA = numba_cuda("check")


def _there(value):
    """Copy an array of at least one axis to the GPU."""
    if isinstance(value, np.ndarray) and value.ndim:
        return _CUDA.to_device(np.ascontiguousarray(value))
    return value


def _back(result):
    """Copy a result from the GPU, or each of several."""
    if isinstance(result, tuple):
        return tuple(map(_back, result))
    return result.copy_to_host() if on_gpu(result) else result


def _on_gpu(function):
    @functools.wraps(function)
    def on_gpu(*arguments, **parameters):
        there = {name: _there(value) for name, value in parameters.items()}
        return _back(function(*map(_there, arguments), **there))

    return on_gpu


for _name, _function in inspect.getmembers(deconv_ref, inspect.isfunction):
    globals()[_name] = _on_gpu(_function)
