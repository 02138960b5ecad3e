"""Verdicts on losses: right kernels conform, whatever their order; faults are found."""

import numpy as np
import pytest
from mutants import sampled
from mutants.losses import LOSSES
from mutants.measuring import assert_found
from planting import drawn

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.exact import Exact
from deconv_ref.conformance.operators import losses

RECORDS = {operator.name: operator for operator in losses.OPERATORS}


# Mutants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mutant", sampled(LOSSES.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(LOSSES.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# Cases -------------------------------------------------------------------------------------------


def share(cases, condition):
    return sum(map(condition, cases)) / len(cases)


def arrays_of(case, name="prediction"):
    return case.arrays()[name]


@pytest.mark.parametrize("name", [n for n in RECORDS if "penalty" not in n])
def test_cases_have_every_reduction_layout_and_incoming_gradient(name):
    cases = drawn(f"{name}_backward", 200)
    for reduction in losses.REDUCTIONS:
        assert share(cases, lambda c, r=reduction: c.parameters["reduction"] == r) > 0.15
    assert share(cases, lambda c: "grad_loss" in c.operands) > 0.05
    assert share(cases, lambda c: c.parameters.get("grad_loss", 1.0) != 1.0) > 0.3
    assert share(cases, lambda c: arrays_of(c).size == 0) > 0.03
    assert share(cases, lambda c: arrays_of(c).shape[-1] > 32) > 0
    assert {o.layout for c in cases for o in c.operands.values()} == set(LAYOUTS)
    assert share(cases, lambda c: np.isnan(arrays_of(c)).any()) > 0.02


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_distances_are_exact_at_times_and_tie(name):
    cases = drawn(f"{name}_backward", 200)
    assert 0.2 < share(cases, lambda c: c.exact) < 0.8
    assert share(cases, lambda c: (arrays_of(c) == arrays_of(c, "target")).any()) > 0.3
    means = [c for c in cases if c.exact and c.parameters["reduction"] == "mean"]
    assert len(means) > 5


def test_targets_are_hard_soft_and_of_any_sum():
    cases = drawn("softmax_cross_entropy", 200)
    targets = [arrays_of(c, "target") for c in cases if arrays_of(c).size]
    assert share(targets, lambda t: np.isin(t, (0, 1)).all()) > 0.15
    assert share(targets, lambda t: not np.allclose(t.sum(1), 1, atol=0.01)) > 0.1
    assert share(cases, lambda c: np.isneginf(arrays_of(c)).any()) > 0.1


def test_probabilities_reach_both_ends():
    cases = [c for c in drawn("binary_cross_entropy", 200) if arrays_of(c).size]
    for end in (0, 1):
        assert share(cases, lambda c, e=end: (arrays_of(c) == e).any()) > 0.1
    assert share(cases, lambda c: (arrays_of(c) > 1 - 2.0**-20).any()) > 0.2
    assert share(cases, lambda c: ((arrays_of(c) > 0) & (arrays_of(c) < 2.0**-30)).any()) > 0.2


# Identities of the truth -------------------------------------------------------------------------


def truth(case):
    return next(iter(RECORDS[case.op].evaluate(case).values()))


def exactly(function, *arrays, **parameters):
    with backend.using(Exact), np.errstate(all="ignore"):
        return getattr(dr, function)(*arrays, **parameters)


def assert_within_an_ulp(got, expected):
    with np.errstate(invalid="ignore"):
        close = np.abs(got - expected) <= np.spacing(np.abs(expected))
    assert np.all(close | (got == expected) | (np.isnan(got) & np.isnan(expected)))


def test_a_logit_against_1_costs_what_its_opposite_costs_against_0():
    name = "binary_cross_entropy_with_logits"
    for case in drawn(name, 40):
        x, reduction = arrays_of(case).astype(np.float64), case.parameters["reduction"]
        one = exactly(name, x, np.ones_like(x), reduction=reduction)
        other = exactly(name, -x, np.zeros_like(x), reduction=reduction)
        np.testing.assert_array_equal(one, other)


def test_gradients_of_a_line_sum_to_0():
    for case in drawn("softmax_cross_entropy_backward", 60):
        slopes = truth(case)
        sums, sizes = slopes.sum(1), np.abs(slopes).sum(1)
        finite = np.isfinite(sums)
        assert np.all(np.abs(sums[finite]) <= 8 * np.finfo(np.float64).eps * sizes[finite])


@pytest.mark.parametrize("name", [n for n in RECORDS if "penalty" not in n])
def test_reductions_agree(name):
    for case in drawn(name, 30):
        arrays = [a.astype(np.float64) for a in case.arrays().values()]
        parameters = dict(case.parameters)
        by = {r: exactly(name, *arrays, **parameters | {"reduction": r}) for r in losses.REDUCTIONS}
        total = by["none"].sum()
        if np.isfinite(total):
            np.testing.assert_allclose(by["sum"], total, rtol=1e-13)
        if by["none"].size:
            assert_within_an_ulp(by["mean"], by["sum"] / by["none"].size)
        else:
            assert by["sum"] == 0 and np.isnan(by["mean"])
