"""The CPU kernels of resampling: row after row, in one pass over the result.

The sums keep the order of the equations. So for each row of a result the rows that it is made of
are added up first, cell by cell, in float64; then that one row is resampled along the last axis.
Rows belong to one thread each: results have the same bits on any number of threads.
"""

import numba
import numpy as np
from numba.extending import register_jitable

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.memory import empty

__all__ = ["linear", "linear_gradient", "nearest", "nearest_gradient", "shuffle", "unshuffle"]


def nearest(x, grid):
    """Evaluate nearest resampling (U2).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Input.
    grid : Grid
        What the outputs read.

    Returns
    -------
    numpy.ndarray of shape (N, C, *output)
        The resampled array.
    """
    return _run(_nearest_rows, x, [len(axis.lower) for axis in grid], grid)


def nearest_gradient(grad_y, grid):
    """Evaluate its gradient (U3).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, *output)
        Gradient of the resampled array.
    grid : Grid
        What the outputs read.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        The gradient.
    """
    return _run(_nearest_gradient_rows, grad_y, [len(axis.first) for axis in grid], grid)


def linear(x, grid):
    """Evaluate linear resampling (U4); parameters as for `nearest`."""
    return _run(_linear_rows, x, [len(axis.lower) for axis in grid], grid)


def linear_gradient(grad_y, grid):
    """Evaluate its gradient (U5); parameters as for `nearest_gradient`."""
    return _run(_linear_gradient_rows, grad_y, [len(axis.first) for axis in grid], grid)


def shuffle(x, factor):
    """Evaluate pixel shuffling (U6).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C * p * q * r, D, H, W)
        Input.
    factor : tuple of int
        The factors p, q and r of the three axes.

    Returns
    -------
    numpy.ndarray of shape (N, C, D * p, H * q, W * r)
        The shuffled array.
    """
    p, q, r = factor
    n, c, d, h, w = x.shape
    y = empty((n, c // (p * q * r), d * p, h * q, w * r), x.dtype)
    channels = plain(x).reshape(-1, p, q, r, d, h, w)
    rows = y.reshape(-1, d, p, h, q, w * r)
    threads.run_shares(_shuffle_rows, rows.size // (w * r), y.size, channels, rows)
    return y


def unshuffle(y, factor):
    """Evaluate its inverse (U7).

    Parameters
    ----------
    y : numpy.ndarray of shape (N, C, D * p, H * q, W * r)
        Shuffled array.
    factor : tuple of int
        The factors p, q and r of the three axes.

    Returns
    -------
    numpy.ndarray of shape (N, C * p * q * r, D, H, W)
        The array in its channels.
    """
    p, q, r = factor
    n, c, d, h, w = y.shape
    x = empty((n, c * p * q * r, d // p, h // q, w // r), y.dtype)
    channels = x.reshape(-1, p, q, r, d // p, h // q, w // r)
    rows = plain(y).reshape(-1, d // p, p, h // q, q, w)
    threads.run_shares(_unshuffle_rows, rows.size // w, y.size, rows, channels)
    return x


def _run(rows, source, size, grid):
    """Call a row kernel for every row of a result of this spatial size."""
    result = empty((*source.shape[:2], *size), source.dtype)
    source = plain(source).reshape(-1, *source.shape[2:])
    out = result.reshape(-1, *size)
    cost = max(source.size, out.size)
    threads.run_shares(rows, len(out) * size[0] * size[1], cost, source, out, grid)
    return result


@register_jitable
def _place(row, array):
    """Give the plane and the two coordinates of a row of an array of shape (planes, D, H, W)."""
    plane, h = row // array.shape[2], row % array.shape[2]
    return plane // array.shape[1], plane % array.shape[1], h


@numba.njit(cache=True, nogil=True)
def _nearest_rows(x, y, grid, first, last):
    if threads.shared(first, last):
        return
    deep, high, wide = grid
    for row in range(first, last):
        n, d, h = _place(row, y)
        if row > first and h > 0 and high.lower[h] == high.lower[h - 1]:
            for w in range(y.shape[3]):
                y[n, d, h, w] = y[n, d, h - 1, w]
            continue
        z, i = deep.lower[d], high.lower[h]
        for w in range(y.shape[3]):
            y[n, d, h, w] = x[n, z, i, wide.lower[w]]


@numba.njit(cache=True, nogil=True)
def _nearest_gradient_rows(grad_y, grad_x, grid, first, last):
    if threads.shared(first, last):
        return
    deep, high, wide = grid
    line = np.empty(grad_y.shape[3])
    for row in range(first, last):
        n, z, i = _place(row, grad_x)
        line[:] = 0
        for d in range(deep.first[z], deep.last[z]):
            for h in range(high.first[i], high.last[i]):
                for w in range(line.size):
                    line[w] += grad_y[n, d, h, w]
        for j in range(grad_x.shape[3]):
            total = 0.0
            for w in range(wide.first[j], wide.last[j]):
                total += line[w]
            grad_x[n, z, i, j] = total


@numba.njit(cache=True, nogil=True)
def _blend_lines(x, z, i, f, g, line):
    """Average up to four neighbouring lines, those from (z, i) on, into one."""
    # A cell of weight 0 is not read: there may be none.
    if f > 0 and g > 0:
        for j in range(line.size):
            near = (1 - g) * x[z, i, j] + g * x[z, i + 1, j]
            far = (1 - g) * x[z + 1, i, j] + g * x[z + 1, i + 1, j]
            line[j] = (1 - f) * near + f * far
    elif f > 0:
        for j in range(line.size):
            line[j] = (1 - f) * x[z, i, j] + f * x[z + 1, i, j]
    elif g > 0:
        for j in range(line.size):
            line[j] = (1 - g) * x[z, i, j] + g * x[z, i + 1, j]
    else:
        for j in range(line.size):
            line[j] = x[z, i, j]


@numba.njit(cache=True, nogil=True)
def _linear_rows(x, y, grid, first, last):
    if threads.shared(first, last):
        return
    deep, high, wide = grid
    line = np.empty(x.shape[3])
    for row in range(first, last):
        n, d, h = _place(row, y)
        z, f = deep.lower[d], deep.fraction[d]
        i, g = high.lower[h], high.fraction[h]
        _blend_lines(x[n], z, i, f, g, line)
        for w in range(y.shape[3]):
            j, f = wide.lower[w], wide.fraction[w]
            y[n, d, h, w] = (1 - f) * line[j] + f * line[j + 1] if f > 0 else line[j]


@numba.njit(cache=True, nogil=True)
def _linear_gradient_rows(grad_y, grad_x, grid, first, last):
    if threads.shared(first, last):
        return
    deep, high, wide = grid
    line, part = np.empty(grad_y.shape[3]), np.empty(grad_y.shape[3])
    for row in range(first, last):
        n, z, i = _place(row, grad_x)
        line[:] = 0
        for d in range(deep.first[z], deep.last[z]):
            part[:] = 0
            for h in range(high.first[i], high.last[i]):
                weight = _weight(high.lower[h], high.fraction[h], i)
                for w in range(part.size):
                    part[w] += weight * grad_y[n, d, h, w]
            weight = _weight(deep.lower[d], deep.fraction[d], z)
            for w in range(part.size):
                line[w] += weight * part[w]
        for j in range(grad_x.shape[3]):
            total = 0.0
            for w in range(wide.first[j], wide.last[j]):
                total += _weight(wide.lower[w], wide.fraction[w], j) * line[w]
            grad_x[n, z, i, j] = total


@register_jitable
def _weight(lower, fraction, cell):
    return 1 - fraction if lower == cell else fraction


@numba.njit(cache=True, nogil=True)
def _shuffle_rows(channels, rows, first, last):
    if threads.shared(first, last):
        return
    r = channels.shape[3]
    for row in range(first, last):
        c, d, a, h, b = _unravel(row, rows)
        for e in range(r):
            for w in range(channels.shape[6]):
                rows[c, d, a, h, b, w * r + e] = channels[c, a, b, e, d, h, w]


@numba.njit(cache=True, nogil=True)
def _unshuffle_rows(rows, channels, first, last):
    if threads.shared(first, last):
        return
    r = channels.shape[3]
    for row in range(first, last):
        c, d, a, h, b = _unravel(row, rows)
        for e in range(r):
            for w in range(channels.shape[6]):
                channels[c, a, b, e, d, h, w] = rows[c, d, a, h, b, w * r + e]


@register_jitable
def _unravel(row, rows):
    """Give the five coordinates of a row of an array of six axes."""
    row, b = row // rows.shape[4], row % rows.shape[4]
    row, h = row // rows.shape[3], row % rows.shape[3]
    row, a = row // rows.shape[2], row % rows.shape[2]
    return row // rows.shape[1], row % rows.shape[1], a, h, b
