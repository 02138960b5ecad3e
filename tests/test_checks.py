"""Numbers that public functions are given: what passes, as what, and what is told of the rest."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref.checks import check_count, in_range
from deconv_ref.parameters import LARGEST


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)], ids=repr)
def test_counts_become_plain_ints(value):
    assert type(check_count("f", "n", value, 3, 3)) is int


@pytest.mark.parametrize("value", [2, 6, 4.0, "4", None, True, np.True_, [4]], ids=repr)
def test_other_counts_are_told_the_range(value):
    wanted = f"f: n must be an int of at least 3 and at most 5, got {value!r}."
    with pytest.raises(dr.ParameterError, match=f"^{re.escape(wanted)}$"):
        check_count("f", "n", value, 3, 5)


def test_the_largest_count_is_named_where_it_is_passed():
    assert check_count("f", "n", LARGEST, 0) == LARGEST
    with pytest.raises(dr.ParameterError, match=f"of at least 0 and at most {LARGEST}, got"):
        check_count("f", "n", LARGEST + 1, 0)
    with pytest.raises(dr.ParameterError, match="an int of at least 0, got -1"):
        check_count("f", "n", -1, 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1, np.float32(1), np.int16(1), Fraction(1)], ids=repr)
def test_numbers_become_plain_floats(value):
    assert type(in_range("f", "a", value, 1, 1)) is float
    assert in_range("f", "a", value, 0, above=True) == 1


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 10**400, "1", None, True, 1j, np.ones(1)], ids=repr
)
def test_what_is_no_finite_number_is_told(value):
    with pytest.raises(dr.ParameterError, match=r"^f: a must be a finite number, got "):
        in_range("f", "a", value)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "told"),
    [
        ({"low": 0}, (0, 9), (-1e-300,), "of at least 0"),
        ({"low": 0, "above": True}, (1e-300,), (0, -0.0), "above 0"),
        ({"high": 1}, (-9, 1), (1.5,), "of at most 1"),
        ({"low": 0, "high": 1}, (0, 1), (-1, 2), "of at least 0 and of at most 1"),
        ({"low": 0, "high": 1, "below": True}, (0, 0.5), (1,), "of at least 0 and below 1"),
    ],
)
def test_ranges_hold_their_ends_or_do_not(bounds, inside, outside, told):
    assert [in_range("f", "a", value, **bounds) for value in inside] == list(inside)
    for value in outside:
        with pytest.raises(dr.ParameterError, match=f"a must be a finite number {told}, got "):
            in_range("f", "a", value, **bounds)
