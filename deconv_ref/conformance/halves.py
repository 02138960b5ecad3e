r"""Cases in float16 and bfloat16: numbers and sums that formats of 11 and of 8 bits can carry.

They are drawn as for float32, and then made smaller.

- Numbers that are no integers keep their digits, and exponents from 2^-7 to 2^3. So no product of
  two is subnormal, which some take for 0, and no sum of as many as are drawn overflows.
- In an exact case of integers, every partial sum in any order is at most :math:`\sum |x| |w|`, an
  integer, or a multiple of the least weight. The operator itself on absolute values says how much
  that is; integers are halved, and single ones set to 0, until it is no more than :math:`2^p` with
  p the bits of the format. Then nothing is rounded, and there is one right result.
- In the others the terms are counted, by the operator on 1 and 0, and made so few that n u <= 1/4
  in bounds of R1 (`deconv_ref.conformance.bounds`). Products that are 0 do not count.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.floating import doubled, finfo, is_floating

if TYPE_CHECKING:
    from deconv_ref.conformance.truth import Operator

__all__ = ["Halves", "in_half_precision", "nonzero", "whole"]

LEAST, MOST = -6, 3  # of the exponents that numbers keep, with a fraction from 1/2 to 1
INTEGERS = 2  # the largest that integers are halved to, before single ones are left out
LARGEST_ROUNDOFF = 1 / 4  # n u of a sum
SPARED = 0.75  # a draw by chance is to be below its limit

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Halves:
    """How cases of an operator are made to fit into half precision.

    Attributes
    ----------
    parts : callable or None
        Into how many parts the weights of an exact case divide 1: then all that is added up is a
        multiple of one part. None: nothing is added up.
    """

    parts: Callable[[Case], float] | None = None

    def fitted(self, operator: "Operator", case: Case, rng: np.random.Generator) -> Case:
        """Make the numbers of a case smaller, and fewer, until they fit."""
        if self.parts is None or (case.exact and not _of_integers(case)):
            return _changed(case, _limited)  # what is moved, or multiplied once
        if case.exact:
            return self._added_exactly(operator, case, rng)
        return _few(operator, _changed(case, _limited), rng)

    def fits(self, operator: "Operator", case: Case) -> bool:
        """Tell whether an exact case is exact in its own format."""
        if self.parts is None or not (case.exact and _of_integers(case)):
            return True
        return _magnitude(operator, case) <= _room(case, self.parts(case))

    def _added_exactly(self, operator: "Operator", case: Case, rng: np.random.Generator) -> Case:
        parts = self.parts(case) if self.parts else 1.0
        room = _room(case, parts)
        if room < INTEGERS:  # the weights alone have as many digits as the format
            return _few(operator, _changed(replace(case, exact=False), _finite), rng)
        while (magnitude := _magnitude(operator, case)) > room:
            if _largest(case) > INTEGERS:
                case = _changed(case, _halved)
            else:
                case = _thinned(case, rng, SPARED * room / magnitude)
        return case


def whole(_: Case) -> float:
    """Add up integers: weights are none, or integers too."""
    return 1.0


def in_half_precision(operators: "dict[str, Operator]") -> list[str]:
    """Name the operators that are judged in half precision."""
    return [name for name, operator in operators.items() if operator.halves is not None]


def nonzero(array: Array) -> Array:
    """Give 1 for what counts in a sum, and 0 for what does not: 0.

    Examples
    --------
    >>> nonzero(np.array([0.5, 0.0, np.nan]))
    array([1., 0., 1.])
    """
    return np.where(array != 0, 1.0, 0.0)


def _room(case: Case, parts: float) -> float:
    """Tell up to which number the format has all multiples of one part of 1."""
    return 2.0 ** (int(finfo(case.dtype).nmant) + 1) / parts


def _few(operator: "Operator", case: Case, rng: np.random.Generator) -> Case:
    """Leave out terms of sums, until their bound says something."""
    most = LARGEST_ROUNDOFF / (float(finfo(case.dtype).eps) / 2)
    while (terms := _most_of(operator, case, nonzero)) > most:
        case = _thinned(case, rng, SPARED * most / terms)
    return case


def _magnitude(operator: "Operator", case: Case) -> float:
    return _most_of(operator, case, lambda array: np.abs(_finite(array)))


def _most_of(operator: "Operator", case: Case, function: Callable[[Array], Array]) -> float:
    """Give the largest result that is finite, of an operator on a function of its operands."""
    arrays = {
        name: function(doubled(array)) if is_floating(array.dtype) else array
        for name, array in case.arrays().items()
    }
    results = operator.evaluate(case, arrays).values()
    finite = (r[np.isfinite(r)] for r in results if r.dtype.kind == "f")
    return max((float(np.max(r, initial=0.0)) for r in finite), default=0.0)


def _changed(case: Case, change: Callable[[Array], Array]) -> Case:
    """Change all floating operands."""
    for name, array in case.arrays().items():
        if is_floating(array.dtype):
            values = change(doubled(array)).astype(array.dtype)
            case = case.with_operand(name, values=values)
    return case


def _thinned(case: Case, rng: np.random.Generator, kept: float) -> Case:
    """Set numbers of the first operand, which enters all sums, to 0, but for a part of them."""
    name, array = next((n, a) for n, a in case.arrays().items() if is_floating(a.dtype))
    fewer = np.where(rng.random(array.shape) < kept, array, 0).astype(array.dtype)
    return case.with_operand(name, values=fewer)


def _of_integers(case: Case) -> bool:
    floats = [doubled(a) for a in case.arrays().values() if is_floating(a.dtype)]
    return all(bool(np.all(a == np.round(a))) for a in map(_finite, floats))


def _largest(case: Case) -> float:
    arrays = [_finite(doubled(a)) for a in case.arrays().values() if is_floating(a.dtype)]
    return max(float(np.max(np.abs(a), initial=0.0)) for a in arrays)


def _limited(values: Array) -> Array:
    """Keep digits and signs; move exponents that are out of range to its ends."""
    fractions, exponents = np.frexp(values)
    return np.ldexp(fractions, np.clip(exponents, LEAST, MOST))


def _halved(values: Array) -> Array:
    """Halve integers; what is left of 1 is 1."""
    return np.copysign(np.ceil(np.abs(values) / 2), values)


def _finite(values: Array) -> Array:
    """Put 1 in the place of NaN and infinities."""
    return np.where(np.isfinite(values), values, 1.0)
