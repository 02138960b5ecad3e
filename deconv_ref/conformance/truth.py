"""What is right: the checker's record of an operator, and its evaluation by the equations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deconv_ref
from deconv_ref import backend
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.floating import doubled, is_floating, is_half
from deconv_ref.conformance.halves import Halves
from deconv_ref.conformance.margins import Margin
from deconv_ref.errors import DeconvRefError

__all__ = ["LITERAL", "Arrays", "Operator", "Question"]

LITERAL = backend.tier("literal")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Operator:
    """The checker's record of an operator: one per name, and nothing else to add for a new one.

    Attributes
    ----------
    name : str
        Forward name.
    cases : callable
        ``cases(draw, function, dtypes)`` draws a call of the operator, or of its gradients. Where
        there are `plain` parameters, names of them may follow, as a set ``plain``.
    margin : callable
        How far a quantity of a `Question` may lie from the truth in a case that is not exact.
    gradients : tuple of str
        Fields of the named tuple that ``<name>_backward`` returns; none where there is no such
        function.
    results : tuple of str
        What the forward function returns. A target may return the first alone.
    tier : callable
        Kernels that tell the truth: `LITERAL`, in float64, where exact cases stay exact and sums
        are bounded; `Exact`, rounded once, for functions that are not sums of products.
    identity : callable or None
        Tells whether the truth of an exact case of gradients satisfies an identity that no mistake
        shared by forward and gradients can satisfy.
    flags : mapping of str to tuple
        Parameters with a few values, one of which is changed in a second call on the same arrays.
    domain : callable or None
        Tells whether a case is one that the operator is meant for; None if all legal ones are.
    plain : tuple of str
        Parameters that can be drawn `plain`, for a target that has nothing else.
    halves : Halves or None
        How cases are made to fit into half precision; None: the operator is not judged in it.
    """

    name: str
    cases: Callable[..., Case]
    margin: Callable[["Question", str], Margin]
    gradients: tuple[str, ...] = ()
    results: tuple[str, ...] = ("forward",)
    tier: backend.Tier = LITERAL
    identity: Callable[["Question"], bool] | None = None
    flags: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    domain: Callable[[Case], bool] | None = None
    plain: tuple[str, ...] = ()
    halves: Halves | None = None

    def functions(self) -> dict[str, tuple[str, ...]]:
        """Functions to call and the quantities that each gives."""
        functions = {self.name: self.results}
        if self.gradients:
            functions[f"{self.name}_backward"] = self.gradients
        return functions

    def drawn(self, draw: Draw, function: str, dtypes: tuple[str, ...], **more: Any) -> Case:
        """Draw a case, of `cases`, that fits into its dtype."""
        case = self.cases(draw, function=function, dtypes=dtypes, **more)
        if self.halves is None or not is_half(case.dtype):
            return case
        return self.halves.fitted(self, case, draw.rng())

    def is_meant_for(self, case: Case) -> bool:
        """Tell whether a case that was not drawn is one that is judged; no illegal call is."""
        if self.domain is not None and not self.domain(case):
            return False
        if self.halves is None or not is_half(case.dtype):
            return True
        try:
            return self.halves.fits(self, case)
        except DeconvRefError:
            return False

    def evaluate(self, case: Case, arrays: Arrays | None = None) -> Arrays:
        """Evaluate a case by its equations, on other arrays than its own if need be.

        Parameters
        ----------
        case : Case
            Says which function and parameters.
        arrays : dict of array, optional
            Operands.

        Returns
        -------
        dict of array
            Results by quantity, floating ones in float64.

        Raises
        ------
        DeconvRefError
            If it is no legal call.
        """
        arrays = case.arrays() if arrays is None else arrays
        doubles = {name: doubled(array) for name, array in arrays.items()}
        with backend.using(self.tier), np.errstate(all="ignore"):
            result = getattr(deconv_ref, case.function)(**doubles, **case.parameters)
        results = result if isinstance(result, tuple) else (result,)
        quantities = self.functions()[case.function]
        return dict(zip(quantities, map(np.asarray, results), strict=True))


@dataclass(frozen=True, slots=True)
class Question:
    """A case with its operator and the truth; what else was worked out for it is kept."""

    operator: Operator
    case: Case
    truth: Arrays
    _margins: dict[str, Margin] = field(default_factory=dict)
    _mapped: dict[Any, Arrays] = field(default_factory=dict)

    def margin(self, quantity: str) -> Margin:
        """Give the operator's margin."""
        if quantity not in self._margins:
            with np.errstate(all="ignore"):  # a bound may be NaN, or infinite, too
                self._margins[quantity] = self.operator.margin(self, quantity)
        return self._margins[quantity]

    def arrays(self) -> Arrays:
        """Operands by name, floating ones in float64."""
        return {name: doubled(array) for name, array in self.case.arrays().items()}

    def mapped(self, function: Callable[[Any], Any]) -> Arrays:
        """Evaluate the case on a function of its floating operands."""
        if function not in self._mapped:
            arrays = self.case.arrays()
            changed = {
                n: function(doubled(a)) if is_floating(a.dtype) else a for n, a in arrays.items()
            }
            self._mapped[function] = self.operator.evaluate(self.case, changed)
        return self._mapped[function]

    def evaluate(self, function: str, operands: tuple[str, ...] | None = None) -> Arrays:
        """Evaluate another function of the operator on some of the case's operands."""
        chosen = {n: o for n, o in self.case.operands.items() if not operands or n in operands}
        return self.operator.evaluate(replace(self.case, function=function, operands=chosen))
