"""The CUDA kernels of convolution: the three maps and the bias gradient, for arrays on a GPU.

The functions are those of `deconv_ref.ops.convolution.cpu`. The maps run in tiles (`cuda_plan` has
the idea, `cuda_correlation` and `cuda_weights` the kernels) or, where a group has few channels,
without (`cuda_thin`). What these cannot count in 32 bits is left to the literal kernels.

The order of every sum depends on shapes and parameters alone: results have the same bits from run
to run, and on every GPU.
"""

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from deconv_ref.arrays import empty
from deconv_ref.cuda.channels import channel_sums, total
from deconv_ref.cuda.instructions import LANES
from deconv_ref.cuda.kernels import PointKernel, grid
from deconv_ref.cuda.tuned import device, launch_tuned, uploaded, zeros
from deconv_ref.ops.convolution import cuda_plan as plan
from deconv_ref.ops.convolution import literal
from deconv_ref.ops.convolution.cuda_correlation import correlate, mend, pack
from deconv_ref.ops.convolution.cuda_plan import Extents, Map
from deconv_ref.ops.convolution.cuda_thin import correlate_thin
from deconv_ref.ops.convolution.cuda_weights import add_stretches, weigh, weigh_thin
from deconv_ref.window import Window

__all__ = [
    "bias_gradient",
    "forward",
    "input_gradient",
    "parameter_gradients",
    "weight_gradient",
]


def forward(x: Any, weight: Any, bias: Any, window: Window, groups: int, relu: bool = False) -> Any:
    """Evaluate the forward map (Q1); see `deconv_ref.ops.convolution.cpu.forward`."""
    channels, filters = weight.shape[1], weight.shape[0] // groups
    task = Map(window, len(x), channels, filters, groups, transposed=False)
    if not len(x) or not plan.takes(task):
        return literal.forward(x, weight, bias, window, groups, relu)
    return literal.rectified(correlated(x, weight, bias, task), relu)


def input_gradient(
    y: Any, weight: Any, bias: Any, window: Window, groups: int, relu: bool = False
) -> Any:
    """Evaluate the input gradient (Q2); see `deconv_ref.ops.convolution.cpu.input_gradient`."""
    channels, filters = weight.shape[1], weight.shape[0] // groups
    task = Map(window, len(y), filters, channels, groups, transposed=True)
    if not len(y) or not plan.takes(task):
        return literal.input_gradient(y, weight, bias, window, groups, relu)
    return literal.rectified(correlated(y, weight, bias, task), relu)


def parameter_gradients(grad_y: Any, x: Any, window: Window, groups: int) -> tuple[Any, Any]:
    """Evaluate the weight gradient (Q3) and the bias gradient (Q4)."""
    return weight_gradient(grad_y, x, window, groups), bias_gradient(grad_y)


def weight_gradient(grad_y: Any, x: Any, window: Window, groups: int) -> Any:
    """Evaluate the weight gradient (Q3); see `deconv_ref.ops.convolution.cpu.weight_gradient`."""
    filters, channels = grad_y.shape[1] // groups, x.shape[1] // groups
    task = Map(window, len(x), channels, filters, groups, transposed=False)
    if not len(x) or not plan.takes(task):
        return literal.weight_gradient(grad_y, x, window, groups)
    how = weighing(task, x.dtype, device())
    stretches, terms = how.blocks[2], how.extents.terms
    partial = empty(x, (stretches * grad_y.shape[1] * terms,))
    products = flat(grad_y), flat(x), how.terms, how.length, how.extents
    launch_tuned(how.kernel, how.blocks, how.threads, partial, *products)
    grad_weight = empty(x, (grad_y.shape[1], channels, *window.kernel_size))
    sums = partial, stretches, how.places, terms, grad_y, x, window.taps()
    launch_tuned(add_stretches(x.dtype), *grid(grad_weight.size), grad_weight, *sums)
    return grad_weight


def bias_gradient(grad_y: Any) -> Any:
    """Evaluate the bias gradient (Q4), summed in float64; see `cpu.bias_gradient`."""
    if not grad_y.size:
        return literal.bias_gradient(grad_y)
    sums = channel_sums(gradient, grad_y.reshape(len(grad_y), grad_y.shape[1], -1))
    return BIAS_GRADIENT(empty(grad_y, (grad_y.shape[1],)), sums)


def gradient(operands, c, at):
    """Give what Q4 adds up."""
    return operands[0][at], 0.0


def bias_gradient_point(sums, c):
    """Finish Q4."""
    return total(sums, 0, c)


BIAS_GRADIENT = PointKernel(bias_gradient_point)


def correlated(source: Any, weight: Any, bias: Any, task: Map) -> Any:
    """Evaluate a map."""
    how = correlating(task, source.dtype, device())
    result = empty(source, (len(source), task.groups * task.outputs, *task.sizes[1]))
    if bias is None:
        bias = zeros(result.shape[1], result.dtype, device())
    packed = empty(source, (task.groups * how.extents.terms * how.extents.pitch,))
    invalid = empty(source, (1,), np.int32)
    group_stride, _, row_stride = task.strides
    places = how.places, group_stride, row_stride, how.extents
    launch_tuned(pack, *grid(packed.size), packed, flat(weight), *places, invalid)
    operands = flat(source), packed, bias, how.terms, how.phases, how.extents, invalid
    launch_tuned(how.kernel, how.blocks, how.threads, flat(result), *operands)
    if task.plan.padded:
        equation = source, weight, bias, task.window.taps(), invalid
        launch_tuned(mend(task.transposed), *grid(result.size), result, *equation)
    return result


class Correlating(NamedTuple):
    """How a map is computed, with its tables on the GPU."""

    kernel: Any
    blocks: tuple[int, int, int]
    threads: int
    terms: Any
    places: Any
    phases: Any
    extents: Extents


@lru_cache(maxsize=64)
def correlating(task: Map, dtype: np.dtype, on: int) -> Correlating:
    """Choose a kernel for a map, by its shape, and upload its tables to a GPU."""
    lanes = LANES[dtype.itemsize]
    positions, phases = prod(task.plan.positions), len(task.plan.phases)
    rows = next((rows for rows in plan.THIN_ROWS if task.outputs <= rows), 0)
    if rows and plan.near(task, plan.THIN_THREADS * lanes):
        tables = plan.tabulate(task, depth=1)
        extents = plan.extents_of(task, tables, rows, lanes)
        threads, width = plan.THIN_THREADS, plan.THIN_THREADS * lanes
        kernel = correlate_thin(rows, lanes, threads, dtype)
    else:
        repeats = task.groups * phases
        tile = plan.cheapest(plan.CORRELATING, dtype.itemsize, task.outputs, positions, repeats)
        tables = plan.tabulate(task, tile.depth)
        rows, width, threads = tile.height, tile.width, tile.threads
        extents = plan.extents_of(task, tables, rows, lanes)
        kernel = correlate(tile, dtype)
    blocks = extents.pitch // rows * -(-positions // width), task.groups, phases
    terms, places, phase_table = map(uploaded, (tables.terms.ravel(), tables.places, tables.phases))
    return Correlating(kernel, blocks, threads, terms, places, phase_table, extents)


class Weighing(NamedTuple):
    """How a weight gradient is computed, with its tables on the GPU."""

    kernel: Any
    blocks: tuple[int, int, int]
    threads: int
    length: int  # positions of a stretch
    terms: Any
    places: Any  # term of each element of a filter, -1 where none is
    extents: Extents


@lru_cache(maxsize=64)
def weighing(task: Map, dtype: np.dtype, on: int) -> Weighing:
    """Choose a kernel for a weight gradient, by its shape, and upload its tables to a GPU."""
    terms = len(plan.tabulate(task, depth=1).terms)
    positions = prod(task.plan.positions)
    if task.outputs <= plan.THIN_FILTERS:
        height, width, threads = 1, plan.THIN_TERMS, plan.THIN_THREADS // 2
        depth, kernel = threads, weigh_thin(width, threads, dtype)
        across, groups = 1, task.groups * task.outputs
    else:
        # Stretches fill the GPU, however few the tiles are.
        tile = plan.cheapest(plan.WEIGHING, dtype.itemsize, task.outputs, terms, plan.FULL)
        height, width, threads, depth = tile.height, tile.width, tile.threads, tile.depth
        across, groups = -(-task.outputs // height), task.groups
        kernel = weigh(tile, dtype)
    tables = plan.tabulate(task, width)
    extents = plan.extents_of(task, tables, height, 1)._replace(terms=terms)
    blocks = across * -(-terms // width), groups
    stretches, length = plan.cut(positions, prod(blocks), depth)
    term_of = np.full(task.channels * prod(task.window.kernel_size), -1)
    term_of[tables.places[:terms]] = np.arange(terms)
    uploads = uploaded(tables.terms.ravel()), uploaded(term_of)
    return Weighing(kernel, (*blocks, stretches), threads, length, *uploads, extents)


def flat(array: Any) -> Any:
    """View an array, which is contiguous, along one axis."""
    return array.reshape(array.size)
