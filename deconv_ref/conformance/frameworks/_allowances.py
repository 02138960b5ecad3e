"""How far documented differences of several adapters reach: infinite where any value goes."""

import math

import numpy as np


def roundoff(dtype):
    """Give the largest relative error of rounding to a dtype; NumPy does not know bfloat16's."""
    return 2.0**-8 if dtype.name == "bfloat16" else float(np.finfo(dtype).eps) / 2


def neighbours(n, scale, align_corners):
    """Give the two cells between which each output of linear resampling lies."""
    outputs = np.arange(math.floor(n * scale))
    source = (outputs + 0.5) / scale - 0.5
    if align_corners:
        source = outputs * (n - 1) / max(len(outputs) - 1, 1)
    lower = np.floor(np.clip(source, 0, n - 1)).astype(int)
    return lower, np.minimum(lower + 1, n - 1)


def beside_infinities(x, scale_factor, *, mode, align_corners):
    """Mark the outputs of linear resampling beside a cell that is not finite."""
    if mode == "nearest":
        return 0.0
    touched = ~np.isfinite(x)
    for axis, scale in enumerate(scale_factor, 2):
        lower, upper = neighbours(x.shape[axis], scale, align_corners)
        touched = touched.take(lower, axis) | touched.take(upper, axis)
    return np.where(touched, np.inf, 0.0)


def fed_by_infinities(grad_y, input_size, scale_factor, *, mode, align_corners):
    """Mark the cells of linear resampling beside an output whose gradient is not finite."""
    if mode == "nearest":
        return 0.0
    touched = ~np.isfinite(grad_y)
    for axis, scale in enumerate(scale_factor, 2):
        cells = np.zeros(
            (*touched.shape[:axis], input_size[axis], *touched.shape[axis + 1 :]), bool
        )
        for side in neighbours(input_size[axis], scale, align_corners):
            np.logical_or.at(cells, (slice(None),) * axis + (side,), touched)
        touched = cells
    return np.where(touched, np.inf, 0.0)


def with_infinities(x=None, grad_y=None, *, mode, **_):
    """Mark the channels with a number that is not finite, which products of matrices spread."""
    values = x if grad_y is None else grad_y
    spatial = tuple(range(2, values.ndim))
    finite = np.isfinite(values).all(axis=spatial, keepdims=True) | (mode == "nearest")
    return np.where(finite, 0.0, np.inf)


def linear_in_float32(x=None, grad_y=None, *, scale_factor, mode, **_):
    """Allow float32's rounding of float64 values, and of coordinates in images of their size.

    A cell's gradient adds up the outputs on both its sides, along each axis.
    """
    values = x if grad_y is None else grad_y
    if mode == "nearest" or values.dtype != np.float64:
        return 0.0
    largest = np.max(np.abs(values[np.isfinite(values)]), initial=0.0)
    coordinates = sum(
        n * max(scale, 1) for n, scale in zip(values.shape[2:], scale_factor, strict=True)
    )
    terms = 1 if grad_y is None else math.prod(2 * max(scale, 1) for scale in scale_factor)
    return 2.0**-23 * (4 + coordinates) * terms * largest


def in_float32(x, *, slope=1.0, alpha=1.0, value=0.0, scale_factor=(), **_):
    """Allow float32's rounding of float64 values, and of functions whose slope is about 1 at most.

    Infinities and NaN have to be what they should.
    """
    if x.dtype != np.float64:
        return 0.0
    sizes = [np.abs(np.atleast_1d(number)) for number in (x, slope, alpha, value)]
    largest = math.prod(np.max(s[np.isfinite(s)], initial=1.0) for s in sizes)
    coordinates = sum(n * max(f, 1) for n, f in zip(x.shape[2:], scale_factor, strict=False))
    return 2.0**-22 * (1 + coordinates) * largest


def with_nowhere(indices, **_):
    """Allow anything, a refusal too, where an index is -1, which is nowhere."""
    return np.inf if np.any(indices < 0) else 0.0


def at_repeated_places(x, indices, output_size):
    """Mark the cells for which there are several values."""
    count = np.zeros((*output_size[:2], int(np.prod(output_size[2:]))))
    for n, c, *o in np.ndindex(indices.shape):
        count[n, c, indices[(n, c, *o)]] += 1
    return np.where(count > 1, np.inf, 0.0).reshape(output_size)


def of_overwritten(grad_y, indices):
    """Mark the values that a later one overwrites."""
    lost = np.zeros(indices.shape)
    later = set()
    for at in reversed(list(np.ndindex(indices.shape))):
        place = (*at[:2], indices[at])
        lost[at] = np.inf if place in later else 0.0
        later.add(place)
    return lost


def volumes_refused(x, **_):
    """Allow a refusal of three spatial axes."""
    return np.inf if x.ndim == 5 else 0.0
