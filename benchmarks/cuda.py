"""``python -m benchmarks.cuda``: whether kernels are right on this machine's GPU, and how fast.

Every operator is judged by the checker, and the convolutions that are timed are compared with
float64 on the CPU. compute-sanitizer, where it is installed, looks for faults of memory and races.
Convolutions are timed against cuDNN, through PyTorch, and other operators against copying, under a
measured roofline. With NUMBA_ENABLE_CUDASIM=1 all of it runs in Numba's simulator, on small sizes,
and its times mean nothing.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import deconv_ref as dr
from benchmarks.__main__ import versions
from benchmarks.operators import OPERATORS, Operator
from benchmarks.roofline import seconds_at_least
from benchmarks.shapes import SHAPES, Shape, T
from benchmarks.table import Table
from benchmarks.workers import OURS
from deconv_ref.cuda import numba_cuda
from deconv_ref.errors import BackendError

CUDNN, TF32 = "cudnn", "cudnn-tf32"
MODES = ("forward", "forward+backward")
FULL = 1 << 36, 1 << 31  # operations, or bytes, that keep a large GPU busy for half a millisecond
UNIT, TINY = 2.0**-24, np.finfo(np.float64).tiny  # the first is the unit roundoff of float32
TOOLS = ("memcheck", "racecheck")
FAULTY = 3  # exit status of compute-sanitizer where it finds something

SMALL = (
    Shape("conv", (1, 2, 3, 2), (17, 2, 2, 3), padding=1),
    Shape(T, (1, 5, 3, 2), (5, 2, 3, 3), stride=2, padding=1, output_padding=1),
    Shape("conv", (2, 3, 3, 5), (3, 1, 3, 3), padding=1, groups=3),
)
"""One for each kind of kernel: in tiles, in phases to few channels, depthwise."""

SMALL_OPERATORS = (
    Operator("max_pool", (1, 2, 4, 4), {"kernel_size": 2}),
    Operator("batch_norm", (2, 3, 3, 2), {"training": True}),
    Operator("mse", (2, 2, 3, 3)),
)
CELLS = 1 << 26  # numbers of an operand that no cache holds


def main() -> int:
    options = arguments()
    try:
        numba_cuda("benchmarks.cuda")
    except BackendError as fault:
        print(fault, file=sys.stderr)
        return 2
    from benchmarks import device

    if options.small:
        return 0 if all(map(is_right, SMALL)) else 1
    print(f"{device.name()}{', whose times mean nothing' if device.SIMULATED else ''}", flush=True)
    shapes = list(SMALL) if device.SIMULATED else [SHAPES[n] for n in options.shapes]
    verdicts = [checked(options), sanitized(device.SIMULATED), *map(is_right, shapes)]
    rates = device.rates(options.quick)
    report = {"device": device.name(), "versions": versions(), "sound": all(verdicts)}
    report |= {"machine": rates, "rows": timed(shapes, rates, options)}
    report["operators"] = operators_timed(rates, options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    return 0 if all(verdicts) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer cases and repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the roofline")
    number = range(len(SHAPES))
    text = "only these convolutions"
    parser.add_argument(
        "--shapes", type=int, nargs="+", metavar="N", help=text, choices=number, default=number
    )
    text = "the checker judges only these operators, or none"
    parser.add_argument("--op", nargs="*", metavar="NAME", help=text)
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)  # see `sanitized`
    return parser.parse_args()


def checked(options: argparse.Namespace) -> bool:
    """Run the checker on our kernels: every operator, exactly or within proven bounds."""
    if options.op == []:
        return True
    operators = [word for name in options.op or () for word in ("--op", name)]
    cases = "5" if options.quick else "200"
    command = [sys.executable, "-m", "deconv_ref", "check", "cuda", "--cases", cases, *operators]
    return subprocess.run(command, check=False).returncode == 0


def sanitized(simulated: bool) -> bool:
    """Run each kind of kernel on a small case under compute-sanitizer, and tell what it found."""
    sanitizer = shutil.which("compute-sanitizer")
    if simulated or sanitizer is None:
        print("compute-sanitizer: not run,", "simulated" if simulated else "not installed")
        return True
    sound = True
    for tool in TOOLS:
        command = [sanitizer, "--tool", tool, "--error-exitcode", str(FAULTY)]
        command += [sys.executable, "-m", "benchmarks.cuda", "--small"]
        found = subprocess.run(command, check=False, capture_output=True, text=True)
        print(f"compute-sanitizer {tool}: {(found.stdout.splitlines() or ['no output'])[-1]}")
        sound &= found.returncode == 0
    return sound


def is_right(shape: Shape) -> bool:
    """Compare two samples of a convolution and its gradients with float64, by the proven bound.

    |error| <= gamma_n sum |x| |w|, n the number of terms, for every element.
    """
    from benchmarks import device

    shape = shape._replace(x=(min(2, shape.x[0]), *shape.x[1:]))
    arrays = shape.arrays()
    got = both(shape, *map(device.cuda.to_device, arrays))
    true = both(shape, *(array.astype(np.float64) for array in arrays))
    sizes = both(shape, *(abs(array).astype(np.float64) for array in arrays))
    of_bound = []
    for g, t, s, n in zip(got, true, sizes, terms_of(shape), strict=True):
        gamma = n * UNIT / (1 - n * UNIT)
        error = abs(g.copy_to_host() - t)
        of_bound.append(float(np.max(error / np.maximum(gamma * s, TINY))))
    right = max(of_bound) <= 1
    parts = ", ".join(f"{ratio:.1e}" for ratio in of_bound)
    print(f"{'right' if right else 'WRONG'}: {shape.name}")
    print(f"   y and the gradients of x, weight, bias: {parts} of the bound", flush=True)
    return right


def terms_of(shape: Shape) -> tuple[int, int, int, int]:
    """Count the terms of an element of y, and of the gradients of x, weight and bias."""
    filters, channels, *taps = shape.weight
    forth, back = channels * prod(taps), filters // shape.groups * prod(taps)
    if shape.op == T:
        forth, back = back, forth
    positions = min(prod(shape.x[2:]), prod(shape.y[2:]))
    return forth + 1, back, shape.x[0] * positions, shape.x[0] * prod(shape.y[2:])


def both(shape: Shape, x: Any, weight: Any, bias: Any, grad_y: Any) -> list[Any]:
    """Give y and all gradients."""
    y = getattr(dr, shape.op)(x, weight, bias, **shape.parameters)
    return [y, *getattr(dr, f"{shape.op}_backward")(grad_y, x, weight, **shape.parameters)]


def timed(
    shapes: list[Shape], rates: dict[str, float], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Time convolutions, each with a batch that fills the GPU, under the roofline."""
    from benchmarks import device

    tera = {dtype: rates[dtype] / 1e12 for dtype in ("float32", "float64")}
    print(f"measured: {tera['float32']:.2f} TFLOP/s in float32, {tera['float64']:.2f} in float64,")
    print(f"copies {rates['copy'] / 1e9:.0f} GB/s (read + written)")
    libraries = [OURS, *((CUDNN, TF32) if cudnn() else ())]
    print(f"median milliseconds; {CUDNN} in strict float32, {TF32} with TF32 allowed")
    table = Table(72, libraries, extras=("TFLOP/s", "of bound"))
    print(table.header())
    rows = []
    for index, shape in enumerate(shapes):
        full = enlarged(shape, device.free())
        row: dict[str, Any] = {"index": index, "shape": full.name, "dtype": full.dtype}
        for mode in MODES:
            seconds = device.medians(calls(full, mode, libraries), options.quick)
            flops, moved = full.flops(mode), full.bytes(mode)
            bound = seconds_at_least(rates, full.dtype, flops, moved)
            row[mode] = {"seconds": seconds, "flops": flops, "bytes": moved, "bound": bound}
            ours = seconds[OURS]
            extras = f"{flops / ours / 1e12:.2f}", f"{bound / ours:.0%}"
            label = f"{index:2} {full.name}" if mode == MODES[0] else "   and backward"
            print(table.line(label, seconds, *extras), flush=True)
        rows.append(row)
    for mode in MODES if cudnn() else ():
        print(table.summary(mode, [row[mode]["seconds"] for row in rows]))
    if options.plot:
        from benchmarks import plot

        plot.draw_roofline(options.plot, rates, rows)
    return rows


def operators_timed(rates: dict[str, float], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time other operators, and tell at what share of the copy rate they move their arrays."""
    from benchmarks import device
    from benchmarks.libraries import deconv_ref as ours

    print("median milliseconds; share of the measured copy rate")
    rows = []
    for case in SMALL_OPERATORS if device.SIMULATED else OPERATORS:
        there = OnDevice(**vars(case if device.SIMULATED else case.enlarged(CELLS)))
        for mode, call in ours.operator(there).items():
            results = call()
            arrays = [*call.args, *(results if isinstance(results, tuple) else [results])]
            moved = sum(getattr(array, "nbytes", 0) for array in arrays)
            seconds = device.medians({OURS: [call]}, options.quick)[OURS]
            share = moved / rates["copy"] / seconds
            rows.append({"operator": there.name, "mode": mode, "seconds": seconds, "share": share})
            print(f"{there.name} {mode:40}"[:90].ljust(92), f"{seconds * 1e3:10.3f} {share:6.0%}")
    return rows


class OnDevice(Operator):
    """An operator on arrays of the GPU."""

    def arrays(self) -> list[Any]:
        """Draw the operands there."""
        from benchmarks import device

        return list(map(device.cuda.to_device, super().arrays()))

    def gradient(self, y: Any) -> Any:
        """Draw grad_y there; that of a loss is 1."""
        from benchmarks import device

        return device.filled(y.shape, np.float32, 1) if y.shape else None


def enlarged(shape: Shape, free: int) -> Shape:
    """Double the batch until a call keeps the GPU busy, or a quarter of the free memory is used."""
    while True:
        twice = shape._replace(x=(2 * shape.x[0], *shape.x[1:]))
        busy = shape.flops("forward") >= FULL[0] or shape.bytes("forward") >= FULL[1]
        if busy or 4 * twice.bytes(MODES[1]) > free:
            return shape
        shape = twice


def calls(shape: Shape, mode: str, libraries: list[str]) -> dict[str, list[Callable[[], object]]]:
    """Give the calls of each library, on as many sets of arrays as empty the cache."""
    from benchmarks import device

    shapes = shape.x, shape.weight, shape.y[1:2], shape.y
    number = device.sets_of(shape.bytes("forward"))
    sets = [
        [device.filled(size, shape.dtype, seed + 4 * n) for seed, size in enumerate(shapes)]
        for n in range(number)
    ]
    ours = both if mode == MODES[1] else forward
    made = {OURS: [lambda s=s: ours(shape, *s) for s in sets]}
    for library in libraries[1:]:
        made[library] = list(of_cudnn(shape, mode, sets, tf32=library == TF32))
    return made


def forward(shape: Shape, x: Any, weight: Any, bias: Any, grad_y: Any) -> Any:
    return getattr(dr, shape.op)(x, weight, bias, **shape.parameters)


def cudnn() -> bool:
    """Tell whether PyTorch is here and finds the GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def of_cudnn(
    shape: Shape, mode: str, sets: list[list[Any]], tf32: bool
) -> Iterator[Callable[[], object]]:
    """Give PyTorch's calls on the same arrays; cuDNN is let try its algorithms."""
    import torch

    torch.backends.cudnn.benchmark = True
    parameters = shape.parameters
    backward_mask = [True, True, True]
    order = (parameters["stride"], parameters["padding"], parameters["dilation"], shape.op == T)
    order += (shape.per_axis("output_padding"), shape.groups)

    def call(x: Any, weight: Any, bias: Any, grad_y: Any) -> Any:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        y = torch.ops.aten.convolution(x, weight, bias, *order)
        if mode == MODES[0]:
            return y
        sizes = [len(bias)]
        backward = torch.ops.aten.convolution_backward
        return y, backward(grad_y, x, weight, sizes, *order, backward_mask)

    for arrays in sets:
        tensors = [torch.as_tensor(array, device="cuda") for array in arrays]
        yield lambda tensors=tensors: call(*tensors)


if __name__ == "__main__":
    sys.exit(main())
