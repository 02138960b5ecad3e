"""Verdicts on resampling and padding kernels: faults are found, and nothing else."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from checking import check_source, kernel_file
from mutants import sampled
from mutants.measuring import assert_found
from mutants.resampling import RESAMPLING
from planting import Forgetful, drawn

from deconv_ref.conformance.case import LAYOUTS, Operand
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

# Mutants


@pytest.mark.parametrize("mutant", sampled(RESAMPLING.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(RESAMPLING.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


def coordinates_in_float32(right, n, scale, align_corners):
    outputs = math.floor(n * scale)
    o, one = np.arange(outputs, dtype=np.float32), np.float32(1)
    source = (o + one / 2) * (one / np.float32(scale)) - one / 2
    if align_corners:
        source = o * (np.float32(n - 1) / np.float32(max(outputs - 1, 1)))
    source = np.clip(source, 0, n - 1)
    lower = np.floor(source).astype(int)
    return lower, np.minimum(lower + 1, n - 1), source - lower


def test_coordinates_may_be_rounded_to_the_dtype(tmp_path):
    source = kernel_file({"neighbours": coordinates_in_float32}, of=RESAMPLING.kernels)
    plan = {"ops": ("upsample",), "dtypes": ("float32",), "cases": 100}
    checked = check_source(tmp_path, source, shrink=False, **plan)
    assert {record["verdict"] for record in checked.document["results"]} == {"conforms"}


# What is drawn


def parameter(name, holds):
    return lambda case: holds(case.parameters[name])


def coordinates(case):
    """Every output's place on its axis, exactly: cell m spans m to m + 1."""
    x = case.arrays()["x"]
    for n, scale in zip(x.shape[2:], case.parameters["scale_factor"], strict=True):
        for o in range(math.floor(n * scale)):
            yield (o + Fraction(1, 2)) / Fraction(scale), Fraction(scale)


REACHED = {
    "upsample": {
        "nearest": parameter("mode", lambda m: m == "nearest"),
        "corners": parameter("align_corners", bool),
        "coarser": parameter("scale_factor", lambda s: min(s) < 1),
        "finer": parameter("scale_factor", lambda s: max(s) > 1),
        "not whole": parameter("scale_factor", lambda s: any(f % 1 for f in s)),
        "scales differ": parameter("scale_factor", lambda s: len(set(s)) > 1),
        "the size does not divide": lambda c: any(
            n * s % 1
            for n, s in zip(c.arrays()["x"].shape[2:], c.parameters["scale_factor"], strict=True)
        ),
        "half-way": lambda c: (
            c.parameters["mode"] == "nearest"
            and any(at.denominator == 1 for at, _ in coordinates(c))
        ),
        "one cell": lambda c: min(c.arrays()["x"].shape[2:]) == 1,
        "exact and linear": lambda c: c.exact and c.parameters["mode"] == "linear",
        "not finite": lambda c: not np.isfinite(c.arrays()["x"]).all(),
    },
    "pad": {
        **{m: parameter("mode", lambda x, m=m: x == m) for m in ("zeros", "reflect", "circular")},
        "value": parameter("value", bool),
        "wider than the axis": lambda c: any(
            max(pair) > n
            for n, pair in zip(c.arrays()["x"].shape[2:], c.parameters["padding"], strict=True)
        ),
        "none": parameter("padding", lambda p: not any(map(any, p))),
    },
    "pixel_shuffle": {
        "factors differ": parameter("factor", lambda f: len(set(f)) > 1),
        "squares of images": parameter("factor", lambda f: len(f) == 2 and f[0] == f[1] > 1),
    },
}
COMMON = {
    **{x: lambda c, x=x: any(o.layout == x for o in c.operands.values()) for x in LAYOUTS},
    **{f"{n} axes": lambda c, n=n: first(c).ndim == n + 2 for n in (1, 2, 3)},
    "empty batch": lambda c: first(c).shape[0] == 0,
    "longer than two vectors": lambda c: first(c).shape[-1] > 32,
}


def first(case):
    return next(iter(case.arrays().values()))


@pytest.mark.parametrize("function", ["upsample", "upsample_backward", "pad", "pixel_shuffle"])
def test_what_real_bugs_needed_is_drawn(function):
    """Each at least once in a hundred cases."""
    cases = drawn(function, 400)
    wanted = COMMON | REACHED.get(function, {})
    if function == "pixel_shuffle":
        wanted = {n: holds for n, holds in wanted.items() if n != "longer than two vectors"}
    counts = {name: sum(map(bool, map(holds, cases))) for name, holds in wanted.items()}
    assert {name: n for name, n in counts.items() if n < len(cases) / 100} == {}


def test_rounding_never_decides_which_cell_is_nearest():
    for case in drawn("upsample", 200):
        if not case.parameters["align_corners"]:
            halves = [s for at, s in coordinates(case) if at.denominator == 1]
            assert all(s.numerator & (s.numerator - 1) == 0 for s in halves)


# Identities


@pytest.mark.parametrize("op", ["upsample", "pad"])
def test_a_broken_truth_does_not_go_unseen(op):
    operator = OPERATORS[op]
    cases = [c for c in drawn(f"{op}_backward", 60) if c.exact and c.arrays()["grad_y"].size]
    questions = [Question(operator, case, operator.evaluate(case)) for case in cases]
    assert all(map(operator.identity, questions))
    broken = replace(operator, tier=Forgetful)
    assert not all(operator.identity(replace(q, operator=broken)) for q in questions)


@pytest.mark.parametrize("function", ["pixel_shuffle", "pixel_unshuffle"])
def test_shuffling_there_and_back_changes_nothing(function):
    inverse = {"pixel_shuffle": "pixel_unshuffle", "pixel_unshuffle": "pixel_shuffle"}[function]
    for case in drawn(function, 60):
        y = OPERATORS[function].evaluate(case)["forward"]
        back = replace(case, function=inverse, operands={"x": Operand(y)})
        x = OPERATORS[inverse].evaluate(back)["forward"]
        np.testing.assert_array_equal(x, case.arrays()["x"])
