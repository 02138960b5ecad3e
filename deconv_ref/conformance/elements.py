"""Which elements of a result are wrong."""

import numpy as np

from deconv_ref.conformance.compare import Finding

__all__ = ["wrong_elements"]


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
