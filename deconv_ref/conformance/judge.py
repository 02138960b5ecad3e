"""Compare a target's answer with the truth, and shrink what is found wrong."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict, compare, excused, no_results
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.explain import explain
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.search import made_plain, shrink, sibling, simpler, turned, zeroed
from deconv_ref.conformance.tally import Budget, Tally, order
from deconv_ref.conformance.truth import Question
from deconv_ref.conformance.worker import DiedError, Worker
from deconv_ref.errors import DeconvRefError

__all__ = ["Judge", "ask"]

SHRINK_CALLS = 400  # of a target, to make parameters smaller, and then values
REFUSAL_CALLS = 40  # its message says more than the smallest case would
SHRINK_SECONDS = 30.0  # by the clock, which no report should depend on: for slow targets alone
SHRINK_DEATHS = 6
DEATHS = 4  # of a target in the cases of a function, which costs a new process each
LATE_DEATHS = 2  # what one counts for that has cost the whole time for a case
DRAWN = 10  # cases for each one that is wanted, where a target declines some
DRAWN_PLAIN = 80  # the same, of what a target offers, where that is little
AHEAD = 16  # cases of which the target is asked in one message whether it declines them
REMEMBERED = 8  # calls, of which one may have left something behind
PATIENCE = 3  # cases that a fresh process may have to be asked again for want of an answer
WAVERS = "; not so in a fresh process: the result depends on what ran before"
TRUTHS = 2**14  # cases of a run whose truth is kept
TWICE = 4  # one case of so many is asked again, with a flag changed or with arrays turned round
SURVIVES = "; a fresh process survives this case"
HARMED = f"{SURVIVES}, so one before it did the harm"
ANSWERS = "; a fresh process answers in time, as it did in {} cases before"
UNSHRUNK = "; time was up before it was shrunk to the end"
UNASKED = "unsupported(): {}, which the function alone, as in the script, does not show"

Known = dict[Any, dict[str, tuple[Verdict, int]]]  # verdict and rank by quantity, by Case.key()

BY_CALL = (Verdict.REFUSES, Verdict.CRASHES)  # these befall all quantities of a call at once


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


@dataclass(frozen=True, slots=True)
class Found:
    """Which case of which draws came to a verdict, and which of several is shown first."""

    verdict: Verdict
    order: tuple[float, ...]
    draws: Draws
    number: int


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
        self._known: Known = {}
        self._found: dict[str, list[Found]] = {quantity: [] for quantity in self.tallies}
        self._before: deque[Case] = deque(maxlen=REMEMBERED)
        self._declined: dict[Any, tuple[Mapping[str, Any], str]] = {}
        self._progress: Callable[[int], None] = lambda done: None
        self._done = 0
        self._deaths = 0
        self._fresh = True  # whether the process at work has answered nothing yet
        self._finished = self._late = self._first = False
        self._alone = False  # whether a case was seen that crashes by itself

    def judge(self, progress: Callable[[int], None]) -> None:
        """Draw and judge cases, then shrink what was found.

        Parameters
        ----------
        progress : callable
            Told the number of cases done after each.
        """
        self._progress = progress
        self._draw(DRAWN)
        if not self._finished and (plain := self._plain()):
            self._draw(DRAWN_PLAIN, plain)
        for tally in self.tallies.values():  # all, before what shrinks one of them adds to others
            tally.given_up = self._finished and self._done < self.cases
            tally.settle()
        shrunk = set() if self._alone else {Verdict.CRASHES}
        for quantity, tally in self.tallies.items():
            if tally.verdict > Verdict.CONFORMS and tally.verdict not in shrunk:
                self._shrink(quantity)
                if tally.verdict in BY_CALL:
                    shrunk.add(tally.verdict)
        wrong = [t for t in self.tallies.items() if t[1].verdict is Verdict.WRONG]
        self._confirm(wrong)
        for quantity, tally in wrong:
            self._explain(quantity, tally)

    def _draw(self, most: int, plain: frozenset[str] = frozenset()) -> None:
        """Draw and judge cases until there are as many as are wanted."""
        draws = Draws(self.operator.drawn, self.function, self.dtypes, self.seed, plain)
        for number in range(most * self.cases):
            if self._finished:
                return
            if number % AHEAD == 0:
                self.foresee(draws, range(number, number + AHEAD))
            self.see(draws, number)

    def foresee(self, draws: Draws, numbers: range) -> None:
        """Ask ahead, in one message, which of some cases the target declines."""
        calls = ((case.parameters, case.dtype.name) for case in draws.ahead(numbers))
        self.worker.foresee(self.operator.name, calls)

    def see(self, draws: Draws, number: int) -> None:
        """Judge a case and, of every few, one that is much like it at once after."""
        case, done = draws.case(number), self._done
        for quantity, finding in self._visit(case).items():
            if finding.verdict > Verdict.CONFORMS:
                found = Found(finding.verdict, order(case, finding), draws, number)
                self._found[quantity].append(found)
        declined = self._done == done
        if declined or self._finished:
            return
        again = self._like(case, number)
        if again is not None:
            with suppress(DeconvRefError):  # not every flag can be changed by itself
                self._visit(again)

    def _like(self, case: Case, number: int) -> Case | None:
        """Make another case of every few: by the number alone, whoever judges it."""
        place = number % (2 * TWICE)
        if place == TWICE - 1:
            return sibling(case, self.operator.flags)
        if place == 2 * TWICE - 1:
            turn = turned(case)
            return turn if turn != case and self.operator.is_meant_for(turn) else None
        return None

    def _visit(self, case: Case) -> dict[str, Finding]:
        """Judge a case, unless it is declined; give what it shows again whenever it is asked."""
        try:
            reason = self.declines(case)
        except DiedError as error:
            self._add(case, no_results(ask(case), Verdict.CRASHES, UNASKED.format(error)))
            self._finished = True  # no other case would say more
            return {}
        if reason is not None:
            dtype = case.dtype.name
            self._declined[dtype, tuple(case.parameters.items())] = (case.parameters, dtype)
        findings = self.findings(case) if reason is None else {}
        if findings and case.empty and _are(Verdict.REFUSES, findings):
            reason = "an empty batch"
        if reason is not None:
            self.unsupported[reason] += 1
            return {}
        if _are(Verdict.CRASHES, findings):
            return self._see_crash(case, findings)
        self._add(case, findings)
        return findings

    def _see_crash(self, case: Case, crashed: dict[str, Finding]) -> dict[str, Finding]:
        """Tell in a fresh process whether a case crashes by itself, or was slow once.

        Of crashes the cases of those are kept that crash by themselves, if there are any.
        """
        late, first = self._late, self._first
        self._deaths += LATE_DEATHS if late else 1
        if late and self._alone:  # to ask again would take as long again, and tell nothing new
            self._add(case, crashed, kept=False)
            return {}
        findings = self.findings(case)
        if _are(Verdict.CRASHES, findings):
            if not self._alone:
                self._alone = True
                for tally in self.tallies.values():
                    tally.worst.pop(Verdict.CRASHES, None)
            self._add(case, crashed)
            return crashed
        times = max(tally.late for tally in self.tallies.values())
        if late and times < PATIENCE:
            for quantity in findings:
                self.tallies[quantity].late += 1
            self._deaths -= LATE_DEATHS
            self._add(case, findings)
            return findings
        note = ANSWERS.format(times) if late else SURVIVES if first else HARMED
        crashed = {q: replace(f, reason=f.reason + note) for q, f in crashed.items()}
        self._add(case, crashed, kept=not self._alone)
        return {}

    def _add(self, case: Case, findings: dict[str, Finding], kept: bool = True) -> None:
        """Count a case of all quantities; after a few crashes there are no more."""
        if any(finding.verdict > Verdict.CONFORMS for finding in findings.values()):
            self._known[case.key()] = _in_short(findings)
        for quantity, finding in findings.items():
            self.tallies[quantity].add(case, finding, kept)
        self._done += 1
        self._progress(self._done)
        self._finished = self._deaths >= DEATHS or self._done == self.cases

    def _plain(self) -> frozenset[str]:
        """Learn from what was declined which parameters the target has plain values of alone."""

        def offered(dtype: str, parameters: Mapping[str, Any]) -> bool:
            try:
                return self.worker.unsupported(self.operator.name, parameters, dtype) is None
            except DiedError:
                return False

        names = self.operator.plain
        declined = self._declined.values()
        return frozenset().union(*(made_plain(p, names, partial(offered, d)) for p, d in declined))

    def _confirm(self, wrong: list[tuple[str, Tally]]) -> None:
        """Ask again in a fresh process, and say so where a counterexample comes out right there."""
        fresh: dict[Any, dict[str, Finding]] = {}
        for quantity, tally in wrong:
            case, _ = tally.worst[Verdict.WRONG]
            if case.key() not in fresh:
                self.worker.stop()
                fresh[case.key()] = self.findings(case)
            again = fresh[case.key()].get(quantity)
            if again is None or tally.ruling(again.verdict) is not Verdict.WRONG:
                tally.note(Verdict.WRONG, WAVERS)

    def _explain(self, quantity: str, tally: Tally) -> None:
        """Make out what the wrong results have in common."""
        case, finding = tally.worst[Verdict.WRONG]
        failing = [seen for seen in tally.failing if tally.ruling(seen[1].verdict) is Verdict.WRONG]
        tally.explanation = explain(self.operator, quantity, case, finding, failing)
        tally.failing.clear()  # all that they tell is told

    def findings(self, case: Case) -> dict[str, Finding]:
        """Judge every quantity that one call gives, and say what was called before if it is wrong.

        Raises
        ------
        DeconvRefError
            If it is no legal call.
        """
        findings, before = self.outcome(case), tuple(self._before)
        self._before.appendleft(case)
        return {
            q: replace(f, before=before) if f.verdict > Verdict.CONFORMS else f
            for q, f in findings.items()
        }

    def outcome(self, case: Case) -> dict[str, Finding]:
        """Ask the target, and judge every quantity of its answer.

        Raises
        ------
        DeconvRefError
            If it is no legal call.
        """
        question = ask(case)
        try:
            answer = self.worker.call(case)
        except DiedError as error:
            self._late, self._first, self._fresh = error.late, self._fresh, True
            return no_results(question, Verdict.CRASHES, str(error))
        self._fresh = False
        if answer.error is not None:
            findings = no_results(question, Verdict.REFUSES, answer.error)
        else:
            findings = compare(question, answer)
        if any(finding.verdict > Verdict.CONFORMS for finding in findings.values()):
            with suppress(DiedError):
                findings = excused(question, findings, self.worker.excuses(case))
        if answer.changes:
            findings = {q: replace(f, changes=answer.changes) for q, f in findings.items()}
        return findings

    def declines(self, case: Case) -> str | None:
        """Ask for the reason why the target does not offer a case.

        Raises
        ------
        DiedError
            If the target's process ends of that.
        """
        return self.worker.unsupported(case.op, case.parameters, case.dtype.name)

    def _shrink(self, quantity: str) -> None:
        """Look for a smaller case of a tally's verdict: parameters first, then values."""
        tally = self.tallies[quantity]
        verdict = tally.verdict
        calls = REFUSAL_CALLS if verdict is Verdict.REFUSES else SHRINK_CALLS
        budget = Budget(calls, SHRINK_DEATHS, SHRINK_SECONDS)

        def fails(case: Case) -> bool:
            key = case.key()
            if key not in self._known:
                self._known[key] = _in_short(self._tried(case, budget))
            known = self._known[key].get(quantity)
            return known is not None and tally.shows(*known)

        def fails_of_zeros(case: Case) -> bool:
            return fails(zeroed(case))

        shows = fails
        if verdict is Verdict.CRASHES and fails_of_zeros(tally.worst[verdict][0]):
            shows = fails_of_zeros  # for there are not many deaths to try out values afterwards
        found = [f for f in self._found[quantity] if tally.ruling(f.verdict) is verdict]
        if found:  # else it was the change of a flag that showed it
            first = min(found, key=lambda f: f.order)
            shrink(first.draws.build, first.draws.choices(first.number), shows, self.seed)
        budget.renew()
        simplified = True
        while simplified and not budget.spent:
            smallest, _ = tally.worst[verdict]
            simplified = any(fails(case) for case in simpler(smallest))
        if budget.late:
            tally.note(verdict, UNSHRUNK)

    def _tried(self, case: Case, budget: Budget) -> dict[str, Finding]:
        """Judge a case that may be simpler than the operator, the target or the budget allows."""
        if budget.spent or not self.operator.is_meant_for(case):
            return {}
        try:
            if self.declines(case) is not None:
                return {}
            findings = self.findings(case)
        except DeconvRefError:
            return {}
        except DiedError:
            budget.deaths -= 1
            return {}
        budget.calls -= 1
        budget.deaths -= _are(Verdict.CRASHES, findings)
        for quantity, finding in findings.items():
            self.tallies[quantity].keep_smaller(case, finding)
        return findings


def _are(verdict: Verdict, findings: dict[str, Finding]) -> bool:
    """Tell whether a call came to a verdict that befalls all its quantities at once."""
    return all(finding.verdict is verdict for finding in findings.values())


def _in_short(findings: dict[str, Finding]) -> dict[str, tuple[Verdict, int]]:
    """Give what is needed to tell whether a case shows a verdict again."""
    return {quantity: (finding.verdict, finding.rank) for quantity, finding in findings.items()}
