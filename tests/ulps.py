"""Errors in units in the last place, against true values that are fractions."""

import math
from fractions import Fraction

import numpy as np

SMALLEST = {np.float32: -149, np.float64: -1074}  # exponents of the smallest floats
LIMIT = {np.float32: Fraction(2) ** 128, np.float64: Fraction(2) ** 1024}
FLOAT64_ULPS, FLOAT32_ULPS = 6, 1  # what the documentation promises


def promised(dtype):
    return FLOAT64_ULPS if dtype == np.float64 else FLOAT32_ULPS


def spacing(dtype, true):
    """Give the distance of neighbouring floats around a fraction, exactly."""
    digits = np.finfo(dtype).nmant
    size = abs(Fraction(true))
    if size == 0:
        return Fraction(2) ** SMALLEST[dtype]
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    return Fraction(2) ** max(exponent - digits, SMALLEST[dtype])


def error(got, true, unit=None):
    """Give the error of a float in ulps of the true value, or in units as large as `unit`'s ulp.

    Infinities and NaN are right or wrong: 0 or infinity.
    """
    dtype = type(got)
    if isinstance(true, float):
        return 0.0 if got == true or (got != got and true != true) else math.inf
    if not np.isfinite(got):
        return 0.0 if np.isinf(got) and abs(true) > LIMIT[dtype] * Fraction(999, 1000) else math.inf
    return float(abs(Fraction(float(got)) - true) / spacing(dtype, true if unit is None else unit))


def fractions(array):
    """Make fractions of finite floats, in an object array; the rest stays as it is."""
    exact = np.empty(array.shape, object)
    for at in np.ndindex(array.shape):
        value = float(array[at])
        exact[at] = Fraction(value) if math.isfinite(value) else value
    return exact


def worst(got, true, unit=None):
    """Give the largest error of an array."""
    assert got.shape == true.shape
    units = np.full(true.shape, None) if unit is None else unit
    return max(
        (error(g, t, u) for g, t, u in zip(got.flat, true.flat, units.flat, strict=True)),
        default=0.0,
    )
