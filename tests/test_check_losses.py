"""Verdicts on losses: right kernels conform, whatever their order; faults are found."""

from pathlib import Path

import numpy as np
import pytest
from checking import check_source, kernel_file
from planting import as_lists, drawn, in_float64

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.exact import Exact
from deconv_ref.conformance.operators import losses

KERNELS = Path(__file__).with_name("kernels_losses.py")
RECORDS = {operator.name: operator for operator in losses.OPERATORS}
FUNCTIONS = [f for operator in losses.OPERATORS for f in operator.functions()]
CASES = 40


def run(changes, folder, seed=0):
    source = kernel_file(changes, of=KERNELS)
    return check_source(folder, source, ops=tuple(RECORDS), cases=CASES, seed=seed, shrink=False)


# Right kernels -----------------------------------------------------------------------------------


def from_the_last(right, **call):
    """Add up in another order."""

    def turned(value):
        return value[::-1] if isinstance(value, np.ndarray) else value

    result = right(**{name: turned(value) for name, value in call.items()})
    return result[::-1] if np.ndim(result) else result


SMOOTH = [f for f in FUNCTIONS if "entropy" in f]
HARMLESS = {
    "as they are": {},
    "from the last": dict.fromkeys(FUNCTIONS, from_the_last),
    "in float64": dict.fromkeys(SMOOTH, in_float64)
    | dict.fromkeys([f for f in FUNCTIONS if f not in SMOOTH], as_lists),
}


@pytest.mark.parametrize(
    ("variant", "seed"), [("as they are", 0), ("from the last", 1), ("in float64", 0)]
)
def test_right_kernels_conform(variant, seed, tmp_path):
    records = run(HARMLESS[variant], tmp_path, seed).document["results"]
    assert len(records) == len(FUNCTIONS)
    for record in records:
        assert record["verdict"] == "conforms", record["reason"]
        assert (record["cases"], record["refused"]) == (CASES, 0)
        assert record["worst"]["of_bound"] <= 1


# Faults ------------------------------------------------------------------------------------------


def halved(right, **call):
    return right(**call) / 2


def square_multiplied_out(right, prediction, target, **call):
    squares = prediction**2 - 2 * prediction * target + target**2
    return reduced(squares, **call)  # noqa: F821


def averaged_over_the_batch(right, prediction, target, reduction):
    total = right(prediction=prediction, target=target, reduction="sum")
    return total if reduction == "sum" else total / total.dtype.type(len(prediction))


def nan_as_0(right, **call):
    return np.nan_to_num(right(**call), posinf=np.inf, neginf=-np.inf)


def smooth_l1(right, *, delta, **call):
    return right(delta=delta, **call) / np.float32(delta)


def delta_of_1(right, *, delta, **call):
    return right(delta=1.0, **call)


def held_above_1e_7(right, prediction, **call):
    low = prediction.dtype.type(1e-7)
    return right(prediction=np.clip(prediction, low, 1 - low), **call)


def logarithm_of_1_less_x(right, prediction, target, **call):
    one, other = times(target, np.log(prediction)), times(1 - target, np.log(1 - prediction))  # noqa: F821
    return reduced(-(one + other), **call)  # noqa: F821


def not_a_number_at_0(right, prediction, target, **call):
    terms = target * np.log(prediction) + (1 - target) * np.log1p(-prediction)
    return reduced(-terms, **call)  # noqa: F821


def overflowing_softplus(right, prediction, target, **call):
    return reduced(np.log1p(np.exp(prediction)) - prediction * target, **call)  # noqa: F821


def logarithm_of_1_plus_small(right, prediction, target, **call):
    small = np.log(1 + np.exp(-np.abs(prediction)))
    weight = np.where(prediction > 0, 1 - target, target)
    return reduced(times(weight, np.abs(prediction)) + small, **call)  # noqa: F821


def averaged_over_the_categories(right, prediction, target, reduction):
    loss = right(prediction=prediction, target=target, reduction=reduction)
    return loss / loss.dtype.type(prediction.shape[1] if reduction == "mean" else 1)


def categories_in_the_last_axis(right, prediction, target, **call):
    return right(np.moveaxis(prediction, -1, 1), np.moveaxis(target, -1, 1), **call)


def largest_not_taken_away(right, prediction, target, **call):
    logs = np.log(np.exp(prediction).sum(1, keepdims=True)) - prediction
    return reduced(times(target, logs).sum(1), **call)  # noqa: F821


def logarithm_of_the_whole_sum(right, prediction, target, **call):
    below = prediction - prediction.max(1, keepdims=True)
    logs = np.log(np.exp(below).sum(1, keepdims=True)) - below
    return reduced(times(target, logs).sum(1), **call)  # noqa: F821


def averaged(right, weight, **call):
    return right(weight=weight, **call) / weight.dtype.type(weight.size)


def root_of_the_sum(right, **call):
    return np.sqrt(right(**call))


def strength_forgotten(right, strength, **call):
    return right(strength=1.0, **call)


def incoming_gradient_forgotten(right, *, grad_loss, **call):
    return right(grad_loss=1.0, **call)


def incoming_array_averaged(right, *, grad_loss, **call):
    return right(grad_loss=grad_loss if np.ndim(grad_loss) == 0 else grad_loss.mean(), **call)


def never_averaged(right, *, reduction, **call):
    return right(reduction="sum" if reduction == "mean" else reduction, **call)


def slope_of_0_is_1(right, prediction, target, **call):
    d = prediction - target
    slope = np.where(d >= 0, 1, np.sign(d)).astype(d.dtype)
    return chained(np.where(np.isnan(d), d, slope), **call)  # noqa: F821


def held_on_one_side(right, prediction, target, delta, **call):
    slope = np.minimum(prediction - target, prediction.dtype.type(delta))
    return chained(slope, **call)  # noqa: F821


def denominators_held_above_1e_12(right, prediction, target, **call):
    slope = (prediction - target) / np.maximum(prediction * (1 - prediction), 1e-12)
    return chained(slope.astype(prediction.dtype), **call)  # noqa: F821


def targets_rounded(right, target, **call):
    return right(target=np.round(target), **call)


def sigmoid_less_target(right, prediction, target, **call):
    return chained(sigmoid(prediction) - target, **call)  # noqa: F821


def smallest_added(right, prediction, target, **call):
    small = prediction.dtype.type(1e-8)
    return chained(-target / (prediction + small), along=True, **call)  # noqa: F821


def prediction_less_target(right, prediction, target, **call):
    return chained(prediction - target, along=True, **call)  # noqa: F821


def targets_that_sum_to_1(right, prediction, target, **call):
    _, e, rest = exponentials(prediction)  # noqa: F821
    return chained(e / (1 + rest) - target, along=True, **call)  # noqa: F821


def hard_targets_alone(right, target, **call):
    hard = (target == target.max(1, keepdims=True)).astype(target.dtype)
    return right(target=hard, **call)


def sign_of_0_is_1(right, weight, strength):
    return np.where(weight == 0, weight.dtype.type(strength), right(weight, strength))


ROUNDS = {
    "forward": {
        "mse": halved,
        "mae": averaged_over_the_batch,
        "huber": smooth_l1,
        "binary_cross_entropy": held_above_1e_7,
        "binary_cross_entropy_with_logits": overflowing_softplus,
        "categorical_cross_entropy": averaged_over_the_categories,
        "softmax_cross_entropy": largest_not_taken_away,
        "l1_penalty": averaged,
        "l2_penalty": halved,
    },
    "gradient": {
        "mse_backward": halved,
        "mae_backward": slope_of_0_is_1,
        "huber_backward": held_on_one_side,
        "binary_cross_entropy_backward": denominators_held_above_1e_12,
        "binary_cross_entropy_with_logits_backward": sigmoid_less_target,
        "categorical_cross_entropy_backward": smallest_added,
        "softmax_cross_entropy_backward": targets_that_sum_to_1,
        "l1_penalty_backward": sign_of_0_is_1,
        "l2_penalty_backward": halved,
    },
    "forward, finer": {
        "mse": square_multiplied_out,
        "mae": nan_as_0,
        "huber": delta_of_1,
        "binary_cross_entropy": logarithm_of_1_less_x,
        "binary_cross_entropy_with_logits": logarithm_of_1_plus_small,
        "categorical_cross_entropy": categories_in_the_last_axis,
        "softmax_cross_entropy": logarithm_of_the_whole_sum,
        "l1_penalty": strength_forgotten,
        "l2_penalty": root_of_the_sum,
    },
    "gradient, finer": {
        "mse_backward": incoming_gradient_forgotten,
        "mae_backward": never_averaged,
        "huber_backward": delta_of_1,
        "binary_cross_entropy_backward": targets_rounded,
        "binary_cross_entropy_with_logits_backward": incoming_array_averaged,
        "categorical_cross_entropy_backward": prediction_less_target,
        "softmax_cross_entropy_backward": hard_targets_alone,
        "l1_penalty_backward": strength_forgotten,
        "l2_penalty_backward": strength_forgotten,
    },
}


@pytest.mark.parametrize("faults", ROUNDS.values(), ids=ROUNDS)
def test_faults_are_found_and_nothing_else(faults, tmp_path):
    checked = run(faults, tmp_path)
    found = {f: set(checked.verdicts(f).values()) for f in FUNCTIONS}
    assert found == {f: {"wrong" if f in faults else "conforms"} for f in FUNCTIONS}


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
