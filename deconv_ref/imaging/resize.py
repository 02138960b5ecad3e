"""Resampling images as MATLAB's ``imresize`` does, by which super-resolution is measured."""

from collections.abc import Callable, Sequence
from math import ceil
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deconv_ref.checks import check_choice, check_count, in_range
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.imaging.arguments import check_images, check_pixels

__all__ = ["imresize", "mirrored", "modcrop", "weighted_cells"]

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]


class Kernel(NamedTuple):
    """A function of the distance in cells, 0 beyond half its width."""

    weight: Callable[[Floats], Floats]
    width: int


def _cubic(t: Floats) -> Floats:
    """Evaluate the cubic of Keys with a = -1/2."""
    t = np.abs(t)
    near, far = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0.0))


def _triangle(t: Floats) -> Floats:
    return np.maximum(1 - np.abs(t), 0.0)


def _box(t: Floats) -> Floats:
    return ((t >= -0.5) & (t < 0.5)).astype(np.float64)


KERNELS = {
    "bicubic": Kernel(_cubic, 4),
    "bilinear": Kernel(_triangle, 2),
    "nearest": Kernel(_box, 1),
}


def imresize(
    x: Any,
    scale: float | Sequence[float] | None = None,
    *,
    output_size: Sequence[int] | None = None,
    method: str = "bicubic",
    antialias: bool = True,
) -> NDArray[Any]:
    r"""Resample the rows and columns of images as MATLAB's ``imresize`` does.

    One axis after the other, the one of the smaller scale s first. Cells and positions counted from
    1, position o lies at

    .. math:: u_o = o / s + (1 - 1 / s) / 2

    and with k the kernel, reaching w / 2 cells to both sides, :math:`a = \min(s, 1)` where it is
    stretched against aliasing and 1 where not, and x mirrored at its borders, edges repeated,

    .. math:: y_o = \frac{\sum_i k(a (u_o - i)) \, x_i}{\sum_i k(a (u_o - i))}

    The bicubic kernel is that of Keys:

    .. math::
        k(t) &= 1.5 |t|^3 - 2.5 |t|^2 + 1 & |t| \le 1 \\
        k(t) &= -0.5 |t|^3 + 2.5 |t|^2 - 4 |t| + 2 & 1 < |t| \le 2

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images, float32 or float64, of any range.
    scale : float or (float, float), optional
        Factor above 0 for both axes, or for rows and columns. The size becomes
        ``ceil(scale * n)``, computed in float64.
    output_size : (int, int), optional
        Rows and columns of the result; the scale is then ``output / n``. Either this or `scale`.
    method : {"bicubic", "bilinear", "nearest"}
        The kernel: Keys's cubic, of width 4; a triangle, of width 2; a box of one cell.
    antialias : bool
        Whether the kernel is stretched on an axis that shrinks. "nearest" never is.

    Returns
    -------
    array of shape (..., C, *output)
        Of x's dtype, computed in float64. Bicubic results may overshoot the range of `x`.

    Raises
    ------
    DTypeError, ShapeError
        If `x` is not float32 or float64, or has another layout.
    ParameterError
        If a parameter is out of its range, or not exactly one of `scale` and `output_size` given.

    See Also
    --------
    modcrop : Crops to sizes that a whole factor divides.
    deconv_ref.upsample : The operator of networks, with its gradient.

    Notes
    -----
    ``scale`` and the ``output_size`` it leads to give different results where ``scale * n`` is not
    whole: positions are 1 / scale cells apart, exactly as asked.

    Others differ: Pillow's bicubic has the same kernel and always stretches, but at borders it
    leaves out what lies beyond; PyTorch's has a coefficient of -0.75 where Keys has -0.5, does not
    stretch, and replicates borders, but is Pillow's with ``antialias=True``.

    References
    ----------
    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29 (1981).

    Examples
    --------
    A step, at twice the size: overshoot on both sides of it.

    >>> import numpy as np
    >>> x = np.array([[[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]])
    >>> imresize(x, (1, 2))[0, 0, 3:9]
    array([-0.0234375, -0.0703125,  0.203125 ,  0.796875 ,  1.0703125,
            1.0234375])
    >>> imresize(x, output_size=(1, 3), antialias=False)
    array([[[0. , 0.5, 1. ]]])
    """
    check_images("imresize", x=x)
    check_choice("imresize", "method", method, tuple(KERNELS))
    check_choice("imresize", "antialias", antialias, (False, True))
    sizes = tuple(x.shape[-2:])
    scales, outputs = _sizes(sizes, scale, output_size)
    stretch = antialias and method != "nearest"
    y = np.asarray(x, np.float64)
    for axis in sorted((0, 1), key=lambda axis: scales[axis]):
        taps = _taps(sizes[axis], outputs[axis], scales[axis], KERNELS[method], stretch)
        y = weighted_cells(y, *taps, axis=axis - 2)
    return y.astype(x.dtype, order="C")


def modcrop(x: Any, factor: int) -> NDArray[Any]:
    r"""Crop rows and columns at their ends to a multiple of a factor.

    Of n cells, those remain for which

    .. math:: i < n - (n \bmod \mathrm{factor})

    Parameters
    ----------
    x : array of shape (..., H, W)
        Images of any dtype.
    factor : int
        At least 1.

    Returns
    -------
    array
        A copy of what remains.

    Raises
    ------
    DTypeError
        If `x` is no NumPy array.
    ParameterError
        If `factor` is no int of at least 1.
    ShapeError
        If `x` has less than two axes, or nothing would remain.

    Examples
    --------
    >>> import numpy as np
    >>> modcrop(np.zeros((1, 7, 9)), 3).shape
    (1, 6, 9)
    """
    check_pixels("modcrop", "x", x)
    factor = check_count("modcrop", "factor", factor, 1)
    if x.ndim < 2 or min(x.shape[-2:]) < factor:
        wanted = f"(..., H, W) of at least {factor} rows and columns"
        raise ShapeError(message("modcrop", "x", wanted, f"shape {x.shape}"))
    rows, columns = (n - n % factor for n in x.shape[-2:])
    return np.array(x[..., :rows, :columns], order="C", subok=False)


def mirrored(cells: Cells, n: int) -> Cells:
    """Fold cells beyond an axis of `n` back into it, as often as need be; edges repeat."""
    cells = cells % (2 * n)
    return np.minimum(cells, 2 * n - 1 - cells)


def weighted_cells(x: Floats, cells: Cells, weights: Floats, *, axis: int) -> Floats:
    """Sum cells along an axis, tap after tap.

    Parameters
    ----------
    x : array
        Values.
    cells : array of shape (taps, output)
        Which cell each position sees through each tap.
    weights : array of shape (taps, output) or (taps, 1)
        How much it weighs.
    axis : {-2, -1}
        The axis, counted from the end.

    Returns
    -------
    array
        Like `x`, with `output` cells on the axis.
    """
    y: Any = 0.0
    for cell, weight in zip(cells, weights, strict=True):
        y = y + np.take(x, cell, axis) * (weight if axis == -1 else weight[:, None])
    return y


def _taps(n: int, output: int, scale: float, kernel: Kernel, stretch: bool) -> tuple[Cells, Floats]:
    """Give the cells that each position sees, and their weights, both (taps, output)."""
    shrink = min(scale, 1.0) if stretch else 1.0
    width = kernel.width / shrink
    positions = np.arange(1, output + 1) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(positions - width / 2)
    cells = first + np.arange(ceil(width) + 2)[:, None]
    weights = kernel.weight(shrink * (positions - cells))
    weights /= weights.sum(axis=0)
    used = weights.any(axis=1)
    return mirrored(cells[used].astype(np.intp) - 1, n), weights[used]


def _sizes(
    sizes: tuple[int, ...], scale: Any, output_size: Any
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Check what was asked for and give the scale and the size of each axis."""
    if (scale is None) == (output_size is None):
        wanted, got = "given, one of them alone", "neither" if scale is None else "both"
        raise ParameterError(message("imresize", "scale or output_size", wanted, got))
    if output_size is None:
        both = (scale, scale) if isinstance(scale, Real) else scale
        scales = tuple(
            in_range("imresize", "scale", s, 0, above=True) for s in _pair("scale", both)
        )
        return scales, tuple(ceil(s * n) for s, n in zip(scales, sizes, strict=True))
    pair = _pair("output_size", output_size)
    outputs = tuple(check_count("imresize", "output_size", m, 1) for m in pair)
    return tuple(m / n for m, n in zip(outputs, sizes, strict=True)), outputs


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    """Ask for one value for rows and one for columns."""
    try:
        rows, columns = value
    except (TypeError, ValueError):
        wanted = "a pair, for rows and for columns"
        raise ParameterError(message("imresize", name, wanted, repr(value))) from None
    return rows, columns
