"""What a GPU can do at best, how calls on it are timed, and arrays that leave nothing in its cache.

In Numba's simulator all of it runs, on a few numbers; its times mean nothing.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numba
import numpy as np
from numba import config, cuda

from deconv_ref.cuda.instructions import LANES, fma, load_vector, store_vector

SIMULATED = bool(config.ENABLE_CUDASIM)
THREADS, BLOCKS_EACH = (2, 1) if SIMULATED else (256, 8)  # of a block; for each multiprocessor
COPIED = 1 << (6 if SIMULATED else 30)  # bytes: more than any cache
CHAINS, UNROLLED, ROUNDS = 16, 4, (2 if SIMULATED else 4096)  # multiply-adds of a thread
DRAWN = 1 << 22  # random numbers that arrays are filled with, again and again
WARM, CALLS = (0, 1) if SIMULATED else (3, 30)

Rates = dict[str, float]


def name() -> str:
    """Name the GPU."""
    if SIMULATED:
        return "Numba's simulator"
    found = cuda.get_current_device().name
    return found.decode() if isinstance(found, bytes) else found


def multiprocessors() -> int:
    return 1 if SIMULATED else cuda.get_current_device().MULTIPROCESSOR_COUNT


def cache() -> int:
    """Give the bytes of the second-level cache."""
    return 0 if SIMULATED else cuda.get_current_device().L2_CACHE_SIZE


def free() -> int:
    """Give the bytes of memory that nothing uses."""
    return 0 if SIMULATED else cuda.current_context().get_memory_info().free


def seconds_of(call: Callable[[], object]) -> float:
    """Time one call, from event to event; in the simulator by the clock."""
    if SIMULATED:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began
    first, last = cuda.event(), cuda.event()
    first.record()
    call()
    last.record()
    last.synchronize()
    return cuda.event_elapsed_time(first, last) / 1e3


def medians(calls: Mapping[str, Iterable[Callable[[], object]]], quick: bool) -> dict[str, float]:
    """Time calls in turn, each on one set of its arrays after the other; give median seconds."""
    turns = {of: list(sets) for of, sets in calls.items()}
    times: dict[str, list[float]] = {of: [] for of in turns}
    number = CALLS // 3 if quick and CALLS > 3 else CALLS
    for turn in range(WARM + number):
        for of, sets in turns.items():
            seconds = seconds_of(sets[turn % len(sets)])
            if turn >= WARM:
                times[of].append(seconds)
    return {of: statistics.median(values) for of, values in times.items()}


def filled(shape: tuple[int, ...], dtype: Any, seed: int) -> Any:
    """Make an array on the GPU of random numbers, which repeat."""
    size = int(np.prod(shape))
    drawn = np.random.default_rng(seed).standard_normal(min(DRAWN, size)).astype(dtype)
    return cuda.to_device(np.resize(drawn, shape))


def sets_of(moved: int) -> int:
    """Count the sets of arrays that are used in turn, so that none is still in the cache."""
    return 1 if SIMULATED else 1 + -(-2 * cache() // moved)


def rates(quick: bool) -> Rates:
    """Give operations per second by dtype, and bytes read and written per second by "copy"."""
    blocks = BLOCKS_EACH * multiprocessors()
    found = {}
    for dtype in (np.float32, np.float64):
        kernel, out = multiply_adds(np.dtype(dtype)), filled((blocks * THREADS,), dtype, 0)
        runs = [lambda k=kernel, o=out: k[blocks, THREADS](o, 0.5, 0.25)]
        flops = 2 * blocks * THREADS * CHAINS * UNROLLED * ROUNDS
        found[np.dtype(dtype).name] = flops / medians({"": runs}, quick)[""]
    source = filled((COPIED // 4,), np.float32, 0)
    target = cuda.device_array_like(source)
    runs = [lambda: copy[blocks, THREADS](target, source)]
    return found | {"copy": 2 * COPIED / medians({"": runs}, quick)[""]}


def multiply_adds(dtype: np.dtype) -> Any:
    """Make a kernel of multiply-adds in registers, more of them than are under way at a time."""
    number = numba.from_dtype(dtype)

    @cuda.jit
    def run(out, a, b):
        sums = cuda.local.array(CHAINS, number)
        at = cuda.grid(1)
        for chain in range(CHAINS):
            sums[chain] = out[at] + chain
        a, b = out[at] * a, out[at] * b
        for _ in range(ROUNDS):
            for _ in range(UNROLLED):
                for chain in range(CHAINS):
                    sums[chain] = fma(sums[chain], a, b)
        for chain in range(CHAINS):
            out[at] += sums[chain]

    return run


@cuda.jit
def copy(target, source):
    vector = cuda.local.array(4, numba.float32)
    lanes = LANES[4]
    for at in range(cuda.grid(1) * lanes, source.size, cuda.gridsize(1) * lanes):
        load_vector(source, at, vector, 0)
        store_vector(target, at, vector, 0)
