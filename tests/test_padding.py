"""Padding and its gradient, against other routes to the truth."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.checks import volume
from deconv_ref.ops.padding import equations, literal
from deconv_ref.ops.padding.pad import MODES, pad, pad_backward

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)
LIMITS = {"zeros": lambda n: 5, "reflect": lambda n: n - 1, "replicate": lambda n: 5}
LIMITS["circular"] = lambda n: n


def walk(mode, n, before, after):
    """List the cells that an axis shows, walking from its ends outwards; None is no cell."""
    if mode == "zeros":
        return [None] * before + list(range(n)) + [None] * after
    if mode == "replicate":
        return [0] * before + list(range(n)) + [n - 1] * after
    turned = list(range(n - 2, 0, -1)) if mode == "reflect" else []
    lap = list(range(n)) + turned  # there and back, or round and round
    there = (lap * 9)[4 * len(lap) - before :]
    return there[: before + n + after]


def truth(x, padding, mode, value, grad_y):
    """Give y by picking cells, and the gradient by scattering onto them."""
    axes = [walk(mode, n, *sides) for n, sides in zip(x.shape[2:], padding, strict=True)]
    y, grad_x = np.full_like(grad_y, value), np.zeros_like(x)
    for at in np.ndindex(grad_y.shape[2:]):
        cell = [axis[o] for axis, o in zip(axes, at, strict=True)]
        if None not in cell:
            y[:, :, *at] = x[:, :, *cell]
            grad_x[:, :, *cell] += grad_y[:, :, *at]
    return y, grad_x


def computed(x, padding, mode, value, grad_y, tier="cpu"):
    with backend.using(backend.tier(tier)):
        y = pad(x, padding, mode=mode, value=value)
        return y, pad_backward(grad_y, x.shape, padding, mode=mode)


def assert_equal(got, expected, note=""):
    for g, e, name in zip(got, expected, ("y", "x"), strict=True):
        np.testing.assert_array_equal(g, e, err_msg=f"{name} {note}", strict=True)


@st.composite
def cases(draw):
    """Draw shape, padding, mode and value: every axis and side its own."""
    axes = draw(st.integers(1, 3))
    mode = draw(st.sampled_from(MODES))
    size = tuple(draw(st.integers(1, (9, 5, 4)[axes - 1])) for _ in range(axes))
    sides = (st.integers(0, min(LIMITS[mode](n), 8 - 2 * axes)) for n in size)
    padding = tuple((draw(side), draw(side)) for side in sides)
    value = draw(st.integers(-9, 9)) if mode == "zeros" else 0
    return (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size), padding, mode, value


def arrays(case, seed, values):
    shape, padding, _, _ = case
    rng = np.random.default_rng(seed)
    padded = (n + sum(sides) for n, sides in zip(shape[2:], padding, strict=True))
    return values(rng, shape), values(rng, (*shape[:2], *padded))


def integers(rng, shape):
    return rng.integers(-9, 10, shape)


def floats(rng, shape):
    return integers(rng, shape).astype(np.float64)


@settings(max_examples=900)
@given(cases(), st.integers(0, 2**32))
def test_results_and_gradients_are_exact_on_integers(case, seed):
    x, grad_y = arrays(case, seed, integers)
    expected = truth(x, *case[1:], grad_y)
    for dtype in DTYPES:
        for tier in TIERS:
            got = computed(x.astype(dtype), *case[1:], grad_y.astype(dtype), tier=tier)
            assert_equal(got, [e.astype(dtype) for e in expected], note=tier)


@settings(max_examples=100)
@given(cases(), st.integers(0, 2**32))
def test_the_equations_are_exact_on_fractions(case, seed):
    _, padding, mode, value = case
    thirds = np.vectorize(lambda a: Fraction(int(a), 3), otypes=[object])
    x, grad_y = map(thirds, arrays(case, seed, integers))
    whole = ((0, 0),) * (3 - len(padding)) + padding
    got = (
        literal.forward(volume(x), whole, MODES.index(mode), Fraction(value)),
        literal.gradient(volume(grad_y), whole, MODES.index(mode)),
    )
    expected = truth(x, padding, mode, Fraction(value), grad_y)
    assert_equal([got[0].reshape(grad_y.shape), got[1].reshape(x.shape)], expected)


@settings(max_examples=150)
@given(cases(), st.integers(0, 2**32))
def test_kernels_add_in_the_order_of_the_equations(case, seed):
    for dtype in DTYPES:
        x, grad_y = (
            a.astype(dtype)
            for a in arrays(case, seed, lambda rng, shape: rng.standard_normal(shape))
        )
        got = computed(x, *case[1:], grad_y)
        assert_equal(got, computed(x, *case[1:], grad_y, tier="literal"))


@pytest.mark.parametrize("mode", range(len(MODES)), ids=MODES)
def test_an_element_of_the_gradient_looks_at_few_positions(mode, monkeypatch):
    """At the padding's and its own: an axis takes as long as it is, not its square."""
    seen, source = [], equations.source
    monkeypatch.setattr(equations, "source", lambda *at: seen.append(at) or source(*at))
    grad_y = np.ones((1, 1, 1, 1, 45), object)
    for j in range(40):
        equations.pad_gradient_point(grad_y, 0, mode, (0, 0, 3), (1, 1, 40), 0, 0, 0, 0, j)
    assert len(seen) == 40 * (1 + 1 + 6)


@settings(max_examples=150)
@given(cases(), st.integers(0, 2**32))
def test_numpy_agrees(case, seed):
    x, _ = arrays(case, seed, floats)
    _, padding, mode, value = case
    names = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}
    more = {"constant_values": value} if mode == "zeros" else {}
    expected = np.pad(x, ((0, 0), (0, 0), *padding), names.get(mode, mode), **more)
    np.testing.assert_array_equal(pad(x, padding, mode=mode, value=value), expected)


@settings(max_examples=150)
@given(cases(), st.integers(0, 2**32))
def test_the_gradient_is_the_adjoint(case, seed):
    x, grad_y = arrays(case, seed, floats)
    y, grad_x = computed(x, *case[1:3], 0, grad_y)
    assert (y * grad_y).sum() == (x * grad_x).sum()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@settings(max_examples=60)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_nan_and_infinity_stay_with_the_positions_that_show_them(value, case, seed):
    x, grad_y = arrays(case, seed, floats)
    x.flat[seed % x.size] = grad_y.flat[seed % grad_y.size] = value
    expected = truth(x, *case[1:], grad_y)
    for tier in TIERS:
        assert_equal(computed(x, *case[1:], grad_y, tier=tier), expected, note=tier)


@pytest.mark.parametrize("mode", MODES)
def test_large_arrays_are_shared_among_threads(mode):
    case = ((2, 7, 61, 190), ((7, 2), (0, 33)), mode, 4 if mode == "zeros" else 0)
    x, grad_y = arrays(case, 1, floats)
    names = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}
    more = {"constant_values": 4} if mode == "zeros" else {}
    y, grad_x = computed(x, *case[1:], grad_y)
    expected = np.pad(x, ((0, 0), (0, 0), *case[1]), names.get(mode, mode), **more)
    np.testing.assert_array_equal(y, expected)
    _, literally = computed(x, *case[1:], grad_y, tier="literal")
    np.testing.assert_array_equal(grad_x, literally)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, Fraction(1, 3), np.float32(7)])
def test_any_number_may_be_the_value(value):
    for dtype in DTYPES:
        y = pad(np.array([[[5.0]]], dtype), [(0, 1)], value=value)
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(y, np.array([[[5.0, float(value)]]]).astype(dtype))


def test_padding_may_be_one_number_or_one_per_axis():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    for mode in MODES:
        pairs = pad(x, [(1, 1), (1, 1)], mode=mode)
        np.testing.assert_array_equal(pad(x, 1, mode=mode), pairs)
        np.testing.assert_array_equal(pad(x, np.array([1, 1]), mode=mode), pairs)
    assert pad(x, (2, 1)).shape == (1, 1, 6, 5)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("mode", MODES)
def test_arrays_may_lie_in_memory_in_any_way(layout, mode):
    case = ((2, 3, 4, 5), ((1, 2), (3, 0)), mode, 0)
    assert_layout_does_not_matter(
        lambda x, grad_y: computed(x, *case[1:], grad_y), layout, *arrays(case, 1, floats)
    )


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_batch_gives_empty_results(mode):
    for tier in TIERS:
        y, grad_x = computed(np.ones((0, 2, 3)), [(1, 2)], mode, 0, np.ones((0, 2, 6)), tier)
        assert (y.shape, grad_x.shape) == ((0, 2, 6), (0, 2, 3))


X = np.ones((2, 3, 4, 5), np.float32)
BOTH = [
    ({"padding": "same"}, dr.ParameterError, "padding must be an int of at least 0, .*got 'same'"),
    ({"padding": -1}, dr.ParameterError, "padding must be .*, got -1"),
    ({"padding": ((1, 1), (0, -1))}, dr.ParameterError, "padding must be"),
    ({"padding": (1, 1, 1)}, dr.ParameterError, "padding must be .* 2 of them"),
    ({"padding": 1.0}, dr.ParameterError, "padding must be .*, got 1.0"),
    ({"padding": True}, dr.ParameterError, "padding must be .*, got True"),
    ({"padding": None}, dr.ParameterError, "padding must be .*, got None"),
    ({"mode": "constant"}, dr.ParameterError, "mode must be 'zeros' or .*got 'constant'"),
    ({"mode": None}, dr.ParameterError, "mode must be .*got None"),
    (
        {"padding": ((0, 4), (1, 1)), "mode": "reflect"},
        dr.ShapeError,
        r"padding must be below 4, the size of spatial axis 0, .*got \(0, 4\)",
    ),
    (
        {"padding": ((4, 4), (6, 1)), "mode": "circular"},
        dr.ShapeError,
        r"padding must be at most 5, the size of spatial axis 1, .*got \(6, 1\)",
    ),
]
FORWARD = [
    ({"x": X[0, 0]}, dr.ShapeError, r"x must be \(N, C, \*spatial\)"),
    ({"x": X[:, :0]}, dr.ShapeError, r"x must be \(N, C, \*spatial\) without"),
    ({"x": X.astype(int)}, dr.DTypeError, "x must be .*got int64"),
    ({"x": X.tolist()}, dr.DTypeError, "x must be .*got list"),
    ({"value": "0"}, dr.ParameterError, "value must be a number, got '0'"),
    ({"value": None}, dr.ParameterError, "value must be a number, got None"),
    ({"value": True}, dr.ParameterError, "value must be a number, got True"),
    ({"value": 10**400}, dr.ParameterError, "value must be a number of float64, got 1000"),
    ({"value": 1.0, "mode": "circular"}, dr.ParameterError, "value must be 0 in mode 'circular'"),
    ({"value": math.nan, "mode": "reflect"}, dr.ParameterError, "value must be 0 .*got nan"),
]
GRADS = np.ones((2, 3, 6, 7), np.float32)
BACKWARD = [
    ({"grad_y": X}, dr.ShapeError, r"grad_y must be of shape \(2, 3, 6, 7\), got shape \(2, 3, 4"),
    ({"grad_y": GRADS.astype(int)}, dr.DTypeError, "grad_y must be .*got int64"),
    ({"input_size": (4, 5)}, dr.ParameterError, "input_size must be a full shape .*4 ints"),
    ({"input_size": (2, 3, 0, 5)}, dr.ShapeError, "input_size must be .*without empty axes"),
    (
        {"input_size": (3, 3, 4, 5)},
        dr.ShapeError,
        r"input_size must be .*from \(2, 3\) on as grad_y has",
    ),
    ({"input_size": 4}, dr.ParameterError, "input_size must be a full shape .*got 4"),
    ({"input_size": (2, 3, 4.0, 5)}, dr.ParameterError, "input_size must be a full shape"),
    ({"input_size": "2345"}, dr.ParameterError, "input_size must be a full shape .*got '2345'"),
]


@pytest.mark.parametrize(("changes", "error", "told"), BOTH + FORWARD)
def test_faults_are_told(changes, error, told):
    with pytest.raises(error, match=rf"^pad: {told}") as caught:
        pad(**{"x": X, "padding": 1} | changes)
    assert type(caught.value) is error


@pytest.mark.parametrize(("changes", "error", "told"), BOTH + BACKWARD)
def test_faults_of_the_gradient_are_told(changes, error, told):
    legal = {"grad_y": GRADS, "input_size": X.shape, "padding": 1}
    with pytest.raises(error, match=rf"^pad_backward: {told}") as caught:
        pad_backward(**legal | changes)
    assert type(caught.value) is error
