"""Which elements of a result are wrong, and which elements of the operands they are made of."""

import numpy as np

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.compare import Finding
from deconv_ref.conformance.operators import OPERATORS

__all__ = ["feeding", "wrong_elements"]

PROBES = 64  # most elements that are tried: beyond, a picture tells little


def wrong_elements(finding: Finding) -> list[int]:
    """List the elements that differ, by their places in row-major order.

    Parameters
    ----------
    finding : Finding
        What was found.

    Returns
    -------
    list of int
        None where the result has another shape or dtype, or where there is none.
    """
    got, expected = finding.got, finding.expected
    if got is None or expected is None:
        return []
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return []
    right = (got == expected) | ((got != got) & (expected != expected))
    if finding.tolerance is not None and finding.truth is not None:
        with np.errstate(invalid="ignore"):
            right |= np.abs(got.astype(np.float64) - finding.truth) <= finding.tolerance
    return [int(place) for place in np.flatnonzero(~right)]


def feeding(case: Case, quantity: str, place: int) -> dict[str, list[int]]:
    """Find what an element of a result is made of: where a NaN among the operands reaches it.

    Parameters
    ----------
    case : Case
        The call.
    quantity : str
        Which of its results.
    place : int
        Which element of it, in row-major order.

    Returns
    -------
    dict of list of int
        Places in each operand; empty where the operands are large.

    Examples
    --------
    >>> from deconv_ref.conformance.case import Operand
    >>> ones = {"x": Operand(np.ones((1, 1, 4))), "weight": Operand(np.ones((1, 1, 2)))}
    >>> plain = {"stride": (1,), "padding": ((0, 0),), "dilation": (2,), "groups": 1}
    >>> feeding(Case("conv", plain, ones, exact=True), "forward", 1)
    {'x': [1, 3], 'weight': [0, 1]}
    """
    # An index is of what the window holds, as is the value that is found there.
    quantity = "forward" if quantity == "indices" else quantity
    operands = case.arrays()
    # A value at which every operator is finite.
    calm = {n: np.full(a.shape, 0.5) if a.dtype.kind == "f" else a for n, a in operands.items()}
    probed = [name for name, array in calm.items() if array.dtype.kind == "f"]

    def is_nan() -> bool:
        result = OPERATORS[case.op].evaluate(case, calm)[quantity]
        return bool(np.isnan(result.flat[place]))

    if sum(calm[name].size for name in probed) > PROBES or is_nan():
        return {}
    found: dict[str, list[int]] = {name: [] for name in probed}
    for name in probed:
        values = calm[name].reshape(-1)
        for i in range(values.size):
            values[i] = np.nan
            if is_nan():
                found[name].append(i)
            values[i] = 0.5
    return found
