"""One step of training: forward, loss, backward and Adam's update, and the loss as a number.

The same networks from the same weights, as `deconv-ref check --network` trains them; that the first
losses agree is checked here too.
"""

import argparse
from typing import Any

from benchmarks.networks import tasks
from benchmarks.table import FASTEST, Table
from benchmarks.workers import interleaved, workers

FRAMEWORKS = ("torch", "keras", "jax")


def run(options: argparse.Namespace) -> dict[str, Any]:
    print(
        f"float32, {options.threads} threads, median milliseconds of a step; "
        f"/{FASTEST} = the fastest framework's time / deconv_ref's"
    )
    rows = []
    with workers(FRAMEWORKS, options.threads) as libraries:
        table = Table(26, libraries, [FASTEST])
        print(table.header())
        for task in tasks():
            measured = interleaved(libraries, "training", task, options.quick)
            seconds = measured["seconds"]["step"]
            first = {name: told["seconds"]["step"] for name, told in measured["told"].items()}
            losses = {name: told["norms"]["step"][0] for name, told in measured["told"].items()}
            rows.append({"system": task.name, "seconds": seconds, "first": first, "loss": losses})
            print(table.line(task.name, seconds))
            print(table.line("   first step, compiling", first), flush=True)
    print(table.summary("training", [row["seconds"] for row in rows]))
    return {"rows": rows}
