"""What NumPy arrays and arrays on a GPU are both asked for, each in its own way.

Nothing here imports Numba; `deconv_ref.cuda` does, for arrays that are on a GPU.
"""

from typing import Any

import numpy as np

from deconv_ref.cuda import on_gpu

__all__ = ["empty", "rotated"]


def empty(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Make an array of no particular values where another one is.

    Parameters
    ----------
    like : array
        On the CPU or on a GPU.
    shape : tuple of int
        Of the new array.
    dtype : dtype, optional
        Of the new array; `like`'s by default.

    Returns
    -------
    array
        C-contiguous.

    Examples
    --------
    >>> empty(np.zeros(3, np.float32), (2, 5)).dtype
    dtype('float32')
    """
    dtype = like.dtype if dtype is None else dtype
    if on_gpu(like):
        from deconv_ref.cuda import arrays

        return arrays.empty(shape, dtype, like.stream)
    return np.empty(shape, dtype)


def rotated(weight: Any) -> Any:
    """Rotate kernels, (A, B, *three axes), by 180 degrees, into a new C-contiguous array."""
    if on_gpu(weight):
        from deconv_ref.cuda import arrays

        return arrays.rotated(weight)
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1, ::-1])
