"""Sizes and sides of windows, against a window that slides over a real list of cells."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import RULES, cells, sides, slide

import deconv_ref as dr
from deconv_ref.errors import ParameterError
from deconv_ref.window import (
    Window,
    conv_transpose_window,
    conv_window,
    pool_window,
    unpool_window,
)

STRIDES, DILATIONS, KERNELS = (1, 2, 3, 4), (1, 2, 3), (1, 2, 3, 4)
STEPS = tuple(product(KERNELS, STRIDES, DILATIONS))


def conv_axis(n, k, stride, dilation, padding):
    """Give outputs and padding of a convolution's one axis."""
    pairs = padding if isinstance(padding, str) else [padding]
    window = conv_window("conv", (n,), (k,), stride, pairs, dilation)
    return window.output_size[0], window.padding[0]


def conv_transpose_axis(n, k, stride, dilation, padding, output_padding=0):
    """Give outputs and crop of a transposed convolution's one axis."""
    pairs = padding if isinstance(padding, str) else [padding]
    window = conv_transpose_window("", (n,), (k,), stride, pairs, output_padding, dilation)
    return window.input_size[0], window.padding[0]


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (0, 3), (2, 5)], ids=str)
def test_conv_has_as_many_outputs_as_a_sliding_window_has_positions(padding):
    for n, (k, stride, dilation) in product(range(1, 14), STEPS):
        positions = len(slide(cells(n, *padding), k, stride, dilation))
        if positions:
            assert conv_axis(n, k, stride, dilation, padding) == (positions, padding)
        else:
            with pytest.raises(dr.ShapeError):
                conv_axis(n, k, stride, dilation, padding)


@pytest.mark.parametrize("rule", ["same", "same_lower"])
def test_same_is_the_least_padding_with_a_position_for_every_stride(rule):
    for n, (k, stride, dilation) in product(range(1, 14), STEPS):
        outputs, padding = conv_axis(n, k, stride, dilation, rule)
        assert padding == sides(rule, n, k, stride, dilation)
        assert outputs == len(range(0, n, stride))


def test_same_puts_the_odd_cell_at_the_end_and_same_lower_at_the_start():
    """TensorFlow's own example: 13 cells, a window of 6, stride 5: one before, two after."""
    assert conv_axis(13, 6, 5, 1, "same") == (3, (1, 2))
    assert conv_axis(13, 6, 5, 1, "same_lower") == (3, (2, 1))


def test_full_has_a_position_for_every_tap_that_meets_the_input():
    for n, (k, stride, dilation) in product(range(1, 9), STEPS):
        outputs, (before, after) = conv_axis(n, k, stride, dilation, "full")
        met = slide(cells(n, before, after), k, stride, dilation)
        assert len(met) == outputs
        assert met[0][:-1] == [None] * (k - 1)
        assert met[0][-1] == 0
        widest = slide(cells(n, before, after), k, 1, dilation)[-1]
        assert widest == [n - 1] + [None] * (k - 1)


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (0, 2), (3, 1)], ids=str)
def test_output_padding_names_exactly_the_sizes_that_conv_maps_to_the_input(padding):
    for n, (k, stride, dilation) in product(range(1, 6), STEPS):
        sizes = [
            size
            for size in range(1, 40)
            if len(slide(cells(size, *padding), k, stride, dilation)) == n
        ]
        named = []
        for extra in range(stride):
            try:
                named.append(conv_transpose_axis(n, k, stride, dilation, padding, extra)[0])
            except dr.ShapeError:
                continue
        assert named == sizes


@pytest.mark.parametrize("rule", RULES)
def test_conv_transpose_inverts_conv_under_every_rule(rule):
    for n, (k, stride, dilation) in product(range(1, 9), STEPS):
        if rule == "full" and (n - 1) * stride < dilation * (k - 1):
            continue  # the crop leaves nothing
        size, padding = conv_transpose_axis(n, k, stride, dilation, rule)
        assert conv_axis(size, k, stride, dilation, rule) == (n, padding)
        if "same" in rule:
            assert size == n * stride


def test_output_padding_may_reach_past_the_stride_where_the_dilation_is_larger():
    for n, (k, stride, dilation) in product(range(1, 6), STEPS):
        shortest, _ = conv_transpose_axis(n, k, stride, dilation, (0, 0))
        for extra in range(max(stride, dilation)):
            size, _ = conv_transpose_axis(n, k, stride, dilation, (0, 0), extra)
            assert size == shortest + extra
        with pytest.raises(dr.ParameterError, match="output_padding must be below"):
            conv_transpose_axis(n, k, stride, dilation, (0, 0), max(stride, dilation))


def pool_axis(n, k, stride, dilation, padding, ceil_mode):
    """Give outputs and padding of a pooling's one axis."""
    pairs = padding if isinstance(padding, str) else [padding]
    window = pool_window("", (n,), k, stride, pairs, dilation, ceil_mode)
    return window.output_size[0], window.padding[0]


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (0, 3), (2, 5), *RULES], ids=str)
def test_pooling_without_ceil_mode_has_the_positions_of_conv(padding):
    for n, (k, stride, dilation) in product(range(1, 14), STEPS):
        try:
            expected = conv_axis(n, k, stride, dilation, padding)
        except dr.ShapeError:
            with pytest.raises(dr.ShapeError):
                pool_axis(n, k, stride, dilation, padding, ceil_mode=False)
        else:
            assert pool_axis(n, k, stride, dilation, padding, ceil_mode=False) == expected


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (0, 3), (2, 5), "valid"], ids=str)
def test_ceil_mode_adds_the_window_that_reaches_the_end_if_it_starts_early_enough(padding):
    before, after = (0, 0) if padding == "valid" else padding
    for n, (k, stride, dilation) in product(range(1, 14), STEPS):
        starts, reach = [0], dilation * (k - 1) + 1
        while starts[-1] + reach < before + n + after:
            starts.append(starts[-1] + stride)
        if starts[-1] >= before + n:
            starts.pop()  # once: what stood before it is a window without ceil_mode
        if reach - (before + n + after) >= stride:  # not even a window further left would do
            with pytest.raises(dr.ShapeError, match="ceil"):
                pool_axis(n, k, stride, dilation, padding, ceil_mode=True)
        else:
            outputs, _ = pool_axis(n, k, stride, dilation, padding, ceil_mode=True)
            assert outputs == len(starts)


@pytest.mark.parametrize("rule", ["same", "same_lower", "full"])
def test_ceil_mode_changes_nothing_where_padding_is_made_to_fit(rule):
    for n, (k, stride, dilation) in product(range(1, 14), STEPS):
        rounded = [pool_axis(n, k, stride, dilation, rule, mode) for mode in (False, True)]
        assert rounded[0] == rounded[1]


def test_the_last_window_rule_is_applied_once():
    """Seven windows of one cell reach the end; the last four start in padding, and one goes."""
    assert pool_axis(3, 1, 1, 1, (0, 4), ceil_mode=True)[0] == 6
    assert pool_axis(3, 1, 1, 1, (0, 4), ceil_mode=False)[0] == 7


def test_the_stride_of_a_pooling_is_its_window_unless_told():
    window = pool_window("", (9, 8), (2, 3), None, 0, 1, False)
    assert (window.stride, window.output_size) == ((2, 3), (4, 2))
    assert unpool_window("", (4, 2), (2, 3), None, 0, None).input_size == (8, 6)


def test_unpooling_gives_what_conv_transpose_gives_or_the_size_that_is_asked_for():
    for n, (k, stride, dilation) in product(range(1, 6), STEPS):
        if dilation == 1 and (n - 1) * stride + k > 3:
            expected, _ = conv_transpose_axis(n, k, stride, 1, (1, 2))
            window = unpool_window("", (n,), k, stride, [(1, 2)], None)
            assert (window.input_size, window.output_size) == ((expected,), (n,))
            asked = unpool_window("", (n,), k, stride, [(1, 2)], (7,))
            assert asked == Window((7,), (n,), (k,), (stride,), (1,), ((1, 2),))


def test_bounds_are_those_of_the_axis_or_of_its_padding():
    window = pool_window("", (9, 8), 2, 1, [(1, 2), (0, 3)], 1, False)
    assert window.bounds(padded=False) == ((0, 9), (0, 8))
    assert window.bounds(padded=True) == ((-1, 11), (0, 11))


axis_parameters = st.tuples(*(st.integers(1, 4) for _ in range(4)), *(st.integers(0, 3),) * 2)


@settings(max_examples=200)
@given(st.lists(axis_parameters, min_size=1, max_size=3))
def test_each_axis_is_worked_on_its_own(axes):
    kernel, stride, dilation, extra, before, after = zip(*axes, strict=True)
    size = tuple(d * (k - 1) + e for d, k, e in zip(dilation, kernel, extra, strict=True))
    padding = tuple(zip(before, after, strict=True))
    together = conv_window("conv", size, kernel, stride, padding, dilation)
    alone = [
        conv_axis(n, k, s, d, p)
        for n, k, s, d, p in zip(size, kernel, stride, dilation, padding, strict=True)
    ]
    assert list(zip(together.output_size, together.padding, strict=True)) == alone
    assert together.before == before


@pytest.mark.parametrize(
    "spell",
    [tuple, list, np.array, lambda v: [np.int32(e) for e in v], lambda v: [np.array(e) for e in v]],
    ids=["tuple", "list", "array", "list of NumPy ints", "list of 0-d arrays"],
)
def test_per_axis_parameters_may_be_spelled_as_any_sequence_of_ints(spell):
    def windows(spell, pairs):
        numbers = spell((2, 3)), pairs, spell((1, 2))
        return (
            conv_window("conv", (9, 8), (2, 3), *numbers),
            conv_transpose_window("", (4, 5), (2, 3), *numbers[:2], spell((1, 0)), numbers[2]),
        )

    plain = windows(tuple, ((1, 2), (0, 3)))
    pairs = spell([spell((1, 2)), spell((0, 3))])
    assert windows(spell, pairs) == plain
    symmetric = windows(tuple, ((1, 1), (3, 3)))
    assert windows(spell, spell((1, 3))) == symmetric
    assert all(
        type(number) is int for window in windows(spell, pairs) for number in window.padding[0]
    )


@pytest.mark.parametrize("number", [2, np.int64(2), np.uint8(2), np.array(2)], ids=repr)
def test_one_int_stands_for_every_axis(number):
    window = conv_window("conv", (9, 8, 7), (2, 3, 1), number, number, number)
    every = conv_window("conv", (9, 8, 7), (2, 3, 1), (2,) * 3, ((2, 2),) * 3, (2,) * 3)
    assert window == every
    transposed = conv_transpose_window("", (9, 8), (2, 3), 3, number, number, 1)
    assert transposed == conv_transpose_window("", (9, 8), (2, 3), (3, 3), (2, 2), (2, 2), (1, 1))


@pytest.mark.parametrize("odd", [True, 1.0, (1, True), (1.0, 1)], ids=repr)
@pytest.mark.parametrize("name", ["stride", "dilation", "padding", "output_padding"])
def test_what_equals_ints_is_refused_after_these_too(odd, name):
    ones = {"stride": 2, "padding": 1, "output_padding": 1, "dilation": 2}

    def windows(value):
        given = {**ones, name: value}
        conv_transpose_window("", (9, 8), (2, 3), **given)
        del given["output_padding"]
        return conv_window("", (9, 8), (2, 3), **given)

    assert windows(1) == windows((1, 1))
    with pytest.raises(ParameterError, match=f"{name} must be"):
        windows(odd)


def test_a_rule_may_be_a_numpy_string():
    assert conv_axis(5, 3, 1, 1, np.str_("same")) == (5, (1, 1))


def test_windows_as_kernels_see_them_have_three_axes():
    window = conv_window("conv", (9,), (2,), 3, [(1, 2)], 4)
    deep = window.volume()
    assert deep == Window(
        (1, 1, 9), (1, 1, 3), (1, 1, 2), (1, 1, 3), (1, 1, 4), ((0, 0), (0, 0), (1, 2))
    )
    assert deep.taps() == ((1, 1, 3), (1, 1, 4), (0, 0, 1))
    assert deep.volume() == deep
