"""Time and peak memory of one convolution as one of its sizes, or the number of threads, grows.

The exponent p is that of ``time ~ size ** p``, fitted by least squares to the logarithms. Products
grow with the batch's first power, and with the second one of channels (in and out alike), of the
image's side and of the kernel's side; memory does with batch, channels and the side squared. It is
that of inputs and results with what a call needs beside them.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import resident
from benchmarks.shapes import Shape
from benchmarks.table import exponent
from benchmarks.workers import OURS, Worker, interleaved

MODES = ("forward", "backward")
UNITS = {"milliseconds": (1e-3, "seconds"), "MiB": (1 << 20, "bytes")}


def shape(batch: int = 8, channels: int = 32, side: int = 32, kernel: int = 3) -> Shape:
    x, weight = (batch, channels, side, side), (channels, channels, kernel, kernel)
    return Shape("conv", x, weight, padding=kernel // 2)


AXES: Mapping[str, tuple[int, ...]] = {
    "batch": (1, 2, 4, 8, 16, 32),
    "channels": (4, 8, 16, 32, 64, 128),
    "side": (8, 16, 32, 64, 128),
    "kernel": (1, 3, 5, 7, 9, 11),
}


def run(options: argparse.Namespace) -> dict[str, Any]:
    print(f"float32, {options.threads} threads, around {shape().name}; the last column: exponents")
    rows = [*sizes(options), *threads(options)]
    return {"rows": rows}


def sizes(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    timed = Worker(OURS, options.threads)
    counted = Worker(OURS, options.threads, resident.ENVIRONMENT)
    for axis, steps in AXES.items():
        shapes = [shape(**{axis: size}) for size in steps]
        seconds = interleaved({OURS: timed}, "sizes", shapes, options.quick)["seconds"]
        counted.prepare("sizes", shapes)
        for mode in MODES:
            names = [f"{n} {mode}" for n in range(len(steps))]
            times = [seconds[name][OURS] for name in names]
            beside = [counted.memory(name) for name in names]
            whole = [given(s, mode) + more for s, more in zip(shapes, beside, strict=True)]
            yield reported(axis, mode, steps, {"milliseconds": times, "MiB": whole})
    timed.close()
    counted.close()


def threads(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Time the middle shape in workers that are started on one core, two, four and so on."""
    counts = sorted({*(2**n for n in range(10) if 2**n < options.threads), options.threads})
    timed = {str(count): Worker(OURS, count) for count in counts}
    seconds = interleaved(timed, "sizes", [shape()], options.quick)["seconds"]
    for mode in MODES:
        times = list(seconds[f"0 {mode}"].values())
        yield reported("threads", mode, counts, {"milliseconds": times})
    for worker in timed.values():
        worker.close()


def given(shape: Shape, mode: str) -> int:
    """Count the bytes of what a call is given; its results come with the call."""
    x, weight, bias, grad_y = (array.nbytes for array in shape.arrays())
    return x + weight + (bias if mode == "forward" else grad_y)


def reported(
    axis: str, mode: str, steps: Sequence[int], series: dict[str, list[float]]
) -> dict[str, Any]:
    """Print a series of each unit with its exponent, and give them as a row of the report."""
    print(f"{f'{axis}, {mode}':20}" + "".join(f"{size:10}" for size in steps))
    row: dict[str, Any] = {"axis": axis, "mode": mode, "sizes": list(steps), "exponents": {}}
    for unit, values in series.items():
        scale, name = UNITS[unit]
        fitted = exponent(steps, values) if len(steps) > 1 else math.nan
        row[name], row["exponents"][name] = values, fitted
        shown = "".join(f"{value / scale:10.3f}" for value in values)
        print(f"  {unit:18}{shown}{fitted:10.2f}", flush=True)
    return row
