"""Every kernel that a call launches, compiled instead of run: no GPU is needed.

Arrays are NumPy's under a name of their own, which the package takes for arrays on a GPU. Their
elements mean nothing: nothing is computed.
"""

import re
import subprocess
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import cuda, typeof
from numba.cuda import dispatcher

from deconv_ref import backend
from deconv_ref.cuda import arrays, channels, elementwise, kernels, tuned

CAPABILITY = (9, 0)


class Standin(np.ndarray):
    """An array that says it is on a GPU."""

    __cuda_ndarray__ = True
    stream = 0

    def copy_to_host(self):
        return np.asarray(self)


def standin(shape, dtype, stream=0):
    return np.ones(shape, dtype).view(Standin)


def on_host(argument):
    """Make NumPy arrays of stand-ins, so that Numba knows their types."""
    if isinstance(argument, tuple):
        parts = map(on_host, argument)
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return np.asarray(argument) if isinstance(argument, Standin) else argument


class Compiled(dict):
    """PTX by kernel and types, of what was launched."""

    def launch(self, kernel, blocks, threads, *arguments):
        types = tuple(typeof(on_host(argument)) for argument in arguments)
        if (kernel, types) not in self:
            self[kernel, types], _ = cuda.compile_ptx(kernel.py_func, types, cc=CAPABILITY)


@contextmanager
def instead_of_running():
    """Give a `Compiled` that takes in what the calls inside the block would launch."""
    compiled, device = Compiled(), SimpleNamespace(compute_capability=CAPABILITY, id=0)
    with ExitStack() as stack:

        def patch(module, **changes):
            for name, value in changes.items():
                stack.enter_context(mock.patch.object(module, name, value))

        patch(kernels, launch=compiled.launch, on_device=lambda argument, stream: argument)
        patch(arrays, launch=compiled.launch, empty=standin, adopted=list)
        patch(elementwise, launch=compiled.launch, empty=standin)
        patch(backend, numba_cuda=lambda function: cuda)
        patch(dispatcher, get_current_device=lambda: device)
        patch(tuned, launch=compiled.launch)
        patch(channels, empty=standin)
        to_device = lambda array, stream=0: array.view(Standin)  # noqa: E731
        patch(
            cuda,
            get_current_device=lambda: device,
            synchronize=lambda: None,
            to_device=to_device,
        )
        yield compiled


def assembled(ptx, folder):
    """Assemble PTX, and give what ptxas says of registers, stack frame and spills."""
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    command = ["ptxas", "-v", "-arch=sm_90", str(source), "-o", str(folder / "kernel.cubin")]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = {"registers": r"Used (\d+) registers", "frame": r"(\d+) bytes stack frame"}
    found |= {"stores": r"(\d+) bytes spill stores", "loads": r"(\d+) bytes spill loads"}
    return {
        name: max(map(int, re.findall(pattern, finished.stderr)), default=0)
        for name, pattern in found.items()
    }
