"""The CPU kernels of convolution: the three maps and the bias gradient, for NumPy arrays.

Read `plan` for the idea: whatever the stride, dilation, padding and rank, each map is a sum over
terms that lie at fixed offsets in a padded copy of a part of its source, or in the source itself
where no padding is read. `microkernel` sums a tile
of such sums in registers with positions in the lanes, `channels` with channels in the lanes;
`patches` and `deconv_ref.lines` copy in and out, `packing` orders weights and `reads` leaves out
what meets padding alone; `correlation`, `reduction` and its `pieces` put them together,
`deconv_ref.threads` shares them out, `handing` is how compiled functions get what they need, and
`deconv_ref.emitter` how vector instructions are written.

Arrays have exactly three spatial axes, any strides, and may be read-only. Results have the same
bits whatever the number of threads, the memory layout and the processor's vector instructions.

Numba's cache watches the file of a compiled function alone, not what that calls: after a change to
one of these files, or to `deconv_ref.helpers`, delete the ``*.nbi`` files beside them.
"""

import math
from dataclasses import replace

import numpy as np

from deconv_ref.memory import empty, zeros
from deconv_ref.ops.convolution import literal
from deconv_ref.ops.convolution.channels import WIDEST
from deconv_ref.ops.convolution.correlation import Layout, correlate, layout
from deconv_ref.ops.convolution.handing import memory
from deconv_ref.ops.convolution.reduction import dot_layout, sum_positions, weight_sums
from deconv_ref.window import Window

__all__ = [
    "bias_gradient",
    "forward",
    "input_gradient",
    "parameter_gradients",
    "weight_gradient",
]


def forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    window: Window,
    groups: int,
    relu: bool = False,
) -> np.ndarray:
    """Evaluate the forward map (Q1).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, *window.input_size)
        Input.
    weight : numpy.ndarray of shape (M, C / groups, *window.kernel_size)
        Kernels.
    bias : numpy.ndarray of shape (M,), optional
        Added to every output of its channel.
    window : Window
        Of three axes.
    groups : int
        Divides C and M.
    relu : bool
        Whether results are rectified (F1) as they are written.

    Returns
    -------
    numpy.ndarray of shape (N, M, *window.output_size)
        The convolution.
    """
    y = empty((x.shape[0], weight.shape[0], *window.output_size), x.dtype)
    if x.shape[0] == 0:
        return y
    simple, source, kernels, out = simplest(window, x, weight, y)
    filters, channels = kernels.shape[0] // groups, kernels.shape[1]
    plan = layout(simple, len(x), False, channels, filters, groups, x.itemsize, in_order(source))
    rows, columns = kernels.strides[:2]
    strides = filters * rows, rows, columns
    if not correlated(out, source, kernels, bias, plan, strides, relu):
        return literal.forward(x, weight, bias, window, groups, relu)
    return y


def input_gradient(
    y: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    window: Window,
    groups: int,
    relu: bool = False,
) -> np.ndarray:
    """Evaluate the input gradient (Q2), which is the transposed convolution.

    Parameters
    ----------
    y : numpy.ndarray of shape (N, M, *window.output_size)
        What to transpose: the gradient of the forward map's result.
    weight : numpy.ndarray of shape (M, C / groups, *window.kernel_size)
        Kernels.
    bias : numpy.ndarray of shape (C,), optional
        Added to every cell of its channel, those that no window covers too.
    window : Window
        Of three axes.
    groups : int
        Divides C and M.
    relu : bool
        Whether results are rectified (F1) as they are written.

    Returns
    -------
    numpy.ndarray of shape (N, C, *window.input_size)
        The transposed convolution.
    """
    x = empty((y.shape[0], weight.shape[1] * groups, *window.input_size), y.dtype)
    if y.shape[0] == 0:
        return x
    simple, out, kernels, source = simplest(window, x, weight, y)
    if bias is not None:
        bias = np.repeat(bias, out.shape[1] // x.shape[1])
    filters, channels = kernels.shape[0] // groups, kernels.shape[1]
    plan = layout(simple, len(y), True, filters, channels, groups, y.itemsize, in_order(source))
    rows, columns = kernels.strides[:2]
    strides = filters * rows, columns, rows
    if not correlated(out, source, kernels, bias, plan, strides, relu):
        return literal.input_gradient(y, weight, bias, window, groups, relu)
    return x


def parameter_gradients(
    grad_y: np.ndarray, x: np.ndarray, window: Window, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate the weight gradient (Q3) and the bias gradient (Q4) in one pass.

    Parameters
    ----------
    grad_y, x, window, groups : as in `weight_gradient`
        What it is given.

    Returns
    -------
    tuple
        The two gradients.
    """
    grad_bias = zeros((grad_y.shape[1],), x.dtype)
    return weight_gradient(grad_y, x, window, groups, grad_bias), grad_bias


def weight_gradient(
    grad_y: np.ndarray,
    x: np.ndarray,
    window: Window,
    groups: int,
    grad_bias: np.ndarray | None = None,
) -> np.ndarray:
    """Evaluate the weight gradient (Q3).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, M, *window.output_size)
        Gradient of the forward map's result.
    x : numpy.ndarray of shape (N, C, *window.input_size)
        Input of the forward map.
    window : Window
        Of three axes.
    groups : int
        Divides C and M.
    grad_bias : numpy.ndarray of shape (M,), optional
        Where the bias gradient (Q4) is written.

    Returns
    -------
    numpy.ndarray of shape (M, C / groups, *window.kernel_size)
        The gradient.
    """
    shape = (grad_y.shape[1], x.shape[1] // groups, *window.kernel_size)
    if x.shape[0] == 0:
        return zeros(shape, x.dtype)
    grad_weight = empty(shape, x.dtype)
    # The window orders the sums: it must not depend on how the operands lie in memory.
    simple, source, sums, grads = simplest(window, x, grad_weight, grad_y, copy=True)
    filters, channels = sums.shape[0] // groups, sums.shape[1]
    plan = dot_layout(simple, len(x), channels, filters, groups, x.itemsize, in_order(source))
    taps, whole = len(plan.places), math.prod(sums.shape[2:])
    direct = taps == whole and sums.flags.c_contiguous  # not where some taps meet no cell
    shape = sums.shape[0], sums.shape[1], taps
    by_tap = sums.reshape(shape) if direct else np.empty(shape, x.dtype)
    biases = np.empty(len(sums) if plan.ones else 0, x.dtype) if grad_bias is None else grad_bias
    finite = weight_sums(by_tap, biases, memory(grads), memory(source), groups, plan)
    if not direct:
        sums[...] = 0
        sums[:, :, *plan.taps.T] = by_tap
    # What is not finite in the data may meet padding in one cut of the work and not in another; it
    # leaves its mark in the sum of its channel, or in what it should meet.
    if not (finite and np.isfinite(biases).all()):
        return literal.weight_gradient(grad_y, x, window, groups)
    return grad_weight


def bias_gradient(grad_y: np.ndarray) -> np.ndarray:
    """Evaluate the bias gradient (Q4).

    Parameters
    ----------
    grad_y : numpy.ndarray of shape (N, M, D, H, W)
        Gradient of the forward map's result.

    Returns
    -------
    numpy.ndarray of shape (M,)
        The sums over batch and positions.
    """
    grad_bias = empty((grad_y.shape[1],), grad_y.dtype)
    sum_positions(grad_bias, memory(grad_y))
    return grad_bias


def correlated(
    out: np.ndarray,
    source: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    plan: Layout,
    strides: tuple[int, int, int],
    relu: bool,
) -> bool:
    """Fill `out`; see `correlate`."""
    biases = np.zeros(out.shape[1] + WIDEST, out.dtype)  # a tile may reach beyond the last
    if bias is not None:
        biases[: out.shape[1]] = bias
    low = 0.0 if relu else -math.inf
    address, steps, _ = memory(weight)
    return correlate(out, memory(source), address, strides + steps[2:], biases, low, plan)


def in_order(array: np.ndarray) -> bool:
    """Tell whether numbers lie one after another, where a processor wants them."""
    return array.flags.c_contiguous and array.flags.aligned


def simplest(
    window: Window, x: np.ndarray, weight: np.ndarray, y: np.ndarray, *, copy: bool = False
) -> tuple[Window, np.ndarray, np.ndarray, np.ndarray]:
    """Describe the same sums by a simpler window where there is one.

    A window of a single cell that skips none runs along one long line, with fewer borders to mind
    than many short ones. A window that covers all of x, once, makes a channel of each cell. Only
    with `copy` are operands copied for it.
    """
    cell, size = (1, 1, 1), window.input_size
    joins = copy or all(array.flags.c_contiguous for array in (x, weight, y))
    if not joins or any(map(any, window.padding)):
        return window, x, weight, y
    if window.kernel_size == window.stride == cell and size == window.output_size:
        line = (1, 1, math.prod(size))
        window = replace(window, input_size=line, output_size=line)
        return window, x.reshape(*x.shape[:2], *line), weight, y.reshape(*y.shape[:2], *line)
    if window.output_size == cell and size == window.kernel_size and window.dilation == cell:
        window = replace(window, input_size=cell, kernel_size=cell, stride=cell)
        x, weight = x.reshape(len(x), -1, *cell), weight.reshape(len(weight), -1, *cell)
    return window, x, weight, y
