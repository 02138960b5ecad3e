"""One library in one process, timing calls on request.

A process each, because the libraries bring their own thread pools. Threads are equal by affinity:
a process is started on as many cores as it may use threads, so that of no library more threads can
run at a time. Where a library has a setting of its own, `start` in its module sets it too.
"""

import contextlib
import importlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benchmarks import resident

OURS = "deconv_ref"
REST = 0.01  # seconds between bursts, in which idle threads stop spinning
AGREEMENT = 1e-5  # of the norms of results; with weights in another order they differ by more

Call = Callable[[], Any]


class Worker:
    """A library in a process of its own: the methods of `Desk`, called from here."""

    def __init__(self, library: str, threads: int, environment: Mapping[str, str] = {}) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        arguments = (there, library, threads)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        with surroundings(threads, environment):
            self._process.start()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments: self._ask(method, *arguments)

    def close(self) -> None:
        """End the process."""
        self._here.send(None)
        self._process.join()

    def _ask(self, *request: Any) -> Any:
        try:
            self._here.send(request)
            return self._here.recv()
        except (EOFError, BrokenPipeError):
            raise SystemExit("a worker stopped; its error is printed above") from None


@contextlib.contextmanager
def workers(libraries: Sequence[str], threads: int) -> Iterator[dict[str, Worker]]:
    """Start deconv_ref, and those of the libraries that are installed."""
    installed = [library for library in libraries if find_spec(library) is not None]
    started = {library: Worker(library, threads) for library in (OURS, *installed)}
    yield started
    for worker in started.values():
        worker.close()


@contextlib.contextmanager
def surroundings(threads: int, environment: Mapping[str, str]) -> Iterator[None]:
    """Set what processes inherit that are started meanwhile."""
    cores, variables = os.sched_getaffinity(0), dict(os.environ)
    os.sched_setaffinity(0, sorted(cores)[:threads])
    os.environ.update(environment)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        os.environ.clear()
        os.environ.update(variables)


def serve(connection: Connection, library: str, threads: int) -> None:
    desk = Desk(library, threads)
    while (request := connection.recv()) is not None:
        method, *arguments = request
        connection.send(getattr(desk, method)(*arguments))


class Desk:
    """What a worker does on request."""

    def __init__(self, library: str, threads: int) -> None:
        self._library = importlib.import_module(f"benchmarks.libraries.{library}")
        self._library.start(threads)
        self._calls: dict[str, Call] = {}

    def prepare(self, subject: str, case: Any) -> dict[str, Any]:
        """Set up a case and call each of its modes once.

        Returns the seconds that each first call took, norms of its results, and the bytes of
        arrays that go in and out where the call tells its arguments. No modes: the library has no
        such thing.
        """
        self.set_up(subject, case)
        told: dict[str, Any] = {"seconds": {}, "norms": {}, "bytes": {}}
        for mode, call in self._calls.items():
            began = time.perf_counter()
            results = call()
            told["seconds"][mode] = time.perf_counter() - began
            arrays = [np.asarray(r) for r in results] if is_several(results) else [results]
            told["norms"][mode] = [float(np.linalg.norm(np.ravel(a).astype("d"))) for a in arrays]
            moved = [*getattr(call, "args", ()), *arrays]
            told["bytes"][mode] = sum(getattr(array, "nbytes", 0) for array in moved)
        return told

    def set_up(self, subject: str, case: Any) -> None:
        """Make a case's calls, in place of those of the case before, and call none."""
        self._calls.clear()
        self._calls = getattr(self._library, subject)(case)

    def burst(self, mode: str, seconds: float) -> list[float]:
        """Call one mode again and again; return the seconds of each call but the first."""
        call = self._calls[mode]
        call()  # caches and sleeping threads
        times: list[float] = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        return times

    def memory(self, mode: str) -> int:
        """Tell the most bytes that one call needs beyond what is there before it."""
        return resident.peak(self._calls[mode])

    def touched(self, mode: str) -> int:
        """Tell the bytes of memory that one call takes new, one after the other or at once."""
        return resident.touched(self._calls[mode])


def is_several(results: Any) -> bool:
    return isinstance(results, tuple | list)


def interleaved(
    libraries: Mapping[str, Worker], subject: str, case: Any, quick: bool
) -> dict[str, Any]:
    """Time every library in turn, again and again, so that disturbances strike them alike.

    Returns medians by mode and library, and what each library told when it was prepared.
    """
    rounds, seconds = (3, 0.03) if quick else (15, 0.06)
    told = {name: worker.prepare(subject, case) for name, worker in libraries.items()}
    check_agreement(told, case)
    modes = next(iter(told.values()))["seconds"]
    times: dict[str, dict[str, list[float]]] = {mode: {} for mode in modes}
    for _ in range(rounds):
        for mode, by_library in times.items():
            for name, worker in libraries.items():
                if mode in told[name]["seconds"]:
                    time.sleep(REST)
                    by_library.setdefault(name, []).extend(worker.burst(mode, seconds))
    medians = {
        mode: {name: statistics.median(values) for name, values in by_library.items()}
        for mode, by_library in times.items()
    }
    return {"seconds": medians, "told": told}


def check_agreement(told: Mapping[str, Mapping[str, Any]], case: Any) -> None:
    """Stop where libraries were not asked for the same."""
    reference, first = next(iter(told.items()))
    for library, said in told.items():
        for mode, norms in said["norms"].items():
            wanted = first["norms"][mode]
            both = list(zip(norms, wanted, strict=False))  # one may give indices or statistics too
            if not np.allclose(*zip(*both, strict=True), AGREEMENT, atol=0):
                name = getattr(case, "name", case)
                raise SystemExit(
                    f"{name}, {mode}: results of {library} have the norms {norms}, "
                    f"those of {reference} {wanted}"
                )
