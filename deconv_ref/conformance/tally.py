"""Count what cases showed of a quantity, and what it may cost to look for smaller ones."""

import math
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.explain import Explanation

__all__ = ["Budget", "Tally", "order"]

FAILING = 12  # cases that are kept to try hypotheses on


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
    ulps : Counter of float
        Cases by the largest error of each in units in the last place: 0, at most 1/2, at most 1, 2,
        4 and so on; infinity where no bit is right. Those whose values were not compared, or are
        excused, are left out.
    differences : Counter of str
        How often a documented difference kept a case from being found wrong.
    changes : Counter of str
        How often a call changed which setting of the whole process.
    late : int
        Cases that had no answer in time, but one from a fresh process.
    given_up : bool
        Whether crashes were so many that the other cases were not judged.
    excused : bool
        Whether `Verdict.INEXACT` is an excuse. A lower precision or a fast algorithm shows in
        ordinary cases too: where it would explain those of the widest integers alone, it does not.
    failing : list of (Case, Finding)
        The first cases with results that were not right, as they were drawn.
    explanation : Explanation
        What was made out about the smallest case of the worst verdict.
    """

    cases: int = 0
    exact: int = 0
    seen: Counter[Verdict] = field(default_factory=Counter)
    worst: dict[Verdict, tuple[Case, Finding]] = field(default_factory=dict)
    ulp: float = 0.0
    of_bound: float = 0.0
    ulps: Counter[float] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    late: int = 0
    given_up: bool = False
    excused: bool = True
    failing: list[tuple[Case, Finding]] = field(default_factory=list)
    explanation: Explanation = field(default_factory=Explanation)
    _ordinary_inexact: bool = False

    def add(self, case: Case, finding: Finding, kept: bool = True) -> None:
        """Count a case, and keep it if it is the smallest and `kept`."""
        self.cases += 1
        self.exact += case.exact
        self.seen[finding.verdict] += 1
        if finding.verdict is Verdict.CONFORMS:
            self.ulp = max(self.ulp, finding.ulp)
            self.of_bound = max(self.of_bound, finding.of_bound)
        self.differences.update(finding.differences)
        compared = finding.verdict is Verdict.CONFORMS or finding.ulp > 0
        if compared and not finding.differences:
            self.ulps[_rounded_up(finding.ulp)] += 1
        self.changes.update(finding.changes)
        if finding.verdict is Verdict.INEXACT:  # NaN for a number is off as far in any integers
            self._ordinary_inexact |= not case.wide or math.isinf(finding.ulp)
        if finding.verdict in (Verdict.INEXACT, Verdict.WRONG) and not case.empty:
            self.failing += [(case, finding)] if len(self.failing) < FAILING else []
        if kept:
            self.keep_smaller(case, finding)

    def settle(self) -> None:
        """Decide, once all cases were seen, whether those found inexact are wrong."""
        self.excused = self._ordinary_inexact
        inexact = self.worst.pop(Verdict.INEXACT, None) if not self.excused else None
        if inexact:
            self.seen[Verdict.WRONG] += self.seen.pop(Verdict.INEXACT)
            self.keep_smaller(*inexact)

    def note(self, verdict: Verdict, note: str) -> None:
        """Add to the reason of a verdict."""
        case, finding = self.worst[verdict]
        self.worst[verdict] = case, replace(finding, reason=finding.reason + note)

    def ruling(self, verdict: Verdict) -> Verdict:
        """Say what a case's verdict means for this quantity."""
        return Verdict.WRONG if verdict is Verdict.INEXACT and not self.excused else verdict

    def keep_smaller(self, case: Case, finding: Finding) -> None:
        """Remember a case if it is the smallest of its verdict, and of the highest rank."""
        verdict = self.ruling(finding.verdict)
        if verdict <= Verdict.CONFORMS:
            return
        if verdict is not finding.verdict:  # what would explain the error is no excuse
            reason = finding.reason.removeprefix(finding.excuse)
            finding = replace(finding, reason=reason, rank=0)
        kept = self.worst.get(verdict)
        if kept is None or order(case, finding) < order(*kept):
            self.worst[verdict] = case, finding

    def shows(self, verdict: Verdict, rank: int) -> bool:
        """Tell whether a case's verdict is the tally's again, of no lower rank."""
        if self.ruling(verdict) is not self.verdict:
            return False
        return rank >= self.worst[self.verdict][1].rank

    @property
    def verdict(self) -> Verdict:
        """The worst that was seen."""
        return max(self.seen, default=Verdict.ABSENT)


def _rounded_up(ulp: float) -> float:
    """Give 0, or the next power of two from 1/2 on; infinity beyond the bits of any number."""
    if ulp == 0:
        return 0.0
    if ulp > 2**53:
        return math.inf
    fraction, exponent = math.frexp(max(ulp, 0.5))
    return math.ldexp(1.0, exponent - (fraction == 0.5))


def order(case: Case, finding: Finding) -> tuple[float, ...]:
    """Order what was found: what is least is shown."""
    return (-finding.rank, *case.size())


class Budget:
    """What shrinking may cost: so many calls, and a few deaths; time, where a target is slow.

    Attributes
    ----------
    calls, deaths : int
        Calls that are left, and deaths of the target.
    late : bool
        Whether it was time that ran out.
    """

    def __init__(self, calls: int, deaths: int, seconds: float) -> None:
        self.calls = self._given = calls
        self.deaths = deaths
        self.late = False
        self._deadline = time.monotonic() + seconds

    def renew(self) -> None:
        """Give as many calls again, in what time and deaths are left."""
        self.calls = self._given

    @property
    def spent(self) -> bool:
        """Whether there is nothing left."""
        if self.calls <= 0 or self.deaths < 0:
            return True
        self.late = self.late or time.monotonic() > self._deadline
        return self.late
