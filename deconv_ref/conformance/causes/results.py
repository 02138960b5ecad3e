"""Hypotheses about results: a factor too much, turned, incomplete, taken for another."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.causes.hypothesis import (
    Hypotheses,
    Hypothesis,
    Prediction,
    Witness,
    exactly,
    recalled,
    retold,
)
from deconv_ref.conformance.causes.operands import (
    Change,
    Grouped,
    flips,
    only,
    orders,
    ungrouped,
)
from deconv_ref.conformance.floating import finfo, is_floating
from deconv_ref.conformance.truth import Operator

__all__ = ["changed_results", "scaled_results"]

Array = NDArray[Any]

FACTORS = {
    0.0: "nothing but 0",
    -1.0: "of the opposite sign",
    2.0: "twice what it should be",
    0.5: "half of what it should be: a factor of 2 is missing",
    4.0: "four times what it should be",
    0.25: "a quarter of what it should be",
}


def scaled_results(case: Case) -> Hypotheses:
    """Suppose that there is a factor too much, or too little."""
    for factor, text in FACTORS.items():
        yield retold(text, partial(_multiplied, factor))
    numbers = [name for name, value in case.parameters.items() if isinstance(value, float)]
    for what, count in (*_counts(), *((name, _parameter(name)) for name in numbers)):
        yield retold(f"as if multiplied by {what}", partial(_scaled, count, 1))
        yield retold(f"as if divided by {what}", partial(_scaled, count, -1))


def changed_results(operator: Operator, case: Case, quantity: str) -> Hypotheses:
    """Suppose that a result was changed, or is another's."""
    for other in operator.functions()[case.function]:
        if other != quantity:
            what = f"the gradient of {other}" if other in operator.gradients else other
            yield Hypothesis(f"looks like {what}", partial(_other, other))
    for name in case.operands:
        yield Hypothesis(f"looks like {name} itself", partial(_operand, name))
    if case.function != case.op:
        yield Hypothesis(f"looks like the result of {case.op}", _forward)
        yield recalled("as if taken at the result, not at x", partial(_at_result, operator))
    for text, change in (*flips(), *orders()):
        yield retold(text.format("the result"), partial(_applied, change))
    if "groups" in case.parameters:
        for text, grouped in ungrouped():
            yield retold(text.format("the result"), partial(_grouped, grouped))
    yield from _incomplete()


def _other(quantity: str, witness: Witness) -> Prediction | None:
    other = replace(witness, quantity=quantity).truth()
    return other if (other.values.dtype.kind == "f") == is_floating(witness.got.dtype) else None


def _operand(name: str, witness: Witness) -> Prediction | None:
    operand = witness.question.arrays().get(name)
    return None if operand is None else exactly(operand)


def _forward(witness: Witness) -> Prediction | None:
    """Give the forward function's result on the operands that it shares with its gradient."""
    case = witness.case
    names = {n: o for n, o in case.operands.items() if not n.startswith("grad_")}
    parameters = {n: v for n, v in case.parameters.items() if n != "grad_loss"}
    try:
        forward = replace(case, function=case.op, operands=names, parameters=parameters)
        return replace(witness, quantity="forward").asked(forward)
    except TypeError:  # takes other arguments
        return None


def _at_result(operator: Operator, case: Case) -> Case | None:
    """Put the result of the forward function in the place of x."""
    operands = {n: o for n, o in case.operands.items() if n != "grad_y"}
    if operands.keys() == case.operands.keys() or "x" not in operands:
        return None
    try:
        y = operator.evaluate(replace(case, function=case.op, operands=operands))["forward"]
    except (TypeError, ValueError):  # takes other arguments, or is not of these
        return None
    same = y.shape == operands["x"].values.shape
    return case.with_operand("x", values=y.astype(case.dtype)) if same else None


def _counts() -> Iterator[tuple[str, Callable[[Case], float]]]:
    """Name numbers of a call that a mean may divide by, or forget to divide by."""

    def shape(case: Case) -> tuple[int, ...]:
        return next(iter(case.operands.values())).values.shape

    def kernel(case: Case) -> tuple[int, ...]:
        weight = case.operands.get("weight")
        window = case.parameters.get("kernel_size", ())
        return window if weight is None else weight.values.shape[2:]

    yield "the number of values", lambda c: math.prod(shape(c))
    yield "the size of the batch", lambda c: shape(c)[0] if shape(c) else 0
    yield "the number of values of an item", lambda c: math.prod(shape(c)[1:])
    yield "the number of rows", lambda c: math.prod(shape(c)[:-1])
    yield "the number of channels", lambda c: shape(c)[1] if len(shape(c)) > 1 else 0
    yield "the number of cells of a channel", lambda c: math.prod(shape(c)[2:])
    yield "the number of values of a channel", lambda c: math.prod(shape(c)[2:]) * shape(c)[0]
    yield "the number of taps", lambda c: math.prod(kernel(c))
    yield "the product of the strides", lambda c: math.prod(c.parameters.get("stride", ()))
    yield "the number of groups", lambda c: c.parameters.get("groups", 0)


def _parameter(name: str) -> Callable[[Case], float]:
    return lambda case: case.parameters.get(name, 0)


def _applied(change: Change, _: Witness, values: Array) -> Array | None:
    return change(values)


def _multiplied(factor: float, _: Witness, values: Array) -> Array:
    return factor * values


def _scaled(
    count: Callable[[Case], float], power: int, witness: Witness, values: Array
) -> Array | None:
    number = count(witness.case)
    return values * float(number) ** power if number else None


def _grouped(change: Grouped, witness: Witness, values: Array) -> Array | None:
    groups = witness.case.parameters["groups"]
    axis = 1 if witness.quantity in ("forward", "x") else 0
    return change(values, groups, axis) if groups > 1 and not values.shape[axis] % groups else None


def _incomplete() -> Hypotheses:
    def kept(axis: int, part: slice) -> Callable[[Witness, Array], Array | None]:
        return partial(_applied, only(axis, part))

    yield Hypothesis("right but where it overflows on the way, and should not", _overflowing)
    yield retold("right as far as it goes, but cut short", _shortened)
    yield retold("as if the first of the batch were computed alone", kept(0, slice(1)))
    yield retold("as if the first channel were computed alone", kept(1, slice(1)))
    yield retold("as if the result ended one cell early in the first axis", kept(2, slice(-1)))
    yield retold("as if the result ended one cell early in the last axis", kept(-1, slice(-1)))
    for text, cut in (
        ("the root of what it should be", np.sqrt),
        ("the square of what it should be", np.square),
        ("the logarithm of what it should be", np.log),
        ("e to the power of what it should be", np.exp),
        ("as if cut to whole numbers", np.trunc),
        ("as if cut off below 0", lambda values: np.maximum(values, 0)),
        ("as if NaN of the result were 0", lambda values: np.where(np.isnan(values), 0, values)),
    ):
        yield Hypothesis(text, partial(_cut, cut))


def _cut(change: Callable[[Array], Array], witness: Witness) -> Prediction:
    truth = witness.truth()
    values = change(truth.values)
    rounding = np.abs(values) * 8 * float(finfo(witness.case.dtype).eps)
    return Prediction(values, truth.allowed + np.where(values == np.trunc(values), 0, rounding))


def _overflowing(witness: Witness) -> Prediction:
    """Take what is not finite as it came, where something finite should be."""
    values, allowed = witness.truth()
    if witness.got.shape != values.shape:
        return witness.truth()
    spoilt = np.isfinite(values) & ~np.isfinite(witness.got)
    return Prediction(np.where(spoilt, witness.got, values), allowed)


def _shortened(witness: Witness, values: Array) -> Array | None:
    """Cut a result to the size of a smaller one that came."""
    shape = witness.got.shape
    if len(shape) != values.ndim or any(n > m for n, m in zip(shape, values.shape, strict=True)):
        return None
    return values[tuple(map(slice, shape))]
