"""The CPU kernels of structural similarity.

Images are ``(N, C, D, H, W)``, with any strides, and may be read-only. Arithmetic is in float64
whatever they are. A pair of images is compared by one thread, so that sums have one order.

The global form makes two passes, for means and for deviations. The windowed form filters along one
axis after the other, as a product of weights allows: the five moments come from five filtered
images, and the gradient from three that are spread back by the transposed filter. That is composed
in Python, image by image, so that there is little to compile.
"""

import math
from functools import partial

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.memory import empty

__all__ = ["gradient", "similarity"]

LANES = 32  # enough independent sums to fill the widest vectors
CHUNK = 1024  # cells that are filtered at a time, so that they stay in a first-level cache
PRODUCTS = 60  # about as many additions for a cell, in the windowed form


def similarity(x, y, taps, c1, c2):
    """Evaluate the similarity of every pair of images (S4).

    Parameters
    ----------
    x, y : numpy.ndarray of shape (N, C, D, H, W)
        Images.
    taps : tuple of three numpy.ndarray, or None
        Weights of the window along each axis, of sum 1; None is one window, the whole image.
    c1, c2 : float
        Constants of S3.

    Returns
    -------
    numpy.ndarray of shape (N, C)
        In float64.
    """
    result = empty(x.shape[:2], np.float64)
    given, pairs = (rows(x), rows(y)), result.size
    if taps is None:
        threads.run_shares(compare, pairs, x.size, *given, c1, c2, result.reshape(-1))
    else:
        piece = partial(compare_windows, *given, x.shape[2:], taps, c1, c2, result.reshape(-1))
        threads.each(piece, pairs, PRODUCTS * x.size)
    return result


def gradient(grad, x, y, taps, c1, c2):
    """Evaluate the gradient of `x` (S6).

    Parameters
    ----------
    grad : numpy.ndarray of shape (N, C)
        Gradient of the similarities, in float64.
    x, y : numpy.ndarray of shape (N, C, D, H, W)
        Images.
    taps : tuple of three numpy.ndarray, or None
        As for `similarity`.
    c1, c2 : float
        Constants of S3.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        Of the dtype of `x`.
    """
    result = empty(x.shape, x.dtype)
    given, pairs = (plain(grad).reshape(-1), rows(x), rows(y)), x.shape[0] * x.shape[1]
    if taps is None:
        threads.run_shares(spread, pairs, x.size, *given, c1, c2, rows(result))
    else:
        piece = partial(spread_windows, *given, x.shape[2:], taps, c1, c2, rows(result))
        threads.each(piece, pairs, 2 * PRODUCTS * x.size)
    return result


def rows(x):
    """View, or copy, images as one row of cells each."""
    return plain(x).reshape(x.shape[0] * x.shape[1], x.shape[2] * x.shape[3] * x.shape[4])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def terms(mean_x, mean_y, var_x, var_y, cov, c1, c2):
    """Evaluate A1, A2, B1 and B2 of S3."""
    a1, a2 = 2 * mean_x * mean_y + c1, 2 * cov + c2
    b1, b2 = mean_x * mean_x + mean_y * mean_y + c1, var_x + var_y + c2
    return a1, a2, b1, b2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def moments(x, y, lanes):
    """Evaluate means, variances and covariance of two rows; cell e is added in lane e mod LANES."""
    lanes[:] = 0
    for start in range(0, x.size, LANES):
        for lane in range(min(LANES, x.size - start)):
            lanes[0, lane] += x[start + lane]
            lanes[1, lane] += y[start + lane]
    mean_x, mean_y = add_lanes(lanes[0]) / x.size, add_lanes(lanes[1]) / x.size
    lanes[:] = 0
    for start in range(0, x.size, LANES):
        for lane in range(min(LANES, x.size - start)):
            from_x, from_y = x[start + lane] - mean_x, y[start + lane] - mean_y
            lanes[0, lane] += from_x * from_x
            lanes[1, lane] += from_y * from_y
            lanes[2, lane] += from_x * from_y
    var_x, var_y = add_lanes(lanes[0]) / x.size, add_lanes(lanes[1]) / x.size
    return mean_x, mean_y, var_x, var_y, add_lanes(lanes[2]) / x.size


@numba.njit(cache=True, nogil=True)
def add_lanes(lanes):
    """Add the lanes by halving."""
    half = LANES // 2
    while half:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return lanes[0]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def compare(x, y, c1, c2, result, first, last):
    """Fill some elements of `result` with the global form."""
    if threads.shared(first, last):
        return
    lanes = np.empty((3, LANES))
    for row in range(first, last):
        mean_x, mean_y, var_x, var_y, cov = moments(x[row], y[row], lanes)
        a1, a2, b1, b2 = terms(mean_x, mean_y, var_x, var_y, cov, c1, c2)
        result[row] = a1 * a2 / (b1 * b2)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spread(grad, x, y, c1, c2, result, first, last):
    """Fill some rows of `result` with the gradient of the global form."""
    if threads.shared(first, last):
        return
    lanes = np.empty((3, LANES))
    for row in range(first, last):
        mean_x, mean_y, var_x, var_y, cov = moments(x[row], y[row], lanes)
        a1, a2, b1, b2 = terms(mean_x, mean_y, var_x, var_y, cov, c1, c2)
        factor, cells, below, start = 2 * grad[row], x.shape[1], b1 * b2, a2 * mean_y
        s, slope = a1 * a2 / below, b2 * mean_x
        for i in range(cells):
            numerator = start + a1 * (y[row, i] - mean_y) - s * (slope + b1 * (x[row, i] - mean_x))
            result[row, i] = factor * (numerator / below / cells)


def compare_windows(x, y, size, taps, c1, c2, result, row):
    """Fill an element of `result` with the windowed form."""
    center = centers(x[row], y[row])
    maps = window_maps(x[row], y[row], center, size, taps)
    result[row] = average(maps, *center, c1, c2)


def spread_windows(grad, x, y, size, taps, c1, c2, result, row):
    """Fill a row of `result` with the gradient of the windowed form."""
    center = centers(x[row], y[row])
    maps = window_maps(x[row], y[row], center, size, taps)
    slopes(maps, *center, c1, c2)
    factor = 2 * grad[row] / maps.shape[1]
    combine(x[row], y[row], *center, unfiltered(maps[:3], size, taps), factor, result[row])


def centers(x, y):
    """Choose what to subtract, so that equal images stay equal and flat ones become 0."""
    center_x, center_y = float(x[0]), float(y[0])
    finite = np.isfinite(center_x) and np.isfinite(center_y)
    return (center_x, center_y) if finite else (0.0, 0.0)


def window_maps(x, y, center, size, taps):
    """Filter what `products` gives along all axes."""
    maps = np.empty((5, x.size))
    products(x, y, *center, maps)
    size = list(size)
    for axis, weights in enumerate(taps):
        if weights.size > 1:
            inner, length = math.prod(size[axis + 1 :]), size[axis]
            size[axis] -= weights.size - 1
            filtered = np.empty((5, math.prod(size)))
            lines = maps.reshape(-1, length * inner)
            filter_lines(lines, inner, weights, filtered.reshape(len(lines), -1))
            maps = filtered
    return maps


def unfiltered(maps, size, taps):
    """Apply the transpose of the filter to three maps, giving images of `size`."""
    now = [n - weights.size + 1 for n, weights in zip(size, taps, strict=True)]
    for axis, weights in enumerate(taps):
        if weights.size > 1:
            inner, places = math.prod(now[axis + 1 :]), now[axis]
            now[axis] = size[axis]
            spread_out = np.zeros((3, math.prod(now)))
            lines = maps.reshape(-1, places * inner)
            unfilter_lines(lines, inner, weights, spread_out.reshape(len(lines), -1))
            maps = spread_out
    return maps


@numba.njit(cache=True, nogil=True)
def products(x, y, center_x, center_y, maps):
    """Fill `maps` with x, y, x^2, y^2 and x y, less the centers."""
    for i in range(x.size):
        from_x, from_y = x[i] - center_x, y[i] - center_y
        maps[0, i], maps[1, i] = from_x, from_y
        maps[2, i], maps[3, i], maps[4, i] = from_x * from_x, from_y * from_y, from_x * from_y


@numba.njit(cache=True, nogil=True)
def filter_lines(source, inner, taps, target):
    """Correlate every line with taps that lie `inner` cells apart."""
    for line in range(source.shape[0]):
        for start in range(0, target.shape[1], CHUNK):
            sums = target[line, start : start + CHUNK]
            for t in range(taps.size):
                weight, cells = taps[t], source[line, start + t * inner :]
                if t == 0:
                    for e in range(sums.size):
                        sums[e] = weight * cells[e]
                else:
                    for e in range(sums.size):
                        sums[e] += weight * cells[e]


@numba.njit(cache=True, nogil=True)
def unfilter_lines(source, inner, taps, target):
    """Add the transpose of `filter_lines` to `target`."""
    places = source.shape[1]
    for line in range(source.shape[0]):
        for start in range(0, target.shape[1], CHUNK):
            stop = min(start + CHUNK, target.shape[1])
            for t in range(taps.size):
                shift = t * inner
                first, last = max(start, shift), min(stop, shift + places)
                if first < last:
                    weight, sums = taps[t], target[line, first:last]
                    cells = source[line, first - shift : last - shift]
                    for e in range(sums.size):
                        sums[e] += weight * cells[e]


@numba.njit(cache=True, nogil=True)
def window_terms(maps, p, center_x, center_y, c1, c2):
    """Evaluate the means, and A1, A2, B1 and B2 of S3, in window p."""
    mean_x, mean_y = maps[0, p], maps[1, p]
    var_x, var_y = maps[2, p] - mean_x * mean_x, maps[3, p] - mean_y * mean_y
    cov = maps[4, p] - mean_x * mean_y
    mean_x, mean_y = mean_x + center_x, mean_y + center_y
    return mean_x, mean_y, terms(mean_x, mean_y, var_x, var_y, cov, c1, c2)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def average(maps, center_x, center_y, c1, c2):
    """Average the similarity over all windows."""
    total = 0.0
    for p in range(maps.shape[1]):
        _, _, (a1, a2, b1, b2) = window_terms(maps, p, center_x, center_y, c1, c2)
        total += a1 * a2 / (b1 * b2)
    return total / maps.shape[1]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def slopes(maps, center_x, center_y, c1, c2):
    """Put in the first three maps what makes of S5 a function of the cell.

    slope = offset + slope_y (y - center_y) - slope_x (x - center_x)
    """
    for p in range(maps.shape[1]):
        from_x, from_y = maps[0, p], maps[1, p]
        mean_x, mean_y, (a1, a2, b1, b2) = window_terms(maps, p, center_x, center_y, c1, c2)
        s = a1 * a2 / (b1 * b2)
        slope_y, slope_x = a1 / (b1 * b2), s / b2
        offset = (a2 * mean_y - s * b2 * mean_x) / (b1 * b2)
        maps[0, p] = offset - slope_y * from_y + slope_x * from_x
        maps[1, p], maps[2, p] = slope_y, slope_x


@numba.njit(cache=True, nogil=True)
def combine(x, y, center_x, center_y, sums, factor, result):
    """Evaluate the gradient from the three maps spread over the cells."""
    for i in range(x.size):
        from_x, from_y = x[i] - center_x, y[i] - center_y
        result[i] = factor * (sums[0, i] + from_y * sums[1, i] - from_x * sums[2, i])
