"""Losses, penalties and their gradients, against 60 digits, and exactly where they are rational."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter
from ulps import fractions, promised, worst

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.ops.losses import binary, cpu, distances, entropies, equations, literal, penalties

FUNCTIONS = {
    name: getattr(module, name)
    for module in (binary, distances, entropies, penalties)
    for name in module.__all__
}
DISTANCES = {"mse": {}, "mae": {}, "huber": {"delta": 1.25}}
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
LINES = ("categorical_cross_entropy", "softmax_cross_entropy")
LOSSES = (*DISTANCES, *BINARY, *LINES)
PENALTIES = ("l1_penalty", "l2_penalty")
REDUCTIONS = ("mean", "sum", "none")
DTYPES = (np.float32, np.float64)
TIERS = ("literal", "cpu")
INF, NAN = math.inf, math.nan


def on(tier, name, *arguments, **parameters):
    with backend.using(backend.tier(tier)):
        return FUNCTIONS[name](*arguments, **parameters)


def truth(name, *arguments):
    """Evaluate a kernel of this chapter by its equations, on fractions."""
    exact = [fractions(a) if isinstance(a, np.ndarray) else a for a in arguments]
    return getattr(literal, name)(*exact)


# Rational losses, exactly ------------------------------------------------------------------------


def by_hand(name, x, t, delta):
    """Give values and derivatives by the shortest NumPy that says the same."""
    d = x - t
    inside = abs(d) <= delta
    return {
        "mse": (d**2, 2 * d),
        "mae": (abs(d), np.sign(d)),
        "huber": (
            np.where(inside, d**2 / 2, delta * (abs(d) - delta / 2)),
            np.clip(d, -delta, delta),
        ),
    }[name]


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 5), max_size=4),
    st.sampled_from(tuple(DISTANCES)),
    st.sampled_from(REDUCTIONS),
    st.integers(0, 2**31),
)
def test_distances_are_exact(shape, name, reduction, seed):
    rng = np.random.default_rng(seed)
    x, t, each = (np.asarray(rng.integers(-9, 10, shape) / 4) for _ in range(3))
    grad, parameters = rng.integers(-9, 10) / 4, DISTANCES[name]
    values, slopes = by_hand(name, x, t, parameters.get("delta", 1))
    exact = {"none": values, "sum": values.sum(), "mean": values.sum() / x.size}[reduction]
    count = x.size if reduction == "mean" else 1
    for dtype in DTYPES:
        operands = x.astype(dtype), t.astype(dtype)
        options = parameters | {"reduction": reduction}
        for tier in TIERS:
            got = on(tier, name, *operands, **options)
            np.testing.assert_array_equal(got, np.array(exact, dtype), strict=True)
            got = on(tier, f"{name}_backward", *operands, **options, grad_loss=grad)
            np.testing.assert_array_equal(got, (slopes * grad / count).astype(dtype), strict=True)
            if reduction == "none":
                got = on(
                    tier, f"{name}_backward", *operands, **options, grad_loss=each.astype(dtype)
                )
                np.testing.assert_array_equal(got, (slopes * each).astype(dtype), strict=True)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_penalties_are_exact(dtype, tier):
    w = np.array([[-3.0, 0.0, 0.5], [NAN, -0.0, 8]], dtype)
    finite = w[:, 1:]
    for name, value, slope in (
        ("l1_penalty", 8.5 / 4, np.sign(w) / 4),
        ("l2_penalty", 64.25 / 4, w / 2),
    ):
        got = on(tier, name, finite, 0.25)
        np.testing.assert_array_equal(got, np.array(value, dtype), strict=True)
        assert np.isnan(on(tier, name, w, 0.25))
        got = on(tier, f"{name}_backward", w, 0.25)
        np.testing.assert_array_equal(got, slope, strict=True)
    assert on(tier, "l1_penalty", finite, 0) == 0


def test_rational_losses_of_fractions_are_exact():
    x = np.array([Fraction(1, 3), Fraction(-2, 7)], object)
    t = np.array([Fraction(1, 2), Fraction(5, 7)], object)
    assert literal.mse(x, t, "mean")[()] == (Fraction(1, 36) + 1) / 2
    assert literal.mae(x, t, "sum")[()] == Fraction(7, 6)
    assert literal.huber(x, t, "none", Fraction(1, 2)).tolist() == [Fraction(1, 72), Fraction(3, 8)]
    grad = literal.mse_backward(x, t, Fraction(1, 5), "mean")
    assert grad.tolist() == [Fraction(-1, 30), Fraction(-1, 5)]
    assert literal.l1_penalty(x, Fraction(3))[()] == Fraction(13, 7)


def test_sums_are_rounded_once():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(30_000) * 2.0 ** rng.integers(-30, 30, 30_000)
    for dtype in DTYPES:
        w = x.astype(dtype)
        squares = sum(Fraction(float(v)) ** 2 for v in w)
        zeros = np.zeros_like(w)
        exact = {"sum": squares, "mean": squares / w.size}
        for reduction, true in exact.items():
            got = FUNCTIONS["mse"](w, zeros, reduction=reduction)
            assert worst(got, np.array(true, object)) <= 1
        assert worst(FUNCTIONS["l2_penalty"](w, 3.0), np.array(3 * squares, object)) <= 1


# Cross entropies, to the last bits ---------------------------------------------------------------


def outcomes(seed, dtype, logits):
    """Draw predictions and targets, hard and soft, for two outcomes."""
    rng = np.random.default_rng(seed)
    number = 150
    if logits:
        largest = 700 if dtype == np.float64 else 100
        parts = [
            rng.uniform(-largest, largest, number),
            rng.uniform(-4, 4, number),
            rng.uniform(-1, 1, number) * 10 ** rng.uniform(-18, 0, number),
        ]
    else:
        small = 10 ** rng.uniform(-300 if dtype == np.float64 else -37, 0, number)
        parts = [small, 1 - 10 ** rng.uniform(-16, 0, number), rng.uniform(0, 1, number)]
    x = np.concatenate(parts).astype(dtype)
    hard = rng.integers(0, 2, x.size)
    soft = np.where(rng.random(x.size) < 0.5, rng.random(x.size), 10 ** rng.uniform(-9, 0, x.size))
    return x, np.where(rng.random(x.size) < 0.5, hard, soft).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_cross_entropies_keep_their_promise(name, dtype):
    x, t = outcomes(1, dtype, name.endswith("logits"))
    got = FUNCTIONS[name](x, t, reduction="none")
    assert worst(got, truth(name, x, t, "none")) <= promised(dtype)
    for reduction in ("sum", "mean"):
        got = FUNCTIONS[name](x, t, reduction=reduction)
        assert worst(got, truth(name, x, t, reduction)) <= promised(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_gradients_keep_their_promise(name, dtype):
    x, t = outcomes(2, dtype, name.endswith("logits"))
    each = np.random.default_rng(3).uniform(-3, 3, x.shape).astype(dtype)
    exact_t, exact_g = map(fractions, (t, each))
    if name.endswith("logits"):
        s = truth("binary_cross_entropy_with_logits_backward", x, 0 * t, Fraction(1), "none")
        terms = (s * (1 - exact_t) + (1 - s) * exact_t) * abs(exact_g)
    else:  # a single difference, x - t, of what was given
        terms = truth(f"{name}_backward", x, t, each, "none")
    got = FUNCTIONS[f"{name}_backward"](x, t, reduction="none", grad_loss=each)
    assert worst(got, truth(f"{name}_backward", x, t, each, "none"), terms) <= promised(dtype)
    hard = (t == 0) | (t == 1)
    assert hard.sum() > 100
    true = truth(f"{name}_backward", x[hard], t[hard], Fraction(0.75), "mean")
    got = FUNCTIONS[f"{name}_backward"](x[hard], t[hard], grad_loss=0.75)
    assert worst(got, true) <= promised(dtype)


def categories(seed, dtype, name, hard):
    """Draw predictions and targets of 5 categories; every other target is one-hot if `hard`."""
    rng = np.random.default_rng(seed)
    largest = (700 if dtype == np.float64 else 80) if seed % 2 else 5
    x = rng.uniform(-largest, largest, (3, 5, 2))
    if name.startswith("categorical"):
        x = np.exp(x - x.max(axis=1, keepdims=True))
    t = rng.dirichlet(np.ones(5), (3, 2)).transpose(0, 2, 1)
    hot = np.eye(5)[rng.integers(0, 5, (3, 2))].transpose(0, 2, 1)
    if hard:
        t = hot
    elif seed % 3 == 2:  # all but certain
        t = hot * (1 - 2.0**-21) + (1 - hot) * t * 2.0**-23
        x = np.where(hot == 1, x.max(), x)
    return x.astype(dtype), t.astype(dtype)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LINES)
def test_cross_entropies_of_categories_keep_their_promise(name, dtype, hard):
    for seed in range(6):
        x, t = categories(seed, dtype, name, hard)
        for reduction in REDUCTIONS:
            got = FUNCTIONS[name](x, t, reduction=reduction)
            true = truth(name, x, t, reduction)
            assert got.shape == ((3, 2) if reduction == "none" else ())
            assert worst(got, true) <= promised(dtype)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LINES)
def test_gradients_for_categories_keep_their_promise(name, dtype, hard):
    for seed in range(6):
        x, t = categories(seed, dtype, name, hard)
        each = np.random.default_rng(seed).uniform(-3, 3, (3, 2)).astype(dtype)
        true = truth(f"{name}_backward", x, t, each, "none")
        terms = None
        if name.startswith("softmax") and not hard:
            one_hot = np.zeros_like(t)
            one_hot[:, 0] = 1
            p = truth("softmax_cross_entropy_backward", x, one_hot, Fraction(1), "none")
            p[:, 0] += 1
            weight = fractions(t)
            others = weight.sum(axis=1, keepdims=True) - weight
            terms = (p * others + weight * (1 - p)) * abs(fractions(each)[:, None])
        got = FUNCTIONS[f"{name}_backward"](x, t, reduction="none", grad_loss=each)
        assert worst(got, true, terms) <= promised(dtype)
        scalar = FUNCTIONS[f"{name}_backward"](x, t, grad_loss=3.0)
        ones = np.full((3, 2), 0.5, dtype)
        spread = FUNCTIONS[f"{name}_backward"](x, t, reduction="none", grad_loss=ones)
        np.testing.assert_allclose(scalar, spread, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", LOSSES)
def test_textbook_formulas_compiled_agree_where_they_can(name):
    rng = np.random.default_rng(0)
    x, t = rng.uniform(0.1, 0.9, (2, 3, 4, 5))
    for reduction in REDUCTIONS:
        expected = on("literal", name, x, t, reduction=reduction)
        got = FUNCTIONS[name](x, t, reduction=reduction)
        np.testing.assert_allclose(got, expected, rtol=1e-13, strict=True)
        expected = on("literal", f"{name}_backward", x, t, reduction=reduction, grad_loss=1.5)
        got = FUNCTIONS[f"{name}_backward"](x, t, reduction=reduction, grad_loss=1.5)
        np.testing.assert_allclose(got, expected, rtol=1e-11, strict=True)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_cross_entropy_at_its_ends(dtype, tier):
    rows = [  # x, t, loss, derivative
        (0, 0, 0, 1),
        (-0.0, 0, 0, 1),
        (1, 1, 0, -1),
        (0, 1, INF, -INF),
        (-0.0, 1, INF, -INF),
        (1, 0, INF, INF),
        (0, 0.5, INF, -INF),
        (1, 0.5, INF, INF),
        (0.5, 0, math.log(2), 2),
        (0.5, 1, math.log(2), -2),
        (-0.5, 1, NAN, NAN),
        (1.5, 0, NAN, NAN),
        (1.5, 1, NAN, NAN),
        (NAN, 0, NAN, NAN),
        (NAN, 1, NAN, NAN),
        (0, NAN, NAN, NAN),
        (1, NAN, NAN, NAN),
        (0.5, NAN, NAN, NAN),
    ]
    x, t, loss, slope = np.array(rows, dtype).T
    got = on(tier, "binary_cross_entropy", x, t, reduction="none")
    np.testing.assert_array_equal(got, loss)
    got = on(tier, "binary_cross_entropy_backward", x, t, reduction="none")
    np.testing.assert_array_equal(got, slope)
    for row in rows:
        p, target = (Fraction(v) if v == v else v for v in row[:2])
        point = equations.binary_cross_entropy_point(p, target)
        assert float(point) == pytest.approx(row[2], nan_ok=True)
        point = equations.binary_cross_entropy_gradient_point(p, target, 1, 1)
        assert float(point) == pytest.approx(row[3], nan_ok=True)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinite_logits(dtype, tier):
    rows = [  # x, t, loss, derivative
        (INF, 1, 0, 0),
        (INF, 0, INF, 1),
        (INF, 0.5, INF, 0.5),
        (-INF, 0, 0, 0),
        (-INF, 1, INF, -1),
        (-INF, 0.25, INF, -0.25),
        (0, 1, math.log(2), -0.5),
        (NAN, 0, NAN, NAN),
        (NAN, 1, NAN, NAN),
        (0, NAN, NAN, NAN),
    ]
    x, t, loss, slope = np.array(rows, dtype).T
    name = "binary_cross_entropy_with_logits"
    np.testing.assert_array_equal(on(tier, name, x, t, reduction="none"), loss)
    np.testing.assert_array_equal(on(tier, f"{name}_backward", x, t, reduction="none"), slope)

    x = np.array([[0, -INF, 0], [0, -INF, 0], [-INF] * 3, [INF, 0, 0], [NAN, 0, 0]], dtype)
    t = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]], dtype)
    loss = np.array([math.log(2), INF, NAN, NAN, NAN], dtype)
    got = on(tier, "softmax_cross_entropy", x, t, reduction="none")
    np.testing.assert_array_equal(got, loss)
    got = on(tier, "softmax_cross_entropy_backward", x, t, reduction="none")
    np.testing.assert_array_equal(got[:2], [[-0.5, 0, 0.5], [0.5, -1, 0.5]])
    assert np.isnan(got[2:]).all()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_categories_of_probability_0(dtype, tier):
    x = np.array([[0, 1, -0.0], [0, 1, 0], [-0.5, 1, 0], [NAN, 1, 0]], dtype)
    t = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype)
    got = on(tier, "categorical_cross_entropy", x, t, reduction="none")
    np.testing.assert_array_equal(got, [0, INF, NAN, NAN])
    got = on(tier, "categorical_cross_entropy_backward", x, t, reduction="none")
    np.testing.assert_array_equal(got, [[0, -1, 0], [-INF, 0, 0], [NAN, 0, 0], [NAN, -1, 0]])


# Identities --------------------------------------------------------------------------------------


def test_identities():
    rng = np.random.default_rng(0)
    x = rng.uniform(-700, 700, 1000)
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    logits = FUNCTIONS["binary_cross_entropy_with_logits"]
    np.testing.assert_array_equal(
        logits(x, ones, reduction="none"), logits(-x, zeros, reduction="none")
    )
    back = FUNCTIONS["binary_cross_entropy_with_logits_backward"]
    np.testing.assert_array_equal(
        back(x, ones, reduction="none"), -back(-x, zeros, reduction="none")
    )
    two = np.stack([x, zeros], axis=1)
    hot = np.stack([ones, zeros], axis=1)
    softmax = FUNCTIONS["softmax_cross_entropy"]
    np.testing.assert_allclose(
        softmax(two, hot, reduction="none"), logits(x, ones, reduction="none"), rtol=1e-15
    )
    grad = FUNCTIONS["softmax_cross_entropy_backward"](two, hot, reduction="none")
    np.testing.assert_allclose(grad.sum(axis=1) / abs(grad).sum(axis=1), 0, atol=1e-15)
    p = rng.dirichlet(np.ones(4), 50)
    t = rng.dirichlet(np.ones(4), 50)
    np.testing.assert_allclose(
        softmax(np.log(p), t), FUNCTIONS["categorical_cross_entropy"](p, t), rtol=1e-14
    )
    huber = FUNCTIONS["huber"](x, zeros, delta=1e4)
    np.testing.assert_allclose(2 * huber, FUNCTIONS["mse"](x, zeros), rtol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_is_the_sum_of_its_items(name):
    rng = np.random.default_rng(1)
    x, t = rng.uniform(0.1, 0.9, (2, 4, 3, 5))
    whole = FUNCTIONS[name](x, t, reduction="none")
    grad = FUNCTIONS[f"{name}_backward"](x, t, reduction="sum")
    for n in range(4):
        item = slice(n, n + 1)
        alone = FUNCTIONS[name](x[item], t[item], reduction="none")
        np.testing.assert_array_equal(alone, whole[item])
        alone = FUNCTIONS[f"{name}_backward"](x[item], t[item], reduction="sum")
        np.testing.assert_array_equal(alone, grad[item])
    np.testing.assert_allclose(FUNCTIONS[name](x, t), whole.mean(), rtol=1e-15)
    np.testing.assert_allclose(FUNCTIONS[name](x, t, reduction="sum"), whole.sum(), rtol=1e-15)


# Arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", LOSSES)
def test_layouts_do_not_matter(name, layout):
    x, t = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 4, 5)).astype(np.float32)
    shape = (3, 5) if name in LINES else (3, 4, 5)
    grad = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    loss, back = FUNCTIONS[name], FUNCTIONS[f"{name}_backward"]
    for reduction in REDUCTIONS:
        assert_layout_does_not_matter(
            lambda x, t, r=reduction: loss(x, t, reduction=r), layout, x, t
        )
    assert_layout_does_not_matter(
        lambda x, t, g: back(x, t, reduction="none", grad_loss=g), layout, x, t, grad
    )


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", PENALTIES)
def test_layouts_do_not_matter_to_penalties(name, layout):
    w = np.random.default_rng(0).standard_normal((3, 4, 5))
    assert_layout_does_not_matter(lambda w: FUNCTIONS[name](w, 0.5), layout, w)
    assert_layout_does_not_matter(lambda w: FUNCTIONS[f"{name}_backward"](w, 0.5), layout, w)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", LOSSES)
def test_empty_batches(name, tier):
    x = np.zeros((0, 3, 4), np.float32)
    assert np.isnan(on(tier, name, x, x))
    assert on(tier, name, x, x, reduction="sum") == 0
    values = on(tier, name, x, x, reduction="none")
    assert (values.shape, values.dtype) == ((0, 4) if name in LINES else x.shape, np.float32)
    for reduction in REDUCTIONS:
        grad = on(tier, f"{name}_backward", x, x, reduction=reduction)
        assert (grad.shape, grad.dtype) == (x.shape, np.float32)


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "softmax_cross_entropy"])
def test_large_arrays_have_the_bits_of_small_ones(name):
    rng = np.random.default_rng(0)
    x, t = rng.uniform(-5, 5, (40_000, 5)), rng.dirichlet(np.ones(5), 40_000)
    values = FUNCTIONS[name](x, t, reduction="none")
    grad = FUNCTIONS[f"{name}_backward"](x, t, reduction="sum")
    for first in range(0, len(x), 999):
        part = slice(first, first + 999)
        assert (FUNCTIONS[name](x[part], t[part], reduction="none") == values[part]).all()
        assert (
            FUNCTIONS[f"{name}_backward"](x[part], t[part], reduction="sum") == grad[part]
        ).all()
    assert FUNCTIONS[name](x, t, reduction="sum") == math.fsum(values.flat)


# Faults ------------------------------------------------------------------------------------------


def test_planted_faults_are_found():
    """Formulas that many libraries use lose the tails, and the bound finds them."""
    x, t = outcomes(1, np.float64, True)
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-x))
    naive = (s - t).astype(np.float64)
    hard = t == 1
    true = truth("binary_cross_entropy_with_logits_backward", x, t, Fraction(1), "none")
    assert worst(naive[hard], true[hard]) > 1000
    x, t = categories(1, np.float64, "softmax_cross_entropy", True)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    naive = e / e.sum(axis=1, keepdims=True) - t
    true = truth("softmax_cross_entropy_backward", x, t, Fraction(1), "none")
    assert worst(naive, true) > 20
    x, t = outcomes(1, np.float64, False)
    naive = -(t * np.log(x) + (1 - t) * np.log(1 - x))
    assert worst(naive, truth("binary_cross_entropy", x, t, "none")) > 20


def call(name, **changes):
    x = np.full((2, 3, 4), 0.5, np.float32)
    if name.startswith("l"):
        return FUNCTIONS[name](**{"weight": x, "strength": 0.5} | changes)
    return FUNCTIONS[name](**{"prediction": x, "target": x} | changes)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bad_arrays_are_told(name):
    call(name)
    fault = rf"^{name}: {{}} must be .*{{}}.*, got .+\."
    for array in ["weight"] if name.startswith("l") else ["prediction", "target"]:
        for value in ([1.0], None, "x", 1.0):
            with pytest.raises(dr.DTypeError, match=fault.format(array, "array")):
                call(name, **{array: value})
        for dtype in (np.int64, np.float16, bool, object):
            with pytest.raises(dr.DTypeError, match=fault.format(array, "float32")):
                call(name, **{array: np.ones((2, 3, 4), dtype)})
    if not name.startswith("l"):
        with pytest.raises(dr.DTypeError, match=fault.format("target", "float32")):
            call(name, target=np.ones((2, 3, 4)))
        for shape in ((), (2, 3), (2, 3, 5), (2, 4, 3), (1, 3, 4)):
            wanted = re.escape("of shape (2, 3, 4)")
            with pytest.raises(dr.ShapeError, match=fault.format("target", wanted)):
                call(name, target=np.ones(shape, np.float32))
        for value in ("Mean", None, 0, True, "average"):
            with pytest.raises(dr.ParameterError, match=fault.format("reduction", "'mean' or")):
                call(name, reduction=value)


@pytest.mark.parametrize("end", ["", "_backward"])
@pytest.mark.parametrize("name", LINES)
def test_missing_categories_are_told(name, end):
    for shape in ((), (3,), (2, 0), (2, 0, 3)):
        x = np.ones(shape, np.float32)
        with pytest.raises(dr.ShapeError, match=rf"^{name}{end}: prediction must be \(N, K, \.\."):
            call(name + end, prediction=x, target=x)


@pytest.mark.parametrize("name", LOSSES)
def test_bad_grad_loss_is_told(name):
    fault = rf"^{name}_backward: grad_loss must be .*{{}}.*, got .+\."
    whole = (2, 4) if name in LINES else (2, 3, 4)
    for value in ("1", None, True, [1.0], 1j):
        with pytest.raises(dr.ParameterError, match=fault.format("a number or an array")):
            call(f"{name}_backward", grad_loss=value)
    for reduction in ("mean", "sum"):
        with pytest.raises(dr.ShapeError, match=fault.format(r"of shape \(\)")):
            call(f"{name}_backward", reduction=reduction, grad_loss=np.ones(whole, np.float32))
    for shape in ((1,), (2, 3), (*whole, 1)):
        with pytest.raises(dr.ShapeError, match=fault.format(re.escape(f"of shape {whole}"))):
            grad = np.ones(shape, np.float32)
            call(f"{name}_backward", reduction="none", grad_loss=grad)
    with pytest.raises(dr.DTypeError, match=fault.format("float32")):
        call(f"{name}_backward", reduction="none", grad_loss=np.ones(whole))
    for value in (3, np.float64(3), np.array(3, np.float32)):
        expected = call(f"{name}_backward", grad_loss=3.0)
        np.testing.assert_array_equal(call(f"{name}_backward", grad_loss=value), expected)


@pytest.mark.parametrize("end", ["", "_backward"])
@pytest.mark.parametrize(
    ("name", "parameter", "wrong", "told"),
    [
        ("huber", "delta", (0, -1.0), "a finite number above 0"),
        ("l1_penalty", "strength", (-1,), "a finite number of at least 0"),
        ("l2_penalty", "strength", (-0.5,), "a finite number of at least 0"),
    ],
)
def test_bad_numbers_are_told(name, end, parameter, wrong, told):
    for value in (*wrong, NAN, INF, "1", None, True, (1.0,), np.array([1.0, 2.0])):
        with pytest.raises(dr.ParameterError, match=rf"^{name}{end}: {parameter} must be {told}"):
            call(name + end, **{parameter: value})


def test_every_kernel_is_in_both_tiers():
    for name in FUNCTIONS:
        assert callable(getattr(cpu, name))
        assert callable(getattr(literal, name))
