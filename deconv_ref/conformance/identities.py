"""Identities that no mistake shared by an operator and its gradients can satisfy.

They judge our own truth, on small integers of a case's shapes: there every product and every sum is
exact where the case itself is.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.strategies import integers
from deconv_ref.conformance.truth import Question

__all__ = ["adjoint", "bilinear", "gathered"]


def adjoint(output_size: str | None = None) -> Callable[[Question], bool]:
    """Build the identity <grad_y, A x> = <A' grad_y, x> of an operator that is linear in x.

    Parameters
    ----------
    output_size : str, optional
        The forward function's parameter that takes the shape of its result.

    Returns
    -------
    callable
        Tells whether the gradient of a case is that of the forward function.
    """

    def holds(question: Question) -> bool:
        case, grad_y, x = _on_integers(question)
        parameters = {n: v for n, v in case.parameters.items() if n != "input_size"}
        if output_size is not None:
            parameters[output_size] = grad_y.shape
        others = {n: o for n, o in case.operands.items() if n != "grad_y"}
        forward = Case(case.op, parameters, {"x": Operand(x), **others}, exact=True)
        y = question.operator.evaluate(forward)["forward"]
        y = np.where(np.isnan(y), 0, y)  # 0 / 0, an average of no cells: its gradient goes nowhere
        grad_x = question.operator.evaluate(case)["x"]
        return bool(np.vdot(grad_y, y) == np.vdot(grad_x, x))

    return holds


def bilinear(question: Question) -> bool:
    """Tell whether <grad_y, A(x, weight)> = <grad_x, x> = <grad_weight, weight>, modulo 2**64."""
    operands, gradients = question.arrays(), question.truth
    y = question.evaluate(question.operator.name, ("x", "weight"))["forward"]
    through_y = _dot(operands["grad_y"], y)
    through_x = _dot(gradients["x"], operands["x"])
    through_weight = _dot(gradients["weight"], operands["weight"])
    return through_y == through_x == through_weight


def gathered(question: Question) -> bool:
    """Tell whether <grad_y, x at the indices> = <grad_x, x>, with nothing at index -1."""
    case, grad_y, x = _on_integers(question)
    indices = case.arrays()["indices"]
    found = np.take_along_axis(_flat(x), np.maximum(_flat(indices), 0), axis=2)
    y = np.where(indices < 0, 0, found.reshape(indices.shape))
    grad_x = question.operator.evaluate(case)["x"]
    return bool(np.vdot(grad_y, y) == np.vdot(grad_x, x))


def _on_integers(question: Question) -> tuple[Case, NDArray[Any], NDArray[Any]]:
    """Give the case with another grad_y, that grad_y, and an input."""
    rng = np.random.default_rng(0)
    grad_y = integers(rng, question.case.operands["grad_y"].values.shape)
    x = integers(rng, question.truth["x"].shape)
    return question.case.with_operand("grad_y", values=grad_y), grad_y, x


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(*array.shape[:2], math.prod(array.shape[2:]))


def _dot(a: NDArray[Any], b: NDArray[Any]) -> int:
    """Multiply and add integers modulo 2**64: the sum of a whole array may outgrow float64."""
    return int(np.vdot(*(x.astype(np.int64).view(np.uint64) for x in (a, b))))
