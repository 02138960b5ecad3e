"""One look at indices before anything is written where they point.

This module imports Numba; it is imported when first needed.
"""

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.compiling import plain

__all__ = ["all_inside"]


def all_inside(indices: np.ndarray, cells: int) -> bool:
    """Tell whether all indices are from -1 to ``cells - 1``.

    Examples
    --------
    >>> all_inside(np.array([0, -1, 3]), 4), all_inside(np.array([0, -2, 3]), 4)
    (True, False)
    """
    outside = np.zeros(1, np.bool_)
    threads.run_shares(
        _look, indices.size, indices.size, plain(indices).reshape(-1), cells, outside
    )
    return not outside[0]


@numba.njit(cache=True, nogil=True)
def _look(indices, cells, outside, first, last):  # type: ignore[no-untyped-def]
    if threads.shared(first, last):
        return
    part, found = indices[first:last], False
    for n in range(part.size):
        found |= (part[n] < -1) | (part[n] >= cells)
    if found:
        outside[0] = True
