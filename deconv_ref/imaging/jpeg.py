"""What JPEG loses: the rounding of its blocks' frequencies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.checks import check_count
from deconv_ref.imaging.arguments import check_images

__all__ = ["jpeg_quantize"]

BLOCK = 8
LEVELS, MIDDLE = 255, 128
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def jpeg_quantize(x: Any, quality: int) -> NDArray[Any]:
    r"""Lose what JPEG loses of a grey image.

    Of every block b of 8 x 8 pixels, in levels from -128 to 127, with D the matrix of the discrete
    cosine transform and Q the steps of the quality:

    .. math::
        F &= D b D^T \\
        b' &= D^T \left( Q \left\lfloor F / Q \right\rceil \right) D

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images from 0 to 1, float32 or float64. Each channel is taken for a grey image.
    quality : int
        From 1 to 100, on the scale of libjpeg.

    Returns
    -------
    array of x's shape and dtype
        The images, in multiples of 1 / 255 from 0 to 1.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    Notes
    -----
    The steps are the example table for luminance in annex K of the standard, scaled as libjpeg
    does. An image whose sides are no multiples of 8 is continued with its last row and column. A
    colour file of JPEG differs: it turns RGB into luma and chroma, thins out and quantizes the
    chroma by another table.

    References
    ----------
    ITU-T T.81, "Digital compression and coding of continuous-tone still images", 1992.

    Examples
    --------
    A ramp becomes a few waves:

    >>> import numpy as np
    >>> x = np.arange(8.0).reshape(1, 1, 8) / 7
    >>> (255 * jpeg_quantize(x, 20)).round()
    array([[[  0.,  32.,  76., 113., 143., 180., 224., 255.]]])
    """
    check_images("jpeg_quantize", x=x)
    quality = check_count("jpeg_quantize", "quality", quality, 1, 100)
    rows, columns = x.shape[-2:]
    missing = [(0, 0)] * (x.ndim - 2) + [(0, -n % BLOCK) for n in (rows, columns)]
    levels = np.pad(
        np.rint(np.clip(np.asarray(x), 0, 1) * np.float64(LEVELS)) - MIDDLE, missing, "edge"
    )
    high, wide = (n // BLOCK for n in levels.shape[-2:])
    blocks = levels.reshape(*x.shape[:-2], high, BLOCK, wide, BLOCK).swapaxes(-3, -2)
    steps, transform = _steps(quality), _cosines()
    frequencies = steps * np.rint(transform @ blocks @ transform.T / steps)
    lossy = np.rint(transform.T @ frequencies @ transform).swapaxes(-3, -2)
    y = np.clip(lossy.reshape(levels.shape)[..., :rows, :columns] + MIDDLE, 0, LEVELS)
    return (y / LEVELS).astype(x.dtype, order="C")


def _steps(quality: int) -> NDArray[np.int64]:
    """Scale the table: as it stands at quality 50, all ones at 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((LUMINANCE * percent + 50) // 100, 1, 255)


def _cosines() -> NDArray[np.float64]:
    """Give the orthonormal matrix of the discrete cosine transform; its rows are frequencies."""
    k, i = np.indices((BLOCK, BLOCK))
    return np.sqrt((2 - (k == 0)) / BLOCK) * np.cos(np.pi * k * (2 * i + 1) / (2 * BLOCK))
