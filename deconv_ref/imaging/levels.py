"""Between the integers that files store and floats from 0, black, to 1, white."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.errors import ParameterError, message

__all__ = ["as_floats", "as_integers"]


def as_floats(x: NDArray[Any]) -> NDArray[np.float32]:
    """Turn stored integers into float32 from 0 to 1.

    Examples
    --------
    >>> as_floats(np.array([0, 51, 255], np.uint8))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    return x.astype(np.float32, order="C") / np.float32(np.iinfo(x.dtype).max)


def as_integers(
    x: NDArray[Any], dtype: Any = np.uint8, *, function: str = "as_integers"
) -> NDArray[Any]:
    """Turn floats from 0 to 1 into the integers to store, rounded; others are clipped.

    Parameters
    ----------
    x : array
        The floats.
    dtype : dtype
        Of the integers; its largest is white.
    function : str
        Public function to name in errors.

    Returns
    -------
    array
        The integers.

    Raises
    ------
    ParameterError
        If there is a NaN among the floats, which no integer stands for.

    Examples
    --------
    >>> as_integers(np.array([-0.5, 0.5, 1.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    if np.isnan(x).any():
        remedy = "A network that gives NaN has diverged in its training: train it anew"
        raise ParameterError(message(function, "x", "without NaN", "NaN", remedy))
    white = np.float64(np.iinfo(dtype).max)
    return np.floor(np.clip(x, 0, 1) * white + 0.5).astype(dtype)
