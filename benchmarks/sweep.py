"""Every float32 input of every unary function: ``python -m benchmarks.sweep``.

The float32 result of each public function, and of its gradient for a ``grad_y`` of 1, is compared
with the float64 result of the same function at the same number. (That the float64 results are right
to a few units in *their* last place, 2**-29 as large, is tested against 60 digits.) One ulp is the
distance of neighbouring float32 numbers around the float64 value. Prints a Markdown table.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

NAMES = ("relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu")
FLOATS = 1 << 32
CHUNK = 1 << 22  # inputs at a time


class Worst(NamedTuple):
    """What a sweep over one function found."""

    ulp: float
    x: float
    inputs: int
    not_nearest: int  # results more than half an ulp away
    beyond_one: int
    seconds: float


def main() -> None:
    options = arguments()
    print("| function | worst ulp | at x | inputs | not the nearest float32 | > 1 ulp | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in options.functions or [n + end for n in NAMES for end in ("", "_backward")]:
        worst = sweep(function(name), options.stride)
        columns = (
            f"`{name}`",
            f"{worst.ulp:.6f}",
            f"{worst.x!r}",
            f"{worst.inputs:,}",
            f"{worst.not_nearest:,}",
            f"{worst.beyond_one:,}",
            f"{worst.seconds:.1f}",
        )
        print("| " + " | ".join(columns) + " |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="only these")
    parser.add_argument("--stride", type=int, default=1, help="only every so many-th input")
    return parser.parse_args()


def function(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function of x alone."""
    import deconv_ref

    public = getattr(deconv_ref, name)
    if name.endswith("_backward"):
        return lambda x: public(np.ones_like(x), x)
    return public


def sweep(f: Callable[[np.ndarray], np.ndarray], stride: int) -> Worst:
    f(np.zeros(1, np.float32)), f(np.zeros(1))  # compile
    began = time.perf_counter()
    ulp, at, inputs, not_nearest, beyond_one = -1.0, np.nan, 0, 0, 0
    for first in range(0, FLOATS, CHUNK * stride):
        last = min(first + CHUNK * stride, FLOATS)
        x = np.arange(first, last, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
        with np.errstate(invalid="ignore"):  # of NaN that signals
            errors = errors_in_ulps(f(x), f(x.astype(np.float64)))
        inputs += x.size
        not_nearest += int(np.count_nonzero(errors > 0.5))
        beyond_one += int(np.count_nonzero(errors > 1))
        where = int(np.argmax(errors))
        if errors[where] > ulp:
            ulp, at = float(errors[where]), float(x[where])
    return Worst(ulp, at, inputs, not_nearest, beyond_one, time.perf_counter() - began)


@numba.njit(parallel=True)
def errors_in_ulps(got: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Divide errors by the spacing of float32 numbers at the true value; infinite if not alike."""
    errors = np.empty(got.size)
    for i in numba.prange(got.size):
        g, t = np.float64(got[i]), true[i]
        if np.isnan(t) or np.isnan(g):
            errors[i] = 0.0 if np.isnan(t) and np.isnan(g) else np.inf
        elif np.isinf(g):  # right for what rounds to 2**128 or more
            same_side = (t > 0) == (g > 0)
            errors[i] = 0.0 if same_side and abs(t) >= 2.0**128 - 2.0**103 else np.inf
        else:
            _, exponent = math.frexp(t)
            errors[i] = math.ldexp(abs(g - t), 24 - max(exponent, -125))
    return errors


if __name__ == "__main__":
    main()
