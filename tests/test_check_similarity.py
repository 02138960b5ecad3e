"""Verdicts on structural similarity: any stable variance conforms, faults that happened do not."""

import numpy as np
import pytest
from mutants import sampled
from mutants.measuring import assert_found
from mutants.similarity import SIMILARITY
from planting import drawn

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.operators import similarity
from deconv_ref.conformance.truth import Question

RECORDS = {operator.name: operator for operator in similarity.OPERATORS}
FUNCTIONS = SIMILARITY.functions


# Mutants


@pytest.mark.parametrize("mutant", sampled(SIMILARITY.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(SIMILARITY.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# Cases and bounds


def test_cases_have_flat_equal_and_opposite_images():
    cases = drawn("ssim", 200)
    pairs = [
        (x[at], y[at])
        for x, y in (tuple(case.arrays().values()) for case in cases)
        for at in np.ndindex(x.shape[:2])
    ]
    assert sum(np.array_equal(x, y) for x, y in pairs) > 20
    assert sum(np.array_equal(x, -y) for x, y in pairs) > 20
    assert sum(x.size > 1 and np.ptp(y) == 0 for x, y in pairs) > 20
    assert {c.parameters["window"] for c in cases} == {None, "gaussian"}
    assert {c.arrays()["x"].ndim for c in cases} == {3, 4, 5}
    assert sum(c.arrays()["x"].shape[0] == 0 for c in cases) > 5


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bounds_say_something(function):
    """Bounds are finite, and in float64 small even where flat images leave a constant alone."""
    for case in drawn(function, 60):
        operator = RECORDS[case.op]
        question = Question(operator, case, operator.evaluate(case))
        ((quantity, truth),) = question.truth.items()
        allowed = operator.margin(question, quantity).allowed[np.isfinite(truth)]
        assert np.all(np.isfinite(allowed))
        if case.dtype == np.float64 and "grad_loss" not in case.operands:
            assert np.all(allowed <= 1e-6)


# Identities of the truth


def test_equal_images_are_alike_and_exchanged_ones_as_much():
    for case in drawn("ssim_loss_backward", 40):
        operands = case.operands
        x, y = (np.nan_to_num(operands[name].values) for name in ("prediction", "target"))
        equal = case.with_operand("prediction", values=y).with_operand("target", values=y)
        ((_, slopes),) = RECORDS["ssim_loss"].evaluate(equal).items()
        if case.parameters["k1"]:  # else black images, 0 / 0, are like nothing
            assert np.all(np.abs(slopes) <= 1e-14)
        parameters = {k: case.parameters[k] for k in ("data_range", "window", "k1", "k2")}
        one, other = (
            RECORDS["ssim"].evaluate(Case("ssim", parameters, {}, False), {"x": a, "y": b})
            for a, b in ((x, y), (y, x))
        )
        np.testing.assert_array_equal(one["forward"], other["forward"])
