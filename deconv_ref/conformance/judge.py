"""Compare a target's answer with the truth, and shrink what is found wrong."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from hypothesis import Phase, reject
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.search import search, simpler
from deconv_ref.conformance.truth import OPERATORS, evaluate, forward_of
from deconv_ref.conformance.worker import Answer, DiedError, Worker

__all__ = ["Finding", "Judge", "Tally", "Verdict"]

SHRINK_SECONDS = 20.0
REFUSAL_SECONDS = 3.0  # its message says more than the smallest case would
SHRINK_DEATHS = 6
WAVERS = "; not so in a fresh process: the result depends on what ran before"
HARMED = "; a fresh process survives this case, so one before it did the harm"
FAST_ALGORITHM = 2.0**6  # roundoffs of the largest magnitude: transforms mix a whole tile's values

Arrays = dict[str, NDArray[Any]]
Known = dict[Any, dict[str, "Verdict"]]  # verdicts by quantity, by Case.key()


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


BY_CALL = (Verdict.REFUSES, Verdict.CRASHES)  # these befall all quantities of a call at once


@dataclass(frozen=True, slots=True)
class Finding:
    """What one case showed of one quantity."""

    verdict: Verdict
    reason: str = ""
    expected: NDArray[Any] | None = None
    got: NDArray[Any] | None = None
    tolerance: NDArray[Any] | None = None
    ulp: float = 0.0
    of_bound: float = 0.0


@dataclass(slots=True)
class Tally:
    """All that the cases showed of one quantity.

    Attributes
    ----------
    cases, exact : int
        Cases judged, and those of them that had to be right to the bit.
    seen : Counter of Verdict
        How often each verdict was found.
    worst : dict of Verdict to (Case, Finding)
        The smallest case for each verdict but conformity.
    ulp, of_bound : float
        Largest error in units in the last place of the right value, and as a part of the proven
        bound, on cases found to conform.
    excused : bool
        Whether `Verdict.INEXACT` is an excuse. A lower precision or a fast algorithm shows in
        ordinary cases too: where it would explain those of the widest integers alone, it does not.
    """

    cases: int = 0
    exact: int = 0
    seen: Counter[Verdict] = field(default_factory=Counter)
    worst: dict[Verdict, tuple[Case, Finding]] = field(default_factory=dict)
    ulp: float = 0.0
    of_bound: float = 0.0
    excused: bool = True
    _ordinary_inexact: bool = False

    def add(self, case: Case, finding: Finding) -> None:
        """Count a case."""
        self.cases += 1
        self.exact += case.exact
        self.seen[finding.verdict] += 1
        if finding.verdict is Verdict.CONFORMS:
            self.ulp = max(self.ulp, finding.ulp)
            self.of_bound = max(self.of_bound, finding.of_bound)
        if finding.verdict is Verdict.INEXACT:
            self._ordinary_inexact |= not case.wide
        self.keep_smaller(case, finding)

    def settle(self) -> None:
        """Decide, once all cases were seen, whether those found inexact are wrong."""
        self.excused = self._ordinary_inexact
        inexact = self.worst.pop(Verdict.INEXACT, None) if not self.excused else None
        if inexact:
            self.seen[Verdict.WRONG] += self.seen.pop(Verdict.INEXACT)
            self.keep_smaller(*inexact)

    def ruling(self, verdict: Verdict) -> Verdict:
        """Say what a case's verdict means for this quantity."""
        return Verdict.WRONG if verdict is Verdict.INEXACT and not self.excused else verdict

    def keep_smaller(self, case: Case, finding: Finding) -> None:
        """Remember a case if it is the smallest of its verdict."""
        verdict = self.ruling(finding.verdict)
        kept = self.worst.get(verdict)
        if verdict > Verdict.CONFORMS and (not kept or case.size() < kept[0].size()):
            self.worst[verdict] = case, finding

    @property
    def verdict(self) -> Verdict:
        """The worst that was seen."""
        return max(self.seen, default=Verdict.ABSENT)


class Judge:
    """Judges one target."""

    def __init__(self, worker: Worker, cases: int, seed: int, dtypes: tuple[str, ...]) -> None:
        self.worker = worker
        self.cases = cases
        self.seed = seed
        self.dtypes = dtypes

    def judge(
        self, op: str, function: str, progress: Callable[[int], None]
    ) -> tuple[dict[str, Tally], Counter[str]]:
        """Draw and judge cases of one function, then shrink what was found.

        Parameters
        ----------
        op : str
            Operator's forward name.
        function : str
            The function to call: ``op`` or ``<op>_backward``.
        progress : callable
            Told the number of cases done after each.

        Returns
        -------
        tallies : dict of Tally
            By quantity.
        unsupported : Counter of str
            How often the target declined what was drawn, by its reason.
        """
        strategy = OPERATORS[op].cases(op, self.dtypes, function != op)
        tallies = {quantity: Tally() for quantity in OPERATORS[op].functions()[function]}
        unsupported: Counter[str] = Counter()
        known: Known = {}
        done = 0
        finished = harmed = False

        def visit(case: Case) -> bool:
            nonlocal done, finished, harmed
            if finished:  # Hypothesis asks once more for what it found
                return True
            reason = self._unsupported(case)
            if reason is not None:
                unsupported[reason] += 1
                reject()
            findings = self.findings(case)
            crashed = _crashed(findings)
            if crashed and not _crashed(self.findings(case)):  # once more, in a fresh process
                harmed = True
                findings = {q: replace(f, reason=f.reason + HARMED) for q, f in findings.items()}
            known[case.key()] = {q: finding.verdict for q, finding in findings.items()}
            for quantity, finding in findings.items():
                tallies[quantity].add(case, finding)
            done += 1
            progress(done)
            finished = crashed or done == self.cases
            return finished

        search(strategy, visit, self.cases, self.seed, [Phase.generate])
        shrunk = {Verdict.CRASHES} if harmed else set()
        for quantity, tally in tallies.items():
            tally.settle()
            if tally.verdict > Verdict.CONFORMS and tally.verdict not in shrunk:
                self._shrink(strategy, quantity, tallies, known)
                if tally.verdict in BY_CALL:
                    shrunk.add(tally.verdict)
        self._confirm([t for t in tallies.items() if t[1].verdict is Verdict.WRONG])
        return tallies, unsupported

    def _confirm(self, wrong: list[tuple[str, Tally]]) -> None:
        """Ask again in a fresh process, and say so where a counterexample comes out right there."""
        if wrong:
            self.worker.stop()
        for quantity, tally in wrong:
            case, finding = tally.worst[Verdict.WRONG]
            if tally.ruling(self.findings(case)[quantity].verdict) is not Verdict.WRONG:
                finding = replace(finding, reason=finding.reason + WAVERS)
                tally.worst[Verdict.WRONG] = case, finding

    def findings(self, case: Case) -> dict[str, Finding]:
        """Judge every quantity that one call gives."""
        try:
            answer = self.worker.call(case)
        except DiedError as error:
            return _no_results(case, Verdict.CRASHES, str(error))
        if answer.error is not None:
            return _no_results(case, Verdict.REFUSES, answer.error)
        return compare(case, answer)

    def _unsupported(self, case: Case) -> str | None:
        try:
            return self.worker.unsupported(case.op, case.parameters)
        except DiedError:
            return None  # the case itself will show it

    def _shrink(
        self,
        strategy: SearchStrategy[Case],
        quantity: str,
        tallies: dict[str, Tally],
        known: Known,
    ) -> None:
        """Look for a smaller case of a tally's verdict: parameters first, then values."""
        tally = tallies[quantity]
        verdict = tally.verdict
        deadline = time.monotonic() + (
            REFUSAL_SECONDS if verdict is Verdict.REFUSES else SHRINK_SECONDS
        )
        deaths = 0

        def fails(case: Case) -> bool:
            # Hypothesis asks again, and must hear the same, when time is up or a target wavers.
            nonlocal deaths
            key = case.key()
            if key not in known:
                known[key] = {}
                spent = time.monotonic() > deadline or deaths > SHRINK_DEATHS
                if spent or self._unsupported(case) is not None:
                    return False
                findings = self.findings(case)
                known[key] = {q: finding.verdict for q, finding in findings.items()}
                deaths += findings[quantity].verdict is Verdict.CRASHES
                for q, finding in findings.items():
                    tallies[q].keep_smaller(case, finding)
            return tally.ruling(known[key].get(quantity, Verdict.ABSENT)) is verdict

        search(strategy, fails, self.cases, self.seed, [Phase.generate, Phase.shrink])
        simplified = True
        while simplified and time.monotonic() < deadline:
            smallest, _ = tally.worst[verdict]
            simplified = any(fails(case) for case in simpler(smallest))


def _crashed(findings: dict[str, Finding]) -> bool:
    return any(finding.verdict is Verdict.CRASHES for finding in findings.values())


def _no_results(case: Case, verdict: Verdict, reason: str) -> dict[str, Finding]:
    truth = evaluate(case, case.arrays())
    return {q: Finding(verdict, reason, truth[q].astype(case.dtype)) for q in truth}


def compare(case: Case, answer: Answer) -> dict[str, Finding]:
    """Compare what a target gave for a case with what its equations give."""
    operator = OPERATORS[case.op]
    quantities = operator.functions()[case.function]
    truth = evaluate(case, case.arrays())
    _check_identity(case, truth)
    if len(answer.results) != len(quantities):
        reason = f"gave {len(answer.results)} results, not {len(quantities)}"
        results: tuple[Any, ...] = (reason,) * len(quantities)
    else:
        results = answer.results
    magnitude: Arrays | None = None
    findings = {}
    for quantity, got in zip(quantities, results, strict=True):
        expected = truth[quantity]
        if isinstance(got, str) or got.shape != expected.shape or got.dtype != case.dtype:
            findings[quantity] = _misshapen(case, got, expected)
        elif answer.harm is not None:
            reason = f"writes to its operand {answer.harm}"
            findings[quantity] = Finding(Verdict.WRONG, reason, expected.astype(case.dtype), got)
        elif case.exact and np.array_equal(got, expected):
            findings[quantity] = Finding(Verdict.CONFORMS)
        else:
            magnitude = magnitude or evaluate(case, _map(np.abs, case))
            findings[quantity] = _weigh(case, quantity, got, expected, magnitude[quantity])
    return findings


def _check_identity(case: Case, truth: Arrays) -> None:
    """Judge the truth itself, on exact cases, by an identity that ties gradients to forward."""
    if case.exact and case.function != case.op:
        forward = evaluate(forward_of(case), forward_of(case).arrays())["forward"]
        if not OPERATORS[case.op].identity(case.arrays(), forward, truth):
            raise AssertionError(f"deconv_ref is wrong itself: <Ax, y> != <x, A'y> for {case}")


def _misshapen(case: Case, got: NDArray[Any] | str, expected: NDArray[Any]) -> Finding:
    expected = expected.astype(case.dtype)
    if isinstance(got, str):
        return Finding(Verdict.WRONG, f"gave {got}, not an array", expected)
    if got.shape != expected.shape:
        reason = f"shape {got.shape} where the equations give {expected.shape}"
    else:
        reason = f"dtype {got.dtype} for operands of {case.dtype}"
    return Finding(Verdict.WRONG, reason, expected, got)


def _weigh(
    case: Case, quantity: str, got: NDArray[Any], expected: NDArray[Any], magnitude: NDArray[Any]
) -> Finding:
    """Judge values that differ, or may differ, from the truth by rounding."""
    terms = evaluate(case, _map(np.ones_like, case))[quantity]
    bound = bounds.rounding_bound(terms, magnitude, case.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(got.astype(np.float64) - expected)
        error[np.isnan(error)] = np.inf  # the truth is finite
        off = float(np.max(bounds.ulps(got, expected, case.dtype), initial=0.0))
    allowed = np.zeros_like(bound) if case.exact else bound
    finding = Finding(
        Verdict.CONFORMS,
        expected=expected.astype(case.dtype),
        got=got,
        tolerance=None if case.exact else allowed,
        ulp=off,
        of_bound=_ratio(error, bound),
    )
    if np.all(error <= allowed):
        return finding
    first = tuple(int(i) for i in np.argwhere(error > allowed)[0])
    where = (
        f"{np.count_nonzero(error > allowed)} of {error.size} elements differ, first at {first}: "
        f"expected {expected.astype(case.dtype)[first]}, got {got[first]}"
    )
    lower = _lower_precision(case, quantity, error, magnitude, terms)
    if lower is not None:
        return replace(finding, verdict=Verdict.INEXACT, reason=f"as from {lower}: {where}")
    return replace(finding, verdict=Verdict.WRONG, reason=where)


def _lower_precision(
    case: Case,
    quantity: str,
    error: NDArray[Any],
    magnitude: NDArray[Any],
    terms: NDArray[Any],
) -> str | None:
    """Name a way of computing with less precision that would explain the errors."""
    roundoff = bounds.unit_roundoff(case.dtype)
    own = bounds.gamma(terms, roundoff)
    if case.dtype == np.float64:
        single = bounds.gamma(terms + 2, bounds.unit_roundoff(np.float32))
        if np.all(error <= (own + single) * magnitude):
            return "float32 arithmetic"
    # A transform mixes in even the cells that no window sees: only norms bound what it rounds.
    factors = [a for name, a in case.arrays().items() if name not in (quantity, "bias")]
    scale = math.prod(map(np.linalg.norm, factors)) if quantity != "bias" else np.max(magnitude)
    if np.max(error) <= FAST_ALGORITHM * roundoff * scale:
        return "a fast algorithm, such as Winograd's or an FFT"
    for precision in bounds.LOWER_PRECISIONS:
        # Two rounded factors and a rounded result.
        if np.all(error <= (own + 3 * precision.roundoff) * magnitude):
            return precision.name
    return None


def _map(function: Callable[[Any], Any], case: Case) -> Arrays:
    return {name: function(array) for name, array in case.arrays().items()}


def _ratio(error: NDArray[Any], bound: NDArray[Any]) -> float:
    """Return the largest error as a part of its bound, 0 where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmax(np.where(error == 0, 0.0, error / bound), initial=0.0))
