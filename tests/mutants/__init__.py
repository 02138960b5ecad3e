"""Small changes to right kernels: faults that have happened somewhere, and harmless variants.

`python -m tests.mutants` plants them one by one and prints what the checker says of each.

A mutant is a kernel file in which a substitute stands in for one function. The substitute gets the
function that it replaces as its first argument, ``right``, and then that function's own arguments;
what it keeps from one call to the next are attributes of ``right``, which is new for each target.
"""

import functools
import types
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deconv_ref.conformance.operators import OPERATORS

COMMON = "no thread found; the kind is common"
SAMPLE = 6  # one mutant of so many is judged with the other tests


@dataclass(frozen=True)
class Mutant:
    """A kernel file in which a substitute stands in for one function.

    Attributes
    ----------
    kernels : path
        The file of right kernels.
    function : str
        The function to judge.
    replaces : str
        The function of the file that the substitute stands in for.
    substitute : callable
        What stands in.
    constants : dict
        More keyword arguments of the substitute.
    wrong : tuple of str
        Quantities of the function that come out wrong; none where the change is harmless.
    source : str
        Where the fault was reported, "owner/repository#number"; nothing of a harmless change.
    """

    kernels: Path
    function: str
    replaces: str
    substitute: Callable[..., Any]
    constants: dict[str, Any]
    wrong: tuple[str, ...] = ()
    source: str = ""

    @property
    def name(self):
        """What to call the change, as words."""
        values = map(str, self.constants.values())
        return " ".join([self.substitute.__name__.replace("_", " "), *values])

    def __str__(self):
        return f"{self.name} in {self.function}".replace(" ", "-")

    @property
    def op(self):
        """Forward name of the operator to judge."""
        return self.function.removesuffix("_backward")

    def target(self):
        """Load the kernels anew, with the change in them and the function to judge alone."""
        module = types.ModuleType(self.kernels.stem)
        module.__file__ = str(self.kernels)
        exec(_compiled(self.kernels), vars(module))
        right = getattr(module, self.replaces)
        changed = functools.partial(self.substitute, right, **self.constants)
        setattr(module, self.replaces, changed)
        return module


@functools.cache
def _compiled(kernels):
    return compile(kernels.read_text(encoding="utf-8"), str(kernels), "exec")


def sampled(mutants):
    """Choose some by their names, always the same: `python -m tests.mutants` judges all."""
    return [mutant for mutant in mutants if zlib.crc32(str(mutant).encode()) % SAMPLE == 0]


class Family:
    """The mutants of a kernel file.

    Attributes
    ----------
    kernels : path
        The file.
    ops : tuple of str
        Operators that it has.
    faults, variants : list of Mutant
        What is wrong, and what is harmless.
    """

    def __init__(self, kernels, *ops):
        self.kernels = Path(kernels.__file__)
        self.ops = ops
        self.faults = []
        self.variants = []

    @property
    def functions(self):
        """All functions of the operators."""
        return [name for op in self.ops for name in OPERATORS[op].functions()]

    def fault(self, source, *functions, replaces=None, wrong=(), **constants):
        """List a fault of each function; `wrong` is the result, or a gradient's first field."""

        def listed(substitute):
            for function in functions:
                op = OPERATORS[function.removesuffix("_backward")]
                quantities = wrong or op.functions()[function][:1]
                change = (self.kernels, function, replaces or function, substitute, constants)
                self.faults.append(Mutant(*change, quantities, source))
            return substitute

        return listed

    def harmless(self, *functions, replaces=None, **constants):
        """List a harmless variant of each function."""

        def listed(substitute):
            for function in functions:
                change = (self.kernels, function, replaces or function, substitute, constants)
                self.variants.append(Mutant(*change))
            return substitute

        return listed
