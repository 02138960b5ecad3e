"""Numba's simulator of a GPU, made quick and reliable."""

import sys
from typing import Any

import numpy as np
from numba.np.numpy_support import as_dtype

__all__ = ["tune"]

INTERVAL = 1e-5  # seconds; the simulator spins until its threads have done something


def tune() -> None:
    """Let the simulator's threads take turns quickly, and share what they share.

    As the simulator stands, threads that make a shared array at the same time have two arrays. That
    is rare, but not where they take turns quickly.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    sys.setswitchinterval(INTERVAL)
    FakeCUDAShared.array = _shared_array


def _shared_array(self: Any, shape: Any, dtype: Any) -> np.ndarray:
    """Make the array that belongs to the caller's line, or give it if there is one."""
    caller = sys._getframe(1)
    line = caller.f_code.co_filename, caller.f_lineno
    return self._allocations.setdefault(line, np.empty(shape, as_dtype(dtype)))
