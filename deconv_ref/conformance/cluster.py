"""Cases judged on a Dask cluster: the same verdicts as from one process, sooner.

The cluster's workers ask the target and compare, piece by piece, and record what came of it; the
judge here goes through the cases in their order and takes from the records what it would have
asked. Where there is none, since the target died of it or the cluster lost it for good, the judge
asks itself. So the cluster saves time, and decides nothing.
"""

import asyncio
import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.frameworks import TargetError, one_line
from deconv_ref.conformance.judge import Judge
from deconv_ref.conformance.worker import DiedError, Identity, Worker

if TYPE_CHECKING:
    from deconv_ref.conformance.runner import Plan, Run

__all__ = ["Cluster", "ClusterError", "Piece", "Records", "record"]

FEWEST, MOST = 8, 64  # cases of a piece: it should take longer than to send it
AHEAD = 3  # pieces for each thread of the cluster that are under way at a time
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 10.0  # after so long without an answer, see whether there is anybody to give one
LOST = (Exception, asyncio.CancelledError)  # a cluster that breaks may do so in any way

Call = str | Mapping[str, Finding] | None
"""What a question came to: the reason why a case is declined or None, or what was found of it."""


class ClusterError(Exception):
    """A cluster that cannot be used; the message is one line for the command's user."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some cases of a function of a target, by number."""

    target: str
    timeout: float
    memory: int
    function: str
    dtypes: tuple[str, ...]
    seed: int
    plain: frozenset[str]
    numbers: range


@dataclass(slots=True)
class Records:
    """What came of a piece: the answers to all that was asked, by number and in their order."""

    identity: Identity
    calls: dict[int, list[Call]] = field(default_factory=dict)
    seconds: float = 0.0


def record(piece: Piece) -> Records:
    """Judge a piece, on a worker of the cluster.

    A case of which the target dies ends it: that, and what is left, has no record.

    Raises
    ------
    TargetError
        If the target cannot be loaded there.
    """
    start = time.perf_counter()
    target = _loaded(piece.target, piece.timeout, piece.memory, piece.function)
    judge = _Recording(target.worker, piece.function, sys.maxsize, piece.seed, piece.dtypes)
    draws = Draws(judge.operator.drawn, piece.function, piece.dtypes, piece.seed, piece.plain)
    records = Records(target.identity)
    judge.foresee(draws, piece.numbers)
    for number in piece.numbers:
        judge.calls = []
        judge.see(draws, number)
        if judge.died:
            break
        records.calls[number] = judge.calls
    records.seconds = time.perf_counter() - start
    return records


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A target in a process of its own, and what it was loaded for."""

    asked: tuple[str, float, int, str]
    worker: Worker
    identity: Identity


_kept = threading.local()


def _loaded(*asked: Any) -> _Loaded:
    """Start the target, unless this thread has it from an earlier piece."""
    kept: _Loaded | None = getattr(_kept, "target", None)
    if kept is not None and kept.asked == asked:
        return kept
    if kept is not None:
        kept.worker.close()
        atexit.unregister(kept.worker.close)
    target, timeout, memory, function = asked
    worker = Worker(target, timeout, 1, memory)
    atexit.register(worker.close)
    _kept.target = _Loaded(asked, worker, worker.start((function,)))
    return _kept.target


class _Recording(Judge):
    """Keeps what was asked, and what it came to."""

    calls: list[Call]
    died = False

    def declines(self, case: Case) -> str | None:
        """Ask, and keep the answer."""
        try:
            reason = super().declines(case)
        except DiedError:
            self.died = True
            raise
        self.calls.append(reason)
        return reason

    def outcome(self, case: Case) -> dict[str, Finding]:
        """Ask, and keep what was found."""
        findings = super().outcome(case)
        self.died |= any(finding.verdict is Verdict.CRASHES for finding in findings.values())
        self.calls.append({quantity: _short(finding) for quantity, finding in findings.items()})
        return findings


def _short(finding: Finding) -> Finding:
    """Leave out arrays at which nobody looks: where all is well."""
    if finding.verdict is not Verdict.CONFORMS:
        return finding
    told = {name: getattr(finding, name) for name in ("ulp", "of_bound", "differences", "changes")}
    return Finding(finding.verdict, **told)


class Cluster:
    """A Dask cluster that judges ahead.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.1:8786``; ``local`` starts one on this machine.
    processes : int, optional
        How many a local one has; one for each core unless given.

    Raises
    ------
    ClusterError
        If Dask is not installed, or there is no cluster at the address.
    """

    def __init__(self, address: str, processes: int | None = None) -> None:
        try:
            import distributed
        except ImportError as error:
            remedy = 'python -m pip install "deconv_ref[dask]"'
            raise ClusterError(f"--dask: Dask is not installed; run {remedy}") from error
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong, we tell
        self._worked: list[float] = []
        self._gone = False
        self._local = None
        if address == "local":
            self._local = distributed.LocalCluster(
                n_workers=processes or os.cpu_count(),
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        try:
            self._client = distributed.Client(self._local or address, timeout=CONNECT_SECONDS)
        except Exception as error:  # an address may be wrong in many ways
            wanted = "wanted 'local', or the address of a scheduler, such as tcp://10.0.0.1:8786"
            raise ClusterError(f"--dask {address}: {wanted}; got {one_line(error)}") from error

    def __enter__(self) -> "Cluster":
        """Give the cluster."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it; a local one is stopped."""
        with suppress(*LOST):
            self._client.close()
        if self._local is not None:
            self._local.close()

    @property
    def seconds(self) -> float:
        """How long its threads were at work, all together."""
        return sum(self._worked)

    @property
    def threads(self) -> int:
        """How many cases it judges at a time; none if it cannot be reached."""
        with suppress(*LOST):
            return sum(self._client.nthreads().values())
        return 0

    def judge(self, run: "Run", function: str, plan: "Plan") -> Judge:
        """Give the judge of a function of a target, for `deconv_ref.conformance.runner.check`."""
        return _Replaying(self, run, function, plan)

    def submit(self, piece: Piece) -> Any:
        """Have a piece judged; None if there is nobody to do it."""
        with suppress(*LOST):
            return None if self._gone else self._client.submit(record, piece, pure=False)
        self._gone = True
        return None

    def cancel(self, pieces: Iterable[Any]) -> None:
        """Forget pieces that nobody needs any more."""
        with suppress(*LOST):
            self._client.cancel([piece for piece in pieces if piece is not None])

    def records(self, piece: Any) -> Records | None:
        """Wait for the records of a piece; None if they are lost for good.

        Raises
        ------
        TargetError
            If the target cannot be loaded there.
        """
        while piece is not None and not self._gone:
            try:
                records: Records = piece.result(timeout=LOOK_SECONDS)
            except TimeoutError:
                self._gone = self.threads == 0
            except TargetError as error:
                raise TargetError(f"on the cluster: {error}") from error
            except LOST:
                return None
            else:
                self._worked.append(records.seconds)
                return records
        return None


class _Replaying(Judge):
    """Takes from records what it would have asked, as long as there are any."""

    def __init__(self, cluster: Cluster, run: "Run", function: str, plan: "Plan") -> None:
        super().__init__(run.worker, function, plan.cases, plan.seed, plan.dtypes)
        threads = max(cluster.threads, 1)
        self._cluster = cluster
        self._identity = run.identity
        self._length = min(max(plan.cases // (4 * threads), FEWEST), MOST)
        self._ahead = AHEAD * threads
        self._pieces: deque[Any] = deque()
        self._next = 0  # the first case that is in no piece yet
        self._records: Mapping[int, list[Call]] = {}
        self._calls: deque[Any] = deque()

    def see(self, draws: Draws, number: int) -> None:
        """Judge a case, and what follows from it, by what was recorded."""
        if number == 0:
            self._forget()
        if number % self._length == 0:
            self._look_ahead(draws, number)
            self._records = self._received(self._pieces.popleft())
        self._calls.extend(self._records.get(number, ()))
        super().see(draws, number)
        self._calls.clear()
        if self._finished:
            self._forget()

    def foresee(self, draws: Draws, numbers: range) -> None:
        """Leave it to the records."""

    def declines(self, case: Case) -> str | None:
        """Take the answer from the records, or ask."""
        return self._calls.popleft() if self._calls else super().declines(case)

    def outcome(self, case: Case) -> dict[str, Finding]:
        """Take what was found from the records, or ask."""
        return self._calls.popleft() if self._calls else super().outcome(case)

    def _look_ahead(self, draws: Draws, number: int) -> None:
        """Have this piece judged and, of those that will be needed for sure, a few more."""
        needed = number + self.cases - self._done
        while self._next <= number or (self._next < needed and len(self._pieces) < self._ahead):
            numbers = range(self._next, self._next + self._length)
            worker, drawn = self.worker, (self.function, self.dtypes, self.seed, draws.plain)
            piece = Piece(worker.target, worker.timeout, worker.memory, *drawn, numbers)
            self._pieces.append(self._cluster.submit(piece))
            self._next = numbers.stop

    def _received(self, piece: Any) -> Mapping[int, list[Call]]:
        """Wait for a piece, which has to be of the very target that is judged here."""
        records = self._cluster.records(piece)
        if records is None:
            return {}
        here, there = (
            f"{who.name} {who.version}".strip() for who in (self._identity, records.identity)
        )
        if here != there:
            target = self.worker.target
            raise TargetError(f"{target}: is {there} on the cluster, and {here} here")
        return records.calls

    def _forget(self) -> None:
        self._cluster.cancel(self._pieces)
        self._pieces.clear()
        self._next = 0
