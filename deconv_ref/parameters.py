"""Per-axis parameters, however they are spelled, as tuples of plain ints.

Integers only; a bool is none, and ints of NumPy are.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np

from deconv_ref.errors import ParameterError, message

__all__ = [
    "LARGEST",
    "Padding",
    "Pairs",
    "PerAxis",
    "Sizes",
    "is_size",
    "pad_pairs",
    "pad_sides",
    "per_axis",
    "plain",
]

PerAxis: TypeAlias = int | Sequence[int]
"""One int for every spatial axis, or one per axis."""

Padding: TypeAlias = int | Sequence[int] | Sequence[tuple[int, int]] | str
"""A `PerAxis`, one ``(before, after)`` pair per axis, or the name of a rule."""

Sizes: TypeAlias = tuple[int, ...]
Pairs: TypeAlias = tuple[tuple[int, int], ...]

TEXT = (str, bytes, bytearray)  # sequences that are no list of numbers
RULES = ("valid", "same", "same_lower", "full")
LARGEST = 2**31 - 1  # kernels index in 64 bits: products of two such numbers still fit


def per_axis(function: str, name: str, value: PerAxis, axes: int, least: int) -> Sizes:
    """Spread a parameter over the spatial axes and check its range.

    Examples
    --------
    >>> per_axis("conv", "stride", 2, axes=3, least=1)
    (2, 2, 2)
    """
    if type(value) is int and least <= value <= LARGEST:  # nearly always
        return (value,) * axes
    values = plain(value)
    if not isinstance(values, tuple):
        values = (values,) * axes
    if len(values) != axes or not all(is_size(v, least) for v in values):
        wanted = f"an int from {least} to {LARGEST}, or {axes} of them (one per spatial axis)"
        raise ParameterError(message(function, name, wanted, repr(value)))
    return tuple(map(int, values))


def pad_sides(function: str, padding: Padding, axes: int) -> Pairs | str:
    """Turn every spelling of `padding` into one ``(before, after)`` pair per axis, or into a rule.

    Raises
    ------
    ParameterError
        If it is neither.

    Examples
    --------
    >>> pad_sides("conv", [1, 2], axes=2), pad_sides("conv", "same", axes=2)
    (((1, 1), (2, 2)), 'same')
    """
    if isinstance(padding, str) and padding in RULES:
        return str(padding)
    return pad_pairs(function, padding, axes, RULES)


def pad_pairs(function: str, padding: Padding, axes: int, rules: tuple[str, ...] = ()) -> Pairs:
    """Turn every spelling of explicit padding into one ``(before, after)`` pair per axis.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    padding : int or sequence
        The parameter as it was passed.
    axes : int
        Number of spatial axes.
    rules : tuple of str
        What else the caller takes, to name in errors.

    Returns
    -------
    tuple of (int, int)
        The pairs.

    Raises
    ------
    ParameterError
        If `padding` is none of these.
    """
    if type(padding) is int and 0 <= padding <= LARGEST:  # nearly always
        return ((padding, padding),) * axes
    sides = plain(padding)
    if not isinstance(sides, tuple):
        sides = (sides,) * axes
    if len(sides) == axes:
        if all(map(_is_pair, sides)):
            return tuple((int(before), int(after)) for before, after in sides)
        if all(is_size(side, least=0) for side in sides):
            return tuple((int(side), int(side)) for side in sides)
    wanted = (
        f"an int of at least 0, {axes} of them or of pairs (before, after) (one per spatial axis)"
    )
    if rules:
        wanted += f", or one of {', '.join(map(repr, rules))}"
    raise ParameterError(message(function, "padding", wanted, repr(padding)))


def plain(value: object) -> Any:
    """Make a tuple, nested where it was, of any sequence or array; leave the rest alone."""
    if type(value) is int:  # most are, and to ask for a sequence takes long
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if type(value) is tuple or (isinstance(value, Sequence) and not isinstance(value, TEXT)):
        return tuple(map(plain, value))
    return value


def is_size(value: object, least: int, most: float = LARGEST) -> bool:
    """Tell whether a value is an int, no bool, in a range."""
    if type(value) is int:
        return least <= value <= most
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return least <= int(value) <= most


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    return is_size(value[0], least=0) and is_size(value[1], least=0)
