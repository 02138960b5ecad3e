"""The documents' equations and slips, numbered as in the ledger."""

import numpy as np
from oracles import Pairs, rotated

import deconv_ref as dr
from deconv_ref.window import conv_transpose_window, conv_window


def distinct(*shape):
    """Fill an array with numbers of which no two sums of a few are alike."""
    return (
        np.random.default_rng(len(shape))
        .permutation(3 ** np.arange(np.prod(shape)) % 1009)
        .reshape(shape)
        + 1.0
    )


def printed_sum(x, weight, bias, size, index):
    """Evaluate a sum over k and l (here m) as printed, 1-based; cells outside count nothing."""
    y = np.full(size, bias)
    cells = {(i + 1, j + 1): value for (i, j), value in np.ndenumerate(x)}
    for i, j in np.ndindex(*size):
        for (k, m), w in np.ndenumerate(weight):
            y[i, j] += cells.get(index(i + 1, j + 1, k + 1, m + 1), 0.0) * w
    return y


def c1(x, weight, bias=0.0):
    size = np.add(x.shape, weight.shape) - 1
    return printed_sum(x, weight, bias, size, lambda i, j, k, m: (i - k + 1, j - m + 1))


def c2(x, weight, bias=0.0):
    size = np.subtract(x.shape, weight.shape) + 1
    return printed_sum(x, weight, bias, size, lambda i, j, k, m: (i + k - 1, j + m - 1))


def d1(x, h):
    y = np.zeros(np.add(x.shape, h.shape) - 1)
    for u, v in np.ndindex(*y.shape):
        for (i, j), value in np.ndenumerate(x):
            if 0 <= u - i < h.shape[0] and 0 <= v - j < h.shape[1]:
                y[u, v] += value * h[u - i, v - j]
    return y


def test_c1_and_d1_are_convolution_with_the_kernel_flipped():
    x, weight = distinct(4, 5), distinct(2, 3)
    y = dr.conv(
        x[None, None], weight[None, None], np.array([7.0]), padding="full", flip_kernel=True
    )
    np.testing.assert_array_equal(y[0, 0], c1(x, weight, 7.0))
    np.testing.assert_array_equal(y[0, 0] - 7, d1(x, weight))


def test_c2_is_correlation_what_frameworks_call_convolution():
    x, weight = distinct(4, 5), distinct(2, 3)
    y = dr.conv(x[None, None], weight[None, None], np.array([7.0]))
    np.testing.assert_array_equal(y[0, 0], c2(x, weight, 7.0))


def test_c1_and_c2_are_each_others_adjoint():
    x, weight = distinct(4, 5), distinct(2, 3)
    y = c1(x, weight)
    v = distinct(*y.shape)
    assert (y * v).sum() == (x * c2(v, weight)).sum()
    adjoint = dr.conv_transpose(v[None, None], weight[None, None], padding="full", flip_kernel=True)
    np.testing.assert_array_equal(adjoint[0, 0], c2(v, weight))


def test_b1_transposes_the_matrix_of_the_convolution_not_the_array_of_its_kernel():
    kernel, g = distinct(3, 3), distinct(1, 1, 3, 3)
    weight = kernel[None, None]
    matrix = Pairs((5, 5), (3, 3), (1, 1), (1, 1), "valid").matrix(weight, groups=1)
    assert matrix.shape == (9, 25)
    transposed = dr.conv_transpose(g, weight)
    np.testing.assert_array_equal(transposed.ravel(), matrix.T @ g.ravel())

    as_array = np.ascontiguousarray(kernel.T)[None, None]
    np.testing.assert_array_equal(dr.conv(g, rotated(weight), padding="full"), transposed)
    for wrong in (
        dr.conv_transpose(g, as_array),
        dr.conv(g, as_array, padding="full"),
        dr.conv(g, as_array, padding="full", flip_kernel=True),
    ):
        assert not np.array_equal(wrong, transposed)


def test_b_widens_its_image_unless_it_is_padded():
    x, weight = distinct(1, 1, 5, 5), distinct(1, 1, 3, 3)
    assert dr.conv_transpose(x, weight).shape == (1, 1, 7, 7)
    assert dr.conv_transpose(x, weight, padding=1).shape == (1, 1, 5, 5)


def test_a_the_transpose_is_no_inverse():
    x, weight = distinct(1, 1, 4, 6), distinct(1, 1, 3, 3)
    back = dr.conv_transpose(dr.conv(x, weight), weight)
    assert back.shape == x.shape
    assert not np.allclose(back / np.linalg.norm(back), x / np.linalg.norm(x))


def test_a_the_transpose_is_the_inverse_where_the_map_is_orthogonal():
    signs = np.array([[1.0, 1], [1, -1]])
    haar = np.einsum("ai,bj->abij", signs, signs).reshape(4, 1, 2, 2) / 2
    x = distinct(1, 1, 4, 6)
    np.testing.assert_array_equal(dr.conv_transpose(dr.conv(x, haar, stride=2), haar, stride=2), x)


def test_e_doubles_its_image():
    window = conv_transpose_window("conv_transpose", (480, 640), (4, 4), 2, 1, 0, 1)
    assert window.input_size == (960, 1280)
    assert conv_window("conv", (960, 1280), (4, 4), 2, 1, 1).output_size == (480, 640)
