"""Which device an array lives on, and the kernels that run there."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

import numpy as np

from deconv_ref.cuda import numba_cuda, on_gpu
from deconv_ref.errors import BackendError, message

__all__ = ["kernels", "tier", "using"]

Tier = Callable[[str], Any]
"""Gives the kernels of a chapter: an object with the functions of ``ops/<chapter>/cpu.py``."""

_chosen: ContextVar[Tier | None] = ContextVar("_chosen", default=None)


def kernels(function: str, chapter: str, **arrays: Any) -> tuple[Any, ...]:
    """Load the kernels of a chapter for the device that holds all the arrays.

    Kernels are imported here, when first needed, so that ``import deconv_ref`` stays as fast as
    importing NumPy, and needs neither a GPU nor CUDA.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    chapter : str
        Folder under ``deconv_ref/ops``, such as ``"convolution"``.
    **arrays : object
        The arguments by name, as they were passed; None where one was left out.

    Returns
    -------
    module
        ``deconv_ref.ops.<chapter>.cpu`` or ``.cuda``, or what `using` chose.
    *arrays
        The arguments in their order: as they are on the CPU, and on a GPU as C-contiguous Numba
        arrays of one stream.

    Raises
    ------
    BackendError
        If NumPy arrays and arrays on a GPU meet, or the GPU cannot be used.
    """
    if not any(map(on_gpu, arrays.values())):
        return (_chosen.get() or tier("cpu"))(chapter), *arrays.values()
    _check_together(function, arrays)
    numba_cuda(function)
    chosen = (_chosen.get() or tier("cuda"))(chapter)
    adopt = importlib.import_module("deconv_ref.cuda.arrays").adopted
    return chosen, *adopt(arrays.values())


def _check_together(function: str, arrays: dict[str, Any]) -> None:
    here = [name for name, array in arrays.items() if _on_host(array)]
    if here:
        there = [name for name, array in arrays.items() if on_gpu(array)]
        got = f"{' and '.join(there)} on the GPU and {' and '.join(here)} in NumPy arrays"
        remedy = f"Copy one side to the other: numba.cuda.to_device({here[0]}), or .copy_to_host()"
        raise BackendError(message(function, "all arrays", "on one device", got, remedy))


def _on_host(array: Any) -> bool:
    """Tell whether an array can meet none on a GPU; one of no axes passes for a number."""
    return isinstance(array, np.ndarray) and bool(array.ndim) and not on_gpu(array)


def tier(name: str) -> Tier:
    """Name a tier by the file that holds its kernels: ``"cpu"`` or ``"literal"``."""
    return partial(_module, name)


@cache
def _module(name: str, chapter: str) -> Any:
    return importlib.import_module(f"deconv_ref.ops.{chapter}.{name}")


@contextmanager
def using(chosen: Tier) -> Iterator[None]:
    """Run the public functions inside the block on the kernels of another tier.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> with using(tier("literal")):
    ...     dr.conv(np.array([[[1.0, 2.0]]]), np.array([[[3.0]]]))
    array([[[3., 6.]]])
    """
    token = _chosen.set(chosen)
    try:
        yield
    finally:
        _chosen.reset(token)
