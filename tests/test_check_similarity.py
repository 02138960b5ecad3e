"""Verdicts on structural similarity: any stable variance conforms, faults that happened do not."""

from pathlib import Path

import numpy as np
import pytest
from checking import check_source, kernel_file
from planting import drawn

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.operators import similarity
from deconv_ref.conformance.truth import Question

KERNELS = Path(__file__).with_name("kernels_similarity.py")
RECORDS = {operator.name: operator for operator in similarity.OPERATORS}
FUNCTIONS = [f for operator in similarity.OPERATORS for f in operator.functions()]
CASES = 50


def run(changes, folder, seed=0):
    source = kernel_file(changes, of=KERNELS)
    return check_source(folder, source, ops=tuple(RECORDS), cases=CASES, seed=seed, shrink=False)


# Right kernels


def in_one_pass(right, x, y, weight):
    return averages(x * y, weight) - averages(x, weight) * averages(y, weight)  # noqa: F821


def in_the_dtype(right, x, y, data_range, window, k1, k2):
    """Compute moments in the images' own precision, in one pass."""
    c1, c2 = ((x.dtype.type(k) * x.dtype.type(data_range)) ** 2 for k in (k1, k2))
    weight = weights(window, x.shape[2:]).astype(x.dtype)  # noqa: F821
    mean_x, mean_y = averages(x, weight), averages(y, weight)  # noqa: F821
    squares, product = averages(x * x + y * y, weight), averages(x * y, weight)  # noqa: F821
    a1, b1 = 2 * mean_x * mean_y + c1, mean_x**2 + mean_y**2 + c1
    return a1, 2 * product - 2 * mean_x * mean_y + c2, b1, squares - (b1 - c1) + c2


@pytest.mark.parametrize(
    ("changes", "seed"),
    [({}, 0), ({"covariance": in_one_pass}, 1), ({"factors": in_the_dtype}, 0)],
    ids=["two passes", "one pass", "one pass in float32"],
)
def test_right_kernels_conform(changes, seed, tmp_path):
    records = run(changes, tmp_path, seed).document["results"]
    assert len(records) == len(FUNCTIONS)
    for record in records:
        assert record["verdict"] == "conforms", record["reason"]
        assert (record["cases"], record["refused"]) == (CASES, 0)
        assert 0 < record["worst"]["of_bound"] <= 1


# Faults: all three functions are made of the pieces that they stand in for


def sample_covariance(right, x, y, weight):
    return right(x, y, weight) * (weight.size / max(weight.size - 1, 0.5))


def wider_bell(right):
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.6**2))
    return bell / bell.sum()


def weights_not_scaled(right):
    return np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))


def range_of_1(right, x, y, data_range, *constants):
    return right(x, y, 1.0, *constants)


def constants_not_squared(right, x, y, data_range, window, k1, k2):
    return right(x, y, 1.0, window, (k1 * data_range) ** 0.5, (k2 * data_range) ** 0.5)


def product_of_means_for_squares(right, *call):
    a1, a2, _, b2 = right(*call)
    return a1, a2, a1, b2


@pytest.mark.parametrize(
    ("replaces", "fault"),
    [
        ("covariance", sample_covariance),
        ("gaussian", wider_bell),
        ("gaussian", weights_not_scaled),
        ("factors", range_of_1),
        ("factors", constants_not_squared),
        ("factors", product_of_means_for_squares),
    ],
)
def test_faults_of_all_functions_are_found(replaces, fault, tmp_path):
    checked = run({replaces: fault}, tmp_path)
    assert {r["verdict"] for r in checked.document["results"]} == {"wrong"}


def last_image_alone(right, *, x, y, **call):
    return right(x=x[-1:], y=y[-1:], **call)


def half_the_loss(right, **call):
    return right(**call) / 2


def sign_forgotten(right, **call):
    return -right(**call)


def rounded_before_1_is_taken(right, **call):
    return np.round(right(**call), 4)


def averaged_over_the_batch(right, *, reduction, prediction, **call):
    grad = right(reduction=reduction, prediction=prediction, **call)
    return grad * (prediction.shape[1] if reduction == "mean" else 1)


@pytest.mark.parametrize(
    "faults",
    [
        {"ssim": last_image_alone, "ssim_loss_backward": sign_forgotten},
        {"ssim_loss": half_the_loss},
        {"ssim_loss": rounded_before_1_is_taken, "ssim_loss_backward": averaged_over_the_batch},
    ],
    ids=lambda faults: " ".join(f.__name__ for f in faults.values()),
)
def test_faults_of_one_function_accuse_no_other(faults, tmp_path):
    checked = run(faults, tmp_path)
    found = {f: set(checked.verdicts(f).values()) for f in FUNCTIONS}
    assert found == {f: {"wrong" if f in faults else "conforms"} for f in FUNCTIONS}


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
