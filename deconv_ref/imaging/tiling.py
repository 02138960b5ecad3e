"""Functions of images on images of any size, tile by tile."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.checks import check_count
from deconv_ref.errors import ShapeError, message
from deconv_ref.imaging.arguments import check_pixels

__all__ = ["apply_tiled"]

Image = NDArray[Any]


def apply_tiled(
    function: Callable[[Image], Image], x: Any, *, tile: int, overlap: int, scale: int = 1
) -> Image:
    r"""Apply a function to an image in overlapping tiles, so that memory stays bounded.

    The tile of rows and columns :math:`[a, b)` is computed from what lies around it in the image,

    .. math:: y_{[as, \, bs)} = f\left( x_{[a - v, \, b + v) \cap [0, \, n)} \right)

    cropped to the tile, v being the overlap and s the scale.

    Parameters
    ----------
    function : callable
        Takes an array ``(C, H, W)`` to an array ``(C', scale * H, scale * W)``, whatever H and W.
    x : array of shape (C, H, W)
        The image, of any dtype.
    tile : int
        Rows and columns of a tile, at least 1. `function` sees at most ``tile + 2 * overlap`` of
        each.
    overlap : int
        Rows and columns around a tile that are computed with it and thrown away, at least 0.
    scale : int
        How much larger the function makes an image, at least 1.

    Returns
    -------
    array of shape (C', scale * H, scale * W)
        The result, of the dtype that `function` gives.

    Raises
    ------
    DTypeError
        If `x`, or a result of `function`, is no NumPy array.
    ShapeError
        If `x` is not of three axes, or a result of `function` has not the size expected.
    ParameterError
        If a parameter is out of its range.

    Notes
    -----
    The result is that of ``function(x)`` when each of its cells depends on cells of `x` no farther
    than `overlap` away. For a stack of convolutions that is the sum of the kernels' radii, each
    times the product of the strides before it; nothing goes wrong at the image's borders, where no
    tile is extended and the function pads as it would. To the last bit, if the function computes a
    cell alike wherever it lies, as the operators of deconv_ref do.

    Where the function goes through a coarser grid, as pooling does, let `tile` and `overlap` be
    multiples of its step, so that the grid of every tile lies on that of the image.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.random.default_rng(0).random((1, 40, 50))
    >>> blur = lambda image: dr.conv(image[None], np.ones((1, 1, 5, 5)) / 25, padding=2)[0]
    >>> y = apply_tiled(blur, x, tile=16, overlap=2)
    >>> bool((y == blur(x)).all())
    True
    """
    check_pixels("apply_tiled", "x", x)
    if x.ndim != 3 or 0 in x.shape:
        wanted = "(C, H, W) without empty axes"
        raise ShapeError(message("apply_tiled", "x", wanted, f"shape {x.shape}"))
    tile, overlap, scale = (
        check_count("apply_tiled", name, value, least)
        for name, value, least in (("tile", tile, 1), ("overlap", overlap, 0), ("scale", scale, 1))
    )
    rows, columns = x.shape[1:]
    y = np.empty((0, scale * rows, scale * columns))
    tiles = product(_spans(rows, tile, overlap), _spans(columns, tile, overlap))
    for (top, low, high, bottom), (left, first, last, right) in tiles:
        patch = x[:, top:bottom, left:right]
        result = _checked(function(patch), patch, scale, len(y))
        if not len(y):
            y = np.empty((len(result), *y.shape[1:]), result.dtype)
        y[:, scale * low : scale * high, scale * first : scale * last] = result[
            :,
            scale * (low - top) : scale * (high - top),
            scale * (first - left) : scale * (last - left),
        ]
    return y


def _spans(n: int, tile: int, overlap: int) -> Iterator[tuple[int, int, int, int]]:
    """Give the ends of each tile of an axis, between those of the patch around it."""
    for low in range(0, n, tile):
        high = min(low + tile, n)
        yield max(low - overlap, 0), low, high, min(high + overlap, n)


def _checked(result: Any, patch: Image, scale: int, channels: int) -> Image:
    """Ask for the size that the scale says, and for the channels of the first tile, if known."""
    check_pixels("apply_tiled", "function(x)", result)
    size = tuple(scale * n for n in patch.shape[1:])
    if result.ndim != 3 or result.shape != (channels or max(len(result), 1), *size):
        got = f"shape {result.shape} for an image of shape {patch.shape}"
        wanted = f"of shape (C', {scale} * H, {scale} * W), C' as for the first tile"
        raise ShapeError(message("apply_tiled", "function(x)", wanted, got))
    return result
