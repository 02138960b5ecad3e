"""Sizes and sides of windows, against a window that slides over a real list of cells."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import RULES, cells, sides, slide

import deconv_ref as dr
from deconv_ref.window import Window, conv_transpose_window, conv_window

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
