"""Compiled pieces of one call, spread over threads.

The pieces are compiled with ``nogil=True`` and write to different places, so that plain Python
threads run them at full speed, any number of calls at a time; no sum is split between pieces.
`numba.set_num_threads` and ``NUMBA_NUM_THREADS`` bound their number.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba.np.ufunc import parallel

from deconv_ref.helpers import HELPERS, LOOKS, all_set

__all__ = ["run", "run_shares", "threads"]

ALONE = 1 << 17  # elements that one thread finishes before a second one has started
SHARES = 4  # pieces per thread, so that one slow thread does not keep the others waiting
LONG = 1e-4  # seconds to sleep between looks, while the last helper is at work


def threads() -> int:
    """Count the threads that a call may use, its own included."""
    # The public function takes two locks, to launch Numba's threads. Once they are there, what it
    # goes on to ask is there too.
    count = getattr(parallel, "_get_num_threads", numba.get_num_threads)
    return int(count())


def run_shares(piece: Callable[..., Any], number: int, cost: int, *arguments: Any) -> None:
    """Call ``piece(*arguments, first, last)`` until ``range(number)`` is covered.

    Parameters
    ----------
    piece : callable
        A compiled function that releases the interpreter lock.
    number : int
        How many parts the work has.
    cost : int
        About how many elements it moves or adds in all; little work is done by one thread.
    *arguments : object
        What every piece is given.
    """
    pieces = 1
    if cost > ALONE and (workers := threads()) > 1:
        pieces = max(1, min(number, SHARES * workers, cost // (ALONE // 2)))
    if pieces == 1:
        piece(*arguments, 0, number)
        return
    edges = [number * n // pieces for n in range(pieces + 1)]
    run(piece, [(*arguments, *edges[n : n + 2]) for n in range(pieces)])


def run(piece: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call `piece` with each of `arguments`, in no particular order.

    Parameters
    ----------
    piece : callable
        A compiled function that releases the interpreter lock.
    arguments : sequence of tuple
        The arguments of each call.

    Returns
    -------
    list
        What each call returned, in the order of `arguments`.
    """
    helpers = min(threads(), len(arguments)) - 1
    if helpers <= 0:
        return [piece(*chosen) for chosen in arguments]
    pieces = _Pieces(piece, arguments)
    HELPERS.ask(pieces.help_out, helpers)
    pieces.finish()
    return pieces.results


class _Pieces:
    """The pieces of one call, taken by whoever is free."""

    def __init__(self, piece: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> None:
        self.results: list[Any] = [None] * len(arguments)
        self._piece = piece
        # Emptied on the way: what a helper that never starts holds must not keep arrays alive.
        self._waiting = deque(enumerate(arguments))
        self._done = np.zeros(len(arguments), np.int64)
        self._faults: list[BaseException] = []
        self._begun, self._ended = deque[None](), deque[None]()

    def help_out(self) -> None:
        """Do pieces until none is left, in a thread that helps."""
        self._begun.append(None)
        self._work()
        self._ended.append(None)

    def finish(self) -> None:
        """Do pieces until none is left, and wait for the helpers."""
        try:
            self._work()
            while not all_set(self._done, LOOKS):
                time.sleep(LONG)
        except BaseException:  # an interrupt; nobody may write to the arrays from now on
            self._waiting.clear()
            while len(self._ended) < len(self._begun):
                time.sleep(LONG)
            raise
        if self._faults:
            raise self._faults[0]

    def _work(self) -> None:
        while True:
            try:
                n, arguments = self._waiting.popleft()
            except IndexError:
                return
            try:
                self.results[n] = self._piece(*arguments)
            except BaseException as fault:
                self._faults.append(fault)
            self._done[n] = 1
