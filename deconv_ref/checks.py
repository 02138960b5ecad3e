"""What every public function asks of the arrays and numbers it is given.

Public functions check once, at the edge; kernels never do.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from typing import Any

import numpy as np

from deconv_ref.cuda import on_gpu
from deconv_ref.errors import DTypeError, ParameterError, ShapeError, message
from deconv_ref.parameters import LARGEST, is_size, plain
from deconv_ref.window import VOLUME

__all__ = [
    "FINITE",
    "check_batch",
    "check_choice",
    "check_count",
    "check_floating",
    "check_shape",
    "check_spatial",
    "full_size",
    "in_range",
    "is_array",
    "volume",
]

FLOATING = (np.dtype(np.float32), np.dtype(np.float64))
FINITE = float(np.finfo(np.float64).max)


def is_array(value: object) -> bool:
    """Tell whether a value is an array that means what its memory holds.

    A `numpy.matrix` has two axes whatever it is reshaped to, and a masked array hides elements.
    """
    if type(value) is np.ndarray:  # nearly always
        return True
    if isinstance(value, np.ndarray):
        return not isinstance(value, np.matrix | np.ma.MaskedArray)
    return on_gpu(value)


def check_floating(function: str, **arrays: Any) -> None:
    """Ask that all arrays be float32, or all float64.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    **arrays : numpy.ndarray
        The arguments by name.

    Raises
    ------
    DTypeError
        If one is no array, or its dtype is another, or not that of the first.
    """
    kinds = {array.dtype if is_array(array) else None for array in arrays.values()}
    if len(kinds) == 1 and kinds.issubset(FLOATING):
        return
    dtypes = [array.dtype for array in arrays.values() if is_array(array)]
    common = next((dtype for dtype in dtypes if dtype in FLOATING), FLOATING[0])
    for name, array in arrays.items():
        if not is_array(array):
            wanted, got = "a NumPy array of float32 or float64", type(array).__name__
            remedy = f"Write np.asarray({name}, dtype=np.{common})"
        elif array.dtype not in FLOATING:
            wanted, got = "float32 or float64", str(array.dtype)
            native = array.dtype.newbyteorder("=")
            remedy = f"Write {name}.astype(np.{native if native in FLOATING else common})"
        elif array.dtype != common:
            wanted, got = f"{common}, as the first array is", str(array.dtype)
            remedy = f"Write {name}.astype(np.{common})"
        else:
            continue
        raise DTypeError(message(function, name, wanted, got, remedy))


def check_batch(function: str, **arrays: Any) -> None:
    """Ask that all arrays have an axis of samples.

    Raises
    ------
    ShapeError
        If one is a single number.
    """
    for name, array in arrays.items():
        if not array.ndim:
            raise ShapeError(message(function, name, "(N, ...)", "shape ()"))


def check_spatial(function: str, name: str, array: Any, layout: str = "(N, C, *spatial)") -> None:
    """Ask for two leading axes, one to three spatial axes, and no empty axis but the batch.

    Raises
    ------
    ShapeError
        If the rank is another or an axis after the first is empty.
    """
    shape = tuple(array.shape)
    if not 3 <= len(shape) <= 2 + VOLUME:
        wanted = f"{layout} with 1 to {VOLUME} spatial axes"
        raise ShapeError(message(function, name, wanted, f"shape {shape}"))
    if 0 in shape[1:]:
        raise ShapeError(message(function, name, f"{layout} without empty axes", f"shape {shape}"))


def check_shape(
    function: str, name: str, array: Any, shape: tuple[int, ...], remedy: str = ""
) -> None:
    """Ask for exactly this shape.

    Raises
    ------
    ShapeError
        If the array has another.
    """
    if tuple(array.shape) != shape:
        got = f"shape {tuple(array.shape)}"
        raise ShapeError(message(function, name, f"of shape {shape}", got, remedy))


def check_choice(function: str, name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Ask for one of a few values.

    Raises
    ------
    ParameterError
        If `value` is another; ``1`` does not pass for ``True``.
    """
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return
    wanted = " or ".join(map(repr, choices))
    raise ParameterError(message(function, name, wanted, repr(value)))


def check_count(function: str, name: str, value: Any, least: int, most: int = LARGEST) -> int:
    """Ask for an int from `least` to `most`, and give it as a plain one.

    Raises
    ------
    ParameterError
        If it is none, or outside.

    Examples
    --------
    >>> check_count("modcrop", "factor", np.int64(2), least=1)
    2
    """
    if not is_size(value, least, most):
        wanted = f"an int of at least {least}"
        if most < LARGEST or is_size(value, least, math.inf):
            wanted += f" and at most {most}"
        raise ParameterError(message(function, name, wanted, repr(value)))
    return int(value)


def in_range(
    function: str,
    name: str,
    value: Any,
    low: float = -FINITE,
    high: float = FINITE,
    *,
    above: bool = False,
    below: bool = False,
) -> float:
    """Ask for a finite number from `low` to `high`, and give it as a float.

    Parameters
    ----------
    function, name : str
        Public function and parameter, to name in errors.
    value : float
        As passed.
    low, high : float
        The range.
    above, below : bool
        Whether `low` itself is too low, and `high` too high.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ParameterError
        If it is none, or outside.

    Examples
    --------
    >>> in_range("darken", "gamma", np.float32(0.5), 0, 1, above=True)
    0.5
    """
    number = math.nan
    if not isinstance(value, bool) and isinstance(value, Real):
        with suppress(OverflowError):  # an int may be larger than all floats
            number = float(value)
    at_end = (above and number == low) or (below and number == high)
    if low <= number <= high and not at_end:
        return number
    bounds = [f"{'above' if above else 'of at least'} {low:g}"] if low > -FINITE else []
    bounds += [f"{'below' if below else 'of at most'} {high:g}"] if high < FINITE else []
    wanted = " ".join(["a finite number", " and ".join(bounds)]).rstrip()
    raise ParameterError(message(function, name, wanted, repr(value)))


def volume(array: Any) -> Any:
    """View ``(A, B, *spatial)`` with exactly three spatial axes, new ones of size 1 in front.

    Examples
    --------
    >>> volume(np.zeros((2, 3, 7))).shape
    (2, 3, 1, 1, 7)
    """
    shape = tuple(array.shape)
    return array.reshape(shape[:2] + (1,) * (2 + VOLUME - len(shape)) + shape[2:])


def full_size(function: str, name: str, value: Sequence[int], like: str, array: Any) -> Any:
    """Check a full shape, (N, C, *spatial), and give it as a tuple of plain ints.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    name : str
        The parameter.
    value : sequence of int
        As passed.
    like : str
        Name of the array that has the same N, C and rank.
    array : array
        That array.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    ParameterError
        If it is no sequence of so many ints.
    ShapeError
        If its N or C is another, or an axis after the first is empty.
    """
    sizes = plain(value)
    wanted = f"a full shape (N, C, *spatial) of {array.ndim} ints"
    remedy = "Pass the shape of the array, x.shape"
    whole = isinstance(sizes, tuple) and len(sizes) == array.ndim
    if not whole or not all(is_size(n, least=-LARGEST) for n in sizes):
        raise ParameterError(message(function, name, wanted, repr(value), remedy))
    shape = tuple(map(int, sizes))
    batch, channels = array.shape[:2]
    if shape[:2] != (batch, channels) or min(shape[1:]) < 1:
        wanted = f"{wanted}, from ({batch}, {channels}) on as {like} has, without empty axes"
        raise ShapeError(message(function, name, wanted, shape))
    return shape
