"""The CPU kernels of batch normalization and dropout.

Arrays are ``(N, C, P)``, all spatial axes taken as one, with any strides, and may be read-only.
Arithmetic is in float64 whatever the arrays are, and rounded once, when a result is written.

A channel is summed in lanes: cell p of a row goes to lane ``p mod LANES``, and the lanes are added
by halving. The order depends on the shape alone: a channel is summed by one thread.
"""

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.ops.normalization import literal

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]

LANES = 64  # enough independent sums to fill the widest vectors
SHORT = 4 * LANES  # below this, the rows of a channel are joined, so that lanes are well filled


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
    mean, var = np.empty(x.shape[1]), np.empty(x.shape[1])
    threads.run_shares(summarize, x.shape[1], x.size, by_channel(x), mean, var)
    return mean, var


def inv_std(var: np.ndarray, epsilon: float) -> np.ndarray:
    """Evaluate the normalizing factors (N3), in float64."""
    return literal.inv_std(plain(var), epsilon)


def unbiased(var: np.ndarray, count: int) -> np.ndarray:
    """Evaluate the unbiased variances (N5) from `count` values per channel."""
    return literal.unbiased(plain(var), count)


def running(old: np.ndarray, new: np.ndarray, momentum: float) -> np.ndarray:
    """Evaluate the next running statistics (N6), of the dtype of the old ones."""
    return literal.running(plain(old), plain(new), momentum)


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
    y = np.empty(x.shape, x.dtype)
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
    y = np.empty(x.shape, x.dtype)
    vectors = map(wide, (gamma, beta, mean, inv_std))
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
    grad_x = np.empty(x.shape, x.dtype)
    grad_gamma, grad_beta = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    grad_y, x = plain(grad_y), plain(x)
    gamma, mean, inv_std = map(wide, (gamma, mean, inv_std))
    arrays, sums = (by_channel(grad_y), by_channel(x)), (grad_gamma, grad_beta)
    threads.run_shares(correlate, x.shape[1], x.size, *arrays, mean, inv_std, *sums)
    if training:
        given = (grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta)
        threads.run_shares(spread, rows(x), x.size, *given, grad_x)
    else:
        threads.run_shares(spread_constant, rows(x), x.size, grad_y, gamma * inv_std, grad_x)
    return grad_x, grad_gamma.astype(x.dtype), grad_beta.astype(x.dtype)


def plain(array: np.ndarray) -> np.ndarray:
    """Give an array the one memory layout that the compiled functions are made for."""
    return np.require(array, requirements=["C", "W", "A", "E"])


def wide(array: np.ndarray) -> np.ndarray:
    """Give a vector the one dtype and layout that the compiled functions are made for."""
    return plain(array.astype(np.float64))


def rows(x: np.ndarray) -> int:
    """Count the rows (n, c), in row-major order."""
    return x.shape[0] * x.shape[1]


def by_channel(x: np.ndarray) -> np.ndarray:
    """Arrange (N, C, P) so that ``[n, c]`` is a row worth adding."""
    if x.shape[2] < SHORT and x.shape[0] > 1:
        return np.ascontiguousarray(x.swapaxes(0, 1)).reshape(1, x.shape[1], -1)
    return plain(x)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def summarize(x, mean, var, first, last):
    """Fill `mean` and `var` for some channels."""
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
def correlate(grad_y, x, mean, inv_std, grad_gamma, grad_beta, first, last):
    """Fill `grad_gamma` and `grad_beta` for some channels."""
    totals, products = np.empty(LANES), np.empty(LANES)
    for c in range(first, last):
        totals[:] = 0
        products[:] = 0
        for n in range(x.shape[0]):
            add_products(grad_y[n, c], x[n, c], mean[c], totals, products)
        grad_beta[c] = add_lanes(totals)
        grad_gamma[c] = add_lanes(products) * inv_std[c]


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
    for row in range(first, last):
        n, c = row // x.shape[1], row % x.shape[1]
        center, factor, weight, shift = mean[c], inv_std[c], gamma[c], beta[c]
        for p in range(x.shape[2]):
            y[n, c, p] = weight * ((x[n, c, p] - center) * factor) + shift


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spread(grad_y, x, gamma, mean, inv_std, grad_gamma, grad_beta, grad_x, first, last):
    """Fill some rows of `grad_x` with N9."""
    count = x.shape[0] * x.shape[2]
    for row in range(first, last):
        n, c = row // x.shape[1], row % x.shape[1]
        center, deviation, weight = mean[c], inv_std[c], gamma[c] * inv_std[c]
        slope, offset = grad_gamma[c] / count, grad_beta[c] / count
        for p in range(x.shape[2]):
            z = (x[n, c, p] - center) * deviation
            grad_x[n, c, p] = weight * (grad_y[n, c, p] - (offset + z * slope))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def spread_constant(grad_y, weight, grad_x, first, last):
    """Fill some rows of `grad_x` with N10."""
    for row in range(first, last):
        n, c = row // grad_x.shape[1], row % grad_x.shape[1]
        factor = weight[c]
        for p in range(grad_x.shape[2]):
            grad_x[n, c, p] = factor * grad_y[n, c, p]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def drop(x, mask, keep, y, first, last):
    """Fill some elements of `y` with N11."""
    for i in range(first, last):
        y[i] = x[i] * mask[i] / keep
