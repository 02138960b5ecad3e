"""How arrays and plans are handed to compiled code, so that a small call does not wait for that.

Numba needs about a microsecond to take a named tuple apart, a third of it for a plain one and a
tenth for an array of numbers. So compiled functions are given these, and name the parts themselves.
"""

import numba
import numpy as np
from numba import types

from deconv_ref.lines import address_of
from deconv_ref.ops.convolution.plan import Blocks

__all__ = ["blocks_in", "memory", "words_of"]

ANY = [  # whatever the array's strides are, and whether it may be written
    (types.Array(dtype, 5, "A", readonly=True, aligned=False),)
    for dtype in (types.float32, types.float64)
]


@numba.njit(ANY, cache=True)
def memory(array):
    """Give the fields of `Memory` for an array of five axes, in one version for each dtype.

    Compiled, for NumPy takes a microsecond to tell an address.
    """
    return address_of(array), array.strides, (array.shape[0], *array.shape[2:])


def words_of(blocks: Blocks) -> np.ndarray:
    """Write blocks as numbers in a row, field after field."""
    rows = [field if isinstance(field, tuple) else (field,) for field in blocks]
    return np.concatenate(rows).astype(np.int64)


@numba.njit(cache=True, nogil=True)
def blocks_in(words):
    """Read what `words_of` wrote."""
    return Blocks(
        four(words, 0),
        four(words, 4),
        words[8],
        words[9],
        four(words, 10),
        words[14],
        words[15],
        four(words, 16),
        four(words, 20),
        four(words, 24),
        four(words, 28),
        four(words, 32),
    )


@numba.njit(cache=True, nogil=True)
def four(words, at):
    """Read four numbers."""
    return words[at], words[at + 1], words[at + 2], words[at + 3]
