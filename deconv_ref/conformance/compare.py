"""Compare what a target gave for a case with the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.floating import doubled, finfo, is_floating, rounded
from deconv_ref.conformance.margins import Margin
from deconv_ref.conformance.truth import Question
from deconv_ref.conformance.worker import Answer, Excuse

__all__ = ["Finding", "Verdict", "compare", "errors", "excused", "no_results"]

Array = NDArray[Any]


class Verdict(IntEnum):
    """What can be said of a target's quantity; of several the greatest counts."""

    ABSENT = 0
    CONFORMS = 1
    REFUSES = 2
    INEXACT = 3
    WRONG = 4
    CRASHES = 5

    def __str__(self) -> str:
        """Spell the verdict as the contract does."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one case showed of one quantity.

    Attributes
    ----------
    verdict : Verdict
        Of the case alone.
    reason : str
        Why, in one line.
    expected, got : array or None
        The truth in the dtype that was asked for, and what came.
    truth, tolerance : array or None
        The truth before it was rounded to that dtype, and how far from it the result may be; None
        where they have to be equal.
    excuse : str
        What the reason of `Verdict.INEXACT` begins with.
    rank : int
        Of the excuse: those of a lower rank explain the case not, and so not all cases.
    ulp, of_bound : float
        Largest error in units in the last place of the truth, and as a part of what is allowed.
    differences : tuple of str
        The documented differences but for which the verdict would be worse.
    changes : tuple of str
        Settings of the whole process that the call changed.
    element : tuple of int or None
        Index of the first element that is wrong, where values are.
    before : tuple of Case
        The calls before this one, the last one first, where something is wrong.
    """

    verdict: Verdict
    reason: str = ""
    expected: Array | None = None
    got: Array | None = None
    truth: Array | None = None
    tolerance: Array | None = None
    excuse: str = ""
    rank: int = 0
    ulp: float = 0.0
    of_bound: float = 0.0
    differences: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    element: tuple[int, ...] | None = None
    before: tuple[Case, ...] = ()


def no_results(question: Question, verdict: Verdict, reason: str) -> dict[str, Finding]:
    """Say of every quantity that there is none, and what it would have been right to give."""
    case, findings = question.case, {}
    for quantity, truth in question.truth.items():
        finding = Finding(verdict, reason, _in_dtype(case, truth))
        if not case.exact:
            finding = replace(finding, truth=truth, tolerance=_bound(question, quantity))
        findings[quantity] = finding
    return findings


def compare(question: Question, answer: Answer) -> dict[str, Finding]:
    """Compare an answer with the truth.

    Parameters
    ----------
    question : Question
        What was asked.
    answer : Answer
        Results.

    Returns
    -------
    dict of Finding
        By quantity. Of a forward call, results beyond the first may be left out.
    """
    quantities = list(question.truth)
    results: tuple[Any, ...] = answer.results
    forward = question.case.function == question.case.op
    if forward and len(results) == 1:
        results += (None,) * (len(quantities) - 1)
    if len(results) != len(quantities):
        results = (f"{len(results)} results, not {len(quantities)}",) * len(quantities)
    findings = {}
    for place, (quantity, got) in enumerate(zip(quantities, results, strict=True)):
        if got is not None or place == 0 or not forward:
            findings[quantity] = _judge(question, quantity, got, answer.harm)
    return findings


def excused(
    question: Question, findings: dict[str, Finding], excuses: Sequence[Excuse]
) -> dict[str, Finding]:
    """Take back what is wrong, or refused, but for documented differences of the target.

    Parameters
    ----------
    question : Question
        What was asked.
    findings : dict of Finding
        By quantity.
    excuses : sequence of Excuse
        What the target does otherwise by design in this case.

    Returns
    -------
    dict of Finding
        By quantity.
    """
    judged = {}
    for quantity, finding in findings.items():
        applying = [e for e in excuses if e.quantity in (None, quantity)]
        reasons = tuple(e.reason for e in applying if np.any(np.asarray(e.allowance) > 0))
        if reasons and _is_excused(_asked_for(question, quantity), finding, applying):
            finding = Finding(Verdict.CONFORMS, differences=reasons)
        elif finding.verdict is Verdict.WRONG and finding.element is not None:
            finding = _besides(question, quantity, finding, applying)
        judged[quantity] = finding
    return judged


def _besides(
    question: Question, quantity: str, finding: Finding, excuses: Sequence[Excuse]
) -> Finding:
    """Judge what is wrong by those elements alone for which not any value goes."""
    got, expected = finding.got, finding.expected
    assert got is not None and expected is not None
    applying = [excuse for excuse in excuses if np.any(np.isinf(excuse.allowance))]
    if not applying:
        return finding
    any_goes = sum(np.isinf(excuse.allowance) for excuse in applying) > 0
    judged = _weigh(question, quantity, np.where(any_goes, expected, got), expected)
    better = judged.verdict < finding.verdict
    reasons = tuple(excuse.reason for excuse in applying) if better else ()
    return replace(judged, got=got, differences=reasons)


def _judge(question: Question, quantity: str, got: Any, harm: str | None) -> Finding:
    case, truth = question.case, question.truth[quantity]
    expected = _in_dtype(case, truth)
    if got is None or isinstance(got, str):
        what = "a NoneType" if got is None else got
        return Finding(Verdict.WRONG, f"gave {what}, not an array", expected)
    if got.shape != expected.shape:
        reason = f"shape {got.shape} where the equations give {expected.shape}"
        return Finding(Verdict.WRONG, reason, expected, got)
    if got.dtype != expected.dtype:
        reason = f"dtype {got.dtype} where the contract has {expected.dtype}"
        return Finding(Verdict.WRONG, reason, expected, got)
    if harm is not None:
        return Finding(Verdict.WRONG, f"writes to its operand {harm}", expected, got)
    if case.exact and np.array_equal(got, expected, equal_nan=is_floating(expected.dtype)):
        return Finding(Verdict.CONFORMS)
    return _weigh(question, quantity, got, expected)


def _in_dtype(case: Case, truth: Array) -> Array:
    return rounded(truth, case.dtype) if truth.dtype.kind == "f" else truth


def _asked_for(question: Question, quantity: str) -> Array:
    """Give what a result is compared with: the truth, in an exact case as the dtype has it."""
    truth = question.truth[quantity]
    return doubled(_in_dtype(question.case, truth)) if question.case.exact else truth


def _weigh(question: Question, quantity: str, got: Array, expected: Array) -> Finding:
    """Judge values that differ, or may differ, from the truth by rounding."""
    case, truth = question.case, _asked_for(question, quantity)
    margin, bound = question.margin(quantity), _bound(question, quantity)
    error = errors(got, expected, truth, bound)
    allowed = np.zeros_like(bound) if case.exact else bound
    with np.errstate(all="ignore"):
        spacing = bounds.spacing(np.abs(truth), case.dtype)
        finding = Finding(
            Verdict.CONFORMS,
            expected=expected,
            got=got,
            truth=None if case.exact else truth,
            tolerance=None if case.exact else allowed,
            ulp=float(np.fmax.reduce(error / spacing, None, initial=0.0)),  # 0 of 0 is no number
            of_bound=float(np.fmax.reduce(error / bound, None, initial=0.0)),
        )
    if np.all(error <= allowed):
        return finding
    off = error > allowed
    finding = replace(finding, element=tuple(int(i) for i in np.argwhere(off)[0]))
    where = _where(off, finding)
    limits = _excuses(case.dtype, margin, allowed, np.isnan(got))
    for rank, (lower, limit) in enumerate(limits):
        if np.all((error == 0) | (error <= limit)):
            excuse = f"as from {lower}: "
            finding = replace(finding, excuse=excuse, rank=rank)
            return replace(finding, verdict=Verdict.INEXACT, reason=excuse + where)
    return replace(finding, verdict=Verdict.WRONG, reason=where)


def _bound(question: Question, quantity: str) -> Array:
    allowed = question.margin(quantity).allowed
    return np.where(np.isnan(allowed), 0.0, allowed)


def errors(got: Array, expected: Array, truth: Array, bound: Array) -> Array:
    """Measure distances from the truth: 0 between equals, NaN and infinities too."""
    with np.errstate(invalid="ignore", over="ignore"):
        doubles = got.astype(np.float64)
        error = np.abs(doubles - truth)
        if np.isfinite(error).all():  # and so are both
            return error
        same = (doubles == truth) | (np.isnan(doubles) & np.isnan(truth))
        if is_floating(expected.dtype):  # what rounds beyond the largest number is infinite
            largest = float(finfo(expected.dtype).max)
            same |= (
                np.isinf(got) & (np.sign(got) == np.sign(truth)) & (np.abs(truth) + bound > largest)
            )
    return np.where(same, 0.0, np.where(np.isfinite(error), error, np.inf))


def _where(off: Array, finding: Finding) -> str:
    first, expected, got = finding.element, finding.expected, finding.got
    assert first is not None and expected is not None and got is not None
    return (
        f"{np.count_nonzero(off)} of {off.size} elements differ, first at {first}: "
        f"expected {expected[first]}, got {got[first]}"
    )


def _excuses(
    dtype: np.dtype[Any], margin: Margin, allowed: Array, nan: NDArray[np.bool_]
) -> Iterator[tuple[str, Array]]:
    """Name ways of computing that are not quite the equations', with what they may be off by."""
    spread = np.zeros_like(nan)
    for zeros, elements in margin.zeros():
        spread = nan & elements
        yield f"NaN or infinity times zeros {zeros}", np.where(spread, np.inf, allowed)
    for precision, limit in _lower_precisions(dtype, margin):
        yield precision, np.where(spread, np.inf, limit)


def _lower_precisions(dtype: np.dtype[Any], margin: Margin) -> Iterator[tuple[str, Array | float]]:
    single = bounds.unit_roundoff(np.float32)
    coarser = single / bounds.unit_roundoff(dtype)
    in_single = margin.allowed * coarser + 3 * single * margin.products
    yield "float32 arithmetic", in_single if dtype == np.float64 else 0.0  # which explains nothing
    yield "a fast algorithm, such as Winograd's or an FFT", margin.transform()
    for precision in bounds.LOWER_PRECISIONS:
        if precision.roundoff <= bounds.unit_roundoff(dtype):
            continue
        # Two rounded factors and a rounded result.
        yield precision.name, margin.allowed + 3 * precision.roundoff * margin.products


def _is_excused(truth: Array, finding: Finding, excuses: Sequence[Excuse]) -> bool:
    if finding.verdict is Verdict.REFUSES:
        return any(np.ndim(e.allowance) == 0 and np.isinf(e.allowance) for e in excuses)
    got, expected = finding.got, finding.expected
    if got is None or expected is None or finding.verdict not in (Verdict.WRONG, Verdict.INEXACT):
        return False
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    tolerance = np.zeros(got.shape) if finding.tolerance is None else finding.tolerance
    for excuse in excuses:
        tolerance = tolerance + excuse.allowance
    return bool(np.all(errors(got, expected, truth, tolerance) <= tolerance))
