"""What the public functions of this chapter check, and what `max_pool` returns."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from deconv_ref.checks import check_floating, check_shape, check_spatial, is_array
from deconv_ref.cuda import on_gpu
from deconv_ref.errors import DTypeError, ParameterError, message

__all__ = ["MaxPooled", "check_indices", "check_input", "check_int64", "flat"]


class MaxPooled(NamedTuple):
    """Maxima and where they were found.

    `indices` are int64, flat over the spatial axes of the input, -1 where a window met padding
    alone.
    """

    y: Any
    indices: Any


def flat(array: Any) -> Any:
    """View, or copy, (N, C, *spatial) as (N, C, cells).

    Examples
    --------
    >>> flat(np.zeros((2, 3, 4, 5))).shape
    (2, 3, 20)
    """
    return array.reshape(*array.shape[:2], prod(array.shape[2:]))


def check_input(function: str, **array: Any) -> None:
    """Check one array of shape (N, C, *spatial).

    Parameters
    ----------
    function : str
        Public function to name in errors.
    **array : array
        One, by name.

    Raises
    ------
    DTypeError, ShapeError
        Naming the argument at fault.
    """
    check_floating(function, **array)
    for name, value in array.items():
        check_spatial(function, name, value)


def check_indices(
    function: str, indices: Any, shape: tuple[int, ...], size: tuple[int, ...]
) -> None:
    """Check that indices have a shape and lie inside a channel.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    indices : array
        As passed.
    shape : tuple of int
        What it must have.
    size : tuple of int
        Spatial size of the arrays that the indices count cells of.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If the dtype is not int64, the shape another, or an index outside. Indices on a GPU are not
        read back for this: there, one outside is nowhere.
    """
    check_int64(function, indices)
    check_shape(function, "indices", indices, shape, "max_pool gives one index for each value")
    if on_gpu(indices):
        return
    from deconv_ref.ops.pooling.places import all_inside  # with Numba, as kernels are

    cells = prod(size)
    if not all_inside(indices, cells):
        first = next(int(index) for index in indices.flat if not -1 <= index < cells)
        wanted = f"from 0 to {cells - 1}, or -1 for nowhere, as spatial size {size} has {cells}"
        raise ParameterError(message(function, "indices", f"{wanted} cells", first))


def check_int64(function: str, indices: Any) -> None:
    """Ask for a NumPy array of int64.

    Raises
    ------
    DTypeError
        If it is another.
    """
    if not is_array(indices):
        got, remedy = type(indices).__name__, "np.asarray(indices, dtype=np.int64)"
    elif indices.dtype != np.int64:
        got, remedy = str(indices.dtype), "indices.astype(np.int64)"
    else:
        return
    wanted = "a NumPy array of int64"
    raise DTypeError(message(function, "indices", wanted, got, f"Write {remedy}"))
