"""Between RGB and luma with chroma, as video and the literature on super-resolution have it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.imaging.arguments import check_layout, check_pixels

__all__ = ["rgb2ycbcr", "ycbcr2rgb"]

LEVELS = 255.0
THOUSANDTHS = np.array([[65481, 128553, 24966], [-37797, -74203, 112000], [112000, -93786, -18214]])
INVERSE = np.linalg.inv(THOUSANDTHS / 1000)
OFFSET = np.array([16.0, 128.0, 128.0])[:, None, None]


def rgb2ycbcr(x: Any) -> NDArray[Any]:
    r"""Convert RGB to luma and chroma of ITU-R BT.601, as MATLAB's ``rgb2ycbcr`` does.

    With R, G and B from 0 to 1 and Y, Cb and Cr in the 8-bit levels of the standard:

    .. math::
        Y &= 16 + 65.481 R + 128.553 G + 24.966 B \\
        C_b &= 128 - 37.797 R - 74.203 G + 112 B \\
        C_r &= 128 + 112 R - 93.786 G - 18.214 B

    Parameters
    ----------
    x : array of shape (..., 3, H, W)
        RGB: uint8 from 0 to 255, or float32 or float64 from 0 to 1.

    Returns
    -------
    array of x's shape and dtype
        Y, Cb and Cr. On uint8 rounded to the nearest level, Y from 16 to 235 and Cb and Cr from 16
        to 240; on floats those levels divided by 255, unrounded and unclipped.

    Raises
    ------
    DTypeError
        If `x` is not uint8, float32 or float64.
    ShapeError
        If `x` has not three channels in front of rows and columns.

    See Also
    --------
    ycbcr2rgb : The way back.

    Notes
    -----
    Every one of the 2**24 colours of uint8 is rounded as the exact value is, halves upwards. JPEG,
    and Pillow with it, uses the full range instead: Y from 0 to 255 and other factors.
    ``skimage.color.rgb2ycbcr`` has these factors, channels last, and gives the levels as floats.

    References
    ----------
    Recommendation ITU-R BT.601-7, "Studio encoding parameters of digital television".

    Examples
    --------
    White, and pure red:

    >>> import numpy as np
    >>> rgb = np.array([[[255, 255]], [[255, 0]], [[255, 0]]], dtype=np.uint8)
    >>> rgb2ycbcr(rgb)[:, 0].T
    array([[235, 128, 128],
           [ 81,  90, 240]], dtype=uint8)
    """
    values = _checked("rgb2ycbcr", x)
    white = LEVELS if x.dtype == np.uint8 else 1.0
    # Whole numbers up to the one division, so that a level and a half is exactly that.
    levels = _mixed(THOUSANDTHS, values) / (1000 * white) + OFFSET
    return _rounded(levels) if x.dtype == np.uint8 else (levels / LEVELS).astype(x.dtype, order="C")


def ycbcr2rgb(x: Any) -> NDArray[Any]:
    r"""Convert luma and chroma of ITU-R BT.601 to RGB, as MATLAB's ``ycbcr2rgb`` does.

    With M the matrix of `rgb2ycbcr`, its offsets o and Y, Cb and Cr in 8-bit levels:

    .. math:: (R, G, B)^T = M^{-1} ((Y, C_b, C_r)^T - o)

    Parameters
    ----------
    x : array of shape (..., 3, H, W)
        Y, Cb and Cr: uint8, or float32 or float64 of levels divided by 255.

    Returns
    -------
    array of x's shape and dtype
        RGB: uint8 from 0 to 255, rounded, or floats from 0 to 1. What no colour has is clipped.

    Raises
    ------
    DTypeError, ShapeError
        As `rgb2ycbcr` does.

    See Also
    --------
    rgb2ycbcr : The way there.

    Notes
    -----
    The way there and back on uint8 may end a level or two away: there are fewer levels of luma and
    chroma than colours.

    References
    ----------
    Recommendation ITU-R BT.601-7, "Studio encoding parameters of digital television".

    Examples
    --------
    >>> import numpy as np
    >>> ycbcr = np.array([[[235, 81]], [[128, 90]], [[128, 240]]], dtype=np.uint8)
    >>> ycbcr2rgb(ycbcr)[:, 0].T
    array([[255, 255, 255],
           [254,   0,   0]], dtype=uint8)
    """
    values = _checked("ycbcr2rgb", x)
    levels = values if x.dtype == np.uint8 else values * LEVELS
    rgb = np.clip(_mixed(INVERSE, levels - OFFSET), 0.0, 1.0)
    return _rounded(rgb * LEVELS) if x.dtype == np.uint8 else rgb.astype(x.dtype, order="C")


def _checked(function: str, x: Any) -> NDArray[np.float64]:
    """Check an image of three channels and give its values as float64."""
    check_pixels(function, "x", x, (np.uint8, np.float32, np.float64))
    check_layout(function, "x", x, channels=3)
    return np.asarray(x, np.float64)


def _mixed(matrix: NDArray[Any], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply the colour of each pixel by a matrix, adding up in the order of its columns."""
    red, green, blue = (matrix[:, c, None, None] * x[..., c : c + 1, :, :] for c in range(3))
    return red + green + blue


def _rounded(levels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Round to the nearest level, halves up."""
    return np.floor(levels + 0.5).astype(np.uint8, order="C")
