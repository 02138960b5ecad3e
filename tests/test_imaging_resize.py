"""Resampling against its formula on fractions, against Pillow, and against what it must keep."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter
from PIL import Image

from deconv_ref.errors import DTypeError, ParameterError, ShapeError
from deconv_ref.imaging import imresize, modcrop

METHODS = ("bicubic", "bilinear", "nearest")
EPSILON = np.finfo(np.float64).eps


def cubic(t):
    t, a = abs(t), Fraction(-1, 2)  # Keys's kernel as he prints it, for any a
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t <= 2 else Fraction(0)


def triangle(t):
    return max(1 - abs(t), Fraction(0))


def box(t):
    return Fraction(-1, 2) <= t < Fraction(1, 2)


KERNELS = dict(zip(METHODS, ((cubic, 2), (triangle, 1), (box, Fraction(1, 2))), strict=True))


def line(x, scale, output, method, antialias):
    """Resample a list of fractions, position by position."""
    kernel, half = KERNELS[method]
    a = min(scale, 1) if antialias and method != "nearest" else 1
    mirror = x + x[::-1]
    result = []
    for o in range(1, output + 1):
        u = o / scale + (1 - 1 / scale) / 2
        near = range(floor(u - half / a) - 1, ceil(u + half / a) + 2)
        weights = {i: kernel(a * (u - i)) for i in near}
        total = sum(w * mirror[(i - 1) % len(mirror)] for i, w in weights.items())
        result.append(Fraction(total) / sum(weights.values()))
    return result


def truth(x, scales, outputs, method, antialias):
    columns = [
        line(column, scales[0], outputs[0], method, antialias)
        for column in zip(*x.tolist(), strict=True)
    ]
    rows = zip(*columns, strict=True)
    result = [line(list(row), scales[1], outputs[1], method, antialias) for row in rows]
    return np.array(result, dtype=object).astype(np.float64)


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-99, 100, shape)


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(*(st.builds(Fraction, st.integers(1, 8), st.sampled_from([1, 2, 4])),) * 2),
    st.sampled_from(METHODS),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_scales_follow_the_formula(size, scales, method, antialias, seed):
    x = integers(size, seed)
    outputs = tuple(ceil(s * n) for s, n in zip(scales, size, strict=True))
    scale = tuple(map(float, scales))  # exact: the denominators are powers of two
    y = imresize(x[None] + 0.0, scale, method=method, antialias=antialias)
    exact = truth(x, scales, outputs, method, antialias)
    assert y.shape == (1, *outputs)
    assert np.abs(y[0] - exact).max() <= 2000 * EPSILON * np.abs(x).max()


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(METHODS[:2]),  # a box jumps where positions are rounded
    st.booleans(),
    st.integers(0, 2**32),
)
def test_sizes_follow_the_formula(size, outputs, method, antialias, seed):
    x = integers(size, seed)
    scales = tuple(map(Fraction, outputs, size))
    y = imresize(x[None] + 0.0, output_size=outputs, method=method, antialias=antialias)
    exact = truth(x, scales, outputs, method, antialias)
    assert np.abs(y[0] - exact).max() <= 2000 * EPSILON * np.abs(x).max()


def test_values_by_hand():
    """Bicubic weights, by putting 1/4, 3/4, 5/4, 7/4 and their halves into the cubics."""
    x = np.zeros((1, 1, 8))
    x[..., 4] = 1
    twice = imresize(x, (1, 2))[0, 0, 4:14]
    np.testing.assert_array_equal(twice * 128, [0, -3, -9, 29, 111, 111, 29, -9, -3, 0])
    half = imresize(x, (1, 0.5))[0, 0]
    np.testing.assert_array_equal(half * 256, [-3, 29, 111, -9])
    aliased = imresize(x, (1, 0.5), antialias=False)[0, 0]
    np.testing.assert_array_equal(aliased * 16, [0, -1, 9, 0])


@settings(max_examples=60)
@given(
    st.tuples(st.integers(20, 50), st.integers(20, 50)),
    st.tuples(st.integers(8, 80), st.integers(8, 80)),
    st.sampled_from([("bicubic", 2), ("bilinear", 1)]),
    st.integers(0, 2**32),
)
def test_pillow_agrees_away_from_the_borders(size, outputs, kernel, seed):
    method, half = kernel
    x = np.random.default_rng(seed).random(size, np.float32)
    theirs = Image.fromarray(x).resize(outputs[::-1], Image.Resampling[method.upper()])
    ours = imresize(x[None], output_size=outputs, method=method)[0]
    inside = []
    for n, m in zip(size, outputs, strict=True):
        positions = (np.arange(m) + 0.5) * n / m
        reach = half * max(n / m, 1) + 1
        inside.append((positions > reach) & (positions < n - reach))
    inside = np.ix_(*inside)
    np.testing.assert_allclose(ours[inside], np.asarray(theirs)[inside], rtol=0, atol=1e-6)


@settings(max_examples=60)
@given(
    st.floats(0.2, 4), st.sampled_from(METHODS), st.booleans(), st.sampled_from([1 / 3, 1e30, -7.0])
)
def test_constants_stay(scale, method, antialias, value):
    y = imresize(np.full((2, 6, 9), value), scale, method=method, antialias=antialias)
    np.testing.assert_allclose(y, value, rtol=60 * EPSILON)


@settings(max_examples=60)
@given(st.floats(1, 5), st.sampled_from([("bicubic", 2), ("bilinear", 1)]))
def test_enlarging_keeps_polynomials(scale, kernel):
    """Keys's kernel keeps parabolas, a triangle straight lines, away from the borders."""
    method, degree = kernel
    n = 12
    y = imresize(np.arange(1.0, n + 1)[None, None] ** degree, (1, scale), method=method)[0, 0]
    u = np.arange(1, len(y) + 1) / scale + 0.5 * (1 - 1 / scale)
    inside = (u >= 3) & (u <= n - 2)
    np.testing.assert_allclose(y[inside], u[inside] ** degree, rtol=1e-12)


@settings(max_examples=60)
@given(st.floats(0.2, 4), st.sampled_from(METHODS[:2]), st.integers(0, 2**32))
def test_turning_the_image_turns_the_result(scale, method, seed):
    x = np.random.default_rng(seed).random((2, 7, 10))
    outputs = tuple(ceil(scale * n) for n in x.shape[1:])
    y = imresize(x, output_size=outputs, method=method)
    flipped = imresize(x[:, ::-1, ::-1], output_size=outputs, method=method)
    np.testing.assert_allclose(flipped, y[:, ::-1, ::-1], rtol=0, atol=100 * EPSILON)
    turned = imresize(x.swapaxes(1, 2), output_size=outputs[::-1], method=method)
    np.testing.assert_allclose(turned, y.swapaxes(1, 2), rtol=0, atol=100 * EPSILON)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 3])
def test_borders_are_mirrored(method, factor):
    x = np.random.default_rng(0).random((1, 12, 6))
    wide = np.pad(x, ((0, 0), (12, 12), (12, 12)), "symmetric")
    for scale, margin in ((factor, 12 * factor), (1 / factor, 12 // factor)):
        y, around = imresize(x, scale, method=method), imresize(wide, scale, method=method)
        inner = around[:, margin:-margin, margin:-margin]
        np.testing.assert_allclose(y, inner, rtol=0, atol=100 * EPSILON)


@pytest.mark.parametrize(
    ("n", "scale", "output"),
    [(5, 0.5, 3), (255, 1 / 3, 85), (7, 1.5, 11), (3, 0.01, 1), (10, 1, 10)],
)
def test_sizes_are_rounded_up(n, scale, output):
    assert imresize(np.zeros((1, n, 1)), (scale, 1)).shape == (1, output, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_is_rounded_once(dtype):
    x = np.random.default_rng(0).random((2, 3, 9, 8)).astype(dtype)
    for method in METHODS:
        y = imresize(x, 1.7, method=method)
        exact = imresize(x.astype(np.float64), 1.7, method=method)
        np.testing.assert_array_equal(y, exact.astype(dtype), strict=True)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_does_not_matter(layout):
    x = np.random.default_rng(0).random((2, 6, 9))
    assert_layout_does_not_matter(lambda x: imresize(x, 0.6), layout, x)
    assert_layout_does_not_matter(lambda x: modcrop(x, 2), layout, x)


def test_modcrop():
    x = np.arange(35).reshape(1, 5, 7)
    for factor in range(1, 6):
        kept = [[i for i in range(n) if i < n // factor * factor] for n in (5, 7)]
        np.testing.assert_array_equal(modcrop(x, factor), x[:, kept[0]][:, :, kept[1]], strict=True)
    with pytest.raises(
        ShapeError, match=r"modcrop: x must be .* of at least 6 rows and columns, got"
    ):
        modcrop(x, 6)
    with pytest.raises(ParameterError, match="modcrop: factor must be an int of at least 1, got 0"):
        modcrop(x, 0)
    with pytest.raises(ShapeError, match=r"modcrop: x must be \(..., H, W\) .* got shape \(5,\)"):
        modcrop(np.zeros(5), 2)
    with pytest.raises(DTypeError, match="modcrop: x must be a NumPy array, got list"):
        modcrop([[1, 2], [3, 4]], 2)


X = np.zeros((1, 4, 4))


@pytest.mark.parametrize(
    ("x", "parameters", "error", "text"),
    [
        (X, {}, ParameterError, "scale or output_size must be given, .* got neither"),
        (X, {"scale": 2, "output_size": (8, 8)}, ParameterError, ".* alone, got both"),
        (X, {"scale": 0}, ParameterError, "scale must be a finite number above 0, got 0"),
        (X, {"scale": -1.0}, ParameterError, "scale must be a finite number above 0"),
        (X, {"scale": np.inf}, ParameterError, "scale must be a finite number above 0, got inf"),
        (X, {"scale": np.nan}, ParameterError, "scale must be .* got nan"),
        (X, {"scale": (1, 2, 3)}, ParameterError, r"scale must be a pair, .* got \(1, 2, 3\)"),
        (X, {"scale": (True, 1)}, ParameterError, "scale must be .* got True"),
        (X, {"output_size": 8}, ParameterError, "output_size must be a pair"),
        (X, {"output_size": (8, 0)}, ParameterError, "output_size must be an int of at least 1"),
        (X, {"output_size": (8, 2.5)}, ParameterError, "output_size must be an int"),
        (X, {"scale": 2, "method": "lanczos"}, ParameterError, "method must be 'bicubic' or"),
        (X, {"scale": 2, "antialias": 1}, ParameterError, "antialias must be False or True"),
        (X[0], {"scale": 2}, ShapeError, r"x must be \(..., C, H, W\) .* got shape \(4, 4\)"),
        (
            X[:, :0],
            {"scale": 2},
            ShapeError,
            r"x must be .* without empty axes, got shape \(1, 0, 4\)",
        ),
        (X.astype(np.uint8), {"scale": 2}, DTypeError, "x must be float32 or float64, got uint8"),
        ([[[1.0]]], {"scale": 2}, DTypeError, "x must be a NumPy array"),
    ],
)
def test_errors(x, parameters, error, text):
    with pytest.raises(error, match=f"imresize: {text}"):
        imresize(x, **parameters)
