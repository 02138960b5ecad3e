"""Activations and their gradients, against 60 digits, and exactly where they are rational."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter
from ulps import error, fractions, promised, worst

from deconv_ref import backend, real
from deconv_ref.compiling import code_digest
from deconv_ref.ops.activations import (
    cpu,
    equations,
    literal,
    normalized,
    rectifiers,
    sigmoids,
    stable,
    units,
)

FUNCTIONS = {
    name: getattr(module, name)
    for module in (normalized, rectifiers, sigmoids, units)
    for name in module.__all__
}
SMOOTH = {  # and their parameters
    "elu": (1.3,),
    "gelu": (),
    "sigmoid": (),
    "silu": (),
    "softplus": (),
    "tanh": (),
}
UNARY = SMOOTH | {"relu": (), "leaky_relu": (0.125,)}
LINES = ("softmax", "log_softmax")
DTYPES = (np.float32, np.float64)
TIERS = ("literal", "cpu")
ZEROS = {"silu_backward": -1.2784645427610737, "gelu_backward": -0.7517915246935645}


def on(tier, name, *arguments, **parameters):
    with backend.using(backend.tier(tier)):
        return FUNCTIONS[name](*arguments, **parameters)


def truth(name, *arrays):
    """Evaluate a kernel of this chapter by its equations, on fractions."""
    numbers = [Fraction(a) if isinstance(a, float) else fractions(a) for a in arrays]
    return getattr(literal, name)(*numbers)


# High precision ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "normal_cdf"])
def test_real_functions_are_right_to_60_digits(name):
    mpmath = pytest.importorskip("mpmath")
    their = {"normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2}
    rng = np.random.default_rng(3)
    xs = list(rng.uniform(-1, 1, 60) * 10 ** rng.uniform(-20, 2.2, 60))
    xs += [8.0, 8.1, -8.0, -38.5, 0.5, -0.5, 1e-300, -1e-300, 1.0 + 2.0**-52]
    with mpmath.workdps(1000):
        for x in xs:
            if name == "log":
                x = abs(x)
            if name == "log1p" and x <= -1:
                continue
            got = Fraction(getattr(real, name)(Fraction(x)))
            expected = their.get(name, getattr(mpmath, name, None))(mpmath.mpf(x))
            off = abs(mpmath.mpf(got.numerator) / got.denominator - expected)
            assert off <= abs(expected) * mpmath.mpf(10) ** -60, x


def test_real_functions_of_floats_have_their_limits():
    inf, nan = math.inf, math.nan
    assert (real.exp(-inf), real.exp(inf), real.exp(1e5), real.expm1(-inf)) == (0, inf, inf, -1)
    assert (real.log(0.0), real.log(Fraction(0)), real.log1p(-1.0)) == (-inf, -inf, -inf)
    assert all(map(math.isnan, (real.log(-1.0), real.log(Fraction(-1)), real.log1p(-2.0))))
    assert (real.tanh(inf), real.normal_cdf(-inf), real.normal_cdf(inf)) == (1, 0, 1)
    assert (real.divide(1, 0), real.divide(-1.0, 0), real.divide(6, 3)) == (inf, -inf, 2)
    assert all(map(math.isnan, (real.divide(0, 0), real.divide(nan, 0), real.exp(nan))))
    assert real.exp(Fraction(-30000)) == 0
    assert real.tanh(Fraction(-30000)) == -1


# Smooth functions, to the last bits --------------------------------------------------------------


def inputs(name, dtype, seed, number=120):
    """Draw numbers near 0, in the tails, where floats end, and around zeros of derivatives."""
    rng = np.random.default_rng(seed)
    largest = 760 if dtype == np.float64 else 110
    parts = [
        rng.uniform(-1, 1, number) * 10 ** rng.uniform(-18, 0, number),
        rng.uniform(-4, 4, number),
        rng.uniform(-40, 40, number),
        rng.uniform(-largest, largest, number),
        [-708.4, -709.8, -745.1, -745.2, -752.0, -38.4, -38.6, -40.0, -14.2, -88.0, -104.0, 0.0],
        [5e-324, -5e-324, 1e300, -1e300, 1e-40, -1e-40, 690.0, -690.0, 700.0, -700.0, 1e4, -1e4],
    ]
    if name in ZEROS:
        near = rng.uniform(-1, 1, number) * 10 ** rng.uniform(-16, 0, number)
        parts += [ZEROS[name] * (1 + near), [ZEROS[name]]]
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate(parts).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_keep_their_promise(name, dtype):
    x, parameters = inputs(name, dtype, 1), SMOOTH[name]
    assert worst(FUNCTIONS[name](x, *parameters), truth(name, x, *parameters)) <= promised(dtype)


@pytest.mark.parametrize("scale", [1.0, 1e25])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_gradients_keep_their_promise_near_their_zeros_too(name, dtype, scale):
    x, parameters = inputs(f"{name}_backward", dtype, 2), SMOOTH[name]
    grad_y = (np.random.default_rng(3).uniform(-3, 3, x.shape) * scale).astype(dtype)
    got = FUNCTIONS[f"{name}_backward"](grad_y, x, *parameters)
    assert worst(got, truth(f"{name}_backward", grad_y, x, *parameters)) <= promised(dtype)


@pytest.mark.parametrize("name", SMOOTH)
def test_textbook_formulas_compiled_agree_where_they_can(name):
    x = np.random.default_rng(4).uniform(-3, 3, 500)
    grad_y = np.random.default_rng(5).uniform(-3, 3, 500)
    parameters = SMOOTH[name]
    expected = on("literal", name, x, *parameters)
    np.testing.assert_allclose(FUNCTIONS[name](x, *parameters), expected, rtol=1e-13)
    expected = on("literal", f"{name}_backward", grad_y, x, *parameters)
    got = FUNCTIONS[f"{name}_backward"](grad_y, x, *parameters)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_halves_of_zeros_add_up_to_zeros():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        silu = mpmath.findroot(lambda x: 1 + x + mpmath.exp(x), -1.28)
        assert abs(silu - stable.SILU_ZERO - mpmath.mpf(stable.SILU_ZERO_LOW)) < 2**-106
        slope = lambda u: mpmath.ncdf(-u) - u * mpmath.npdf(u)  # noqa: E731
        gelu = mpmath.findroot(slope, 0.75)
        assert abs(gelu - stable.GELU_ZERO - mpmath.mpf(stable.GELU_ZERO_LOW)) < 2**-106


INF, NAN = math.inf, math.nan
SPECIAL = {  # at -inf, -0.0, 0.0, inf: the function, and its derivative
    "relu": ([0, 0, 0, INF], [0, 0, 0, 1]),
    "leaky_relu": ([-INF, 0, 0, INF], [0.125, 0.125, 0.125, 1]),
    "elu": ([-1.3, 0, 0, INF], [0, 1.3, 1.3, 1]),
    "sigmoid": ([0, 0.5, 0.5, 1], [0, 0.25, 0.25, 0]),
    "tanh": ([-1, 0, 0, 1], [0, 1, 1, 0]),
    "softplus": ([0, math.log(2), math.log(2), INF], [0, 0.5, 0.5, 1]),
    "gelu": ([0, 0, 0, INF], [0, 0.5, 0.5, 1]),
    "silu": ([0, 0, 0, INF], [0, 0.5, 0.5, 1]),
}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_limits_zeros_and_nan(name, dtype, tier):
    x = np.array([-INF, -0.0, 0.0, INF, NAN, 1.0], dtype)
    grad_y = np.array([2, 2, 2, 2, 2, NAN], dtype)
    parameters = UNARY[name]
    y = on(tier, name, x, *parameters)
    np.testing.assert_array_equal(y[:4], np.array(SPECIAL[name][0], dtype))
    grad_x = on(tier, f"{name}_backward", grad_y, x, *parameters)
    np.testing.assert_array_equal(grad_x[:4], np.array(SPECIAL[name][1], dtype) * 2)
    assert np.isnan([y[4], *grad_x[4:]]).all()
    for at in range(5):
        exact = [v if not np.isfinite(v) else Fraction(float(v)) for v in (grad_y[at], x[at])]
        numbers = [Fraction(p) for p in parameters]
        point = getattr(equations, f"{name}_point")(exact[1], *numbers)
        assert float(point) == pytest.approx(float(y[at]), rel=1e-6, nan_ok=True)
        point = getattr(equations, f"{name}_gradient_point")(*exact, *numbers)
        assert float(point) == pytest.approx(float(grad_x[at]), rel=1e-6, nan_ok=True)


def test_nan_in_grad_y_is_not_hidden_by_a_zero_derivative():
    assert np.isnan(FUNCTIONS["relu_backward"](np.array([NAN, NAN]), np.array([-1.0, 0.0]))).all()
    assert FUNCTIONS["relu_backward"](np.array([INF]), np.array([-1.0])) == 0


# Rational functions, exactly ---------------------------------------------------------------------


def integers(rng, shape, dtype):
    return rng.integers(-5, 6, shape).astype(dtype)


@st.composite
def shapes(draw):
    spatial = draw(st.lists(st.integers(1, 5), max_size=3))
    return (draw(st.integers(0, 4)), draw(st.integers(1, 5)), *spatial)


@settings(max_examples=150)
@given(shapes(), st.integers(0, 2**31), st.booleans())
def test_rectifiers_are_exact(shape, seed, shared):
    rng = np.random.default_rng(seed)
    slope64 = rng.integers(-7, 8, 1 if shared else shape[1]) / 4
    x64, grad64 = integers(rng, shape, float), integers(rng, shape, float)
    wide = np.broadcast_to(slope64.reshape(-1, *[1] * (len(shape) - 2)), shape)
    mask = (x64 > 0) + (x64 <= 0) * wide  # prelu is multiplication by this
    sums = np.where(x64 > 0, 0, grad64 * x64)
    sums = sums.sum(axis=tuple(a for a in range(len(shape)) if a != 1))
    for dtype in DTYPES:
        x, grad_y, slope = (a.astype(dtype) for a in (x64, grad64, slope64))
        for tier in TIERS:
            exact = {
                "relu": (on(tier, "relu", x), x64 * (x64 > 0)),
                "relu'": (on(tier, "relu_backward", grad_y, x), grad64 * (x64 > 0)),
                "leaky": (on(tier, "leaky_relu", x, 0.25), np.maximum(x64, x64 / 4)),
                "leaky'": (
                    on(tier, "leaky_relu_backward", grad_y, x, 0.25),
                    grad64 * np.where(x64 > 0, 1, 0.25),
                ),
                "prelu": (on(tier, "prelu", x, slope), x64 * mask),
            }
            gradients = on(tier, "prelu_backward", grad_y, x, slope)
            assert type(gradients).__name__ == "PreluGradients"
            exact["x"] = (gradients.x, grad64 * mask)
            exact["slope"] = (gradients.slope, sums.sum(keepdims=True) if shared else sums)
            for note, (got, expected) in exact.items():
                expected = expected.astype(dtype)
                np.testing.assert_array_equal(got, expected, err_msg=note, strict=True)


def test_prelu_of_fractions_is_exact():
    rng = np.random.default_rng(0)
    draw = np.vectorize(lambda _: Fraction(int(rng.integers(-9, 9)), 7), otypes=[object])
    x, grad_y, slope = draw(np.empty((2, 3, 4))), draw(np.empty((2, 3, 4))), draw(np.empty(3))
    y, gradients = literal.prelu(x, slope), literal.prelu_backward(grad_y, x, slope)
    scale = np.where(x > 0, 1, slope[None, :, None])
    assert (y == x * scale).all()
    assert (gradients[0] == grad_y * scale).all()
    assert (gradients[1] == np.where(x > 0, 0, grad_y * x).sum(axis=(0, 2))).all()


def test_sums_of_prelu_do_not_lose_what_cancels():
    x = np.array([[[-1.0, -1.0, -1.0]], [[-(2.0**30), -1.0, -(2.0**30)]]])
    grad_y = np.array([[[1e16, 1.0, -1e16]], [[3.0, 5.0, -3.0]]])
    assert FUNCTIONS["prelu_backward"](grad_y, x, np.array([0.5])).slope == -6


# Softmax -----------------------------------------------------------------------------------------


def logits(seed, dtype, scale):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-scale, scale, (2, 5, 3)).astype(dtype)
    return x, rng.standard_normal(x.shape).astype(dtype)


@pytest.mark.parametrize("scale", [1.0, 40.0, 700.0, 1e5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_and_its_logarithm_keep_their_promise(dtype, scale):
    for seed in range(6):
        x, _ = logits(seed, dtype, scale)
        for name in LINES:
            assert worst(FUNCTIONS[name](x), truth(name, x)) <= promised(dtype)


@pytest.mark.parametrize("scale", [1.0, 40.0, 700.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_gradients_err_relative_to_their_terms(dtype, scale):
    for seed in range(6):
        x, grad_y = logits(seed, dtype, scale)
        y, grad = truth("softmax", x), fractions(grad_y)
        top = np.take_along_axis(grad, x.argmax(axis=1)[:, None], axis=1)
        terms = y * (abs(grad - top) + (y * abs(grad - top)).sum(axis=1, keepdims=True))
        got = FUNCTIONS["softmax_backward"](grad_y, x)
        assert worst(got, truth("softmax_backward", grad_y, x), terms) <= 2 * promised(dtype)
        others = abs(grad).sum(axis=1, keepdims=True) - abs(grad)
        terms = abs(grad) * (1 - y) + y * others
        got = FUNCTIONS["log_softmax_backward"](grad_y, x)
        assert worst(got, truth("log_softmax_backward", grad_y, x), terms) <= 2 * promised(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_hot_gradients_of_log_softmax_keep_their_promise(dtype):
    for seed in range(6):
        x, _ = logits(seed, dtype, 700.0 if dtype == np.float64 else 80.0)
        grad_y = np.zeros_like(x)
        grad_y[:, seed % 5] = 3.0
        got = FUNCTIONS["log_softmax_backward"](grad_y, x)
        assert worst(got, truth("log_softmax_backward", grad_y, x)) <= promised(dtype)


def test_softmax_invariants():
    for seed in range(50):
        x, grad_y = logits(seed, np.float64, 10.0)
        y = FUNCTIONS["softmax"](x)
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-15 * 5)
        for name in LINES:
            grad_x = FUNCTIONS[f"{name}_backward"](grad_y, x)
            zero = grad_x.sum(axis=1) / abs(grad_x).sum(axis=1)
            np.testing.assert_allclose(zero, 0, atol=1e-14)
        log_y = FUNCTIONS["log_softmax"](x)
        np.testing.assert_allclose(log_y, x - np.log(np.exp(x).sum(axis=1, keepdims=True)))
        shifted = FUNCTIONS["softmax"](x + 2.0**20)  # rounds x, but to what this undoes
        np.testing.assert_array_equal(shifted, FUNCTIONS["softmax"](x + 2.0**20 - 2.0**20))
        order = np.random.default_rng(seed).permutation(5)
        np.testing.assert_allclose(FUNCTIONS["softmax"](x[:, order]), y[:, order], rtol=1e-15)


@pytest.mark.parametrize("name", LINES)
def test_softmax_runs_along_any_axis(name):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    grad_y = np.random.default_rng(1).standard_normal(x.shape)
    for axis in range(-4, 4):
        moved, grad = np.moveaxis(x, axis, 1), np.moveaxis(grad_y, axis, 1)
        expected = np.moveaxis(FUNCTIONS[name](moved), 1, axis)
        np.testing.assert_array_equal(FUNCTIONS[name](x, axis), expected)
        expected = np.moveaxis(FUNCTIONS[f"{name}_backward"](grad, moved), 1, axis)
        np.testing.assert_array_equal(FUNCTIONS[f"{name}_backward"](grad_y, x, axis=axis), expected)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_of_infinities(dtype, tier):
    x = np.array([[1, -INF, 1], [-INF] * 3, [1, INF, 2], [1, NAN, 2], [0, -INF, -INF]], dtype)
    y = on(tier, "softmax", x)
    np.testing.assert_array_equal(y[0], [0.5, 0, 0.5])
    np.testing.assert_array_equal(y[4], [1, 0, 0])
    assert np.isnan(y[1:4]).all()
    log_y = on(tier, "log_softmax", x)
    np.testing.assert_array_equal(log_y[4], [0, -INF, -INF])
    assert np.isnan(log_y[1:4]).all()
    grad_y = np.array([[1, 2, 3]] * 5, dtype)
    np.testing.assert_array_equal(on(tier, "softmax_backward", grad_y, x)[0], [-0.5, 0, 0.5])
    np.testing.assert_array_equal(on(tier, "log_softmax_backward", grad_y, x)[0], [-2, 2, 0])


# Arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, *LINES, "prelu"])
def test_layouts_do_not_matter(name, dtype, layout):
    rng = np.random.default_rng(0)
    x, grad_y = (rng.standard_normal((3, 4, 5)).astype(dtype) for _ in range(2))
    if name == "prelu":
        slope = layout(np.array([0.5, 0.25, 2, 3], dtype))
        assert_layout_does_not_matter(lambda x: FUNCTIONS[name](x, slope), layout, x)
        call = FUNCTIONS[f"{name}_backward"]
        assert_layout_does_not_matter(lambda g, x: call(g, x, slope), layout, grad_y, x)
        return
    more = UNARY.get(name, ())
    assert_layout_does_not_matter(lambda x: FUNCTIONS[name](x, *more), layout, x)
    call = FUNCTIONS[f"{name}_backward"]
    assert_layout_does_not_matter(lambda g, x: call(g, x, *more), layout, grad_y, x)


@pytest.mark.parametrize("name", [*UNARY, *LINES])
def test_empty_and_odd_shapes(name):
    more = UNARY.get(name, ())
    shapes = [(0, 3), (0, 2, 5), (2, 3, 0)] + ([(), (7,)] if name in UNARY else [(2, 0, 3)])
    for shape in shapes:
        x = np.zeros(shape, np.float32)
        for got in (FUNCTIONS[name](x, *more), FUNCTIONS[f"{name}_backward"](x, x, *more)):
            assert (got.shape, got.dtype) == (shape, np.float32)


def test_prelu_of_an_empty_batch():
    x, slope = np.zeros((0, 3, 2)), np.ones(3)
    assert FUNCTIONS["prelu"](x, slope).shape == (0, 3, 2)
    gradients = FUNCTIONS["prelu_backward"](x, x, slope)
    assert gradients.x.shape == (0, 3, 2)
    np.testing.assert_array_equal(gradients.slope, np.zeros(3))


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "prelu"])
def test_large_arrays_have_the_bits_of_small_ones(name):
    """What threads share out, one thread computes alike."""
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, 3, 7, 90_001))
    x, grad_y = x.transpose(1, 0, 2)[:, :, ::7], grad_y.transpose(1, 0, 2)[:, :, ::7]
    x, grad_y = np.tile(x, (1, 1, 5))[:, :2], np.tile(grad_y, (1, 1, 5))[:, :2]
    more = (np.array([0.5, 0.25]),) if name == "prelu" else ()
    y, back = FUNCTIONS[name](x, *more), FUNCTIONS[f"{name}_backward"](grad_y, x, *more)
    for first in range(0, x.shape[2], 10_001):
        part = np.s_[:, :, first : first + 10_001]
        assert (FUNCTIONS[name](x[part], *more) == y[part]).all()
        alone = FUNCTIONS[f"{name}_backward"](grad_y[part], x[part], *more)
        if name == "prelu":
            alone, whole = alone.x, back.x
        else:
            whole = back
        assert (alone == whole[part]).all()


def test_a_changed_helper_is_another_kernel():
    """Numba's cache on disk is keyed by a loop's code: the code of what it calls must enter."""
    digest = code_digest
    assert digest(stable.silu, stable.scaled_exp) != digest(stable.silu, stable.scaled_density)
    assert digest(stable.gelu) == digest(stable.gelu)
    before = digest(stable.gelu)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stable, "LAST_NORMAL", 39.0)
        assert digest(stable.gelu) != before


# Faults ------------------------------------------------------------------------------------------


def test_planted_faults_are_found():
    """Formulas that many libraries use lose the tails, and the bound finds them."""
    x = inputs("silu_backward", np.float64, 1)
    e = np.exp(-x.clip(-700, None))
    naive = {
        "softplus": np.log(1 + np.exp(x.clip(None, 700))),
        "silu_backward": (1 / (1 + e)) * (1 + x * (1 - 1 / (1 + e))),
        "sigmoid_backward": (1 / (1 + e)) * (1 - 1 / (1 + e)),
        "tanh_backward": 1 - np.tanh(x) ** 2,
    }
    ones = np.ones_like(x)
    for name, got in naive.items():
        operands = (ones, x) if name.endswith("backward") else (x,)
        assert worst(got, truth(name, *operands)) > 1000
    x, _ = logits(1, np.float64, 700.0)
    plain = np.exp(x - x.max(axis=1, keepdims=True))
    assert worst(plain / plain.sum(axis=1, keepdims=True), truth("softmax", x)) > 20
    assert error(np.float32(1), Fraction(1) + Fraction(1, 2**22)) == 2


def test_every_kernel_is_in_both_tiers():
    for name in FUNCTIONS:
        assert callable(getattr(cpu, name))
        assert callable(getattr(literal, name))
