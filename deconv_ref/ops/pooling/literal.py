"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import empty
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

MAX_POOL = Fill(eq.max_pool_point, eq.first_maximum, eq.window_cells)
MAX_POOL_INDEX = Fill(eq.max_pool_index_point, eq.first_maximum, eq.window_cells)
MAX_POOL_BACKWARD = Fill(eq.max_pool_backward_point)
MAX_UNPOOL = Fill(eq.max_unpool_point)
MAX_UNPOOL_BACKWARD = Fill(eq.max_unpool_backward_point)
AVG_POOL = Fill(eq.avg_pool_point, *WINDOW)
AVG_POOL_SHARE = Fill(eq.avg_pool_share_point, *WINDOW)
AVG_POOL_BACKWARD = Fill(eq.avg_pool_backward_point, *POSITION)
AVG_UNPOOL = Fill(eq.avg_unpool_point, *POSITION)
AVG_UNPOOL_SHARE = Fill(eq.avg_unpool_share_point, *POSITION)
AVG_UNPOOL_BACKWARD = Fill(eq.avg_unpool_backward_point, *WINDOW)


def max_pool(x: Any, window: Window) -> tuple[Any, Any]:
    """Evaluate P1 and P2; see `deconv_ref.ops.pooling.cpu.max_pool`."""
    shape = (*x.shape[:2], *window.output_size)
    arguments = x, _scalar(x, -np.inf), *_geometry(window)
    indices = MAX_POOL_INDEX(empty(x, shape, np.int64), *arguments)
    return MAX_POOL(empty(x, shape), *arguments), indices


def max_pool_backward(grad_y: Any, indices: Any, cells: int) -> Any:
    """Evaluate P3; see `deconv_ref.ops.pooling.cpu.max_pool_backward`."""
    grad_x = empty(grad_y, (*grad_y.shape[:2], cells))
    return MAX_POOL_BACKWARD(grad_x, grad_y, indices, _scalar(grad_y, 0))


def max_unpool(x: Any, indices: Any, cells: int) -> Any:
    """Evaluate P4; see `deconv_ref.ops.pooling.cpu.max_unpool`."""
    y = empty(x, (*x.shape[:2], cells))
    return MAX_UNPOOL(y, x, indices, _scalar(x, 0))


def max_unpool_backward(grad_y: Any, indices: Any) -> Any:
    """Evaluate P5; see `deconv_ref.ops.pooling.cpu.max_unpool_backward`."""
    grad_x = empty(grad_y, indices.shape)
    return MAX_UNPOOL_BACKWARD(grad_x, grad_y, indices, _scalar(grad_y, 0))


def avg_pool(x: Any, window: Window, count_include_pad: bool) -> Any:
    """Evaluate P6; see `deconv_ref.ops.pooling.cpu.avg_pool`."""
    y = empty(x, (*x.shape[:2], *window.output_size))
    bounds = window.bounds(padded=count_include_pad)
    return AVG_POOL(y, x, _scalar(x, 0), _scalar(x, np.nan), *_geometry(window), bounds)


def avg_pool_backward(grad_y: Any, window: Window, count_include_pad: bool) -> Any:
    """Evaluate P7; see `deconv_ref.ops.pooling.cpu.avg_pool_backward`."""
    zero, bounds = _scalar(grad_y, 0), window.bounds(padded=count_include_pad)
    shares = empty(grad_y, grad_y.shape)
    AVG_POOL_SHARE(shares, grad_y, zero, *_geometry(window), bounds)
    grad_x = empty(grad_y, (*grad_y.shape[:2], *window.input_size))
    return AVG_POOL_BACKWARD(grad_x, shares, zero, *_geometry(window))


def avg_unpool(x: Any, window: Window) -> Any:
    """Evaluate P8; see `deconv_ref.ops.pooling.cpu.avg_unpool`."""
    y = empty(x, (*x.shape[:2], *window.input_size))
    return AVG_UNPOOL(y, x, _scalar(x, 0), *_geometry(window))


def avg_unpool_backward(grad_y: Any, window: Window) -> Any:
    """Evaluate P9; see `deconv_ref.ops.pooling.cpu.avg_unpool_backward`."""
    zero, geometry = _scalar(grad_y, 0), _geometry(window)
    shares = empty(grad_y, grad_y.shape)
    AVG_UNPOOL_SHARE(shares, grad_y, zero, *geometry, window.output_size)
    grad_x = empty(grad_y, (*grad_y.shape[:2], *window.output_size))
    return AVG_UNPOOL_BACKWARD(grad_x, shares, zero, *geometry)


def _geometry(window: Window) -> tuple[Any, Any]:
    return window.taps(), window.kernel_size


def _scalar(array: Any, value: float) -> Any:
    return value if array.dtype == object else array.dtype.type(value)
