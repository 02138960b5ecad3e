"""Ratios and similarities of images, against fractions and scikit-image."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS

import deconv_ref as dr
from deconv_ref.errors import DTypeError, ParameterError, ShapeError
from deconv_ref.imaging import compare, psnr

PEAKS = {np.uint8: 255, np.uint16: 65535, np.float32: 1, np.float64: 1}


def exact_psnr(x, y, peak):
    """Sum squares as integers; only the logarithm is rounded."""
    errors = [(Fraction(float(a)) - Fraction(float(b))) ** 2 for a, b in zip(x, y, strict=True)]
    return 10 * math.log10(Fraction(peak) ** 2 / (sum(errors) / len(errors)))


@settings(max_examples=100)
@given(
    st.sampled_from(list(PEAKS)),
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(3, 6), st.integers(3, 6)),
    st.integers(0, 1),
    st.sampled_from([None, 4, Fraction(1, 3)]),
    st.integers(0, 2**32),
)
def test_psnr_on_integers(dtype, shape, border, peak, seed):
    """Of values whose squared differences add up exactly, the ratio is right to an ulp or two."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, 200, shape).astype(dtype) for _ in range(2))
    inside = [a[..., border : shape[2] - border, border : shape[3] - border] for a in (x, y)]
    inside[1].flat[0] = inside[0].flat[0] + 1
    y[..., border, border] = x[..., border, border] + 1
    expected = exact_psnr(*(a.ravel().tolist() for a in inside), peak or PEAKS[dtype])
    got = psnr(x, y, peak=peak, border=border)
    assert got == pytest.approx(expected, rel=1e-14, abs=1e-13)
    assert psnr(y, x, peak=peak, border=border) == got


def test_psnr_by_hand():
    x = np.array([[[1, 2], [3, 4]]], np.uint8)
    assert psnr(x, x) == math.inf
    y = np.array([[[2, 2], [3, 4]]], np.uint8)  # smaller minus larger: no wrapping round
    assert psnr(x, y) == psnr(y, x) == pytest.approx(10 * math.log10(255**2 * 4), rel=1e-14)
    assert psnr(x + 0.0, y + 0.0, peak=10) == pytest.approx(10 * math.log10(400), rel=1e-14)
    assert math.isnan(psnr(x / 1.0, x * np.nan))
    assert psnr(x / 1.0, np.where(x == 1, np.inf, x)) == -math.inf


def test_scikit_image_agrees():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (3, 30, 40), np.uint8)
    y = np.clip(x + rng.integers(-40, 41, x.shape), 0, 255).astype(np.uint8)
    ours = compare(x, y, border=4)
    inner = np.s_[:, 4:-4, 4:-4]
    assert ours.psnr == pytest.approx(
        metrics.peak_signal_noise_ratio(x[inner], y[inner]), rel=1e-13
    )
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = metrics.structural_similarity(x[inner], y[inner], channel_axis=0, **gaussian)
    assert ours.ssim == pytest.approx(theirs, rel=1e-6)


def test_compare_is_psnr_and_ssim():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 3, 14, 15)), rng.random((2, 3, 14, 15))
    for window in ("gaussian", None):
        got = compare(x, y, peak=2, border=1, window=window)
        inner = np.s_[..., 1:-1, 1:-1]
        similarity = dr.ssim(x[inner], y[inner], data_range=2.0, window=window)
        assert got == (psnr(x, y, peak=2, border=1), float(similarity))
    assert compare(x[0], x[0]) == (math.inf, 1.0)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_does_not_matter(layout):
    rng = np.random.default_rng(0)
    x, y = (layout(rng.random((1, 12, 13), np.float32)) for _ in range(2))
    plain = [np.array(a, order="C", subok=False) for a in (x, y)]
    assert compare(x, y) == compare(*plain)


X = np.zeros((1, 12, 14))


@pytest.mark.parametrize("function", [psnr, compare])
@pytest.mark.parametrize(
    ("x", "y", "parameters", "error", "text"),
    [
        (X, X[:, 1:], {}, ShapeError, r"y must be of shape \(1, 12, 14\), got shape \(1, 11, 14\)"),
        (X[0], X[0], {}, ShapeError, r"x must be \(..., C, H, W\)"),
        (X, X.astype(np.float32), {}, DTypeError, "y must be float64, as x is, got float32"),
        (X.astype(int), X, {}, DTypeError, "x must be a NumPy array of .* got int64"),
        (X, 3.0, {}, DTypeError, "y must be a NumPy array of .* got float"),
        (X, X, {"peak": 0}, ParameterError, "peak must be a finite number above 0, got 0"),
        (X, X, {"border": -1}, ParameterError, "border must be an int of at least 0, got -1"),
        (X, X, {"border": 6}, ShapeError, "border must be less than half of 12, .* got 6"),
    ],
)
def test_errors(function, x, y, parameters, error, text):
    with pytest.raises(error, match=f"^{function.__name__}: {text}"):
        function(x, y, **parameters)


def test_a_window_needs_room():
    with pytest.raises(ShapeError, match="ssim"):
        compare(X, X, border=1)
    assert compare(X, X, border=1, window=None).ssim == 1
