"""What this machine can do at best: fused multiply-adds in registers, and copying.

A call that does `flops` operations on `bytes` that it must read or write cannot take less time than
``max(flops / rate, bytes / bandwidth)``, unless the bytes are in the caches already.
"""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

from benchmarks.workers import surroundings

COPIED = 1 << 28  # bytes, more than caches have
ROUNDS = 200_000  # of the loop: some ten milliseconds
UNROLLED = 4  # multiply-adds of each sum in the body of the loop

Rates = dict[str, float]


def measure(threads: int, quick: bool) -> Rates:
    """Give operations per second by dtype, and bytes read and written per second by "copy"."""
    context = multiprocessing.get_context("spawn")
    with surroundings(threads, {}), ProcessPoolExecutor(1, context) as pool:
        return pool.submit(rates, threads, 0.5 if quick else 3.0).result()


def described(rates: Rates) -> str:
    return (
        f"this machine: {rates['float32'] / 1e9:.0f} GFLOP/s in float32, "
        f"{rates['float64'] / 1e9:.0f} in float64, copies {rates['copy'] / 1e9:.1f} GB/s "
        "(read + written)"
    )


def seconds_at_least(rates: Rates, dtype: str, flops: float, moved: float) -> float:
    return max(flops / rates[dtype], moved / rates["copy"])


def rates(threads: int, seconds: float) -> Rates:
    """Measure all threads at once, and take the best: only disturbances make them slow."""
    with ThreadPoolExecutor(threads) as pool:

        def best(piece: Callable[[int], object]) -> float:
            times: list[float] = []
            end = time.perf_counter() + seconds
            while len(times) < 3 or time.perf_counter() < end:
                began = time.perf_counter()
                list(pool.map(piece, range(threads)))
                times.append(time.perf_counter() - began)
            return min(times)

        found = {}
        for dtype in ("float32", "float64"):
            flops, piece = multiply_adds(threads, dtype)
            found[dtype] = flops / best(piece)
        found["copy"] = 2 * COPIED / best(copies(threads))
    return found


def copies(threads: int) -> Callable[[int], object]:
    sources, targets = (np.ones((threads, COPIED // threads), np.uint8) for _ in range(2))
    return lambda thread: np.copyto(targets[thread], sources[thread])


def multiply_adds(threads: int, dtype: str) -> tuple[int, Callable[[int], object]]:
    """Compile a loop on as many sums as there are registers to spare; give its operations too.

    Each sum waits for its last multiply-add, so there must be more sums than the processor has
    multiply-adds under way.
    """
    import numba
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    from deconv_ref.emitter import REGISTERS, VECTOR_BYTES, Emitter

    chains = REGISTERS - 4
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize

    @intrinsic
    def loop(typing_context, sums, rounds):
        def codegen(context, builder, signature, arguments):
            kind = signature.args[0]
            e = Emitter(context, builder, kind, VECTOR_BYTES)
            places = [
                e.at(e.data(kind, arguments[0]), e.number(n * lanes)) for n in range(chains + 2)
            ]
            slots = e.slots(chains)
            for slot, place in zip(slots, places, strict=False):
                builder.store(e.load(place), slot)
            a, b = map(e.load, places[chains:])
            with cgutils.for_range(builder, arguments[1]):
                for slot in slots * UNROLLED:
                    e.multiply_add(slot, a, b)
            for slot, place in zip(slots, places, strict=False):
                e.store(builder.load(slot), place)
            return context.get_dummy_value()

        return types.void(sums, types.int64), codegen

    @numba.njit(nogil=True)
    def run(sums, rounds):
        loop(sums, rounds)

    sums = np.full((threads, (chains + 2) * lanes), 0.5, dtype)
    run(sums[0], 1)
    flops = threads * ROUNDS * UNROLLED * chains * lanes * 2
    return flops, lambda thread: run(sums[thread], ROUNDS)
