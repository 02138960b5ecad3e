"""Luma and chroma, on every colour there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter

from deconv_ref.errors import DTypeError, ShapeError
from deconv_ref.imaging import rgb2ycbcr, ycbcr2rgb

THOUSANDTHS = np.array([[65481, 128553, 24966], [-37797, -74203, 112000], [112000, -93786, -18214]])
OFFSET = np.array([16, 128, 128])[:, None, None]


def colours(red):
    """All colours of one level of red, (3, 256, 256)."""
    return np.stack([np.full((256, 256), red), *np.indices((256, 256))]).astype(np.uint8)


def test_every_colour_of_uint8_is_rounded_right():
    """Against integers, where a level is 255000 and halves go up."""
    black = np.tensordot(THOUSANDTHS, colours(0).astype(np.int64), 1) + 255_000 * OFFSET
    for red in range(256):
        rgb = colours(red)
        sums = black + red * THOUSANDTHS[:, :1, None]
        exact = (2 * sums + 255_000) // 510_000
        np.testing.assert_array_equal(rgb2ycbcr(rgb), exact.astype(np.uint8), strict=True)


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((0, 0, 255), (41, 240, 110)),
        ((255, 255, 0), (210, 16, 146)),
        ((0, 255, 255), (170, 166, 16)),
        ((255, 0, 255), (106, 202, 222)),
    ],
)
def test_the_bars_of_the_test_card(rgb, ycbcr):
    """100 % colour bars, as the standard's levels print them."""
    bar = np.array(rgb, np.uint8)[:, None, None]
    np.testing.assert_array_equal(rgb2ycbcr(bar)[:, 0, 0], ycbcr)
    back = ycbcr2rgb(np.array(ycbcr, np.uint8)[:, None, None])[:, 0, 0]
    assert np.abs(back.astype(int) - rgb).max() <= 2


def test_there_and_back_on_uint8_ends_near():
    """Half a level of each component moves a colour by at most 1.6, and is then rounded."""
    for red in range(0, 256, 15):
        rgb = colours(red)
        back = ycbcr2rgb(rgb2ycbcr(rgb))
        assert np.abs(back.astype(int) - rgb.astype(int)).max() <= 2


@settings(max_examples=100)
@given(st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32))
def test_there_and_back_on_floats(dtype, seed):
    x = np.random.default_rng(seed).random((2, 3, 4, 5), dtype)
    back = ycbcr2rgb(rgb2ycbcr(x))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, x, rtol=0, atol=12 * np.finfo(dtype).eps)


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_floats_are_levels_divided(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (3, 6, 7), np.uint8)
    levels = 255 * rgb2ycbcr(rgb / np.float64(255))
    assert np.abs(levels - rgb2ycbcr(rgb)).max() <= 0.5 + 1e-12
    ycbcr = np.random.default_rng(seed).integers(0, 256, (3, 6, 7), np.uint8)
    levels = 255 * ycbcr2rgb(ycbcr / np.float64(255))
    assert np.abs(levels - ycbcr2rgb(ycbcr)).max() <= 0.5 + 1e-12


def test_scikit_image_agrees():
    color = pytest.importorskip("skimage.color")
    x = np.random.default_rng(0).random((3, 30, 40))
    theirs = color.rgb2ycbcr(x, channel_axis=0)
    np.testing.assert_allclose(255 * rgb2ycbcr(x), theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ycbcr2rgb(theirs / 255), x, rtol=0, atol=1e-14)


def test_what_no_colour_has_is_clipped():
    x = np.array([255, 0, 255], np.uint8)[:, None, None]
    np.testing.assert_array_equal(ycbcr2rgb(x)[:, 0, 0], [255, 225, 20])
    np.testing.assert_array_equal(ycbcr2rgb(np.ones((3, 1, 1)))[[0, 2]], 1)


@pytest.mark.parametrize("convert", [rgb2ycbcr, ycbcr2rgb])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_does_not_matter(convert, layout):
    x = np.random.default_rng(0).random((3, 3, 3))
    assert_layout_does_not_matter(convert, layout, x)
    assert_layout_does_not_matter(convert, layout, (255 * x).astype(np.uint8))


@pytest.mark.parametrize("convert", [rgb2ycbcr, ycbcr2rgb])
def test_errors(convert):
    name = convert.__name__
    with pytest.raises(DTypeError, match=f"{name}: x must be .* uint8 .* got int64"):
        convert(np.zeros((3, 2, 2), np.int64))
    with pytest.raises(DTypeError, match=f"{name}: x must be .* got list"):
        convert([[[0.0]]] * 3)
    with pytest.raises(ShapeError, match=rf"{name}: .*\(..., 3, H, W\).*\(5, 6, 3\).*transpose"):
        convert(np.zeros((5, 6, 3)))
    with pytest.raises(ShapeError, match=r"got shape \(1, 2, 2\)\.$"):
        convert(np.zeros((1, 2, 2)))
