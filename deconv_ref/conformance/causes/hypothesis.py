"""A hypothesis: what would come of a call if it were computed in some other way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, errors
from deconv_ref.conformance.floating import is_floating, rounded
from deconv_ref.conformance.truth import LITERAL, Operator, Question
from deconv_ref.errors import DeconvRefError
from deconv_ref.window import Window

__all__ = [
    *("Hypotheses", "Hypothesis", "Prediction", "Witness", "exactly", "misread", "recalled"),
    "retold",
]

Array = NDArray[Any]


class Prediction(NamedTuple):
    """Values in float64, and how far from them a result in the call's dtype may lie."""

    values: Array
    allowed: Array


@dataclass(frozen=True, slots=True)
class Witness:
    """A case that a target got wrong.

    Attributes
    ----------
    question : Question
        The call and the truth.
    quantity : str
        Which of its results is wrong.
    got : array
        What came.
    before : tuple of Case
        Calls of the same function that went before it, the last one first.
    """

    question: Question
    quantity: str
    got: Array
    before: tuple[Case, ...] = ()

    @classmethod
    def of(cls, operator: Operator, quantity: str, case: Case, finding: Finding) -> "Witness":
        """Make a witness of a case and what was found."""
        assert finding.got is not None
        question = Question(operator, case, operator.evaluate(case))
        return cls(question, quantity, finding.got, finding.before)

    @property
    def case(self) -> Case:
        """The call."""
        return self.question.case

    def truth(self) -> Prediction:
        """Give what is right."""
        return _prediction(self.question, self.quantity)

    def asked(self, case: Case) -> Prediction | None:
        """Give what is right of another call; None if it is not legal."""
        return self._evaluated(self.question.operator, case)

    def misread(self, change: Callable[[Window], Window | None]) -> Prediction | None:
        """Give what comes of the call if the kernels, but not the sizes, have another window."""
        tier = partial(_Misreading, change)
        return self._evaluated(replace(self.question.operator, tier=tier), self.case)

    def _evaluated(self, operator: Operator, case: Case) -> Prediction | None:
        try:
            question = Question(operator, case, operator.evaluate(case))
            return _prediction(question, self.quantity)
        except DeconvRefError:
            return None

    def agrees(self, prediction: Prediction | None) -> bool:
        """Tell whether a prediction is what came."""
        if prediction is None or prediction.values.shape != self.got.shape:
            return False
        values, allowed = prediction
        with np.errstate(all="ignore"):
            came = rounded(values, self.got.dtype)
            if values.dtype.kind != "f" or not is_floating(self.got.dtype):
                return bool(np.array_equal(came, self.got))
            # What is right is rounded once even where nothing is rounded on the way.
            bound = np.nan_to_num(allowed) + bounds.spacing(np.abs(values), self.case.dtype) / 2
        return bool(np.all(errors(self.got, came, values, bound) <= np.nan_to_num(bound)))


class Hypothesis(NamedTuple):
    """A cause in words, and what a witness would show if it were true.

    Where the cause would change nothing that is the truth; None where it cannot be told, for the
    changed call is none that deconv_ref gives a result of.
    """

    text: str
    predict: Callable[[Witness], Prediction | None]


Hypotheses: TypeAlias = Iterator[Hypothesis]


def recalled(text: str, change: Callable[[Case], Case | None]) -> Hypothesis:
    """Suppose that another call was computed; None is the same call."""

    def predict(witness: Witness) -> Prediction | None:
        changed = change(witness.case)
        if changed is None or changed.key() == witness.case.key():
            return witness.truth()
        return witness.asked(changed)

    return Hypothesis(text, predict)


def misread(text: str, change: Callable[[Case, Window], Window | None]) -> Hypothesis:
    """Suppose that a window lay elsewhere, while all sizes are right."""
    return Hypothesis(text, lambda witness: witness.misread(partial(change, witness.case)))


def exactly(values: Array) -> Prediction:
    """Predict values of which nothing is rounded."""
    return Prediction(values, np.zeros(values.shape))


def retold(text: str, change: Callable[[Witness, Array], Array | None]) -> Hypothesis:
    """Suppose that the result was changed, linearly in its elements; None is no change."""

    def predict(witness: Witness) -> Prediction | None:
        truth = witness.truth()
        values = change(witness, truth.values)
        if values is None:
            return truth
        allowed = change(witness, truth.allowed)
        assert allowed is not None
        return Prediction(values, np.abs(allowed))

    return Hypothesis(text, predict)


class _Misreading:
    """The literal kernels of a chapter, with other windows than they are called with."""

    def __init__(self, change: Callable[[Window], Window | None], chapter: str) -> None:
        self._change = change
        self._kernels = LITERAL(chapter)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        kernel = getattr(self._kernels, name)

        def misreading(*arguments: Any) -> Any:
            return kernel(*map(self._changed, arguments))

        return misreading

    def _changed(self, argument: Any) -> Any:
        return (self._change(argument) or argument) if isinstance(argument, Window) else argument


def _prediction(question: Question, quantity: str) -> Prediction:
    with np.errstate(all="ignore"):
        return Prediction(question.truth[quantity], question.margin(quantity).allowed)
