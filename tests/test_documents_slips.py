"""What the documents' equations say, and why what slipped does not hold."""

from fractions import Fraction

import numpy as np
import pytest
from oracles import Pairs

import deconv_ref as dr
from deconv_ref import nn


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float64)


# A -----------------------------------------------------------------------------------------------


def test_a1_a_layer_is_convolution_bias_and_activation():
    x, weight, bias = integers(2, 3, 4, 5), integers(6, 3, 2, 3, seed=1), integers(6, seed=2)
    layer = nn.Sequential([nn.Conv(6, (2, 3)), nn.Relu()], dtype="float64")
    layer.build(x.shape[1:])
    layer.set_weights({"conv.weight": weight, "conv.bias": bias})
    matrix = Pairs((4, 5), (2, 3), (1, 1), (1, 1), "valid").matrix(weight, groups=1)
    sums = (x.reshape(2, -1) @ matrix.T).reshape(2, 6, 3, 3) + bias[:, None, None]
    np.testing.assert_array_equal(layer.predict(x), np.where(sums > 0, sums, 0))


def test_a_the_transpose_inverts_orthogonal_maps_alone():
    """Transposed after a convolution stands the matrix A'A, which is the identity for Haar's A."""
    x = integers(1, 1, 4, 6)
    signs = np.array([[1.0, 1], [1, -1]])
    haar = np.einsum("ai,bj->abij", signs, signs).reshape(4, 1, 2, 2) / 2
    for weight, orthogonal in ((haar, True), (integers(4, 1, 2, 2), False)):
        matrix = Pairs((4, 6), (2, 2), (2, 2), (1, 1), "valid").matrix(weight, groups=1)
        square = matrix.T @ matrix
        back = dr.conv_transpose(dr.conv(x, weight, stride=2), weight, stride=2)
        np.testing.assert_array_equal(back.ravel(), square @ x.ravel())
        assert np.array_equal(square, np.eye(24)) == orthogonal == np.array_equal(back, x)


def test_a_a_loss_for_an_output_misses_the_image():
    """As printed the loss of a loss is taken; it is least where the loss, not the image, is t."""
    target = np.array([[[1.0, 4.0, 9.0, 16.0]]])

    def printed(prediction):
        return dr.mse(dr.mse(prediction, target, reduction="none"), target)

    wrong = target + np.sqrt(target)
    assert printed(wrong) == 0 < printed(target)
    assert dr.mse(target, target) == 0 < dr.mse(wrong, target)


# B -----------------------------------------------------------------------------------------------


def test_b_the_kernel_is_rotated_and_its_channels_swapped():
    y, weight = integers(1, 3, 5, 5), integers(3, 2, 3, 3, seed=1)
    transposed = dr.conv_transpose(y, weight)
    matrix = Pairs((7, 7), (3, 3), (1, 1), (1, 1), "valid").matrix(weight, groups=1)
    np.testing.assert_array_equal(transposed.ravel(), matrix.T @ y.ravel())

    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    np.testing.assert_array_equal(dr.conv(y, turned, padding="full"), transposed)
    array = weight.transpose(1, 0, 3, 2)  # the kernel's own rows and columns, as printed
    for flip in (False, True):
        printed = dr.conv(y, array, padding="full", flip_kernel=flip)
        assert not np.array_equal(printed, transposed)


def test_b_deconvolution_is_how_gradients_reach_the_input():
    x, weight, grad_y = integers(2, 3, 6, 7), integers(4, 3, 3, 2, seed=1), integers(2, 4, 4, 6)
    gradients = dr.conv_backward(grad_y, x, weight)
    np.testing.assert_array_equal(dr.conv_transpose(grad_y, weight), gradients.x)
    other = dr.conv_backward(grad_y, 2 * x, weight)
    np.testing.assert_array_equal(other.x, gradients.x)  # no part of it comes from the image
    np.testing.assert_array_equal(other.weight, 2 * gradients.weight)


# C -----------------------------------------------------------------------------------------------


def test_c3_to_c5_are_the_activations():
    x = np.linspace(-4, 4, 33).reshape(1, 1, 33)
    up, down = np.exp(x), np.exp(-x)
    np.testing.assert_allclose(dr.sigmoid(x), 1 / (1 + down), rtol=1e-15)
    np.testing.assert_allclose(dr.tanh(x), (up - down) / (up + down), rtol=1e-14)
    np.testing.assert_array_equal(dr.relu(x), [[[max(0, value) for value in x[0, 0]]]])

    def printed(x):
        return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))

    large, small = np.full((1, 1, 1), 89, np.float32), np.full((1, 1, 1), 1e-9, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(printed(large)) and printed(small) == 0
    assert dr.tanh(large) == 1 and dr.tanh(small) == small


def moments(image):
    values = [Fraction(int(value)) for value in image.ravel()]
    mean = sum(values) / len(values)
    return mean, [value - mean for value in values]


def test_c7_takes_variances_not_deviations():
    x, y = integers(1, 1, 5, 6), integers(1, 1, 5, 6, seed=1)
    (mean_x, dx), (mean_y, dy) = moments(x), moments(y)
    var_x, var_y, cov = (
        sum(a * b for a, b in zip(*pair, strict=True)) / 30
        for pair in ((dx, dx), (dy, dy), (dx, dy))
    )
    c1, c2 = Fraction(4, 100) ** 2, Fraction(12, 100) ** 2  # of a data range of 4

    def c7(square_x, square_y):
        above = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
        return float(above / ((mean_x**2 + mean_y**2 + c1) * (square_x + square_y + c2)))

    got = float(dr.ssim(x, y, data_range=4.0))
    assert got == pytest.approx(c7(var_x, var_y), rel=1e-12)
    assert got != pytest.approx(c7(var_x**2, var_y**2), rel=0.1)


def test_c_unpooling_needs_the_recorded_places():
    x = abs(integers(1, 2, 4, 6)) + np.arange(48).reshape(1, 2, 4, 6) / 64 + 1  # positive, no ties
    y, indices = dr.max_pool(x, 2)
    back = dr.max_unpool(y, indices, x.shape)
    np.testing.assert_array_equal(dr.max_pool(back, 2).y, y)
    np.testing.assert_array_equal(back[back > 0], x[back > 0])
    assert (back > 0).sum() == y.size

    printed = dr.avg_pool(y, 2)  # makes the image smaller still
    assert printed.shape == (1, 2, 1, 1) != x.shape
    spread = dr.avg_unpool(y, 2)  # each maximum in all four places, right in one
    assert spread.shape == x.shape and (spread == x).sum() == y.size


def test_c_an_image_for_its_own_target_teaches_the_identity():
    sound = np.zeros((1, 3, 6, 7), np.float32)
    damaged = sound.copy()
    damaged[:, :, ::3, ::2] = 1
    identity = nn.Sequential([nn.Conv(3, 1, use_bias=False, weight_initializer="zeros")])
    identity.build(sound.shape[1:])
    identity.set_weights({"conv.weight": np.eye(3, dtype=np.float32)[:, :, None, None]})
    identity.compile("adam", "mse")
    assert identity.evaluate(damaged, damaged)["loss"] == 0
    assert identity.evaluate(damaged, sound)["loss"] == pytest.approx(damaged.mean())


def test_c_similarity_is_largest_for_equal_images():
    x, options = integers(1, 1, 6, 7), {"data_range": 18.0}
    for other in (-x, integers(1, 1, 6, 7, seed=1), np.zeros_like(x)):
        assert dr.ssim(x, other, **options) < dr.ssim(x, x, **options) == 1
        assert dr.ssim_loss(x, other, **options) > dr.ssim_loss(x, x, **options) == 0


def test_c_levels_are_rounded_not_cut_off(tmp_path):
    pytest.importorskip("PIL")
    from deconv_ref.imaging import read_image, write_image

    levels = np.linspace(0, 1, 255 * 3 + 1).reshape(1, 1, -1)  # thirds of a step
    path = tmp_path / "levels.png"
    write_image(path, levels)
    written = 255 * read_image(path) - 255 * levels
    cut = (levels * 255).astype("uint8") - levels * 255
    assert abs(written).max() == pytest.approx(1 / 3, abs=1e-4)
    assert abs(written.mean()) < 1e-3
    assert cut.min() < -0.66 and cut.mean() < -0.32


# D -----------------------------------------------------------------------------------------------


def test_d_upsampling_is_the_adjoint_of_pooling():
    x, y = integers(1, 2, 6, 9), integers(1, 2, 3, 3, seed=1)
    up, down = dr.upsample(y, (2, 3)), dr.avg_pool(x, (2, 3))
    assert up.shape == x.shape and down.shape == y.shape
    assert (up * x).sum() == pytest.approx(6 * (y * down).sum(), rel=1e-14)
    np.testing.assert_array_equal(dr.max_pool(up, (2, 3)).y, y)


def test_d_accuracy_of_grey_pixels_says_nothing():
    target = np.random.default_rng(0).uniform(0.4, 0.6, size=(1, 1, 8, 8))
    black_and_white = np.where(target > 0.5, 1.0, 0.0)
    assert nn.BinaryAccuracy()(black_and_white, target) == 1
    near = np.where(target > 0.5, 0.499, 0.501)
    assert nn.BinaryAccuracy()(near, target) == 0
    assert nn.Psnr()(near, target) > nn.Psnr()(black_and_white, target)


def test_d_probabilities_that_round_to_0_stop_training():
    logits, target = np.array([[200.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    probabilities = dr.softmax(logits)
    with np.errstate(all="ignore"):
        assert dr.categorical_cross_entropy(probabilities, target) == np.inf
        gradient = dr.categorical_cross_entropy_backward(probabilities, target)
        assert np.isnan(dr.softmax_backward(gradient, logits)).any()
    assert dr.softmax_cross_entropy(logits, target) == 200
    together = dr.softmax_cross_entropy_backward(logits, target)
    np.testing.assert_array_equal(together, [[1, -1]])

    pixel, dark = np.full((1, 1, 1, 1), 20, np.float32), np.zeros((1, 1, 1, 1), np.float32)
    assert dr.sigmoid(pixel) == 1
    assert dr.binary_cross_entropy(dr.sigmoid(pixel), dark) == np.inf
    assert dr.binary_cross_entropy_with_logits(pixel, dark) == 20


# E -----------------------------------------------------------------------------------------------


def test_e_undoing_divides_by_the_spectrum():
    x = integers(1, 1, 9, 8)
    psf = np.array([[0, 0.1, 0], [0.1, 0.6, 0.1], [0, 0.1, 0]])
    blurred = dr.fft_convolve(x, psf, boundary="circular")
    twice = dr.fft_convolve(blurred, psf, boundary="circular")
    assert abs(twice - x).max() > abs(blurred - x).max() > 1
    np.testing.assert_allclose(dr.inverse_filter(blurred, psf), x, atol=1e-12)
    placed = np.zeros((9, 8))
    placed[:3, :3] = psf
    spectrum = np.fft.fft2(np.roll(placed, (-1, -1), (0, 1)))
    quotient = np.fft.ifft2(np.fft.fft2(blurred[0, 0]) / spectrum).real
    np.testing.assert_allclose(quotient, x[0, 0], atol=1e-12)


def test_e_the_stride_enlarges():
    x, weight = integers(1, 3, 5, 4), integers(3, 3, 4, 4, seed=1)
    assert dr.fft_convolve(x, weight[0, 0]).shape == x.shape
    y = dr.conv_transpose(x, weight, stride=2, padding=1)
    assert y.shape == (1, 3, 10, 8)
    apart = np.zeros((1, 3, 9, 7))
    apart[:, :, ::2, ::2] = x
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    np.testing.assert_array_equal(dr.conv(apart, turned, padding=2), y)
