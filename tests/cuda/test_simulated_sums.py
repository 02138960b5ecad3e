"""Sums over channels, and what goes by indices, in the simulator against the literal kernels."""

import numpy as np
import pytest
from numba import cuda

from deconv_ref.cuda import channels
from deconv_ref.cuda.arrays import taken
from deconv_ref.ops.convolution import cuda as tuned_convolution
from deconv_ref.ops.convolution import literal as convolution
from deconv_ref.ops.normalization import cuda as tuned_normalization
from deconv_ref.ops.normalization import literal as normalization
from deconv_ref.ops.pooling import cuda as tuned_pooling
from deconv_ref.ops.pooling import cuda_places
from deconv_ref.ops.pooling import literal as pooling
from deconv_ref.window import pool_window

SHAPES = (
    (3, 2, 50),
    (40, 3, 1),
    (5, 3, 7),
    (1, 1, 131),
)  # rows, columns, neither, one


def there(*arrays):
    return [taken(cuda.to_device(array)) for array in arrays]


def assert_same(got, expected):
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.copy_to_host(), other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_over_channels_are_exact_on_integers(shape, dtype):
    rng = np.random.default_rng(0)
    x, grad_y = rng.integers(-8, 9, (2, *shape)).astype(dtype)
    gamma, mean = rng.integers(-2, 3, (2, shape[1])).astype(np.float64)
    inv_std = 2.0 ** rng.integers(-2, 3, shape[1])
    given = grad_y, x, gamma.astype(dtype), mean, inv_std
    for training in (True, False):
        got = tuned_normalization.gradients(*there(*given), training)
        expected = normalization.gradients(*given, training)
        assert_same(got[1:], expected[1:])
    assert_same(got[:1], expected[:1])
    grad = grad_y[:, :, None, None]
    assert_same([tuned_convolution.bias_gradient(*there(grad))], [convolution.bias_gradient(grad)])


@pytest.mark.parametrize("shape", SHAPES)
def test_statistics_are_as_good_as_float64_allows(shape):
    x = np.random.default_rng(1).standard_normal(shape) + 1000
    mean, var = (part.copy_to_host() for part in tuned_normalization.statistics(*there(x)))
    unit = x[:, 0].size * 2.0**-52
    np.testing.assert_allclose(mean, x.mean((0, 2)), rtol=unit)
    np.testing.assert_allclose(var, x.var((0, 2)), rtol=100 * unit)


def test_long_channels_are_cut_by_shape_alone():
    x = np.ones((1, 2, 300), np.float32)
    sums = channels.channel_sums(tuned_normalization.value, *there(x)).copy_to_host()
    assert sums.shape[1] > 1
    np.testing.assert_array_equal(sums[0].sum(0), [300, 300])


def pooled(size, kernel, stride, padding):
    """Give a window, an input full of ties, and what it is pooled to."""
    window = pool_window("max_pool", size, kernel, stride, padding, 1, ceil_mode=False).volume()
    x = np.random.default_rng(2).integers(-2, 3, (2, 2, *window.input_size)).astype(np.float32)
    x[0, 0, 0, 0, 0] = np.nan
    return window, x, pooling.max_pool(x, window)


POOLS = (
    ((5, 4), (3, 3), 1, 1),  # up to nine positions of one cell
    ((7,), (2,), 3, 0),  # gaps
    ((5, 4), (2, 3), (3, 2), [(1, 0), (0, 1)]),
)


@pytest.mark.parametrize("case", POOLS)
def test_pooling_by_indices_has_the_bits_of_the_equations(case):
    window, x, (y, indices) = pooled(*case)
    assert_same(tuned_pooling.max_pool(*there(x), window), (y, indices))
    flat, cells = indices.reshape(2, 2, -1), int(np.prod(window.input_size))
    flat[0, 0, -1] = -1
    rng = np.random.default_rng(3)
    values, grad = rng.standard_normal(flat.shape), rng.standard_normal((2, 2, cells))
    for name, *operands in (
        ("max_pool_backward", values, flat, cells),
        ("max_unpool", values, flat, cells),
        ("max_unpool_backward", grad, flat),
    ):
        arrays, numbers = operands[:2], operands[2:]
        got = getattr(tuned_pooling, name)(*there(*arrays), *numbers)
        assert_same([got], [getattr(pooling, name)(*arrays, *numbers)])


def test_more_places_than_32_bits_count_are_left_to_the_literal_kernels(monkeypatch):
    monkeypatch.setattr(tuned_pooling, "NOBODY", 4)
    monkeypatch.setattr(tuned_pooling, "put_in_claimed", None)
    x, indices = np.ones((1, 1, 2)), np.array([[[3, 1]]])
    got = tuned_pooling.max_unpool(*there(x, indices), 4)
    np.testing.assert_array_equal(got.copy_to_host(), [[[0, 1, 0, 1]]])
    assert cuda_places.NOBODY == 2**31 - 1
