"""Formulas for the smooth activations that keep their relative accuracy everywhere, in float64.

What the textbook's formulas lose, and where it is kept here:

- ``a e^x`` where e^x underflows and a is large: multiply by one factor of it after the other
  (`scaled_exp`).
- Phi(x) for negative x: the error of -x^2 / 2 is multiplied by the exponential. A few leading bits
  of x are squared exactly, the rest enters by its own exponential (`scaled_density`), and what
  remains, Mills's ratio Phi(-u) / phi(u), is a smooth function of u: a polynomial.
- The derivatives of gelu and silu near their zeros: the zero is known to 107 bits, the difference
  from it is exact, and the rest of the derivative has no zero. So the relative error is bounded
  there too.
- Gradients take ``grad_y`` along, so that it is there before anything underflows.

Derivatives f of gelu and silu obey f(x) = 1 - f(-x), which leaves negative x to do.
"""

import math

from deconv_ref.exponential import exp, expm1, factors, log1p

# Zeros of the derivatives, as the sum of two floats, to within 2^-107.
SILU_ZERO, SILU_ZERO_LOW = -1.2784645427610737, -1.0946994183093437e-16
GELU_ZERO, GELU_ZERO_LOW = 0.7517915246935645, -1.4956759177009883e-17  # of -x
EXP_SILU_ZERO = 0.2784645427610738  # e to that power, -1 - SILU_ZERO

# Chebyshev fits in t = (u - 4) / (u + 4) for 0 <= u <= 40; highest power first.
# (1 + u) Phi(-u) / phi(u), to within 2.4e-18:
MILLS = (
    -6.570796138641301e-10,
    -3.395960921761565e-09,
    -2.081136854535032e-09,
    2.1119480985059662e-08,
    4.279862128690463e-08,
    -5.9118868942483805e-08,
    -2.787286168943164e-07,
    1.2576543437552085e-08,
    1.385385555354974e-06,
    1.0084564568212721e-06,
    -6.551008720979987e-06,
    -8.601063508249684e-06,
    3.415812556964133e-05,
    5.326539299682329e-05,
    -0.00022021544114358193,
    -0.00023670144360946117,
    0.0017418487568626208,
    -0.0007159509440900037,
    -0.012539103619132748,
    0.044959129079742866,
    -0.08070800967910208,
    0.07169048120135199,
    0.03509188023474879,
    -0.2423996705218073,
    1.1832619145678034,
)
# (u - Phi(-u) / phi(u)) / (u - GELU_ZERO), to within 1.7e-18:
GELU_QUOTIENT = (
    -1.8396376801395723e-10,
    -3.785539493243057e-10,
    1.4080983267373188e-09,
    4.307187457900403e-09,
    -4.429529525487277e-09,
    -2.868071591627246e-08,
    -1.924758897261179e-09,
    1.5884555936925904e-07,
    1.3143331342994562e-07,
    -8.759202705438356e-07,
    -1.2337514334431893e-06,
    5.556613711016049e-06,
    8.870734489992833e-06,
    -4.520690656565112e-05,
    -4.380888516345405e-05,
    0.000465670812074052,
    -0.0003875581009612445,
    -0.0044825044352579165,
    0.023825377359150534,
    -0.07039454410494425,
    0.15155810686952245,
    -0.25909988386777605,
    1.1585917731870352,
)
INVERSE_SQRT_2PI = 0.3989422804014327

LAST_EXPONENT = -1500.0  # e to a lower power is 0, times any float
LAST_NORMAL = 40.0  # Phi(-u) is 0 beyond


def scaled_exp(a: float, x: float) -> float:
    """Evaluate a e^x for x <= 0."""
    first, second = factors(x)
    return a * first * second


def scaled_density(a: float, u: float) -> float:
    """Evaluate a phi(u) for 0 <= u <= 40, phi the density of the standard normal distribution."""
    c = math.floor(u * 1024) / 1024
    half = math.exp(-c * c / 4)  # c * c is exact
    return a * INVERSE_SQRT_2PI * math.exp((c - u) * (c + u) / 2) * half * half


def polynomial(coefficients: tuple[float, ...], u: float) -> float:
    """Evaluate a fit at u."""
    t = (u - 4) / (u + 4)
    total = coefficients[0]
    for n in range(1, len(coefficients)):
        total = total * t + coefficients[n]
    return total


def elu(x: float, alpha: float) -> float:
    """Evaluate F8."""
    return x if x > 0 else alpha * expm1(x)


def elu_gradient(grad_y: float, x: float, alpha: float) -> float:
    """Evaluate F9."""
    return grad_y if x > 0 else scaled_exp(grad_y * alpha, x)


def sigmoid(x: float) -> float:
    """Evaluate F10."""
    e = exp(-abs(x))
    return (1.0 if x > 0 else e) / (1 + e)


def sigmoid_gradient(grad_y: float, x: float) -> float:
    """Evaluate F11."""
    first, second = factors(-abs(x))
    e = first * second
    return grad_y * first * second / ((1 + e) * (1 + e))


def tanh(x: float) -> float:
    """Evaluate F12."""
    fall = expm1(-2 * abs(x))
    return math.copysign(fall / (2 + fall), x)


def tanh_gradient(grad_y: float, x: float) -> float:
    """Evaluate F13."""
    first, second = factors(-2 * abs(x))
    twice = 2 / (1 + first * second)
    return grad_y * first * second * twice * twice


def softplus(x: float) -> float:
    """Evaluate F14."""
    tail = log1p(exp(-abs(x)))
    return x + tail if x > 0 else tail


def softplus_gradient(grad_y: float, x: float) -> float:
    """Evaluate F15."""
    first, second = factors(-abs(x))
    return (grad_y if x > 0 else grad_y * first * second) / (1 + first * second)


def gelu(x: float) -> float:
    """Evaluate F16."""
    u = abs(x)
    if not u <= LAST_NORMAL:
        return -0.0 if x < 0 else x
    tail = polynomial(MILLS, u) / (1 + u)
    return x * (1 - scaled_density(tail, u)) if x > 0 else scaled_density(x * tail, u)


def gelu_gradient(grad_y: float, x: float) -> float:
    """Evaluate F17."""
    if x > 0:
        return grad_y * (1 - gelu_slope(1.0, x))
    return gelu_slope(grad_y, -x)


def gelu_slope(a: float, u: float) -> float:
    """Evaluate a times the derivative of gelu at -u, for u >= 0."""
    if not u <= LAST_NORMAL:
        return a * (-0.0 if u > 0 else u)
    from_zero = (u - GELU_ZERO) - GELU_ZERO_LOW
    return scaled_density(-a * (from_zero * polynomial(GELU_QUOTIENT, u)), u)


def silu(x: float) -> float:
    """Evaluate F18."""
    first, second = factors(-abs(x))
    y = (x if x > 0 else x * first * second) / (1 + first * second)
    return -0.0 if x < LAST_EXPONENT else y


def silu_gradient(grad_y: float, x: float) -> float:
    """Evaluate F19."""
    return grad_y * (1 - silu_slope(1.0, -x)) if x > 0 else silu_slope(grad_y, x)


def silu_slope(a: float, x: float) -> float:
    """Evaluate a times the derivative of silu for x <= 0.

    It is e^x (1 + x + e^x) / (1 + e^x)^2. With z the zero and t = x - z, 1 + x + e^x is
    t + e^z (e^t - 1), whose terms have one sign. Near 0 the sum as it stands is the exacter one.
    """
    first, second = factors(x)
    e = first * second
    t = (x - SILU_ZERO) - SILU_ZERO_LOW
    sum_of_terms = 1 + x + e if x > -0.5 else t + EXP_SILU_ZERO * expm1(t)
    slope = sum_of_terms / ((1 + e) * (1 + e)) * (a * first) * second
    return a * -0.0 if x < LAST_EXPONENT else slope
