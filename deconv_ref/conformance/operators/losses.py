r"""How losses are checked: every reduction and incoming gradient, soft targets, tails, ties.

Losses of distances are exact on integers. The rest is bounded by R1, relative to the true value
wherever the terms of a value have one sign: a formula that loses a small loss in a difference is
outside. Gradients of cross entropies are themselves differences where the target is soft; their
bound is relative to the two terms,

.. math::
    \frac{1 - t}{1 - x} + \frac{t}{x}, \qquad (1 - t) s(x) + t s(-x), \qquad
    p_k \sum_{j \ne k} t_j + t_k \sum_{j \ne k} p_j

for probabilities, for logits, and for logits along a line. One of the two is 0 if the target is
hard, so that small gradients keep their digits.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.exact import Exact
from deconv_ref.conformance.margins import Rule, cancelling
from deconv_ref.conformance.strategies import (
    REDUCTIONS,
    integers,
    is_power_of_two,
    laid_out,
    reals,
    reductions,
    shapes,
    significant_bits,
    sprinkled,
    tails,
)
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["OPERATORS"]

DELTAS = (1.0, 0.5, 2.0, 3.25)
STRENGTHS = (0.5, 2.0, 0.0, 1.25)
MOST = (9, 3, 2)  # cells of an axis, by rank: each is evaluated to 60 digits
SPARE_BITS = 4  # for fractions of delta and strength, and for incoming gradients
HALF_TINY = {"float32": 60, "float64": 500}  # e**-x log2; a quotient by 2**-x does not overflow
ELEMENTARY = 8  # roundings of exp, log and log1p: 4 ulp, as vectorized libraries have it

Array = NDArray[Any]


# Cases


def of_distances(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a loss of prediction less target, some of which are equal, or nearly so."""
    shape, dtype = shapes(draw, most=MOST), draw.among(dtypes)
    whole = draw.boolean()
    wide = draw.boolean()
    rng = draw.rng()

    def values(shape: tuple[int, ...]) -> Array:
        return integers(rng, shape) if whole else reals(rng, shape)

    parameters, operands = reductions(draw, function, values, shape, dtype)
    if function.startswith("huber"):
        parameters["delta"] = draw.among(DELTAS)
    if whole:
        bits = _bits(dtype, math.prod(shape)) if wide else 3
        x, t = integers(rng, shape, bits), integers(rng, shape, bits)
    else:
        x, t = values(shape), values(shape)
        near = x * (1 + 2.0 ** rng.integers(-20, -4, shape))
        t = np.where(rng.random(shape) < 0.3, near, t)
    t = np.where(rng.random(shape) < 0.15, x, t)
    if draw.one_in(5):
        x, t = sprinkled(rng, x), sprinkled(rng, t)
    operands = {"prediction": laid_out(draw, x, dtype), "target": laid_out(draw, t, dtype)} | (
        operands
    )
    divisor = math.prod(shape) if parameters["reduction"] == "mean" else 1
    return Case(function, parameters, operands, whole and is_power_of_two(divisor))


def of_weights(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a penalty."""
    shape, dtype = shapes(draw, most=MOST), draw.among(dtypes)
    whole, wide = draw.boolean(), draw.boolean()
    strength = draw.among([*STRENGTHS, *(() if whole else (0.01, 1e-4))])
    rng = draw.rng()
    bits = _bits(dtype, math.prod(shape)) if wide else 3
    weight = integers(rng, shape, bits) if whole else reals(rng, shape)
    if draw.one_in(5):
        weight = sprinkled(rng, weight)
    return Case(function, {"strength": strength}, {"weight": laid_out(draw, weight, dtype)}, whole)


def of_two_outcomes(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a binary cross entropy: of logits, or of probabilities 0 and 1 too."""
    shape, dtype, rng = shapes(draw, most=MOST), draw.among(dtypes), draw.rng()
    parameters, operands = reductions(draw, function, lambda s: reals(rng, s), shape, dtype)
    soft = draw.among([0.0, 0.5, 1.0])
    special: tuple[float, ...]
    if "logits" in function:
        x, special = tails(rng, shape, dtype), (np.nan, np.inf, -np.inf, 0.0, 0.0)
    else:
        x, special = probabilities(rng, shape, dtype), (0.0, 1.0)
    if draw.one_in(3):
        x = sprinkled(rng, x, special)
    t = np.where(rng.random(shape) < soft, rng.random(shape), rng.integers(0, 2, shape))
    near = np.asarray(x if "logits" not in function else 1 / (1 + np.exp(-x)))
    t = np.where((rng.random(shape) < soft / 4) & np.isfinite(near), near, t)
    if draw.one_in(10):
        x, t = sprinkled(rng, x, (np.nan, 0.5)), sprinkled(rng, t, (np.nan, 0.5))
    operands = {
        "prediction": laid_out(draw, x, dtype),
        "target": laid_out(draw, t, dtype),
        **operands,
    }
    return Case(function, parameters, operands, exact=False)


def of_categories(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a cross entropy along axis 1; a line of the target seldom sums to 1 not."""
    shape, dtype, rng = shapes(draw, most=MOST), draw.among(dtypes), draw.rng()
    places = (*shape[:1], *shape[2:])
    parameters, operands = reductions(draw, function, lambda s: reals(rng, s), places, dtype)
    special = draw.one_in(3)
    if function.startswith("softmax"):
        x = tails(rng, shape, dtype) * draw.among([1, 0.25, 2.0**-6])
        x = sprinkled(rng, x, (-np.inf, -np.inf, np.inf, np.nan)) if special else x
    else:
        x = probabilities(rng, shape, dtype)
        x = x / np.maximum(x.sum(1, keepdims=True), 0.5)
        x = sprinkled(rng, x, (0.0, 0.0, 1.0, np.nan)) if special else x
    operands = {
        "prediction": laid_out(draw, x, dtype),
        "target": laid_out(draw, _targets(draw, rng, x), dtype),
        **operands,
    }
    return Case(function, parameters, operands, exact=False)


def _targets(draw: Draw, rng: np.random.Generator, x: Array) -> Array:
    """Draw lines of one category, often that of x, of several, or that sum to anything."""
    kind = draw.among(["hard", "soft", "smoothed", "any"])
    shape = x.shape
    category = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    category = np.where(rng.random(category.shape) < 0.5, x.argmax(1), category)
    hard = np.moveaxis(np.eye(shape[1])[category], -1, 1)
    any_weights = rng.random(shape) * (rng.random(shape) < 0.7)
    return {
        "hard": hard,
        "soft": any_weights / np.maximum(any_weights.sum(1, keepdims=True), 2.0**-9),
        "smoothed": 0.875 * hard + 0.125 / shape[1],
        "any": any_weights,
    }[kind]


def probabilities(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Draw probabilities: a third each of ordinary size, close to 0, and close to 1."""
    small = rng.random(shape) * 2.0 ** rng.integers(-HALF_TINY[dtype], -1, shape)
    least = 1 - 2.0 ** -rng.integers(1, significant_bits(dtype), shape)
    return np.choose(rng.integers(0, 3, shape), [rng.random(shape), small, least])


def _bits(dtype: str, terms: int) -> int:
    """Count the bits of integers the squares of whose differences, and their sum, are exact."""
    return (significant_bits(dtype) - SPARE_BITS - math.ceil(math.log2(max(terms, 1)))) // 2 - 1


# Bounds


def added(own: int) -> Rule:
    """Bound a value, and a sum or a mean of values of one sign, relative to itself.

    Parameters
    ----------
    own : int
        Roundings of one value, with those of reading a parameter and of the division by a count.

    Returns
    -------
    callable
        The rule.
    """

    def terms(question: Question, quantity: str) -> tuple[Any, Any]:
        return own + _summands(question, quantity), np.abs(question.truth[quantity])

    return cancelling(terms)


def _summands(question: Question, quantity: str) -> int:
    """Count the values that one element of a result adds up."""
    whole = quantity == "forward" and question.case.parameters.get("reduction") != "none"
    return next(iter(question.arrays().values())).size if whole else 0


def two_outcomes(question: Question, quantity: str) -> tuple[Any, Any]:
    """Measure J9 and J11 by their two terms, and losses by themselves.

    Roundings: e**-|x| and log1p, or two logarithms, and the arithmetic between them.
    """
    if quantity == "forward":
        return 2 * ELEMENTARY + 4 + _summands(question, quantity), np.abs(question.truth[quantity])
    x, t = question.arrays()["prediction"], question.arrays()["target"]
    with np.errstate(all="ignore"):
        if "logits" in question.case.function:
            for_0, for_1 = (1 - t) / (1 + np.exp(-x)), t / (1 + np.exp(x))
        else:
            for_0, for_1 = np.where(t < 1, (1 - t) / (1 - x), 0), np.where(t > 0, t / x, 0)
    return ELEMENTARY + 8, incoming(question, for_0 + for_1)


def categories(question: Question, quantity: str) -> tuple[Any, Any]:
    """Measure J12 by terms that have either sign, as predictions may be above 1."""
    if quantity != "forward":
        return 4, np.abs(question.truth[quantity])
    x, t = question.arrays()["prediction"], question.arrays()["target"]
    with np.errstate(all="ignore"):
        values = np.where(t > 0, t * np.abs(np.log(x)), 0).sum(1)
    return ELEMENTARY + 4 + _summands(question, quantity), _reduced(question, values)


def logits(question: Question, quantity: str) -> tuple[Any, Any]:
    """Measure J14 and J15 by their terms, and by what the rounding of x - m moves.

    An error of u |d| of the exponent d = x_j - m is one of u |d| relative to e**d, and so of
    u p_j |d| in the logarithm of the sum: it counts where the largest logits nearly tie, and not
    where one of them is far above the others, though there it takes digits of a small gradient.
    """
    x, t = question.arrays()["prediction"], question.arrays()["target"]
    with np.errstate(all="ignore"):
        d = x - x.max(1, keepdims=True, initial=-np.inf)
        e = np.exp(d)
        p = e / e.sum(1, keepdims=True)
        moved = np.where(p > 0, p * -d, 0)
    roundings = 2 * (ELEMENTARY + x.shape[1] + 2)
    if quantity == "forward":
        values = t.sum(1) * moved.sum(1)
        magnitude = _reduced(question, values) + np.abs(question.truth[quantity])
        return roundings + _summands(question, quantity), magnitude
    terms = p * _others(t) + t * _others(p)
    through_own = moved * _others(t) + t * _others(moved)
    through_sum = terms * moved.sum(1, keepdims=True)
    return roundings, incoming(question, terms + through_own + through_sum)


def _others(values: Array) -> Array:
    """Add up all elements of a line but each, without a difference."""
    rest = [np.delete(values, k, 1).sum(1) for k in range(values.shape[1])]
    return np.stack(rest, 1)


def incoming(question: Question, slopes: Array) -> Array:
    """Multiply slopes by the size of the incoming gradient, and divide by the count."""
    given: Any = question.case.parameters.get("grad_loss")
    gradient = np.abs(question.arrays()["grad_loss"] if given is None else given)
    if gradient.ndim == slopes.ndim - 1:  # one for every line
        gradient = np.expand_dims(gradient, 1)
    return slopes * gradient / _count(question, slopes)


def _reduced(question: Question, values: Array) -> Any:
    reduction = question.case.parameters["reduction"]
    if reduction == "none":
        return values
    return values.sum() / max(values.size, 1) if reduction == "mean" else values.sum()


def _count(question: Question, slopes: Array) -> int:
    if question.case.parameters["reduction"] != "mean":
        return 1
    along = question.case.op in ("categorical_cross_entropy", "softmax_cross_entropy")
    return max(slopes.size // (slopes.shape[1] if along else 1), 1)


# Records


def _loss(
    name: str, cases: Callable[..., Any], margin: Rule, flags: dict[str, tuple[Any, ...]]
) -> Operator:
    return Operator(name, cases, margin, gradients=("prediction",), tier=Exact, flags=flags)


EXACTLY = {"reduction": ("sum", "none")}  # the mean of integers is exact at times
ANY = {"reduction": REDUCTIONS}

OPERATORS = (
    _loss("mse", of_distances, added(6), EXACTLY),
    _loss("mae", of_distances, added(6), EXACTLY),
    _loss("huber", of_distances, added(10), {"delta": DELTAS, **EXACTLY}),
    _loss("binary_cross_entropy", of_two_outcomes, cancelling(two_outcomes), ANY),
    _loss("binary_cross_entropy_with_logits", of_two_outcomes, cancelling(two_outcomes), ANY),
    _loss("categorical_cross_entropy", of_categories, cancelling(categories), ANY),
    _loss("softmax_cross_entropy", of_categories, cancelling(logits), ANY),
    *(
        Operator(name, of_weights, added(5), gradients=("weight",), tier=Exact)
        for name in ("l1_penalty", "l2_penalty")
    ),
)
