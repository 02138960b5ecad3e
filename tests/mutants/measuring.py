"""What the checker says of a mutant, after how many cases, and in what time."""

import time
from dataclasses import dataclass

from deconv_ref.conformance import judge
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.here import Here
from mutants import Mutant

DTYPES = ("float32", "float64")
FEW = 50  # cases, where all would take long
TIMEOUT = 30.0  # of a case; what runs in this process is waited for


class Planted(Here):
    """Runs a mutant in this process."""

    def __init__(self, mutant):
        super().__init__(str(mutant), TIMEOUT, 1)
        self.mutant = mutant

    def load(self):
        return self.mutant.target()


class Unshrunk(judge.Judge):
    """Leaves counterexamples as they were drawn."""

    def _shrink(self, quantity):
        pass


@dataclass(frozen=True)
class Measured:
    """What the checker said of a mutant.

    Attributes
    ----------
    mutant : Mutant
        What was judged.
    verdicts, reasons : dict of str to str
        By quantity.
    cases : int or None
        Cases drawn until the first that did not conform.
    seconds : float
        Time on the processor until then, or in all.
    elements : int or None
        Elements of all operands of the largest counterexample.
    """

    mutant: Mutant
    verdicts: dict[str, str]
    reasons: dict[str, str]
    cases: int | None
    seconds: float
    elements: int | None

    @property
    def missed(self):
        """Quantities that are wrong and were not found so."""
        return [q for q in self.mutant.wrong if self.verdicts[q] != "wrong"]

    @property
    def accused(self):
        """Quantities that are right and were found otherwise."""
        right = [q for q in self.verdicts if q not in self.mutant.wrong]
        return [q for q in right if self.verdicts[q] not in ("conforms", "absent")]


def assert_found(mutant):
    """Hold the verdicts on a mutant to be right: in a few cases, or in all where these miss it."""
    one = measure(mutant, FEW, shrink=False, timed=False)
    if one.missed:
        one = measure(mutant, shrink=False, timed=False)
    assert not one.missed, one.verdicts
    assert not one.accused, one.reasons


def measure(mutant, cases=200, seed=0, shrink=True, timed=True):
    """Judge a mutant.

    Parameters
    ----------
    mutant : Mutant
        What to judge.
    cases, seed : int
        How many cases, and which.
    shrink : bool
        Whether to shrink what is found.
    timed : bool
        Whether to forget the cases that were drawn for other mutants, and their truths, so that
        the time until a fault is found is what it takes in a run of its own.
    """
    if timed and mutant.wrong:
        judge.ask.cache_clear()
    kind = judge.Judge if shrink else Unshrunk
    judged = kind(Planted(mutant), mutant.function, cases, seed, DTYPES)
    found = []

    def progress(done):
        if not found and any(
            max(t.seen) > Verdict.CONFORMS for t in judged.tallies.values() if t.seen
        ):
            found.extend((done, time.thread_time() - start))

    start = time.thread_time()
    judged.judge(progress)
    number, seconds = found or (None, time.thread_time() - start)
    findings = {q: t.worst.get(t.verdict) for q, t in judged.tallies.items()}
    sizes = [
        sum(a.size for a in case.arrays().values()) for case, _ in filter(None, findings.values())
    ]
    return Measured(
        mutant,
        {q: str(tally.verdict) for q, tally in judged.tallies.items()},
        {q: finding[1].reason for q, finding in findings.items() if finding},
        number,
        seconds,
        max(sizes, default=None),
    )
