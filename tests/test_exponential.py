"""exp, e^x - 1 and log(1 + x) in plain arithmetic, against 60 digits."""

import math
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ulps import error

import deconv_ref as dr
from deconv_ref import exponential, real
from deconv_ref.ops.activations import stable

compiled = numba.njit(error_model="numpy")
BELOW = st.floats(-800, 0)
FRACTION = st.floats(0, 1)


@compiled
def exp(x):
    return exponential.exp(x)


@compiled
def scaled(x, number):
    first, second = exponential.factors(x)
    return number * first * second


@compiled
def expm1(x):
    return exponential.expm1(x)


@compiled
def log1p(x):
    return exponential.log1p(x)


@compiled
def filled(x, y):
    for n in range(y.size):
        y[n] = stable.silu_gradient(np.float64(1), np.float64(x[n]))


def true(function, x):
    return function(Fraction(x))


@settings(max_examples=1500)
@given(st.floats(-760, 711))
@example(709.7827128933840)
@example(709.7827128933841)
@example(-745.2)
def test_exp_is_within_one_ulp(x):
    assert error(np.float64(exp(x)), true(real.exp, x)) <= 1


@settings(max_examples=500)
@given(st.floats(-1453, -700), st.floats(1e290, 1.7e308))
def test_factors_leave_a_float_its_digits_where_the_power_has_none(x, number):
    got = np.float64(scaled(x, number))
    assert error(got, true(real.exp, x) * Fraction(number)) <= 6


@settings(max_examples=1500)
@given(st.one_of(BELOW, FRACTION, st.floats(-1e-3, 1e-3)))
@example(-5e-324)
@example(math.log(2) / 2)
def test_expm1_is_within_two_ulp(x):
    assert error(np.float64(expm1(x)), true(real.expm1, x)) <= 2


@settings(max_examples=1500)
@given(st.one_of(FRACTION, st.floats(0, 1e-3)))
@example(exponential.HALVED)
@example(math.nextafter(exponential.HALVED, 1))
def test_log1p_is_within_two_ulp(x):
    assert error(np.float64(log1p(x)), true(real.log1p, x)) <= 2


@pytest.mark.parametrize("function", [exp, expm1])
def test_limits(function):
    assert function(-math.inf) == function(-1e300) == (-1 if function is expm1 else 0)
    assert math.isnan(function(math.nan))
    assert exp(math.inf) == exp(1e300) == math.inf


def test_python_agrees():
    """So does what another processor compiles: its library's functions."""
    for x in (-700.0, -1.0, -1e-9, 0.0, 0.5, 1.0):
        assert exponential.exp(x) == pytest.approx(exp(x), rel=1e-15)
        assert exponential.expm1(x) == pytest.approx(expm1(x), rel=1e-15)
        assert exponential.log1p(abs(x)) == math.log1p(abs(x))


def test_a_loop_of_exponentials_is_one_of_vectors():
    """However long the formula around them."""
    dr.silu_backward(np.zeros(4, np.float32), np.zeros(4, np.float32))
    filled(np.zeros(4, np.float32), np.zeros(4, np.float32))
    (code,) = filled.inspect_llvm().values()
    assert "x double> " in code
