"""What cases are made of: shapes, values, special values, memory layouts.

Configurations are drawn choice by choice, so that `shrink` can make them smaller; values come from
a generator of NumPy, which is fast, and are made simpler afterwards, by `simpler`: both in
`deconv_ref.conformance.search`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import LAYOUTS, SMALL, Operand
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.floating import finfo, named

__all__ = [
    "NARROW_BITS",
    "REDUCTIONS",
    "SELDOM",
    "SPECIAL",
    "VERY_LONG",
    "Names",
    "exact_bits",
    "integers",
    "is_power_of_two",
    "laid_out",
    "layout",
    "paddings",
    "plain_value",
    "reals",
    "reductions",
    "shapes",
    "significant_bits",
    "some_special",
    "sprinkled",
    "stretched",
    "tails",
]

NARROW_BITS = SMALL.bit_length() - 1
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0)
NAMED = {"common": ("valid", "same"), "named": ("same", "same_lower", "full")}
REDUCTIONS = ("mean", "sum", "none")
GRADIENTS = (2.0, -3.0, 0.5, 1.0)  # of the reduced loss; exact in any format, in any product
FARTHEST = {"float32": 88.0, "float64": 708.0}  # e**-x is still a normal number there
LARGE = {"batch": 17, "channels": 40, "axis": 40}  # sizes of what is stretched, at most
SHAPES = 26  # two of so many have many images, and as many have many channels
VERY_LONG = 2**15  # cells of an axis whose places a signed 16-bit integer cannot count
# An axis is very long once in so many cases: five times where 200 are judged, and not always in
# the same place of the eight after which `judge` asks some again.
SELDOM = 31
MANY, FEW = 2**14, 256  # from so many cells on, an array has so many numbers, in disorder

Array = NDArray[Any]
Names = frozenset[str]
Drawn = tuple[dict[str, Any], dict[str, Operand]]


def laid_out(draw: Draw, values: Array, dtype: Any) -> Operand:
    """Draw a memory layout for values of a dtype."""
    return Operand(values.astype(named(dtype)), layout(draw))


def layout(draw: Draw) -> str:
    """Draw a memory layout."""
    return draw.among(["contiguous", *LAYOUTS])


def stretched(draw: Draw, every: int, *names: str) -> str | None:
    """Draw the name of what is to be larger than usual, each once in so many cases, or None.

    Kernels work in blocks and unroll loops. What they do beyond, or with what is left over, shows
    in sizes that it would take too long to draw, and to read, every time and all at once.
    """
    return draw.among([*[None] * (every - len(names)), *names])


def shapes(
    draw: Draw,
    least_axes: int = 0,
    most: Sequence[int] = (13, 6, 4),
    very_long: bool = False,
) -> tuple[int, ...]:
    """Draw a batch, channels and spatial axes, each of its own size.

    Parameters
    ----------
    draw : Draw
        Makes the choices.
    least_axes : int
        Fewest spatial axes.
    most : sequence of int
        Largest size of an axis where there are 1, 2 or 3. At times the last is longer than two
        vectors of a processor, or there are many channels or images; or there are none.
    very_long : bool
        Whether the last axis may be so long that 16 bits do not count it.

    Returns
    -------
    tuple of int
        The shape, (N, C, *spatial).
    """
    long = very_long and draw.once_in(SELDOM)
    axes = draw.integer(max(least_axes, long), 3)
    large = stretched(draw, SHAPES, *["batch", "channels", "axis", "axis"] * 2)
    if long:
        return (1, 1, *[1] * (axes - 1), VERY_LONG + draw.integer(1, 64))
    batch = draw.among([1, 2, 1, 3, 1, 0])
    channels = draw.integer(*((5, LARGE["channels"]) if large == "channels" else (1, 4)))
    longest = most[axes - 1] if axes else 1
    if large == "batch":
        batch = draw.integer(4, LARGE["batch"])
    if large in ("batch", "channels"):
        longest = min(longest, 2)
    size = [draw.integer(1, longest) for _ in range(axes)]
    if large == "axis" and size:
        size[-1] = draw.integer(longest, LARGE["axis"])
    return (batch, channels, *size)


def paddings(draw: Draw, reaches: tuple[int, ...], plain: bool = False) -> Any:
    """Draw the padding of a window: as much on both sides, pairs, or the name of a rule.

    Parameters
    ----------
    draw : Draw
        Makes the choices.
    reaches : tuple of int
        Cells that the window spans, per axis; padding is at most as wide.
    plain : bool
        Whether there is to be none.

    Returns
    -------
    tuple of (int, int), or str
        A value of the parameter `padding`.
    """
    if plain:
        return draw.among(["valid", ((0, 0),) * len(reaches)])
    kind = draw.among(["even", "common", "uneven", "named"])
    if kind in NAMED:
        return draw.among(NAMED[kind])
    widest = [min(e, 4) for e in reaches]
    if kind == "even":
        return tuple((draw.integer(0, n),) * 2 for n in widest)
    return tuple((draw.integer(0, n), draw.integer(0, n)) for n in widest)


def plain_value(name: str, value: Any) -> Any:
    """Give the value of a window's parameter with which it does nothing special.

    Examples
    --------
    >>> plain_value("stride", (2, 3)), plain_value("padding", ((0, 1),)), plain_value("groups", 4)
    ((1, 1), ((0, 0),), 1)
    """
    if name == "padding":
        return "valid" if isinstance(value, str) else ((0, 0),) * len(value)
    least = 1 if name in ("stride", "dilation", "groups") else 0
    return (least,) * len(value) if isinstance(value, tuple) else type(value)(least)


def integers(rng: np.random.Generator, shape: tuple[int, ...], bits: int = 3) -> Array:
    """Draw integers of up to `bits` bits and a sign, seldom 0, a third of them powers of two."""
    if math.prod(shape) >= MANY:
        return _repeated(rng, integers(rng, (FEW,), bits), shape)
    values = rng.integers(1, 2**bits, shape, endpoint=True)
    values[rng.random(shape) < 0.05] = 0
    powers = np.left_shift(1, rng.integers(0, bits, shape, endpoint=True))
    signs = 2 * rng.integers(0, 2, shape) - 1
    values = np.where(rng.random(shape) < 1 / 3, powers, values)
    return (values * signs).astype(np.float64)  # integers first: 0 has no sign


def exact_bits(dtype: str, terms: int) -> int:
    """Count the bits of integers whose products with narrow ones, so many added, stay exact.

    In half precision none may be left: see `deconv_ref.conformance.halves`.
    """
    return max(significant_bits(dtype) - NARROW_BITS - (terms - 1).bit_length(), 0)


def significant_bits(dtype: str) -> int:
    """Count the bits of the widest integers all of which a dtype has."""
    return int(finfo(dtype).nmant) + 1


def is_power_of_two(number: int) -> bool:
    """Tell whether dividing by a number only moves the point; 0 divides nothing."""
    return number & (number - 1) == 0


def reals(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw normally distributed values of widely differing scales."""
    if math.prod(shape) >= MANY:
        return _repeated(rng, reals(rng, (FEW,)), shape)
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-8, 8, shape)


def _repeated(rng: np.random.Generator, few: Array, shape: tuple[int, ...]) -> Array:
    """Choose each of many values from a few: drawing them takes longer than judging them."""
    return few[rng.integers(0, len(few), shape, np.uint8)]


def tails(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Draw logits: a half of ordinary size, the rest as far out as e**-x goes, or close to 0."""
    ordinary = rng.standard_normal(shape) * 2
    far = rng.uniform(-1, 1, shape) * FARTHEST[dtype] * rng.choice([1, 0.25], shape)
    near = rng.standard_normal(shape) * 2.0 ** rng.integers(-30, -1, shape)
    return np.select([rng.random(shape) < 0.5, rng.random(shape) < 0.6], [ordinary, far], near)


def sprinkled(rng: np.random.Generator, values: Array, among: Sequence[float] = SPECIAL) -> Array:
    """Put special values in the place of a few, at least of one if there is one."""
    values = values.copy()
    chosen = rng.random(values.shape) < 0.1
    if values.size and not chosen.any():
        chosen.flat[rng.integers(values.size)] = True
    values[chosen] = rng.choice(among, int(chosen.sum()))
    return values


def some_special(
    draw: Draw, rng: np.random.Generator, values: Array, among: Sequence[float] = SPECIAL
) -> Array:
    """Draw values as they are or, one time in four, `sprinkled`."""
    return sprinkled(rng, values, among) if draw.one_in(4) else values


def reductions(
    draw: Draw,
    function: str,
    values: Callable[[tuple[int, ...]], Array],
    places: tuple[int, ...],
    dtype: str,
) -> Drawn:
    """Draw a reduction and, for a gradient, what comes in: a number, or one for every loss.

    Parameters
    ----------
    draw : Draw
        Makes the choices.
    function : str
        The function to call.
    values : callable
        Gives incoming gradients of a shape.
    places : tuple of int
        Shape of the losses.
    dtype : str
        Of the arrays.

    Returns
    -------
    parameters : dict
        The reduction, and a number that comes in.
    operands : dict of Operand
        An array that comes in.
    """
    reduction = draw.among(REDUCTIONS)
    if not function.endswith("_backward"):
        return {"reduction": reduction}, {}
    if reduction == "none" and draw.boolean():
        return {"reduction": reduction}, {"grad_loss": laid_out(draw, values(places), dtype)}
    return {"reduction": reduction, "grad_loss": draw.among(GRADIENTS)}, {}
