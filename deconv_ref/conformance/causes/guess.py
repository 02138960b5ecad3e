"""Try hypotheses against what a target gave, and say which one explains it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.causes.hypothesis import Hypotheses, Hypothesis, Witness
from deconv_ref.conformance.causes.operands import changed_operands, kept_from_before
from deconv_ref.conformance.causes.parameters import changed_parameters
from deconv_ref.conformance.causes.particular import particular
from deconv_ref.conformance.causes.results import changed_results, scaled_results
from deconv_ref.conformance.compare import Finding
from deconv_ref.conformance.truth import Operator

__all__ = ["Seen", "guess", "hypotheses"]

Seen = tuple[Case, Finding]


class Explained(NamedTuple):
    """A cause in words, and how many of the cases it explains."""

    text: str
    cases: int


def guess(operator: Operator, quantity: str, shrunk: Seen, drawn: Sequence[Seen]) -> str | None:
    """Guess why a quantity is wrong.

    A hypothesis explains a case if it predicts what came, in every element. It counts if nothing
    speaks against it in the counterexample, and it explains most of the failing cases, which are
    larger and lopsided, so that hardly anything is explained by chance.

    Parameters
    ----------
    operator : Operator
        Record of the operator.
    quantity : str
        Which result is wrong.
    shrunk : Seen
        The counterexample and what was found.
    drawn : sequence of Seen
        Other failing cases, as they were drawn.

    Returns
    -------
    str or None
        What the result looks like; None if no hypothesis explains it. With "perhaps" in front if a
        single case was seen, which another hypothesis explains as well.
    """
    counterexample = Witness.of(operator, quantity, *shrunk)
    others = [
        Witness.of(operator, quantity, *seen)
        for seen in sorted(drawn, key=lambda seen: seen[0].size())
        if seen[0] != counterexample.case and seen[1].got is not None
    ]
    explained = [
        Explained(hypothesis.text, _count_explained(hypothesis, counterexample, others))
        for hypothesis in hypotheses(operator, counterexample.case, quantity)
    ]
    best = max(explained, key=lambda e: e.cases)
    looked_at = 1 + len(others)
    if 2 * best.cases <= looked_at:
        return None
    if looked_at == 1 and len({e.text for e in explained if e.cases}) > 1:
        return f"perhaps {best.text}"
    if best.cases < looked_at:
        return f"{best.text} (so in {best.cases} of {looked_at} cases looked at)"
    return best.text


def _count_explained(
    hypothesis: Hypothesis, counterexample: Witness, others: Sequence[Witness]
) -> int:
    """Count the cases that a hypothesis explains; 0 if the counterexample is not one of them.

    Where nothing can be predicted of the counterexample, all the others have to be explained.
    """
    first = _explains(hypothesis, counterexample)
    if first is None:
        return len(others) * all(_explains(hypothesis, witness) for witness in others)
    return 1 + sum(bool(_explains(hypothesis, witness)) for witness in others) if first else 0


def hypotheses(operator: Operator, case: Case, quantity: str) -> Hypotheses:
    """List hypotheses, the plainest first: of those that explain as much the first is told."""
    yield from changed_parameters(operator, case)
    yield from particular(case, quantity)
    yield from scaled_results(case)
    yield from changed_operands(case)
    yield from changed_results(operator, case, quantity)
    yield from kept_from_before(case)


def _explains(hypothesis: Hypothesis, witness: Witness) -> bool | None:
    """Tell whether a hypothesis predicts what came; None if there is nothing to predict."""
    # A changed call may be none that the operator is defined for; no guess may cost a verdict.
    with np.errstate(all="ignore"), suppress(Exception):
        prediction = hypothesis.predict(witness)
        return None if prediction is None else witness.agrees(prediction)
    return False
