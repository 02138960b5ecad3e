"""``python -m benchmarks [SUBJECT]``: tables of times, ratios and memory."""

import argparse
import importlib
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

SUBJECTS = {
    "convolutions": "convolutions against PyTorch and JAX, under the roofline (the default)",
    "operators": "pooling, resampling, activations, losses and the like against PyTorch",
    "training": "one step of training against PyTorch, Keras and JAX",
    "scaling": "how time and memory of a convolution grow, with exponents",
    "memory": "peak memory of convolutions, and what steps of training allocate",
    "start": "the first call in a fresh process, with a cold and a warm cache of kernels",
    "checking": "cases that the checker judges in a second, and its scaling on a Dask cluster",
}
PACKAGES = ("numpy", "numba", "torch", "jax", "keras", "tensorflow", "tensorflow-cpu")


def main() -> None:
    given = sys.argv[1:]
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "convolutions")
    options = arguments(given)
    module = importlib.import_module(f"benchmarks.{options.subject}")
    report = {"subject": options.subject, "threads": options.threads, "versions": versions()}
    report |= module.run(options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    subjects = parser.add_subparsers(dest="subject", required=True)
    cores = len(os.sched_getaffinity(0))
    for name, text in SUBJECTS.items():
        subject = subjects.add_parser(name, help=text, description=text)
        subject.add_argument("--threads", type=int, default=cores, choices=range(1, cores + 1))
        subject.add_argument("--quick", action="store_true", help="fewer repetitions")
        subject.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
        if name == "convolutions":
            subject.add_argument("--shapes", type=int, nargs="+", metavar="N", help="only these")
            subject.add_argument("--more", action="store_true", help="awkward shapes instead")
            subject.add_argument("--plot", type=Path, metavar="FILE", help="draw the roofline")
        if name == "checking":
            subject.add_argument("--target", default="torch", help="what is judged")
            subject.add_argument("--cases", type=positive, metavar="N", help="of each function")
    return parser.parse_args(given)


def positive(text: str) -> int:
    """Read a number of cases."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def versions() -> dict[str, str]:
    installed = {package: version(package) for package in PACKAGES}
    known = {package: found for package, found in installed.items() if found is not None}
    return {"python": platform.python_version(), **known}


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
