"""Memory for results, which a training step can take from the step before.

A large array that is let go is given back to the operating system, which has to clear its pages
when the next one is made. A training step makes the arrays of the step before over again; inside
`reusing` they lie where those lay.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pool", "empty", "reusing", "zeros"]

SMALL = 1 << 14  # bytes up to which NumPy keeps memory itself, or nearly so
ALIGNED = 64  # bytes: a vector, or a line of the cache
FREE = 3  # references to a block that no array lies in: the pool's, the loop's and the count's

_chosen: ContextVar["Pool | None"] = ContextVar("_chosen", default=None)


class Pool:
    """Blocks of memory. One is free again when the last array that lies in it is gone.

    Examples
    --------
    >>> pool = Pool()
    >>> with reusing(pool):
    ...     first = empty((300, 300), "float64")
    ...     second = empty((300, 300), "float64")
    ...     del second
    ...     third = empty((300, 300), "float64")
    >>> pool.size // first.nbytes
    2
    """

    def __init__(self) -> None:
        self.size = 0  # bytes of all blocks
        self._blocks: dict[int, list[tuple[NDArray[np.uint8], int]]] = {}

    def take(self, size: int) -> NDArray[np.uint8]:
        """Give memory of so many bytes that no array lies in, from where a vector should start."""
        blocks = self._blocks.setdefault(size, [])
        for block, start in blocks:
            if sys.getrefcount(block) == FREE:
                return block[start : start + size]
        block = np.empty(size + ALIGNED, np.uint8)
        start = -block.ctypes.data % ALIGNED
        blocks.append((block, start))
        self.size += block.nbytes
        return block[start : start + size]


@contextmanager
def reusing(pool: Pool) -> Iterator[None]:
    """Take the memory of results from a pool inside the block."""
    token = _chosen.set(pool)
    try:
        yield
    finally:
        _chosen.reset(token)


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make an array of no particular values for a result, as `numpy.empty` does."""
    pool = _chosen.get()
    if pool is None:
        return np.empty(shape, dtype)
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size <= SMALL or dtype.hasobject:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, buffer=pool.take(size))


def zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make an array of zeros for a result, as `numpy.zeros` does."""
    if _chosen.get() is None:
        return np.zeros(shape, dtype)
    result = empty(shape, dtype)
    result[...] = 0
    return result
