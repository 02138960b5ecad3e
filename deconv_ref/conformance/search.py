"""Look for smaller cases, and for cases of what a target offers."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Choices, Draw
from deconv_ref.conformance.floating import doubled, is_floating
from deconv_ref.conformance.strategies import plain_value

__all__ = ["made_plain", "shrink", "sibling", "simpler", "turned", "zeroed"]

LEFT_OUT = (1, 2, 3, 4)  # choices at once: of the parameters of up to three axes, or a side
OTHERS = range(4)  # a choice that is higher may make a smaller case: its order is a rough one
ANEW = 2  # times that later choices are made anew
MANY = 64
EXTENT = 3  # of the numbers by which cases are ordered, those of sizes, parameters and layouts
LARGE = 2**12  # cells and parameters of a case for which a target may take a second


def shrink(
    build: Callable[[Draw], Case],
    choices: Sequence[int],
    condition: Callable[[Case], bool],
    seed: int,
) -> None:
    """Look for choices that make a smaller case for which the condition holds, until none is found.

    One choice is changed; or made the least, with some after it left out or put in, so that those
    behind stay what they were; some are left out; or those after a lower one are made anew at
    random. Where the case is large, none that are large too are tried before all others: a target
    that is slow would spend its time on them. Values are no matter here: `simpler` ones are looked
    for afterwards.

    Parameters
    ----------
    build : callable
        Makes a case of choices.
    choices : sequence of int
        Such as make a case for which it holds.
    condition : callable
        Is asked of one case after the other.
    seed : int
        The same seed looks for the same cases.
    """
    best = list(choices)
    size = _extent(build(Choices(best)))
    rng = random.Random(seed)
    tried: set[tuple[int, ...]] = set()

    def holds(given: list[int], more: random.Random | None, most: float) -> bool:
        nonlocal best, size
        if more is None and tuple(given) in tried:
            return False
        draw = Choices(given, more)
        case = build(draw)
        if _cells(_extent(case)) > most:
            return False
        tried.add(tuple(given))
        smaller = (_extent(case), draw.made) < (size, best)
        if not smaller or not condition(case):
            return False
        best, size = draw.made, _extent(case)
        return True

    for most in (LARGE, math.inf) if _cells(size) > LARGE else (math.inf,):
        before: list[int] = []
        while before != best:
            before = best
            for change, more in ((_lower, None), (_fewer, None), (_other, None), (_begun, rng)):
                at = 0
                while at < len(best):
                    at += not any(holds(given, more, most) for given in change(best, at))


def _lower(best: list[int], at: int) -> Iterator[list[int]]:
    """Lower a choice; or leave some out, or put some in, behind one that is made the least."""
    yield from ([*best[:at], n, *best[at + 1 :]] for n in _below(best[at]))
    for place in range(at + 1, len(best) + 1) if best[at] else ():
        start, end = [*best[:at], 0, *best[at + 1 : place]], best[place:]
        for length in LEFT_OUT:
            yield [*start, *end[length:]]
            yield [*start, *[0] * length, *end]


def _fewer(best: list[int], at: int) -> Iterator[list[int]]:
    """Leave choices out."""
    return ([*best[:at], *best[at + length :]] for length in LEFT_OUT)


def _other(best: list[int], at: int) -> Iterator[list[int]]:
    """Change a choice, and the number of those behind it."""
    for n in OTHERS:
        yield [*best[:at], n, *best[at + 1 :]]
        yield [*best[:at], n, 0, *best[at + 1 :]]
        yield [*best[:at], n, *best[at + 2 :]]


def _begun(best: list[int], at: int) -> Iterator[list[int]]:
    """Keep choices up to one that is lower; the others are to be made anew."""
    return ([*best[:at], n] for n in _below(best[at]) for _ in range(ANEW))


def _extent(case: Case) -> tuple[float, ...]:
    """Measure a case but for its values."""
    return case.size()[:EXTENT]


def _cells(extent: tuple[float, ...]) -> float:
    """Give, of an extent, how much there is to read."""
    return extent[1]


def _below(choice: int) -> list[int]:
    """Give a few lower choices; those close below matter where there are not many."""
    few = {0, 1, 2, 3, choice // 4, choice // 2, choice - 1 if choice < MANY else 0}
    return sorted(n for n in few if 0 <= n < choice)


def made_plain(
    parameters: Mapping[str, Any], names: Sequence[str], offered: Callable[[dict[str, Any]], bool]
) -> frozenset[str]:
    """Find out which parameters have to be plain for a target to offer the operator.

    Parameters
    ----------
    parameters : mapping
        Such as are not offered.
    names : sequence of str
        Those that can be drawn plain.
    offered : callable
        Tells whether the target offers the operator with other parameters.

    Returns
    -------
    frozenset of str
        Names none of which can be left out; none at all if plain values do not help.
    """
    there = [name for name in names if name in parameters]

    def helps(plain: Iterable[str]) -> bool:
        values = {name: plain_value(name, parameters[name]) for name in plain}
        return offered({**parameters, **values})

    for kept in (None, *there):  # one of them may have to be as it is
        plain = [name for name in there if name != kept]
        if helps(plain):
            for name in there:
                fewer = [other for other in plain if other != name]
                plain = fewer if name in plain and helps(fewer) else plain
            return frozenset(plain)
    return frozenset()


def sibling(case: Case, flags: Mapping[str, tuple[Any, ...]]) -> Case | None:
    """Change one flag of a call, or a sign: what a target keeps of the call must not count.

    Parameters
    ----------
    case : Case
        The call.
    flags : mapping of str to tuple
        Values by parameter.

    Returns
    -------
    Case or None
        The same call with the next value of the first flag that it has, if that is legal. Its
        result may need more digits than the dtype has, so that it is judged by the bound. Without
        flags, the first operand with the sign of all values changed, if there are any.
    """
    for name, values in flags.items():
        if case.parameters.get(name) in values:
            after = values[(values.index(case.parameters[name]) + 1) % len(values)]
            parameters = {**case.parameters, name: after}
            return replace(case, parameters=parameters, exact=False)
    first = next(name for name, array in case.arrays().items() if is_floating(array.dtype))
    signed = case.arrays()[first]
    return case.with_operand(first, values=-signed) if signed.size else None


def turned(case: Case) -> Case:
    """Turn the arrays of a call round: what a target keeps for arrays of a shape must not count.

    Parameters
    ----------
    case : Case
        The call.

    Returns
    -------
    Case
        The same call with the numbers of each floating operand in reverse order, along all axes, so
        that what belongs to a channel stays with it.
    """
    operands = {
        name: replace(o, values=np.flip(o.values).copy()) if is_floating(o.values.dtype) else o
        for name, o in case.operands.items()
    }
    return replace(case, operands=operands)


def zeroed(case: Case) -> Case:
    """Give the same call with zeros alone."""
    operands = {
        name: replace(o, values=np.zeros_like(o.values)) if is_floating(o.values.dtype) else o
        for name, o in case.operands.items()
    }
    return replace(case, operands=operands)


def simpler(case: Case) -> Iterator[Case]:
    """Give smaller variants of a case: fewer axes or cells, a plain layout, simpler values.

    Not all of them need be legal.
    """
    size = case.size()
    yield from (variant for variant in _variants(case) if variant.size() < size)


def _variants(case: Case) -> Iterator[Case]:
    yield from _fewer_axes(case)
    yield from _fewer_cells(case)
    for name, operand in case.operands.items():
        if operand.layout != "contiguous":
            yield case.with_operand(name, layout="contiguous")
    for name, operand in case.operands.items():
        for values in _simpler_values(doubled(operand.values), case.exact):
            if not np.array_equal(values, operand.values, equal_nan=values.dtype.kind == "f"):
                yield case.with_operand(name, values=values.astype(operand.values.dtype))


def _simpler_values(values: NDArray[Any], exact: bool) -> Iterator[NDArray[Any]]:
    nonzero = np.flatnonzero(values)
    for parts in (1, 2, 4, 8, 16, 64):
        if parts <= len(nonzero) and (parts < 64 or len(nonzero) <= 64):
            for chosen in np.array_split(nonzero, min(parts, len(nonzero))):
                fewer = values.copy()
                fewer.flat[chosen] = 0
                yield fewer
    if np.any(values < 0):
        yield np.abs(values)
    if np.any(np.abs(values[np.isfinite(values)]) > 1):
        yield np.sign(values)
        if exact:
            yield np.trunc(values / 2) + (values == 1)
    if not exact and values.dtype.kind == "f":
        yield np.trunc(values)


def _fewer_cells(case: Case) -> Iterator[Case]:
    """Keep a half of one axis of all operands that have the first one's shape.

    Parameters with a value per axis tell of functions for which that is not how to take cells away.
    """
    if any(isinstance(value, tuple) for value in case.parameters.values()):
        return
    shape = next(iter(case.operands.values())).values.shape
    for axis, n in enumerate(shape):
        for half in (range(n // 2), range(n // 2, n)) if n > 1 else ():
            operands = {
                name: replace(operand, values=operand.values.take(half, axis=axis))
                if operand.values.shape == shape
                else operand
                for name, operand in case.operands.items()
            }
            yield replace(case, operands=operands)


def _fewer_axes(case: Case) -> Iterator[Case]:
    """Leave out one spatial axis: of its cells keep the first, of its parameters none."""
    axes = max(operand.values.ndim for operand in case.operands.values()) - 2
    for axis in range(axes if axes > 1 else 0):  # counted from the last: channels may be left out
        parameters = {
            name: _without(axis, value, axes) if isinstance(value, tuple) else value
            for name, value in case.parameters.items()
        }
        operands = {
            name: replace(operand, values=operand.values.take(0, axis=axis - axes))
            if operand.values.ndim > axes
            else operand
            for name, operand in case.operands.items()
        }
        yield replace(case, parameters=parameters, operands=operands)


def _without(axis: int, values: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    """Leave out an axis of a parameter that has a value for each, or of a full shape."""
    at = axis + len(values) - axes
    return values[:at] + values[at + 1 :]
