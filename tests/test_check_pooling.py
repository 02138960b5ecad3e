"""Verdicts on pooling kernels: faults are found, and nothing else; what cases reach."""

import functools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planting import Chapter, Forgetful, as_lists, drawn, in_float64

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

CASES = 100
POOLING = Chapter(
    Path(__file__).with_name("kernels_pooling.py"),
    *("max_pool", "max_unpool", "avg_pool", "avg_unpool"),
)
plant = POOLING.plant


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Judge a round of faults, once."""
    folder = tmp_path_factory.mktemp("faults")
    return functools.cache(lambda number: POOLING.check_round(folder, number, cases=CASES))


# Faults in maxima


@plant("max_pool", "indices", replaces="above")
def last_of_equals(right, cells, best):
    return (cells >= best) | np.isnan(cells) & ~np.isnan(best)


@plant("max_pool", "indices", replaces="above")
def last_nan(right, cells, best):
    return (cells > best) | np.isnan(cells)


@plant("max_pool", "forward", "indices", replaces="above")
def nan_only_where_it_comes_first(right, cells, best):
    return cells > best


@plant("max_pool")
def starts_from_0(right, **call):
    y, indices = right(**call)
    return np.maximum(y, 0), indices


@plant("max_pool", "forward", "indices")
def dilation_of_the_first_axis_for_all(right, *, dilation, **call):
    return right(dilation=dilation[:1] * len(dilation), **call)


@plant("max_pool", "indices")
def indices_count_over_channels(right, *, x, **call):
    y, indices = right(x=x, **call)
    channels = np.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2))
    return y, indices + channels * math.prod(x.shape[2:])


@plant("max_pool_backward")
def one_gradient_where_windows_overlap(right, *, grad_y, indices, input_size):
    grad_x = np.zeros((*input_size[:2], math.prod(input_size[2:])), grad_y.dtype)
    np.put_along_axis(grad_x, np.maximum(flat(indices), 0), flat(grad_y), 2)  # noqa: F821
    return grad_x.reshape(input_size)


@plant("max_pool_backward")
@plant("max_unpool")
def nowhere_is_the_last_cell(right, *, indices, **call):
    size = call.get("input_size") or call["output_size"]
    return right(indices=indices % math.prod(size[2:]), **call)


@plant("max_pool_backward")
@plant("max_unpool")
@plant("max_unpool_backward")
def indices_of_the_first_channel(right, *, indices, **call):
    return right(indices=np.repeat(indices[:, :1], indices.shape[1], axis=1), **call)


@plant("max_unpool")
def added_up(right, *, x, indices, output_size):
    y = np.zeros((*output_size[:2], math.prod(output_size[2:])), x.dtype)
    for n, c in np.ndindex(output_size[:2]):
        somewhere = indices[n, c] >= 0
        np.add.at(y[n, c], indices[n, c][somewhere], x[n, c][somewhere])
    return y.reshape(output_size)


@plant("max_unpool")
def the_first_stays(right, *, x, indices, output_size):
    spatial = tuple(range(2, x.ndim))
    return right(np.flip(x, spatial), np.flip(indices, spatial), output_size)


@plant("max_unpool_backward")
def what_was_overwritten_gets_a_gradient(right, *, grad_y, indices):
    found = np.take_along_axis(flat(grad_y), np.maximum(flat(indices), 0), 2)  # noqa: F821
    return np.where(indices < 0, 0, found.reshape(indices.shape)).astype(grad_y.dtype)


@plant("max_unpool_backward")
def nowhere_has_a_gradient(right, *, grad_y, indices):
    return right(grad_y, indices % math.prod(grad_y.shape[2:]))


# Faults in averages


@plant("avg_pool", replaces="counts")
@plant("avg_pool_backward", replaces="counts")
def cells_beyond_the_padding_count(right, size, output, sides, kernel_size, *rest):
    counted = right(size, output, sides, kernel_size, *rest)
    return np.full_like(counted, math.prod(kernel_size)) if rest[-1] else counted


@plant("avg_pool", replaces="counts")
@plant("avg_pool_backward", replaces="counts")
def padding_never_counts(right, *window):
    return right(*window[:-1], False)


@plant("avg_pool")
def nan_counts_as_padding(right, *, x, **call):
    return right(x=np.nan_to_num(x, posinf=np.inf, neginf=-np.inf), **call)


@plant("avg_pool_backward")
@plant("avg_unpool")
@plant("avg_unpool_backward")
def sides_swapped(right, *, padding, **call):
    if not isinstance(padding, str):
        padding = [(after, before) for before, after in padding]
    return right(padding="same_lower" if padding == "same" else padding, **call)


@plant("avg_unpool")
def sums_for_means(right, *, x, kernel_size, stride, padding, output_size):
    size = unpooled(x.shape[2:], kernel_size, stride, padding, output_size)  # noqa: F821
    return scattered(x, size, padding, kernel_size, stride)  # noqa: F821


@plant("avg_unpool_backward")
def sums_for_means_in_the_gradient(right, *, grad_y, input_size, kernel_size, stride, padding):
    grad_x = np.zeros(input_size, grad_y.dtype)
    window = (padding, kernel_size, stride, (1,) * len(stride))
    for places, inside in taps(grad_y.shape[2:], input_size[2:], *window):  # noqa: F821
        grad_x += np.where(inside, flat(grad_y)[:, :, places], 0)  # noqa: F821
    return grad_x


def test_rounds_hold_two_faults_of_each_function():
    assert len(POOLING.rounds) >= 2
    assert all(set(POOLING.functions) == set(faults) for faults in POOLING.rounds[:2])


@pytest.mark.parametrize(("number", "function"), POOLING.planted)
def test_a_fault_is_found(checked, number, function):
    assert checked(number).verdicts(function) == POOLING.expected(number, function)


# Right kernels


def test_right_kernels_conform(tmp_path):
    POOLING.assert_conforms(POOLING.check(tmp_path, cases=CASES, seed=1), cases=CASES)


def last_tap_first(right, *window):
    return list(right(*window))[::-1]


def at_least_as_large(right, cells, best):
    return (cells >= best) | np.isnan(cells)


def y_alone(right, **call):
    return right(**call)[0]


def by_reciprocals(right, sums, counted):
    with np.errstate(divide="ignore"):
        return sums * (1 / counted.astype(sums.dtype))


AVERAGES = ("avg_pool", "avg_pool_backward", "avg_unpool", "avg_unpool_backward")


@pytest.mark.parametrize(
    "changes",
    [
        dict.fromkeys(POOLING.functions, as_lists),
        {"max_pool": y_alone, **dict.fromkeys(AVERAGES, in_float64)},
        {"divided": by_reciprocals},
        {"taps": last_tap_first, "above": at_least_as_large},
    ],
    ids=["lists of read-only results", "y alone, float64", "reciprocals", "taps from the last"],
)
def test_harmless_variants_conform(changes, tmp_path):
    POOLING.assert_conforms(POOLING.check(tmp_path, changes, cases=CASES), cases=CASES)


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
