"""Convolutions, each library in a process of its own, against what the machine can do."""

import argparse
from typing import Any

from benchmarks import roofline
from benchmarks.shapes import MORE, SHAPES, Shape
from benchmarks.table import Table
from benchmarks.workers import OURS, interleaved, workers

MODES = ("forward", "forward+backward")


def run(options: argparse.Namespace) -> dict[str, Any]:
    rates = roofline.measure(options.threads, options.quick)
    print(roofline.described(rates))
    print(f"{options.threads} threads, median milliseconds; /library = its time / deconv_ref's;")
    print("GFLOP/s and share of the roofline's bound are deconv_ref's")
    rows = []
    with workers(["torch", "jax"], options.threads) as libraries:
        table = Table(68, libraries, extras=("GFLOP/s", "of bound"))
        print(table.header())
        for index, shape in enumerate(MORE if options.more else SHAPES):
            if options.shapes is None or index in options.shapes:
                measured = interleaved(libraries, "convolution", shape, options.quick)
                row = {"index": index, "shape": shape.name, "dtype": shape.dtype}
                row |= {mode: figures(shape, mode, measured, rates) for mode in MODES}
                rows.append(row)
                print_row(table, row)
    for mode in MODES:
        print(table.summary(mode, [row[mode]["seconds"] for row in rows]))
    if options.plot:
        from benchmarks import plot

        plot.draw_roofline(options.plot, rates, rows)
    return {"machine": rates, "rows": rows}


def figures(shape: Shape, mode: str, measured: dict[str, Any], rates: roofline.Rates) -> dict:
    """Gather times, what had to be done in them, and in what time that can be done at best."""
    flops, moved = shape.flops(mode), shape.bytes(mode)
    return {
        "seconds": measured["seconds"][mode],
        "first": {name: told["seconds"][mode] for name, told in measured["told"].items()},
        "flops": flops,
        "bytes": moved,
        "bound": roofline.seconds_at_least(rates, shape.dtype, flops, moved),
    }


def print_row(table: Table, row: dict[str, Any]) -> None:
    labels = (f"{row['index']:2} {row['shape']}", " " * 3 + "and backward")
    for label, mode in zip(labels, MODES, strict=True):
        seconds, ours = row[mode]["seconds"], row[mode]["seconds"][OURS]
        extras = f"{row[mode]['flops'] / ours / 1e9:.1f}", f"{row[mode]['bound'] / ours:.0%}"
        print(table.line(label, seconds, *extras), flush=True)
