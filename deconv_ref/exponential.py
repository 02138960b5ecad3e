r"""The exponential function of float64, and a logarithm, in plain arithmetic.

A loop that calls it can run on vectors, and gets the same bits on every processor and system, which
the functions of C libraries do not give.

With x = n log 2 + r and n the nearest integer, e^x = 2^n e^r. For \|r\| up to log(2) / 2 the Taylor
series to r^13 is right to 2^-58; log 2 has a high part of 32 bits, whose multiples by n are exact,
and a low part. Results are within 1 ulp.

With s = f / (2 + f), log(1 + f) = 2 (s + s^3 / 3 + s^5 / 5 + ...) = f - s f + s (2 s^2 / 3 + ...),
in which f is exact. For f from 1 - sqrt(1/2) down to sqrt(1/2) - 1 the series to s^21 is right to
2^-58; a larger 1 + f is halved.

On other processors than the CPU, and in Python, they are those of the library there.

This module imports Numba; only kernels import it, and they are imported when first needed. Numba's
cache does not watch it: after a change here, delete the ``*.nbi`` files of what calls it.
"""

import math

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

__all__ = ["exp", "expm1", "factors", "log1p"]

PER_LOG_2 = 1 / math.log(2)
LOG_2 = float.fromhex("0x1.62e42feep-1")
LOG_2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
EXP_SERIES = tuple(1 / math.factorial(n) for n in range(2, 14))  # of r^2 and on, over r^2
LOG_SERIES = tuple(2 / n for n in range(3, 22, 2))  # of 2 s^3 / 3 and on, over s^3
HALVED = math.sqrt(2) - 1  # what is larger

ROUNDING = 1.5 * 2.0**52  # what is added to it is rounded to an integer
ROUNDED = 0x4338 << 48  # its bits
MOST = 710.0  # the results of more are infinite
LEAST = -1455.0  # of less they are 0, times any float
LEAST_ADDED = -60.0  # added to -1 they are nothing
SMALLEST = -1021  # exponent of a number that has all its digits


def exp(x: float) -> float:
    """Raise e to the power x."""
    first, second = factors(x)
    return first * second


def factors(x: float) -> tuple[float, float]:
    """Give two factors of e^x, for products that are no smaller than floats can be.

    So a float times e^x, ``number * first * second``, keeps its digits where e^x alone has few.
    """
    half = math.exp(x / 2)
    return half, half


def expm1(x: float) -> float:
    """Evaluate e^x - 1 for x up to 1, small x too."""
    return math.expm1(x)


def log1p(x: float) -> float:
    """Evaluate log(1 + x) for x from 0 to 1."""
    return math.log1p(x)


@overload(factors)
def _factors(x):  # type: ignore[no-untyped-def]
    def halves(x):  # type: ignore[no-untyped-def]
        half = math.exp(x / 2)
        return half, half

    return halves


@overload(expm1)
def _expm1(x):  # type: ignore[no-untyped-def]
    return lambda x: math.expm1(x)


@overload(log1p)
def _log1p(x):  # type: ignore[no-untyped-def]
    return lambda x: math.log1p(x)


@overload(factors, {"forceinline": True}, target="cpu")
def _factors_in_vectors(x):  # type: ignore[no-untyped-def]
    def powers(x):  # type: ignore[no-untyped-def]
        x = MOST if x > MOST else x
        whole, less_1 = _reduced(LEAST if x < LEAST else x)
        first = max(whole >> 1, SMALLEST)
        rest = whole - first
        half = rest >> 1
        return (1.0 + less_1) * _power_of_2(first), _power_of_2(half) * _power_of_2(rest - half)

    return powers


@overload(expm1, {"forceinline": True}, target="cpu")
def _expm1_in_vectors(x):  # type: ignore[no-untyped-def]
    def sum_of_parts(x):  # type: ignore[no-untyped-def]
        whole, less_1 = _reduced(LEAST_ADDED if x < LEAST_ADDED else x)
        power = _power_of_2(whole)
        return (power - 1.0) + power * less_1

    return sum_of_parts


@overload(log1p, {"forceinline": True}, target="cpu")
def _log1p_in_vectors(x):  # type: ignore[no-untyped-def]
    def series(x):  # type: ignore[no-untyped-def]
        f = (x - 1.0) / 2.0 if x > HALVED else x
        s = f / (2.0 + f)
        square = s * s
        rest = _polynomial(LOG_SERIES, square)
        half_square = f * f / 2.0
        less = half_square - s * (half_square + rest * square)
        return LOG_2 + (f - (less - LOG_2_LOW)) if x > HALVED else f - less

    return series


@register_jitable(forceinline=True)
def _reduced(x):  # type: ignore[no-untyped-def]
    """Give n and e^r - 1."""
    shifted = x * PER_LOG_2 + ROUNDING
    n = shifted - ROUNDING
    high, low = x - n * LOG_2, n * LOG_2_LOW
    r = high - low
    lost = (high - r) - low
    series = _polynomial(EXP_SERIES, r)
    return _bits(shifted) - ROUNDED, r + (lost + series * r * r)


@register_jitable(forceinline=True)
def _power_of_2(n):  # type: ignore[no-untyped-def]
    return _float((n + 1023) << 52)


@intrinsic
def _polynomial(typing_context, coefficients, x):  # type: ignore[no-untyped-def]
    """Evaluate a polynomial, lowest coefficient first, without a loop inside that of the caller."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        *others, total = cgutils.unpack_tuple(builder, arguments[0])
        for coefficient in reversed(others):
            total = builder.fadd(builder.fmul(total, arguments[1]), coefficient)
        return total

    return types.float64(coefficients, types.float64), codegen


@intrinsic
def _bits(typing_context, x):  # type: ignore[no-untyped-def]
    """Take the bits of a float for an integer."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _float(typing_context, bits):  # type: ignore[no-untyped-def]
    """Take the bits of an integer for a float."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), codegen


register_jitable(forceinline=True)(exp)
