"""What is asked of arrays wherever they are, on the CPU or on a GPU.

Nothing here imports Numba; `deconv_ref.cuda.arrays` does, for arrays that are on a GPU.
"""

import math
from typing import Any

import numpy as np

from deconv_ref.cuda import on_gpu

__all__ = [
    "add",
    "assign",
    "beside",
    "cast",
    "empty",
    "full",
    "joined",
    "kept",
    "least",
    "moved",
    "on_host",
    "picked",
    "repeated",
    "rotated",
    "spread",
    "vector",
]


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
    return _gpu().empty(shape, dtype, like.stream) if on_gpu(like) else np.empty(shape, dtype)


def full(like: Any, shape: tuple[int, ...], value: Any, dtype: Any = None) -> Any:
    """Make an array that holds one value everywhere; see `empty`."""
    result = empty(like, shape, dtype)
    if on_gpu(like):
        return _gpu().filled(result, value)
    result[...] = value
    return result


def cast(array: Any, dtype: Any) -> Any:
    """Copy an array, each element rounded to a dtype.

    Examples
    --------
    >>> cast(np.array([0.1]), np.float32)
    array([0.1], dtype=float32)
    """
    if on_gpu(array):
        return _gpu().copied(array, dtype)
    with np.errstate(over="ignore", under="ignore"):
        return np.array(array, dtype, order="C")


def assign(array: Any, values: Any) -> None:
    """Write the values of one array, wherever it is, into another of its shape."""
    if on_gpu(array):
        _gpu().assign(array, beside(array, values))
    else:
        array[...] = on_host(values)


def add(array: Any, more: Any) -> None:
    """Add one array to another where that is."""
    total = vector(array)
    total += vector(more)


def picked(array: Any, rows: Any) -> Any:
    """Copy the items of the first axis that stand at these places, a NumPy array of int64.

    Examples
    --------
    >>> picked(np.array([[1], [2], [3]]), np.array([2, 0])).tolist()
    [[3], [1]]
    """
    return _gpu().picked(array, rows) if on_gpu(array) else array[rows]


def joined(parts: list[Any]) -> Any:
    """Join arrays along their first axis.

    Examples
    --------
    >>> joined([np.array([1.0]), np.array([2.0, 3.0])])
    array([1., 2., 3.])
    """
    return _gpu().joined(parts) if on_gpu(parts[0]) else np.concatenate(parts)


def moved(array: Any, device: str) -> Any:
    """Give an array on a device, ``"cpu"`` or ``"cuda"``: itself, or a copy."""
    if device == "cpu":
        return on_host(array)
    return _gpu().taken(array) if on_gpu(array) else _gpu().on_device(array, 0)


def vector(array: Any) -> Any:
    """Give an array as NumPy's elementwise functions with ``out`` take it."""
    if on_gpu(array):
        from deconv_ref.cuda.vectors import Vector

        return Vector(array)
    return array


def rotated(weight: Any) -> Any:
    """Rotate kernels, (A, B, *three axes), by 180 degrees, into a new C-contiguous array."""
    if on_gpu(weight):
        return _gpu().rotated(weight)
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1, ::-1])


def repeated(array: Any, times: int) -> Any:
    """Repeat each item of the first axis so many times.

    Examples
    --------
    >>> repeated(np.array([[1, 2], [3, 4]]), 2).tolist()
    [[1, 2], [1, 2], [3, 4], [3, 4]]
    """
    if times == 1:
        return array
    return _gpu().repeated(array, times) if on_gpu(array) else array.repeat(times, axis=0)


def spread(values: Any, count: int) -> Any:
    """View, or copy, (A, B) as (A, count, B), the same along the new axis.

    Examples
    --------
    >>> spread(np.array([[1, 2]]), 2).tolist()
    [[[1, 2], [1, 2]]]
    """
    if on_gpu(values):
        return _gpu().spread(values, count)
    return np.broadcast_to(values[:, None], (values.shape[0], count, values.shape[1]))


def kept(like: Any, rate: float, random: Any) -> Any:
    """Draw what dropout keeps, each value with probability ``1 - rate``.

    On a GPU it is made there, from one number of the generator.
    """
    if on_gpu(like):
        return _gpu().kept(like, rate, random.integers(2**63))
    return random.random(like.shape, np.float32) >= rate


def least(array: Any) -> float:
    """Find the least value, infinity where there is none."""
    if not array.size:
        return math.inf
    return float(_gpu().least(array) if on_gpu(array) else array.min())


def beside(like: Any, array: Any) -> Any:
    """Give an array where another one is: itself, or a copy."""
    if on_gpu(like):
        return array if on_gpu(array) else _gpu().on_device(array, like.stream)
    return on_host(array)


def on_host(array: Any) -> Any:
    """Give an array as a NumPy array: itself, or a copy of what is on a GPU."""
    return _gpu().on_host(array) if on_gpu(array) else array


def _gpu() -> Any:
    from deconv_ref.cuda import arrays

    return arrays
