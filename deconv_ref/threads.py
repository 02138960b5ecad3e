"""Pieces of one call, spread over threads.

The pieces are compiled with ``nogil=True`` and write to different places; no sum is split between
pieces. `numba.set_num_threads` and ``NUMBA_NUM_THREADS`` bound the number of threads.

This module imports Numba; only kernels import it, and they are imported when first needed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
from numba.np.ufunc import parallel

from deconv_ref.helpers import HELPERS, shared

__all__ = ["each", "run_shares", "shared", "threads"]

ALONE = 1 << 15  # elements that one thread finishes before a second one has started
SHARES = 4  # pieces per thread, so that one slow thread does not keep the others waiting


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
        A compiled function that releases the interpreter lock and begins with::

            if shared(first, last):
                return

    number : int
        How many parts the work has.
    cost : int
        About how many elements it moves or adds in all; little work is done by one thread, and so
        is all work while the helpers are busy with a call of another thread.
    *arguments : object
        What every piece is given.

    Raises
    ------
    MemoryError
        If there is no memory for what a piece needs.
    """
    workers = threads() if cost > ALONE else 1
    pieces = min(number, SHARES * workers, cost // (ALONE // 2))
    if workers == 1 or pieces <= 1 or not HELPERS.free.acquire(blocking=False):
        piece(*arguments, 0, number)
        return
    try:
        HELPERS.invite(min(workers, pieces) - 1, pieces)
        piece(*arguments, HELPERS.address, -number)
        if HELPERS.failed:
            raise MemoryError("no memory for what a kernel needs beside its results")
    finally:
        HELPERS.free.release()


def each(function: Callable[[int], None], number: int, cost: int) -> None:
    """Call a function of Python with each of ``range(number)``; little work is done by one thread.

    Parameters
    ----------
    function : callable
        Spends its time where the interpreter lock is released.
    number : int
        How many calls.
    cost : int
        About how many elements they move or add in all.
    """
    workers = min(threads(), number) if cost > ALONE else 1
    if workers <= 1:
        for n in range(number):
            function(n)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(function, range(number)):
            pass
