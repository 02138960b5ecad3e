"""Threads that wait for work with open eyes.

To wake a thread takes the operating system some fifty microseconds, as long as a small operator
takes in all. A helper that has finished therefore looks out for the next call for a while, in
compiled code that leaves the interpreter to others, before it goes to sleep.

This module imports Numba; only `deconv_ref.threads` imports it, when first needed.
"""

import os
import threading
from collections import deque
from collections.abc import Callable

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

__all__ = ["HELPERS", "LOOKS", "Helpers", "all_set"]

LOOKS = 1 << 18  # at memory that does not change, a quarter of a millisecond or less


@intrinsic
def look(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Read an element that another thread may be changing."""
    signature = array.dtype(array, types.int64)

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        return builder.load_atomic(place, "acquire", 8)

    return signature, codegen


@numba.njit(cache=True, nogil=True)
def has_changed(bell, heard, looks):  # type: ignore[no-untyped-def]
    """Look out for another value of ``bell[0]``."""
    for _ in range(looks):  # noqa: SIM110 - Numba compiles no generators here
        if look(bell, 0) != heard:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def all_set(flags, looks):  # type: ignore[no-untyped-def]
    """Look out until no flag is 0."""
    first = 0
    for _ in range(looks):
        while first < flags.size and look(flags, first) != 0:
            first += 1
        if first == flags.size:
            return True
    return False


class Helpers:
    """Threads beside the one that calls, started when first asked for.

    Parameters
    ----------
    most : int
        How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()

    def forget(self) -> None:
        """Begin without threads: a forked child has none of its parent's."""
        self._count = self._sleeping = 0
        self._jobs: deque[Callable[[], None]] = deque()
        self._bell = np.zeros(1, np.int64)  # rung for every job
        self._lock, self._alarm = threading.Lock(), threading.Semaphore(0)

    def ask(self, job: Callable[[], None], count: int) -> None:
        """Let so many helpers call `job`; it must be over at once where nothing is left to do."""
        self._jobs.extend([job] * count)
        self._bell[0] += 1
        with self._lock:
            missing = min(count, self._most) - self._count
            sleeping, self._sleeping = self._sleeping, max(self._sleeping - count, 0)
            self._count += max(missing, 0)
        for _ in range(missing):
            name = "deconv_ref helper"
            threading.Thread(target=self._help, name=name, daemon=True).start()
        for _ in range(min(sleeping, count)):
            self._alarm.release()

    def _help(self) -> None:
        heard = 0
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                if not has_changed(self._bell, heard, LOOKS):
                    self._sleep()
                heard = self._bell[0]
                continue
            job()
            del job  # and the arrays that it knows

    def _sleep(self) -> None:
        with self._lock:
            if self._jobs:  # it came in between
                return
            self._sleeping += 1
        self._alarm.acquire()


HELPERS = Helpers(max(numba.config.NUMBA_NUM_THREADS - 1, 1))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HELPERS.forget)
