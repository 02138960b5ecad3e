"""Padding and its gradient."""

from numbers import Real
from typing import Any

import numpy as np

from deconv_ref import backend
from deconv_ref.checks import (
    check_choice,
    check_floating,
    check_shape,
    check_spatial,
    full_size,
    volume,
)
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.parameters import Padding, pad_pairs
from deconv_ref.window import VOLUME

__all__ = ["pad", "pad_backward"]

MODES = ("zeros", "reflect", "replicate", "circular")

Pairs = tuple[tuple[int, int], ...]


def pad(x: Any, padding: Padding, *, mode: str = "zeros", value: float = 0.0) -> Any:
    r"""Add cells before and after each spatial axis.

    Equation K2, in one dimension, with K1 for the source s(o) of position o, where i = o - P and
    n is the size of the axis:

    .. math::
        y_{n,c,o} &= x_{n,\,c,\,s(o)} \\
        s(o) &= i \text{ inside, and none outside} & \text{("zeros")} \\
        s(o) &= |i| \text{ or } 2 (n - 1) - i & \text{("reflect")} \\
        s(o) &= \min(\max(i, 0), n - 1) & \text{("replicate")} \\
        s(o) &= i \bmod n & \text{("circular")}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with one to three spatial axes.
    padding : int, sequence of int, or sequence of (int, int)
        Cells to add, none negative: as many on both sides, or one ``(before, after)`` pair per
        axis, first spatial axis first.
    mode : {"zeros", "reflect", "replicate", "circular"}
        What the added cells show: `value`; the axis mirrored, without repeating the edge; the
        nearest cell; the axis over again.
    value : float
        What "zeros" pads with, rounded to x's dtype. May be NaN or infinite.

    Returns
    -------
    array of shape (N, C, *padded)
        ``padded = n + before + after`` per axis.

    Raises
    ------
    DTypeError
        If `x` is not float32 or float64.
    ShapeError
        If `x` has another layout, a "reflect" pad is not smaller than its axis, or a "circular"
        one larger.
    ParameterError
        If a parameter is out of its range, or a `value` other than 0 meets another mode.

    See Also
    --------
    pad_backward : Its gradient.

    Notes
    -----
    Frameworks differ in names and order. PyTorch's ``pad`` lists the last axis first and says
    "constant" for "zeros"; NumPy says "reflect", "edge" for "replicate" and "wrap" for "circular",
    and lets a pad exceed the axis. What NumPy, JAX and TensorFlow call "symmetric" repeats the
    edge, and is none of these. ONNX's Pad lists all starts, then all ends.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, Pearson 2018, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from deconv_ref.ops.padding.pad import pad
    >>> x = np.array([[[1.0, 2.0, 3.0]]])
    >>> pad(x, [(1, 2)], value=9.0)
    array([[[9., 1., 2., 3., 9., 9.]]])
    >>> pad(x, [(1, 2)], mode="reflect")
    array([[[2., 1., 2., 3., 2., 1.]]])
    >>> pad(x, [(1, 2)], mode="replicate")
    array([[[1., 1., 2., 3., 3., 3.]]])
    >>> pad(x, [(1, 2)], mode="circular")
    array([[[3., 1., 2., 3., 1., 2.]]])
    """
    kernels, x = backend.kernels("pad", "padding", x=x)
    check_floating("pad", x=x)
    check_spatial("pad", "x", x)
    size = tuple(x.shape[2:])
    pairs = _checked("pad", padding, mode, size)
    number = _number("pad", mode, value, x.dtype)
    y = kernels.forward(volume(x), _volume(pairs), MODES.index(mode), number)
    padded = (n + before + after for n, (before, after) in zip(size, pairs, strict=True))
    return y.reshape(*x.shape[:2], *padded)


def pad_backward(
    grad_y: Any, input_size: tuple[int, ...], padding: Padding, *, mode: str = "zeros"
) -> Any:
    r"""Compute the gradient of padding: each cell collects what the positions that show it got.

    With L the scalar whose gradient is sought and s as in `pad` (K3, one dimension):

    .. math:: \partial L / \partial x_{n,c,i} = \sum_{o:\ s(o) = i} \bar y_{n,c,o}

    Parameters
    ----------
    grad_y : array of shape (N, C, *padded)
        Gradient of L with respect to the result of `pad`.
    input_size : tuple of int
        Shape of the input of `pad`, ``(N, C, *spatial)``: pass ``x.shape``.
    padding : int, sequence of int, or sequence of (int, int)
        As it was passed to `pad`.
    mode : {"zeros", "reflect", "replicate", "circular"}
        As it was passed to `pad`.

    Returns
    -------
    array of shape (N, C, *spatial)
        The gradient with respect to the input.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `pad` does, and if `grad_y` has not the shape of its result.

    See Also
    --------
    pad : The operator.

    Notes
    -----
    In mode "zeros" this is the crop that undoes `pad`; in the others a cell that is shown several
    times collects several values, added upwards in the position.

    Examples
    --------
    The second cell is shown twice, the mirrored one first:

    >>> import numpy as np
    >>> from deconv_ref.ops.padding.pad import pad_backward
    >>> grad_y = np.array([[[1.0, 10.0, 100.0, 1000.0]]])
    >>> pad_backward(grad_y, (1, 1, 3), [(1, 0)], mode="reflect")
    array([[[  10.,  101., 1000.]]])
    """
    name = "pad_backward"
    kernels, grad_y = backend.kernels(name, "padding", grad_y=grad_y)
    check_floating(name, grad_y=grad_y)
    check_spatial(name, "grad_y", grad_y)
    shape = full_size(name, "input_size", input_size, "grad_y", grad_y)
    pairs = _checked(name, padding, mode, shape[2:])
    padded = tuple(n + before + after for n, (before, after) in zip(shape[2:], pairs, strict=True))
    check_shape(name, "grad_y", grad_y, shape[:2] + padded, "It has the shape of pad's result")
    grad_x = kernels.gradient(volume(grad_y), _volume(pairs), MODES.index(mode))
    return grad_x.reshape(shape)


def _checked(function: str, padding: Padding, mode: str, size: tuple[int, ...]) -> Pairs:
    """Check `padding` and `mode` and give one pair per axis."""
    check_choice(function, "mode", mode, MODES)
    pairs = pad_pairs(function, padding, len(size))
    limit = {"reflect": "below", "circular": "at most"}.get(mode)
    for axis, (n, pair) in enumerate(zip(size, pairs, strict=True)):
        if limit and max(pair) > n - (mode == "reflect"):
            wanted = f"{limit} {n}, the size of spatial axis {axis}, in mode {mode!r}"
            raise ShapeError(message(function, "padding", wanted, pair))
    return pairs


def _number(function: str, mode: str, value: Any, dtype: Any) -> Any:
    """Check `value` and round it to the dtype."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParameterError(message(function, "value", "a number", repr(value)))
    if mode != "zeros" and value != 0:
        wanted = f"0 in mode {mode!r}, which shows cells of x alone"
        raise ParameterError(message(function, "value", wanted, value))
    try:
        with np.errstate(over="ignore"):
            return dtype.type(float(value))
    except OverflowError:  # of an int or a fraction; a float is rounded to infinity
        raise ParameterError(message(function, "value", "a number of float64", value)) from None


def _volume(pairs: Pairs) -> Pairs:
    return ((0, 0),) * (VOLUME - len(pairs)) + pairs
