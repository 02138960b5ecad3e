"""How far a restored image is from the original."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deconv_ref import ssim
from deconv_ref.checks import FLOATING, check_count, check_shape, in_range
from deconv_ref.errors import DTypeError, ShapeError, message
from deconv_ref.imaging.arguments import check_layout, check_pixels

__all__ = ["Comparison", "compare", "psnr"]

LARGEST = dict.fromkeys(FLOATING, 1)
LARGEST |= {np.dtype(dtype): np.iinfo(dtype).max for dtype in (np.uint8, np.uint16)}


class Comparison(NamedTuple):
    """Two images compared: decibels, and a similarity of 1 for equal ones."""

    psnr: float
    ssim: float


def psnr(x: Any, y: Any, *, peak: float | None = None, border: int = 0) -> float:
    r"""Compute the peak signal-to-noise ratio of two images.

    Over all N values of both:

    .. math:: \mathrm{PSNR} = 10 \log_{10} \frac{\mathrm{peak}^2}
        {\frac1N \sum_i (x_i - y_i)^2} \; \mathrm{dB}

    Parameters
    ----------
    x, y : array of shape (..., C, H, W)
        Images of one shape and dtype: float32, float64, uint8 or uint16.
    peak : float, optional
        The value of white, above 0; by default 1 of floats, 255 of uint8, 65535 of uint16.
    border : int
        Rows and columns at each edge that do not count. Tables of super-resolution leave out as
        many as the scale.

    Returns
    -------
    float
        Decibels, computed in float64; infinity for equal images, NaN if either holds a NaN.

    Raises
    ------
    DTypeError
        If the dtypes differ or are others.
    ShapeError
        If the shapes differ, or the border leaves nothing.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    compare : Gives the structural similarity too.

    Notes
    -----
    A batch is taken for one large image. The mean of the images' ratios is another number; tables
    of super-resolution print that mean.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros((1, 4, 4))
    >>> psnr(x, x + 0.1)
    20.0
    >>> psnr(x, x)
    inf
    """
    peak = _checked("psnr", x, y, peak)
    x, y = _shaved("psnr", x, border), _shaved("psnr", y, border)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        error = np.mean((x - y) ** 2)
        return float(20 * np.log10(peak) - 10 * np.log10(error))


def compare(
    x: Any, y: Any, *, peak: float | None = None, border: int = 0, window: str | None = "gaussian"
) -> Comparison:
    r"""Compute the peak signal-to-noise ratio and the structural similarity of two images.

    .. math:: (\mathrm{PSNR}(x, y), \; \mathrm{SSIM}(x, y))

    Parameters
    ----------
    x, y : array of shape (..., C, H, W)
        Images of one shape and dtype: float32, float64, uint8 or uint16.
    peak : float, optional
        The value of white, above 0; by default 1 of floats, 255 of uint8, 65535 of uint16.
    border : int
        Rows and columns at each edge that do not count.
    window : "gaussian" or None
        The form of the similarity, as for `deconv_ref.ssim`: Wang's, averaged over windows of
        11 x 11, or the documents' global one, for which any size will do.

    Returns
    -------
    Comparison
        ``psnr`` and ``ssim``, as of `psnr` and, in float64, of `deconv_ref.ssim`.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `psnr` and `deconv_ref.ssim` do.

    See Also
    --------
    psnr : Gives the ratio alone.
    deconv_ref.ssim : The similarity, and its options.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).random((3, 20, 20))
    >>> compare(x, x)
    Comparison(psnr=inf, ssim=1.0)
    """
    peak = _checked("compare", x, y, peak)
    left, right = (_shaved("compare", image, border) for image in (x, y))
    batch = (-1, *left.shape[-3:])
    similarity = ssim(left.reshape(batch), right.reshape(batch), data_range=peak, window=window)
    return Comparison(psnr(x, y, peak=peak, border=border), float(similarity))


def _checked(function: str, x: Any, y: Any, peak: float | None) -> float:
    """Check two images against each other, and give the peak."""
    for name, image in (("x", x), ("y", y)):
        check_pixels(function, name, image, tuple(LARGEST))
    if x.dtype != y.dtype:
        raise DTypeError(message(function, "y", f"{x.dtype}, as x is", str(y.dtype)))
    check_layout(function, "x", x)
    check_shape(function, "y", y, x.shape, "Both images are of one shape")
    return in_range(function, "peak", LARGEST[x.dtype] if peak is None else peak, 0, above=True)


def _shaved(function: str, image: Any, border: int) -> NDArray[np.float64]:
    """Take away the border and give the rest as float64."""
    border = check_count(function, "border", border, 0)
    rows, columns = image.shape[-2:]
    if 2 * border >= min(rows, columns):
        wanted = f"less than half of {min(rows, columns)}, the smaller side"
        raise ShapeError(message(function, "border", wanted, border))
    inside = image[..., border : rows - border, border : columns - border]
    return np.array(inside, np.float64, subok=False)
