"""How far a result may lie from the truth, by the kind of the operator.

Each rule takes a question (a case and its truth) and the name of a quantity.

- `selected`: results are operands, moved; nothing is rounded.
- `summed`: results are sums of products, bounded by R1 of `deconv_ref.conformance.bounds`.
- `collected`: results are operands, moved; gradients are sums of what comes back.
- `within`: results are smooth functions, right to a few units in the last place of the true value,
  in the tails too, however small it is.
- `cancelling`: results are sums of rounded terms that may be much larger than they are.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.floating import finfo
from deconv_ref.conformance.halves import nonzero

if TYPE_CHECKING:
    from deconv_ref.conformance.truth import Question

__all__ = ["Margin", "Rule", "along", "cancelling", "collected", "selected", "summed", "within"]

Array = NDArray[Any]
Rule = Callable[["Question", str], "Margin"]


@dataclass(frozen=True, slots=True)
class Margin:
    """How far each element of a result may lie from the truth.

    Attributes
    ----------
    allowed : array of float64
        The proven bound.
    products : array or float
        What the unit roundoff of products of a lower precision would multiply; 0 if there are none.
    transform : callable
        Works out what an algorithm by fast transforms, which mix all the values of an image, may be
        off by; 0 if there is none.
    zeros : callable
        Names zeros that an algorithm may put where the equations have no product, each with the
        elements that are NaN if these are multiplied, since an operand is not finite: of one after
        the other there are more.
    """

    allowed: Array
    products: Array | float = 0.0
    transform: Callable[[], Array | float] = float
    zeros: Callable[[], Iterable[tuple[str, NDArray[np.bool_]]]] = tuple


def selected(question: "Question", quantity: str) -> Margin:
    """Allow nothing."""
    return Margin(np.zeros(question.truth[quantity].shape))


def summed(question: "Question", quantity: str) -> Margin:
    """Bound a sum of products by R1, its terms counted and measured by the operator itself.

    On absolute values the operator gives the magnitude of the sum, and on ones for what is not 0
    the number of terms: it is linear in each operand, with no negative factors of its own.
    """
    (terms, magnitude), dtype = _counted(question, quantity), question.case.dtype
    lost = terms * float(finfo(dtype).tiny)  # where partial sums that are subnormal count as 0
    allowed = bounds.rounding_bound(terms, magnitude, dtype) + lost
    finite = np.isfinite(question.truth[quantity])  # an infinity is right or wrong
    return Margin(np.where(finite, allowed, 0.0), np.where(finite, magnitude, 0.0))


def within(ulps: "float | Callable[[Question, str], Array]") -> Rule:
    """Allow so many units in the last place of the true value, or ``ulps(question, quantity)``."""

    def rule(question: "Question", quantity: str) -> Margin:
        number = ulps(question, quantity) if callable(ulps) else ulps
        truth, dtype = np.abs(question.truth[quantity]), question.case.dtype
        allowed = number * bounds.spacing(truth, dtype) + _underflow(question)
        return Margin(allowed)

    return rule


def cancelling(terms: Callable[["Question", str], tuple[Any, Any]]) -> Rule:
    """Bound a sum by R1; ``terms(question, quantity)`` gives the roundings and the magnitude."""

    def rule(question: "Question", quantity: str) -> Margin:
        roundings, magnitude = terms(question, quantity)
        shape = question.truth[quantity].shape
        magnitude = np.broadcast_to(np.asarray(magnitude, np.float64), shape)
        roundings = np.broadcast_to(np.asarray(roundings, np.float64), shape)
        allowed = bounds.rounding_bound(roundings, magnitude, question.case.dtype)
        finite = np.isfinite(question.truth[quantity])  # an infinity is right or wrong
        return Margin(np.where(finite, allowed + _underflow(question), 0.0))

    return rule


def collected(question: "Question", quantity: str) -> Margin:
    """Allow nothing of the forward function, and bound by R1 what its gradient adds up."""
    forward = question.case.function == question.case.op
    return selected(question, quantity) if forward else _added(question, quantity)


def _counted(question: "Question", quantity: str) -> tuple[Any, Any]:
    """Count and measure terms as `summed` does."""
    return question.mapped(nonzero)[quantity], question.mapped(np.abs)[quantity]


_added = cancelling(_counted)


def along(values: Array, matrices: list[Array]) -> Array:
    """Multiply each spatial axis by its matrix."""
    for axis, matrix in enumerate(matrices, 2):
        values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
    return values


def _underflow(question: "Question") -> float:
    """Measure what is lost where subnormal numbers, of a result or on the way, count as 0.

    What is lost on the way may be multiplied by every operand and parameter yet.
    """
    case = question.case
    numbers = [p for p in case.parameters.values() if isinstance(p, float)]
    factors: list[Any] = [*case.arrays().values(), *numbers]
    sizes = [np.abs(factor) for factor in factors]
    largest = (float(np.max(size[np.isfinite(size)], initial=1.0)) for size in sizes)
    return math.prod(largest) * float(finfo(case.dtype).tiny)
