"""A target in a process of its own, so that it may abort, hang or print without harm.

`Worker` is the checker's end: it starts ``python -m deconv_ref.conformance.serve TARGET``, sends
requests and waits for answers. Both are pickled over the child's standard input and output;
whatever the target itself prints goes to a log.
"""

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.frameworks import TargetError

if TYPE_CHECKING:
    from deconv_ref.conformance.network.systems import Task

__all__ = ["Answer", "DiedError", "Excuse", "Identity", "Trained", "Trainer", "Worker"]

START_SECONDS = 180.0  # importing a large framework on a cold disk
GRACE_SECONDS = 5.0
LAST_BYTES = 2**12  # of the log, which may be of any length


class DiedError(Exception):
    """The target's process ended or, if `late`, did not answer in time."""

    def __init__(self, how: str, late: bool = False) -> None:
        super().__init__(how)
        self.late = late


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a target says it is, which functions it has, and whether it has more to be asked for.

    `declines` tells that some calls may be unsupported, `differs` that some errors may be excused.
    """

    name: str
    version: str
    functions: frozenset[str]
    declines: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: results, or the error that the target raised.

    `harm` names an operand that the target wrote to.
    """

    results: tuple[Any, ...] = ()
    error: str | None = None
    harm: str | None = None


@dataclass(frozen=True, slots=True)
class Excuse:
    """What a target does otherwise by design, and the error that it may have in a case for that.

    See `deconv_ref.conformance.frameworks._difference.Difference`.
    """

    reason: str
    allowance: Any
    quantity: str | None = None


@dataclass(frozen=True, slots=True)
class Trainer:
    """Who a target says it is, and where its Adam has its epsilon; None if it trains nothing."""

    name: str
    version: str
    convention: str | None


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of training: what the target told of each step, or the error that it raised."""

    steps: list[dict[str, Any]]
    error: str | None = None


class Worker:
    """Run a target's functions in a process that is started again whenever it dies."""

    def __init__(self, target: str, timeout: float, threads: int) -> None:
        self.target = target
        self.timeout = timeout
        self._threads = threads
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[Any] = queue.Queue()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the worker
        self._closed = False
        self._declines = self._differs = True
        self._unsupported: dict[Any, str | None] = {}

    def start(self, wanted: tuple[str, ...]) -> Identity:
        """Start the process and ask which of the `wanted` functions the target has.

        Raises
        ------
        TargetError
            If the target cannot be loaded.
        """
        identity: Identity = self._introduce("identify", wanted)
        self._declines, self._differs = identity.declines, identity.differs
        return identity

    def trainer(self) -> Trainer:
        """Start the process and ask how the target trains.

        Raises
        ------
        TargetError
            If the target cannot be loaded.
        """
        trainer: Trainer = self._introduce("trainer")
        return trainer

    def call(self, case: Case) -> Answer:
        """Call the target's function on a case.

        Raises
        ------
        DiedError
            If the process ends or `timeout` passes first.
        """
        answer: Answer = self._ask("call", case)
        return answer

    def train(self, task: "Task") -> Trained:
        """Let the target train.

        Raises
        ------
        DiedError
            If the process ends or `timeout` passes first.
        """
        trained: Trained = self._ask("train", task)
        return trained

    def unsupported(self, op: str, parameters: Mapping[str, Any]) -> str | None:
        """Ask the target for the reason why it does not offer an operator with these parameters.

        Raises
        ------
        DiedError
            If the process ends or `timeout` passes first.
        """
        if not self._declines:
            return None
        key = (op, tuple(parameters.items()))
        if key not in self._unsupported:
            self._unsupported[key] = self._ask("unsupported", op, dict(parameters))
        return self._unsupported[key]

    def excuses(self, case: Case) -> list[Excuse]:
        """Ask the target what it does otherwise by design in a case.

        Raises
        ------
        DiedError
            If the process ends or `timeout` passes first.
        """
        excuses: list[Excuse] = self._ask("excuses", case) if self._differs else []
        return excuses

    @property
    def closed(self) -> bool:
        """Whether `close` was called: what a call came to since says nothing of the target."""
        return self._closed

    def close(self) -> None:
        """End the process, from any thread; a call under way raises `DiedError`."""
        self._closed = True
        self.stop()

    def _introduce(self, *request: Any) -> Any:
        """Ask for the first time, when the target is imported."""
        try:
            return self._ask(*request)
        except DiedError as error:
            raise TargetError(f"{self.target}: {error} while it was imported") from error

    def _ask(self, *request: Any) -> Any:
        if self._process is None:
            self._launch()
            self._exchange(("load",), START_SECONDS)
        return self._exchange(request, self.timeout)

    def _exchange(self, request: tuple[Any, ...], seconds: float) -> Any:
        process = self._process
        try:
            if process is None or process.stdin is None:
                raise DiedError("stopped")
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.stop()
            raise DiedError(f"no answer within {seconds:g} s", late=True) from None
        except OSError:
            answer = EOFError()
        if isinstance(answer, EOFError):
            raise DiedError(self._last_words())
        if isinstance(answer, TargetError):
            raise answer
        return answer

    def _launch(self) -> None:
        if self._closed:
            raise DiedError("stopped")
        command = [sys.executable, "-P", "-m", "deconv_ref.conformance.serve", self.target]
        threads = str(self._threads)
        environment = {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, **os.environ}
        self._log.seek(0)
        self._log.truncate()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        self._answers = queue.Queue()
        reader = threading.Thread(
            target=_read_answers, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()

    def stop(self) -> None:
        """End the process; the next request starts a fresh one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        """Say how the process ended, with the last line that it printed."""
        process, self._process = self._process, None
        if process is None:
            return "stopped"
        try:
            code = process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # alive, but what it sent cannot be read
            process.kill()
            code = process.wait()
        self._log.seek(max(self._log.seek(0, os.SEEK_END) - LAST_BYTES, 0))
        lines = self._log.read(LAST_BYTES).decode(errors="replace").strip().splitlines()
        how = f"killed by signal {-code}" if code < 0 else f"exited with status {code}"
        return f"process {how}" + (f": {lines[-1].strip()[:200]}" if lines else "")


def _read_answers(stream: IO[bytes], answers: "queue.Queue[Any]") -> None:
    while True:
        try:
            answers.put(pickle.load(stream))
        except Exception:
            answers.put(EOFError())
            return
