"""Hypotheses about operands: turned, read in another order, shared, left out, kept from before."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.causes.hypothesis import (
    Hypotheses,
    Hypothesis,
    Prediction,
    Witness,
    recalled,
)
from deconv_ref.conformance.floating import is_floating

__all__ = [
    *("Change", "Grouped", "changed_operands", "flips", "kept_from_before", "only", "orders"),
    "ungrouped",
]

CHANNELS_FIRST = ("weight", "bias")  # where groups are on the first axis, not on the second
TINY = 2.0**-126  # of float32, the smallest that is not subnormal

Array = NDArray[Any]
Change = Callable[[Array], Array | None]
Grouped = Callable[[Array, int, int], Array | None]
"""A change of an array, told the number of groups too, and the axis that they are on."""


def changed_operands(case: Case) -> Hypotheses:
    """Suppose that operands were taken for others."""
    yield from _out_of_memory(case)
    floats = [n for n, operand in case.operands.items() if is_floating(operand.values.dtype)]
    if "bias" in floats:
        yield recalled("as if there were no bias", partial(_changed, "bias", np.zeros_like))
    for name in case.operands:
        if "groups" in case.parameters:
            for text, grouped in ungrouped():
                yield recalled(text.format(name), partial(_grouped, name, grouped))
        for text, change in (*flips(), *orders(), *_shares()):
            yield recalled(text.format(name), partial(_changed, name, change))
    for name in floats:
        for text, change in (*_left_out(), *_signs()):
            yield recalled(text.format(name), partial(_changed, name, change))
    for name, other in itertools.permutations(floats, 2):
        yield recalled(f"as if {name} were {other}", partial(_taken, name, other))
    for one, other in itertools.combinations(floats, 2):
        yield recalled(f"as if {one} and {other} were swapped", partial(_swapped, one, other))


def flips() -> Iterator[tuple[str, Change]]:
    """Turn spatial axes round."""
    yield "as if {} were flipped", lambda a: np.flip(a, _spatial(a)) if a.ndim > 2 else None
    yield "as if {} were flipped in the last axis", lambda a: a[..., ::-1] if a.ndim > 2 else None
    yield "as if {} were flipped in the first axis", lambda a: a[:, :, ::-1] if a.ndim > 2 else None


def orders() -> Iterator[tuple[str, Change]]:
    """Read elements in another order."""
    yield "as if {} were transposed", partial(_transposed, 0, 1)
    yield "as if the last two axes of {} were swapped", partial(_transposed, -1, -2)
    by_columns = "as if {} were read column by column"
    yield by_columns, lambda a: a.reshape(a.shape, order="F")
    yield by_columns, lambda a: a.ravel("F").reshape(a.shape)
    yield "as if {} were moved one cell on", partial(_rolled, 1)
    yield "as if {} were moved one cell back", partial(_rolled, -1)


def ungrouped() -> Iterator[tuple[str, Grouped]]:
    """Mix groups up."""
    yield "as if {} of the first group were used for all", _first_group
    yield "as if only the first channel of each group of {} counted", _first_of_groups
    interleaved = "as if channels of {} were interleaved among groups"
    yield interleaved, _dealt
    yield interleaved, lambda a, groups, axis: _dealt(a, a.shape[axis] // groups, axis)


def only(axis: int, kept: slice) -> Change:
    """Put 0 everywhere but in a part of an axis."""

    def change(array: Array) -> Array | None:
        if array.ndim <= axis or array.ndim == 0:
            return None
        fewer = np.zeros_like(array)
        place = (slice(None),) * (axis % array.ndim) + (kept,)
        fewer[place] = array[place]
        return fewer

    return change


def _shares() -> Iterator[tuple[str, Change]]:
    """Use a part for the whole."""
    yield "as if the first item of {} were used for all", partial(_repeated, 0)
    yield "as if {} of the first channel were used for all", partial(_repeated, 1)
    yield "as if only the first item of {} counted", only(0, slice(1))
    yield "as if only the first channel of {} counted", only(1, slice(1))
    yield "as if the last item of {} were left out", only(0, slice(-1))
    yield "as if the last channel of {} were left out", only(1, slice(-1))
    yield "as if the first spatial axis of {} ended one cell early", only(2, slice(-1))
    yield "as if the last axis of {} ended one cell early", only(-1, slice(-1))


def _left_out() -> Iterator[tuple[str, Change]]:
    yield "as if {} were 0", np.zeros_like
    yield "as if {} were 1", np.ones_like
    yield "as if {} had no fractions", np.trunc
    yield "as if {} were rounded to whole numbers", np.rint
    yield "as if {} were rounded to float16", lambda a: a.astype(np.float16)
    yield "as if {0} were 1 - {0}", lambda a: 1 - a
    yield "as if {0} were 1 / {0}", lambda a: 1 / a if np.all(a) else None


def _signs() -> Iterator[tuple[str, Change]]:
    """Change signs and special values."""
    yield "as if {} had the opposite sign", np.negative
    yield "as if {} had no sign", np.abs
    yield "as if {} were cut off below 0", lambda a: np.maximum(a, 0)
    yield "as if NaN in {} were 0", lambda a: np.where(np.isnan(a), 0, a)
    yield "as if NaN in {} were passed over", lambda a: np.where(np.isnan(a), -np.inf, a)
    yield "as if infinities in {} were 0", lambda a: np.where(np.isinf(a), 0, a)
    yield "as if 0 in {} counted as positive", lambda a: np.where(a == 0, TINY, a)
    yield "as if 0 in {} counted as negative", lambda a: np.where(a == 0, -TINY, a)


def _spatial(array: Array) -> tuple[int, ...]:
    return tuple(range(2, array.ndim))


def _transposed(one: int, other: int, array: Array) -> Array | None:
    square = array.ndim >= 2 and array.shape[one] == array.shape[other]
    return array.swapaxes(one, other) if square else None


def _rolled(by: int, array: Array) -> Array | None:
    return np.roll(array, by, _spatial(array)) if array.ndim > 2 else None


def _repeated(axis: int, array: Array) -> Array | None:
    if array.ndim <= axis or array.size == 0:
        return None
    return np.broadcast_to(array.take([0], axis), array.shape)


def _split(array: Array, groups: int, axis: int) -> Array:
    return array.reshape(*array.shape[:axis], groups, -1, *array.shape[axis + 1 :])


def _first_group(array: Array, groups: int, axis: int) -> Array:
    first = _split(array, groups, axis).take([0], axis)
    return np.repeat(first, groups, axis).reshape(array.shape)


def _first_of_groups(array: Array, groups: int, axis: int) -> Array:
    kept = np.zeros_like(array)
    place = (slice(None),) * axis + (slice(None, None, array.shape[axis] // groups),)
    kept[place] = array[place]
    return kept


def _dealt(array: Array, groups: int, axis: int) -> Array:
    return _split(array, groups, axis).swapaxes(axis, axis + 1).reshape(array.shape)


# Calls with a changed operand


def _changed(name: str, change: Change, case: Case) -> Case | None:
    if name not in case.operands:
        return None
    values = case.operands[name].values
    changed = change(values)
    if changed is None or np.array_equal(changed, values, equal_nan=True):
        return None
    return case.with_operand(name, values=np.array(changed, values.dtype))


def _grouped(name: str, change: Grouped, case: Case) -> Case | None:
    groups, axis = case.parameters["groups"], 0 if name in CHANNELS_FIRST else 1
    if groups == 1:
        return None
    return _changed(name, lambda array: change(array, groups, axis), case)


def _taken(name: str, other: str, case: Case) -> Case | None:
    if not {name, other} <= case.operands.keys():
        return None
    values = case.operands[other].values
    same = values.shape == case.operands[name].values.shape
    return _changed(name, lambda _: values, case) if same else None


def _swapped(one: str, other: str, case: Case) -> Case | None:
    taken = _taken(one, other, case)
    return taken and taken.with_operand(other, values=case.operands[one].values)


# Memory


def _out_of_memory(case: Case) -> Hypotheses:
    """Suppose that values were read as they lie in memory, whatever the strides."""
    for names in (*([name] for name in case.operands), [*case.operands]):
        whose = names[0] if len(names) == 1 else "all operands"
        text = f"as if strides of {whose} were ignored: from memory, in order"
        for skipped in (0, 1):
            yield recalled(text, partial(_as_stored, names, skipped))


def _as_stored(names: Sequence[str], skipped: int, case: Case) -> Case | None:
    read = {n: _stored(case.operands[n], skipped) for n in names if n in case.operands}
    return replace(case, operands={**case.operands, **read})


def _stored(operand: Operand, skipped: int) -> Operand:
    """Read as many values as an array has from where its memory begins, or after some of them."""
    array = operand.array()
    whole = (array if array.base is None else array.base).ravel("K")
    skipped = min(skipped, whole.size - array.size)
    return Operand(whole[skipped : skipped + array.size].reshape(array.shape))


# Calls before


def kept_from_before(case: Case) -> Hypotheses:
    """Suppose that something was kept from one of the calls before."""
    yield Hypothesis("as if it were the result of a call before", partial(_any_before, _before))
    for names, with_kept in (
        (case.operands, _with_operand),
        (case.parameters, _with_parameter),
    ):
        for name in names:
            text = f"as if {name} were that of a call before"
            yield Hypothesis(text, partial(_any_before, partial(with_kept, name)))


def _any_before(kept: Callable[[Case, Case], Case | None], witness: Witness) -> Prediction | None:
    for before in witness.before:
        changed = kept(before, witness.case)
        prediction = None if changed is None else witness.asked(changed)
        if witness.agrees(prediction):
            return prediction
    return None


def _before(before: Case, _: Case) -> Case:
    return before


def _with_operand(name: str, before: Case, case: Case) -> Case | None:
    ours, kept = case.operands.get(name), before.operands.get(name)
    if ours is None or kept is None or kept.values.shape != ours.values.shape:
        return None
    return case.with_operand(name, values=kept.values.astype(ours.values.dtype))


def _with_parameter(name: str, before: Case, case: Case) -> Case | None:
    if name not in before.parameters:
        return None
    return replace(case, parameters={**case.parameters, name: before.parameters[name]})
