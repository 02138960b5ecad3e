"""Troubles that the documents name: each is there, and its remedy removes it."""

import numpy as np
import pytest
from oracles import Pairs

from deconv_ref import nn
from deconv_ref.documents import (
    border_level,
    checkerboard,
    errors_on_other_images,
    overlaps,
    restoration_errors,
    signal_after,
    system_c,
    system_e,
)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 2), (4, 2), (5, 2), (2, 3), (7, 3)])
def test_overlaps_count_pairs_of_a_tap_and_a_position(kernel, stride):
    """Counted far from the border, on one axis, by a window that slides over cells."""
    n = 10 * stride * kernel
    counts = np.zeros(n, int)
    for _, cell, _ in Pairs((n,), (kernel,), (stride,), (1,), "valid").triples:
        counts[cell] += 1
    middle = n // 2 // stride * stride
    line = counts[middle : middle + stride]
    np.testing.assert_array_equal(overlaps(kernel, stride), np.outer(line, line))
    assert (np.ptp(line) == 0) == (kernel % stride == 0)


def test_checkerboards_and_what_removes_them():
    assert checkerboard(nn.ConvTranspose(1, 4, 2, 1)) == pytest.approx(0.72, abs=0.01)
    assert checkerboard(nn.ConvTranspose(1, 4, 2, 1, weight_initializer="bilinear")) == 0
    even = {"weight_initializer": nn.Constant(0.25)}  # what overlaps alone do
    assert checkerboard(nn.ConvTranspose(1, 3, 2, 1, **even)) == 0.75
    assert checkerboard(nn.ConvTranspose(1, 5, 2, 1, **even)) == pytest.approx(5 / 9)
    assert checkerboard(nn.ConvTranspose(1, 4, 2, 1, **even)) == 0
    assert checkerboard(nn.Conv(4, 3), nn.PixelShuffle(2)) > 0.1
    icnr = nn.Conv(4, 3, weight_initializer=nn.Icnr(2))
    assert checkerboard(icnr, nn.PixelShuffle(2)) == 0
    assert checkerboard(nn.Upsample(2), nn.Conv(1, 3)) == 0


def test_borders_keep_their_level():
    blur = {"padding": "same", "weight_initializer": nn.Constant(1 / 9)}
    assert border_level(nn.Conv(1, 3, **blur)) == pytest.approx(4 / 9)
    for mode in ("replicate", "reflect", "circular"):
        assert border_level(nn.Conv(1, 3, **blur, padding_mode=mode)) == pytest.approx(1)
    assert border_level(nn.ConvTranspose(1, 4, 2, 1, weight_initializer="bilinear")) == 9 / 16

    first = system_e(1, dtype="float64").layers[:2]
    assert border_level(*first) == 1
    ones = np.ones((1, 1, 6, 7), np.float32)
    flat = system_e(1).predict(ones)
    np.testing.assert_allclose(flat, np.full((1, 1, 12, 14), flat[0, 0, 6, 6]), rtol=1e-5)
    maps = system_c().layers[0].forward(np.ones((1, 3, 5, 6), np.float32))
    assert np.ptp(maps, axis=(2, 3)).max() < 1e-5
    printed = system_e(1, as_printed=True).predict(ones)
    assert np.ptp(printed) > 0.1 * abs(printed).max()


def test_noise_is_amplified_by_the_inverse_alone():
    errors = restoration_errors(0.01)
    blurred = errors.pop("blurred")
    assert blurred == pytest.approx(0.23, abs=0.005)
    assert errors.pop("inverse_filter") == pytest.approx(11_751, rel=1e-3)
    assert errors.keys() == {"wiener", "richardson_lucy"}
    assert all(error == pytest.approx(0.16, abs=0.005) for error in errors.values())
    assert restoration_errors(0.01) != restoration_errors(0.01, seed=1)


def test_he_weights_keep_signals_level():
    assert signal_after("he_normal") == pytest.approx(0.17, abs=0.01)
    assert signal_after("he_uniform") == pytest.approx(0.51, abs=0.01)
    assert signal_after(nn.Normal(deviation=0.05)) == pytest.approx(6e-9, rel=0.01)
    assert signal_after(nn.Normal(deviation=0.2)) == pytest.approx(6600, rel=0.01)


def test_penalties_lower_errors_on_other_images():
    free, held, sparse = map(errors_on_other_images, (None, nn.L2(0.05), nn.L1(0.03)))
    assert free == pytest.approx((0.02, 0.78), abs=0.005)
    assert held == pytest.approx((0.04, 0.36), abs=0.005)
    assert sparse == pytest.approx((0.07, 0.20), abs=0.005)
