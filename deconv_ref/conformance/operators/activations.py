"""How activations are checked: in the tails as near 0, at infinities and NaN, and where they bend.

Rectifiers select or multiply once, and are exact. The others are right to a number of units in the
last place of the true value that a stable formula can promise. It is counted so, with u the unit
roundoff: a sum, product or quotient, or a parameter rounded to the dtype, adds u; an elementary
function adds twice what the OpenCL C specification grants it in ulps (version 3.0, section 7.4,
"Relative error as ULPs"), as an ulp is up to 2 u; an error of k u is no more than k ulps.

That is the bound in the tails too, where y (1 - y) and its like keep no digits, and have another
result altogether. Rounding an argument z adds the condition number |z f'(z) / f(z)|, which no
formula in the dtype can avoid: the distance from the largest logit for the exponentials of softmax,
and about x^2 for the tail of gelu.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref import real
from deconv_ref.conformance.case import SMALL, Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.exact import Exact
from deconv_ref.conformance.halves import Halves
from deconv_ref.conformance.margins import Margin, cancelling, selected, within
from deconv_ref.conformance.strategies import (
    SPECIAL,
    integers,
    laid_out,
    reals,
    shapes,
    significant_bits,
    sprinkled,
    tails,
)
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["OPERATORS", "lines", "rectified", "smooth"]

Array = NDArray[Any]

MOST = (13, 4, 3)  # largest size of an axis: an element of the truth takes 0.1 ms, and more
SLOPES = (0.25, 0.5, -0.75, 2.0)  # no product of them is rounded but by the dtype
DEFAULT_SLOPE = 0.01
ALPHAS = (1.0, 0.5, 2.0, 1.75, 0.1)
AXES = (1, -1, 0, 2, -2, 3, -3, -4)

FAR = (100.0, -100.0, 800.0, -800.0, 1e4, -1e4)  # e^x, or e^-x, is no float32, or none at all
FLAT = {"gelu": -0.7517915246935645, "silu": -1.2784645427610737}  # where the derivative is 0

EXP, EXPM1, LOG1P, TANH, ERFC = 6, 6, 4, 10, 32  # twice the ulps of the OpenCL specification
SIGMOID = EXP + 2  # 1 / (1 + e^-x)


# Cases


def rectified(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a rectifier, or of its gradient: exact but for a slope that is rounded."""
    op, gradient = function.removesuffix("_backward"), function.endswith("_backward")
    shape, dtype = shapes(draw, very_long=True), draw.among(dtypes)
    whole, rng = draw.boolean(), draw.rng()
    values = integers if whole else reals
    operands = {name: values(rng, shape) for name in (["grad_y", "x"] if gradient else ["x"])}
    for name in operands:
        if draw.boolean():
            operands[name] = sprinkled(rng, operands[name])
    parameters, exact = {}, True
    if op == "leaky_relu":
        parameters["negative_slope"] = draw.among((*SLOPES, DEFAULT_SLOPE))
        exact = parameters["negative_slope"] != DEFAULT_SLOPE
    if op == "prelu":
        slopes = draw.among([shape[1], shape[1], 1])
        operands["slope"] = integers(rng, (slopes,)) / 4
        terms = SMALL**2 * math.prod(shape)  # of the slope's gradient, in parts of integers
        exact = not gradient or (whole and terms <= 2 ** significant_bits(dtype))
    given = {name: laid_out(draw, array, dtype) for name, array in operands.items()}
    return Case(function, parameters, given, exact)


def smooth(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a function that is applied element by element, or of its gradient."""
    op = function.removesuffix("_backward")
    shape, dtype = shapes(draw, most=MOST), draw.among(dtypes)
    rng = draw.rng()
    x = tails(rng, shape, dtype)
    if draw.boolean():
        flat = FLAT.get(op, 0.0)
        x = sprinkled(rng, x, (*SPECIAL, *FAR, flat, flat * (1 + 2.0**-9), flat * (1 - 2.0**-5)))
    parameters = {"alpha": draw.among(ALPHAS)} if op == "elu" else {}
    operands = {"x": laid_out(draw, x, dtype)}
    if function.endswith("_backward"):
        operands = {"grad_y": _incoming(draw, rng, shape, dtype), **operands}
    return Case(function, parameters, operands, exact=False)


def lines(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of a function that normalizes lines of logits, or of its gradient."""
    size = [draw.integer(1, 3) for _ in range(draw.integer(1, 4))]
    axis = draw.among([a for a in AXES if -len(size) <= a < len(size)])
    size[axis] = draw.integer(1, 6)
    if draw.one_in(24):  # longer than two vectors of a processor
        size = [1] * len(size)
        size[axis] = draw.integer(*draw.among([(33, 36), (65, 68)]))
    if axis % len(size) and draw.one_in(16):
        size[0] = 0
    shape, dtype, rng = tuple(size), draw.among(dtypes), draw.rng()
    x = tails(rng, shape, dtype)
    kind = draw.among(["far", "near", "alike", "special", "special", "shifted"])
    if kind == "near":
        x = rng.standard_normal(shape) * 2
    elif kind == "alike":
        x = rng.choice([1.0, 1.0, -2.5], shape)
    elif kind == "special":
        x = sprinkled(rng, x, draw.among([(-np.inf,), (np.inf, np.nan)]))
    elif kind == "shifted":  # e^x is out of range, and only differences matter
        x = rng.standard_normal(shape) * 8 + rng.choice([-1e4, 1e4])
    operands = {"x": laid_out(draw, x, dtype)}
    if function.endswith("_backward"):
        operands = {"grad_y": _incoming(draw, rng, shape, dtype, x, axis), **operands}
    return Case(function, {"axis": axis}, operands, exact=False)


def _incoming(
    draw: Draw,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    dtype: str,
    x: Array | None = None,
    axis: int = 1,
) -> Any:
    """Draw a gradient of the result: real numbers, at times a NaN; of a line at times one number.

    That is anywhere, or as a loss gives it, at the largest logit.
    """
    kinds = ["real", "real", "integer", "nan"]
    kind = draw.among(kinds if x is None else [*kinds, "one", "largest", "largest"])
    values = integers(rng, shape) if kind == "integer" else reals(rng, shape)
    if kind == "nan":
        values = sprinkled(rng, values, (np.nan,))
    if kind == "largest" and x is not None:
        values = np.where(x == np.max(x, axis=axis, keepdims=True, initial=-np.inf), values, 0)
    if kind == "one":
        place = rng.permuted(np.indices(shape)[axis], axis=axis)
        values = np.where(place == 0, values, 0)
    return laid_out(draw, values, dtype)


# Bounds


def once(question: Question, quantity: str) -> Margin:
    """Bound a product with a slope, which may have been rounded to the dtype."""
    return (selected if question.case.exact else within(2))(question, quantity)


def of_prelu(question: Question, quantity: str) -> Margin:
    """Bound a product, or the sum of those at x <= 0, by R1."""
    return (slope_sum if quantity == "slope" else once)(question, quantity)


@cancelling
def slope_sum(question: Question, _: str) -> tuple[Any, Any]:
    """Count the terms of F7 and measure them: at x <= 0, |grad_y x| is -|grad_y| x."""
    arrays = question.arrays()
    arrays["grad_y"] = np.abs(arrays["grad_y"])
    magnitude = -question.operator.evaluate(question.case, arrays)["slope"]
    ones = {name: np.sign(array) for name, array in arrays.items()}
    return -question.operator.evaluate(question.case, ones)["slope"], magnitude


def of_elu(question: Question, _: str) -> Array:
    """Count the roundings of elu: none for x > 0, else a function and products with a parameter."""
    gradient = question.case.function.endswith("_backward")
    return np.where(question.arrays()["x"] > 0, 0.0, EXP + 3 if gradient else EXPM1 + 2)


def of_gelu(question: Question, _: str) -> Array:
    """Count the roundings of x erfc(-x / sqrt(2)) / 2.

    With z = -x / sqrt(2) > 0 the condition number of erfc is below 2 z^2 + 1 = x^2 + 1, as
    phi(u) / Phi(-u) < u + 1 / u for u > 0; z is a rounded product with a rounded constant.
    """
    return ERFC + 2 * (_tail(question) ** 2 + 1) + 2


@cancelling
def of_gelu_gradient(question: Question, _: str) -> tuple[Any, Any]:
    """Weigh the terms of grad_y (Phi(x) + x phi(x)), each by its roundings.

    Phi counts as in gelu. phi is e^(-z^2) with the same z, of 2 roundings, and a rounded square:
    5 z^2 = 5 x^2 / 2 in all; its constant and product are 2 more. The product with x is one, sum
    and product with grad_y are two.
    """
    x, grad_y = question.arrays()["x"], np.abs(question.arrays()["grad_y"])
    x = np.clip(np.nan_to_num(x), -LAST_NORMAL, LAST_NORMAL)
    cdf = (ERFC + 2 * (_tail(question) ** 2 + 1) + 1 + 2) * _cdf(x)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return 1, grad_y * (cdf + (EXP + 2.5 * x**2 + 2 + 1 + 2) * np.abs(x) * density)


@cancelling
def of_silu_gradient(question: Question, _: str) -> tuple[Any, Any]:
    """Weigh the terms of grad_y (s(x) + x s(x) s(-x)), s the sigmoid, each by its roundings."""
    x, grad_y = question.arrays()["x"], np.abs(question.arrays()["grad_y"])
    x = np.clip(x, -LAST_EXPONENT, LAST_EXPONENT)
    s, other = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
    return 1, grad_y * ((SIGMOID + 2) * s + (2 * SIGMOID + 4) * np.abs(x) * s * other)


LAST_NORMAL = 40.0  # phi(x) is 0 beyond
LAST_EXPONENT = 700.0  # e^-x is still a float there
_cdf = np.vectorize(real.normal_cdf, otypes=[np.float64])


def _tail(question: Question) -> Array:
    return np.clip(question.arrays()["x"], -LAST_NORMAL, 0.0)


# Lines of K logits: d_k is the distance of a logit from the largest, e_k is e^-d_k, S the sum of
# these and p_k = e_k / S. Rounding d_k adds d_k u to e_k. To S that adds no more than K - 1, as
# sum_j p_j d_j <= log K - log S (Gibbs' inequality); the sum itself adds K - 1.


def finite(d: Array) -> Array:
    """Set infinite distances to 0: their exponentials are exact."""
    return np.where(np.isfinite(d), d, 0.0)


class Lines:
    """The lines of a question, along the last axis."""

    def __init__(self, question: Question) -> None:
        self.axis = question.case.parameters["axis"]
        arrays = {n: np.moveaxis(a, self.axis, -1) for n, a in question.arrays().items()}
        x, self.grad_y = arrays["x"], arrays.get("grad_y", arrays["x"])
        with np.errstate(invalid="ignore"):
            d = x.max(-1, keepdims=True, initial=-np.inf) - x
            e = np.exp(-d)
            self.p = e / e.sum(-1, keepdims=True)
        self.second = finite(np.sort(d, -1)[..., 1:2]).sum(-1, keepdims=True)  # 0 if there is none
        self.d = finite(d)
        self.others = np.sort(e, -1)[..., :-1].sum(-1, keepdims=True)  # S - 1
        self.k = x.shape[-1]

    def back(self, values: Array) -> Array:
        """Put the lines back in their axis."""
        return np.moveaxis(values, -1, self.axis)

    def pairs(self) -> tuple[Array, ...]:
        """Give (p_k, p_j), (d_k, d_j) and (grad_y_k, grad_y_j), k along the last axis but one."""
        return tuple(
            view
            for values in (self.p, self.d, self.grad_y)
            for view in (values[..., :, None], values[..., None, :])
        )


def of_softmax(question: Question, _: str) -> Array:
    """Count the roundings of e_k / S: two exponentials, the terms of S, a quotient."""
    lines = Lines(question)
    return lines.back(2 * EXP + 2 * (lines.k - 1) + 1 + lines.d)


@cancelling
def of_log_softmax(question: Question, _: str) -> tuple[Any, Any]:
    """Weigh the terms of d_k + log(1 + (S - 1)), both positive, each by its roundings.

    S - 1 is the sum of all but the largest, whose distances count from the second largest.
    """
    lines = Lines(question)
    count = EXP + lines.second + 2 * lines.k + LOG1P + 1
    return 1, lines.back(2 * lines.d + count * np.log1p(lines.others))


@cancelling
def of_softmax_gradient(question: Question, _: str) -> tuple[Any, Any]:
    """Weigh the terms of sum_j p_k p_j (grad_y_k - grad_y_j), each by its roundings."""
    lines = Lines(question)
    p_k, p_j, d_k, d_j, g_k, g_j = lines.pairs()
    count = 2 * (2 * EXP + 2 * lines.k) + d_k + d_j + 3 + lines.k
    return 1, lines.back((count * p_k * p_j * np.abs(g_k - g_j)).sum(-1))


@cancelling
def of_log_softmax_gradient(question: Question, _: str) -> tuple[Any, Any]:
    """Weigh the terms of sum_j (p_j grad_y_k - p_k grad_y_j), each by its roundings.

    The term at j = k is 0: of a one-hot grad_y nothing cancels.
    """
    lines = Lines(question)
    p_k, p_j, d_k, d_j, g_k, g_j = lines.pairs()
    count = 2 * EXP + 2 * lines.k + 2 + lines.k
    terms = (count + d_j) * p_j * np.abs(g_k) + (count + d_k) * p_k * np.abs(g_j)
    return 1, lines.back((terms * (1 - np.eye(lines.k))).sum(-1))


# Records


def _operator(name: str, cases: Any, forward: Any, gradient: Any, **more: Any) -> Operator:
    """Make a record of two rules, or numbers of ulps."""
    rules = [rule if callable(rule) else within(rule) for rule in (forward, gradient)]

    def margin(question: Question, quantity: str) -> Margin:
        return rules[question.case.function != name](question, quantity)

    return Operator(name, cases, margin, **({"gradients": ("x",)} | more))


OPERATORS = (
    _operator("relu", rectified, selected, selected, halves=Halves()),
    _operator(
        "leaky_relu",
        rectified,
        once,
        once,
        flags={"negative_slope": SLOPES},
        halves=Halves(),
    ),
    _operator(
        "prelu",
        rectified,
        selected,
        of_prelu,
        gradients=("x", "slope"),
        halves=Halves(),
    ),
    _operator("elu", smooth, within(of_elu), within(of_elu), tier=Exact, flags={"alpha": ALPHAS}),
    _operator("sigmoid", smooth, SIGMOID, 2 * SIGMOID + 2, tier=Exact),
    # By its own function, or by expm1(-2 x) as -m / (m + 2); the derivative as (2 / (e^x + e^-x))^2
    _operator("tanh", smooth, 2 * EXPM1 + 2, 2 * (EXP + 2) + 2, tier=Exact),
    _operator("softplus", smooth, EXP + LOG1P + 1, SIGMOID + 1, tier=Exact),
    _operator("gelu", smooth, within(of_gelu), of_gelu_gradient, tier=Exact),
    _operator("silu", smooth, SIGMOID + 1, of_silu_gradient, tier=Exact),
    _operator(
        "softmax",
        lines,
        within(of_softmax),
        of_softmax_gradient,
        tier=Exact,
        flags={"axis": AXES},
    ),
    _operator(
        "log_softmax",
        lines,
        of_log_softmax,
        of_log_softmax_gradient,
        tier=Exact,
        flags={"axis": AXES},
    ),
)
