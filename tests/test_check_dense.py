"""Verdicts on dense layers, batch normalization and dropout: right kernels pass, faults do not."""

import numpy as np
import pytest
from mutants import sampled
from mutants.dense import DENSE
from mutants.measuring import assert_found
from planting import DTYPES, drawn

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

# Mutants


@pytest.mark.parametrize("mutant", sampled(DENSE.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(DENSE.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# What is drawn


def first(case):
    return next(iter(case.arrays().values()))


def mean_far_out(case):
    x = case.arrays()["x"].astype(np.float64)
    if not x.size or not np.isfinite(x).all():
        return False
    axes = (0, *range(2, x.ndim))
    return bool(np.any((x.std(axes) > 0) & (np.abs(x.mean(axes)) > 100 * x.std(axes))))


EVERYWHERE = {
    "empty": lambda c: first(c).size == 0,
    "more than two vectors": lambda c: max(first(c).shape) > 32,
    "NaN that is not first": lambda c: bool(np.isnan(first(c).flat[1:]).any()),
    **{x: lambda c, x=x: any(o.layout == x for o in c.operands.values()) for x in LAYOUTS},
    **{dtype: lambda c, d=dtype: c.dtype == d for dtype in DTYPES},
}
REACHED = {
    "linear": {
        **{f"rank {rank}": lambda c, r=rank: first(c).ndim == r for rank in (1, 2, 3, 4)},
        "bias": lambda c: "bias" in c.operands,
        "no bias": lambda c: "bias" not in c.operands,
        "infinity": lambda c: bool(np.isinf(first(c)).any()),
        "rounded": lambda c: not c.exact,
    },
    "linear_backward": {"rounded": lambda c: not c.exact, "exact": lambda c: c.exact},
    "batch_norm": {
        **{f"rank {rank}": lambda c, r=rank: first(c).ndim == r for rank in (2, 3, 4, 5)},
        "evaluation": lambda c: not c.parameters["training"],
        "no epsilon": lambda c: c.parameters["epsilon"] == 0,
        "momentum 0": lambda c: c.parameters["momentum"] == 0,
        "momentum 1": lambda c: c.parameters["momentum"] == 1,
        "mean far out": mean_far_out,
        "two values": lambda c: c.parameters["training"] and first(c)[:, 0].size == 2,
        "gamma 0": lambda c: bool(np.any(c.arrays()["gamma"] == 0)),
        "gamma negative": lambda c: bool(np.any(c.arrays()["gamma"] < 0)),
        "constant channel": lambda c: (
            first(c)[:, 0].size > 1 and bool(np.all(first(c)[:, 0] == first(c).flat[0]))
        ),
    },
    "batch_norm_backward": {
        "evaluation": lambda c: not c.parameters["training"],
        "exact": lambda c: c.exact and c.parameters["training"],
        "rounded": lambda c: not c.exact,
    },
    "dropout": {
        "boolean mask": lambda c: c.arrays()["mask"].dtype == bool,
        "mask of numbers": lambda c: c.arrays()["mask"].dtype != bool,
        "exact": lambda c: c.exact and c.parameters["rate"] > 0,
        "NaN dropped": lambda c: bool(np.any(np.isnan(first(c)) & (c.arrays()["mask"] == 0))),
    },
    "dropout_backward": {"rate 0.3": lambda c: c.parameters["rate"] == 0.3},
}


@pytest.mark.parametrize("function", DENSE.functions)
def test_what_real_bugs_needed_is_drawn(function):
    cases = drawn(function, 300)
    wanted = {**EVERYWHERE, **REACHED[function]}
    counts = {name: sum(map(bool, map(holds, cases))) for name, holds in wanted.items()}
    assert {name: n for name, n in counts.items() if n < len(cases) / 100} == {}


# Truth


@pytest.mark.parametrize("function", ["linear_backward", "batch_norm_backward"])
def test_identities_hold_and_can_fail(function):
    operator = OPERATORS[function.removesuffix("_backward")]
    failed = 0
    for case in [case for case in drawn(function, 300) if case.exact][:60]:
        truth = operator.evaluate(case)
        assert operator.identity(Question(operator, case, truth))
        broken = {**truth, "x": truth["x"] + 1}
        failed += not operator.identity(Question(operator, case, broken))
    assert failed > 20


def test_dropout_is_its_own_adjoint():
    dropout = OPERATORS["dropout"]
    for case in [case for case in drawn("dropout_backward", 300) if case.exact]:
        grad_y = np.nan_to_num(case.arrays()["grad_y"], posinf=1.0, neginf=2.0)
        mask, rate = case.arrays()["mask"], case.parameters["rate"]
        given = case.with_operand("grad_y", values=grad_y)
        kept = dropout.evaluate(given)["x"]
        np.testing.assert_array_equal(kept * (1 - rate), np.where(mask, grad_y, 0))
