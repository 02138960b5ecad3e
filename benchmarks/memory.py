"""Peak memory of convolutions over their bound, and what steps of training allocate.

Of each shape: the bytes of what a call is given and gives, the most that was resident during it,
and the bound, inputs + outputs + 25 % + 8 MiB. Of the training of system A: the bytes of memory
that each step takes new from the system, which a step that reuses its buffers does not.
"""

import argparse
from typing import Any

from benchmarks import resident
from benchmarks.networks import tasks
from benchmarks.shapes import SHAPES, Shape
from benchmarks.workers import OURS, Worker

MIB = 1 << 20
STEPS = 5


def run(options: argparse.Namespace) -> dict[str, Any]:
    worker = Worker(OURS, options.threads, resident.ENVIRONMENT)
    print(f"{options.threads} threads, MiB; bound = inputs + outputs + 25 % + 8 MiB")
    print(f"{'':68}{'in + out':>10}{'peak':>10}{'bound':>10}")
    repetitions = 1 if options.quick else 5
    rows = [row for shape in SHAPES for row in measure(worker, shape, repetitions)]
    above = sum(row["peak"] > row["bound"] for row in rows)
    print(f"above their bound: {above} of {len(rows)}")
    steps = train(worker)
    worker.close()
    return {"rows": rows, "steps": steps}


def measure(worker: Worker, shape: Shape, repetitions: int) -> list[dict[str, Any]]:
    worker.prepare("gradients", shape)  # calls both, so that kernels are there
    x, weight, bias, y = (array.nbytes for array in shape.arrays())
    calls = {
        "forward": (x + weight + bias, y),
        "backward": (x + weight + y, x + weight + bias),
    }
    rows = []
    for mode, (given, results) in calls.items():
        peak = given + max(worker.memory(mode) for _ in range(repetitions))
        bound = 1.25 * (given + results) + 8 * MIB
        row = {"shape": shape.name, "mode": mode, "arrays": given + results}
        rows.append(row | {"peak": peak, "bound": bound})
        shown = "".join(f"{n / MIB:10.2f}" for n in (given + results, peak, bound))
        verdict = "holds" if peak <= bound else "ABOVE"
        print(f"{f'{shape.name} {mode}':68}{shown}{verdict:>10}", flush=True)
    return rows


def train(worker: Worker) -> list[int]:
    """Train system A anew, after one of its kind has had the kernels compiled."""
    task = tasks()[0]
    worker.prepare("training", task)
    worker.set_up("training", task)
    steps = [worker.touched("step") for _ in range(STEPS)]
    shown = ", ".join(f"{taken / MIB:.2f}" for taken in steps)
    print(f"MiB that steps 1 to {STEPS} of system {task.name}, allocate: {shown}")
    print(f"step {STEPS}: {steps[-1] / steps[0]:.1%} of step 1")
    return steps
