"""Tiles give what the whole image gives, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deconv_ref as dr
from deconv_ref.errors import DTypeError, ParameterError, ShapeError
from deconv_ref.imaging import apply_tiled, gaussian_blur

RANDOM = np.random.default_rng(0)
FIRST = RANDOM.standard_normal((4, 2, 5, 3), np.float32)
SECOND = RANDOM.standard_normal((3, 4, 3, 3), np.float32)
THIRD = RANDOM.standard_normal((3, 1, 4, 4), np.float32)
RADIUS = 2 + 2 + 1  # of the rows: 5 taps, 3 taps dilated by 2, and one cell to each side


def upscaler(x):
    """Convolutions, one dilated, each with another padding, and a transposed one: (1, 2H, 2W)."""
    x = dr.relu(dr.conv(dr.pad(x[None], ((2, 2), (1, 1)), mode="replicate"), FIRST))
    x = dr.tanh(dr.conv(x, SECOND, padding=2, dilation=2))
    return dr.conv_transpose(x, THIRD, stride=2, padding=1)[0]


def downscaler(x):
    """Pool, convolve on the coarser grid, and enlarge again: (2, H, W), H and W even."""
    pooled = dr.max_pool(x[None], 2).y
    weight = SECOND[:2, :2] / 4
    return dr.upsample(dr.conv(pooled, weight, padding=1), 2)[0]


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.integers(7, 35),
    st.integers(RADIUS, RADIUS + 3),
    st.integers(0, 2**32),
)
def test_tiles_give_what_the_whole_gives(size, tile, overlap, seed):
    x = np.random.default_rng(seed).standard_normal((2, *size), np.float32)
    seen = []

    def watched(patch):
        seen.append(max(patch.shape[1:]))
        return upscaler(patch)

    y = apply_tiled(watched, x, tile=tile, overlap=overlap, scale=2)
    np.testing.assert_array_equal(y, upscaler(x), strict=True)
    assert max(seen) <= tile + 2 * overlap
    assert len(seen) == -(-size[0] // tile) * -(-size[1] // tile)


@pytest.mark.parametrize("overlap", range(RADIUS))
def test_a_smaller_overlap_is_seen(overlap):
    x = RANDOM.standard_normal((2, 40, 30), np.float32)
    y = apply_tiled(upscaler, x, tile=16, overlap=overlap, scale=2)
    whole = upscaler(x)
    assert (y != whole).any()
    far = RADIUS - overlap  # from the seam between the tiles, as far as it can be seen
    np.testing.assert_array_equal(
        y[:, : 2 * (16 - far), : 2 * (16 - far)], whole[:, : 2 * (16 - far), : 2 * (16 - far)]
    )


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.integers(3, 14),
    st.integers(1, 3),
    st.integers(0, 2**32),
)
def test_grids_of_tiles_lie_on_that_of_the_image(halves, tile, overlap, seed):
    x = np.random.default_rng(seed).standard_normal((2, *(2 * n for n in halves)), np.float32)
    y = apply_tiled(downscaler, x, tile=2 * tile, overlap=2 * overlap)
    np.testing.assert_array_equal(y, downscaler(x), strict=True)


def test_another_grid_is_refused():
    """The first patch of such tiles has an odd size, of which pooling loses a row."""
    x = RANDOM.standard_normal((2, 26, 26), np.float32)
    with pytest.raises(ShapeError, match=r"got shape \(2, 10, 10\) for .* shape \(2, 11, 11\)"):
        apply_tiled(downscaler, x, tile=8, overlap=3)


def test_tiles_of_one_cell():
    x = RANDOM.standard_normal((2, 3, 4), np.float32)
    y = apply_tiled(upscaler, x, tile=1, overlap=RADIUS, scale=2)
    np.testing.assert_array_equal(y, upscaler(x), strict=True)


def test_any_dtype_and_function():
    x = RANDOM.integers(0, 256, (1, 17, 23), np.uint8)
    y = apply_tiled(lambda patch: np.repeat(patch, 3, 0), x, tile=5, overlap=0)
    np.testing.assert_array_equal(y, np.repeat(x, 3, 0), strict=True)
    x = RANDOM.random((3, 31, 26))
    y = apply_tiled(lambda patch: gaussian_blur(patch, 0.5), x, tile=7, overlap=2)
    np.testing.assert_array_equal(y, gaussian_blur(x, 0.5), strict=True)


X = np.zeros((2, 8, 8))


def growing():
    calls = iter(range(1, 10))
    return lambda patch: np.zeros((next(calls), *patch.shape[1:]))


@pytest.mark.parametrize(
    ("function", "x", "parameters", "error", "text"),
    [
        (abs, X.tolist(), {}, DTypeError, "x must be a NumPy array, got list"),
        (
            abs,
            X[0],
            {},
            ShapeError,
            r"x must be \(C, H, W\) without empty axes, got shape \(8, 8\)",
        ),
        (abs, X[:, :0], {}, ShapeError, "without empty axes"),
        (abs, X, {"tile": 0}, ParameterError, "tile must be an int of at least 1, got 0"),
        (abs, X, {"overlap": -1}, ParameterError, "overlap must be an int of at least 0, got -1"),
        (abs, X, {"scale": 1.5}, ParameterError, "scale must be an int of at least 1, got 1.5"),
        (abs, X, {"scale": 2}, ShapeError, r"\(C', 2 \* H, 2 \* W\), .* got shape \(2, 5, 5\) for"),
        (
            lambda x: x[0],
            X,
            {},
            ShapeError,
            r"got shape \(5, 5\) for an image of shape \(2, 5, 5\)",
        ),
        (lambda x: x[:0], X, {}, ShapeError, r"got shape \(0, 5, 5\)"),
        (lambda x: x.tolist(), X, {}, DTypeError, r"function\(x\) must be a NumPy array, got list"),
        (growing(), X, {}, ShapeError, r"got shape \(2, 5, 5\)"),
    ],
)
def test_errors(function, x, parameters, error, text):
    with pytest.raises(error, match=f"apply_tiled: .*{text}"):
        apply_tiled(function, x, **{"tile": 4, "overlap": 1, **parameters})
