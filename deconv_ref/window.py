"""Sliding-window arithmetic: parameters become a `Window` once, sizes are computed here alone.

A window of ``k`` taps, ``dilation`` cells apart, starts at every ``stride``-th cell of a padded
axis. Output position ``o`` sees, through tap ``t``, the input cell

    i(o, t) = o * stride + t * dilation - before                                     (W1)

and nothing where ``i`` falls outside the axis. Everything else follows from W1:

    reach  e = dilation * (k - 1) + 1                       cells spanned by a window (W2)
    output   = (n + before + after - e) // stride + 1              (convolution)      (W3)
    output   = (n - 1) * stride - before - after + e + output_padding
                                                        (transposed convolution)      (W4)
    output   = ceil((n + before + after - e) / stride) + 1     (pooling, ceil_mode)   (W5)

W4 inverts W3 up to the remainder of its division, which ``output_padding`` names; it is
Relationship 14 of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(arXiv:1603.07285), with dilation. In W5 the last window may reach beyond the padding, but it must
start inside the axis or its leading padding: if ``(output - 1) * stride >= n + before`` there is
one position less. Integers only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.parameters import Padding, Pairs, PerAxis, Sizes, pad_pairs, pad_sides, per_axis

__all__ = [
    "VOLUME",
    "Taps",
    "Window",
    "conv_transpose_window",
    "conv_window",
    "pool_window",
    "unpool_window",
]

VOLUME = 3  # kernels always see three spatial axes


class Taps(NamedTuple):
    """What a kernel needs to know of W1, for exactly three axes.

    A plain named tuple of tuples, because Numba takes it as it is on CPU and GPU.
    """

    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    before: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """A window sliding over the spatial axes; one entry per axis in every field.

    The same object describes a convolution and its transpose: `input_size` is the side that the
    window slides over, `output_size` counts its positions. A transposed convolution takes arrays
    of `output_size` to arrays of `input_size`.
    """

    input_size: Sizes
    output_size: Sizes
    kernel_size: Sizes
    stride: Sizes
    dilation: Sizes
    padding: Pairs

    @property
    def before(self) -> Sizes:
        """Padding at the start of each axis."""
        return tuple(before for before, _ in self.padding)

    def bounds(self, *, padded: bool) -> Pairs:
        """Give the first cell of each axis and the one after the last, with or without padding."""
        if not padded:
            return tuple((0, n) for n in self.input_size)
        axes = zip(self.input_size, self.padding, strict=True)
        return tuple((-before, n + after) for n, (before, after) in axes)

    @lru_cache(maxsize=256)  # noqa: B019 - 256 windows are a few kilobytes
    def volume(self) -> "Window":
        """Prepend axes of size 1 until there are three, as `deconv_ref.checks.volume` does."""
        missing = VOLUME - len(self.input_size)
        ones = (1,) * missing
        return Window(
            ones + self.input_size,
            ones + self.output_size,
            ones + self.kernel_size,
            ones + self.stride,
            ones + self.dilation,
            ((0, 0),) * missing + self.padding,
        )

    def taps(self) -> Taps:
        """Return the kernels' view of the window; it must have three axes."""
        (s0, s1, s2), (d0, d1, d2), (b0, b1, b2) = self.stride, self.dilation, self.before
        return Taps((s0, s1, s2), (d0, d1, d2), (b0, b1, b2))


def reach(kernel_size: int, dilation: int) -> int:
    """Count the cells from a window's first tap to its last (W2)."""
    return dilation * (kernel_size - 1) + 1


def conv_window(
    function: str,
    input_size: Sizes,
    kernel_size: Sizes,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
) -> Window:
    """Build the window of a convolution over `input_size` (W3).

    Parameters
    ----------
    function : str
        Public function to name in errors.
    input_size, kernel_size : tuple of int
        Spatial sizes of the input and of the kernel.
    stride : int or sequence of int
        At least 1, per axis.
    padding : int, sequence or str
        As in `deconv_ref.conv`.
    dilation : int or sequence of int
        At least 1, per axis.

    Returns
    -------
    Window
        The window; `output_size` is the size of the convolution's result.

    Raises
    ------
    ParameterError
        If a parameter is not of its kind or out of its range.
    ShapeError
        If an axis of the result would be empty.

    Examples
    --------
    >>> conv_window("conv", (5, 8), (3, 2), 2, "same", 1).output_size
    (3, 4)
    """
    axes = len(input_size)
    strides = per_axis(function, "stride", stride, axes, least=1)
    dilations = per_axis(function, "dilation", dilation, axes, least=1)
    sides = pad_sides(function, padding, axes)
    return _slide(function, input_size, kernel_size, strides, sides, dilations, False)


def pool_window(
    function: str,
    input_size: Sizes,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    dilation: PerAxis,
    ceil_mode: bool,
) -> Window:
    """Build the window of a pooling over `input_size` (W3, or W5 in `ceil_mode`).

    As `conv_window`, but `kernel_size` is a parameter like the others and `stride` may be None,
    which is `kernel_size`.

    Raises
    ------
    ParameterError
        If a parameter is not of its kind or out of its range.
    ShapeError
        If an axis of the result would be empty.

    Examples
    --------
    >>> pool_window("max_pool", (6,), 3, 2, 0, 1, ceil_mode=False).output_size
    (2,)
    >>> pool_window("max_pool", (6,), 3, 2, 0, 1, ceil_mode=True).output_size
    (3,)
    """
    axes = len(input_size)
    kernel = per_axis(function, "kernel_size", kernel_size, axes, least=1)
    strides = kernel if stride is None else per_axis(function, "stride", stride, axes, least=1)
    dilations = per_axis(function, "dilation", dilation, axes, least=1)
    sides = pad_sides(function, padding, axes)
    return _slide(function, input_size, kernel, strides, sides, dilations, ceil_mode)


def unpool_window(
    function: str,
    output_size: Sizes,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis | Sequence[tuple[int, int]],
    input_size: Sizes | None,
) -> Window:
    """Build the window of the pooling that an unpooling goes back through.

    As `pool_window`, from the other side: the unpooling's result has `input_size`, by default W4
    without ``output_padding``. Padding is explicit.

    Raises
    ------
    ParameterError
        If a parameter is not of its kind or out of its range.
    ShapeError
        If an axis of the result would be empty.

    Examples
    --------
    >>> unpool_window("avg_unpool", (4,), 3, 2, [(1, 0)], None).input_size
    (8,)
    """
    axes = len(output_size)
    kernel = per_axis(function, "kernel_size", kernel_size, axes, least=1)
    strides = kernel if stride is None else per_axis(function, "stride", stride, axes, least=1)
    pads = pad_pairs(function, padding, axes)
    if input_size is None:
        return conv_transpose_window(function, output_size, kernel, strides, pads, 0, 1)
    return Window(input_size, output_size, kernel, strides, (1,) * axes, pads)


def conv_transpose_window(
    function: str,
    output_size: Sizes,
    kernel_size: Sizes,
    stride: PerAxis,
    padding: Padding,
    output_padding: PerAxis,
    dilation: PerAxis,
) -> Window:
    """Build the window of the convolution that a transposed convolution transposes (W4).

    Parameters
    ----------
    function : str
        Public function to name in errors.
    output_size : tuple of int
        Spatial size of the transposed convolution's own input: the positions of the window.
    kernel_size : tuple of int
        Spatial size of the kernel.
    stride : int or sequence of int
        At least 1, per axis.
    padding : int, sequence or str
        As in `deconv_ref.conv_transpose`.
    output_padding : int or sequence of int
        At least 0 and below ``max(stride, dilation)``, per axis.
    dilation : int or sequence of int
        At least 1, per axis.

    Returns
    -------
    Window
        The window; `input_size` is the size of the transposed convolution's result.

    Raises
    ------
    ParameterError
        If a parameter is not of its kind or out of its range.
    ShapeError
        If an axis of the result would be empty.

    Examples
    --------
    >>> conv_transpose_window("conv_transpose", (4,), (3,), 2, 1, 1, 1).input_size
    (8,)
    """
    axes = len(output_size)
    strides = per_axis(function, "stride", stride, axes, least=1)
    dilations = per_axis(function, "dilation", dilation, axes, least=1)
    extra = per_axis(function, "output_padding", output_padding, axes, least=0)
    sides = pad_sides(function, padding, axes)
    return _unslide(function, output_size, kernel_size, strides, sides, extra, dilations)


def _resolved(sides: Pairs | str, reaches: Sizes, same: Callable[[int], int]) -> Pairs:
    """Give the pairs of a rule, where ``same(axis)`` is the total under the "same" rules."""
    if isinstance(sides, str):
        return tuple(_ruled(sides, e, same(axis)) for axis, e in enumerate(reaches))
    return sides


def _ruled(rule: str, reach: int, same: int) -> tuple[int, int]:
    """Give the padding of one axis by a rule; `same` is the total under the "same" rules."""
    if rule == "valid":
        return 0, 0
    if rule == "full":
        return reach - 1, reach - 1
    small, large = same // 2, same - same // 2
    # An odd cell goes to the end, as TensorFlow and ONNX have it.
    return (small, large) if rule == "same" else (large, small)


@lru_cache(maxsize=256)
def _slide(
    function: str,
    input_size: Sizes,
    kernel_size: Sizes,
    strides: Sizes,
    sides: Pairs | str,
    dilations: Sizes,
    ceil_mode: bool,
) -> Window:
    """Count the positions of a window on each axis (W3, W5).

    Once for the same plain ints; ``True``, which equals 1, has been refused before.
    """
    reaches = tuple(map(reach, kernel_size, dilations))

    def same(axis: int) -> int:
        positions = -(-input_size[axis] // strides[axis])
        return max((positions - 1) * strides[axis] + reaches[axis] - input_size[axis], 0)

    pads = _resolved(sides, reaches, same)
    output_size = []
    for axis, (n, e, s, (before, after)) in enumerate(
        zip(input_size, reaches, strides, pads, strict=True)
    ):
        room = n + before + after - e
        size = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (size - 1) * s >= n + before:
            size -= 1
        if size < 1:
            room_shown = (
                f"({n} + {before} + {after} - ({dilations[axis]} * ({kernel_size[axis]} - 1) + 1))"
            )
            quotient = f"ceil({room_shown} / {s})" if ceil_mode else f"{room_shown} // {s}"
            raise ShapeError(_empty(function, axis, f"{quotient} + 1 = {size}", "x or padding"))
        output_size.append(size)
    return Window(input_size, tuple(output_size), kernel_size, strides, dilations, pads)


@lru_cache(maxsize=256)
def _unslide(
    function: str,
    output_size: Sizes,
    kernel_size: Sizes,
    strides: Sizes,
    sides: Pairs | str,
    extra: Sizes,
    dilations: Sizes,
) -> Window:
    """Count the cells of each axis that a window's positions stem from (W4)."""
    reaches = tuple(map(reach, kernel_size, dilations))
    pads = _resolved(sides, reaches, lambda axis: max(reaches[axis] - strides[axis], 0))
    same = sides if isinstance(sides, str) and sides in ("same", "same_lower") else None
    _check_output_padding(function, extra, strides, dilations, same)

    input_size = []
    for axis, (n, e, s, (before, after)) in enumerate(
        zip(output_size, reaches, strides, pads, strict=True)
    ):
        size = n * s if same else (n - 1) * s - before - after + e + extra[axis]
        if size < 1:
            arithmetic = (
                f"({n} - 1) * {s} - {before} - {after} + {dilations[axis]} * "
                f"({kernel_size[axis]} - 1) + 1 + {extra[axis]} = {size}"
            )
            raise ShapeError(_empty(function, axis, arithmetic, "x or less padding"))
        input_size.append(size)
    return Window(tuple(input_size), output_size, kernel_size, strides, dilations, pads)


def _check_output_padding(
    function: str, extra: Sizes, strides: Sizes, dilations: Sizes, rule: str | None
) -> None:
    if rule is not None and any(extra):
        remedy = f'padding="{rule}" already fixes the size; leave output_padding out'
        raise ParameterError(message(function, "output_padding", "0 here", extra, remedy))
    limits = tuple(map(max, strides, dilations))
    if any(e >= limit for e, limit in zip(extra, limits, strict=True)):
        wanted = f"below max(stride, dilation) = {limits} on every axis"
        raise ParameterError(message(function, "output_padding", wanted, extra))


def _empty(function: str, axis: int, arithmetic: str, more: str) -> str:
    wanted = f"at least 1 long on spatial axis {axis}"
    return message(function, "the result", wanted, arithmetic, f"Pass a larger {more}")
