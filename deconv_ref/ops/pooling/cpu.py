"""The CPU kernels of pooling and unpooling, for NumPy arrays.

Each adds and compares in the order of its equation, so that results have the same bits as those of
`literal`. Loops run over the taps outside and over a row of positions inside: neighbours in memory,
and no test for the border. What gathers is split over threads by rows of its result; what scatters,
by channels, in row-major order, which is the order in which its equation gathers.

Arrays have exactly three spatial axes, or one where only flat indices matter; any strides, and may
be read-only.
"""

from math import prod
from typing import Any

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.ops.pooling import equations
from deconv_ref.window import Taps, Window

__all__ = [
    "avg_pool",
    "avg_pool_backward",
    "avg_unpool",
    "avg_unpool_backward",
    "max_pool",
    "max_pool_backward",
    "max_unpool",
    "max_unpool_backward",
]

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
window_cells = compiled(equations.window_cells)

Size = tuple[int, ...]


def max_pool(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate maximum pooling (P1) and its indices (P2).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, *window.input_size)
        Input.
    window : Window
        Of three axes.

    Returns
    -------
    y, indices : numpy.ndarray of shape (N, C, *window.output_size)
        Maxima, and int64 places in a channel, -1 where a window meets no cell.
    """
    y = np.empty((*x.shape[:2], *window.output_size), x.dtype)
    indices = np.empty(y.shape, np.int64)
    arrays = planes(x), *geometry(window), planes(y), planes(indices)
    threads.run_shares(max_rows, rows(y), y.size * prod(window.kernel_size), *arrays)
    return y, indices


def max_pool_backward(grad_y: np.ndarray, indices: np.ndarray, cells: int) -> np.ndarray:
    """Evaluate the gradient of maximum pooling (P3).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, positions)
        Gradient of the maxima.
    indices : numpy.ndarray of shape (N, C, positions)
        From -1 to ``cells - 1``.
    cells : int
        Number of cells of a channel of the result.

    Returns
    -------
    numpy.ndarray of shape (N, C, cells)
        The gradient.
    """
    grad_x = np.zeros((*grad_y.shape[:2], cells), grad_y.dtype)
    arrays = planes(grad_y), planes(indices), planes(grad_x)
    threads.run_shares(add_at, channels(grad_y), grad_y.size, *arrays)
    return grad_x


def max_unpool(x: np.ndarray, indices: np.ndarray, cells: int) -> np.ndarray:
    """Evaluate maximum unpooling (P4).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, positions)
        Values to put in their places.
    indices : numpy.ndarray of shape (N, C, positions)
        From -1 to ``cells - 1``.
    cells : int
        Number of cells of a channel of the result.

    Returns
    -------
    numpy.ndarray of shape (N, C, cells)
        The values, and zeros.
    """
    y = np.zeros((*x.shape[:2], cells), x.dtype)
    threads.run_shares(put_at, channels(x), x.size, planes(x), planes(indices), planes(y))
    return y


def max_unpool_backward(grad_y: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Evaluate the gradient of maximum unpooling (P5).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, cells)
        Gradient of the result.
    indices : numpy.ndarray of shape (N, C, positions)
        From -1 to ``cells - 1``.

    Returns
    -------
    numpy.ndarray of shape (N, C, positions)
        The gradient.
    """
    grad_x = np.empty(indices.shape, grad_y.dtype)
    arrays = planes(grad_y), planes(indices), planes(grad_x)
    threads.run_shares(take_last, channels(grad_x), grad_x.size + grad_y.size, *arrays)
    return grad_x


def avg_pool(x: np.ndarray, window: Window, count_include_pad: bool) -> np.ndarray:
    """Evaluate average pooling (P6).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, *window.input_size)
        Input.
    window : Window
        Of three axes.
    count_include_pad : bool
        Whether the divisor counts declared padding.

    Returns
    -------
    numpy.ndarray of shape (N, C, *window.output_size)
        The averages.
    """
    return window_sums(x, window, window_counts(window, count_include_pad))


def avg_pool_backward(grad_y: np.ndarray, window: Window, count_include_pad: bool) -> np.ndarray:
    """Evaluate the gradient of average pooling (P7).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, *window.output_size)
        Gradient of the averages.
    window : Window
        Of three axes.
    count_include_pad : bool
        Whether the divisor counts declared padding.

    Returns
    -------
    numpy.ndarray of shape (N, C, *window.input_size)
        The gradient.
    """
    counts = window_counts(window, count_include_pad)
    return position_sums(grad_y, window, counts, ones(window.input_size))


def avg_unpool(x: np.ndarray, window: Window) -> np.ndarray:
    """Evaluate average unpooling (P8).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, *window.output_size)
        Averages to spread.
    window : Window
        Of three axes.

    Returns
    -------
    numpy.ndarray of shape (N, C, *window.input_size)
        The mean of what covers each cell.
    """
    return position_sums(x, window, ones(window.output_size), position_counts(window))


def avg_unpool_backward(grad_y: np.ndarray, window: Window) -> np.ndarray:
    """Evaluate the gradient of average unpooling (P9).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, *window.input_size)
        Gradient of the result.
    window : Window
        Of three axes.

    Returns
    -------
    numpy.ndarray of shape (N, C, *window.output_size)
        The gradient.
    """
    z, i, j = position_counts(window)
    shares = np.empty(grad_y.shape, grad_y.dtype)
    np.divide(grad_y, z[:, None, None] * i[:, None] * j, out=shares, casting="same_kind")
    return window_sums(shares, window, ones(window.output_size))


def window_sums(x: np.ndarray, window: Window, divisors: Any) -> np.ndarray:
    """Add up the cells of each window and divide by the product of the axes' divisors."""
    y = np.empty((*x.shape[:2], *window.output_size), x.dtype)
    arrays = planes(x), *geometry(window), *divisors, planes(y)
    threads.run_shares(sum_rows, rows(y), y.size * prod(window.kernel_size), *arrays)
    return y


def position_sums(y: np.ndarray, window: Window, shared: Any, divisors: Any) -> np.ndarray:
    """Add up, for each cell, what the positions that meet it hold.

    What a position holds is first divided by the product of the axes' `shared`, and each sum at the
    end by that of their `divisors`.
    """
    x = np.zeros((*y.shape[:2], *window.input_size), y.dtype)
    arrays = planes(y), *geometry(window), *shared, *divisors, planes(x)
    threads.run_shares(sum_planes, channels(y), y.size * prod(window.kernel_size), *arrays)
    return x


def window_counts(window: Window, padded: bool) -> list[np.ndarray]:
    """Count the cells of each window inside the bounds, axis by axis; NaN where there is none."""
    counts = []
    for axis, (first, end) in enumerate(window.bounds(padded=padded)):
        start = np.arange(window.output_size[axis]) * window.stride[axis] - window.before[axis]
        stop = np.minimum(start + window.kernel_size[axis], end)
        count = stop - np.maximum(start, first)
        counts.append(np.where(count > 0, count, np.nan))
    return counts


def position_counts(window: Window) -> list[np.ndarray]:
    """Count the positions that meet each cell, axis by axis, as 1 where there is none."""
    counts = []
    for axis, size in enumerate(window.input_size):
        cell = np.arange(size) + window.before[axis]
        last = np.minimum(cell // window.stride[axis], window.output_size[axis] - 1)
        before_first = np.maximum((cell - window.kernel_size[axis]) // window.stride[axis], -1)
        counts.append(np.maximum(last - before_first, 1).astype(np.float64))
    return counts


def ones(size: Size) -> list[np.ndarray]:
    """Divide by nothing, axis by axis."""
    return [np.ones(n) for n in size]


def rows(array: np.ndarray) -> int:
    """Count the rows of an array."""
    return prod(array.shape[:-1])


def channels(array: np.ndarray) -> int:
    """Count the channels of an array, over the batch."""
    return prod(array.shape[:2])


def planes(array: np.ndarray) -> np.ndarray:
    """Lay (N, C, ...) out as (N * C, ...), contiguous: one form for compiled code."""
    plain = np.require(np.asarray(array), requirements=["C", "A", "W"])
    return plain.reshape(channels(array), *array.shape[2:])


def geometry(window: Window) -> tuple[Taps, Size]:
    """Describe a window to compiled code."""
    return window.taps(), window.kernel_size


@compiled
def row_of(number, shape):
    """Find the place (plane, d, h) of a row."""
    h = number % shape[2]
    number //= shape[2]
    return number // shape[1], number % shape[1], h


@compiled
def met_taps(taps, kernel, width, positions):
    """Bound the taps of the last axis through which any position meets a cell."""
    beyond = taps.before[2] - (positions - 1) * taps.stride[2]
    first = max(0, -(-beyond // taps.dilation[2]))
    return first, min(kernel[2], (width - 1 + taps.before[2]) // taps.dilation[2] + 1)


@compiled
def met_positions(taps, width, positions, t):
    """Bound the positions of the last axis that meet a cell through tap t; give the first cell."""
    shift = t * taps.dilation[2] - taps.before[2]
    first = max(0, -(shift // taps.stride[2]))
    end = min(positions, (width - 1 - shift) // taps.stride[2] + 1)
    return first, end, first * taps.stride[2] + shift


@compiled
def max_rows(x, taps, kernel, y, indices, first_row, last_row):
    """Evaluate P1 and P2 on some rows of `y`."""
    _, depth, height, width = x.shape
    positions, stride = y.shape[3], taps.stride[2]
    first_tap, end_tap = met_taps(taps, kernel, width, positions)
    for number in range(first_row, last_row):
        plane, d, h = row_of(number, y.shape)
        best, index = y[plane, d, h], indices[plane, d, h]
        best[:] = -np.inf
        index[:] = -1
        for z in window_cells(taps, kernel, depth, 0, d):
            for i in window_cells(taps, kernel, height, 1, h):
                cells, place = x[plane, z, i], (z * height + i) * width
                for t in range(first_tap, end_tap):
                    first, end, j = met_positions(taps, width, positions, t)
                    for w in range(first, end):
                        cell, top, found = cells[j], best[w], index[w]
                        # Higher, the first NaN or the first cell; without a branch to mispredict.
                        taken = ((not cell <= top) & (top == top)) | (found < 0)
                        best[w] = cell if taken else top
                        index[w] = place + j if taken else found
                        j += stride


@compiled
def sum_rows(x, taps, kernel, along_d, along_h, along_w, y, first_row, last_row):
    """Add up the cells of each window, on some rows of `y`, and divide."""
    _, depth, height, width = x.shape
    positions, stride = y.shape[3], taps.stride[2]
    first_tap, end_tap = met_taps(taps, kernel, width, positions)
    for number in range(first_row, last_row):
        plane, d, h = row_of(number, y.shape)
        total, divisor = y[plane, d, h], along_d[d] * along_h[h]
        total[:] = 0
        for z in window_cells(taps, kernel, depth, 0, d):
            for i in window_cells(taps, kernel, height, 1, h):
                cells = x[plane, z, i]
                for t in range(first_tap, end_tap):
                    first, end, j = met_positions(taps, width, positions, t)
                    for w in range(first, end):
                        total[w] += cells[j]
                        j += stride
        for w in range(positions):
            total[w] /= divisor * along_w[w]


@compiled
def sum_planes(
    y, taps, kernel, shared_d, shared_h, shared_w, along_d, along_h, along_w, x, first, last
):
    """Add to the zeros of `x`, in some planes, what the positions that meet a cell hold; divide."""
    share = np.empty(y.shape[3], y.dtype)
    for plane in range(first, last):
        for d in range(y.shape[1]):
            for h in range(y.shape[2]):
                divisor = shared_d[d] * shared_h[h]
                for w in range(y.shape[3]):
                    share[w] = y[plane, d, h, w] / (divisor * shared_w[w])
                add_row(share, taps, kernel, d, h, x[plane])
        for z in range(x.shape[1]):
            for i in range(x.shape[2]):
                divisor = along_d[z] * along_h[i]
                for j in range(x.shape[3]):
                    x[plane, z, i, j] /= divisor * along_w[j]


@compiled
def add_row(share, taps, kernel, d, h, x):
    """Add what a row of positions holds to the cells that it meets, position by position."""
    width, positions, stride = x.shape[2], share.shape[0], taps.stride[2]
    first_tap, end_tap = met_taps(taps, kernel, width, positions)
    for z in window_cells(taps, kernel, x.shape[0], 0, d):
        for i in window_cells(taps, kernel, x.shape[1], 1, h):
            total = x[z, i]
            # The earlier of two positions meets their common cell through the later tap.
            for t in range(end_tap - 1, first_tap - 1, -1):
                first, end, j = met_positions(taps, width, positions, t)
                for w in range(first, end):
                    total[j] += share[w]
                    j += stride


@compiled
def add_at(grad_y, indices, grad_x, first, last):
    """Evaluate P3 on some channels, adding to zeros."""
    for line in range(first, last):
        for o in range(grad_y.shape[1]):
            index = indices[line, o]
            if index >= 0:
                grad_x[line, index] += grad_y[line, o]


@compiled
def put_at(x, indices, y, first, last):
    """Evaluate P4 on some channels, over zeros."""
    for line in range(first, last):
        for o in range(x.shape[1]):
            index = indices[line, o]
            if index >= 0:
                y[line, index] = x[line, o]


@compiled
def take_last(grad_y, indices, grad_x, first, last):
    """Evaluate P5 on some channels, from the end: whoever asks first is the one that stays."""
    for line in range(first, last):
        taken = np.zeros(grad_y.shape[1], np.bool_)
        for o in range(indices.shape[1] - 1, -1, -1):
            index = indices[line, o]
            grad_x[line, o] = 0
            if index >= 0 and not taken[index]:
                taken[index] = True
                grad_x[line, o] = grad_y[line, index]
