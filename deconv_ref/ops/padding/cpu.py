"""The CPU kernels of padding: row after row, in one pass over the result.

Which cell a position shows is tabulated once per axis (K1). Of a row, the body is copied or added
as it lies, and the two rims by the table. Sums keep the order of K3, and rows belong to one thread
each, so that results have the same bits on any number of threads.
"""

import numba
import numpy as np
from numba.extending import register_jitable

from deconv_ref import threads
from deconv_ref.compiling import plain
from deconv_ref.memory import empty, zeros
from deconv_ref.ops.padding import equations

__all__ = ["forward", "gradient"]

register_jitable(equations.source)
_tabulate = numba.njit(cache=True)(equations.fill_sources)


def forward(x, padding, mode, value):
    """Evaluate the padded array (K2).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Input.
    padding : tuple of (int, int)
        Cells before and after each of the three axes.
    mode : int
        One of those in `equations`.
    value : number of x's dtype
        What `equations.ZEROS` pads with.

    Returns
    -------
    numpy.ndarray of shape (N, C, *padded)
        The padded array.
    """
    size = [n + before + after for n, (before, after) in zip(x.shape[2:], padding, strict=True)]
    y = empty((*x.shape[:2], *size), x.dtype)
    tables = _sources(mode, padding, x.shape[2:])
    source = plain(x).reshape(-1, *x.shape[2:])
    out = y.reshape(source.shape[0], *size)
    arguments = (source, out, value, *tables, padding[2][0])
    threads.run_shares(_copy_rows, out.shape[0] * size[0] * size[1], y.size, *arguments)
    return y


def gradient(grad_y, padding, mode):
    """Evaluate the input gradient (K3).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, C, *padded)
        Gradient of the padded array.
    padding : tuple of (int, int)
        Cells before and after each of the three axes.
    mode : int
        One of those in `equations`.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        The gradient.
    """
    shape = grad_y.shape
    size = [n - before - after for n, (before, after) in zip(shape[2:], padding, strict=True)]
    grad_x = zeros((*shape[:2], *size), grad_y.dtype)
    depth, height, width = _sources(mode, padding, size)
    source = plain(grad_y).reshape(-1, *shape[2:])
    out = grad_x.reshape(source.shape[0], *size)
    shown = (*_positions(depth, size[0]), *_positions(height, size[1]))
    arguments = (source, out, *shown, width, padding[2][0])
    threads.run_shares(_add_rows, out.shape[0] * size[0] * size[1], grad_y.size, *arguments)
    return grad_x


def _sources(mode, padding, size):
    """Tabulate K1 for each axis."""
    tables = []
    for n, (before, after) in zip(size, padding, strict=True):
        tables.append(np.empty(n + before + after, np.int64))
        _tabulate(mode, before, n, tables[-1])
    return tables


def _positions(sources, size):
    """List, cell by cell, the positions that show it, upwards, and where each cell's begin."""
    positions = np.argsort(sources, kind="stable")
    return positions, np.searchsorted(sources[positions], np.arange(size + 1))


@numba.njit(cache=True, nogil=True)
def _copy_rows(x, y, value, depth, height, width, before, first, last):
    if threads.shared(first, last):
        return
    for row in range(first, last):
        plane, h = row // y.shape[2], row % y.shape[2]
        n, d = plane // y.shape[1], plane % y.shape[1]
        z, i = depth[d], height[h]
        end = before + x.shape[3]
        if z < 0 or i < 0:
            for w in range(width.size):
                y[n, d, h, w] = value
            continue
        cells, body = x[n, z, i], y[n, d, h, before:end]
        for j in range(cells.size):
            body[j] = cells[j]
        for w in range(before):
            y[n, d, h, w] = value if width[w] < 0 else cells[width[w]]
        for w in range(end, width.size):
            y[n, d, h, w] = value if width[w] < 0 else cells[width[w]]


@numba.njit(cache=True, nogil=True)
def _add_rows(grad_y, grad_x, deep, deep_from, high, high_from, width, before, first, last):
    if threads.shared(first, last):
        return
    for row in range(first, last):
        plane, i = row // grad_x.shape[2], row % grad_x.shape[2]
        n, z = plane // grad_x.shape[1], plane % grad_x.shape[1]
        cells = grad_x[n, z, i]
        end = before + cells.size
        for d in deep[deep_from[z] : deep_from[z + 1]]:
            for h in high[high_from[i] : high_from[i + 1]]:
                grads = grad_y[n, d, h]
                body = grads[before:end]
                for w in range(before):  # upwards in w, as K3 adds
                    if width[w] >= 0:
                        cells[width[w]] += grads[w]
                for j in range(cells.size):
                    cells[j] += body[j]
                for w in range(end, grads.size):
                    if width[w] >= 0:
                        cells[width[w]] += grads[w]
