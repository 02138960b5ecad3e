"""What is not finite times zeros that are in no equation: it is named, and excused no further."""

from dataclasses import replace

import numpy as np
import pytest
from planting import drawn

import deconv_ref
from deconv_ref.conformance.compare import Verdict, compare
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.tally import Tally
from deconv_ref.conformance.worker import Answer
from deconv_ref.window import reach

CONVOLUTIONS = ("conv", "conv_transpose")


def with_nan(function):
    """Draw cases that have a NaN in their images, and are legal if the kernel is not dilated."""
    cases = [c for c in drawn(function, 200) if np.isnan(c.arrays()["x"]).any() and legal(c)]
    assert len(cases) > 20
    return cases


def legal(case):
    p = case.parameters
    beyond = p.get("output_padding", (0,) * len(p["stride"]))
    return all(o < s for o, s in zip(beyond, p["stride"], strict=True))


def without_gaps(case):
    """Give the same call, with zeros between the taps of a kernel that is not dilated."""
    p, weight = case.parameters, case.arrays()["weight"]
    spread = np.zeros((*weight.shape[:2], *map(reach, weight.shape[2:], p["dilation"])))
    spread[(..., *(slice(None, None, d) for d in p["dilation"]))] = weight
    return replace(
        case.with_operand("weight", values=spread.astype(weight.dtype)),
        parameters={**p, "dilation": (1,) * len(p["dilation"])},
    )


def without_groups(case):
    """Give the same call, with zeros for the channels of other groups."""
    p, weight = case.parameters, case.arrays()["weight"]
    firsts, seconds = weight.shape[:2]
    diagonal = np.zeros((firsts, seconds * p["groups"], *weight.shape[2:]), weight.dtype)
    for n, kernel in enumerate(weight):
        first = n * p["groups"] // firsts * seconds
        diagonal[n, first : first + seconds] = kernel
    case = case.with_operand("weight", values=diagonal)
    return replace(case, parameters={**p, "groups": 1})


def computed(case):
    with np.errstate(invalid="ignore"):
        return getattr(deconv_ref, case.function)(**case.arrays(), **case.parameters)


def padded(case):
    """Let every cell of an image with a NaN meet a zero."""
    right = computed(case)
    spoilt = np.isnan(case.arrays()["x"]).any(tuple(range(1, right.ndim)))
    return np.where(spoilt.reshape(-1, *[1] * (right.ndim - 1)), right.dtype.type(np.nan), right)


WAYS = {
    "between taps": lambda case: computed(without_gaps(case)),
    "between taps or groups": lambda case: computed(without_groups(without_gaps(case))),
    "of padding": padded,
}


def found(case, got):
    return compare(ask(case), Answer((got,)))["forward"]


@pytest.mark.parametrize("function", CONVOLUTIONS)
@pytest.mark.parametrize("zeros", WAYS)
def test_the_zeros_that_were_multiplied_are_named(function, zeros):
    named = 0
    for case in with_nan(function):
        got = WAYS[zeros](case)
        met = dict(ask(case).margin("forward").zeros())
        assert np.array_equal(np.isnan(got), met[zeros])
        finding = found(case, got)
        assert finding.verdict <= Verdict.INEXACT, finding.reason
        if finding.verdict is Verdict.INEXACT:
            assert finding.excuse.startswith("as from NaN or infinity times zeros ")
            assert "got nan" in finding.reason
            named += finding.excuse == f"as from NaN or infinity times zeros {zeros}: "
    assert named > 5


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_infinities_are_multiplied_by_zeros_too(function):
    case = next(
        case
        for case in with_nan(function)
        if found(case, WAYS["between taps"](case)).verdict is Verdict.INEXACT
    )
    x = np.where(np.isnan(case.arrays()["x"]), np.inf, case.arrays()["x"])
    case = case.with_operand("x", values=x.astype(case.dtype))
    with np.errstate(invalid="ignore"):
        assert "zeros between taps" in found(case, WAYS["between taps"](case)).excuse


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_anything_else_than_nan_is_wrong(function):
    """So is a NaN in an image that has none, and another error beside those by zeros."""
    tried = 0
    for case in with_nan(function):
        got = padded(case)
        spread = np.isnan(got) & np.isfinite(ask(case).truth["forward"])
        if spread.any():
            assert found(case, np.where(spread, case.dtype.type(1e9), got)).verdict is Verdict.WRONG
        numbers = np.argwhere(~np.isnan(got))
        for wrong in (np.nan, 1e9) if len(numbers) else ():
            spoilt = got.copy()
            spoilt[tuple(numbers[-1])] = wrong
            assert found(case, spoilt).verdict is Verdict.WRONG
            tried += 1
    assert tried


def test_a_lower_precision_beside_them_is_named():
    """It explains what they do not, and no case rules it out."""
    named = 0
    for case in with_nan("conv"):
        finding = found(case, WAYS["between taps"](case) * case.dtype.type(1 + 2.0**-10))
        assert finding.verdict <= Verdict.INEXACT, finding.reason
        named += "TF32" in finding.excuse and np.isnan(finding.got[finding.element])
    assert named


def test_integers_of_many_digits_are_no_reason_to_call_them_wrong():
    """A missing term may be as small as a lower precision's error there; NaN is not small."""
    for case in with_nan("conv"):
        finding = found(case, padded(case))
        if case.wide and finding.verdict is Verdict.INEXACT:
            counted = Tally()
            counted.add(case, finding)
            counted.settle()
            assert counted.verdict is Verdict.INEXACT
            return
    pytest.fail("no case in wide integers")
