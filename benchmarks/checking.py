"""Cases that the checker judges: in one process, and on more and more processes of a Dask cluster.

Each judge has the target in a process beside it, and the two take turns. CPU seconds are those of
all of them, from first to last; seconds are those of judging, from when the cluster is there, with
the start of the targets. The process that asks the cluster draws every case itself, too.
"""

import argparse
import importlib.util
import os
import time
from contextlib import nullcontext
from typing import Any

from deconv_ref.conformance.cluster import Cluster
from deconv_ref.conformance.runner import Plan, check

CASES, FEW = 4000, 400  # of each function
OP = "conv"


def run(options: argparse.Namespace) -> dict[str, Any]:
    cases = options.cases or (FEW if options.quick else CASES)
    plan = Plan((options.target,), (OP,), cases=cases, jobs=1)
    print(f"{options.target}: {cases} cases of each function of {OP}")
    print(f"{'':20}{'seconds':>11}{'a second':>11}{'CPU s':>11}{'a CPU s':>11}")
    counts = {*(2**n for n in range(10) if 2**n < options.threads), options.threads}
    clusters = sorted(counts) if importlib.util.find_spec("distributed") else []
    return {"target": options.target, "rows": [reported(plan, n) for n in (None, *clusters)]}


def reported(plan: Plan, processes: int | None) -> dict[str, Any]:
    """Judge, print a line of the table, and give it as a row of the report."""
    worked = cpu_seconds()
    with nullcontext() if processes is None else Cluster("local", processes) as cluster:
        start = time.perf_counter()
        judged_by = None if cluster is None else cluster.judge
        results = check(plan, lambda *_: None, lambda _: None, judged_by=judged_by)
        seconds = time.perf_counter() - start
    worked = cpu_seconds() - worked
    cases = sum({result.function: result.tally.cases for result in results}.values())
    label = "one process" if processes is None else f"--dask local, {processes}"
    figures = (seconds, cases / seconds, worked, cases / worked)
    print(f"{label:20}" + "".join(f"{figure:11.1f}" for figure in figures), flush=True)
    return {"processes": processes, "cases": cases, "seconds": seconds, "cpu_seconds": worked}


def cpu_seconds() -> float:
    """Add up those of this process and of all below it that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
