"""Compiled pieces of one call, spread over threads.

The pieces are compiled with ``nogil=True`` and write to different places, so that plain Python
threads run them at full speed, any number of calls at a time; no sum is split between pieces.
`numba.set_num_threads` and ``NUMBA_NUM_THREADS`` bound their number.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
from numba.np.ufunc import parallel

__all__ = ["run", "run_shares", "threads"]

ALONE = 1 << 17  # elements that one thread finishes before a second one has started
SHARES = 4  # pieces per thread, so that one slow thread does not keep the others waiting

_pool: ThreadPoolExecutor | None = None


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
    results: list[Any] = [None] * len(arguments)
    # Emptied on the way: what a helper that never starts holds must not keep arrays alive.
    waiting = deque(enumerate(arguments))

    def work() -> None:
        while True:
            try:
                n, chosen = waiting.popleft()  # whoever is free takes the next piece
            except IndexError:
                return
            results[n] = piece(*chosen)

    pending = [_executor().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        for helper in pending:
            if not helper.cancel():  # one that has not started has nothing left to do
                helper.result()
    return results


def _executor() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        workers = max(numba.config.NUMBA_NUM_THREADS - 1, 1)
        _pool = ThreadPoolExecutor(workers, thread_name_prefix="deconv_ref")
    return _pool


def _forget() -> None:
    """Leave the parent's threads behind: a forked child has none of them."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
