"""Elementary functions on floats and, to 60 digits, on rational numbers.

Equations that are not rational are written with these, so that one source runs three ways:

- on Python floats it calls `math`;
- on `fractions.Fraction` each function returns a fraction within a relative error of 1e-60 of the
  true value, in the tails and near zeros too. Sums and products of fractions are exact, so that
  even a naive formula is right to nearly as many digits: such a run is the truth that fast kernels
  are judged by;
- compiled by Numba (`deconv_ref.elementwise` tells it how) it calls the C library, in float64.

Infinities and NaN are no fractions. They stay floats, and give the limits.
"""

import math
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from functools import wraps
from typing import Any

__all__ = ["divide", "exp", "expm1", "log", "log1p", "normal_cdf", "normal_density", "tanh"]

CONTEXT = Context(prec=90, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])  # 30 digits to spare
SMALLEST = Decimal("1e-92")  # relative size of terms that no longer count
PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534"
    "21170680"
)
# e**20000 times the smallest double is beyond the largest: what is larger need not be told from
# infinity, nor its inverse from 0.
FARTHEST = 20000


def divide(a: Any, b: Any) -> Any:
    """Divide, by zero as IEEE 754 does; both zeros of the divisor count as positive."""
    if b == 0:
        return math.nan if a == 0 or a != a else math.inf if a > 0 else -math.inf
    return a / b


def _real(rational: Callable[[Decimal], Decimal]) -> Callable[..., Callable[[Any], Any]]:
    """Join a function on decimals with the one on floats."""

    def join(floating: Callable[[float], Any]) -> Callable[[Any], Any]:
        @wraps(floating)
        def function(x: Any) -> Any:
            if isinstance(x, Fraction | int):
                with localcontext(CONTEXT):
                    y = rational(Decimal(x.numerator) / Decimal(x.denominator))
                return Fraction(y) if y.is_finite() else float(y)
            return floating(float(x))

        return function

    return join


def _exp(x: Decimal) -> Decimal:
    if abs(x) > FARTHEST:
        return Decimal("inf") if x > 0 else Decimal(0)
    return x.exp()


@_real(_exp)
def exp(x: float) -> Any:
    """Raise e to the power x.

    Examples
    --------
    >>> exp(1.0)
    2.718281828459045
    >>> float(exp(Fraction(1)) - Fraction("2.71828182845904523536028747135266249775724709"))
    3.699959574966968e-45
    """
    if x == -math.inf:
        return 0  # exact, so that it leaves a sum of fractions one
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _expm1(x: Decimal) -> Decimal:
    if abs(x) > 0.5:
        return _exp(x) - 1
    total = term = x
    n = 1
    while abs(term) > abs(total) * SMALLEST:
        n += 1
        term *= x / n
        total += term
    return total


@_real(_expm1)
def expm1(x: float) -> Any:
    """Evaluate e**x - 1, small x too."""
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def _log1p(x: Decimal) -> Decimal:
    if abs(x) > 0.5:
        return _log(1 + x)
    z = x / (2 + x)  # log((1 + z) / (1 - z)) = 2 (z + z**3 / 3 + z**5 / 5 + ...)
    total, power, n = z, z, 1
    while abs(power) > abs(total) * SMALLEST:
        n += 2
        power *= z * z
        total += power / n
    return 2 * total


def _log(x: Decimal) -> Decimal:
    if x == 0:
        return Decimal("-inf")
    return x.ln() if x > 0 else Decimal("nan")


@_real(_log1p)
def log1p(x: float) -> Any:
    """Evaluate the natural logarithm of 1 + x, small x too."""
    return math.log1p(x) if x > -1 else _log_of_float(1 + x)


def log(x: Any) -> Any:
    """Evaluate the natural logarithm, minus infinity at 0.

    Examples
    --------
    >>> float(log(Fraction(1) + Fraction(1, 10**200)) * 10**200)
    1.0
    """
    near = isinstance(x, Fraction) and 2 * abs(x - 1) < 1
    return log1p(x - 1) if near else _log_far_from_1(x)


def _log_of_float(x: float) -> float:
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


_log_far_from_1 = _real(_log)(_log_of_float)


def _tanh(x: Decimal) -> Decimal:
    if abs(x) > FARTHEST / 2:
        return Decimal(1).copy_sign(x)
    e = _expm1(2 * abs(x))
    return (e / (e + 2)).copy_sign(x)


@_real(_tanh)
def tanh(x: float) -> Any:
    """Evaluate the hyperbolic tangent."""
    return math.tanh(x)


def _normal_density(x: Decimal) -> Decimal:
    return _exp(-x * x / 2) / (2 * PI).sqrt()


@_real(_normal_density)
def normal_density(x: float) -> Any:
    """Evaluate the density of the standard normal distribution, exp(-x**2 / 2) / sqrt(2 pi)."""
    return exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _normal_cdf(x: Decimal) -> Decimal:
    if x > 0:
        return 1 - _normal_cdf(-x)
    u = -x
    if u > 8:  # continued fraction of Mills's ratio; its error falls as exp(-2 u sqrt(2 n))
        tail = u
        for n in range(400, 0, -1):
            tail = u + n / tail
        return _normal_density(u) / tail
    total = term = u  # Abramowitz and Stegun 26.2.11; at u = 8 it loses 15 digits of 90
    n = 1
    while term > total * SMALLEST:
        n += 2
        term *= u * u / n
        total += term
    return Decimal("0.5") - _normal_density(u) * total


@_real(_normal_cdf)
def normal_cdf(x: float) -> Any:
    """Evaluate the distribution function of the standard normal, erfc(-x / sqrt(2)) / 2.

    Examples
    --------
    >>> normal_cdf(Fraction(0))
    Fraction(1, 2)
    >>> float(normal_cdf(Fraction(-38)))
    2.88542835e-316
    """
    return math.erfc(-x / math.sqrt(2)) / 2
