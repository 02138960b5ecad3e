"""A chapter of the checker under test: its kernel file, and rounds of faults to plant there."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from checking import check_source, kernel_file

from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.search import Phase, search
from deconv_ref.conformance.truth import LITERAL

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Fault:
    """A function to judge, and the quantities of it that a substitute makes wrong."""

    function: str
    replaces: str
    substitute: Callable[..., Any]
    wrong: tuple[str, ...]


class Chapter:
    """Operators, the file of right kernels for them, and faults in rounds: one per function."""

    def __init__(self, kernels, *ops):
        self.kernels = kernels
        self.ops = ops
        self.rounds = []

    def plant(self, function, *wrong, replaces=None):
        """List a fault of a function, in the first round that has none of it yet."""
        gradient = function.endswith("_backward")

        def listed(substitute):
            quantities = wrong or (("x",) if gradient else ("forward",))
            fault = Fault(function, replaces or function, substitute, quantities)
            free = (faults for faults in self.rounds if function not in faults)
            faults = next(free, None)
            if faults is None:
                faults = {}
                self.rounds.append(faults)
            faults[function] = fault
            return substitute

        return listed

    @property
    def functions(self):
        """All functions of the operators."""
        return [name for op in self.ops for name in OPERATORS[op].functions()]

    @property
    def planted(self):
        """Number of a round and function, for every fault and for what is right beside them."""
        return [(number, name) for number in range(len(self.rounds)) for name in self.functions]

    def check(self, folder, changes=None, extra="", **plan):
        """Check the kernel file, right but for some changes, without shrinking what is wrong."""
        source = kernel_file(changes, of=self.kernels, extra=extra)
        return check_source(folder, source, **{"ops": self.ops, "shrink": False} | plan)

    def check_round(self, folder, number, **plan):
        """Check the kernel file with a round of faults in it."""
        faults = self.rounds[number].values()
        changes = {fault.replaces: fault.substitute for fault in faults}
        return self.check(folder, changes, **plan)

    def expected(self, number, function):
        """Give the verdicts of a function in a round, by quantity."""
        operator = OPERATORS[function.removesuffix("_backward")]
        fault = self.rounds[number].get(function)
        wrong = fault.wrong if fault else ()
        return {q: "wrong" if q in wrong else "conforms" for q in operator.functions()[function]}

    def assert_conforms(self, checked, cases):
        """Ask of every quantity that was given to conform, in so many cases."""
        for function in self.functions:
            for quantity, record in checked.of(function).items():
                if record["cases"]:
                    assert record["verdict"] == "conforms", (function, quantity, record["reason"])
                    assert record["cases"] == cases


# Harmless substitutes


def in_float64(right, *arrays, **call):
    """Compute in float64 and cast back to the dtype of the first floating array."""

    def is_floating(value):
        return isinstance(value, np.ndarray) and value.dtype.kind == "f"

    def widened(value):
        return value.astype(np.float64) if is_floating(value) else value

    dtype = next(a.dtype for a in (*arrays, *call.values()) if is_floating(a))
    result = right(*map(widened, arrays), **{n: widened(value) for n, value in call.items()})
    if isinstance(result, tuple):
        return [array.astype(dtype) for array in result]  # and a list
    return np.asarray(result, dtype)


def as_lists(right, **call):
    """Give a list of arrays that are read-only and, of several axes, not contiguous."""
    result = right(**call)
    arrays = [np.array(a, order="F") for a in (result if isinstance(result, tuple) else (result,))]
    for array in arrays:
        array.flags.writeable = False
    return arrays


# What is drawn, and its truth


@functools.cache
def drawn(function, count, seed=0, strategy=None):
    """Draw cases of a function as the checker does, or others."""
    cases = []
    if strategy is None:
        strategy = OPERATORS[function.removesuffix("_backward")].cases(function, DTYPES)
    search(strategy, lambda case: cases.append(case), count, seed, [Phase.generate])
    return tuple(cases)


class Forgetful:
    """Literal kernels of which every gradient lacks its last element."""

    def __init__(self, chapter):
        self.kernels = LITERAL(chapter)

    def __getattr__(self, name):
        def kernel(*arguments):
            result = getattr(self.kernels, name)(*arguments)
            if name.endswith(("_backward", "gradient")):
                result[..., -1] = 0
            return result

        return kernel
