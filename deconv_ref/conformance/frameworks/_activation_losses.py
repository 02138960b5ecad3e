"""What the formulas of most frameworks lose, as a `Difference` allows it: none of it is in a bound.

Each function is called as the operator is, and gives the error that a difference of two rounded
numbers has where little is left of it. With u the unit roundoff, an elementary function errs by no
more than twice the ulps that the OpenCL C specification grants it, times u; every other operation
by u.
"""

import functools

import numpy as np

from deconv_ref.conformance.frameworks._allowances import roundoff
from deconv_ref.conformance.frameworks._difference import Difference


def _of_x(function):
    """Allow a number of roundoffs of x's dtype; of NaN in x, which gives NaN, none."""

    @functools.wraps(function)
    def allowance(**call):
        x = call["x"]
        doubles = {n: np.float64(a) if isinstance(a, np.ndarray) else a for n, a in call.items()}
        with np.errstate(all="ignore"):
            roundoffs = np.nan_to_num(function(**doubles), nan=0.0, posinf=0.0)
        return roundoff(x.dtype) * roundoffs

    return allowance


def nan_in_x(x, **_):
    """Allow any value where x is NaN."""
    return np.where(np.isnan(x), np.inf, 0.0)


def infinite_x(x, **_):
    """Allow any value where x is infinite."""
    return np.where(np.isinf(x), np.inf, 0.0)


def minus_infinity(x, **_):
    """Allow any value where x is minus infinity."""
    return np.where(x == -np.inf, np.inf, 0.0)


def plus_infinity_in_channel(x, slope, **_):
    """Allow any value where plus infinity is among the elements of a slope."""
    return _by_slope(x == np.inf, slope)


def no_number_at_0(grad_y, x, slope):
    """Allow any value where grad_y is NaN or infinite at an element of a slope that is 0."""
    return _by_slope(~np.isfinite(grad_y) & (x == 0), slope)


def no_number_above_0(grad_y, x, slope):
    """Allow any value where grad_y is NaN or infinite at a positive element of a slope."""
    return _by_slope(~np.isfinite(grad_y) & (x > 0), slope)


def _by_slope(found, slope):
    elements = found if len(slope) == 1 else np.moveaxis(found, 1, 0)
    return np.where(
        np.any(elements.reshape(len(slope), elements.size // len(slope)), axis=1), np.inf, 0.0
    )


def infinity_in_line(x, axis):
    """Allow any value in a line with plus infinity."""
    found = np.any(x == np.inf, axis=axis, keepdims=True)
    return np.broadcast_to(np.where(found, np.inf, 0.0), x.shape)


def infinite_grad_y(grad_y, **_):
    """Allow any value where grad_y is infinite."""
    return np.where(np.isinf(grad_y), np.inf, 0.0)


def masked_nan(grad_y, x, **_):
    """Allow any value where the derivative is 0 and grad_y is NaN."""
    return np.where(np.isnan(grad_y) & (x <= 0), np.inf, 0.0)


def multiplied_infinity(grad_y, x, **_):
    """Allow any value where the derivative is 0 and grad_y is infinite."""
    return np.where(np.isinf(grad_y) & (x <= 0), np.inf, 0.0)


def derivative_at_0(derivative):
    """Allow another derivative of a leaky rectifier at 0 than its slope."""

    def allowance(grad_y, x, negative_slope=0.0, slope=None):
        if slope is not None:
            negative_slope = slope.reshape(-1, *[1] * (x.ndim - 2))
        with np.errstate(invalid="ignore"):
            off = np.abs(derivative - np.float64(negative_slope))
            rounding = 2 * roundoff(x.dtype) * (1 + np.abs(np.float64(negative_slope)))
            difference = np.abs(np.float64(grad_y)) * (off + rounding)
        return np.where(x == 0, np.nan_to_num(difference, nan=0.0, posinf=np.inf), 0.0)

    return allowance


def slope_in_float32(x, grad_y=None, *, negative_slope):
    """Allow the rounding of the slope to float32, of float64 arrays too."""
    off = abs(float(np.float32(negative_slope)) - negative_slope)
    scaled = np.abs(np.nan_to_num(x if grad_y is None else grad_y, posinf=0.0, neginf=0.0))
    return np.where(x <= 0, off * scaled, 0.0)


@_of_x
def exp_minus_1(x, alpha):
    """Allow what alpha (e^x - 1) loses near 0: the 6 roundoffs of e^x."""
    return np.where(x < 0, 6 * abs(alpha), 0.0)


@_of_x
def elu_plus_alpha(grad_y, x, alpha):
    """Allow what grad_y (y + alpha) loses far below 0: the 8 roundoffs of y, and the sum's."""
    return np.where(x < 0, 9 * np.abs(grad_y * alpha), 0.0)


@_of_x
def logarithm_in_exponent(grad_y, x):
    """Allow what grad_y e^(x - y), y the softplus, loses below 0: the roundoff of the exponent."""
    return np.abs(grad_y * x) * np.exp(np.minimum(x, 0))


@_of_x
def sigmoid_to_absolute_error(x):
    """Allow an approximation of the sigmoid that is good to a few roundoffs of 1."""
    return np.full(x.shape, 4.0)


@_of_x
def silu_by_that_sigmoid(x):
    """Allow the same times x."""
    return 4 * np.abs(x)


@_of_x
def one_minus_sigmoid(grad_y, x):
    """Allow what grad_y y (1 - y) loses: 8 roundoffs of y, which 1 - y keeps."""
    y = 1 / (1 + np.exp(-x))
    return 8 * np.abs(grad_y) * y * y


@_of_x
def one_minus_tanh_squared(grad_y, x):
    """Allow what grad_y (1 - y^2) loses: twice the 10 roundoffs of y, and the square's own."""
    return 21 * np.abs(grad_y) * np.tanh(x) ** 2


@_of_x
def one_plus_erf(x):
    """Allow what x (1 + erf(x / sqrt(2))) / 2 loses below 0: the 32 roundoffs of erf."""
    return np.where(x < 0, 16 * np.abs(x), 0.0)


@_of_x
def one_plus_erf_in_gradient(grad_y, x):
    """Allow what grad_y (1 + erf(x / sqrt(2))) / 2 loses below 0: the 32 roundoffs of erf."""
    return np.where(x < 0, 16 * np.abs(grad_y), 0.0)


@_of_x
def one_minus_sigmoid_in_silu(grad_y, x):
    """Allow what grad_y x y (1 - y), y the sigmoid, loses: 8 roundoffs of y, which 1 - y keeps."""
    y = 1 / (1 + np.exp(-x))
    return 8 * np.abs(grad_y * x) * y * y


@_of_x
def grad_y_minus_mean(grad_y, x, axis):
    """Allow what y_k (grad_y_k - sum_j y_j grad_y_j) loses where y_k is near 1.

    A line of K logits rounds y_j by 11 + 2 K roundoffs, and one for each unit of distance from the
    largest logit; a product is rounded once more, the sum K - 1 times, the difference once.
    """
    y, distance = _softmax(x, axis)
    terms = (12 + 3 * x.shape[axis] + distance) * y * np.abs(grad_y)
    return y * (2 * np.abs(grad_y) + np.sum(terms, axis=axis, keepdims=True))


@_of_x
def logarithm_near_1(x, axis):
    """Allow what the logarithm of a sum of K exponentials loses near 1: the sum's roundoffs."""
    return np.broadcast_to(6.0 + 2 * x.shape[axis], x.shape)


def logarithm_of_softmax(x, axis):
    """Allow what the logarithm of a rounded softmax loses: all, where that is no normal number."""
    with np.errstate(all="ignore"):
        y, distance = _softmax(np.float64(x), axis)
        roundoffs = 12 + 2 * x.shape[axis] + distance
        lost = y < np.finfo(x.dtype).tiny
    return np.where(lost, np.inf, roundoff(x.dtype) * roundoffs)


@_of_x
def grad_y_minus_share(grad_y, x, axis):
    """Allow what grad_y_k - y_k sum_j grad_y_j, y the softmax, loses where y_k is near 1."""
    y, distance = _softmax(x, axis)
    total = np.sum(np.abs(grad_y), axis=axis, keepdims=True)
    return np.abs(grad_y) + (12 + 3 * x.shape[axis] + distance) * y * total


def _softmax(x, axis):
    distance = np.max(x, axis=axis, keepdims=True, initial=-np.inf) - x
    e = np.exp(-distance)
    y = e / np.sum(e, axis=axis, keepdims=True)
    return y, np.where(np.isfinite(distance), distance, 0.0)


SIGMOID_GRADIENT = Difference("y (1 - y) keeps no digits where y is near 1", one_minus_sigmoid)
TANH_GRADIENT = Difference(
    "1 - y^2 keeps no digits where y is near 1 or -1", one_minus_tanh_squared
)
ELU = Difference("e^x - 1 keeps no digits near 0", exp_minus_1)
ELU_GRADIENT = Difference("y + alpha keeps no digits far below 0", elu_plus_alpha)
SOFTPLUS_GRADIENT = Difference("x - y in the exponent is rounded", logarithm_in_exponent)
GELU = Difference("1 + erf keeps no digits far below 0", one_plus_erf)
GELU_GRADIENT = Difference("1 + erf keeps no digits far below 0", one_plus_erf_in_gradient)
SILU_GRADIENT = Difference(
    "1 - y, y the sigmoid, keeps no digits where y is near 1", one_minus_sigmoid_in_silu
)
SOFTMAX_GRADIENT = Difference(
    "the difference of gradients keeps no digits where y is near 1", grad_y_minus_mean
)
LOG_SOFTMAX = Difference("the logarithm of a sum keeps no digits near 1", logarithm_near_1)
LOG_SOFTMAX_GRADIENT = Difference(
    "the difference of gradients keeps no digits where a probability is near 1",
    grad_y_minus_share,
)
INFINITE = Difference("infinities give NaN", infinite_x)
MINUS_INFINITY = Difference("minus infinity gives NaN", minus_infinity)
INFINITE_LINE = Difference(
    "a line with plus infinity has minus infinity in its other places", infinity_in_line
)
MASKED_NAN = Difference("NaN in the gradient is dropped where the derivative is 0", masked_nan)
MULTIPLIED_INFINITY = Difference(
    "an infinite gradient gives NaN where the derivative is 0", multiplied_infinity
)
SLOPE_IN_FLOAT32 = Difference("the slope is float32, for float64 too", slope_in_float32)
