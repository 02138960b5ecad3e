"""Verdicts on pooling kernels: faults are found, and nothing else; what cases reach."""

import math
from dataclasses import replace

import numpy as np
import pytest
from mutants import sampled
from mutants.measuring import assert_found
from mutants.pooling import POOLING
from planting import Forgetful, drawn

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

# Mutants


@pytest.mark.parametrize("mutant", sampled(POOLING.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(POOLING.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# What is drawn


def with_indices(case):
    return case.arrays()["indices"]


def is_repeated(case):
    rows = with_indices(case).reshape(-1, math.prod(with_indices(case).shape[2:]))
    return any(len(set(row)) < len(row) for row in rows)


REACHED = {
    "max_pool": {
        "windows of padding alone": lambda c: (truth_of(c)["indices"] == -1).any(),
        "several NaN": lambda c: np.isnan(c.arrays()["x"]).sum() > 1,
        "all below 0": lambda c: c.arrays()["x"].size and np.all(c.arrays()["x"] < 0),
        "all minus infinity": lambda c: c.arrays()["x"].size and np.all(c.arrays()["x"] == -np.inf),
        "ceil_mode changes the size": lambda c: (
            shape_with(c, ceil_mode=True) != shape_with(c, ceil_mode=False)
        ),
        "asymmetric": lambda c: (
            c.parameters["padding"][-1][0] != c.parameters["padding"][-1][1]
            if not isinstance(c.parameters["padding"], str)
            else False
        ),
        "dilated": lambda c: max(c.parameters["dilation"]) > 1,
    },
    "max_pool_backward": {
        "repeated": is_repeated,
        "nowhere": lambda c: (with_indices(c) == -1).any(),
    },
    "max_unpool": {
        "repeated": is_repeated,
        "nowhere": lambda c: (with_indices(c) == -1).any(),
        "once each": lambda c: not is_repeated(c),
    },
    "avg_pool": {
        "padding counts": lambda c: c.parameters["count_include_pad"],
        "not finite": lambda c: not np.isfinite(c.arrays()["x"]).all(),
        "divisors that are no powers of two": lambda c: max(c.parameters["kernel_size"]) == 3,
    },
    "avg_unpool": {
        "larger": lambda c: c.parameters["output_size"] is not None,
        "default size": lambda c: c.parameters["output_size"] is None,
    },
}
COMMON = {
    **{
        layout: lambda c, x=layout: any(o.layout == x for o in c.operands.values())
        for layout in LAYOUTS
    },
    **{
        f"{n} axes": lambda c, n=n: next(iter(c.arrays().values())).ndim == n + 2 for n in (1, 2, 3)
    },
    "empty batch": lambda c: next(iter(c.arrays().values())).shape[0] == 0,
    "exact": lambda c: c.exact,
}


def truth_of(case):
    return OPERATORS[case.op].evaluate(case)


def shape_with(case, **flags):
    return truth_of(replace(case, parameters={**case.parameters, **flags}))["forward"].shape


@pytest.mark.parametrize("function", POOLING.functions)
def test_what_real_bugs_needed_is_drawn(function):
    """Each at least once in a hundred cases."""
    cases = drawn(function, 300)
    wanted = COMMON | REACHED.get(function, {})
    counts = {name: sum(map(bool, map(holds, cases))) for name, holds in wanted.items()}
    assert {name: n for name, n in counts.items() if n < len(cases) / 100} == {}


def test_nan_is_drawn_where_many_windows_lie_side_by_side():
    """There alone, from 4096 numbers on, a release passed over it."""

    def holds(case):
        x, size = case.arrays()["x"], case.parameters["kernel_size"]
        side_by_side = case.parameters["stride"] == size and max(size) > 1
        return side_by_side and x.size > 4096 and np.isnan(x).any() and not np.isnan(x).all()

    assert any(map(holds, drawn("max_pool", 400)))


@pytest.mark.parametrize("op", ["avg_pool", "avg_unpool"])
def test_exact_averages_are_exact(op):
    """Every sum of magnitudes, and every quotient, has fewer bits than float32."""
    for case in [case for case in drawn(op, 200) if case.exact]:
        truth = truth_of(case)["forward"]
        finite = truth[np.isfinite(truth)]
        assert np.array_equal(finite, finite.astype(np.float32))
        assert np.array_equal(finite * 64, np.round(finite * 64))


# Identities


@pytest.mark.parametrize("op", POOLING.ops)
def test_a_broken_truth_does_not_go_unseen(op):
    operator = OPERATORS[op]
    cases = [c for c in drawn(f"{op}_backward", 60) if c.exact and c.arrays()["grad_y"].size]
    questions = [Question(operator, case, operator.evaluate(case)) for case in cases]
    assert all(map(operator.identity, questions))
    broken = [replace(q, operator=replace(q.operator, name=op, tier=Forgetful)) for q in questions]
    assert not all(map(operator.identity, broken))
