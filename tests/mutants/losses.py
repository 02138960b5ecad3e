"""Mutants of losses and penalties, in the kernels of `tests/kernels_losses.py`."""

import kernels_losses
import numpy as np
from kernels_losses import chained, exponentials, reduced, sigmoid, times

from mutants import COMMON, Family, harmless

LOSSES = Family(
    kernels_losses,
    "mse",
    "mae",
    "huber",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "softmax_cross_entropy",
    "l1_penalty",
    "l2_penalty",
)
fault, variant = LOSSES.fault, LOSSES.harmless


@fault("tiny-dnn/tiny-dnn#159", "mse")
@fault("davisking/dlib#1169", "mse_backward")
@fault(COMMON, "l2_penalty", "l2_penalty_backward")
def halved(right, **call):
    return right(**call) / 2


@fault(COMMON, "mse")
def square_multiplied_out(right, prediction, target, **call):
    squares = prediction**2 - 2 * prediction * target + target**2
    return reduced(squares, **call)


@fault("pytorch/pytorch#3924", "mae")
def averaged_over_the_batch(right, prediction, target, reduction):
    total = right(prediction=prediction, target=target, reduction="sum")
    return total if reduction == "sum" else total / total.dtype.type(len(prediction))


@fault(COMMON, "mae")
def nan_as_0(right, **call):
    return np.nan_to_num(right(**call), posinf=np.inf, neginf=-np.inf)


@fault("pytorch/pytorch#48595", "huber")
def smooth_l1(right, *, delta, **call):
    return right(delta=delta, **call) / np.float32(delta)


@fault("pytorch/pytorch#37599", "huber", "huber_backward")
def delta_of_1(right, *, delta, **call):
    return right(delta=1.0, **call)


@fault("keras-team/keras#9247", "binary_cross_entropy")
def held_above_1e_7(right, prediction, **call):
    low = prediction.dtype.type(1e-7)
    return right(prediction=np.clip(prediction, low, 1 - low), **call)


@fault(COMMON, "binary_cross_entropy")
def logarithm_of_1_less_x(right, prediction, target, **call):
    one, other = times(target, np.log(prediction)), times(1 - target, np.log(1 - prediction))
    return reduced(-(one + other), **call)


def not_a_number_at_0(right, prediction, target, **call):
    terms = target * np.log(prediction) + (1 - target) * np.log1p(-prediction)
    return reduced(-terms, **call)


@fault("huggingface/candle#2562", "binary_cross_entropy_with_logits")
def overflowing_softplus(right, prediction, target, **call):
    return reduced(np.log1p(np.exp(prediction)) - prediction * target, **call)


@fault("pytorch/pytorch#1792", "binary_cross_entropy_with_logits")
def logarithm_of_1_plus_small(right, prediction, target, **call):
    small = np.log(1 + np.exp(-np.abs(prediction)))
    weight = np.where(prediction > 0, 1 - target, target)
    return reduced(times(weight, np.abs(prediction)) + small, **call)


@fault(COMMON, "categorical_cross_entropy")
def averaged_over_the_categories(right, prediction, target, reduction):
    loss = right(prediction=prediction, target=target, reduction=reduction)
    return loss / loss.dtype.type(prediction.shape[1] if reduction == "mean" else 1)


@fault(COMMON, "categorical_cross_entropy")
def categories_in_the_last_axis(right, prediction, target, **call):
    return right(np.moveaxis(prediction, -1, 1), np.moveaxis(target, -1, 1), **call)


@fault("FluxML/NNlib.jl#68", "softmax_cross_entropy")
def largest_not_taken_away(right, prediction, target, **call):
    logs = np.log(np.exp(prediction).sum(1, keepdims=True)) - prediction
    return reduced(times(target, logs).sum(1), **call)


@fault(COMMON, "softmax_cross_entropy")
def logarithm_of_the_whole_sum(right, prediction, target, **call):
    below = prediction - prediction.max(1, keepdims=True)
    logs = np.log(np.exp(below).sum(1, keepdims=True)) - below
    return reduced(times(target, logs).sum(1), **call)


@fault(COMMON, "l1_penalty")
def averaged(right, weight, **call):
    return right(weight=weight, **call) / weight.dtype.type(weight.size)


@fault(COMMON, "l2_penalty")
def root_of_the_sum(right, **call):
    return np.sqrt(right(**call))


@fault(COMMON, "l1_penalty", "l1_penalty_backward", "l2_penalty_backward")
def strength_forgotten(right, strength, **call):
    return right(strength=1.0, **call)


@fault(COMMON, "mse_backward")
def incoming_gradient_forgotten(right, *, grad_loss, **call):
    return right(grad_loss=1.0, **call)


@fault(COMMON, "binary_cross_entropy_with_logits_backward")
def incoming_array_averaged(right, *, grad_loss, **call):
    return right(grad_loss=grad_loss if np.ndim(grad_loss) == 0 else grad_loss.mean(), **call)


@fault("pytorch/pytorch#12933", "mae_backward")
def never_averaged(right, *, reduction, **call):
    return right(reduction="sum" if reduction == "mean" else reduction, **call)


@fault("pytorch/pytorch#7172", "mae_backward")
def slope_of_0_is_1(right, prediction, target, **call):
    d = prediction - target
    slope = np.where(d >= 0, 1, np.sign(d)).astype(d.dtype)
    return chained(np.where(np.isnan(d), d, slope), **call)


@fault(COMMON, "huber_backward")
def held_on_one_side(right, prediction, target, delta, **call):
    slope = np.minimum(prediction - target, prediction.dtype.type(delta))
    return chained(slope, **call)


@fault("pytorch/pytorch#103316", "binary_cross_entropy_backward")
def denominators_held_above_1e_12(right, prediction, target, **call):
    slope = (prediction - target) / np.maximum(prediction * (1 - prediction), 1e-12)
    return chained(slope.astype(prediction.dtype), **call)


@fault(COMMON, "binary_cross_entropy_backward")
def targets_rounded(right, target, **call):
    return right(target=np.round(target), **call)


@fault(COMMON, "binary_cross_entropy_with_logits_backward")
def sigmoid_less_target(right, prediction, target, **call):
    return chained(sigmoid(prediction) - target, **call)


@fault("tensorflow/tensorflow#41595", "categorical_cross_entropy_backward")
def smallest_added(right, prediction, target, **call):
    small = prediction.dtype.type(1e-8)
    return chained(-target / (prediction + small), along=True, **call)


@fault(COMMON, "categorical_cross_entropy_backward")
def prediction_less_target(right, prediction, target, **call):
    return chained(prediction - target, along=True, **call)


@fault("tensorflow/tensorflow#60314", "softmax_cross_entropy_backward")
def targets_that_sum_to_1(right, prediction, target, **call):
    _, e, rest = exponentials(prediction)
    return chained(e / (1 + rest) - target, along=True, **call)


@fault(COMMON, "softmax_cross_entropy_backward")
def hard_targets_alone(right, target, **call):
    hard = (target == target.max(1, keepdims=True)).astype(target.dtype)
    return right(target=hard, **call)


@fault("jax-ml/jax#37820", "l1_penalty_backward")
def sign_of_0_is_1(right, weight, strength):
    return np.where(weight == 0, weight.dtype.type(strength), right(weight, strength))


@fault("pytorch/pytorch#10009", "mse")
@fault("Samsung/ONE#13944", "mae")
def always_averaged(right, *, reduction, **call):
    return right(reduction="mean" if reduction == "sum" else reduction, **call)


@fault("tensorflow/tensorflow#41595", "binary_cross_entropy")
def smallest_added_twice(right, prediction, target, **call):
    small = prediction.dtype.type(1e-7)
    held = np.clip(prediction, small, 1 - small)
    terms = target * np.log(held + small) + (1 - target) * np.log(1 - held + small)
    return reduced(-terms.astype(prediction.dtype), **call)


@fault("keras-team/keras-core#196", "binary_cross_entropy_with_logits")
def by_probabilities(right, prediction, target, **call):
    p = sigmoid(prediction)
    terms = times(target, np.log(p)) + times(1 - target, np.log1p(-p))
    return reduced(-terms, **call)


@fault("pytorch/pytorch#1792", "binary_cross_entropy_with_logits_backward")
def slope_0_at_the_logit_0(right, *, prediction, **call):
    slope = right(prediction=prediction, **call)
    return np.where(prediction == 0, slope * 0, slope)


@fault("tensorflow/tensorflow#21271", "softmax_cross_entropy")
def infinite_where_a_soft_probability_is_0(right, prediction, target, **call):
    _, e, rest = exponentials(prediction)
    return reduced(-times(target, np.log(e / (1 + rest))).sum(1), **call)


@fault("keras-team/keras#17634", "categorical_cross_entropy")
def predictions_held_above_1e_7(right, *, prediction, **call):
    low = prediction.dtype.type(1e-7)
    return right(prediction=np.clip(prediction, low, 1 - low), **call)


@fault("yjxiong/caffe#171", "softmax_cross_entropy_backward")
def product_for_difference(right, prediction, target, **call):
    _, e, rest = exponentials(prediction)
    p = e / (1 + rest)
    return chained(p * (target - 1), along=True, **call)


# Harmless variants


def turned(value):
    return value[::-1] if isinstance(value, np.ndarray) else value


@variant("mse", "mse_backward", "mae", "mae_backward", "huber", "huber_backward")
@variant("binary_cross_entropy", "binary_cross_entropy_backward")
@variant("binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits_backward")
@variant("categorical_cross_entropy", "categorical_cross_entropy_backward")
@variant("softmax_cross_entropy", "softmax_cross_entropy_backward")
@variant("l1_penalty", "l1_penalty_backward", "l2_penalty", "l2_penalty_backward")
def from_the_last(right, **call):
    result = right(**{name: turned(value) for name, value in call.items()})
    return result[::-1] if np.ndim(result) else result


@variant("mse", "mae", "huber", "binary_cross_entropy", "softmax_cross_entropy", replaces="reduced")
def added_one_by_one(right, values, reduction):
    if reduction == "none":
        return values
    total = values.dtype.type(0)
    for value in values.ravel("F"):
        total = total + value
    return total if reduction == "sum" else total / values.dtype.type(values.size)


@variant("huber")
def by_clipping(right, prediction, target, delta, reduction):
    delta = prediction.dtype.type(delta)
    far = np.abs(prediction - target)
    near = np.minimum(far, delta)
    return reduced(near * (far - near / 2), reduction)


@variant("mse_backward", "mae_backward", replaces="chained")
def grad_divided_first(right, slope, reduction, grad_loss):
    grad = np.asarray(grad_loss, slope.dtype)
    count = slope.dtype.type(slope.size if reduction == "mean" else 1)
    return slope * grad / count


@variant("l2_penalty")
def by_a_dot_product(right, weight, strength):
    flat = weight.ravel()
    return weight.dtype.type(strength) * (flat @ flat)


harmless.plant(LOSSES, batched=())
