"""Floating-point formats of cases, those of two bytes too: what NumPy does not know of bfloat16.

To NumPy bfloat16 is a type of somebody else's, ml_dtypes, and none of its floating ones: whether a
dtype is floating, its limits, and the rounding to it are asked here, of all dtypes alike.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deconv_ref.errors import ParameterError

__all__ = [
    "BFLOAT16",
    "HALVES",
    "doubled",
    "finfo",
    "is_floating",
    "is_half",
    "is_numeric",
    "named",
    "rounded",
]

BFLOAT16 = "bfloat16"
HALVES = ("float16", BFLOAT16)


def named(dtype: DTypeLike) -> np.dtype[Any]:
    """Give a dtype by its name, or as it is.

    Raises
    ------
    ParameterError
        If it is bfloat16, and ml_dtypes is not installed.

    Examples
    --------
    >>> named("float16")
    dtype('float16')
    """
    if dtype == BFLOAT16:
        return np.dtype(_ml_dtypes().bfloat16)
    return np.dtype(dtype)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers of a dtype are rounded."""
    return dtype.kind == "f" or _is_bfloat16(dtype)


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is of real numbers, or of truth values."""
    return dtype.kind in "biu" or is_floating(dtype)


def is_half(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is one of the two of two bytes."""
    return dtype.itemsize == 2 and dtype.name in HALVES


def finfo(dtype: DTypeLike) -> Any:
    """Give the limits of a floating dtype, as `numpy.finfo` does.

    Examples
    --------
    >>> float(finfo("float16").eps) == 2.0**-10
    True
    """
    dtype = named(dtype)
    return _ml_dtypes().finfo(dtype) if _is_bfloat16(dtype) else np.finfo(dtype)


def doubled(array: NDArray[Any]) -> NDArray[Any]:
    """Copy floating numbers to float64; give others as they are."""
    return array.astype(np.float64) if is_floating(array.dtype) else array


def rounded(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Round float64 to the nearest number of a dtype, ties to even, once.

    ml_dtypes rounds to float32 on the way, which makes a tie of what is close to one.
    """
    dtype = named(dtype)
    if _is_bfloat16(dtype):
        limits = finfo(dtype)
        _, exponents = np.frexp(values)
        least = np.log2(float(limits.smallest_subnormal))
        unit = np.ldexp(1.0, np.maximum(exponents - limits.nmant - 1, int(least)))
        values = np.rint(values / unit) * unit
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def _is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is bfloat16, which to NumPy is void; a dtype's name is slow to ask."""
    return dtype.kind == "V" and dtype.name == BFLOAT16


def _ml_dtypes() -> Any:
    """Import what has bfloat16: a package of its own that jax, tensorflow and onnx bring along."""
    try:
        import ml_dtypes
    except ImportError as error:
        remedy = "run python -m pip install ml_dtypes"
        raise ParameterError(f"bfloat16 is a dtype of ml_dtypes, which is missing: {remedy}") from (
            error
        )
    return ml_dtypes
