"""Arrays and kernels on NVIDIA GPUs, through Numba.

`arrays` is how arrays come in and results are made; `kernels` makes kernels of point functions and
launches them. Both import ``numba.cuda``: `numba_cuda` says what is missing where that fails.
"""

from typing import Any

import numpy as np

from deconv_ref.errors import BackendError

__all__ = ["numba_cuda", "on_gpu"]

PACKAGE = 'pip install "deconv_ref[cuda]"'


def on_gpu(array: object) -> bool:
    """Tell whether an array lies on a GPU.

    Numba's simulator of a GPU offers no interface; its arrays count. A framework's arrays on the
    CPU raise AttributeError when they are asked for it.
    """
    if type(array) is np.ndarray:  # most are, and to look for what is not there takes its time
        return False
    return hasattr(array, "__cuda_array_interface__") or hasattr(array, "__cuda_ndarray__")


def numba_cuda(function: str) -> Any:
    """Import ``numba.cuda``, built in or of the package numba-cuda, and find a GPU.

    Parameters
    ----------
    function : str
        Public function to name in errors.

    Returns
    -------
    module
        ``numba.cuda``.

    Raises
    ------
    BackendError
        If it is not installed, or finds no driver, toolkit or device.
    """
    try:
        from numba import cuda
    except ImportError as fault:
        text = f"{function}: arrays on a GPU need numba.cuda, which is missing ({fault})."
        raise BackendError(f"{text} {PACKAGE} brings it.") from None
    if not cuda.is_available():
        reason = " ".join(str(cuda.cuda_error() or "no device").split())
        text = f"{function}: CUDA needs an NVIDIA GPU and its driver, and Numba finds none"
        remedy = f"Run it where `nvidia-smi` lists a GPU; {PACKAGE} brings what Numba needs there"
        raise BackendError(f"{text} ({reason}). {remedy}.")
    return cuda
