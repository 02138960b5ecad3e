"""CUDA kernels of what goes by indices: the gradient of maximum pooling, and unpooling both ways.

A cell does not know which positions have its index, and to look at all of them for every cell takes
far too long. So positions *claim* their cells: each puts its number there if it is the lowest, or
the highest, by an atomic minimum or maximum of integers, whose result no order of threads changes.

A sum over the positions of a cell (P3) takes rounds: in each, the lowest position that is left
claims the cell and adds its number. So a cell adds in the order of the equation, and there are as
many rounds as positions of one cell, which windows that do not overlap have one of.

An index outside is nowhere. A block of threads has one channel of one sample: arrays are (channels
of all samples, places).
"""

from functools import cache

from numba import cuda
from numba.extending import register_jitable

from deconv_ref.cuda.kernels import place_of
from deconv_ref.ops.pooling import equations

__all__ = ["add_to_claimed", "maxima", "put_in_claimed", "take_from_claimed"]

NOBODY = 2**31 - 1


def add_to_claimed(grad_x, grad_y, indices, claims, added):
    """Evaluate P3; `added` is the last position whose number a cell has, -1 at first."""
    line, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    cells = grad_x.shape[1]
    for i in range(thread, cells, threads):
        grad_x[line, i] = 0
        claims[line, i], added[line, i] = NOBODY, -1
    left = 1
    while left:
        cuda.syncthreads()
        claiming = 0
        for o in range(thread, indices.shape[1], threads):
            i = indices[line, o]
            if 0 <= i < cells and o > added[line, i]:
                cuda.atomic.min(claims, (line, i), o)
                claiming = 1
        left = cuda.syncthreads_or(claiming)
        for o in range(thread, indices.shape[1], threads):
            i = indices[line, o]
            if 0 <= i < cells and claims[line, i] == o:
                grad_x[line, i] += grad_y[line, o]
                added[line, i], claims[line, i] = o, NOBODY


@register_jitable
def claim(indices, claims):
    """Let the last position of each cell claim it; -1 for cells that have none."""
    line, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    for i in range(thread, claims.shape[1], threads):
        claims[line, i] = -1
    cuda.syncthreads()
    for o in range(thread, indices.shape[1], threads):
        if 0 <= indices[line, o] < claims.shape[1]:
            cuda.atomic.max(claims, (line, indices[line, o]), o)
    cuda.syncthreads()


def put_in_claimed(y, x, indices, claims):
    """Evaluate P4."""
    line, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    claim(indices, claims)
    for i in range(thread, y.shape[1], threads):
        o = claims[line, i]
        y[line, i] = x[line, o] if o >= 0 else 0


def take_from_claimed(grad_x, grad_y, indices, claims):
    """Evaluate P5."""
    line, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    claim(indices, claims)
    for o in range(thread, indices.shape[1], threads):
        i = indices[line, o]
        grad_x[line, o] = 0
        if 0 <= i < claims.shape[1] and claims[line, i] == o:
            grad_x[line, o] = grad_y[line, i]


@cache
def maxima():
    """Make the kernel that evaluates P1 and P2 at once, a thread for each position."""
    place = place_of(5)
    register_jitable(equations.window_cells)
    first_maximum = register_jitable(equations.first_maximum)

    def kernel(y, indices, x, lowest, taps, size):
        for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
            at = place(i, y.shape)
            y[at], indices[at] = first_maximum(x, lowest, taps, size, *at)

    return kernel
