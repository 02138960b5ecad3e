"""What losses of several frameworks do otherwise, and how far that takes their results.

What a formula loses in a difference is measured in roundings of the terms that are subtracted.
"""

import functools

import numpy as np

from deconv_ref.conformance.frameworks._allowances import roundoff
from deconv_ref.conformance.frameworks._difference import Difference

FEW = 4  # roundings of a term that is computed to two units in its last place, and subtracted


def of_values(measure):
    """Reduce what ``measure(x, t, dtype)`` says of every value as the loss is reduced."""

    @functools.wraps(measure)
    def allowance(prediction, target, *, reduction):
        values = _measured(measure, prediction, target)
        if reduction == "none":
            return values
        return values.sum() / (max(values.size, 1) if reduction == "mean" else 1)

    return allowance


def of_slopes(measure, along=False):
    """Multiply what ``measure(x, t, dtype)`` says of every slope by the incoming gradient.

    Of a loss `along` axis 1 a whole line has one incoming gradient.
    """

    @functools.wraps(measure)
    def allowance(prediction, target, *, reduction, grad_loss):
        slopes = _measured(measure, prediction, target)
        values = slopes.size // (slopes.shape[1] if along else 1)
        grad = np.abs(grad_loss)
        grad = np.expand_dims(grad, 1) if along and grad.ndim else grad
        # Where anything goes, an incoming gradient of 0 takes nothing away.
        scaled = np.where(np.isinf(slopes), np.inf, slopes * grad)
        return scaled / (max(values, 1) if reduction == "mean" else 1)

    return allowance


def anywhere(condition):
    """Allow anything where ``condition(x, t)`` holds."""

    def measure(x, t, dtype):
        return np.where(condition(x, t), np.inf, 0.0)

    return measure


def no_values(prediction, target, *, reduction, **_):
    """Allow anything for the mean of no values."""
    return np.inf if reduction == "mean" and prediction.size == 0 else 0.0


def sigmoid_less_target(x, t, dtype):
    """Measure the terms of s(x) - t."""
    return FEW * roundoff(dtype) * (1 / (1 + np.exp(-x)) + t)


def sigmoid_less_soft_target(x, t, dtype):
    """Measure the terms of s(x) - t, where t is neither 0 nor 1."""
    return np.where((t > 0) & (t < 1), sigmoid_less_target(x, t, dtype), 0)


def product_less(x, t, dtype):
    """Measure the product in x - x t of positive logits, unless t is 0 or 1."""
    return np.where((x > 0) & (t > 0) & (t < 1), FEW * roundoff(dtype) * x * t, 0)


def clipped_logarithms(x, t, dtype):
    """Measure what logarithms are below -100."""
    for_1, for_0 = np.maximum(-np.log(x) - 100, 0), np.maximum(-np.log1p(-x) - 100, 0)
    return np.where(t > 0, t * for_1, 0) + np.where(t < 1, (1 - t) * for_0, 0)


def clipped_denominator(x, t, dtype):
    """Measure what a denominator of 1e-12 at least leaves out."""
    slopes = np.where(t < 1, (1 - t) / (1 - x), 0) - np.where(t > 0, t / x, 0)
    least = 1e-12
    return np.where(x * (1 - x) < least, np.abs(slopes - (x - t) / least), 0)


def terms_of_negative_logits(x, t, dtype):
    """Measure the terms of (1 - t) x - log s(x) for negative x."""
    return np.where(x < 0, FEW * roundoff(dtype) * (2 - t) * np.abs(x), 0)


def nan_among_probabilities(prediction, target, **_):
    """Allow anything, a refusal too, where a probability is NaN."""
    return np.inf if np.isnan(prediction).any() or np.isnan(target).any() else 0.0


def logarithm_of_sum(x, t, dtype):
    """Measure what log(1 + small) loses: a rounding for each exponential, and its own."""
    return (x.shape[1] + FEW) * roundoff(dtype) * t.sum(1)


def softmax_less_target(x, t, dtype):
    """Measure the terms of p T - t along a line, T the sum of its targets."""
    terms = probabilities(x) * t.sum(1, keepdims=True) + t
    return (x.shape[1] + FEW) * roundoff(dtype) * terms


def targets_that_sum_to_1(x, t, dtype):
    """Measure what p - t leaves out of p T - t, and what it loses of its terms.

    A rounding of the exponent moves p by as many roundings as the exponent is large.
    """
    p, total = probabilities(x), t.sum(1, keepdims=True)
    exponents = np.where(p > 0, -p * np.log(p), 0)
    return p * np.abs(total - 1) + roundoff(dtype) * ((x.shape[1] + FEW) * (p + t) + exponents)


def loss_of_targets_that_sum_to_1(x, t, dtype):
    """Measure what log S - sum_k t_k d_k leaves out of T log S, and what it loses of its terms."""
    p, total = probabilities(x), t.sum(1)
    logarithm = -np.log(p.max(1, initial=0.0))
    distance = np.where(t > 0, t * (np.log(p.max(1, keepdims=True, initial=0.0)) - np.log(p)), 0)
    terms = (x.shape[1] + FEW) * roundoff(dtype) * (logarithm + 1 + distance.sum(1))
    return logarithm * np.abs(total - 1) + terms


def probabilities(x):
    """Divide exponentials by their sum along axis 1."""
    e = np.exp(x - x.max(1, keepdims=True, initial=-np.inf))
    return e / e.sum(1, keepdims=True)


def _measured(measure, prediction, target):
    with np.errstate(all="ignore"):
        x, t = prediction.astype(np.float64), target.astype(np.float64)
        return np.nan_to_num(measure(x, t, prediction.dtype), nan=0.0, posinf=np.inf)


NO_VALUES = Difference("the mean of no values is 0, not NaN", no_values)
INFINITE_LOGITS = Difference(
    "infinite logits give NaN", of_values(anywhere(lambda x, t: np.isinf(x)))
)
PRODUCT_LESS = Difference(
    "x - x t loses digits for positive logits and soft targets", of_values(product_less)
)
SIGMOID_LESS_SOFT_TARGET = Difference(
    "the difference of sigmoid and soft target loses digits", of_slopes(sigmoid_less_soft_target)
)
LOGARITHM_OF_SUM = Difference(
    "the logarithm of the sum keeps no digits of a small loss", of_values(logarithm_of_sum)
)
OUT_OF_SUPPORT = Difference(
    "a logit of minus infinity gives NaN where its target is 0",
    of_values(lambda x, t, dtype: np.where((np.isneginf(x) & (t == 0)).any(1), np.inf, 0.0)),
)
SOFTMAX_LESS_TARGET = Difference(
    "the difference of softmax and target keeps no digits of a small gradient",
    of_slopes(softmax_less_target, along=True),
)
TARGETS_THAT_SUM_TO_1 = Difference(
    "the gradient is the difference of softmax and target, as if targets summed to 1",
    of_slopes(targets_that_sum_to_1, along=True),
)
CLIPPED_LOGARITHMS = Difference("logarithms are clipped at -100", of_values(clipped_logarithms))
CLIPPED_DENOMINATOR = Difference(
    "the denominator x (1 - x) is clipped at 1e-12", of_slopes(clipped_denominator)
)
LOSS_BELOW_ITS_TERMS = Difference(
    "(1 - t) x - log s(x) keeps no digits of a small loss of negative logits",
    of_values(terms_of_negative_logits),
)
SIGMOID_LESS_TARGET = Difference(
    "the difference of sigmoid and target keeps no digits of a small gradient at target 1",
    of_slopes(sigmoid_less_target),
)
INFINITE_DISTANCES = Difference(
    "an infinite distance gives NaN", of_slopes(anywhere(lambda x, t: np.isinf(x - t)))
)
NAN_REFUSED = Difference("probabilities of NaN are refused", nan_among_probabilities)
NAN_GIVES_0 = Difference("NaN gives 0", of_slopes(anywhere(lambda x, t: np.isnan(x - t))))
LOSS_OF_TARGETS_THAT_SUM_TO_1 = Difference(
    "the loss is that of targets that sum to 1", of_values(loss_of_targets_that_sum_to_1)
)
