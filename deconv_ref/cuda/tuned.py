"""What kernels that are tuned for speed need besides a launch: few enough registers, and tables."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numba import cuda
from numba.core import config

from deconv_ref.cuda.kernels import launch

__all__ = ["device", "launch_tuned", "registers", "uploaded", "zeros"]


def launch_tuned(
    kernel: Callable[..., None], blocks: Any, threads: int, result: Any, *arguments: Any
) -> None:
    """Run a kernel, given as a plain function; see `deconv_ref.cuda.kernels.launch`."""
    launch(_jitted(kernel, threads), blocks, threads, result, *arguments)


@cache
def _jitted(kernel: Callable[..., None], threads: int) -> Any:
    if config.ENABLE_CUDASIM:
        return cuda.jit(kernel)
    return cuda.jit(kernel, max_registers=registers(threads))


def registers(threads: int) -> int:
    """Limit a thread's registers so that two blocks of so many find room on a multiprocessor."""
    return min(255, 2**15 // threads)


def device() -> int:
    """Give the number of the GPU in use; the simulator's is 0."""
    return 0 if config.ENABLE_CUDASIM else int(cuda.get_current_device().id)


def uploaded(table: np.ndarray) -> Any:
    """Copy a table to the GPU in use, for every stream: the copy has ended when this returns."""
    copy = cuda.to_device(np.ascontiguousarray(table))
    cuda.synchronize()
    return copy


@lru_cache(maxsize=64)
def zeros(number: int, dtype: np.dtype, on: int) -> Any:
    """Give zeros on a GPU, which are only read."""
    return uploaded(np.zeros(number, dtype))
