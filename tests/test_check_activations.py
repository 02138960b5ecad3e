"""Verdicts on activations: faults are found, and nothing else; what cases reach."""

import functools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planting import Chapter, drawn

from deconv_ref.conformance.case import LAYOUTS
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.operators.activations import FLAT

CASES = 60
ACTIVATIONS = Chapter(
    Path(__file__).with_name("kernels_activations.py"),
    *("relu", "leaky_relu", "prelu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"),
    *("softmax", "log_softmax"),
)
plant = ACTIVATIONS.plant
ROUNDS = 3


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Judge a round of faults, once."""
    folder = tmp_path_factory.mktemp("faults")
    return functools.cache(lambda number: ACTIVATIONS.check_round(folder, number, cases=CASES))


# Faults in rectifiers


@plant("relu")
def nan_becomes_0(right, *, x):
    return np.where(x > 0, x, 0)


@plant("relu")
def relu_6(right, *, x):
    return np.minimum(right(x=x), 6)


@plant("relu")
def memory_order(right, *, x):
    return right(x=x).ravel("K").reshape(x.shape)


@plant("relu_backward")
@plant("leaky_relu_backward")
def positive_at_0(right, *, x, **call):
    return right(x=np.where(x == 0, 1, x), **call)


@plant("relu_backward")
def multiplied_by_a_mask(right, *, grad_y, x):
    return np.where(np.isnan(x), np.nan, grad_y * (x > 0))


@plant("relu_backward")
@plant("leaky_relu_backward")
@plant("prelu_backward", "x")
def nan_counts_as_negative(right, *, x, **call):
    result = right(x=np.where(np.isnan(x), -1, x), **call)
    return (result[0], right(x=x, **call)[1]) if isinstance(result, tuple) else result


@plant("leaky_relu")
def larger_of_two(right, *, x, negative_slope):
    return np.maximum(x, negative_slope * x)


@plant("leaky_relu")
@plant("elu")
@plant("softmax")
def parameter_kept_by_shape(right, *, x, **parameters):
    kept = globals().setdefault(f"KEPT_BY_{right.__name__}", {})
    return right(x=x, **kept.setdefault(x.shape, parameters))


@plant("leaky_relu")
@plant("prelu")
def magnitude_of_the_slope(right, *, x, **parameters):
    return right(x=x, **{name: np.abs(value) for name, value in parameters.items()}).astype(x.dtype)


@plant("leaky_relu_backward")
def sign_read_from_y(right, *, grad_y, x, negative_slope):
    return right(grad_y, np.where(x > 0, x, negative_slope * x), negative_slope)


@plant("prelu")
def first_slope_for_all(right, *, x, slope):
    return right(x, slope[:1])


@plant("prelu")
def slopes_along_the_last_axis(right, *, x, slope):
    if x.shape[-1] != len(slope):
        return right(x, slope)
    return np.where(x > 0, x, slope * x)


@plant("prelu_backward", "slope")
def averaged_over_the_batch(right, *, x, **call):
    grad_x, grad_slope = right(x=x, **call)
    return grad_x, grad_slope / max(len(x), 1)


@plant("prelu_backward", "x")
def derivative_of_0_at_0(right, *, grad_y, x, slope):
    grad_x, grad_slope = right(grad_y, x, slope)
    return np.where((x == 0) & ~np.isnan(grad_y), 0, grad_x), grad_slope


# Faults in what is smooth


@plant("elu")
def alpha_forgotten(right, *, x, alpha):
    return right(x, 1.0)


@plant("elu")
def exp_minus_1(right, *, x, alpha):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


@plant("elu_backward")
def alpha_forgotten_in_the_gradient(right, *, grad_y, x, alpha):
    return right(grad_y, x, 1.0)


@plant("elu_backward")
def from_y(right, *, grad_y, x, alpha):
    return np.where(x > 0, grad_y, grad_y * (alpha * np.expm1(np.minimum(x, 0)) + alpha))


@plant("elu_backward")
@plant("sigmoid_backward")
@plant("tanh_backward")
@plant("softplus_backward")
@plant("gelu_backward")
@plant("silu_backward")
def incoming_gradient_of_the_first_channel(right, *, grad_y, **call):
    return right(grad_y=np.repeat(grad_y[:, :1], grad_y.shape[1], axis=1), **call)


@plant("sigmoid")
def quotient_of_infinities(right, *, x):
    return np.exp(x) / (1 + np.exp(x))


@plant("sigmoid")
def by_tanh(right, *, x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@plant("sigmoid")
def in_float16(right, *, x):
    return right(x.astype(np.float16)).astype(x.dtype)


@plant("sigmoid_backward")
def y_times_1_minus_y(right, *, grad_y, x):
    y = logistic(x)  # noqa: F821
    return grad_y * y * (1 - y)


@plant("sigmoid_backward")
@plant("tanh_backward")
def taken_at_y(right, *, grad_y, x):
    return right(grad_y, np.tanh(x))


@plant("tanh")
def by_exponentials(right, *, x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@plant("tanh")
def by_the_sigmoid(right, *, x):
    return 2 * logistic(2 * x) - 1  # noqa: F821


@plant("tanh")
@plant("softplus")
@plant("gelu")
@plant("silu")
def lane_17_is_lane_16(right, *, x):
    y = right(x=x)
    if y.shape[-1] > 17:
        y[..., 17] = y[..., 16]
    return y


@plant("tanh_backward")
def one_minus_y_squared(right, *, grad_y, x):
    return grad_y * (1 - np.tanh(x) ** 2)


@plant("softplus")
def log_of_1_plus_exp(right, *, x):
    return np.log(1 + np.exp(x))


@plant("softplus")
def linear_from_20(right, *, x):
    return np.where(x > 20, x, right(x))


@plant("softplus_backward")
def one_minus_exp_of_minus_y(right, *, grad_y, x):
    return grad_y * (1 - np.exp(-np.logaddexp(0, x)))


@plant("softplus_backward")
def step_beyond_20(right, *, grad_y, x):
    return np.where(x < -20, grad_y * 0, right(grad_y, x))


@plant("gelu")
def by_cubic_tanh(right, *, x):
    near = np.clip(x, -FAR, FAR)  # noqa: F821
    return near * (1 + np.tanh(0.7978845608 * (near + 0.044715 * near**3))) / 2


@plant("gelu", replaces="normal_cdf")
def one_plus_erf(right, x):
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return (1 + erf(x / ROOT_2).astype(x.dtype)) / 2  # noqa: F821


@plant("gelu_backward")
def distribution_alone(right, *, grad_y, x):
    return grad_y * normal_cdf(x)  # noqa: F821


@plant("gelu_backward")
def nan_at_infinities(right, *, grad_y, x):
    return right(grad_y, x) + 0 * x


@plant("silu")
def by_exp(right, *, x):
    return x / (1 + np.exp(-x))


@plant("silu")
def fast_gelu(right, *, x):
    near = np.maximum(x, -FAR)  # noqa: F821
    return near * logistic(1.702 * near)  # noqa: F821


@plant("silu_backward")
def one_minus_sigmoid(right, *, grad_y, x):
    s = logistic(x)  # noqa: F821
    return grad_y * s * (1 + x * (1 - s))


@plant("silu_backward")
def x_forgotten(right, *, grad_y, x):
    s = logistic(x)  # noqa: F821
    return grad_y * (s + s * logistic(-x))  # noqa: F821


# Faults in lines


@plant("softmax")
def no_largest_logit(right, *, x, axis):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@plant("softmax")
def axis_from_the_front(right, *, x, axis):
    return right(x, abs(axis) % x.ndim)


@plant("softmax_backward")
def diagonal_alone(right, *, grad_y, x, axis):
    y = probabilities(x, axis)  # noqa: F821
    return grad_y * y * (1 - y)


@plant("softmax_backward")
def difference_from_the_mean(right, *, grad_y, x, axis):
    y = probabilities(x, axis)  # noqa: F821
    return y * (grad_y - (y * grad_y).sum(axis=axis, keepdims=True))


@plant("softmax_backward")
@plant("log_softmax_backward")
def last_axis(right, *, grad_y, x, axis):
    return right(grad_y, x, -1)


@plant("log_softmax")
def log_of_softmax(right, *, x, axis):
    return np.log(probabilities(x, axis))  # noqa: F821


@plant("log_softmax")
def logarithm_near_1(right, *, x, axis):
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


@plant("log_softmax")
def nan_without_a_finite_logit_alone(right, *, x, axis):
    return np.where(np.isinf(x), x, right(x, axis))


@plant("log_softmax_backward")
def one_hot_taken_for_granted(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis)  # noqa: F821


@plant("log_softmax_backward")
def difference_from_the_share(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis) * grad_y.sum(axis=axis, keepdims=True)  # noqa: F821


@pytest.mark.parametrize(("number", "function"), ACTIVATIONS.planted)
def test_a_fault_is_found_and_nothing_else(number, function, checked):
    assert checked(number).verdicts(function) == ACTIVATIONS.expected(number, function)


def test_every_function_has_faults():
    assert all(set(faults) == set(ACTIVATIONS.functions) for faults in ACTIVATIONS.rounds[:2])
    assert len(ACTIVATIONS.rounds) == ROUNDS


# Right kernels


@pytest.mark.parametrize("seed", [0, 1])
def test_right_kernels_conform(seed, tmp_path):
    checked = ACTIVATIONS.check(tmp_path, cases=CASES // 2, seed=seed)
    ACTIVATIONS.assert_conforms(checked, cases=CASES // 2)


def as_lists(right, **call):
    result = right(**call)
    arrays = [np.asfortranarray(a) for a in (result if isinstance(result, tuple) else (result,))]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def in_float64(right, **call):
    dtype = call["x"].dtype
    doubles = {n: np.float64(a) if isinstance(a, np.ndarray) else a for n, a in call.items()}
    result = right(**doubles)
    if isinstance(result, tuple):
        return tuple(part.astype(dtype) for part in result)
    return result.astype(dtype)


def by_expm1(right, *, x):
    m = np.expm1(-2 * np.abs(x))
    return np.copysign(-m / (m + 2), x)


def by_cosh(right, *, grad_y, x):
    return grad_y * (1 / np.cosh(x)) ** 2


def by_the_density(right, *, grad_y, x):
    near = np.clip(x, -FAR, FAR)  # noqa: F821
    density = np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi)
    return normal_cdf(x) * grad_y + near * density * grad_y  # noqa: F821


def from_the_last(right, *, axis, **call):
    flipped = {name: np.flip(array, axis) for name, array in call.items()}
    return np.flip(right(axis=axis, **flipped), axis)


LINES = ("softmax", "softmax_backward", "log_softmax", "log_softmax_backward")
OTHER_FORMULAS = {
    "tanh": by_expm1,
    "tanh_backward": by_cosh,
    "gelu_backward": by_the_density,
    **dict.fromkeys(LINES, from_the_last),
}


@pytest.mark.parametrize(
    "changes",
    [
        dict.fromkeys(ACTIVATIONS.functions, as_lists),
        dict.fromkeys(ACTIVATIONS.functions, in_float64),
        OTHER_FORMULAS,
    ],
    ids=["lists of read-only results", "float64 cast back", "other formulas"],
)
def test_harmless_variants_conform(changes, tmp_path):
    checked = ACTIVATIONS.check(tmp_path, changes, cases=CASES // 2)
    ACTIVATIONS.assert_conforms(checked, cases=CASES // 2)


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
    kind = LINE if op in LINES else BENT if op.endswith("relu") else SMOOTH
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
