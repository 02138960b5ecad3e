"""Convolution, transposed convolution and their gradients, against other routes to the truth."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import cases, floats, fractions, integers, rotated, scattered, truth

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.checks import volume
from deconv_ref.ops.convolution import cpu, literal
from deconv_ref.ops.convolution.arguments import oriented, restored
from deconv_ref.window import conv_transpose_window, conv_window

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)
FORWARD = {False: dr.conv, True: dr.conv_transpose}
BACKWARD = {False: dr.conv_backward, True: dr.conv_transpose_backward}


# Routes to a result ----------------------------------------------------------------------------


def equations(case, x, weight, bias, grad_y):
    """Give y, grad_x, grad_weight and grad_bias by the equations' source, run as plain Python."""
    p = case.parameters
    steps = (weight.shape[2:], p["stride"], p["padding"])
    if case.transposed:
        extra = (p["output_padding"], p["dilation"])
        window = conv_transpose_window("test", case.size, *steps, *extra).volume()
        up, down = volume(x), volume(grad_y)
    else:
        window = conv_window("test", case.size, *steps, p["dilation"]).volume()
        up, down = volume(grad_y), volume(x)
    kernel = oriented(weight, p["flip_kernel"])
    bias_up, bias_down = (None, bias) if case.transposed else (bias, None)
    gathered = literal.forward(down, kernel, bias_up, window, case.groups)
    transposed = literal.input_gradient(up, kernel, bias_down, window, case.groups)
    grad_weight = literal.weight_gradient(up, down, window, case.groups)
    y, grad_x = (transposed, gathered) if case.transposed else (gathered, transposed)
    return (
        y.reshape(grad_y.shape),
        grad_x.reshape(x.shape),
        restored(grad_weight, weight.shape, p["flip_kernel"]),
        literal.bias_gradient(volume(grad_y)),
    )


def forward(case, *arrays):
    """Call `conv` or `conv_transpose`."""
    return FORWARD[case.transposed](*arrays, **case.parameters)


def backward(case, *arrays):
    """Call the operator's gradients."""
    return BACKWARD[case.transposed](*arrays, **case.parameters)


def computed(case, x, weight, bias, grad_y, tier="cpu"):
    """Give y, grad_x, grad_weight and grad_bias by the public functions, on the kernels named."""
    with backend.using(backend.tier(tier)):
        return forward(case, x, weight, bias), *backward(case, grad_y, x, weight)


def cast(arrays, dtype):
    return [None if array is None else array.astype(dtype) for array in arrays]


def assert_equal(got, expected, note=""):
    """Ask for the same values, shape and dtype, bit for bit but for the sign of zero."""
    __tracebackhide__ = True
    for name, g, e in zip(("y", "x", "weight", "bias"), got, expected, strict=True):
        np.testing.assert_array_equal(g, e, err_msg=f"{name} {note}", strict=True)


# Exact agreement ---------------------------------------------------------------------------------


@settings(max_examples=3000)
@given(cases())
def test_results_and_gradients_are_those_of_the_explicit_matrix(case):
    arrays = case.arrays(integers)
    expected = truth(case, *arrays)
    for dtype in DTYPES:
        for tier in TIERS:
            got = computed(case, *cast(arrays, dtype), tier=tier)
            assert_equal(got, cast(expected, dtype), note=tier)


@settings(max_examples=150)
@given(cases(most=3))
def test_the_equations_are_exact_on_fractions(case):
    arrays = case.arrays(fractions)
    assert_equal(equations(case, *arrays), truth(case, *arrays))


@settings(max_examples=150)
@given(cases())
def test_the_oracles_agree_with_each_other(case):
    arrays = case.arrays(integers)
    assert_equal(scattered(case, *arrays), truth(case, *arrays))


@st.composite
def large_cases(draw):
    """Draw a case whose channels and rows fill the tiles of a fast kernel, and run over them."""
    case = draw(cases())
    channels = st.sampled_from((1, 3, 4, 15, 16, 17, 33))
    sizes = st.integers(*{1: (60, 300), 2: (17, 36), 3: (3, 9)}[len(case.size)])
    return replace(
        case,
        size=tuple(max(n, draw(sizes)) for n in case.size),
        weight_shape=(draw(channels) * case.groups, draw(channels), *case.weight_shape[2:]),
    )


@settings(max_examples=70)
@given(large_cases())
def test_fast_kernels_equal_the_literal_ones_on_shapes_that_fill_their_tiles(case):
    arrays = case.arrays(integers)
    for dtype in DTYPES:
        given_arrays = cast(arrays, dtype)
        assert_equal(
            computed(case, *given_arrays, tier="cpu"),
            computed(case, *given_arrays, tier="literal"),
        )


class Fenced:
    """Makes arrays with a fence on both sides."""

    def __init__(self):
        self.fences = []

    def empty(self, shape, dtype):
        size, rim = int(np.prod(shape)), 64
        memory = np.full(size + 2 * rim, 12345, dtype)
        self.fences += [memory[:rim], memory[rim + size :]]
        return memory[rim : rim + size].reshape(shape)

    def zeros(self, shape, dtype):
        array = self.empty(shape, dtype)
        array[...] = 0
        return array


@settings(max_examples=70)
@given(large_cases())
def test_fast_kernels_write_into_their_results_alone(case):
    fenced = Fenced()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "empty", fenced.empty)
        patch.setattr(cpu, "zeros", fenced.zeros)
        computed(case, *case.arrays(floats))
    assert len(fenced.fences) >= 2 * len(["y", "x", "weight", "bias"])
    assert all((fence == 12345).all() for fence in fenced.fences)


# One dimension, worked by hand -------------------------------------------------------------------

CONVOLVED = [  # x = 1 2 3 4, weight = 1 10
    ({}, [21, 32, 43]),
    ({"flip_kernel": True}, [12, 23, 34]),
    ({"stride": 2}, [21, 43]),
    ({"stride": 3}, [21]),
    ({"dilation": 2}, [31, 42]),
    ({"dilation": 3}, [41]),
    ({"padding": 1}, [10, 21, 32, 43, 4]),
    ({"padding": [(1, 0)]}, [10, 21, 32, 43]),
    ({"padding": [(0, 2)]}, [21, 32, 43, 4, 0]),
    ({"padding": "valid"}, [21, 32, 43]),
    ({"padding": "same"}, [21, 32, 43, 4]),
    ({"padding": "same_lower"}, [10, 21, 32, 43]),
    ({"padding": "full"}, [10, 21, 32, 43, 4]),
    ({"padding": "full", "dilation": 2}, [10, 20, 31, 42, 3, 4]),
    ({"padding": "same", "stride": 3}, [21, 4]),
    ({"padding": "same_lower", "stride": 3}, [10, 43]),
    ({"padding": "same", "dilation": 2}, [20, 31, 42, 3]),
    ({"padding": [(5, 0)], "dilation": 7}, [30, 40]),
]

TRANSPOSED = [  # x = 1 2, weight = 1 10 100
    ({}, [1, 12, 120, 200]),
    ({"flip_kernel": True}, [100, 210, 21, 2]),
    ({"stride": 2}, [1, 10, 102, 20, 200]),
    ({"stride": 4}, [1, 10, 100, 0, 2, 20, 200]),
    ({"stride": 2, "flip_kernel": True}, [100, 10, 201, 20, 2]),
    ({"stride": 3, "output_padding": 2}, [1, 10, 100, 2, 20, 200, 0, 0]),
    ({"dilation": 2}, [1, 2, 10, 20, 100, 200]),
    ({"dilation": 3, "output_padding": 2}, [1, 2, 0, 10, 20, 0, 100, 200, 0, 0]),
    ({"padding": 1}, [12, 120]),
    ({"stride": 2, "padding": [(1, 0)]}, [10, 102, 20, 200]),
    ({"stride": 2, "padding": [(0, 2)]}, [1, 10, 102]),
    ({"stride": 2, "padding": [(0, 2)], "output_padding": 1}, [1, 10, 102, 20]),
    ({"stride": 2, "padding": "valid"}, [1, 10, 102, 20, 200]),
    ({"stride": 2, "padding": "full"}, [102]),
    ({"padding": "same"}, [12, 120]),
    ({"stride": 2, "padding": "same"}, [1, 10, 102, 20]),
    ({"stride": 2, "padding": "same_lower"}, [10, 102, 20, 200]),
    ({"stride": 4, "padding": "same"}, [1, 10, 100, 0, 2, 20, 200, 0]),
    ({"stride": 4, "padding": "same_lower"}, [1, 10, 100, 0, 2, 20, 200, 0]),
]


@pytest.mark.parametrize(("parameters", "expected"), CONVOLVED, ids=lambda value: repr(value))
def test_conv_worked_by_hand(parameters, expected):
    x, weight = np.array([[[1.0, 2, 3, 4]]]), np.array([[[1.0, 10]]])
    np.testing.assert_array_equal(dr.conv(x, weight, **parameters), [[expected]])
    shifted = dr.conv(x, weight, np.array([0.5]), **parameters)
    np.testing.assert_array_equal(shifted, [[np.array(expected) + 0.5]])


@pytest.mark.parametrize(("parameters", "expected"), TRANSPOSED, ids=lambda value: repr(value))
def test_conv_transpose_worked_by_hand(parameters, expected):
    x, weight = np.array([[[1.0, 2]]]), np.array([[[1.0, 10, 100]]])
    np.testing.assert_array_equal(dr.conv_transpose(x, weight, **parameters), [[expected]])
    shifted = dr.conv_transpose(x, weight, np.array([0.5]), **parameters)
    np.testing.assert_array_equal(shifted, [[np.array(expected) + 0.5]])


def test_gradients_worked_by_hand():
    x, weight = np.array([[[1.0, 2, 3]]]), np.array([[[1.0, 10]]])
    gradients = dr.conv_backward(np.array([[[1.0, 100]]]), x, weight)
    assert_equal(
        [gradients.x, *gradients],
        [np.array([[[1.0, 110, 1000]]])] * 2 + [np.array([[[201.0, 302]]]), np.array([101.0])],
    )
    x, weight = np.array([[[1.0, 2]]]), np.array([[[1.0, 10]]])
    gradients = dr.conv_transpose_backward(np.array([[[1.0, 3, 100]]]), x, weight)
    assert_equal(
        [gradients.x, *gradients],
        [np.array([[[31.0, 1003]]])] * 2 + [np.array([[[7.0, 203]]]), np.array([104.0])],
    )


def test_groups_worked_by_hand():
    x = np.array([[[1.0, 2], [3, 4]]])
    weight = np.array([[[1.0, 10]], [[100, 1000]]])
    np.testing.assert_array_equal(dr.conv(x, weight, groups=2), [[[21], [4300]]])
    two_filters = np.repeat(weight, 2, axis=0) * np.array([1.0, 2, 3, 4]).reshape(4, 1, 1)
    np.testing.assert_array_equal(
        dr.conv(x, two_filters, groups=2), [[[21], [42], [12900], [17200]]]
    )
    x = np.array([[[1.0], [2], [3], [4]]])
    np.testing.assert_array_equal(
        dr.conv_transpose(x, two_filters, groups=2), [[[5, 50], [2500, 25000]]]
    )


# Rounding ----------------------------------------------------------------------------------------


def reals(rng, shape):
    """Draw numbers of many magnitudes, so that sums round and cancel."""
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)


def exact(arrays):
    to_fraction = np.vectorize(lambda value: Fraction(float(value)), otypes=[object])
    return [None if a is None else to_fraction(a) for a in arrays]


@settings(max_examples=60)
@given(cases(most=3))
def test_rounding_stays_inside_the_proven_bound(case):
    x_channels, y_channels = case.channels
    taps, positions = prod(case.weight_shape[2:]), case.batch * prod(case.output_size())
    if case.transposed:
        positions = case.batch * max(prod(case.output_size()), prod(case.size))
    terms = 1 + max(taps * max(x_channels, y_channels), positions)  # of the longest sum, bias too
    for dtype in DTYPES:
        arrays = cast(case.arrays(reals), dtype)
        true = truth(case, *exact(arrays))
        absolute = [None if a is None else abs(a) for a in exact(arrays)]
        magnitudes = truth(case, *absolute)
        unit = Fraction(float(np.finfo(dtype).eps)) / 2
        gamma = terms * unit / (1 - terms * unit)
        for tier in TIERS:
            got = computed(case, *arrays, tier=tier)
            for g, t, m in zip(exact(got), true, magnitudes, strict=True):
                assert np.all(abs(g - t) <= gamma * m)


CONCURRENT = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np, deconv_ref as dr

def work(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 10, (2, 5, 20 + seed, 31)).astype(np.float32)
    weight = rng.integers(-9, 10, (6, 5, 3, 3)).astype(np.float32)
    y = dr.conv(x, weight, padding="same")
    return [y, dr.conv_transpose(y, weight, stride=2), *dr.conv_backward(y, x, weight, padding=1)]

alone = [work(seed) for seed in range(6)]
with ThreadPoolExecutor(4) as pool:
    for _ in range(5):
        for one, many in zip(alone, pool.map(work, range(6)), strict=True):
            assert all(map(np.array_equal, one, many))
"""


def test_calls_from_several_threads_do_not_disturb_each_other():
    run = [sys.executable, "-c", CONCURRENT]
    finished = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr


# Invariants --------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(cases())
def test_each_gradient_is_the_adjoint_of_its_map(case):
    x, weight, _, grad_y = case.arrays(floats)
    y = forward(case, x, weight)
    gradients = backward(case, grad_y, x, weight)
    product = (y * grad_y).sum()
    assert product == (x * gradients.x).sum() == (weight * gradients.weight).sum()


@settings(max_examples=200)
@given(cases())
def test_conv_and_conv_transpose_are_adjoint(case):
    x, weight, _, _ = case.arrays(floats)
    y = forward(case, x, weight)
    g = floats(np.random.default_rng(case.seed), y.shape)
    p = dict(case.parameters)
    if case.transposed:
        extra = p.pop("output_padding")
        assume(all(e < s for e, s in zip(extra, p["stride"], strict=True)))
        back = dr.conv(g, weight, **p)
    else:
        kernel = weight.shape[2:]
        window = conv_window("", case.size, kernel, p["stride"], p["padding"], p["dilation"])
        p["padding"] = window.padding
        remainders = [  # what the division by the stride leaves over
            (n + sum(pair) - d * (k - 1) - 1) % s
            for n, k, pair, s, d in zip(
                case.size, kernel, window.padding, p["stride"], p["dilation"], strict=True
            )
        ]
        p["output_padding"] = remainders
        back = dr.conv_transpose(g, weight, **p)
    assert back.shape == x.shape
    assert (y * g).sum() == (x * back).sum()


@settings(max_examples=100)
@given(cases())
def test_results_are_linear_in_each_operand(case):
    x, weight, _, grad_y = case.arrays(floats)
    rng = np.random.default_rng(case.seed + 1)
    x2, weight2, grad_y2 = (floats(rng, a.shape) for a in (x, weight, grad_y))
    y = forward(case, x, weight)
    np.testing.assert_array_equal(
        forward(case, 3 * x + x2, weight), 3 * y + forward(case, x2, weight)
    )
    np.testing.assert_array_equal(
        forward(case, x, 3 * weight + weight2), 3 * y + forward(case, x, weight2)
    )
    one, two = backward(case, grad_y, x, weight), backward(case, grad_y2, x, weight)
    both = backward(case, 3 * grad_y + grad_y2, x, weight)
    assert_equal(
        [both.x, *both], [3 * a + b for a, b in zip((one.x, *one), (two.x, *two), strict=True)]
    )


@settings(max_examples=100)
@given(cases())
def test_batch_items_do_not_meet(case):
    x, weight, bias, grad_y = replace(case, batch=3).arrays(floats)
    whole = computed(case, x, weight, bias, grad_y)
    parts = [computed(case, x[at], weight, bias, grad_y[at]) for at in (slice(1), slice(1, None))]
    (y1, x1, weight1, bias1), (y2, x2, weight2, bias2) = parts
    expected = np.concatenate([y1, y2]), np.concatenate([x1, x2]), weight1 + weight2, bias1 + bias2
    assert_equal(whole, expected)


@settings(max_examples=100)
@given(cases())
def test_permuted_channels_give_permuted_results(case):
    """Groups may change places, and channels inside a group."""
    x, weight, bias, grad_y = case.arrays(floats)
    rng = np.random.default_rng(case.seed + 1)
    groups = case.groups
    order = rng.permutation(groups)

    def shuffled(channels):
        inner = rng.permutation(channels // groups)
        return (np.arange(channels).reshape(groups, -1)[order][:, inner]).ravel(), inner

    rows, _ = shuffled(case.weight_shape[0])
    columns, inner = shuffled(case.weight_shape[1] * groups)
    of_x, of_y = (rows, columns) if case.transposed else (columns, rows)
    permuted = computed(
        case,
        x[:, of_x],
        weight[rows][:, inner],
        None if bias is None else bias[of_y],
        grad_y[:, of_y],
    )
    y, grad_x, grad_weight, grad_bias = computed(case, x, weight, bias, grad_y)
    assert_equal(
        permuted, (y[:, of_y], grad_x[:, of_x], grad_weight[rows][:, inner], grad_bias[of_y])
    )


@settings(max_examples=100)
@given(cases())
def test_flip_kernel_is_the_kernel_rotated(case):
    x, weight, bias, grad_y = case.arrays(floats)
    other = replace(
        case, parameters=case.parameters | {"flip_kernel": not case.parameters["flip_kernel"]}
    )
    y, grad_x, grad_weight, grad_bias = computed(case, x, weight, bias, grad_y)
    expected = y, grad_x, rotated(grad_weight), grad_bias
    assert_equal(computed(other, x, rotated(weight), bias, grad_y), expected)


@settings(max_examples=100)
@given(cases())
def test_conv_transpose_of_stride_1_is_full_correlation_with_the_rotated_swapped_kernel(case):
    plain = {"padding": "valid", "output_padding": (0,) * len(case.size)}
    case = replace(case, transposed=True, parameters=case.parameters | plain)
    x, weight, bias, _ = case.arrays(floats)
    grouped = weight.reshape(case.groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    swapped = grouped.reshape(-1, *grouped.shape[2:])
    shared = {name: case.parameters[name] for name in ("dilation", "groups", "flip_kernel")}
    np.testing.assert_array_equal(
        dr.conv_transpose(x, weight, bias, **shared),
        dr.conv(x, rotated(swapped), bias, padding="full", **shared),
    )


@settings(max_examples=150)
@given(cases(axes=(1, 2)))
def test_axes_of_size_1_add_nothing(case):
    """A signal is an image one cell high, and an image a volume one cell deep."""
    arrays = case.arrays(floats)
    in_front = {"stride": 1, "dilation": 1, "output_padding": 0, "padding": (0, 0)}
    deeper = {
        name: (in_front[name], *value) if isinstance(value, tuple) else value
        for name, value in case.parameters.items()
    }
    x, weight, bias, grad_y = arrays
    lifted = replace(case, size=(1, *case.size), parameters=deeper)
    got = computed(lifted, x[:, :, None], weight[:, :, None], bias, grad_y[:, :, None])
    y, grad_x, grad_weight, grad_bias = computed(case, *arrays)
    assert_equal(got, (y[:, :, None], grad_x[:, :, None], grad_weight[:, :, None], grad_bias))


# NaN and infinity --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@settings(max_examples=150)
@given(case=cases(), where=st.sampled_from(("x", "weight", "bias", "grad_y")))
def test_nan_and_infinity_go_exactly_where_the_equations_take_them(value, case, where):
    """Nothing outside the windows that meet the cell, and nothing out of padding."""
    arrays = dict(zip(("x", "weight", "bias", "grad_y"), case.arrays(floats), strict=True))
    if arrays[where] is None:
        where = "x"
    spot = np.random.default_rng(case.seed).integers(0, arrays[where].size)
    arrays[where].flat[spot] = value
    with np.errstate(invalid="ignore"):
        expected = scattered(case, *arrays.values())
        for tier in TIERS:
            assert_equal(computed(case, *arrays.values(), tier=tier), expected, note=tier)


def test_an_infinite_weight_over_padding_is_no_nan():
    x, weight = np.array([[[1.0, 2]]]), np.array([[[np.inf, 1, 1]]])
    np.testing.assert_array_equal(dr.conv(x, weight, padding=1), [[[3, np.inf]]])
    np.testing.assert_array_equal(
        dr.conv_transpose(x, weight, stride=3), [[[np.inf, 1, 1, np.inf, 2, 2]]]
    )


@pytest.mark.parametrize("stride, padding", [((1, 1), (1, 1)), ((3, 1), (3, 4))], ids=str)
@pytest.mark.parametrize("side", [4, 40], ids=["in one chunk", "in chunks"])
@pytest.mark.parametrize("filters", [2, 16], ids=["by position", "by filter"])
def test_what_is_not_finite_stays_out_of_the_weights_of_padding(filters, side, stride, padding):
    """A kernel may compute NaN there, and has to tell, whichever thread and chunk saw it."""
    x, weight = np.ones((1, 3, side, side)), np.ones((filters, 3, 3, 3))
    grad_y = np.ones_like(dr.conv(x, weight, stride=stride, padding=padding))
    for array, spot in product((x, grad_y), (0, 2, -1)):
        array[0, 0, spot, spot] = np.inf
        given = (grad_y, x, weight), {"stride": stride, "padding": padding}
        _, grad_weight, _ = dr.conv_backward(*given[0], **given[1])
        with backend.using(backend.tier("literal")):
            _, expected, _ = dr.conv_backward(*given[0], **given[1])
        np.testing.assert_array_equal(grad_weight, expected)
        array[0, 0, spot, spot] = 1


# Arrays ------------------------------------------------------------------------------------------


class Subclass(np.ndarray):
    """As numpy.memmap is one."""


def sliced(array):
    large = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    view = large[(slice(1, None, 2),) * array.ndim]
    view[...] = array
    return view


def unaligned(array):
    view = np.frombuffer(bytearray(array.nbytes + 1), array.dtype, offset=1).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "sliced": sliced,
    "transposed": lambda array: array.T.copy().T,
    "channels last": lambda array: (
        np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1) if array.ndim > 1 else array
    ),
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "zero strides along the batch": lambda array: np.broadcast_to(array[:1], array.shape),
    "zero strides along the last axis": lambda array: np.broadcast_to(array[..., :1], array.shape),
    "read-only": read_only,
    "unaligned": unaligned,
    "of a subclass": lambda array: array.view(Subclass),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@settings(max_examples=15)
@given(case=cases())
def test_arrays_may_lie_in_memory_in_any_way(layout, case):
    case = replace(case, has_bias=True)
    arrays = [layout(array) for array in case.arrays(floats)]
    plain = [np.array(array, order="C", subok=False) for array in arrays]
    got = computed(case, *arrays)
    assert_equal(got, computed(case, *plain))
    for array, before in zip(arrays, plain, strict=True):
        np.testing.assert_array_equal(array, before)
    for result in got:
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert not any(np.shares_memory(result, array) for array in arrays)


@settings(max_examples=60)
@given(cases())
def test_an_empty_batch_gives_empty_results_and_zero_gradients(case):
    x, weight, bias, grad_y = cast(case.arrays(integers), np.float32)
    got = computed(case, x[:0], weight, bias, grad_y[:0])
    zeros = np.zeros_like(weight), np.zeros(grad_y.shape[1], np.float32)
    assert_equal(got, (grad_y[:0], x[:0], *zeros))


@pytest.mark.parametrize("far", [10**3, 2**31 - 1])
@pytest.mark.parametrize("tier", TIERS)
def test_taps_and_positions_far_outside_cost_nothing(tier, far):
    x, weight = np.array([[[1.0, 2, 4]]]), np.array([[[3.0, 5, 7]]])
    with backend.using(backend.tier(tier)):
        middle = dr.conv(x, weight, dilation=far, padding="same")
        first = dr.conv(x, weight[..., :1], stride=far)
        shown = dr.conv_transpose(x[..., :1], weight, stride=far)
        cut = dr.conv_transpose(x, weight, dilation=far, padding="same")
    np.testing.assert_array_equal(middle, [[[5, 10, 20]]])
    np.testing.assert_array_equal(first, [[[3]]])
    np.testing.assert_array_equal(shown, [[[3, 5, 7]]])
    np.testing.assert_array_equal(cut, [[[5, 10, 20]]])
