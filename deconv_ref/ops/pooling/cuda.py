"""The CUDA kernels of pooling and unpooling; its functions are those of `cpu`.

What goes by indices is shared by the threads of a block, a channel for each block (`cuda_places`).
Averages are the literal kernels: a thread for each element gathers what is in its window.
"""

from math import prod
from typing import Any

import numpy as np
from numba.core import config

from deconv_ref.arrays import empty
from deconv_ref.cuda.kernels import grid
from deconv_ref.cuda.tuned import launch_tuned
from deconv_ref.ops.pooling import literal
from deconv_ref.ops.pooling.cuda_places import (
    NOBODY,
    add_to_claimed,
    maxima,
    put_in_claimed,
    take_from_claimed,
)
from deconv_ref.ops.pooling.literal import (
    avg_pool,
    avg_pool_backward,
    avg_unpool,
    avg_unpool_backward,
)
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

THREADS = 2 if config.ENABLE_CUDASIM else 256  # of a block


def max_pool(x: Any, window: Window) -> tuple[Any, Any]:
    """Evaluate P1 and P2; see `deconv_ref.ops.pooling.cpu.max_pool`."""
    y = empty(x, (*x.shape[:2], *window.output_size))
    indices = empty(x, y.shape, np.int64)
    if y.size:
        lowest = x.dtype.type(-np.inf)
        operands = indices, x, lowest, window.taps(), window.kernel_size
        launch_tuned(maxima(), *grid(y.size), y, *operands)
    return y, indices


def max_pool_backward(grad_y: Any, indices: Any, cells: int) -> Any:
    """Evaluate P3; see `deconv_ref.ops.pooling.cpu.max_pool_backward`."""
    if not countable(indices, cells):
        return literal.max_pool_backward(grad_y, indices, cells)
    grad_x = empty(grad_y, (*grad_y.shape[:2], cells))
    claims, added = (empty(grad_y, lines(grad_x).shape, np.int32) for _ in range(2))
    operands = lines(grad_y), lines(indices), claims, added
    launch_tuned(add_to_claimed, len(claims), THREADS, lines(grad_x), *operands)
    return grad_x


def max_unpool(x: Any, indices: Any, cells: int) -> Any:
    """Evaluate P4; see `deconv_ref.ops.pooling.cpu.max_unpool`."""
    if not countable(indices, cells):
        return literal.max_unpool(x, indices, cells)
    y = empty(x, (*x.shape[:2], cells))
    claims = empty(x, lines(y).shape, np.int32)
    launch_tuned(put_in_claimed, len(claims), THREADS, lines(y), lines(x), lines(indices), claims)
    return y


def max_unpool_backward(grad_y: Any, indices: Any) -> Any:
    """Evaluate P5; see `deconv_ref.ops.pooling.cpu.max_unpool_backward`."""
    if not countable(indices, grad_y.shape[2]):
        return literal.max_unpool_backward(grad_y, indices)
    grad_x = empty(grad_y, indices.shape)
    claims = empty(grad_y, lines(grad_y).shape, np.int32)
    operands = lines(grad_y), lines(indices), claims
    launch_tuned(take_from_claimed, len(claims), THREADS, lines(grad_x), *operands)
    return grad_x


def countable(indices: Any, cells: int) -> bool:
    """Tell whether there is something to do, and few enough places to be counted in 32 bits."""
    return bool(indices.size) and max(cells, indices.shape[2]) < NOBODY


def lines(array: Any) -> Any:
    """View (N, C, places) as (N * C, places)."""
    return array.reshape(prod(array.shape[:2]), array.shape[2])
