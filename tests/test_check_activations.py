"""Verdicts on activations: faults are found, and nothing else; what cases reach."""

from dataclasses import replace

import numpy as np
import pytest
from mutants import sampled
from mutants.activations import ACTIVATIONS
from mutants.measuring import assert_found
from planting import drawn

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.operators.activations import FLAT

# Faults


@pytest.mark.parametrize("mutant", sampled(ACTIVATIONS.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


def test_every_function_has_faults():
    assert {mutant.function for mutant in ACTIVATIONS.faults} == set(ACTIVATIONS.functions)


# Right kernels


@pytest.mark.parametrize("mutant", sampled(ACTIVATIONS.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


# What is drawn


def values(case):
    return case.arrays()["x"]


def is_there(number):
    return lambda case: bool((values(case) == number).any())


def length(case):
    return values(case).shape[case.parameters["axis"]]


COMMON = {
    **{
        layout: lambda c, x=layout: any(o.layout == x for o in c.operands.values())
        for layout in LAYOUTS
    },
    "NaN": lambda c: np.isnan(values(c)).any(),
    "infinity": is_there(np.inf),
    "minus infinity": is_there(-np.inf),
    "empty batch": lambda c: len(values(c)) == 0,
    "beyond two vectors of 16": lambda c: max(values(c).shape) > 32,
}
BENT = {
    "zero": lambda c: ((values(c) == 0) & ~np.signbit(values(c))).any(),
    "minus zero": lambda c: ((values(c) == 0) & np.signbit(values(c))).any(),
    **{f"{n} axes": lambda c, n=n: values(c).ndim == n for n in (2, 3, 4, 5)},
}
SMOOTH = BENT | {
    "far below": lambda c: (np.nan_to_num(values(c), neginf=0) < -40).any(),
    "far above": lambda c: (np.nan_to_num(values(c), posinf=0) > 40).any(),
    "beyond exp": lambda c: (np.abs(values(c)) == 1e4).any(),
    "near 0": lambda c: ((values(c) != 0) & (np.abs(values(c)) < 2.0**-20)).any(),
}
LINE = {
    "from the end": lambda c: c.parameters["axis"] < 0,
    "not the channels": lambda c: c.parameters["axis"] % values(c).ndim != 1,
    "one logit": lambda c: values(c).size and length(c) == 1,
    "equal logits": lambda c: (
        length(c) > 1 and (np.ptp(values(c), axis=c.parameters["axis"]) == 0).any()
    ),
    "out of range": lambda c: np.isfinite(values(c)).any() and (np.abs(values(c)) > 2000).all(),
}
OF_SLOPES = {
    "one for all": lambda c: len(c.arrays()["slope"]) == 1 < values(c).shape[1],
    "one each": lambda c: len(c.arrays()["slope"]) == values(c).shape[1] > 1,
    "negative": lambda c: (c.arrays()["slope"] < 0).any(),
}
GRADIENT = {"NaN in grad_y": lambda c: np.isnan(c.arrays()["grad_y"]).any()}


@pytest.mark.parametrize("function", ACTIVATIONS.functions)
def test_what_real_bugs_needed_is_drawn(function):
    """Each at least once in a hundred cases."""
    op = function.removesuffix("_backward")
    kind = LINE if op in ("softmax", "log_softmax") else BENT if op.endswith("relu") else SMOOTH
    wanted = COMMON | kind | (OF_SLOPES if op == "prelu" else {})
    wanted |= GRADIENT if function.endswith("_backward") else {}
    if op in FLAT:
        wanted |= {"flat": lambda c: is_there(c.dtype.type(FLAT[op]))(c)}
    cases = drawn(function, 300)
    counts = {name: sum(map(bool, map(holds, cases))) for name, holds in wanted.items()}
    assert {name: n for name, n in counts.items() if n < len(cases) / 100} == {}


@pytest.mark.parametrize("op", ["relu", "leaky_relu", "prelu"])
def test_exact_cases_have_one_right_value(op):
    """Whatever comes of float64 is rounded once, or not at all."""
    cases = [case for case in drawn(f"{op}_backward", 200) if case.exact]
    assert len(cases) > 60
    for case in cases:
        whole = all(np.array_equal(a * 4, np.round(a * 4), equal_nan=True) for a in operands(case))
        assert whole or op != "prelu"
        slope = case.parameters.get("negative_slope", 0.0)
        assert np.float32(slope) == slope


def operands(case):
    return case.arrays().values()


# Identities: what no mistake that forward and gradient share can satisfy


@pytest.mark.parametrize("op", ["relu", "leaky_relu", "prelu"])
def test_rectifiers_are_homogeneous(op):
    """<grad_x, x> = <grad_y, y>, and of prelu <grad_slope, slope> is the part below 0."""
    cases = [c for c in drawn(f"{op}_backward", 300) if c.exact and is_whole(c)]
    assert len(cases) > 30
    for case in cases:
        arrays, truth = case.arrays(), OPERATORS[op].evaluate(case)
        forward = {n: a for n, a in arrays.items() if n != "grad_y"}
        y = OPERATORS[op].evaluate(of_forward(case), forward)["forward"]
        assert np.vdot(truth["x"], arrays["x"]) == np.vdot(arrays["grad_y"], y)
        if op == "prelu":
            below = np.where(arrays["x"] > 0, 0, y)
            assert truth["slope"] @ arrays["slope"] == np.vdot(arrays["grad_y"], below)


def is_whole(case):
    return all(
        np.isfinite(a).all() and np.array_equal(a * 4, np.round(a * 4)) for a in operands(case)
    )


def of_forward(case):
    kept = {name: o for name, o in case.operands.items() if name != "grad_y"}
    return replace(case, function=case.op, operands=kept)


def test_gradients_of_a_line_add_up_to_0():
    for op in ("softmax", "log_softmax"):
        for case in drawn(f"{op}_backward", 60):
            truth = OPERATORS[op].evaluate(case)["x"]
            axis = case.parameters["axis"]
            size = np.abs(truth).sum(axis=axis)
            total = truth.sum(axis=axis)
            usual = np.isfinite(size)
            assert (np.abs(total[usual]) <= 40 * 2.0**-52 * size[usual]).all()


def test_what_is_odd_but_for_a_half_is_so():
    """s(x) + s(-x) = 1, and y(x) - y(-x) = x of softplus, gelu and silu."""
    x = np.array([[-30.0, -1.5, -0.125, 2.0**-20, 3.0, 20.0]])
    for op, sign, expected in (
        ("sigmoid", 1, np.ones_like(x)),
        *((op, -1, x) for op in ("softplus", "gelu", "silu")),
    ):
        case = drawn(op, 1)[0]
        y, mirrored = (OPERATORS[op].evaluate(case, {"x": a})["forward"] for a in (x, -x))
        np.testing.assert_allclose(y + sign * mirrored, expected, rtol=2.0**-30)
