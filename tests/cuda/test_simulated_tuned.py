"""The tuned kernels in Numba's simulator of a GPU, against the literal kernels of the CPU.

The source is what a GPU runs, its tiles are smaller.
"""

import numpy as np
import pytest
from numba import cuda

from deconv_ref.ops.convolution import cuda as tuned
from deconv_ref.ops.convolution import cuda_plan, cuda_tile, literal
from deconv_ref.ops.convolution.cuda_correlation import correlate
from deconv_ref.ops.convolution.cuda_plan import Tile
from deconv_ref.window import conv_window

# Input size, kernel, stride, padding, dilation; batch; groups; channels and filters of a group.
CASES = {
    "plain": ((4, 5), (3, 2), 1, [(1, 0), (0, 2)], 1, 2, 1, 3, 18),
    "whole vectors": ((4, 4), (3, 3), 1, 1, 1, 2, 1, 2, 17),
    "strided": ((7, 8), (3, 4), (2, 3), [(1, 2), (0, 1)], 1, 1, 1, 3, 19),
    "dilated": ((9, 7), (3, 2), (1, 2), [(2, 0), (1, 3)], (2, 3), 1, 1, 2, 6),
    "stride beyond the kernel": ((7, 11), (2, 1), (3, 4), 0, 1, 2, 1, 2, 3),
    "grouped": ((4, 7), (2, 3), (1, 2), [(0, 1), (2, 1)], 1, 1, 3, 2, 5),
    "grouped, many": ((6,), (2,), 1, 1, 1, 1, 2, 17, 18),
    "depthwise": ((6, 5), (3, 3), 1, 1, 1, 2, 4, 1, 1),
    "line": ((23,), (4,), 2, [(3, 1)], 3, 2, 1, 2, 3),
    "volume": ((3, 4, 5), (2, 3, 2), (1, 2, 1), [(0, 1), (1, 0), (1, 1)], 1, 1, 1, 2, 4),
    "one cell": ((1, 1), (1, 1), 1, 0, 1, 3, 1, 5, 18),
    "padding alone": ((1, 2), (1, 1), (3, 1), [(2, 0), (0, 1)], 1, 1, 1, 2, 3),
    "nothing": ((3, 3), (2, 2), 1, 0, 1, 0, 1, 2, 3),
}


def operands(case, dtype):
    """Give the window, the groups, and integers small enough that every sum is exact."""
    size, kernel, stride, padding, dilation, samples, groups, channels, filters = CASES[case]
    window = conv_window("conv", size, kernel, stride, padding, dilation).volume()
    rng = np.random.default_rng(len(case))
    shapes = (
        (samples, groups * channels, *window.input_size),
        (groups * filters, channels, *window.kernel_size),
        (samples, groups * filters, *window.output_size),
        (groups * filters,),
        (groups * channels,),
    )
    return window, groups, [rng.integers(-4, 5, shape).astype(dtype) for shape in shapes]


def maps(kernels, window, groups, x, weight, grad_y, bias_y, bias_x):
    return {
        "forward": kernels.forward(x, weight, bias_y, window, groups),
        "without bias": kernels.forward(x, weight, None, window, groups),
        "input_gradient": kernels.input_gradient(grad_y, weight, bias_x, window, groups),
        "weight_gradient": kernels.weight_gradient(grad_y, x, window, groups),
    }


def on_host(results):
    return {name: result.copy_to_host() for name, result in results.items()}


def simulated(window, groups, arrays):
    return on_host(maps(tuned, window, groups, *map(cuda.to_device, arrays)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_maps_are_exact_on_integers(case, dtype):
    window, groups, arrays = operands(case, dtype)
    got = simulated(window, groups, arrays)
    for name, expected in maps(literal, window, groups, *arrays).items():
        assert got[name].dtype == dtype
        np.testing.assert_array_equal(got[name], expected, err_msg=name)


@pytest.mark.parametrize("case", ["plain", "depthwise"])
def test_weight_gradients_are_cut_into_stretches(case):
    window, groups, (x, _, grad_y, *_) = operands(case, np.float32)
    sizes = x.shape[1] // groups, grad_y.shape[1] // groups
    task = cuda_plan.Map(window, len(x), *sizes, groups, transposed=False)
    how = tuned.weighing(task, x.dtype, 0)
    positions = len(x) * grad_y[0, 0].size
    stretches = how.blocks[2]
    assert stretches > 1
    assert (stretches - 1) * how.length < positions <= stretches * how.length


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("case", ["plain", "depthwise", "strided"])
def test_padding_takes_no_part_where_numbers_are_infinite(case):
    window, groups, (x, weight, grad_y, *biases) = operands(case, np.float32)
    weight[0, 0, 0, 0, 0], x[0, 0, 0, 0, 0], grad_y[-1, 0, 0, 0, 0] = np.inf, np.nan, -np.inf
    arrays = x, weight, grad_y, *biases
    got = simulated(window, groups, arrays)
    for name, expected in maps(literal, window, groups, *arrays).items():
        np.testing.assert_array_equal(got[name], expected, err_msg=name)


@pytest.mark.parametrize("case", ["plain", "grouped", "dilated"])
def test_real_numbers_stay_within_the_bound_of_direct_summation(case):
    window, groups, arrays = operands(case, np.float32)
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(array.shape).astype(np.float32) for array in arrays]
    got = simulated(window, groups, arrays)
    true = maps(literal, window, groups, *(array.astype(np.float64) for array in arrays))
    sizes = maps(literal, window, groups, *(abs(array).astype(np.float64) for array in arrays))
    terms = max(array.size for array in arrays)
    unit = terms * 2.0**-24
    for name in got:
        assert (abs(got[name] - true[name]) <= unit / (1 - unit) * sizes[name]).all(), name


@pytest.mark.parametrize("tile", [Tile(4, 2, 4, 4, 2), Tile(4, 4, 8, 4, 6), Tile(8, 1, 4, 4, 8)])
def test_forward_has_the_same_bits_whatever_the_tile(tile, monkeypatch):
    window, groups, (x, weight, _, bias, _) = operands("plain", np.float32)
    x = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
    arrays = list(map(cuda.to_device, (x, weight, bias)))
    first = tuned.forward(*arrays, window, groups).copy_to_host()
    monkeypatch.setattr(cuda_plan, "CORRELATING", (tile,))
    tuned.correlating.cache_clear()
    chosen = []
    monkeypatch.setattr(
        tuned, "correlate", lambda t, dtype: chosen.append(t) or correlate(t, dtype)
    )
    second = tuned.forward(*arrays, window, groups).copy_to_host()
    tuned.correlating.cache_clear()
    assert chosen == [tile]
    np.testing.assert_array_equal(first, second)


def test_a_tile_as_large_as_on_a_gpu(monkeypatch):
    window, groups, (x, weight, _, bias, _) = operands("plain", np.float32)
    monkeypatch.setattr(cuda_plan, "CORRELATING", (Tile(8, 16, 8, 8, 8),))
    monkeypatch.setattr(cuda_tile, "WARP", (4, 8))
    tuned.correlating.cache_clear()
    got = tuned.forward(*map(cuda.to_device, (x, weight, bias)), window, groups).copy_to_host()
    tuned.correlating.cache_clear()
    np.testing.assert_array_equal(got, literal.forward(x, weight, bias, window, groups))


def test_what_cannot_be_counted_in_32_bits_is_left_to_the_literal_kernels(monkeypatch):
    window, groups, (x, weight, _, bias, _) = operands("plain", np.float32)
    monkeypatch.setattr(cuda_plan, "LARGEST", x.size - 1)
    monkeypatch.setattr(tuned, "correlated", None)
    got = tuned.forward(*map(cuda.to_device, (x, weight, bias)), window, groups)
    expected = literal.forward(x, weight, bias, window, groups)
    np.testing.assert_array_equal(got.copy_to_host(), expected)
