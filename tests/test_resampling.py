"""Resampling and pixel shuffling, against other routes to the truth."""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.checks import volume
from deconv_ref.ops.resampling import coordinates, literal
from deconv_ref.ops.resampling.pixel_shuffle import pixel_shuffle, pixel_unshuffle
from deconv_ref.ops.resampling.upsample import upsample, upsample_backward

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)
MODES = (("nearest", False), ("linear", False), ("linear", True))
DYADIC = (1, 2, 4, 8, 0.5, 0.25)  # scales at which every half-pixel weight is exact
SCALES = (*DYADIC, 3, 5, 1.5, 2.5, 0.7, 0.75, 1.1, 1 / 3, 5 / 3, math.pi, Fraction(7, 3))


# Another route: the matrix of each axis, in exact rational arithmetic ----------------------------


@cache
def matrix(n, scale, mode, align_corners):
    """Build the matrix of one axis, (output, n), of fractions, by hats set on the cells."""
    scale = Fraction(float(scale))
    rows = math.floor(n * float(scale))
    entries = np.full((rows, n), Fraction(0), dtype=object)
    for o in range(rows):
        if mode == "nearest":
            entries[o, min(math.floor((o + 0.5) / float(scale)), n - 1)] = Fraction(1)
            continue
        place = (o + Fraction(1, 2)) / scale - Fraction(1, 2)
        if align_corners:
            place = Fraction(o * (n - 1), rows - 1) if rows > 1 else Fraction(0)
        place = min(max(place, Fraction(0)), Fraction(n - 1))
        for j in range(n):
            entries[o, j] = max(Fraction(0), 1 - abs(place - j))
    return entries


def truth(x, grad_y, matrices):
    """Multiply by the matrix of each axis, and by the transposed ones."""
    for axis, entries in enumerate(matrices, start=2):
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ entries.T, -1, axis)
        grad_y = np.moveaxis(np.moveaxis(grad_y, axis, -1) @ entries, -1, axis)
    return x, grad_y


@st.composite
def cases(draw, scales=SCALES, most=7):
    """Draw shape, scales, mode and corner rule: every axis its own."""
    axes = draw(st.integers(1, 3))
    size, factors = [], []
    for _ in range(axes):
        scale = draw(st.sampled_from(scales))
        size.append(draw(st.integers(math.ceil(1 / scale), max(math.ceil(1 / scale), most - axes))))
        factors.append(scale)
    mode, align_corners = draw(st.sampled_from(MODES))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size)
    return shape, tuple(factors), {"mode": mode, "align_corners": align_corners}


def arrays(case, seed, values):
    shape, scales, _ = case
    rng = np.random.default_rng(seed)
    output = (math.floor(n * float(s)) for n, s in zip(shape[2:], scales, strict=True))
    return values(rng, shape), values(rng, (*shape[:2], *output))


def computed(case, x, grad_y, tier="cpu"):
    shape, scales, rules = case
    with backend.using(backend.tier(tier)):
        return upsample(x, scales, **rules), upsample_backward(grad_y, shape, scales, **rules)


def assert_equal(got, expected, note=""):
    for g, e, name in zip(got, expected, ("y", "x"), strict=True):
        np.testing.assert_array_equal(g, e, err_msg=f"{name} {note}", strict=True)


def integers(rng, shape):
    return rng.integers(-9, 10, shape)


def floats(rng, shape):
    return integers(rng, shape).astype(np.float64)


def reals(rng, shape):
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)


def thirds(rng, shape):
    return np.vectorize(lambda a: Fraction(int(a), 3), otypes=[object])(integers(rng, shape))


exact = np.vectorize(lambda value: Fraction(float(value)), otypes=[object])


def is_exact(matrices):
    """Tell whether floats hold every weight."""
    bottoms = {value.denominator for entries in matrices for value in entries.flat}
    return all(bottom & (bottom - 1) == 0 for bottom in bottoms)


# Exact agreement ---------------------------------------------------------------------------------


def assert_exact(case, seed):
    shape, scales, rules = case
    x, grad_y = arrays(case, seed, integers)
    matrices = [matrix(n, s, *rules.values()) for n, s in zip(shape[2:], scales, strict=True)]
    if not is_exact(matrices):
        return False
    expected = truth(x, grad_y, [entries.astype(np.float64) for entries in matrices])  # no rounding
    for dtype in DTYPES:
        for tier in TIERS:
            got = computed(case, x.astype(dtype), grad_y.astype(dtype), tier=tier)
            assert_equal(got, [e.astype(dtype) for e in expected], note=tier)
    return True


@settings(max_examples=500)
@given(cases(scales=DYADIC), st.integers(0, 2**32))
def test_results_and_gradients_are_those_of_the_explicit_matrix(case, seed):
    _, _, rules = case
    assert assert_exact(case, seed) or rules["align_corners"]


@settings(max_examples=300)
@given(cases(), st.integers(0, 2**32))
def test_results_are_exact_wherever_the_weights_are(case, seed):
    _, _, rules = case
    assert assert_exact(case, seed) or rules["mode"] == "linear"


@settings(max_examples=200)
@given(cases(), st.integers(0, 2**32))
def test_kernels_round_as_the_equations_do(case, seed):
    """In the same order, hence to the same bits."""
    for dtype in DTYPES:
        x, grad_y = (a.astype(dtype) for a in arrays(case, seed, reals))
        assert_equal(computed(case, x, grad_y), computed(case, x, grad_y, tier="literal"))


def on_fractions(case, x, grad_y):
    """Run the equations' source as plain Python."""
    shape, scales, rules = case
    grid = coordinates.grid(shape[2:], tuple(map(float, scales)), *rules.values())
    linear = rules["mode"] == "linear"
    y = (literal.linear if linear else literal.nearest)(volume(x), grid)
    gradient = literal.linear_gradient if linear else literal.nearest_gradient
    return y.reshape(grad_y.shape), gradient(volume(grad_y), grid).reshape(shape)


@settings(max_examples=80)
@given(cases(scales=DYADIC, most=5), st.integers(0, 2**32))
def test_the_equations_are_exact_on_fractions(case, seed):
    shape, scales, rules = case
    matrices = [matrix(n, s, *rules.values()) for n, s in zip(shape[2:], scales, strict=True)]
    if is_exact(matrices):
        x, grad_y = arrays(case, seed, thirds)
        assert_equal(on_fractions(case, x, grad_y), truth(x, grad_y, matrices))


@settings(max_examples=60)
@given(cases(most=5), st.integers(0, 2**32))
def test_rounding_stays_inside_the_proven_bound(case, seed):
    """With the weights as they are: along each axis 3 roundings for a weight and its product."""
    for dtype in DTYPES:
        x, grad_y = (a.astype(dtype) for a in arrays(case, seed, reals))
        true = on_fractions(case, exact(x), exact(grad_y))
        magnitudes = on_fractions(case, abs(exact(x)), abs(exact(grad_y)))
        terms = sum(3 + max(2, math.ceil(2 * scale) + 1) for scale in case[1])
        unit = Fraction(1, 2**53)
        gamma = terms * unit / (1 - terms * unit)
        once = Fraction(float(np.finfo(dtype).eps)) / 2  # when the sum is stored
        for g, t, m in zip(computed(case, x, grad_y), true, magnitudes, strict=True):
            assert np.all(abs(exact(g) - t) <= (gamma + once + gamma * once) * m)


@pytest.mark.parametrize("align_corners", [False, True])
def test_coordinates_are_those_of_rational_arithmetic_but_for_rounding(align_corners):
    for n in (1, 2, 3, 7, 10, 100, 1001):
        for scale in (*map(float, SCALES), 0.1, 1e-3, 17.3):
            if n * scale < 1:
                continue
            found = coordinates.axis(n, scale, "linear", align_corners)
            rows = coordinates.output_size(n, scale)
            assert len(found.lower) == len(found.fraction) == rows
            for o in range(0, rows, 1 + rows // 50):
                place = (o + Fraction(1, 2)) / Fraction(scale) - Fraction(1, 2)
                if align_corners:
                    place = Fraction(o * (n - 1), max(rows - 1, 1))
                place = min(max(place, Fraction(0)), Fraction(n - 1))
                got = int(found.lower[o]) + Fraction(float(found.fraction[o]))
                assert abs(got - place) <= 2 * Fraction(1, 2**53) * (place + 1)


def test_readers_of_a_cell_are_the_outputs_with_a_weight_on_it():
    for mode, align_corners in MODES:
        for n in (1, 2, 3, 7, 12):
            for scale in (*map(float, SCALES), 0.1):
                if n * scale < 1:
                    continue
                found = coordinates.axis(n, scale, mode, align_corners)
                read = [[] for _ in range(n)]
                for o, (cell, f) in enumerate(zip(found.lower, found.fraction, strict=True)):
                    read[cell].append(o)
                    if f > 0:
                        read[cell + 1].append(o)
                bounds = zip(found.first, found.last, strict=True)
                assert read == [list(range(first, last)) for first, last in bounds]


# Sizes and ties ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "scale", "output"),
    [(5, 1.5, 7), (10, 0.7, 7), (3, 1 / 3, 1), (49, 1 / 49, 0), (10, 0.1, 1), (7, 2, 14)],
)
def test_sizes_are_floors_of_float64_products(n, scale, output):
    x = np.zeros((1, 1, n))
    if output:
        assert upsample(x, scale).shape == (1, 1, output)
    else:
        with pytest.raises(dr.ShapeError, match=r"upsample: the result must be .*floor\(49 \* 0"):
            upsample(x, scale)


def test_nearest_rounds_up_half_way_between_two_cells():
    x = np.arange(6.0).reshape(1, 1, 6)
    np.testing.assert_array_equal(upsample(x, 0.5), [[[1, 3, 5]]])
    np.testing.assert_array_equal(upsample(x, 1.5), [[[0, 1, 1, 2, 3, 3, 4, 5, 5]]])
    np.testing.assert_array_equal(upsample(np.arange(10.0).reshape(1, 1, 10), 0.1), [[[5]]])


def test_linear_worked_by_hand():
    x = np.array([[[0.0, 8, 16, 40]]])
    linear = {"mode": "linear"}
    np.testing.assert_array_equal(upsample(x, 2, **linear), [[[0, 2, 6, 10, 14, 22, 34, 40]]])
    np.testing.assert_array_equal(upsample(x, 0.5, **linear), [[[4, 28]]])
    corners = linear | {"align_corners": True}
    np.testing.assert_array_equal(upsample(x, 1.75, **corners), [[[0, 4, 8, 12, 16, 28, 40]]])
    np.testing.assert_array_equal(upsample(x, 0.25, **corners), [[[0]]])
    np.testing.assert_array_equal(upsample(x[..., 3:], 3, **corners), [[[40, 40, 40]]])


@pytest.mark.parametrize("mode", MODES)
def test_a_constant_stays_what_it_is(mode):
    rules = dict(zip(("mode", "align_corners"), mode, strict=True))
    for scale in SCALES:
        for value in (1 / 3, 7.7):
            x = np.full((1, 1, 4, 5), value, np.float32)
            assert set(upsample(x, (scale, 1.7), **rules).flat) == {np.float32(value)}


# Invariants and special values -------------------------------------------------------------------


@settings(max_examples=150)
@given(cases(scales=DYADIC), st.integers(0, 2**32))
def test_the_gradient_is_the_adjoint(case, seed):
    _, _, rules = case
    x, grad_y = arrays(case, seed, floats)
    y, grad_x = computed(case, x, grad_y)
    if rules["align_corners"]:
        np.testing.assert_allclose((y * grad_y).sum(), (x * grad_x).sum(), rtol=1e-9, atol=1e-9)
    else:
        assert (y * grad_y).sum() == (x * grad_x).sum()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@settings(max_examples=60)
@given(case=cases(most=5), seed=st.integers(0, 2**32))
def test_nan_and_infinity_go_exactly_where_they_have_a_weight(value, case, seed):
    """A weight of 0 is no multiplication by 0: scale 1, a corner, a clamped edge."""
    shape, scales, rules = case
    x, grad_y = arrays(case, seed, floats)
    at, below = seed % x.size, seed % grad_y.size
    x.flat[at] = grad_y.flat[below] = value
    grid = [
        coordinates.axis(n, float(s), *rules.values())
        for n, s in zip(shape[2:], scales, strict=True)
    ]
    weights = []
    for axis, n in zip(grid, shape[2:], strict=True):
        entries = np.zeros((len(axis.lower), n))
        for o, (cell, f) in enumerate(zip(axis.lower, axis.fraction, strict=True)):
            entries[o, cell] = 1 - f
            if f > 0:
                entries[o, cell + 1] = f
        weights.append(entries)
    marked, marked_grads = np.zeros(shape), np.zeros(grad_y.shape)
    marked.flat[at], marked_grads.flat[below] = 1, 1
    touched, touched_back = truth(marked, marked_grads, weights)
    for tier in TIERS:
        y, grad_x = computed(case, x, grad_y, tier=tier)
        for got, reached in ((y, touched), (grad_x, touched_back)):
            same = np.isnan(got) if np.isnan(value) else got == value
            np.testing.assert_array_equal(same, reached > 0)


@pytest.mark.parametrize("mode", MODES)
def test_large_arrays_are_shared_among_threads(mode):
    rules = dict(zip(("mode", "align_corners"), mode, strict=True))
    case = ((1, 5, 61, 190), (1.7, 2), rules)
    x, grad_y = arrays(case, 1, reals)
    assert_equal(computed(case, x, grad_y), computed(case, x, grad_y, tier="literal"))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("mode", MODES)
def test_arrays_may_lie_in_memory_in_any_way(layout, mode):
    case = (2, 3, 4, 5), (1.5, 2), dict(zip(("mode", "align_corners"), mode, strict=True))
    assert_layout_does_not_matter(
        lambda x, grad_y: computed(case, x, grad_y), layout, *arrays(case, 1, floats)
    )


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_batch_gives_empty_results(mode):
    case = (0, 3, 4, 5), (1.5, 2), dict(zip(("mode", "align_corners"), mode, strict=True))
    for tier in TIERS:
        y, grad_x = computed(case, *arrays(case, 1, floats), tier=tier)
        assert (y.shape, grad_x.shape) == ((0, 3, 6, 10), (0, 3, 4, 5))


def test_scales_may_be_one_number_or_one_per_axis():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    pairs = upsample(x, (2.0, 2.0))
    for scale in (2, np.float32(2), np.int64(2), Fraction(2), [2, 2.0], np.array([2, 2])):
        np.testing.assert_array_equal(upsample(x, scale), pairs)
    assert upsample(x, (3, 1)).shape == (1, 1, 6, 3)


# Pixel shuffle -----------------------------------------------------------------------------------


def shuffled(x, factors):
    """Move every value on its own, counting the places inside a block."""
    cells = math.prod(factors)
    size = [n * f for n, f in zip(x.shape[2:], factors, strict=True)]
    y = np.zeros((len(x), x.shape[1] // cells, *size), x.dtype)
    for c in range(y.shape[1]):
        for number, inner in enumerate(np.ndindex(*factors)):
            for at in np.ndindex(x.shape[2:]):
                to = (a * f + i for a, f, i in zip(at, factors, inner, strict=True))
                y[:, c, *to] = x[:, c * cells + number, *at]
    return y


@st.composite
def shuffles(draw):
    axes = draw(st.integers(1, 3))
    factors = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    size = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    channels = draw(st.integers(1, 2)) * math.prod(factors)
    return (draw(st.integers(0, 2)), channels, *size), factors


@settings(max_examples=300)
@given(shuffles(), st.integers(0, 2**32))
def test_shuffling_moves_every_value_to_its_place_and_back(case, seed):
    shape, factors = case
    x = integers(np.random.default_rng(seed), shape)
    y = shuffled(x, factors)
    for dtype in DTYPES:
        for tier in TIERS:
            with backend.using(backend.tier(tier)):
                got, back = pixel_shuffle(x.astype(dtype), factors), y.astype(dtype)
                np.testing.assert_array_equal(got, back, strict=True)
                back = pixel_unshuffle(back, factors)
                np.testing.assert_array_equal(back, x.astype(dtype), strict=True)


def test_shuffling_keeps_nan_infinity_and_fractions():
    x = np.array([np.nan, -np.inf, -0.0, 5e-324]).reshape(1, 4, 1)
    assert pixel_shuffle(x, 4).tobytes() == x.tobytes()
    assert pixel_unshuffle(x.reshape(1, 1, 4), 4).tobytes() == x.tobytes()
    x = thirds(np.random.default_rng(1), (1, 8, 1, 2, 3))
    y = literal.shuffle(x, (1, 2, 2))
    np.testing.assert_array_equal(y[:, :, 0], shuffled(x[:, :, 0], (2, 2)))
    np.testing.assert_array_equal(literal.unshuffle(y, (1, 2, 2)), x)


def test_large_images_are_shuffled_by_several_threads():
    x = reals(np.random.default_rng(1), (1, 30, 61, 120))
    y = pixel_shuffle(x, (2, 3))
    parts = x.reshape(1, 5, 2, 3, 61, 120).transpose(0, 1, 4, 2, 5, 3)
    np.testing.assert_array_equal(y, parts.reshape(1, 5, 122, 360))
    np.testing.assert_array_equal(pixel_unshuffle(y, (2, 3)), x)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_shuffled_arrays_may_lie_in_memory_in_any_way(layout):
    x = floats(np.random.default_rng(1), (2, 12, 4, 6))
    assert_layout_does_not_matter(lambda x: pixel_shuffle(x, (3, 2)), layout, x)
    assert_layout_does_not_matter(lambda x: pixel_unshuffle(x, (4, 3)), layout, x)


# Errors ------------------------------------------------------------------------------------------

X = np.ones((2, 3, 4, 5), np.float32)
NO_SCALE = r"scale_factor must be a number above 0 and below \d+, or 2 of them .*, got "
BOTH = [
    *(
        ({"scale_factor": scale}, dr.ParameterError, NO_SCALE)
        for scale in (
            0,
            -1,
            math.nan,
            math.inf,
            True,
            None,
            "2",
            2j,
            (2,),
            (2, 0),
            (2, 2, 2),
            2**31,
        )
    ),
    ({"scale_factor": 10**400}, dr.ParameterError, NO_SCALE),
    (
        {"scale_factor": (1, 0.19)},
        dr.ShapeError,
        r"the result must be from 1 to \d+ long on spatial axis 1, got floor\(5 \* 0.19\) = 0",
    ),
    ({"scale_factor": 2e9}, dr.ShapeError, "the result must be from 1 to .* axis 0, got floor"),
    ({"mode": "bilinear"}, dr.ParameterError, "mode must be 'nearest' or 'linear', got 'bilinear'"),
    ({"mode": None}, dr.ParameterError, "mode must be .*got None"),
    ({"align_corners": 1}, dr.ParameterError, "align_corners must be False or True, got 1"),
    (
        {"align_corners": True},
        dr.ParameterError,
        "align_corners must be False in mode 'nearest', got True",
    ),
]
FORWARD = [
    ({"x": X[0, 0]}, dr.ShapeError, r"x must be \(N, C, \*spatial\)"),
    ({"x": X[:, :, :0]}, dr.ShapeError, r"x must be \(N, C, \*spatial\) without"),
    ({"x": X.astype(int)}, dr.DTypeError, "x must be .*got int64"),
]
GRADS = np.ones((2, 3, 6, 7), np.float32)
BACKWARD = [
    ({"grad_y": X}, dr.ShapeError, r"grad_y must be of shape \(2, 3, 6, 7\), got shape \(2, 3, 4"),
    ({"grad_y": GRADS.astype(int)}, dr.DTypeError, "grad_y must be .*got int64"),
    ({"input_size": (4, 5)}, dr.ParameterError, "input_size must be a full shape .*4 ints"),
    ({"input_size": (2, 3, 0, 5)}, dr.ShapeError, "input_size must be .*without empty axes"),
    (
        {"input_size": (2, 2, 4, 5)},
        dr.ShapeError,
        r"input_size must be .*from \(2, 3\) on as grad_y has",
    ),
    ({"input_size": 4}, dr.ParameterError, "input_size must be a full shape .*got 4"),
    ({"input_size": (2, 3, 4.0, 5)}, dr.ParameterError, "input_size must be a full shape"),
    ({"input_size": "2345"}, dr.ParameterError, "input_size must be a full shape .*got '2345'"),
]


@pytest.mark.parametrize(("changes", "error", "told"), BOTH + FORWARD)
def test_faults_are_told(changes, error, told):
    with pytest.raises(error, match=rf"^upsample: {told}") as caught:
        upsample(**{"x": X, "scale_factor": 1.5} | changes)
    assert type(caught.value) is error


@pytest.mark.parametrize(("changes", "error", "told"), BOTH + BACKWARD)
def test_faults_of_the_gradient_are_told(changes, error, told):
    legal = {"grad_y": GRADS, "input_size": X.shape, "scale_factor": 1.5}
    with pytest.raises(error, match=rf"^upsample_backward: {told}") as caught:
        upsample_backward(**legal | changes)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("function", "arguments", "error", "told"),
    [
        (pixel_shuffle, (X, 2), dr.ShapeError, "x must be of a multiple of 4 channels .*got 3 ch"),
        (pixel_shuffle, (X, 0), dr.ParameterError, "factor must be an int from 1 to .*got 0"),
        (pixel_shuffle, (X, 1.0), dr.ParameterError, "factor must be .*got 1.0"),
        (pixel_shuffle, (X, (3, 1, 1)), dr.ParameterError, "factor must be .*or 2 of them"),
        (pixel_shuffle, (X.astype(int), 1), dr.DTypeError, "x must be .*got int64"),
        (pixel_shuffle, (X[0, 0], 1), dr.ShapeError, r"x must be \(N, C, \*spatial\)"),
        (pixel_unshuffle, (X, 2), dr.ShapeError, r"x must be .* multiples of \(2, 2\), got \(4, 5"),
        (pixel_unshuffle, (X, None), dr.ParameterError, "factor must be .*got None"),
        (pixel_unshuffle, (X[:, :0], 1), dr.ShapeError, "x must be .*without empty axes"),
    ],
)
def test_faults_of_shuffling_are_told(function, arguments, error, told):
    with pytest.raises(error, match=f"^{function.__name__}: {told}") as caught:
        function(*arguments)
    assert type(caught.value) is error
