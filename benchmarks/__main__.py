"""``python -m benchmarks``: a table of times and ratios."""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from benchmarks.shapes import SHAPES, Shape
from benchmarks.workers import MODES, Worker, workers

REST = 0.01  # seconds between bursts, in which idle threads stop spinning


def main() -> None:
    options = arguments()
    rows = []
    print(f"float32, {options.threads} threads, median milliseconds; ratio = torch / deconv_ref")
    print(" " * 62 + "".join(f"{mode:>34}" for mode in MODES))
    print(" " * 62 + f"{'deconv_ref     torch    ratio':>34}" * len(MODES))
    with workers(options.threads) as libraries:
        for index, shape in enumerate(SHAPES):
            if options.shapes is None or index in options.shapes:
                row = {"shape": shape.name, "index": index} | measure(libraries, shape, options)
                rows.append(row)
                print(line(row), flush=True)
    means = {mode: summary([row[mode]["ratio"] for row in rows]) for mode in MODES}
    for mode, mean in means.items():
        if mean is not None:
            print(f"{mode}: geometric mean {mean[0]:.2f}, least {mean[1]:.2f}")
    if options.json:
        report = {"threads": options.threads, "rows": rows, "ratios": means}
        options.json.write_text(json.dumps(report, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--shapes", type=int, nargs="+", metavar="INDEX", help="only these")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser.parse_args()


def measure(libraries: dict[str, Worker], shape: Shape, options: argparse.Namespace) -> dict:
    """Time every library in turn, again and again, so that disturbances strike them alike."""
    rounds, seconds = (3, 0.03) if options.quick else (9, 0.06)
    row: dict = {"prepare": {name: worker.prepare(shape) for name, worker in libraries.items()}}
    for mode in MODES:
        times: dict[str, list[float]] = {name: [] for name in libraries}
        for _ in range(rounds):
            for name, worker in libraries.items():
                time.sleep(REST)
                times[name] += worker.burst(mode, seconds)
        medians = {name: statistics.median(values) for name, values in times.items()}
        ratio = medians["torch"] / medians["deconv_ref"] if "torch" in medians else None
        row[mode] = {"seconds": medians, "ratio": ratio}
    return row


def line(row: dict) -> str:
    text = f"{row['index']:2} {row['shape']:59}"
    for mode in MODES:
        seconds, ratio = row[mode]["seconds"], row[mode]["ratio"]
        text += f"{seconds['deconv_ref'] * 1e3:14.3f}"
        text += f"{seconds['torch'] * 1e3:10.3f}{ratio:10.2f}" if ratio else f"{'-':>10}{'-':>10}"
    return text


def summary(ratios: list[float | None]) -> tuple[float, float] | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return (statistics.geometric_mean(known), min(known)) if known else None


if __name__ == "__main__":
    main()
