"""Every kernel that a call launches, compiled instead of run: no GPU is needed.

Arrays are NumPy's under a name of their own, which the package takes for arrays on a GPU.
"""

import contextlib
import re
import shutil
import subprocess
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import cuda, typeof
from numba.cuda import dispatcher

from deconv_ref import backend
from deconv_ref.cuda import arrays, elementwise, kernels

CAPABILITY = (9, 0)


class Standin(np.ndarray):
    """An array that says it is on a GPU; its elements mean nothing."""

    __cuda_ndarray__ = True
    stream = 0

    def copy_to_host(self):
        return np.asarray(self)


def standin(shape, dtype, stream=0):
    return np.zeros(shape, dtype).view(Standin)


def kind(argument):
    """Give Numba's type of an argument, as if its arrays were on a GPU."""
    return typeof(plainly(argument))


def plainly(argument):
    if isinstance(argument, np.ndarray):
        return np.asarray(argument)
    if isinstance(argument, tuple):
        parts = map(plainly, argument)
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


class Compiled:
    """PTX by kernel and types, of what was launched inside `instead_of_running`."""

    def __init__(self):
        self.ptx = {}

    def launch(self, kernel, blocks, threads, result, *arguments):
        types = tuple(map(kind, (result, *arguments)))
        key = kernel.py_func, types
        if key not in self.ptx:
            self.ptx[key], _ = cuda.compile_ptx(kernel.py_func, types, cc=CAPABILITY)


@contextlib.contextmanager
def instead_of_running():
    compiled = Compiled()
    device = SimpleNamespace(compute_capability=CAPABILITY)
    with contextlib.ExitStack() as stack:
        patch = lambda *what: stack.enter_context(mock.patch.object(*what))  # noqa: E731
        for module in (kernels, arrays, elementwise):
            patch(module, "launch", compiled.launch)
        patch(kernels, "on_device", lambda argument, stream: argument)
        for module in (arrays, elementwise):
            patch(module, "empty", standin)
        patch(arrays, "adopted", list)
        patch(backend, "numba_cuda", lambda function: cuda)
        patch(dispatcher, "get_current_device", lambda: device)
        yield compiled
