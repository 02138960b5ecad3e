"""PyTorch through ``torch.compile``: the same functions as eagerly, compiled for any size.

Each function of tensors is compiled whole, and so is its gradient, by Inductor; that takes a C++
compiler, and seconds for each rank and each choice of parameters. `max_pool_backward` is absent: a
gradient from indices is what PyTorch calls by itself, and no function that one compiles.
"""

import logging

import numpy as np
import torch

from deconv_ref.conformance.frameworks._torch_arrays import COMPILERS
from deconv_ref.conformance.frameworks.torch import *  # noqa: F403
from deconv_ref.conformance.frameworks.torch import relu

NAME = "torch-compile"
VERSION = torch.__version__

max_pool_backward = None  # type: ignore[assignment]


def compiled(function):
    """Compile a function of tensors; what cannot be compiled whole is refused."""
    return torch.compile(function, dynamic=True, fullgraph=True)


# Beyond its limit, PyTorch would go on without compiling.
torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = 2**30
torch._inductor.config.compile_threads = 1  # in this process, which may be ended at any time
torch._inductor.config.deterministic = True
torch._logging.set_logs(all=logging.CRITICAL)  # what fails is raised too
COMPILERS.append(compiled)
relu(np.zeros((1, 1, 1), np.float32))  # the first time takes longest, and tells of what is missing
