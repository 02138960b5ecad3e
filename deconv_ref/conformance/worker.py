"""A target in a process of its own, so that it may abort, hang or print without harm.

`Worker` is the checker's end: it starts ``python -m deconv_ref.conformance.serve TARGET``, sends
requests and waits for answers, over the child's standard input and output; whatever the target
itself prints goes elsewhere. See `deconv_ref.conformance.process`.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.frameworks import TargetError
from deconv_ref.conformance.process import Child, DiedError

if TYPE_CHECKING:
    from deconv_ref.conformance.network.systems import Task

__all__ = ["Answer", "DiedError", "Excuse", "Identity", "Trained", "Trainer", "Worker"]

START_SECONDS = 180.0  # importing a large framework on a cold disk
MEMORY = 4096  # MiB: several times what the largest framework takes


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

    `harm` names an operand that the target wrote to; `changes`, settings of the whole process that
    it changed, and that were put back.
    """

    results: tuple[Any, ...] = ()
    error: str | None = None
    harm: str | None = None
    changes: tuple[str, ...] = ()


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
    """Run a target's functions in a process that is started again whenever it dies.

    Parameters
    ----------
    target : str
        What to load.
    timeout : float
        Seconds that it has for one request.
    threads : int
        That it may use.
    memory : int
        MiB that it may hold.
    folders : sequence of str
        Where it finds modules, before those that every process knows.
    """

    def __init__(
        self,
        target: str,
        timeout: float,
        threads: int,
        memory: int = MEMORY,
        folders: Sequence[str] = (),
    ) -> None:
        self.target = target
        self.timeout = timeout
        self.memory = memory
        self._threads = threads
        self._folders = tuple(folders)
        self._child: Child | None = None
        self._closed = False
        self._declines = self._differs = True
        self._unsupported: dict[Any, str | None] = {}
        self._foresees = True  # until the process dies of it

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
            If the process ends, or has to be ended, first.
        """
        answer: Answer = self._ask("call", case)
        return answer

    def train(self, task: "Task") -> Trained:
        """Let the target train.

        Raises
        ------
        DiedError
            If the process ends, or has to be ended, first.
        """
        trained: Trained = self._ask("train", task)
        return trained

    def unsupported(self, op: str, parameters: Mapping[str, Any], dtype: str) -> str | None:
        """Ask the target why it does not offer an operator with these parameters, of this dtype.

        Raises
        ------
        DiedError
            If the process ends, or has to be ended, first.
        """
        if not self._declines:
            return None
        key = _key(op, parameters, dtype)
        if key not in self._unsupported:
            self._learn(op, {key: (parameters, dtype)})
        return self._unsupported[key]

    def foresee(self, op: str, several: Iterable[tuple[Mapping[str, Any], str]]) -> None:
        """Ask in one message what `unsupported` is going to be asked.

        If the process ends of it, that is left for `unsupported` to find, one by one.
        """
        if not (self._declines and self._foresees):
            return
        asked = {_key(op, *call): call for call in several}
        try:
            self._learn(op, {k: call for k, call in asked.items() if k not in self._unsupported})
        except DiedError:
            self._foresees = False

    def _learn(self, op: str, asked: Mapping[Any, tuple[Mapping[str, Any], str]]) -> None:
        """Keep the reasons that the target gives, by key."""
        if asked:
            calls = [(dict(parameters), dtype) for parameters, dtype in asked.values()]
            reasons = self._ask("unsupported", op, calls)
            self._unsupported.update(zip(asked, reasons, strict=True))

    def excuses(self, case: Case) -> list[Excuse]:
        """Ask the target what it does otherwise by design in a case.

        Raises
        ------
        DiedError
            If the process ends, or has to be ended, first.
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
            return self._answer(*request)
        except DiedError as error:
            raise TargetError(f"{self.target}: {error} while it was imported") from error

    def _ask(self, *request: Any) -> Any:
        """Ask a target that was loaded before; if it cannot be loaded again, it has died."""
        try:
            return self._answer(*request)
        except TargetError as error:
            raise DiedError(f"a fresh process does not start: {error}") from error

    def _answer(self, *request: Any) -> Any:
        """Have a request answered, by a fresh process if there is none."""
        try:
            if self._child is None:
                self._launch()
                self._exchange(("load",), START_SECONDS)
            return self._exchange(request, self.timeout)
        except DiedError:
            self.stop()
            raise

    def _exchange(self, request: tuple[Any, ...], seconds: float) -> Any:
        child = self._child
        if child is None:
            raise DiedError("stopped")
        answer = child.ask(request, seconds)
        if isinstance(answer, TargetError):
            raise answer
        return answer

    def _launch(self) -> None:
        if self._closed:
            raise DiedError("stopped")
        arguments = ["-P", "-m", "deconv_ref.conformance.serve", self.target]
        threads = str(self._threads)
        environment = {
            "OMP_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": "passive",  # who waits for work leaves the core to the checker
            **os.environ,
        }
        if self._folders:
            environment["PYTHONPATH"] = os.pathsep.join(self._folders)
        self._child = Child(arguments, environment, self.memory)

    def stop(self) -> None:
        """End the process; the next request starts a fresh one."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _key(op: str, parameters: Mapping[str, Any], dtype: str) -> Any:
    """Tell what is asked apart."""
    return (op, dtype, tuple(parameters.items()))
