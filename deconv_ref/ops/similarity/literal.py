"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import empty, full
from deconv_ref.compiling import Fill
from deconv_ref.ops.similarity import equations
from deconv_ref.real import divide

__all__ = ["gradient", "similarity"]

MEAN = Fill(equations.mean_point)
COVARIANCE = Fill(equations.covariance_point)
SIMILARITY = Fill(equations.similarity_point, equations.window_point, divide)
GRADIENT = Fill(equations.gradient_point, equations.slope_point, divide)


def similarity(x: Any, y: Any, taps: Any, c1: Any, c2: Any) -> Any:
    """Evaluate the similarity of every pair of images (S1 to S4); see `cpu.similarity`."""
    weights, total = _weights(x, taps)
    result = empty(x, x.shape[:2], _wide(x))
    return SIMILARITY(result, *_moments(x, y, weights, total), c1, c2, _zero(x))


def gradient(grad: Any, x: Any, y: Any, taps: Any, c1: Any, c2: Any) -> Any:
    """Evaluate the gradient of `x` (S5, S6); see `cpu.gradient`."""
    weights, total = _weights(x, taps)
    moments = _moments(x, y, weights, total)
    result = empty(x, x.shape)
    return GRADIENT(result, grad, x, y, *moments, c1, c2, weights, total, _zero(x))


def _moments(x: Any, y: Any, weights: Any, total: Any) -> tuple[Any, ...]:
    places = [n - k + 1 for n, k in zip(x.shape[2:], weights.shape, strict=True)]
    windows, zero = (*x.shape[:2], *places), _zero(x)
    means = {
        name: MEAN(empty(x, windows, _wide(x)), image, weights, total, zero)
        for name, image in (("x", x), ("y", y))
    }
    pairs = (("x", x, "x", x), ("y", y, "y", y), ("x", x, "y", y))
    covariances = [
        COVARIANCE(
            empty(x, windows, _wide(x)), left, right, means[a], means[b], weights, total, zero
        )
        for a, left, b, right in pairs
    ]
    return means["x"], means["y"], *covariances


def _weights(x: Any, taps: Any) -> tuple[Any, Any]:
    if taps is None:  # the whole image, each cell weighing as much as the other
        weights = full(x, x.shape[2:], 1, _wide(x))
        return weights, weights.size
    depth, height, width = taps
    return depth[:, None, None] * height[:, None] * width, 1


def _wide(x: Any) -> Any:
    return object if x.dtype == object else np.float64


def _zero(x: Any) -> Any:
    return 0 if x.dtype == object else np.float64(0)
