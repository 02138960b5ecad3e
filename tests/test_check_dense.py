"""Verdicts on dense layers, batch normalization and dropout: right kernels pass, faults do not."""

import functools
from pathlib import Path

import numpy as np
import pytest
from checking import check_source, kernel_file
from planting import DTYPES, as_lists, drawn, in_float64

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import Question

KERNELS = Path(__file__).with_name("kernels_dense.py")
OPS = ("linear", "batch_norm", "dropout")
CASES = 120
FUNCTIONS = tuple(function for op in OPS for function in OPERATORS[op].functions())


# Right kernels


def welford(right, x):
    mean, total = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    rows = x.swapaxes(0, 1).reshape(x.shape[1], -1)
    for k, values in enumerate(rows.T, 1):
        off = values - mean
        mean = mean + off / x.dtype.type(k)
        total = total + off * (values - mean)
    return mean, total / x.dtype.type(rows.shape[1])


def folded(right, x, gamma, beta, **call):
    y, *others = right(x=x, gamma=gamma, beta=beta, **call)
    if np.isfinite(others[3]).all() and np.isfinite(x).all():
        scale = gamma * others[3]
        shift = beta - others[2] * scale
        y = x * along(scale, x) + along(shift, x)  # noqa: F821
    return y, *others


def from_the_last(right, x):
    return right(x[::-1, :, ::-1] if x.ndim > 2 else x[::-1])


def y_alone(right, **call):
    return right(**call)[0]


def without_statistics(right, **call):
    return *right(**call)[:3], None, None


HARMLESS = {
    "float64 cast back": dict.fromkeys(FUNCTIONS, in_float64),
    "Welford": {"statistics": welford},
    "from the last": {"statistics": from_the_last, "batch_norm": folded},
    "lists of read-only results": dict.fromkeys(FUNCTIONS, as_lists),
    "y alone": {"batch_norm": y_alone},
    "without statistics": {"batch_norm": without_statistics},
}


def test_right_kernels_conform(tmp_path):
    checked = check_source(tmp_path, kernel_file(of=KERNELS), ops=OPS, cases=CASES, seed=1)
    for record in checked.document["results"]:
        assert record["verdict"] == "conforms", (record["op"], record["reason"])
        assert record["refused"] == 0
        assert record["cases"] >= 60


@pytest.mark.parametrize("changes", HARMLESS.values(), ids=HARMLESS)
def test_harmless_variants_conform(changes, tmp_path):
    touched = [op for op in OPS if any(name.startswith((op, "statistics")) for name in changes)]
    ops = touched if "statistics" not in changes else ["batch_norm"]
    source = kernel_file(changes, of=KERNELS)
    checked = check_source(tmp_path, source, ops=tuple(ops), cases=CASES, shrink=False)
    for record in checked.document["results"]:
        assert record["verdict"] in ("conforms", "absent"), (record["op"], record["reason"])
        if record["verdict"] == "absent":
            assert record["op"] == "batch_norm"


# Faults


def one_bias_for_all(right, x, weight, bias=None):
    return right(x, weight, None if bias is None else np.full_like(bias, bias[0]))


def square_weight_transposed(right, x, weight, bias=None):
    return right(x, weight.T if weight.shape[0] == weight.shape[1] else weight, bias)


def zeros_skipped(right, x, weight, bias=None):
    return right(np.nan_to_num(x, posinf=np.inf, neginf=-np.inf), weight, bias)


def averaged_over_rows(right, grad_y, x, weight):
    grad_x, grad_weight, grad_bias = right(grad_y, x, weight)
    return grad_x, grad_weight, grad_bias / max(grad_y.size // grad_y.shape[-1], 1)


def last_row_dropped(right, grad_y, x, weight):
    grad_x, _, grad_bias = right(grad_y, x, weight)
    grads, rows = by_row(grad_y), by_row(x)  # noqa: F821
    return grad_x, grads[:-1].T @ rows[:-1], grad_bias


def weight_gradient_transposed_where_square(right, grad_y, x, weight):
    grad_x, grad_weight, grad_bias = right(grad_y, x, weight)
    square = weight.shape[0] == weight.shape[1]
    return grad_x, grad_weight.T if square else grad_weight, grad_bias


def momentum_of_the_old(right, momentum, **call):
    return right(momentum=1 - momentum, **call)


def biased_variance_remembered(right, x, running_var, momentum, training, **call):
    call |= {"running_var": running_var, "momentum": momentum, "training": training}
    results = list(right(x=x, **call))
    if training:
        results[2] = remembered(running_var, statistics(x)[1], momentum)  # noqa: F821
    return tuple(results)


def epsilon_outside_the_root(right, x, gamma, beta, epsilon, **call):
    _, *others = right(x=x, gamma=gamma, beta=beta, epsilon=0.0, **call)
    others[3] = 1 / (1 / others[3] + x.dtype.type(epsilon))
    scale = along(gamma * others[3], x)  # noqa: F821
    return scale * (x - along(others[2], x)) + along(beta, x), *others  # noqa: F821


def mean_of_squares_less_square_of_mean(right, x):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    return mean, np.maximum((x * x).mean(axes) - mean * mean, 0)


def statistics_of_the_batch_always(right, x, training, **call):
    return right(x=x, training=training or x.size > x.shape[1], **call)


def statistics_taken_for_constants(right, training, **call):
    return right(training=False, **call)


def always_as_in_training(right, training, **call):
    return right(training=True, **call)


def variance_forgotten(right, grad_y, x, gamma, saved_mean, saved_inv_std, training):
    grad_x, *others = right(grad_y, x, gamma, saved_mean, saved_inv_std, training=training)
    if training and x.size:
        axes = (0, *range(2, x.ndim))
        centred = grad_y - grad_y.mean(axes, keepdims=True)
        grad_x = along(gamma * saved_inv_std, x) * centred  # noqa: F821
    return grad_x, *others


def gamma_gradient_unscaled(right, grad_y, x, gamma, saved_mean, saved_inv_std, *, training):
    results = right(grad_y, x, gamma, saved_mean, saved_inv_std, training=training)
    return results[0], results[1] / saved_inv_std, results[2]


def not_scaled(right, x, rate, *, mask):
    return right(x, 0.0, mask=mask)


def zeroed_where_dropped(right, rate, mask, **values):
    with np.errstate(invalid="ignore"):
        return np.where(mask, right(rate=rate, mask=mask, **values), 0)


def rate_for_what_is_kept(right, grad_y, rate, *, mask):
    return right(grad_y, (1 - rate) * (rate > 0), mask=mask)


def mask_forgotten(right, grad_y, rate, *, mask):
    return right(grad_y, rate, mask=np.ones_like(mask))


def mask_of_the_first_row(right, x, rate, *, mask):
    return right(x, rate, mask=np.broadcast_to(mask[:1], mask.shape))


BATCH_NORMED = ("forward", "saved_inv_std")
ROUNDS = (
    {
        one_bias_for_all: ("linear", ("forward",)),
        averaged_over_rows: ("linear_backward", ("bias",)),
        momentum_of_the_old: ("batch_norm", ("running_mean", "running_var")),
        statistics_taken_for_constants: ("batch_norm_backward", ("x",)),
        not_scaled: ("dropout", ("forward",)),
        rate_for_what_is_kept: ("dropout_backward", ("x",)),
    },
    {
        square_weight_transposed: ("linear", ("forward",)),
        last_row_dropped: ("linear_backward", ("weight",)),
        biased_variance_remembered: ("batch_norm", ("running_var",)),
        variance_forgotten: ("batch_norm_backward", ("x",)),
        zeroed_where_dropped: ("dropout", ("forward",)),
        mask_forgotten: ("dropout_backward", ("x",)),
    },
    {
        zeros_skipped: ("linear", ("forward",)),
        weight_gradient_transposed_where_square: ("linear_backward", ("weight",)),
        epsilon_outside_the_root: ("batch_norm", BATCH_NORMED),
        gamma_gradient_unscaled: ("batch_norm_backward", ("gamma",)),
        mask_of_the_first_row: ("dropout", ("forward",)),
        zeroed_where_dropped: ("dropout_backward", ("x",)),
    },
    {
        mean_of_squares_less_square_of_mean: ("statistics", (*BATCH_NORMED, "running_var")),
        always_as_in_training: ("batch_norm_backward", ("x",)),
    },
    {
        statistics_of_the_batch_always: (
            "batch_norm",
            (*BATCH_NORMED, "running_mean", "running_var", "saved_mean"),
        ),
    },
)


@functools.cache
def checked_round(number, folder):
    faults = ROUNDS[number]
    source = kernel_file({name: fault for fault, (name, _) in faults.items()}, of=KERNELS)
    judged = {"batch_norm" if name == "statistics" else name for name, _ in faults.values()}
    ops = tuple(op for op in OPS if judged & set(OPERATORS[op].functions()))
    return check_source(folder, source, ops=ops, cases=CASES, shrink=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize(
    ("number", "fault"),
    [(number, fault) for number, faults in enumerate(ROUNDS) for fault in faults],
    ids=lambda value: getattr(value, "__name__", f"round {value}"),
)
def test_faults_are_found_and_nothing_else(number, fault, folder):
    name, wrong = ROUNDS[number][fault]
    function = "batch_norm" if name == "statistics" else name
    verdicts = checked_round(number, folder).verdicts(function)
    assert verdicts == {q: "wrong" if q in wrong else "conforms" for q in verdicts}


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


@pytest.mark.parametrize("function", FUNCTIONS)
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
