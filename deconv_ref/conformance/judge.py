"""Compare a target's answer with the truth, and shrink what is found wrong."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from hypothesis import Phase, reject

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict, compare, excused, no_results
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.search import Draws, search, sibling, simpler
from deconv_ref.conformance.truth import Question
from deconv_ref.conformance.worker import DiedError, Worker
from deconv_ref.errors import DeconvRefError

__all__ = ["Judge", "Tally", "ask"]

SHRINK_SECONDS = 20.0
REFUSAL_SECONDS = 3.0  # its message says more than the smallest case would
SHRINK_DEATHS = 6
WAVERS = "; not so in a fresh process: the result depends on what ran before"
TRUTHS = 2**14  # cases of a run whose truth is kept
DRAWS = 2**7  # functions whose cases are kept
TWICE = 4  # one case of so many is asked again with a flag changed
HARMED = "; a fresh process survives this case, so one before it did the harm"
FAST_ALGORITHM = 2.0**6  # roundoffs of the largest magnitude: transforms mix a whole tile's values

Known = dict[Any, dict[str, "Verdict"]]  # verdicts by quantity, by Case.key()


BY_CALL = (Verdict.REFUSES, Verdict.CRASHES)  # these befall all quantities of a call at once


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
    differences : Counter of str
        How often a documented difference kept a case from being found wrong.
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
    differences: Counter[str] = field(default_factory=Counter)
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
        self.differences.update(finding.differences)
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


@lru_cache(TRUTHS)
def ask(case: Case) -> Question:
    """Evaluate the truth, and judge it in turn by an identity, if the operator has one.

    Targets are asked the same: what was evaluated for one is kept for the others.

    Raises
    ------
    DeconvRefError
        If the case is no legal call.
    """
    operator = OPERATORS[case.op]
    question = Question(operator, case, operator.evaluate(case))
    identity = operator.identity if case.exact and case.function != case.op else None
    if identity is not None and not identity(question):
        raise AssertionError(f"deconv_ref is wrong itself: an identity does not hold for {case}")
    return question


@lru_cache(DRAWS)
def draws(function: str, dtypes: tuple[str, ...], cases: int, seed: int) -> Draws:
    """Give the cases of a function: what was drawn for one target is kept for the others."""
    operator = OPERATORS[function.removesuffix("_backward")]
    return Draws(operator.cases(function, dtypes), cases, seed)


class Judge:
    """Judges one function of one target.

    Attributes
    ----------
    tallies : dict of Tally
        What was found, by quantity.
    unsupported : Counter of str
        How often the target declined what was drawn, by its reason.
    """

    def __init__(
        self, worker: Worker, function: str, cases: int, seed: int, dtypes: tuple[str, ...]
    ) -> None:
        self.operator = OPERATORS[function.removesuffix("_backward")]
        self.worker = worker
        self.function = function
        self.cases = cases
        self.seed = seed
        self.dtypes = dtypes
        self.tallies = {quantity: Tally() for quantity in self.operator.functions()[function]}
        self.unsupported: Counter[str] = Counter()
        self._strategy = self.operator.cases(function, dtypes)
        self._known: Known = {}
        self._done = 0
        self._finished = self._harmed = False

    def judge(self, progress: Callable[[int], None]) -> None:
        """Draw and judge cases, then shrink what was found.

        Parameters
        ----------
        progress : callable
            Told the number of cases done after each.
        """

        def visit(case: Case) -> bool:
            """Judge a case and, of every few, the same call with one flag changed at once after."""
            if case.key() in self._known:
                return self._finished
            twice = self._done % TWICE == TWICE - 1
            self._visit(case, progress)
            again = sibling(case, self.operator.flags) if twice and not self._finished else None
            if again is not None:
                with suppress(DeconvRefError):  # not every flag can be changed by itself
                    self._visit(again, progress)
            return self._finished

        def visit_or_reject(case: Case) -> bool:
            """Let Hypothesis know of what the target declines: it draws more, and other cases."""
            finished = visit(case)
            if case.key() not in self._known:
                reject()
            return finished

        draws(self.function, self.dtypes, self.cases, self.seed).show(visit)
        if not self._finished:
            self.unsupported.clear()
            search(self._strategy, visit_or_reject, self.cases, self.seed, [Phase.generate])
        shrunk = {Verdict.CRASHES} if self._harmed else set()
        for quantity, tally in self.tallies.items():
            tally.settle()
            if tally.verdict > Verdict.CONFORMS and tally.verdict not in shrunk:
                self._shrink(quantity)
                if tally.verdict in BY_CALL:
                    shrunk.add(tally.verdict)
        self._confirm([t for t in self.tallies.items() if t[1].verdict is Verdict.WRONG])

    def _visit(self, case: Case, progress: Callable[[int], None]) -> None:
        reason = self._unsupported(case)
        findings = self.findings(case) if reason is None else {}
        if findings and case.empty and _are(Verdict.REFUSES, findings):
            reason = "an empty batch"
        if reason is not None:
            self.unsupported[reason] += 1
            return
        crashed = _are(Verdict.CRASHES, findings)
        if crashed and not _are(Verdict.CRASHES, self.findings(case)):  # in a fresh process
            self._harmed = True
            findings = {q: replace(f, reason=f.reason + HARMED) for q, f in findings.items()}
        self._known[case.key()] = {q: finding.verdict for q, finding in findings.items()}
        for quantity, finding in findings.items():
            self.tallies[quantity].add(case, finding)
        self._done += 1
        progress(self._done)
        self._finished = crashed or self._done == self.cases

    def _confirm(self, wrong: list[tuple[str, Tally]]) -> None:
        """Ask again in a fresh process, and say so where a counterexample comes out right there."""
        if wrong:
            self.worker.stop()
        for quantity, tally in wrong:
            case, finding = tally.worst[Verdict.WRONG]
            again = self.findings(case).get(quantity)
            if again is None or tally.ruling(again.verdict) is not Verdict.WRONG:
                finding = replace(finding, reason=finding.reason + WAVERS)
                tally.worst[Verdict.WRONG] = case, finding

    def findings(self, case: Case) -> dict[str, Finding]:
        """Judge every quantity that one call gives.

        Raises
        ------
        DeconvRefError
            If it is no legal call.
        """
        question = ask(case)
        try:
            answer = self.worker.call(case)
        except DiedError as error:
            return no_results(question, Verdict.CRASHES, str(error))
        if answer.error is not None:
            findings = no_results(question, Verdict.REFUSES, answer.error)
        else:
            findings = compare(question, answer)
        if any(finding.verdict > Verdict.CONFORMS for finding in findings.values()):
            with suppress(DiedError):
                findings = excused(question, findings, self.worker.excuses(case))
        return findings

    def _unsupported(self, case: Case) -> str | None:
        try:
            return self.worker.unsupported(case.op, case.parameters)
        except DiedError:
            return None  # the case itself will show it

    def _shrink(self, quantity: str) -> None:
        """Look for a smaller case of a tally's verdict: parameters first, then values."""
        tally = self.tallies[quantity]
        verdict = tally.verdict
        seconds = REFUSAL_SECONDS if verdict is Verdict.REFUSES else SHRINK_SECONDS
        deadline = time.monotonic() + seconds
        deaths = 0

        def fails(case: Case) -> bool:
            # Hypothesis asks again, and must hear the same, when time is up or a target wavers.
            nonlocal deaths
            key = case.key()
            if key not in self._known:
                self._known[key] = {}
                spent = time.monotonic() > deadline or deaths > SHRINK_DEATHS
                if spent or self._unsupported(case) is not None:
                    return False
                try:
                    findings = self.findings(case)
                except DeconvRefError:  # simpler than the operator allows
                    return False
                self._known[key] = {q: finding.verdict for q, finding in findings.items()}
                deaths += _are(Verdict.CRASHES, findings)
                for q, finding in findings.items():
                    self.tallies[q].keep_smaller(case, finding)
            return tally.ruling(self._known[key].get(quantity, Verdict.ABSENT)) is verdict

        search(self._strategy, fails, self.cases, self.seed, [Phase.generate, Phase.shrink])
        simplified = True
        while simplified and time.monotonic() < deadline:
            smallest, _ = tally.worst[verdict]
            simplified = any(fails(case) for case in simpler(smallest))


def _are(verdict: Verdict, findings: dict[str, Finding]) -> bool:
    """Tell whether a call came to a verdict that befalls all its quantities at once."""
    return all(finding.verdict is verdict for finding in findings.values())
