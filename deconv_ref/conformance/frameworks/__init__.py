"""Targets by name: an adapter a file, and any module or file with the contract's functions.

An adapter translates between deconv_ref's conventions and its framework's. Its source goes into
stand-alone counterexamples, so it imports NumPy and its framework alone.

SPELLINGS says how the framework spells our operators, for docs/conventions.md. Its keys are ``op``,
``op.parameter`` and ``op.parameter="value"``, with ``op_backward`` for the gradient; "operators"
and "gradients" stand for all that have no key of their own, and one text may have several keys,
with spaces between. A text is what one would write, then, after a semicolon, remarks. Of a
parameter that is the same there nothing is said. DIFFERENCES says which results differ by design.

What trains networks by a framework stands beside its adapter, in ``_<name>_network.py``; see
`deconv_ref.conformance.network`.
"""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from deconv_ref.cuda import numba_cuda
from deconv_ref.errors import BackendError

__all__ = [
    "FILE",
    "OWN_TIERS",
    "REQUIRES",
    "TRAINERS",
    "VARIANTS",
    "TargetError",
    "gpu_tier",
    "installed",
    "is_file",
    "is_module",
    "load",
    "module_of",
    "one_line",
    "trainer_of",
]

REQUIRES: Mapping[str, tuple[str, ...]] = {
    "scipy": ("scipy",),
    "torch": ("torch",),
    "tensorflow": ("tensorflow",),
    "keras": ("keras",),
    "jax": ("jax",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnx", "onnxruntime"),
    "skimage": ("skimage",),
    "openvino": ("openvino",),
    "paddlepaddle": ("paddle",),
    "tinygrad": ("tinygrad",),
    "mlx": ("mlx",),
}
"""Adapters by name, and the packages that each imports."""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "cuda": ("numba",),
    "torch-cuda": ("torch",),
    "jax-cuda": ("jax",),
    "torch-compile": ("torch",),
    "jax-jit": ("jax",),
    "jax-eager": ("jax",),
}
"""Targets that are checked where they are asked for by name alone, and what each imports."""

OWN_TIERS = ("equations", "cpu")
FILE = "target:"  # begins the name of what is loaded from a file: it shadows no package
TRAINERS = ("torch", "keras", "jax", "cpu")
"""Adapters that train networks too."""


class TargetError(Exception):
    """A target that cannot be checked; the message is one line for the command's user."""


def installed() -> tuple[str, ...]:
    """Name the frameworks that this environment has."""
    return tuple(
        name
        for name, packages in REQUIRES.items()
        if all(importlib.util.find_spec(package) for package in packages)
    )


def gpu_tier() -> tuple[str, ...]:
    """Name our own tier on the GPU, where there is one."""
    try:
        numba_cuda("check")
    except BackendError:
        return ()
    return ("cuda",)


def is_file(target: str) -> bool:
    """Tell whether a target is spelled as a file rather than as a name."""
    return target.endswith(".py") or "/" in target or "\\" in target


def is_module(target: str) -> bool:
    """Tell whether a target is spelled as somebody's module rather than as one of our own."""
    return not is_file(target) and target not in _packages()


def module_of(target: str) -> str:
    """Name the module of an adapter in this package: a name of Python's has no dashes."""
    return target.replace("-", "_")


def load(target: str) -> ModuleType:
    """Import a target: an adapter by name, a Python file, or a module that is installed.

    Raises
    ------
    TargetError
        If there is no such target, or it cannot be imported.
    """
    if is_file(target):
        return _load_file(Path(target))
    if is_module(target):
        return _load_module(target)
    for package in _packages()[target]:
        if importlib.util.find_spec(package) is None:
            extra = target.partition("-")[0]
            remedy = f'python -m pip install "deconv_ref[{extra}]"'
            raise TargetError(f"{target}: {package} is not installed; run {remedy}")
    try:
        return importlib.import_module(f"{__name__}.{module_of(target)}")
    except BackendError as error:
        raise TargetError(f"{target}: {error}") from error
    except Exception as error:
        raise TargetError(f"{target}: cannot be imported: {one_line(error)}") from error


def trainer_of(target: ModuleType) -> ModuleType | None:
    """Find the module that trains networks for a loaded target: a file does so itself."""
    if callable(getattr(target, "train", None)):
        return target
    package, _, name = target.__name__.rpartition(".")
    if package != __name__ or name not in TRAINERS:
        return None
    return importlib.import_module(f"{package}._{name}_network")


def _packages() -> dict[str, tuple[str, ...]]:
    """List our own targets by name, and the packages that each imports."""
    return {**REQUIRES, **VARIANTS, **dict.fromkeys(OWN_TIERS, ())}


def _load_module(name: str) -> ModuleType:
    try:
        there = all(map(str.isidentifier, name.split("."))) and importlib.util.find_spec(name)
    except ModuleNotFoundError:  # of what stands before a dot
        there = None
    except Exception as error:
        raise TargetError(f"{name}: cannot be imported: {one_line(error)}") from error
    if not there:
        known = ", ".join([*REQUIRES, *OWN_TIERS, *VARIANTS])
        others = "the path of a .py file or the name of a module"
        raise TargetError(f"unknown target {name!r}; known: {known}, or {others}")
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise TargetError(f"{name}: cannot be imported: {one_line(error)}") from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"{path}: no such file")
    name = f"{FILE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # what running the file would do
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise TargetError(f"{path}: cannot be imported: {one_line(error)}") from error
    return module


def one_line(error: BaseException) -> str:
    """Tell an error in one line that is not too long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
