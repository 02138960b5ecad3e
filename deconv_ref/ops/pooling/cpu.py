"""The CPU kernels of pooling and unpooling, for NumPy arrays.

Each adds and compares in the order of its equation, so that results have the same bits as those of
`literal`. Windows gather (`lanes`, `rows`), and are split over threads by rows of the result. What
goes by indices scatters, split by channels, in row-major order, in which its equation gathers.

Arrays have exactly three spatial axes, or one where only flat indices matter; any strides, and may
be read-only.
"""

from functools import lru_cache
from math import prod
from typing import Any

import numba
import numpy as np

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.emitter import VECTOR_BYTES
from deconv_ref.memory import empty
from deconv_ref.ops.pooling import lanes, literal, rows
from deconv_ref.ops.pooling.lanes import REMEMBERED
from deconv_ref.window import Window

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

TURNING = 2  # times that a maximum takes where channels are turned over
NOTHING = (np.empty(0),) * 3  # divisors, where nothing is divided


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
    place = np.dtype(f"i{x.itemsize}")
    if prod(window.input_size) > np.iinfo(place).max:
        return literal.max_pool(x, window)
    y = empty((*x.shape[:2], *window.output_size), x.dtype)
    indices = empty(y.shape, np.int64)
    reach = lanes.reached_cells(window)
    arrays = planes(x), planes(y), planes(indices)
    cost = x.size + y.size * prod(window.kernel_size)
    if along_rows(window, arrays[1]):
        *deep, _ = reach
        wide = -window.before[2], window.stride[2], window.kernel_size[2], window.dilation[2]
        number = prod(arrays[1].shape[:3])
        threads.run_shares(rows.max_rows, number, cost, arrays[0], *deep, wide, *arrays[1:])
    else:
        given = arrays[0], reach, np.empty(0, place), *arrays[1:]
        threads.run_shares(lanes.max_rows, lanes.blocks(arrays[1]), cost, *given)
    return y, indices


def along_rows(window: Window, y: np.ndarray) -> bool:
    """Choose what lies in the lanes: positions of a row, or channels, which are turned for it."""
    channels, _, _, width = y.shape
    by_position, by_channel = (-(-n * y.itemsize // VECTOR_BYTES) for n in (width, channels))
    # The lanes that are filled, in both ways.
    worth = TURNING * width * by_channel >= channels * by_position
    return worth and window.stride[2] in rows.STRIDES


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
    grad_x = empty((*grad_y.shape[:2], cells), grad_y.dtype)
    arrays = planes(grad_y), planes(indices), planes(grad_x)
    threads.run_shares(add_at, channels(grad_y), grad_y.size + grad_x.size, *arrays)
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
    y = empty((*x.shape[:2], cells), x.dtype)
    arrays = planes(x), planes(indices), planes(y)
    threads.run_shares(put_at, channels(x), x.size + y.size, *arrays)
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
    grad_x = empty(indices.shape, grad_y.dtype)
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
    return window_sums(x, window, NOTHING, window_counts(window, count_include_pad))


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
    return position_sums(grad_y, window, window_counts(window, count_include_pad), NOTHING)


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
    return position_sums(x, window, NOTHING, position_counts(window))


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
    return window_sums(grad_y, window, position_counts(window), NOTHING)


def window_sums(x: np.ndarray, window: Window, shared: Any, divisors: Any) -> np.ndarray:
    """Add up the cells of each window.

    A cell is first divided by the product of the axes' `shared`, and each sum at the end by that of
    their `divisors`.
    """
    return sums(x, window.output_size, lanes.reached_cells(window), shared, divisors)


def position_sums(y: np.ndarray, window: Window, shared: Any, divisors: Any) -> np.ndarray:
    """Add up, for each cell, what the positions that meet it hold; divided as in `window_sums`."""
    return sums(y, window.input_size, lanes.reached_positions(window), shared, divisors)


def sums(source: np.ndarray, size: Any, reach: Any, shared: Any, divisors: Any) -> np.ndarray:
    """Add up what each element of a result of this spatial size is made of."""
    result = empty((*source.shape[:2], *size), source.dtype)
    arrays = planes(source), reach, shared, divisors, planes(result)
    terms = prod(int(axis.number.max(initial=0)) for axis in reach)
    cost = source.size + result.size * terms
    threads.run_shares(lanes.sum_rows, lanes.blocks(arrays[-1]), cost, *arrays)
    return result


@lru_cache(maxsize=REMEMBERED)
def window_counts(window: Window, padded: bool) -> tuple[np.ndarray, ...]:
    """Count the cells of each window inside the bounds, axis by axis; NaN where there is none."""
    counts = []
    for axis, (first, end) in enumerate(window.bounds(padded=padded)):
        start = np.arange(window.output_size[axis]) * window.stride[axis] - window.before[axis]
        stop = np.minimum(start + window.kernel_size[axis], end)
        count = stop - np.maximum(start, first)
        counts.append(np.where(count > 0, count, np.nan))
    return tuple(counts)


@lru_cache(maxsize=REMEMBERED)
def position_counts(window: Window) -> tuple[np.ndarray, ...]:
    """Count the positions that meet each cell, axis by axis, as 1 where there is none."""
    axes = lanes.reached_positions(window)
    return tuple(np.maximum(axis.number, 1).astype(np.float64) for axis in axes)


def channels(array: np.ndarray) -> int:
    """Count the channels of an array, over the batch."""
    return prod(array.shape[:2])


def planes(array: np.ndarray) -> np.ndarray:
    """Lay (N, C, ...) out as (N * C, ...), contiguous: one form for compiled code."""
    return plain(array).reshape(channels(array), *array.shape[2:])


@compiled
def add_at(grad_y, indices, grad_x, first, last):
    """Evaluate P3 on some channels."""
    if threads.shared(first, last):
        return
    for line in range(first, last):
        grad_x[line] = 0
        for o in range(grad_y.shape[1]):
            index = indices[line, o]
            if index >= 0:
                grad_x[line, index] += grad_y[line, o]


@compiled
def put_at(x, indices, y, first, last):
    """Evaluate P4 on some channels."""
    if threads.shared(first, last):
        return
    for line in range(first, last):
        y[line] = 0
        for o in range(x.shape[1]):
            index = indices[line, o]
            if index >= 0:
                y[line, index] = x[line, o]


@compiled
def take_last(grad_y, indices, grad_x, first, last):
    """Evaluate P5 on some channels, from the end: whoever asks first is the one that stays."""
    if threads.shared(first, last):
        return
    for line in range(first, last):
        taken = np.zeros(grad_y.shape[1], np.bool_)
        for o in range(indices.shape[1] - 1, -1, -1):
            index = indices[line, o]
            grad_x[line, o] = 0
            if index >= 0 and not taken[index]:
                taken[index] = True
                grad_x[line, o] = grad_y[line, index]
