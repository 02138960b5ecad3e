"""What a person wants to know of a counterexample: the equation, the element, its taps, a guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.causes import Seen, guess
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.equations import equation
from deconv_ref.conformance.floating import is_numeric
from deconv_ref.conformance.taps import Tap, taps
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["Explanation", "explain", "explanation_lines"]

SHOWN = 12  # taps that are listed in a text; all of them are in the report


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was made out about a counterexample.

    Attributes
    ----------
    guess : str or None
        What the result looks like, if a known cause explains it.
    taps : tuple of Tap
        What feeds the first element that is wrong.
    """

    guess: str | None = None
    taps: tuple[Tap, ...] = ()


def explain(
    operator: Operator, quantity: str, case: Case, finding: Finding, failing: Sequence[Seen]
) -> Explanation:
    """Explain a counterexample.

    Parameters
    ----------
    operator : Operator
        Record of the operator.
    quantity : str
        Which of the call's results is at fault.
    case : Case
        The counterexample.
    finding : Finding
        What was found.
    failing : sequence of (Case, Finding)
        Other cases that failed.

    Returns
    -------
    Explanation
        Empty for what is no array of numbers.
    """
    if finding.got is None or finding.verdict not in (Verdict.WRONG, Verdict.INEXACT):
        return Explanation()
    question = Question(operator, case, operator.evaluate(case))
    element = finding.element
    fed = () if element is None else taps(question, quantity, element)
    wrong = finding.verdict is Verdict.WRONG and is_numeric(finding.got.dtype)
    told = guess(operator, quantity, (case, finding), failing) if wrong else None
    return Explanation(told, fed)


def explanation_lines(
    case: Case, quantity: str, finding: Finding, explanation: Explanation
) -> list[str]:
    """Tell the equation, the element that is wrong, what feeds it, and the guess, a line each."""
    told = [("equation", equation(case, quantity))]
    if finding.element is not None:
        assert finding.expected is not None and finding.got is not None
        right, came = finding.expected[finding.element], finding.got[finding.element]
        name = f"{quantity}{_index(finding.element)}"
        told.append(("wrong", f"{name}: expected {right}, got {came}"))
    told += [
        ("fed by" if n == 0 else "", line)
        for n, line in enumerate(_tap_lines(case, explanation.taps))
    ]
    if explanation.guess:
        told.append(("guess", explanation.guess))
    return [f"{label:8} {text}" for label, text in told]


def _tap_lines(case: Case, fed: Sequence[Tap]) -> list[str]:
    arrays = case.arrays()
    if fed and fed[0].coefficient is None:  # no products: the cells are enough, on one line
        cells = [
            f"{name}{_index(at)} = {arrays[name][at]}"
            for tap in fed
            for name, at in tap.cells.items()
        ]
        more = [f"and {len(cells) - SHOWN} more"] if len(cells) > SHOWN else []
        return [", ".join([*cells[:SHOWN], *more])]
    lines = [_product(arrays, tap) for tap in fed[:SHOWN]]
    return lines + ([f"and {len(fed) - SHOWN} more"] if len(fed) > SHOWN else [])


def _product(arrays: Mapping[str, Any], tap: Tap) -> str:
    names = [f"{name}{_index(at)}" for name, at in tap.cells.items()]
    values = [str(arrays[name][at]) for name, at in tap.cells.items()]
    if tap.coefficient != 1:
        names.append(f"{tap.coefficient:g}")
        values.append(f"{tap.coefficient:g}")
    if len(values) == 1:
        return f"{names[0]} = {values[0]}"
    return f"{' · '.join(names)} = {' · '.join(values)} = {tap.product:g}"


def _index(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]" if at else ""
