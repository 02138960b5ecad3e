"""The CPU kernels of the activations.

Arithmetic is in float64 whatever the arrays are, and rounded once, when a result is written.
Functions that are rational run as their equations do; the others by the formulas of `stable`.
Sums run along a line, or a channel's blocks, in their order: the bits of a result do not depend on
the number of threads.
"""

import numba
import numpy as np

from deconv_ref import logits, threads
from deconv_ref.compiling import plain
from deconv_ref.elementwise import COST, Elementwise
from deconv_ref.memory import empty
from deconv_ref.ops.activations import literal, stable
from deconv_ref.sums import LANES, add_exactly, add_lanes, add_to_lanes

__all__ = ["leaky_relu", "leaky_relu_backward", "prelu", "relu", "relu_backward", "softmax"]

EXP = (stable.scaled_exp,)
NORMAL = (stable.scaled_density, stable.polynomial)

relu, relu_backward = literal.relu, literal.relu_backward
leaky_relu, leaky_relu_backward = literal.leaky_relu, literal.leaky_relu_backward
elu = Elementwise(stable.elu)
elu_backward = Elementwise(stable.elu_gradient, *EXP)
sigmoid = Elementwise(stable.sigmoid)
sigmoid_backward = Elementwise(stable.sigmoid_gradient, *EXP)
tanh = Elementwise(stable.tanh)
tanh_backward = Elementwise(stable.tanh_gradient, *EXP)
softplus = Elementwise(stable.softplus)
softplus_backward = Elementwise(stable.softplus_gradient, stable.sigmoid, *EXP)
gelu = Elementwise(stable.gelu, *NORMAL)
gelu_backward = Elementwise(stable.gelu_gradient, stable.gelu_slope, *NORMAL)
silu = Elementwise(stable.silu, *EXP)
silu_backward = Elementwise(stable.silu_gradient, stable.silu_slope, *EXP)


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Evaluate prelu (F5).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, P)
        Input.
    slope : numpy.ndarray of shape (C,)
        Slope of each channel.

    Returns
    -------
    numpy.ndarray of shape (N, C, P)
        The result.
    """
    y = empty(x.shape, x.dtype)
    rows = _rows(x)
    threads.run_shares(_prelu, len(rows), x.size, rows, plain(slope), _rows(y))
    return y


def prelu_backward(
    grad_y: np.ndarray, x: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate the gradients of prelu (F6, F7).

    Parameters
    ----------
    grad_y, x : numpy.ndarray of shape (N, C, P)
        Gradient of the result, and input.
    slope : numpy.ndarray of shape (C,)
        Slope of each channel.

    Returns
    -------
    grad_x, grad_slope : numpy.ndarray
        Of the shapes of `x` and `slope`.
    """
    grad_x = empty(x.shape, x.dtype)
    rows = (_rows(grad_y), _rows(x))
    sums = np.empty((len(rows[0]), 2))
    threads.run_shares(
        _prelu_gradient, len(sums), 2 * x.size, *rows, plain(slope), _rows(grad_x), sums
    )
    grad_slope = np.empty(slope.shape, x.dtype)
    _add_items(sums, grad_slope)
    return grad_x, grad_slope


def softmax(x: np.ndarray) -> np.ndarray:
    """Evaluate softmax (F20) along the middle axis.

    Parameters
    ----------
    x : numpy.ndarray of shape (A, K, B)
        Logits.

    Returns
    -------
    numpy.ndarray of shape (A, K, B)
        The result; so with the three functions that follow.
    """
    return _along_lines(_softmax, x)


def softmax_backward(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Evaluate the gradient of softmax (F21); see `softmax`."""
    return _along_lines(_softmax_gradient, grad_y, x)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Evaluate log-softmax (F22); see `softmax`."""
    return _along_lines(_log_softmax, x)


def log_softmax_backward(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Evaluate the gradient of log-softmax (F23); see `softmax`."""
    return _along_lines(_log_softmax_gradient, grad_y, x)


def _rows(x):
    """Arrange (N, C, P) as N C rows; a row is the channel's part of one item."""
    return plain(x).reshape(x.shape[0] * x.shape[1], x.shape[2])


def _along_lines(piece, *arrays):
    result = empty(arrays[0].shape, arrays[0].dtype)
    lines = result.shape[0] * result.shape[2] if result.size else 0
    threads.run_shares(piece, lines, COST * result.size, *map(plain, arrays), result)
    return result


@numba.njit(cache=True, nogil=True)
def _prelu(x, slope, y, first, last):
    if threads.shared(first, last):
        return
    for row in range(first, last):
        s = np.float64(slope[row % slope.size])
        for p in range(x.shape[1]):
            v = np.float64(x[row, p])
            y[row, p] = v if v > 0 else s * v


@numba.njit(cache=True, nogil=True)
def _prelu_gradient(grad_y, x, slope, grad_x, sums, first, last):
    if threads.shared(first, last):
        return
    terms, lanes = np.empty(LANES), np.empty((2, LANES))
    for row in range(first, last):
        s = np.float64(slope[row % slope.size])
        lanes[:] = 0
        for start in range(0, x.shape[1], LANES):
            end = min(x.shape[1], start + LANES)
            grads, cells, out = grad_y[row, start:end], x[row, start:end], grad_x[row, start:end]
            for lane in range(out.size):
                g, v = np.float64(grads[lane]), np.float64(cells[lane])
                out[lane] = g if v > 0 else s * g if v <= 0 else v
                terms[lane] = 0.0 if v > 0 else g * v
            add_to_lanes(lanes, terms, out.size)
        sums[row, 0], sums[row, 1] = add_lanes(lanes)


@numba.njit(cache=True, nogil=True)
def _add_items(sums, grad_slope):
    """Add the rows of each channel in their order."""
    for c in range(grad_slope.size):
        high, low = 0.0, 0.0
        for row in range(c, len(sums), grad_slope.size):
            high, error = add_exactly(high, sums[row, 0])
            low += error + sums[row, 1]
        grad_slope[c] = high + low


# Each of the following fills lines [first, last) of the result; line a B + b is [a, :, b].


@numba.njit(cache=True, nogil=True)
def _softmax(x, y, first, last):
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        _, high, low = logits.exponentials(x[a, :, b], e)
        for k in range(e.size):
            y[a, k, b] = e[k] / (high + low)


@numba.njit(cache=True, nogil=True)
def _softmax_gradient(grad_y, x, grad_x, first, last):
    """Take differences from the gradient at the largest logit, not to lose small ones there."""
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        _, high, low = logits.exponentials(x[a, :, b], e)
        reference = np.float64(grad_y[a, np.argmax(x[a, :, b]), b])
        mean, carried = 0.0, 0.0
        for k in range(e.size):
            mean, error = add_exactly(mean, e[k] * (np.float64(grad_y[a, k, b]) - reference))
            carried += error
        mean = (mean + carried) / (high + low)
        for k in range(e.size):
            deviation = (np.float64(grad_y[a, k, b]) - reference) - mean
            grad_x[a, k, b] = e[k] / (high + low) * deviation


@numba.njit(cache=True, nogil=True)
def _log_softmax(x, y, first, last):
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        m, high, low = logits.exponentials(x[a, :, b], e)
        log_sum = logits.log_sum(high, low)
        for k in range(e.size):
            d, error = logits.difference(np.float64(x[a, k, b]), m)
            y[a, k, b] = (d - log_sum) + error


@numba.njit(cache=True, nogil=True)
def _log_softmax_gradient(grad_y, x, grad_x, first, last):
    if threads.shared(first, last):
        return
    e = np.empty(x.shape[1])
    for line in range(first, last):
        a, b = divmod(line, x.shape[2])
        _, high, low = logits.exponentials(x[a, :, b], e)
        g_high, g_low = logits.total(grad_y[a, :, b])
        for k in range(e.size):
            g = np.float64(grad_y[a, k, b])
            grad_x[a, k, b] = logits.against_others(e[k], high, low, g, g_high, g_low)
