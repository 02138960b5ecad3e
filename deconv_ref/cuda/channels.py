"""Sums over the batch and the cells of every channel, on a GPU, in an order that shapes fix.

Blocks share a channel's values in stretches, their threads a stretch in turn; each thread adds its
values one after the other, a block the sums of its threads by halving, in shared memory. What
kernels leave is a sum for each stretch; `total` adds them in their order. All in float64.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64
from numba.core import config
from numba.extending import register_jitable

from deconv_ref.cuda.arrays import empty
from deconv_ref.cuda.instructions import divide
from deconv_ref.cuda.tuned import launch_tuned

__all__ = ["channel_sums", "channels_kernel", "total"]

THREADS = 4 if config.ENABLE_CUDASIM else 256  # of a block, a power of 2
LEAST = 8  # values of a thread, below which a channel is not cut
BLOCKS = 1024  # that keep a large GPU busy


def channel_sums(point: Callable[..., Any], x: Any, *operands: Any) -> Any:
    """Add up a pair of numbers for each value of every channel.

    Parameters
    ----------
    point : callable
        ``point(operands, c, at)`` gives the pair for the value in place `at` of channel `c`; at
        module level.
    x : array of shape (N, C, P)
        The first operand, on a GPU and contiguous; neither N nor P is 0.
    *operands : array
        More of them, contiguous.

    Returns
    -------
    array of shape (2, stretches, C)
        For `total`.
    """
    samples, channels, cells = x.shape
    values = samples * cells
    stretches = max(1, min(BLOCKS // channels, values // (LEAST * THREADS)))
    length = -(-values // stretches)
    partial = empty((2, -(-values // length), channels), np.float64, x.stream)
    flat = tuple(array.reshape(array.size) for array in (x, *operands))
    blocks = channels, partial.shape[1]
    launch_tuned(channels_kernel(point), blocks, THREADS, partial, x.shape, length, flat)
    return partial


@cache
def channels_kernel(point: Callable[..., Any]) -> Any:
    """Make the kernel that adds up what a function gives."""
    point, shared = register_jitable(point), 2 * THREADS

    def kernel(partial, shape, length, operands):
        sums = cuda.shared.array(shared, float64)
        samples, channels, cells = shape
        c, stretch, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
        end = min((stretch + 1) * length, samples * cells)
        n, p = divide(stretch * length + thread, cells)
        rows, rest = divide(THREADS, cells)
        first, second = 0.0, 0.0
        for _ in range(stretch * length + thread, end, THREADS):
            a, b = point(operands, c, (n * channels + c) * cells + p)
            first += a
            second += b
            n, p = n + rows, p + rest
            if p >= cells:
                n, p = n + 1, p - cells
        sums[thread], sums[THREADS + thread] = first, second
        half = THREADS // 2
        cuda.syncthreads()
        while half:
            if thread < half:
                sums[thread] += sums[thread + half]
                sums[THREADS + thread] += sums[THREADS + thread + half]
            half //= 2
            cuda.syncthreads()
        if thread == 0:
            partial[0, stretch, c], partial[1, stretch, c] = sums[0], sums[THREADS]

    return kernel


@register_jitable
def total(partial, part, c):
    """Add the stretches of channel `c`, for the first or the second number of the pairs."""
    result = partial[part, 0, c]
    for stretch in range(1, partial.shape[1]):
        result += partial[part, stretch, c]
    return result
