"""Degradations: exact where nothing is drawn, and of the right chances where something is."""

import io
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter
from PIL import Image
from scipy import fft, ndimage

from deconv_ref.errors import DTypeError, ParameterError, ShapeError
from deconv_ref.imaging import (
    change_contrast,
    cut_holes,
    darken,
    degrade,
    downsample,
    gaussian_blur,
    gaussian_noise,
    imresize,
    jpeg,
    jpeg_quantize,
    salt_and_pepper,
)

DTYPES = (np.float32, np.float64)


def random(seed=0):
    return np.random.default_rng(seed)


def assert_within(count, trials, chance, sigmas=5):
    """Ask for a count that chance gives all but once in a million times."""
    deviation = math.sqrt(trials * chance * (1 - chance))
    assert abs(count - trials * chance) <= sigmas * deviation


# --- noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_noise_has_the_moments_of_its_name(dtype):
    x, sigma = np.full((2, 3, 100, 100), 0.5, dtype), 0.25
    noise = gaussian_noise(x, sigma, random()).astype(np.float64) - 0.5
    n = noise.size
    assert noise.max() > 1 - 0.5  # not clipped
    assert abs(noise.mean()) <= 5 * sigma / math.sqrt(n)
    assert abs((noise**2).mean() / sigma**2 - 1) <= 5 * math.sqrt(2 / n)
    assert abs((noise**3).mean() / sigma**3) <= 5 * math.sqrt(15 / n)
    assert abs((noise**4).mean() / sigma**4 - 3) <= 5 * math.sqrt(96 / n)
    for shifted in (noise[:, 1:] * noise[:, :-1], noise[..., 1:] * noise[..., :-1]):
        assert abs(shifted.mean()) <= 5 * sigma**2 / math.sqrt(shifted.size)


def test_salt_and_pepper_replaces_whole_pixels():
    x = random().random((2, 3, 90, 100)) / 2 + 0.25
    y = salt_and_pepper(x, 0.3, random())
    salt, pepper = (y == 1).all(axis=1), (y == 0).all(axis=1)
    np.testing.assert_array_equal(y, np.where(salt[:, None], 1, np.where(pepper[:, None], 0, x)))
    assert (salt[0] != salt[1]).any()
    for found in (salt, pepper):
        assert_within(found.sum(), found.size, 0.15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ends_of_salt_and_pepper(dtype):
    x = np.full((1, 20, 20), 0.5, dtype)
    np.testing.assert_array_equal(salt_and_pepper(x, 0, random()), x, strict=True)
    assert set(np.unique(salt_and_pepper(x, 1, random()))) == {0.0, 1.0}
    np.testing.assert_array_equal(gaussian_noise(x, 0, random()), x, strict=True)


@pytest.mark.parametrize(
    "degrade",
    [
        lambda x, rng: gaussian_noise(x, 0.1, rng),
        lambda x, rng: salt_and_pepper(x, 0.5, rng),
        lambda x, rng: cut_holes(x, 3, 2, rng).image,
    ],
)
def test_a_generator_decides_everything(degrade):
    x, rng = random(1).random((1, 12, 13)), random()
    first, second = degrade(x, rng), degrade(x, rng)
    np.testing.assert_array_equal(first, degrade(x, random()))
    assert (first != second).any()


# --- blur and sampling ---------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.floats(0.2, 4), st.integers(0, 2**32))
def test_blur_agrees_with_scipy(size, sigma, seed):
    x = random(seed).random((2, 2, *size))
    radius = math.ceil(4 * sigma)
    theirs = ndimage.gaussian_filter(x, sigma, mode="reflect", radius=radius, axes=(-2, -1))
    np.testing.assert_allclose(gaussian_blur(x, sigma), theirs, rtol=0, atol=1e-14)


def test_blur_of_an_impulse_by_hand():
    """Weights 1, exp(-2), exp(-8) and smaller ones, of sigma 1/2, in both directions."""
    x = np.zeros((1, 5, 5))
    x[0, 2, 2] = 1
    weights = np.array([math.exp(-2 * t * t) for t in range(-2, 3)])
    weights /= weights.sum()
    np.testing.assert_allclose(gaussian_blur(x, 0.5)[0], np.outer(weights, weights), rtol=1e-14)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_downsample(factor):
    x = random().random((3, 13, 17))
    cropped = x[:, : 13 - 13 % factor, : 17 - 17 % factor]
    y = downsample(x, factor)
    np.testing.assert_array_equal(y, imresize(cropped, 1 / factor), strict=True)
    assert y.shape == (3, 13 // factor, 17 // factor)


# --- light ---------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 8), st.integers(0, 2**32))
def test_contrast_is_exact_on_eighths(eighths, seed):
    levels = random(seed).integers(0, 9, (1, 3, 4))
    middle, factor = Fraction(1, 2), Fraction(eighths, 4)
    exact = [min(max(middle + factor * (Fraction(int(v), 8) - middle), 0), 1) for v in levels.flat]
    for dtype in DTYPES:
        got = change_contrast((levels / 8).astype(dtype), eighths / 4)
        expected = np.array(exact, dtype=object).astype(dtype).reshape(levels.shape)
        np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_darkness(dtype):
    x = np.array([[[0, 0.25, 0.5, 1]]], dtype)
    np.testing.assert_array_equal(darken(x, 0.5), x / 2, strict=True)
    np.testing.assert_array_equal(darken(x, 1, gamma=2), x * x, strict=True)
    np.testing.assert_array_equal(darken(x, 0.25, gamma=3), x * x * x / 4, strict=True)


# --- holes ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(0, 4),
    st.data(),
    st.integers(0, 2**32),
)
def test_holes_are_squares_and_nothing_else_changes(size, count, data, seed):
    side = data.draw(st.integers(1, min(size)))
    x = random(seed).random((2, 3, *size)) + 1
    image, mask = cut_holes(x, count, side, random(seed), fill=0.25)
    assert mask.shape == (2, 1, *size)
    np.testing.assert_array_equal(image, np.where(mask, 0.25, x), strict=True)
    for one in mask[:, 0]:
        corners = np.lib.stride_tricks.sliding_window_view(one, (side, side)).all(axis=(2, 3))
        squares = np.zeros_like(one)
        for top, left in np.argwhere(corners):
            squares[top : top + side, left : left + side] = True
        np.testing.assert_array_equal(one, squares)
        assert (one.sum() > 0) == (count > 0)
        assert one.sum() <= count * side * side


def test_every_place_of_a_hole_is_as_likely():
    x = np.ones((6000, 1, 4, 5), np.float32)
    mask = cut_holes(x, 1, 2, random()).mask[:, 0]
    places = np.lib.stride_tricks.sliding_window_view(mask, (2, 2), axis=(1, 2)).all(axis=(3, 4))
    counts = places.sum(axis=0)
    assert counts.shape == (3, 4)
    for count in counts.flat:
        assert_within(count, 6000, 1 / 12)


# --- JPEG ----------------------------------------------------------------------------------------


def libjpeg(levels, quality):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    steps = np.empty(64, int)
    with Image.open(file) as image:
        steps[:] = image.quantization[0]  # Pillow has undone the zigzag
        return np.asarray(image).astype(int), steps.reshape(8, 8)


@pytest.mark.parametrize("quality", [1, 5, 20, 49, 50, 51, 75, 95, 100])
def test_libjpeg_agrees(quality):
    """To a level, where no frequency is so near to the middle of a step that rounding decides."""
    levels = random(quality).integers(0, 256, (80, 96), np.uint8)
    theirs, steps = libjpeg(levels, quality)
    ours = np.rint(255 * jpeg_quantize(levels[None] / 255, quality))[0].astype(int)
    certain = 0
    for top, left in np.ndindex(10, 12):
        block = np.s_[8 * top : 8 * top + 8, 8 * left : 8 * left + 8]
        share = fft.dctn(levels[block] - 128.0, norm="ortho") / steps
        if (np.abs(np.abs(share - np.floor(share)) - 0.5) > 0.15 / steps).all():
            certain += 1
            assert np.abs(ours[block] - theirs[block]).max() <= 1
    assert certain >= 10 or quality > 75
    assert np.abs(ours - theirs).mean() < 0.6


def test_quality_100_of_a_grey_block_loses_nothing():
    for level in range(0, 256, 5):
        x = np.full((1, 8, 8), level / 255)
        np.testing.assert_array_equal(jpeg_quantize(x, 100), x)


def test_blocks_are_apart_and_borders_are_continued():
    x = np.rint(255 * random().random((2, 21, 13))) / 255
    y = jpeg_quantize(x, 30)
    np.testing.assert_array_equal(y[:, 8:16, :8], jpeg_quantize(x[:, 8:16, :8], 30))
    wide = np.pad(x, ((0, 0), (0, 3), (0, 3)), "edge")
    np.testing.assert_array_equal(y, jpeg_quantize(wide, 30)[:, :21, :13])
    np.testing.assert_array_equal(y[1:], jpeg_quantize(x[1:], 30))


# --- all of them ---------------------------------------------------------------------------------

CALLS = {
    "gaussian_noise": lambda x: gaussian_noise(x, 0.1, random()),
    "salt_and_pepper": lambda x: salt_and_pepper(x, 0.5, random()),
    "gaussian_blur": lambda x: gaussian_blur(x, 0.7),
    "downsample": lambda x: downsample(x, 2),
    "change_contrast": lambda x: change_contrast(x, 0.5),
    "darken": lambda x: darken(x, 0.5, gamma=1.5),
    "cut_holes": lambda x: cut_holes(x, 2, 2, random()),
    "jpeg_quantize": lambda x: jpeg_quantize(x, 40),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_does_not_matter(call, layout):
    assert_layout_does_not_matter(call, layout, random().random((3, 5, 6)))
    assert_layout_does_not_matter(call, layout, random().random((3, 5, 6), np.float32))


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_image_is_refused(name):
    with pytest.raises(DTypeError, match=f"{name}: x must be float32 or float64, got uint8"):
        CALLS[name](np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(ShapeError, match=rf"{name}: x must be \(..., C, H, W\)"):
        CALLS[name](np.zeros((4, 4)))


def test_numbers_of_any_kind():
    """Small integers of NumPy do not overflow, and fractions are numbers."""
    x = random().random((1, 300, 9))
    np.testing.assert_array_equal(downsample(x, np.int8(2)), downsample(x, 2))
    np.testing.assert_array_equal(jpeg_quantize(x, np.uint8(60)), jpeg_quantize(x, 60))
    np.testing.assert_array_equal(gaussian_blur(x, Fraction(1, 2)), gaussian_blur(x, 0.5))
    np.testing.assert_array_equal(imresize(x, Fraction(1, 3)), imresize(x, 1 / 3))


X = np.full((1, 4, 6), 0.5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: gaussian_noise(X, -1, random()), "gaussian_noise: sigma must be .* at least 0"),
        (lambda: gaussian_noise(X, 1, 7), r"rng must be a NumPy Generator, got 7\. Pass np.random"),
        (lambda: salt_and_pepper(X, 1.5, random()), "amount must be .*at least 0 and of at most 1"),
        (lambda: salt_and_pepper(X, 0.5, None), "salt_and_pepper: rng must be a NumPy Generator"),
        (
            lambda: gaussian_blur(X, 0),
            "gaussian_blur: sigma must be a finite number above 0, got 0",
        ),
        (lambda: gaussian_blur(X, math.nan), "sigma must be a finite number above 0, got nan"),
        (lambda: downsample(X, 5), "modcrop: x must be .* of at least 5 rows and columns"),
        (lambda: downsample(X, 0), "downsample: factor must be an int of at least 1, got 0"),
        (lambda: change_contrast(X, -0.1), "change_contrast: factor must be"),
        (lambda: darken(X, 2), "darken: factor must be .* at most 1, got 2"),
        (lambda: darken(X, 1, gamma=0), "darken: gamma must be a finite number above 0"),
        (lambda: darken(-X, 1), "darken: x must be nowhere negative, got a minimum of -0.5"),
        (lambda: cut_holes(X, -1, 2, random()), "count must be an int of at least 0, got -1"),
        (lambda: cut_holes(X, 1, 5, random()), "side must be at most 4, the smaller side of x"),
        (lambda: cut_holes(X, 1, 1, random(), fill=math.inf), "fill must be a finite number, got"),
        (lambda: cut_holes(X, 1, 1, "0"), "cut_holes: rng must be a NumPy Generator"),
        (
            lambda: jpeg_quantize(X, 0),
            "an int of at least 1 and at most 100, got 0",
        ),
        (lambda: jpeg_quantize(X, 101), "of at least 1 and at most 100, got 101"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ParameterError, match=text):
        call()


def test_the_page_tells_of_all_degradations():
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    _, section = page.split("\n## Degradations\n")
    for name in (*degrade.__all__, *jpeg.__all__):
        assert name == "Holed" or f"\n| `{name}` | " in section, name
