"""Initializers: ranges, moments, fans, and the two that interpolate."""

import math

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.nn.layer import generator

FANS = nn.Fans(72.0, 24.0)
NUMBER = 200_000


def drawn(initializer, fans=FANS, shape=(NUMBER,), seed=0):
    return initializer(shape, fans, generator(seed))


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [(nn.GlorotUniform(), 2 / 96), (nn.HeUniform(), 2 / 72)],
)
def test_uniform_values_fill_their_range(initializer, variance):
    values, limit = drawn(initializer), math.sqrt(3 * variance)
    assert -limit <= values.min() < -0.999 * limit
    assert 0.999 * limit < values.max() <= limit
    assert abs(values.mean()) < 6 * math.sqrt(variance / NUMBER)
    # The variance of a square of U(-l, l) is 4 l^4 / 45.
    assert abs(np.mean(values**2) - variance) < 6 * limit**2 * math.sqrt(4 / 45 / NUMBER)


@pytest.mark.parametrize(
    ("initializer", "mean", "deviation"),
    [
        (nn.GlorotNormal(), 0, math.sqrt(2 / 96)),
        (nn.HeNormal(), 0, math.sqrt(2 / 72)),
        (nn.Normal(3.0, 0.5), 3, 0.5),
    ],
)
def test_normal_values_have_their_moments(initializer, mean, deviation):
    z = (drawn(initializer) - mean) / deviation
    assert abs(z.mean()) < 6 / math.sqrt(NUMBER)
    assert abs(np.mean(z**2) - 1) < 6 * math.sqrt(2 / NUMBER)
    assert abs(np.mean(z**4) - 3) < 6 * math.sqrt(96 / NUMBER)


def test_constants():
    assert (drawn(nn.Zeros()) == 0).all()
    assert (drawn(nn.Ones()) == 1).all()
    assert (drawn(nn.Constant(-2.5)) == -2.5).all()


def test_a_seed_decides_the_values():
    first, second = drawn(nn.HeNormal(), seed=1), drawn(nn.HeNormal(), seed=1)
    np.testing.assert_array_equal(first, second)
    assert (first != drawn(nn.HeNormal(), seed=2)).all()


class Recorder(nn.Initializer):
    """Keeps the fans that it is given."""

    def _fill(self, shape, fans, random):
        Recorder.seen = fans
        return np.zeros(shape)


@pytest.mark.parametrize(
    ("layer", "shape", "fans"),
    [
        (nn.Dense(7, weight_initializer=Recorder()), (5,), (5, 7)),
        (nn.Conv(8, (3, 2), weight_initializer=Recorder()), (6, 9, 9), (36, 48)),
        (nn.Conv(8, (3, 2), 2, groups=2, weight_initializer=Recorder()), (6, 9, 9), (18, 24)),
        (nn.ConvTranspose(8, 4, 2, weight_initializer=Recorder()), (6, 9), (24, 32)),
        (nn.ConvTranspose(8, 4, 2, groups=2, weight_initializer=Recorder()), (6, 9), (12, 16)),
    ],
)
def test_fans_count_what_meets_and_what_leaves(layer, shape, fans):
    layer.build(shape)
    assert Recorder.seen == fans


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("groups", [1, 3])
def test_bilinear_enlarges_as_upsample_does(factor, groups):
    kernel, padding = 2 * factor - factor % 2, factor // 2
    layer = nn.ConvTranspose(
        3, kernel, factor, padding, groups=groups, weight_initializer="bilinear"
    )
    x = np.random.default_rng(10).normal(size=(2, 3, 5, 4))
    inside = (slice(None), slice(None), slice(factor, -factor), slice(factor, -factor))
    expected = dr.upsample(x, factor, mode="linear")
    y = layer.forward(x)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y[inside], expected[inside], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("axes", [1, 3])
def test_bilinear_takes_other_numbers_of_axes(axes):
    weight = nn.Bilinear()((2, 1) + (4,) * axes, nn.Fans(4, 4), generator(0))
    tent = np.array([0.25, 0.75, 0.75, 0.25])
    expected = tent if axes == 1 else np.einsum("i,j,k->ijk", tent, tent, tent)
    np.testing.assert_array_equal(weight, np.stack([expected[None]] * 2))


def test_bilinear_needs_as_many_filters_as_channels():
    layer = nn.ConvTranspose(2, 4, 2, weight_initializer=nn.Bilinear())
    with pytest.raises(dr.ParameterError, match="Bilinear: the initializer must be used where"):
        layer.build((3, 5))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", [nn.Conv, nn.ConvTranspose])
@pytest.mark.parametrize("factor", [2, (3, 2)])
def test_icnr_starts_as_nearest_neighbours(factor, kind, groups):
    block = math.prod(factor) if isinstance(factor, tuple) else factor**2
    icnr = nn.Icnr(factor, "he_normal")
    layer = kind(6 * block, 3, groups=groups, weight_initializer=icnr)
    small = kind(6, 3, groups=groups)
    x = np.random.default_rng(11).normal(size=(2, 4, 6, 5))
    layer.build((4, 6, 5), "float64")
    small.build((4, 6, 5), "float64")
    first = np.s_[::block] if kind is nn.Conv else np.s_[:, ::block]
    small.parameters["weight"][...] = layer.parameters["weight"][first]
    shuffled = nn.PixelShuffle(factor).forward(layer.forward(x))
    np.testing.assert_array_equal(shuffled, dr.upsample(small.forward(x), factor))


@pytest.mark.parametrize(
    ("layer", "got"),
    [
        (nn.Conv(6, 3, weight_initializer=nn.Icnr(2)), 6),
        (nn.ConvTranspose(6, 3, weight_initializer=nn.Icnr(2)), 6),
        (nn.Conv(8, 3, groups=4, weight_initializer=nn.Icnr(2)), 2),
        (nn.ConvTranspose(8, 3, groups=4, weight_initializer=nn.Icnr(2)), 2),
    ],
)
def test_icnr_needs_whole_blocks(layer, got):
    wanted = f"Icnr: the initializer must be .* 4 filters in each group, got {got}"
    with pytest.raises(dr.ParameterError, match=wanted):
        layer.build((4, 5, 5))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dense(8, weight_initializer=nn.Icnr(2)),
        nn.Conv(8, 3, bias_initializer=nn.Icnr(2)),
        nn.Prelu(slope_initializer=nn.Icnr(2)),
    ],
    ids=["dense", "bias", "slope"],
)
def test_icnr_is_for_convolutions(layer):
    with pytest.raises(dr.ParameterError, match=r"Icnr: .* used for the weight of a convolution"):
        layer.build((4, 5, 5))


def test_what_cannot_be_is_told():
    with pytest.raises(dr.ParameterError, match="Normal: deviation must be"):
        nn.Normal(0, -1)
    with pytest.raises(dr.ParameterError, match="Constant: value must be a finite number, got nan"):
        nn.Constant(math.nan)
