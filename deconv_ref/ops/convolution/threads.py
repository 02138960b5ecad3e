"""Compiled pieces of one call, spread over threads.

The pieces are compiled with ``nogil=True`` and write to different places, so that plain Python
threads run them at full speed, any number of calls at a time. `numba.set_num_threads` and
``NUMBA_NUM_THREADS`` bound their number.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

__all__ = ["run", "threads"]

_pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """Count the threads that a call may use, its own included."""
    return numba.get_num_threads()


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
    waiting = deque(range(len(arguments)))

    def work() -> None:
        while True:
            try:
                n = waiting.popleft()  # whoever is free takes the next piece
            except IndexError:
                return
            results[n] = piece(*arguments[n])

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
