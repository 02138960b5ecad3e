"""What is right: every operator of the checker, evaluated by its equations.

The public functions run on the literal kernels, in float64, where exact cases stay exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

import deconv_ref
from deconv_ref import backend
from deconv_ref.conformance import strategies
from deconv_ref.conformance.case import Case

__all__ = ["OPERATORS", "Operator", "evaluate"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Operator:
    """The checker's record of an operator: one per name, and nothing else to add for a new one.

    Attributes
    ----------
    name : str
        Forward name.
    gradients : tuple of str
        Fields of the named tuple that ``<name>_backward`` returns.
    cases : callable
        ``cases(op, dtypes, gradient)`` is the strategy that draws calls of the operator, or of its
        gradients.
    identity : callable
        ``identity(case, forward, gradients)`` compares two sides, exactly equal in exact cases,
        that no mistake shared by forward and gradients can make equal.
    """

    name: str
    gradients: tuple[str, ...]
    cases: Callable[[str, tuple[str, ...], bool], SearchStrategy[Case]]
    identity: Callable[[Arrays, NDArray[Any], Arrays], bool]

    def functions(self) -> dict[str, tuple[str, ...]]:
        """Functions to call and the quantities that each gives."""
        return {self.name: ("forward",), f"{self.name}_backward": self.gradients}


def evaluate(case: Case, arrays: Arrays) -> Arrays:
    """Evaluate a case by its equations, on other arrays than its own if need be.

    Parameters
    ----------
    case : Case
        Says which function and parameters.
    arrays : dict of array
        Operands. Besides the case's own, their absolute values give the magnitude that a bound
        needs, and ones give the number of terms: the operators here are linear in each operand.

    Returns
    -------
    dict of array
        Results by quantity, in float64.
    """
    doubles = {name: array.astype(np.float64) for name, array in arrays.items()}
    with backend.using(backend.tier("literal")):
        result = getattr(deconv_ref, case.function)(**doubles, **case.parameters)
    quantities = OPERATORS[case.op].functions()[case.function]
    return dict(zip(quantities, result if isinstance(result, tuple) else (result,), strict=True))


def forward_of(case: Case) -> Case:
    """Turn a case of gradients into the forward call that they belong to."""
    operands = {name: o for name, o in case.operands.items() if name != "grad_y"}
    return Case(case.op, case.parameters, operands, case.exact)


def adjoint(operands: Arrays, y: NDArray[Any], gradients: Arrays) -> bool:
    """Tell whether <grad_y, A(x, weight)> = <grad_x, x> = <grad_weight, weight>, exactly."""
    through_y = _dot(operands["grad_y"], y)
    through_x = _dot(gradients["x"], operands["x"])
    through_weight = _dot(gradients["weight"], operands["weight"])
    return through_y == through_x == through_weight


def _dot(a: NDArray[Any], b: NDArray[Any]) -> int:
    """Multiply and add in integers of any size: the sum of a whole array may outgrow float64."""
    return sum(int(p) * int(q) for p, q in zip(a.flat, b.flat, strict=True))


OPERATORS = {
    operator.name: operator
    for operator in (
        Operator("conv", ("x", "weight", "bias"), strategies.convolutions, adjoint),
        Operator("conv_transpose", ("x", "weight", "bias"), strategies.convolutions, adjoint),
    )
}
