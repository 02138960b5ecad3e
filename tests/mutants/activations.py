"""Mutants of activations, in the kernels of `tests/kernels_activations.py`."""

import math

import kernels_activations
import numpy as np
from kernels_activations import FAR, ROOT_2, logistic, normal_cdf, probabilities

from mutants import COMMON, Family, harmless

ACTIVATIONS = Family(
    kernels_activations,
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "sigmoid",
    "tanh",
    "softplus",
    "gelu",
    "silu",
    "softmax",
    "log_softmax",
)
fault, variant = ACTIVATIONS.fault, ACTIVATIONS.harmless


# Faults in rectifiers


@fault("pytorch/pytorch#7999", "relu")
def nan_becomes_0(right, *, x):
    return np.where(x > 0, x, 0)


@fault(COMMON, "relu")
def relu_6(right, *, x):
    return np.minimum(right(x=x), 6)


@fault(COMMON, "relu")
def memory_order(right, *, x):
    return right(x=x).ravel("K").reshape(x.shape)


@fault("pytorch/tutorials#269", "relu_backward")
@fault(COMMON, "leaky_relu_backward")
def positive_at_0(right, *, x, **call):
    return right(x=np.where(x == 0, 1, x), **call)


@fault(COMMON, "relu_backward")
def multiplied_by_a_mask(right, *, grad_y, x):
    return np.where(np.isnan(x), np.nan, grad_y * (x > 0))


@fault("tracel-ai/burn#5658", "relu_backward", "leaky_relu_backward")
@fault("tracel-ai/burn#5658", "prelu_backward", wrong=("x",))
def nan_counts_as_negative(right, *, x, **call):
    result = right(x=np.where(np.isnan(x), -1, x), **call)
    return (result[0], right(x=x, **call)[1]) if isinstance(result, tuple) else result


@fault("tensorflow/tensorflow#24566", "leaky_relu")
def larger_of_two(right, *, x, negative_slope):
    return np.maximum(x, negative_slope * x)


@fault(COMMON, "leaky_relu", "elu", "softmax")
def parameter_kept_by_shape(right, *, x, **parameters):
    kept = vars(right).setdefault("kept", {})
    return right(x=x, **kept.setdefault(x.shape, parameters))


@fault(COMMON, "leaky_relu", "prelu")
def magnitude_of_the_slope(right, *, x, **parameters):
    return right(x=x, **{name: np.abs(value) for name, value in parameters.items()}).astype(x.dtype)


@fault(COMMON, "leaky_relu_backward")
def sign_read_from_y(right, *, grad_y, x, negative_slope):
    return right(grad_y, np.where(x > 0, x, negative_slope * x), negative_slope)


@fault("tflearn/tflearn#335", "prelu")
def first_slope_for_all(right, *, x, slope):
    return right(x, slope[:1])


@fault(COMMON, "prelu")
def slopes_along_the_last_axis(right, *, x, slope):
    if x.shape[-1] != len(slope):
        return right(x, slope)
    return np.where(x > 0, x, slope * x)


@fault(COMMON, "prelu_backward", wrong=("slope",))
def averaged_over_the_batch(right, *, x, **call):
    grad_x, grad_slope = right(x=x, **call)
    return grad_x, grad_slope / max(len(x), 1)


@fault(COMMON, "prelu_backward", wrong=("x",))
def derivative_of_0_at_0(right, *, grad_y, x, slope):
    grad_x, grad_slope = right(grad_y, x, slope)
    return np.where((x == 0) & ~np.isnan(grad_y), 0, grad_x), grad_slope


# Faults in what is smooth


@fault("tsotchke/eshkol#682", "elu")
def alpha_forgotten(right, *, x, alpha):
    return right(x, 1.0)


@fault("jax-ml/jax#1207", "elu")
def exp_minus_1(right, *, x, alpha):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


@fault("tsotchke/eshkol#682", "elu_backward")
def alpha_forgotten_in_the_gradient(right, *, grad_y, x, alpha):
    return right(grad_y, x, 1.0)


@fault(COMMON, "elu_backward")
def from_y(right, *, grad_y, x, alpha):
    return np.where(x > 0, grad_y, grad_y * (alpha * np.expm1(np.minimum(x, 0)) + alpha))


@fault(COMMON, "elu_backward", "sigmoid_backward", "tanh_backward")
@fault(COMMON, "softplus_backward", "gelu_backward", "silu_backward")
def incoming_gradient_of_the_first_channel(right, *, grad_y, **call):
    return right(grad_y=np.repeat(grad_y[:, :1], grad_y.shape[1], axis=1), **call)


@fault("clab/dynet#1525", "sigmoid")
def quotient_of_infinities(right, *, x):
    return np.exp(x) / (1 + np.exp(x))


@fault("clab/dynet#761", "sigmoid")
def by_tanh(right, *, x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@fault(COMMON, "sigmoid")
def in_float16(right, *, x):
    return right(x.astype(np.float16)).astype(x.dtype)


@fault(COMMON, "sigmoid_backward")
def y_times_1_minus_y(right, *, grad_y, x):
    y = logistic(x)
    return grad_y * y * (1 - y)


@fault(COMMON, "sigmoid_backward")
@fault("davidrmiller/neural2d#40", "tanh_backward")
def taken_at_y(right, *, grad_y, x):
    return right(grad_y, np.tanh(x))


@fault("BVLC/caffe#1455", "tanh")
def by_exponentials(right, *, x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@fault(COMMON, "tanh")
def by_the_sigmoid(right, *, x):
    return 2 * logistic(2 * x) - 1


@fault(COMMON, "tanh", "softplus", "gelu", "silu")
def lane_17_is_lane_16(right, *, x):
    y = right(x=x)
    if y.shape[-1] > 17:
        y[..., 17] = y[..., 16]
    return y


@fault(COMMON, "tanh_backward")
def one_minus_y_squared(right, *, grad_y, x):
    return grad_y * (1 - np.tanh(x) ** 2)


@fault("tracel-ai/burn#5373", "softplus")
def log_of_1_plus_exp(right, *, x):
    return np.log(1 + np.exp(x))


@fault("mlpack/mlpack#2371", "softplus")
def linear_from_10(right, *, x):
    return np.where(x > 10, x, right(x))  # from 20 on, only float64 can tell: inexact


@fault(COMMON, "softplus_backward")
def one_minus_exp_of_minus_y(right, *, grad_y, x):
    return grad_y * (1 - np.exp(-np.logaddexp(0, x)))


@fault(COMMON, "softplus_backward")
def step_beyond_20(right, *, grad_y, x):
    return np.where(x < -20, grad_y * 0, right(grad_y, x))


@fault("tenstorrent/tt-metal#1262", "gelu")
def by_cubic_tanh(right, *, x):
    near = np.clip(x, -FAR, FAR)
    return near * (1 + np.tanh(0.7978845608 * (near + 0.044715 * near**3))) / 2


@fault("pytorch/pytorch#187806", "gelu", replaces="normal_cdf")
def one_plus_erf(right, x):
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return (1 + erf(x / ROOT_2).astype(x.dtype)) / 2


@fault(COMMON, "gelu_backward")
def distribution_alone(right, *, grad_y, x):
    return grad_y * normal_cdf(x)


@fault("pytorch/pytorch#185770", "gelu_backward")
def nan_at_infinities(right, *, grad_y, x):
    return right(grad_y, x) + 0 * x


@fault("tenstorrent/tt-metal#55714", "silu")
def by_exp(right, *, x):
    return x / (1 + np.exp(-x))


@fault("ROCm/AMDMIGraphX#2542", "silu")
def fast_gelu(right, *, x):
    near = np.maximum(x, -FAR)
    return near * logistic(1.702 * near)


@fault(COMMON, "silu_backward")
def one_minus_sigmoid(right, *, grad_y, x):
    s = logistic(x)
    return grad_y * s * (1 + x * (1 - s))


@fault(COMMON, "silu_backward")
def x_forgotten(right, *, grad_y, x):
    s = logistic(x)
    return grad_y * (s + s * logistic(-x))


# Faults in lines


@fault("deeplearning4j/deeplearning4j-examples#730", "softmax")
def no_largest_logit(right, *, x, axis):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@fault(COMMON, "softmax")
def axis_from_the_front(right, *, x, axis):
    return right(x, abs(axis) % x.ndim)


@fault("deeplearning4j/libnd4j#440", "softmax_backward")
def diagonal_alone(right, *, grad_y, x, axis):
    y = probabilities(x, axis)
    return grad_y * y * (1 - y)


@fault(COMMON, "softmax_backward")
def difference_from_the_mean(right, *, grad_y, x, axis):
    y = probabilities(x, axis)
    return y * (grad_y - (y * grad_y).sum(axis=axis, keepdims=True))


@fault(COMMON, "softmax_backward", "log_softmax_backward")
def last_axis(right, *, grad_y, x, axis):
    return right(grad_y, x, -1)


@fault("tenstorrent/tt-metal#10001", "log_softmax")
def log_of_softmax(right, *, x, axis):
    return np.log(probabilities(x, axis))


@fault(COMMON, "log_softmax")
def logarithm_near_1(right, *, x, axis):
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


@fault(COMMON, "log_softmax")
def nan_without_a_finite_logit_alone(right, *, x, axis):
    return np.where(np.isinf(x), x, right(x, axis))


@fault(COMMON, "log_softmax_backward")
def one_hot_taken_for_granted(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis)


@fault(COMMON, "log_softmax_backward")
def difference_from_the_share(right, *, grad_y, x, axis):
    return grad_y - probabilities(x, axis) * grad_y.sum(axis=axis, keepdims=True)


@fault("FluxML/NNlib.jl#68", "log_softmax_backward")
def through_the_gradient_of_softmax(right, *, grad_y, x, axis):
    y = probabilities(x, axis)
    inner = grad_y / y
    return y * (inner - (y * inner).sum(axis=axis, keepdims=True))


@fault("ROCm/AMDMIGraphX#1290", "softmax")
def first_logit_taken_for_the_largest(right, *, x, axis):
    e = np.exp(x - x.take([0], axis))
    return e / e.sum(axis=axis, keepdims=True)


# Faults in memory


@fault("Talmaj/onnx2pytorch#38", "relu", "elu")
@fault("NVIDIA/apex#1587", "softmax")
def in_place(right, *, x, **call):
    y = right(x=x, **call)
    if x.flags.writeable:
        x[...] = y
    return y


@fault(COMMON, "relu")
def index_of_16_bits(right, *, x):
    y = right(x=x)
    if x.size > 2**15:
        y[..., 2**15 :] = 0
    return y


# Harmless variants


@variant("relu")
def nothing_below_0(right, *, x):
    return np.where(x < 0, 0, x).astype(x.dtype)


@variant("relu")
def by_halves_of_clipped(right, *, x):
    return np.clip(x, 0, None)


@variant("leaky_relu")
def sum_of_two_sides(right, *, x, negative_slope):
    slope = x.dtype.type(negative_slope)
    return np.maximum(x, 0) + slope * np.minimum(x, 0) if slope else right(x, negative_slope)


@variant("elu")
def sum_of_both_sides(right, *, x, alpha):
    return np.maximum(x, 0) + x.dtype.type(alpha) * np.expm1(np.minimum(x, 0))


@variant("sigmoid")
def a_formula_for_each_sign(right, *, x):
    e = np.exp(np.minimum(x, 0))
    return np.where(x >= 0, 1 / (1 + np.exp(-x)), e / (1 + e))


@variant("tanh")
def by_expm1(right, *, x):
    m = np.expm1(-2 * np.abs(x))
    return np.copysign(-m / (m + 2), x)


@variant("tanh_backward")
def by_cosh(right, *, grad_y, x):
    return grad_y * (1 / np.cosh(x)) ** 2


@variant("softplus")
def by_logaddexp(right, *, x):
    return np.logaddexp(x.dtype.type(0), x)


@variant("gelu_backward")
def by_the_density(right, *, grad_y, x):
    near = np.clip(x, -FAR, FAR)
    density = np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi)
    return normal_cdf(x) * grad_y + near * density * grad_y


@variant("silu")
def quotient_of_x(right, *, x):
    e = np.exp(-np.abs(x))
    return np.maximum(x, -FAR) * np.where(x > 0, 1, e) / (1 + e)


@variant("softmax", "softmax_backward", "log_softmax", "log_softmax_backward")
def lines_from_the_last(right, *, axis, **call):
    flipped = {name: np.flip(array, axis) for name, array in call.items()}
    return np.flip(right(axis=axis, **flipped), axis)


@variant("softmax", "softmax_backward", "log_softmax", "log_softmax_backward")
def axis_made_the_last(right, *, axis, **call):
    moved = {name: np.ascontiguousarray(np.moveaxis(a, axis, -1)) for name, a in call.items()}
    return np.moveaxis(right(axis=-1, **moved), -1, axis)


harmless.plant(
    ACTIVATIONS,
    batched=("relu", "leaky_relu", "prelu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"),
)
