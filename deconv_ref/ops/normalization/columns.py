"""Batch normalization where the rows of a channel are short, down to the single cells of (N, C).

Arrays are (N, Q): all cells of an item side by side, a column for each, with what belongs to a
column's channel repeated for it. A column is summed from top to bottom, in blocks whose sums are
added in their order, and the columns of a channel from left to right.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from deconv_ref import threads

__all__ = ["correlate", "scale", "spread", "summarize"]

BLOCK = 64  # rows that are added before their sums are added to those of the rows above
TILE = 256  # columns that are summed together, in the nearest memory

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


def summarize(x: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate mean and biased variance of every channel (N1, N2), in float64."""
    count = x.size // channels
    center = _sums(add_deviations, x, np.zeros(channels))[0] / count
    totals, squares = _sums(add_deviations, x, center)
    with np.errstate(all="ignore"):  # what NaN and infinity give, they give in silence
        return center, (squares - totals * totals / count) / count


def correlate(grad_y: np.ndarray, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Add up, for every channel, the gradients and their products with the deviations."""
    return _sums(add_products, grad_y, x, mean)


def scale(x: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
    """Evaluate N4; the vectors are gamma, beta, mean and inv_std."""
    return _filled(scale_rows, (x,), vectors)


def spread(grad_y: np.ndarray, x: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
    """Evaluate N9; the vectors are those of `spread_rows`."""
    return _filled(spread_rows, (grad_y, x), vectors)


def _filled(piece: Callable[..., Any], arrays: Any, vectors: Any) -> np.ndarray:
    """Fill the rows of a result from arrays, and from vectors by channel."""
    result = np.empty_like(arrays[0])
    wide = [_repeated(vector, result) for vector in vectors]
    threads.run_shares(piece, len(result), result.size, *arrays, *wide, result)
    return result


def _sums(add: Callable[..., Any], *arguments: np.ndarray) -> np.ndarray:
    """Add up two numbers per cell, for every channel, from arrays and a center by channel."""
    *arrays, center = arguments
    sums, totals = np.zeros((2, arrays[0].shape[1])), np.zeros((2, len(center)))
    centers = _repeated(center, arrays[0])
    threads.run_shares(add, sums.shape[1], arrays[0].size, *arrays, centers, sums)
    add_columns(sums, totals)
    return totals


def _repeated(vector: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Give every column of an array what a vector holds for its channel."""
    width = array.shape[1] // len(vector)
    return np.repeat(vector, width) if width > 1 else vector


@compiled
def add_deviations(x, center, sums, first, last):
    """Add up deviations from the centers, and their squares, in some columns."""
    if threads.shared(first, last):
        return
    for left in range(first, last, TILE):
        right = min(left + TILE, last)
        totals, squares = np.empty(right - left), np.empty(right - left)
        for top in range(0, x.shape[0], BLOCK):
            totals[:] = 0
            squares[:] = 0
            for n in range(top, min(x.shape[0], top + BLOCK)):
                add_squares(x[n, left:right], center[left:right], totals, squares)
            add_part(totals, squares, sums, left)


@compiled
def add_squares(row, center, totals, squares):
    """Add the deviations of a row, and their squares."""
    for q in range(row.size):
        deviation = row[q] - center[q]
        totals[q] += deviation
        squares[q] += deviation * deviation


@compiled
def add_products(grad_y, x, center, sums, first, last):
    """Add up gradients, and their products with the deviations, in some columns."""
    if threads.shared(first, last):
        return
    for left in range(first, last, TILE):
        right = min(left + TILE, last)
        totals, products = np.empty(right - left), np.empty(right - left)
        for top in range(0, x.shape[0], BLOCK):
            totals[:] = 0
            products[:] = 0
            for n in range(top, min(x.shape[0], top + BLOCK)):
                grads, cells = grad_y[n, left:right], x[n, left:right]
                add_gradients(grads, cells, center[left:right], totals, products)
            add_part(totals, products, sums, left)


@compiled
def add_gradients(grads, row, center, totals, products):
    """Add the gradients of a row, and their products with the deviations."""
    for q in range(row.size):
        grad = np.float64(grads[q])
        totals[q] += grad
        products[q] += grad * (row[q] - center[q])


@compiled
def add_part(totals, others, sums, left):
    """Add the sums of a block to those of the columns from `left` on."""
    for q in range(totals.size):
        sums[0, left + q] += totals[q]
        sums[1, left + q] += others[q]


@compiled
def add_columns(sums, totals):
    """Add the columns of each channel from left to right."""
    width = sums.shape[1] // totals.shape[1]
    for s in range(2):
        for c in range(totals.shape[1]):
            for p in range(width):
                totals[s, c] += sums[s, c * width + p]


@compiled
def scale_rows(x, gamma, beta, mean, inv_std, y, first, last):
    """Fill some rows of `y` with N4."""
    if threads.shared(first, last):
        return
    for n in range(first, last):
        for q in range(x.shape[1]):
            y[n, q] = gamma[q] * ((x[n, q] - mean[q]) * inv_std[q]) + beta[q]


@compiled
def spread_rows(grad_y, x, weight, mean, inv_std, slope, offset, grad_x, first, last):
    """Fill some rows of `grad_x` with N9: ``weight * (grad_y - (offset + z * slope))``."""
    if threads.shared(first, last):
        return
    for n in range(first, last):
        for q in range(x.shape[1]):
            z = (x[n, q] - mean[q]) * inv_std[q]
            grad_x[n, q] = weight[q] * (grad_y[n, q] - (offset[q] + z * slope[q]))
