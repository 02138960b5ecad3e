"""Targets in this process: where to load them again is fresh enough, or all that can be had."""

import warnings
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from deconv_ref.conformance import frameworks, serve
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.worker import Worker

__all__ = ["Given", "Here"]

BESIDE = ("NAME", "VERSION", "DIFFERENCES", "unsupported")  # what a target may tell of itself


class Here(Worker):
    """Runs a target in this process: what is fresh is the module, which is loaded again."""

    _module: ModuleType | None = None

    def load(self) -> ModuleType:
        """Load the target."""
        return frameworks.load(self.target)

    def _answer(self, kind: str, *arguments: Any) -> Any:
        if self._module is None:
            self._module = self.load()
        # Its warnings would go to a log, had it a process of its own.
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return serve.HANDLERS[kind](self._module, *arguments)

    def stop(self) -> None:
        """Forget the module; the next request loads it again."""
        self._module = None


class Given(Here):
    """Runs functions that this process has already: a module's, an object's or a mapping's."""

    def __init__(self, given: Any) -> None:
        name = getattr(given, "__name__", None) or type(given).__name__
        super().__init__(name, timeout=float("inf"), threads=1)
        self._given = given

    def load(self) -> ModuleType:
        """Arrange the functions, and what goes with them, as a module."""
        functions = (name for operator in OPERATORS.values() for name in operator.functions())
        mapping = isinstance(self._given, Mapping)
        get = self._given.get if mapping else partial(getattr, self._given)
        module = ModuleType(self.target)
        found = {name: get(name, None) for name in (*functions, *BESIDE)}
        found["NAME"] = found["NAME"] or self.target
        vars(module).update({name: value for name, value in found.items() if value is not None})
        return module
