"""The first convolution of a fresh process: imports, then forward, then backward.

Cold: Numba finds no kernels in its cache, and compiles them. Warm: it finds those of the process
before. Numba's own import, which the first call would otherwise pay for, is timed apart.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

PROGRAM = """
import json, time
marks, names = [time.perf_counter()], []
def mark(name):
    marks.append(time.perf_counter()); names.append(name)
import numpy as np
mark("import numpy")
import deconv_ref as dr
mark("import deconv_ref")
import numba
mark("import numba")
x, weight = np.ones((8, 3, 64, 64), np.float32), np.ones((64, 3, 3, 3), np.float32)
bias, grad_y = np.ones(64, np.float32), np.ones((8, 64, 64, 64), np.float32)
marks[-1] = time.perf_counter()
dr.conv(x, weight, bias, padding=1)
mark("first forward")
dr.conv_backward(grad_y, x, weight, padding=1)
mark("first backward")
dr.conv(x, weight, bias, padding=1)
mark("second forward")
dr.conv_backward(grad_y, x, weight, padding=1)
mark("second backward")
print(json.dumps({name: b - a for name, a, b in zip(names, marks, marks[1:])}))
"""


def run(options: argparse.Namespace) -> dict[str, Any]:
    cold, warm = [], []
    for _ in range(1 if options.quick else 3):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(start(cache, options.threads))
            warm += [start(cache, options.threads) for _ in range(3)]
    report = {"cold": medians(cold), "warm": medians(warm)}
    starts = f"{len(cold)} cold and {len(warm)} warm starts"
    print(f"{options.threads} threads, median seconds of {starts}")
    print(f"{'':20}{'cold':>10}{'warm':>10}")
    for name in report["cold"]:
        print(f"{name:20}" + "".join(f"{report[state][name]:10.3f}" for state in report))
    return report


def start(cache: str, threads: int) -> dict[str, float]:
    variables = os.environ | {"NUMBA_CACHE_DIR": cache, "NUMBA_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
