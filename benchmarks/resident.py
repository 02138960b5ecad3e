"""How much memory a call needs, as the operating system sees it.

Python's `tracemalloc` knows NumPy's arrays but not those that compiled code makes for itself, nor
threads; the system knows all of them, and counts pages once they are written. For its figures to be
those of one call, `ENVIRONMENT` has the C library give every block of 64 KiB or more its own pages,
and return them when it is freed, and `settle` has pages be 4 KiB.
"""

import ctypes
import gc
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

THP_DISABLE = 41  # of prctl(2)
STATUS = Path("/proc/self/status")


def peak(call: Callable[[], Any]) -> int:
    """Give the most bytes that are resident during a call beyond those before it."""
    settle()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark comes down
    before = status("VmRSS")
    results = call()
    highest = status("VmHWM")
    del results
    return max(highest - before, 0)


def touched(call: Callable[[], Any]) -> int:
    """Give the bytes of all pages that a call is the first to touch: what it allocates, and uses.

    Memory that is freed and allocated again counts again; buffers that are kept count once.
    """
    settle()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    results = call()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del results
    return (after - before) * resource.getpagesize()


def settle() -> None:
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.prctl(THP_DISABLE, 1, 0, 0, 0)
    libc.malloc_trim(0)


def status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
