"""Targets by name: one adapter a file, and any Python file with functions of the contract's names.

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
    "OWN_TIERS",
    "REQUIRES",
    "TRAINERS",
    "VARIANTS",
    "TargetError",
    "gpu_tier",
    "installed",
    "is_file",
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


def module_of(target: str) -> str:
    """Name the module of an adapter in this package: a name of Python's has no dashes."""
    return target.replace("-", "_")


def load(target: str) -> ModuleType:
    """Import a target: an adapter by name, or a Python file.

    Raises
    ------
    TargetError
        If there is no such target, or it cannot be imported.
    """
    if is_file(target):
        return _load_file(Path(target))
    packages = {**REQUIRES, **VARIANTS, **dict.fromkeys(OWN_TIERS, ())}
    if target not in packages:
        known = ", ".join([*REQUIRES, *OWN_TIERS, *VARIANTS])
        raise TargetError(f"unknown target {target!r}; known: {known}, or the path of a .py file")
    for package in packages[target]:
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


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"{path}: no such file")
    name = f"target:{path.stem}"  # shadows nothing: the file may be called as a package is
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
