"""Hypotheses about parameters: left out, taken from another axis or side, swapped with another."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from operator import not_
from typing import Any, NamedTuple

import numpy as np

import deconv_ref
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.causes.hypothesis import Hypotheses, misread, recalled
from deconv_ref.conformance.truth import Operator
from deconv_ref.window import Window

__all__ = ["changed_parameters"]

PLACES: dict[str, int | slice] = {
    "": slice(None),
    " in the first axis": 0,
    " in the last axis": -1,
    " in the second axis": 1,
}
SHAPES = ("input_size", "output_size")  # have an entry for the batch and the channels too
CHOICES = {
    "padding": ("valid", "same", "same_lower", "full"),
    "reduction": ("sum", "mean", "none"),
}
WINDOW_FIELDS = {field.name for field in fields(Window)} - set(SHAPES)
BUT_SIZE = ", though the size of the result is right"

# What a number may be taken for, by its type.
FORMS: dict[type, dict[str, Callable[[Any], Any]]] = {
    float: {
        "1 - {}": lambda value: 1 - value,
        "1 / {}": lambda value: 1 / value if value else value,
        "{} squared": lambda value: value**2,
        "the root of {}": lambda value: abs(value) ** 0.5,
    },
    int: {"{} + 1": lambda value: value + 1, "{} - 1": lambda value: value - 1},
}

# What is said of a flag with some value instead of "as if it had it".
TELLING = {
    ("flip_kernel", True): "looks like a flipped kernel",
    ("flip_kernel", False): "looks like a kernel that is not flipped",
    ("flip_kernel", "opposite"): "looks like a flipped kernel",
    ("count_include_pad", True): "as if the divisor counted padding",
    ("count_include_pad", False): "as if the divisor left padding out",
    ("reduction", "sum"): "as if summed (reduction 'sum')",
    ("reduction", "mean"): "as if averaged (reduction 'mean')",
}

PerAxis = tuple[Any, ...]


class Edit(NamedTuple):
    """A change of parameters that have a value per axis; None where there is nothing to change.

    `resizes` tells whether it may change the size of a result.
    """

    text: str
    change: Callable[[Mapping[str, PerAxis]], dict[str, PerAxis] | None]
    resizes: bool = True


def changed_parameters(operator: Operator, case: Case) -> Hypotheses:
    """Suppose that parameters were taken for others."""
    yield from _changed_flags(operator, case)
    for edit in _edits(case.parameters):
        yield recalled(edit.text, partial(_edited, edit))
        sized = edit.resizes and case.function == case.op
        yield misread(edit.text + BUT_SIZE * sized, partial(_edited_window, edit))
    yield from _changed_numbers(case)


def _edits(parameters: Mapping[str, Any]) -> Iterator[Edit]:
    names = [n for n, v in parameters.items() if isinstance(v, tuple) and n not in SHAPES]
    for name in names:
        if name == "padding":
            continue
        least = 0 if name == "output_padding" else 1
        for place, axis in PLACES.items():
            yield _per_axis(f"{name} were {least}{place}", name, axis, _constant(least))
    for name in names:
        yield _along(f"{name} of the first axis were used for all", name, lambda v: v[:1] * len(v))
        yield _along(f"{name} of the last axis were used for all", name, lambda v: v[-1:] * len(v))
        yield _along(f"the axes of {name} were in reverse order", name, lambda v: v[::-1])
    if "padding" in parameters:
        yield from _padding_edits()
    for one, other in (("stride", "dilation"), ("stride", "kernel_size")):
        if {one, other} <= {*parameters}:
            yield Edit(f"as if {one} and {other} were swapped", _swap(one, other))
            yield Edit(f"as if {one} were {other}", _copy(one, other))
            yield Edit(f"as if {other} were {one}", _copy(other, one))


def _padding_edits() -> Iterator[Edit]:
    resizing: dict[str, Callable[[Any], Any]] = {
        "there were no padding": lambda pair: (0, 0),
        "there were no padding in front": lambda pair: (0, pair[1]),
        "there were no padding behind": lambda pair: (pair[0], 0),
        "the padding in front were on both sides": lambda pair: (pair[0], pair[0]),
        "the padding behind were on both sides": lambda pair: (pair[1], pair[1]),
        "padding were twice as wide": lambda pair: (2 * pair[0], 2 * pair[1]),
    }
    moving: dict[str, Callable[[Any], Any]] = {
        "padding were swapped front and back": lambda pair: pair[::-1],
        "all padding were in front": lambda pair: (sum(pair), 0),
        "all padding were behind": lambda pair: (0, sum(pair)),
    }
    for text, side in (*moving.items(), *resizing.items()):
        for place, axis in PLACES.items():
            edit = _per_axis(text + place, "padding", axis, side)
            yield edit._replace(resizes=text in resizing)


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _per_axis(text: str, name: str, axis: int | slice, change: Callable[[Any], Any]) -> Edit:
    def changed(values: PerAxis) -> PerAxis:
        chosen = range(len(values))[axis]
        places = chosen if isinstance(chosen, range) else [chosen]
        return tuple(change(v) if at in places else v for at, v in enumerate(values))

    return _along(text, name, changed)


def _along(text: str, name: str, change: Callable[[PerAxis], PerAxis]) -> Edit:
    def changed(values: Mapping[str, PerAxis]) -> dict[str, PerAxis] | None:
        try:
            return {name: change(values[name])} if isinstance(values[name], tuple) else None
        except IndexError:  # so many axes there are not
            return None

    return Edit(f"as if {text}", changed)


def _swap(one: str, other: str) -> Callable[[Mapping[str, PerAxis]], dict[str, PerAxis]]:
    return lambda values: {one: values[other], other: values[one]}


def _copy(one: str, other: str) -> Callable[[Mapping[str, PerAxis]], dict[str, PerAxis]]:
    return lambda values: {one: values[other]}


def _edited(edit: Edit, case: Case) -> Case | None:
    changed = edit.change(case.parameters)
    return replace(case, parameters={**case.parameters, **changed}) if changed else None


def _edited_window(edit: Edit, case: Case, window: Window) -> Window | None:
    """Edit a window that kernels see: of three axes, in front of which those of the call are 1."""
    axes = max(operand.values.ndim for operand in case.operands.values()) - 2
    own = {name: getattr(window, name)[-axes:] for name in WINDOW_FIELDS}
    try:
        changed = edit.change(own)
    except KeyError:  # is no matter of windows
        return None
    if not changed or not changed.keys() <= WINDOW_FIELDS:
        return None
    return replace(window, **{n: getattr(window, n)[:-axes] + v for n, v in changed.items()})


def _changed_flags(operator: Operator, case: Case) -> Hypotheses:
    switches = [name for name, value in case.parameters.items() if isinstance(value, bool)]
    choices = {**dict.fromkeys(switches, (False, True)), **operator.flags, **CHOICES}
    for name, values in choices.items():
        for value in values if name in case.parameters else ():
            text = TELLING.get((name, value), f"as if {name} were {value!r}")
            yield recalled(text, partial(_reset, name, _constant(value)))
    for name in switches:
        text = TELLING.get((name, "opposite"), f"as if {name} were the opposite")
        yield recalled(text, partial(_reset, name, not_))


def _changed_numbers(case: Case) -> Hypotheses:
    """Suppose that a number was left at its default, left out, or taken for another."""
    signature = inspect.signature(getattr(deconv_ref, case.function)).parameters
    for name, value in case.parameters.items():
        if isinstance(value, float):
            default = signature[name].default
            plain = [default, 0.0, 1.0] if isinstance(default, float) else [0.0, 1.0]
            for other in dict.fromkeys(plain):
                yield recalled(
                    f"as if {name} were {other:g}", partial(_reset, name, _constant(other))
                )
        for form, change in FORMS.get(type(value), {}).items():
            text = f"as if {name} were {form.format(name)}"
            yield recalled(text, partial(_reset, name, change))

    if case.function != case.op and "prediction" in case.operands:
        yield recalled("as if grad_loss were 1", _without_grad_loss)


def _without_grad_loss(case: Case) -> Case | None:
    """Leave out the incoming gradient of a loss, which is an operand or a parameter."""
    if "grad_loss" in case.parameters:
        return _reset("grad_loss", _constant(1.0), case)
    ones = np.ones_like(case.operands["grad_loss"].values)
    return case.with_operand("grad_loss", values=ones)


def _reset(name: str, change: Callable[[Any], Any], case: Case) -> Case | None:
    value = case.parameters[name]
    changed = None if isinstance(value, tuple) else change(value)
    return None if changed is None else replace(case, parameters={**case.parameters, name: changed})
