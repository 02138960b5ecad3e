"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.compiling import Fill
from deconv_ref.ops.pooling import equations as eq
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

WINDOW = (eq.window_cells, eq.window_sum, eq.window_count)
POSITION = (eq.window_positions, eq.position_sum, eq.position_count)

MAX_POOL = Fill(eq.fill_max_pool, eq.window_cells, eq.max_pool_point)
MAX_POOL_BACKWARD = Fill(eq.fill_max_pool_backward, eq.max_pool_backward_point)
MAX_UNPOOL = Fill(eq.fill_max_unpool, eq.max_unpool_point)
MAX_UNPOOL_BACKWARD = Fill(eq.fill_max_unpool_backward, eq.max_unpool_backward_point)
AVG_POOL = Fill(eq.fill_avg_pool, *WINDOW, eq.avg_pool_point)
AVG_POOL_BACKWARD = Fill(
    eq.fill_avg_pool_backward,
    *(*WINDOW, *POSITION, eq.avg_pool_share_point, eq.avg_pool_backward_point),
)
AVG_UNPOOL = Fill(eq.fill_avg_unpool, *POSITION, eq.avg_unpool_point)
AVG_UNPOOL_BACKWARD = Fill(
    eq.fill_avg_unpool_backward,
    *(*WINDOW, *POSITION, eq.avg_unpool_share_point, eq.avg_unpool_backward_point),
)


def max_pool(x: Any, window: Window) -> tuple[Any, Any]:
    """Evaluate P1 and P2; see `deconv_ref.ops.pooling.cpu.max_pool`."""
    y = np.empty((*x.shape[:2], *window.output_size), x.dtype)
    indices = np.empty(y.shape, np.int64)
    return MAX_POOL(y, x, _scalar(x, -np.inf), *_geometry(window), indices), indices


def max_pool_backward(grad_y: Any, indices: Any, cells: int) -> Any:
    """Evaluate P3; see `deconv_ref.ops.pooling.cpu.max_pool_backward`."""
    grad_x = np.empty((*grad_y.shape[:2], cells), grad_y.dtype)
    return MAX_POOL_BACKWARD(grad_x, grad_y, indices, _scalar(grad_y, 0))


def max_unpool(x: Any, indices: Any, cells: int) -> Any:
    """Evaluate P4; see `deconv_ref.ops.pooling.cpu.max_unpool`."""
    y = np.empty((*x.shape[:2], cells), x.dtype)
    return MAX_UNPOOL(y, x, indices, _scalar(x, 0))


def max_unpool_backward(grad_y: Any, indices: Any) -> Any:
    """Evaluate P5; see `deconv_ref.ops.pooling.cpu.max_unpool_backward`."""
    grad_x = np.empty(indices.shape, grad_y.dtype)
    return MAX_UNPOOL_BACKWARD(grad_x, grad_y, indices, _scalar(grad_y, 0))


def avg_pool(x: Any, window: Window, count_include_pad: bool) -> Any:
    """Evaluate P6; see `deconv_ref.ops.pooling.cpu.avg_pool`."""
    y = np.empty((*x.shape[:2], *window.output_size), x.dtype)
    bounds = window.bounds(padded=count_include_pad)
    return AVG_POOL(y, x, _scalar(x, 0), _scalar(x, np.nan), *_geometry(window), bounds)


def avg_pool_backward(grad_y: Any, window: Window, count_include_pad: bool) -> Any:
    """Evaluate P7; see `deconv_ref.ops.pooling.cpu.avg_pool_backward`."""
    grad_x = np.empty((*grad_y.shape[:2], *window.input_size), grad_y.dtype)
    bounds, shares = window.bounds(padded=count_include_pad), np.empty(grad_y.shape, grad_y.dtype)
    zero = _scalar(grad_y, 0)
    return AVG_POOL_BACKWARD(grad_x, grad_y, zero, *_geometry(window), bounds, shares)


def avg_unpool(x: Any, window: Window) -> Any:
    """Evaluate P8; see `deconv_ref.ops.pooling.cpu.avg_unpool`."""
    y = np.empty((*x.shape[:2], *window.input_size), x.dtype)
    return AVG_UNPOOL(y, x, _scalar(x, 0), *_geometry(window))


def avg_unpool_backward(grad_y: Any, window: Window) -> Any:
    """Evaluate P9; see `deconv_ref.ops.pooling.cpu.avg_unpool_backward`."""
    grad_x = np.empty((*grad_y.shape[:2], *window.output_size), grad_y.dtype)
    shares = np.empty(grad_y.shape, grad_y.dtype)
    return AVG_UNPOOL_BACKWARD(grad_x, grad_y, _scalar(grad_y, 0), *_geometry(window), shares)


def _geometry(window: Window) -> tuple[Any, Any]:
    return window.taps(), window.kernel_size


def _scalar(array: Any, value: float) -> Any:
    return value if array.dtype == object else array.dtype.type(value)
