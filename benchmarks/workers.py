"""One library in one process, timing calls on request.

A process each, because the libraries bring their own thread pools.
"""

import contextlib
import importlib.util
import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.shapes import Shape

MODES = ("forward", "forward+backward")
Call = Callable[[], object]


class Worker:
    """A library in a process of its own."""

    def __init__(self, library: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, library, threads), daemon=True)
        self._process.start()

    def prepare(self, shape: Shape) -> float:
        """Set up a shape, call each mode once, and return the seconds that took."""
        return self._ask(("prepare", shape))

    def burst(self, mode: str, seconds: float) -> list[float]:
        """Call one mode again and again; return the seconds of each call but the first."""
        return self._ask(("burst", mode, seconds))

    def close(self) -> None:
        """End the process."""
        self._here.send(None)
        self._process.join()

    def _ask(self, request):
        self._here.send(request)
        try:
            return self._here.recv()
        except EOFError:
            raise SystemExit("a worker stopped; its error is printed above") from None


@contextlib.contextmanager
def workers(threads: int) -> Iterator[dict[str, Worker]]:
    """Start deconv_ref, and PyTorch where it is installed."""
    libraries = ["deconv_ref"]
    if importlib.util.find_spec("torch") is not None:
        libraries.append("torch")
    started = {library: Worker(library, threads) for library in libraries}
    yield started
    for worker in started.values():
        worker.close()


def serve(connection: Connection, library: str, threads: int) -> None:
    prepare = {"deconv_ref": prepare_ours, "torch": prepare_torch}[library]
    calls: dict[str, Call] = {}
    while (request := connection.recv()) is not None:
        if request[0] == "prepare":
            began = time.perf_counter()
            calls = prepare(request[1], threads)
            for call in calls.values():
                call()
            connection.send(time.perf_counter() - began)
        else:
            connection.send(timed(calls[request[1]], request[2]))


def timed(call: Call, seconds: float) -> list[float]:
    call()  # caches and sleeping threads
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times


def operands(shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal(s, dtype=np.float32) for s in (shape.x, shape.weight))
    return x, weight, rng.standard_normal(shape.outputs, dtype=np.float32)


def prepare_ours(shape: Shape, threads: int) -> dict[str, Call]:
    import numba

    import deconv_ref as dr

    numba.set_num_threads(threads)
    x, weight, bias = operands(shape)
    forward, backward = getattr(dr, shape.op), getattr(dr, f"{shape.op}_backward")
    grad_y = np.random.default_rng(1).standard_normal(
        forward(x, weight, bias, **shape.parameters).shape, dtype=np.float32
    )

    def both() -> None:
        forward(x, weight, bias, **shape.parameters)
        backward(grad_y, x, weight, **shape.parameters)

    calls = (lambda: forward(x, weight, bias, **shape.parameters), both)
    return dict(zip(MODES, calls, strict=True))


def prepare_torch(shape: Shape, threads: int) -> dict[str, Call]:
    import torch

    torch.set_num_threads(threads)
    leaves = [torch.from_numpy(operand).requires_grad_() for operand in operands(shape)]
    function = getattr(torch.nn.functional, f"{shape.op}{len(shape.x) - 2}d")
    grad_y = torch.randn(function(*leaves, **shape.parameters).shape)

    def forward() -> None:
        with torch.no_grad():
            function(*leaves, **shape.parameters)

    def both() -> None:
        y = function(*leaves, **shape.parameters)
        torch.autograd.grad(y, leaves, grad_y)

    return dict(zip(MODES, (forward, both), strict=True))
