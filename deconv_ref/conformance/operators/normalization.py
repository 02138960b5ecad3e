"""How batch normalization and dropout are checked.

Means are at times a thousand deviations from 0, where a variance taken as the mean of squares less
the square of the mean has no digits left; counts are small, where it matters which variance is
remembered; epsilon is at times as large as a variance.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.bounds import gamma, unit_roundoff
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.halves import Halves
from deconv_ref.conformance.margins import Margin, cancelling
from deconv_ref.conformance.strategies import (
    integers,
    laid_out,
    reals,
    shapes,
    some_special,
)
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["OPERATORS"]

EPSILONS = (2.0**-3, 2.0**-3, 1e-5, 1.0, 2.0**-10, 0.0)
MOMENTA = (0.25, 0.5, 0.1, 0.875, 0.25, 0.0, 1.0)
FARTHEST = 2.0**10  # deviations between a mean and 0
RATES = (0.5, 0.75, 0.25, 0.3, 0.0, 0.1)

Array = NDArray[Any]


# Cases of batch normalization


def normalizations(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``batch_norm`` or of its gradients."""
    if function == "batch_norm":
        return _forward(draw, dtypes)
    return _backward(draw, dtypes)


def _forward(draw: Draw, dtypes: tuple[str, ...]) -> Case:
    training = draw.among([True, True, False])
    shape = shapes(draw, very_long=True)
    if training and _count(shape) < 2:
        shape = (draw.integer(2, 9), *shape[1:])
    parameters = {
        "training": training,
        "momentum": draw.among(MOMENTA),
        "epsilon": draw.among(EPSILONS),
    }
    dtype, rng = draw.among(dtypes), draw.rng()
    channels = shape[1]
    x = _channels(rng, shape)
    mean = reals(rng, (channels,))
    if x.size and draw.boolean():  # as after training
        mean += x.mean((0, *range(2, x.ndim)))
    values = {
        "x": some_special(draw, rng, x, [np.nan]),  # Welford's updates make NaN of infinities
        "gamma": _scales(rng, channels),
        "beta": reals(rng, (channels,)),
        "running_mean": mean,
        "running_var": np.abs(reals(rng, (channels,))) + 2.0**-6,
    }
    return Case("batch_norm", parameters, _laid_out(draw, values, dtype), exact=False)


def _backward(draw: Draw, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of the gradients, with statistics as `batch_norm` would have saved them."""
    training = draw.among([True, True, False])
    exact = draw.among([True, False])
    shape = _powers(draw) if exact else shapes(draw)
    if _count(shape) == 1:
        shape = (2, *shape[1:])
    dtype, rng = draw.among(dtypes), draw.rng()
    if exact:
        x, mean, inv_std = _mirrored(rng, shape)
        grad_y, scale = integers(rng, shape), integers(rng, shape[1:2])
    else:
        x = _channels(rng, shape).astype(dtype).astype(np.float64)
        epsilon = draw.among([e for e in EPSILONS if e > 0])
        mean, inv_std = _statistics(x, epsilon)
        grad_y, scale = reals(rng, shape), _scales(rng, shape[1])
    operand = {"x": x, "grad_y": grad_y}
    chosen = draw.among(["x", "grad_y"])
    operand[chosen] = some_special(draw, rng, operand[chosen], [np.nan])
    values = {
        "grad_y": operand["grad_y"],
        "x": operand["x"],
        "gamma": scale,
        "saved_mean": mean,
        "saved_inv_std": inv_std,
    }
    operands = _laid_out(draw, values, dtype)
    return Case("batch_norm_backward", {"training": training}, operands, exact)


def _laid_out(draw: Draw, values: dict[str, Array], dtype: str) -> Any:
    return {name: laid_out(draw, array, dtype) for name, array in values.items()}


def _powers(draw: Draw) -> Any:
    """Draw a shape with a power of two of values per channel, at most 64."""
    axes = draw.integer(0, 3)
    size = (draw.among([2, 1, 4, 8] if axes < 3 else [2, 1, 4]) for _ in range(axes))
    batch = 2 if axes > 1 else draw.among([2, 4, 8])
    return (batch, draw.integer(1, 3), *size)


def _channels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw channels of their own mean and deviation each; a few are constant, and then integer."""
    channels = (shape[1], *[1] * (len(shape) - 2))
    scale = 2.0 ** rng.integers(-4, 5, channels)
    mean = scale * rng.standard_normal(channels) * rng.choice([0, 1, 2**5, FARTHEST], channels)
    x = mean + scale * rng.standard_normal(shape)
    constant = rng.random(channels) < 0.1
    return np.where(constant, rng.integers(-9, 10, channels), x)


def _scales(rng: np.random.Generator, channels: int) -> Array:
    """Draw gamma: of both signs, at times 0."""
    return reals(rng, (channels,)) * (rng.random(channels) > 0.1)


def _mirrored(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Draw integers that lie in pairs about an integer mean, and an inverse deviation of 2**-n.

    Every number in the gradients has few bits then: of the variance only its sum with epsilon
    counts, which may be any power of four above it.
    """
    half, channels = _count(shape) // 2, shape[1]
    deviations = integers(rng, (channels, half))
    deviations = rng.permuted(np.concatenate([deviations, -deviations], axis=1), axis=1)
    mean = integers(rng, (channels,))
    least = np.ceil(np.log2(np.maximum(np.sqrt(np.mean(deviations**2, axis=1)), 2.0**-2)))
    inv_std = 2.0 ** -(least + rng.integers(0, 2, channels))
    rows = (mean[:, None] + deviations).reshape(channels, shape[0], *shape[2:])
    return rows.swapaxes(0, 1), mean, inv_std


def _statistics(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Compute the mean and the inverse deviation of every channel; any will do for none."""
    if not x.size:
        return np.ones(x.shape[1]), np.ones(x.shape[1])
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), 1 / np.sqrt(x.var(axes) + epsilon)


def of_deviations(case: Case) -> bool:
    """Tell whether variances and inverse deviations are positive."""
    arrays = case.arrays()
    return all(bool(np.all(arrays[n] > 0)) for n in ("running_var", "saved_inv_std") if n in arrays)


def _count(shape: tuple[int, ...]) -> int:
    """Count the values of a channel."""
    return shape[0] * math.prod(shape[2:])


# Bounds of batch normalization


class Statistics(NamedTuple):
    """What normalizes, by channel, and how far each may be off."""

    mean: Array
    var: Array
    inv_std: Array
    mean_error: Array
    var_error: Array
    inv_std_error: Array


def normalized(question: Question, quantity: str) -> Margin:
    r"""Bound a result of batch normalization: the textbook's two passes, or Welford's updates.

    Let u be the unit roundoff, K the number of values in a channel, m the largest of them and
    D = gamma_{2K+4} m. However it adds, a kernel has the mean to D: a sum and a division make K
    roundings of the mean of absolute values, Welford's updates K + 2 + 2 H_K of the largest. The
    deviations of a two-pass variance, and the factors of Welford's terms, are then off by no more
    than D, whence

    .. math:: |\hat v - v| \le (1 + \gamma_{K+4}) (\sqrt v + 2 D)^2 - v .

    Mean of squares less square of the mean is off by u m^2, which is more as soon as the mean is
    some K deviations. The root and y follow from monotony, with the roundings of their own
    operations. In evaluation the statistics are given, and copies are copies.

    The truth, by the same sums in float64, errs likewise: u stands for the sum of both roundoffs.
    """
    roundoff = unit_roundoff(question.case.dtype) + unit_roundoff(np.float64)
    with np.errstate(all="ignore"):
        statistics = _of_question(question, roundoff)
        if quantity == "forward":
            return Margin(_result_error(question, statistics, roundoff))
        if quantity == "saved_inv_std":
            return Margin(statistics.inv_std_error)
        if not question.case.parameters["training"]:
            return Margin(np.zeros_like(statistics.mean))
        if quantity == "saved_mean":
            return Margin(statistics.mean_error)
        return Margin(_running_error(question, quantity, statistics, roundoff))


def _of_question(question: Question, roundoff: float) -> Statistics:
    operands, epsilon = question.arrays(), question.case.parameters["epsilon"]
    x, mean, var = (operands[name] for name in ("x", "running_mean", "running_var"))
    mean_error, var_error = np.zeros_like(mean), np.zeros_like(var)
    if question.case.parameters["training"]:
        axes, count = (0, *range(2, x.ndim)), _count(x.shape)
        mean, var = x.mean(axes), x.var(axes)
        mean_error = _gamma(2 * count + 4, roundoff) * np.abs(x).max(axes)
        # Integers all alike, in a number that divides exactly, have an exact mean and no variance.
        alike = (x.min(axes) == x.max(axes)) & (mean == np.round(mean))
        mean_error[alike & (count & (count - 1) == 0)] = 0
        most = (np.sqrt(var) + 2 * mean_error) ** 2
        var_error = (1 + _gamma(count + 4, roundoff)) * most - var
    total = var + epsilon
    total_error = var_error + _gamma(3, roundoff) * (total + var_error)
    inv_std = total**-0.5
    least = np.maximum(total - total_error, 0)
    inv_std_error = (1 + _gamma(4, roundoff)) * least**-0.5 - inv_std
    return Statistics(mean, var, inv_std, mean_error, var_error, inv_std_error)


def _gamma(roundings: int, roundoff: float) -> float:
    return float(gamma(np.array(roundings), roundoff))


def _result_error(question: Question, statistics: Statistics, roundoff: float) -> Array:
    """Bound y: gamma times a deviation and its inverse, and beta.

    Folded into x (gamma / s) + (beta - mean gamma / s), as is usual, it is as if x and the mean
    had been rounded a few times more.
    """
    operands = question.arrays()
    x = operands["x"]
    spatial = (-1, *[1] * (x.ndim - 2))
    mean, _, inv_std, mean_error, _, inv_std_error = (s.reshape(spatial) for s in statistics)
    scale, shift = (np.abs(operands[name]).reshape(spatial) for name in ("gamma", "beta"))
    deviation = np.abs(x - mean)
    most = scale * (deviation + mean_error) * (inv_std + inv_std_error)
    error = most - scale * deviation * inv_std + _gamma(6, roundoff) * (most + shift)
    error = error + _gamma(6, roundoff) * scale * inv_std * (np.abs(x) + np.abs(mean))
    # Where gamma is 0, and where the least that the variance may be is 0, this is 0 times infinity.
    given_up = np.isinf(inv_std_error) & (scale > 0) & np.isfinite(x)
    return np.where(given_up, np.inf, error)


def _running_error(
    question: Question, quantity: str, statistics: Statistics, roundoff: float
) -> Array:
    """Bound a running statistic, by either of (1 - m) old + m new and old + m (new - old)."""
    momentum = question.case.parameters["momentum"]
    old = np.abs(question.arrays()[quantity])
    new, error = np.abs(statistics.mean), statistics.mean_error
    if quantity == "running_var":
        count = _count(question.arrays()["x"].shape)
        new, error = (s * count / (count - 1) for s in (statistics.var, statistics.var_error))
    magnitude = (1 + momentum) * old + momentum * (new + error)
    return _gamma(8, roundoff) * magnitude + (momentum * error if momentum else 0)


def gradient_terms(question: Question, quantity: str) -> tuple[Any, Any]:
    """Count the roundings of N7 to N10, and add up the absolute values of their terms.

    The statistics are given and have no error of their own. gamma's gradient sums K products, each
    of two roundings before it is added, and is scaled; x's has three terms, two of them sums over
    K that are divided and multiplied by no more than six factors.
    """
    operands = question.arrays()
    grad_y, x = np.abs(operands["grad_y"]), operands["x"]
    spatial, axes = (-1, *[1] * (x.ndim - 2)), (0, *range(2, x.ndim))
    inv_std = operands["saved_inv_std"].reshape(spatial)
    z = np.abs(x - operands["saved_mean"].reshape(spatial)) * inv_std
    count = _count(x.shape)
    if quantity == "beta":
        return count, grad_y.sum(axes)
    if quantity == "gamma":
        return count + 5, (grad_y * z).sum(axes)
    scale = np.abs(operands["gamma"]).reshape(spatial) * inv_std
    if not question.case.parameters["training"] or not count:
        return 4, scale * grad_y
    through_mean = grad_y.mean(axes, keepdims=True)
    through_var = z * (grad_y * z).mean(axes, keepdims=True)
    return count + 14, scale * (grad_y + through_mean + through_var)


def bounded(question: Question, quantity: str) -> Margin:
    """Bound a result of batch normalization, or a gradient."""
    forward = question.case.function == question.case.op
    rule = normalized if forward else cancelling(gradient_terms)
    return rule(question, quantity)


def moving(question: Question) -> bool:
    """Tell whether the gradients answer a shift and a stretch of x as they must.

    Where statistics move with x, shifting a channel changes nothing, and stretching it about its
    mean changes only what epsilon keeps: sum(grad_x) = 0 and sum(grad_x (x - mean)) =
    gamma grad_gamma (1 - var inv_std^2). Where they are constants it is gamma inv_std grad_beta
    and gamma grad_gamma. Unless NaN hide it.
    """
    operands, grads = question.arrays(), question.truth
    x = operands["x"]
    if not (x.size and np.isfinite(x).all() and np.isfinite(operands["grad_y"]).all()):
        return True
    spatial, axes = (-1, *[1] * (x.ndim - 2)), (0, *range(2, x.ndim))
    deviation = x - operands["saved_mean"].reshape(spatial)
    shift, stretch = operands["gamma"] * operands["saved_inv_std"] * grads["beta"], 1.0
    if question.case.parameters["training"]:
        if np.any(deviation.sum(axes)):  # made simpler, x has another mean than was saved
            return True
        shift = np.zeros_like(shift)
        stretch = 1 - np.mean(deviation**2, axes) * operands["saved_inv_std"] ** 2
    return bool(
        np.all(grads["x"].sum(axes) == shift)
        and np.all(
            (grads["x"] * deviation).sum(axes) == operands["gamma"] * grads["gamma"] * stretch
        )
    )


# Dropout


def dropouts(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``dropout`` or of its gradient: the mask is boolean, or 0 and 1."""
    shape = shapes(draw, very_long=True)
    shape = shape[-1:] if draw.one_in(6) else shape
    rate, dtype = draw.among(RATES), draw.among(dtypes)
    rng = draw.rng()
    values = some_special(draw, rng, reals(rng, shape))
    mask = rng.random(shape) < 0.6
    name = "x" if function == "dropout" else "grad_y"
    operands = {
        name: laid_out(draw, values, dtype),
        "mask": laid_out(draw, mask, draw.among([dtype, "bool"])),
    }
    halving = math.frexp(1 - rate)[0] == 0.5  # multiplied or divided, it comes to the same
    return Case(function, {"rate": rate}, operands, exact=halving)


def dropped(question: Question, quantity: str) -> tuple[Any, Any]:
    """Count the roundings of x m / (1 - r), where that of r comes out r / (1 - r) times larger."""
    rate = question.case.parameters["rate"]
    return 4 + rate / (1 - rate), np.nan_to_num(np.abs(question.truth[quantity]), posinf=0)


OPERATORS = (
    Operator(
        "batch_norm",
        normalizations,
        bounded,
        gradients=("x", "gamma", "beta"),
        results=("forward", "running_mean", "running_var", "saved_mean", "saved_inv_std"),
        identity=moving,
        flags={"training": (False, True)},
        domain=of_deviations,
    ),
    Operator("dropout", dropouts, cancelling(dropped), gradients=("x",), halves=Halves()),
)
