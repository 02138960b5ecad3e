"""Verdicts on resampling and padding kernels: faults are found, and nothing else."""

import functools
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from planting import Chapter, Forgetful, as_lists, drawn

from deconv_ref.conformance.case import LAYOUTS, Operand
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

CASES = 100
RESAMPLING = Chapter(
    Path(__file__).with_name("kernels_resampling.py"),
    *("upsample", "pixel_shuffle", "pixel_unshuffle", "pad"),
)
plant = RESAMPLING.plant


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Judge a round of faults, once."""
    folder = tmp_path_factory.mktemp("faults")
    return functools.cache(lambda number: RESAMPLING.check_round(folder, number, cases=CASES))


# Faults in resampling


@plant("upsample_backward", replaces="collect")
@plant("pad_backward", replaces="collect")
def one_gradient_per_cell(right, values, cells, axis, n):
    total = np.zeros((*values.shape[:axis], n, *values.shape[axis + 1 :]), values.dtype)
    total[(slice(None),) * axis + (cells,)] = values
    return total


@plant("upsample")
def scales_reversed(right, *, scale_factor, **call):
    return right(scale_factor=scale_factor[::-1], **call)


@plant("upsample", replaces="nearest_cells")
@plant("upsample_backward", replaces="nearest_cells")
def nearest_to_the_corner(right, n, scale):
    return np.floor(np.arange(math.floor(n * scale)) / scale).astype(int)


@plant("upsample", replaces="nearest_cells")
@plant("upsample_backward", replaces="nearest_cells")
def halves_round_down(right, n, scale):
    source = (np.arange(math.floor(n * scale)) + 0.5) / scale
    return np.maximum(np.ceil(source) - 1, 0).astype(int)


@plant("upsample", replaces="neighbours")
@plant("upsample_backward", replaces="neighbours")
def corners_never_aligned(right, n, scale, align_corners):
    return right(n, scale, False)


@plant("upsample", replaces="neighbours")
@plant("upsample_backward", replaces="neighbours")
def scale_of_the_sizes(right, n, scale, align_corners):
    return right(n, math.floor(n * scale) / n, align_corners)


@plant("upsample", replaces="neighbours")
@plant("upsample_backward", replaces="neighbours")
def weights_of_11_bits(right, *axis):
    lower, upper, f = right(*axis)
    return lower, upper, np.round(f * 2048) / 2048


@plant("pixel_shuffle")
def the_block_counts_slowest(right, *, x, factor):
    n, channels, *size = x.shape
    block = math.prod(factor)
    x = x.reshape(n, block, channels // block, *size).swapaxes(1, 2)
    return right(x=x.reshape(n, channels, *size), factor=factor)


@plant("pixel_unshuffle")
def the_block_counts_slowest_back(right, *, x, factor):
    y = right(x=x, factor=factor)
    n, channels, *size = y.shape
    block = math.prod(factor)
    return y.reshape(n, channels // block, block, *size).swapaxes(1, 2).reshape(y.shape)


@plant("pixel_shuffle")
@plant("pixel_unshuffle")
def blocks_by_columns(right, *, x, factor):
    """Count the cells of a square block column by column."""
    if x.ndim != 4 or factor[0] != factor[1]:
        return right(x=x, factor=factor)
    return right(x=x.swapaxes(2, 3), factor=factor).swapaxes(2, 3)


# Faults in padding


@plant("pad")
@plant("pad_backward")
def last_axis_first(right, *, padding, **call):
    return right(padding=padding[::-1], **call)


@plant("pad")
@plant("pad_backward")
def sides_swapped(right, *, padding, **call):
    return right(padding=tuple((after, before) for before, after in padding), **call)


@plant("pad")
def the_edge_is_repeated(right, *, x, padding, mode, value):
    if mode == "reflect":
        return np.pad(x, [(0, 0), (0, 0), *padding], "symmetric")
    return right(x=x, padding=padding, mode=mode, value=value)


@plant("pad_backward")
def always_a_crop(right, *, mode, **call):
    return right(mode="zeros", **call)


@plant("pad")
def zeros_are_zeros(right, *, value, **call):
    return right(value=0.0, **call)


def test_rounds_hold_two_faults_of_each_function():
    assert all(set(RESAMPLING.functions) == set(faults) for faults in RESAMPLING.rounds[:2])


@pytest.mark.parametrize(("number", "function"), RESAMPLING.planted)
def test_a_fault_is_found(checked, number, function):
    assert checked(number).verdicts(function) == RESAMPLING.expected(number, function)


# Right kernels


def test_right_kernels_conform(tmp_path):
    checked = RESAMPLING.check(tmp_path, cases=CASES, seed=1)
    RESAMPLING.assert_conforms(checked, cases=CASES)


def axes_from_the_last(right, *, scale_factor, **call):
    turned = {n: turn(v) if n in ("x", "grad_y") else v for n, v in call.items()}  # noqa: F821
    if "input_size" in call:
        turned["input_size"] = (*call["input_size"][:2], *call["input_size"][:1:-1])
    return turn(right(scale_factor=scale_factor[::-1], **turned))  # noqa: F821


def coordinates_in_float32(right, n, scale, align_corners):
    outputs = math.floor(n * scale)
    o, one = np.arange(outputs, dtype=np.float32), np.float32(1)
    source = (o + one / 2) * (one / np.float32(scale)) - one / 2
    if align_corners:
        source = o * (np.float32(n - 1) / np.float32(max(outputs - 1, 1)))
    source = np.clip(source, 0, n - 1)
    lower = np.floor(source).astype(int)
    return lower, np.minimum(lower + 1, n - 1), source - lower


TURN = "def turn(x):\n    return x.transpose(0, 1, *range(x.ndim - 1, 1, -1))\n"


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        (dict.fromkeys(RESAMPLING.functions, as_lists), {}),
        (dict.fromkeys(("upsample", "upsample_backward"), axes_from_the_last), {"extra": TURN}),
        ({"neighbours": coordinates_in_float32}, {"dtypes": ("float32",)}),
    ],
    ids=["lists of read-only results", "axes from the last", "coordinates in float32"],
)
def test_harmless_variants_conform(changes, plan, tmp_path):
    checked = RESAMPLING.check(tmp_path, changes, cases=CASES, **plan)
    RESAMPLING.assert_conforms(checked, cases=CASES)


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
