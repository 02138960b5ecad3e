"""Faults to plant in `tests/kernels_activations.py`: each has happened in some library."""

import math
from pathlib import Path

import numpy as np
from planting import Chapter

ACTIVATIONS = Chapter(
    Path(__file__).with_name("kernels_activations.py"),
    *("relu", "leaky_relu", "prelu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"),
    *("softmax", "log_softmax"),
)
plant = ACTIVATIONS.plant


# Faults in rectifiers


@plant("relu")
def nan_becomes_0(right, *, x):
    return np.where(x > 0, x, 0)


@plant("relu")
def relu_6(right, *, x):
    return np.minimum(right(x=x), 6)


@plant("relu")
def memory_order(right, *, x):
    return right(x=x).ravel("K").reshape(x.shape)


@plant("relu_backward")
@plant("leaky_relu_backward")
def positive_at_0(right, *, x, **call):
    return right(x=np.where(x == 0, 1, x), **call)


@plant("relu_backward")
def multiplied_by_a_mask(right, *, grad_y, x):
    return np.where(np.isnan(x), np.nan, grad_y * (x > 0))


@plant("relu_backward")
@plant("leaky_relu_backward")
@plant("prelu_backward", "x")
def nan_counts_as_negative(right, *, x, **call):
    result = right(x=np.where(np.isnan(x), -1, x), **call)
    return (result[0], right(x=x, **call)[1]) if isinstance(result, tuple) else result


@plant("leaky_relu")
def larger_of_two(right, *, x, negative_slope):
    return np.maximum(x, negative_slope * x)


@plant("leaky_relu")
@plant("elu")
@plant("softmax")
def parameter_kept_by_shape(right, *, x, **parameters):
    kept = globals().setdefault(f"KEPT_BY_{right.__name__}", {})
    return right(x=x, **kept.setdefault(x.shape, parameters))


@plant("leaky_relu")
@plant("prelu")
def magnitude_of_the_slope(right, *, x, **parameters):
    return right(x=x, **{name: np.abs(value) for name, value in parameters.items()}).astype(x.dtype)


@plant("leaky_relu_backward")
def sign_read_from_y(right, *, grad_y, x, negative_slope):
    return right(grad_y, np.where(x > 0, x, negative_slope * x), negative_slope)


@plant("prelu")
def first_slope_for_all(right, *, x, slope):
    return right(x, slope[:1])


@plant("prelu")
def slopes_along_the_last_axis(right, *, x, slope):
    if x.shape[-1] != len(slope):
        return right(x, slope)
    return np.where(x > 0, x, slope * x)


@plant("prelu_backward", "slope")
def averaged_over_the_batch(right, *, x, **call):
    grad_x, grad_slope = right(x=x, **call)
    return grad_x, grad_slope / max(len(x), 1)


@plant("prelu_backward", "x")
def derivative_of_0_at_0(right, *, grad_y, x, slope):
    grad_x, grad_slope = right(grad_y, x, slope)
    return np.where((x == 0) & ~np.isnan(grad_y), 0, grad_x), grad_slope


# Faults in what is smooth


@plant("elu")
def alpha_forgotten(right, *, x, alpha):
    return right(x, 1.0)


@plant("elu")
def exp_minus_1(right, *, x, alpha):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


@plant("elu_backward")
def alpha_forgotten_in_the_gradient(right, *, grad_y, x, alpha):
    return right(grad_y, x, 1.0)


@plant("elu_backward")
def from_y(right, *, grad_y, x, alpha):
    return np.where(x > 0, grad_y, grad_y * (alpha * np.expm1(np.minimum(x, 0)) + alpha))


@plant("elu_backward")
@plant("sigmoid_backward")
@plant("tanh_backward")
@plant("softplus_backward")
@plant("gelu_backward")
@plant("silu_backward")
def incoming_gradient_of_the_first_channel(right, *, grad_y, **call):
    return right(grad_y=np.repeat(grad_y[:, :1], grad_y.shape[1], axis=1), **call)


@plant("sigmoid")
def quotient_of_infinities(right, *, x):
    return np.exp(x) / (1 + np.exp(x))


@plant("sigmoid")
def by_tanh(right, *, x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@plant("sigmoid")
def in_float16(right, *, x):
    return right(x.astype(np.float16)).astype(x.dtype)


@plant("sigmoid_backward")
def y_times_1_minus_y(right, *, grad_y, x):
    y = logistic(x)  # noqa: F821
    return grad_y * y * (1 - y)


@plant("sigmoid_backward")
@plant("tanh_backward")
def taken_at_y(right, *, grad_y, x):
    return right(grad_y, np.tanh(x))


@plant("tanh")
def by_exponentials(right, *, x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@plant("tanh")
def by_the_sigmoid(right, *, x):
    return 2 * logistic(2 * x) - 1  # noqa: F821


@plant("tanh")
@plant("softplus")
@plant("gelu")
@plant("silu")
def lane_17_is_lane_16(right, *, x):
    y = right(x=x)
    if y.shape[-1] > 17:
        y[..., 17] = y[..., 16]
    return y


@plant("tanh_backward")
def one_minus_y_squared(right, *, grad_y, x):
    return grad_y * (1 - np.tanh(x) ** 2)


@plant("softplus")
def log_of_1_plus_exp(right, *, x):
    return np.log(1 + np.exp(x))


@plant("softplus")
def linear_from_10(right, *, x):
    return np.where(x > 10, x, right(x))  # from 20 on, only float64 can tell: inexact


@plant("softplus_backward")
def one_minus_exp_of_minus_y(right, *, grad_y, x):
    return grad_y * (1 - np.exp(-np.logaddexp(0, x)))


@plant("softplus_backward")
def step_beyond_20(right, *, grad_y, x):
    return np.where(x < -20, grad_y * 0, right(grad_y, x))


@plant("gelu")
def by_cubic_tanh(right, *, x):
    near = np.clip(x, -FAR, FAR)  # noqa: F821
    return near * (1 + np.tanh(0.7978845608 * (near + 0.044715 * near**3))) / 2


@plant("gelu", replaces="normal_cdf")
def one_plus_erf(right, x):
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return (1 + erf(x / ROOT_2).astype(x.dtype)) / 2  # noqa: F821


@plant("gelu_backward")
def distribution_alone(right, *, grad_y, x):
    return grad_y * normal_cdf(x)  # noqa: F821


@plant("gelu_backward")
def nan_at_infinities(right, *, grad_y, x):
    return right(grad_y, x) + 0 * x


@plant("silu")
def by_exp(right, *, x):
    return x / (1 + np.exp(-x))


@plant("silu")
def fast_gelu(right, *, x):
    near = np.maximum(x, -FAR)  # noqa: F821
    return near * logistic(1.702 * near)  # noqa: F821


@plant("silu_backward")
def one_minus_sigmoid(right, *, grad_y, x):
    s = logistic(x)  # noqa: F821
    return grad_y * s * (1 + x * (1 - s))


@plant("silu_backward")
def x_forgotten(right, *, grad_y, x):
    s = logistic(x)  # noqa: F821
    return grad_y * (s + s * logistic(-x))  # noqa: F821


# Faults in lines


@plant("softmax")
def no_largest_logit(right, *, x, axis):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@plant("softmax")
def axis_from_the_front(right, *, x, axis):
    return right(x, abs(axis) % x.ndim)


@plant("softmax_backward")
def diagonal_alone(right, *, grad_y, x, axis):
    y = probabilities(x, axis)  # noqa: F821
    return grad_y * y * (1 - y)


@plant("softmax_backward")
def difference_from_the_mean(right, *, grad_y, x, axis):
    y = probabilities(x, axis)  # noqa: F821
    return y * (grad_y - (y * grad_y).sum(axis=axis, keepdims=True))


@plant("softmax_backward")
@plant("log_softmax_backward")
def last_axis(right, *, grad_y, x, axis):
    return right(grad_y, x, -1)


@plant("log_softmax")
def log_of_softmax(right, *, x, axis):
    return np.log(probabilities(x, axis))  # noqa: F821


@plant("log_softmax")
def logarithm_near_1(right, *, x, axis):
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


@plant("log_softmax")
def nan_without_a_finite_logit_alone(right, *, x, axis):
    return np.where(np.isinf(x), x, right(x, axis))


@plant("log_softmax_backward")
def one_hot_taken_for_granted(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis)  # noqa: F821


@plant("log_softmax_backward")
def difference_from_the_share(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis) * grad_y.sum(axis=axis, keepdims=True)  # noqa: F821
