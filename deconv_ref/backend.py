"""Which device an array lives on, and the kernels that run there."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any

from deconv_ref.errors import BackendError, message

__all__ = ["kernels", "tier", "using"]

Tier = Callable[[str], Any]
"""Gives the kernels of a chapter: an object with the functions of ``ops/<chapter>/cpu.py``."""

_chosen: ContextVar[Tier | None] = ContextVar("_chosen", default=None)


def kernels(function: str, chapter: str, **arrays: Any) -> Any:
    """Load the kernels of a chapter for the device that holds all the arrays.

    Kernels are imported here, when first needed, so that ``import deconv_ref`` stays as fast as
    importing NumPy.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    chapter : str
        Folder under ``deconv_ref/ops``, such as ``"convolution"``.
    **arrays : object
        The arguments by name, as they were passed.

    Returns
    -------
    module
        ``deconv_ref.ops.<chapter>.cpu``, or what `using` chose.

    Raises
    ------
    BackendError
        If an array is on a GPU.
    """
    for name, array in arrays.items():
        if hasattr(array, "__cuda_array_interface__"):
            got = f"{type(array).__module__}.{type(array).__qualname__} on a GPU"
            remedy = "This version has kernels for the CPU; copy the array there"
            raise BackendError(message(function, name, "a NumPy array", got, remedy))
    return (_chosen.get() or tier("cpu"))(chapter)


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
