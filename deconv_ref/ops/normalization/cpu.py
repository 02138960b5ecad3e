"""The CPU kernels of batch normalization and dropout.

Arrays are ``(N, C, P)``, all spatial axes taken as one, with any strides, and may be read-only.
Arithmetic is in float64 whatever the arrays are, and rounded once, when a result is written.

A channel is summed in lanes: cell p of a row goes to lane ``p mod LANES``, and the lanes are added
by halving. Where rows are short, `columns` are summed instead. The order depends on the shape
alone: a channel is summed by one thread.
"""

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.memory import empty
from deconv_ref.ops.normalization import columns, literal

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]

LANES = 64  # enough independent sums to fill the widest vectors
SHORT = 4 * LANES  # cells of a row, below which lanes are not well filled


def statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate mean and biased variance of every channel (N1, N2).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, P)
        Input; N and P at least 1.

    Returns
    -------
    mean, var : numpy.ndarray of shape (C,)
        In float64.
    """
    if x.shape[2] < SHORT:
        return columns.summarize(by_item(x), x.shape[1])
    mean, var = np.empty(x.shape[1]), np.empty(x.shape[1])
    threads.run_shares(summarize, x.shape[1], x.size, plain(x), mean, var)
    return mean, var


def inv_std(var: np.ndarray, epsilon: float) -> np.ndarray:
    """Evaluate the normalizing factors (N3), in float64."""
    return literal.inv_std(var, epsilon)


def unbiased(var: np.ndarray, count: int) -> np.ndarray:
    """Evaluate the unbiased variances (N5) from `count` values per channel."""
    return literal.unbiased(var, count)


def running(old: np.ndarray, new: np.ndarray, momentum: float) -> np.ndarray:
    """Evaluate the next running statistics (N6), of the dtype of the old ones."""
    return literal.running(old, new, momentum)


def dropout(x: np.ndarray, mask: np.ndarray, keep: float) -> np.ndarray:
    """Evaluate dropout of a flat array (N11).

    Parameters
    ----------
    x : numpy.ndarray of shape (size,)
        Input, or gradient of the result.
    mask : numpy.ndarray of shape (size,)
        Boolean, or of the dtype of `x`.
    keep : float
        One less the rate.

    Returns
    -------
    numpy.ndarray of shape (size,)
        The result.
    """
    y = empty(x.shape, x.dtype)
    threads.run_shares(drop, x.size, x.size, plain(x), plain(mask), keep, y)
    return y


def normalize(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, inv_std: np.ndarray
) -> np.ndarray:
    """Evaluate batch normalization with given statistics (N4).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, P)
        Input.
    gamma, beta, mean, inv_std : numpy.ndarray of shape (C,)
        Scale, shift and statistics.

    Returns
    -------
    numpy.ndarray of shape (N, C, P)
        Of the dtype of `x`.
    """
    vectors = map(wide, (gamma, beta, mean, inv_std))
    if x.shape[2] < SHORT:
        return columns.scale(by_item(x), *vectors).reshape(x.shape)
    y = empty(x.shape, x.dtype)
    threads.run_shares(scale, rows(x), x.size, plain(x), *vectors, y)
    return y


def gradients(
    grad_y: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    mean: np.ndarray,
    inv_std: np.ndarray,
    training: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evaluate the gradients of x, gamma and beta (N7 to N10).

    Parameters
    ----------
    grad_y, x : numpy.ndarray of shape (N, C, P)
        Gradient of the result, and input.
    gamma, mean, inv_std : numpy.ndarray of shape (C,)
        Scale and statistics.
    training : bool
        Whether the statistics are those of `x`.

    Returns
    -------
    grad_x, grad_gamma, grad_beta : numpy.ndarray
        Of the shapes of `x` and `gamma`, and of the dtype of `x`.
    """
    gamma, mean, inv_std = map(wide, (gamma, mean, inv_std))
    grad_beta, products = totals(grad_y, x, mean)
    with np.errstate(all="ignore"):  # what NaN and infinity give, they give in silence
        grad_gamma, weight = products * inv_std, gamma * inv_std
        count = max(1, x.shape[0] * x.shape[2])
        shares = grad_gamma / count, grad_beta / count
    if training:
        grad_x = spread_all(grad_y, x, weight, mean, inv_std, *shares)
    else:
        grad_x = empty(x.shape, x.dtype)
        threads.run_shares(spread_constant, rows(x), x.size, plain(grad_y), weight, grad_x)
    return grad_x, grad_gamma.astype(x.dtype), grad_beta.astype(x.dtype)


def totals(grad_y: np.ndarray, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Add up, for every channel, the gradients and their products with the deviations."""
    if x.shape[2] < SHORT:
        return columns.correlate(by_item(grad_y), by_item(x), mean)
    sums = np.empty((2, x.shape[1]))
    threads.run_shares(correlate, x.shape[1], x.size, plain(grad_y), plain(x), mean, sums)
    return sums


def spread_all(grad_y: np.ndarray, x: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
    """Evaluate N9; see `spread`."""
    if x.shape[2] < SHORT:
        return columns.spread(by_item(grad_y), by_item(x), *vectors).reshape(x.shape)
    grad_x = empty(x.shape, x.dtype)
    threads.run_shares(spread, rows(x), x.size, plain(grad_y), plain(x), *vectors, grad_x)
    return grad_x


def wide(array: np.ndarray) -> np.ndarray:
    """Give a vector the one dtype and layout that the compiled functions are made for."""
    return plain(array.astype(np.float64, copy=False))


def rows(x: np.ndarray) -> int:
    """Count the rows (n, c), in row-major order."""
    return x.shape[0] * x.shape[1]


def by_item(x: np.ndarray) -> np.ndarray:
    """Arrange (N, C, P) as (N, C P): all cells of an item side by side."""
    return plain(x).reshape(x.shape[0], x.shape[1] * x.shape[2])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def summarize(x, mean, var, first, last):
    """Fill `mean` and `var` for some channels."""
    if threads.shared(first, last):
        return
    count = x.shape[0] * x.shape[2]
    totals, squares = np.empty(LANES), np.empty(LANES)
    for c in range(first, last):
        totals[:] = 0
        for n in range(x.shape[0]):
            add(x[n, c], totals)
        center = add_lanes(totals) / count
        totals[:] = 0
        squares[:] = 0
        for n in range(x.shape[0]):
            add_deviations(x[n, c], center, totals, squares)
        total = add_lanes(totals)
        mean[c] = center
        var[c] = (add_lanes(squares) - total * total / count) / count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def correlate(grad_y, x, mean, sums, first, last):
    """Fill `sums` for some channels: of the gradients, and of their products with deviations."""
    if threads.shared(first, last):
        return
    totals, products = np.empty(LANES), np.empty(LANES)
    for c in range(first, last):
        totals[:] = 0
        products[:] = 0
        for n in range(x.shape[0]):
            add_products(grad_y[n, c], x[n, c], mean[c], totals, products)
        sums[0, c], sums[1, c] = add_lanes(totals), add_lanes(products)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add(row, totals):
    """Add a row to the lanes."""
    whole = row.size - row.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            totals[lane] += row[start + lane]
    for lane in range(row.size - whole):
        totals[lane] += row[whole + lane]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_deviations(row, center, totals, squares):
    """Add a row's deviations, and their squares, to the lanes."""
    whole = row.size - row.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            deviation = row[start + lane] - center
            totals[lane] += deviation
            squares[lane] += deviation * deviation
    for lane in range(row.size - whole):
        deviation = row[whole + lane] - center
        totals[lane] += deviation
        squares[lane] += deviation * deviation


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_products(grads, row, center, totals, products):
    """Add a row of gradients, and their products with the deviations, to the lanes."""
    whole = row.size - row.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            grad = np.float64(grads[start + lane])
            totals[lane] += grad
            products[lane] += grad * (row[start + lane] - center)
    for lane in range(row.size - whole):
        grad = np.float64(grads[whole + lane])
        totals[lane] += grad
        products[lane] += grad * (row[whole + lane] - center)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_lanes(lanes):
    """Add the lanes by halving."""
    half = LANES // 2
    while half:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return lanes[0]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scale(x, gamma, beta, mean, inv_std, y, first, last):
    """Fill some rows of `y` with N4."""
    if threads.shared(first, last):
        return
    for row in range(first, last):
        n, c = row // x.shape[1], row % x.shape[1]
        center, factor, weight, shift = mean[c], inv_std[c], gamma[c], beta[c]
        for p in range(x.shape[2]):
            y[n, c, p] = weight * ((x[n, c, p] - center) * factor) + shift


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spread(grad_y, x, weights, mean, inv_std, slopes, offsets, grad_x, first, last):
    """Fill some rows of `grad_x` with N9: ``weight * (grad_y - (offset + z * slope))``."""
    if threads.shared(first, last):
        return
    for row in range(first, last):
        n, c = row // x.shape[1], row % x.shape[1]
        center, deviation, weight = mean[c], inv_std[c], weights[c]
        slope, offset = slopes[c], offsets[c]
        for p in range(x.shape[2]):
            z = (x[n, c, p] - center) * deviation
            grad_x[n, c, p] = weight * (grad_y[n, c, p] - (offset + z * slope))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spread_constant(grad_y, weight, grad_x, first, last):
    """Fill some rows of `grad_x` with N10."""
    if threads.shared(first, last):
        return
    for row in range(first, last):
        n, c = row // grad_x.shape[1], row % grad_x.shape[1]
        factor = weight[c]
        for p in range(grad_x.shape[2]):
            grad_x[n, c, p] = factor * grad_y[n, c, p]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def drop(x, mask, keep, y, first, last):
    """Fill some elements of `y` with N11."""
    if threads.shared(first, last):
        return
    x, mask, y = x[first:last], mask[first:last], y[first:last]
    for i in range(y.size):  # from 0, as in `elementwise`
        y[i] = x[i] * mask[i] / keep
