"""What happens to images before somebody restores them; all chance comes from a generator."""

from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deconv_ref.checks import check_count, in_range
from deconv_ref.errors import ParameterError, message
from deconv_ref.imaging.arguments import check_generator, check_images
from deconv_ref.imaging.resize import imresize, mirrored, modcrop, weighted_cells

__all__ = [
    "Holed",
    "change_contrast",
    "cut_holes",
    "darken",
    "downsample",
    "gaussian_blur",
    "gaussian_noise",
    "salt_and_pepper",
]

Image = NDArray[Any]


class Holed(NamedTuple):
    """Images with holes, and where the holes are."""

    image: Image
    mask: NDArray[np.bool_]


def downsample(x: Any, factor: int) -> Image:
    r"""Make the low-resolution image of which super-resolution starts.

    .. math:: y = \mathrm{imresize}(\mathrm{modcrop}(x, f), 1 / f)

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images, float32 or float64.
    factor : int
        How many cells become one, at least 1.

    Returns
    -------
    array of shape (..., C, H // factor, W // factor)
        The small images, by the antialiased bicubic kernel.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `modcrop` and `imresize` do.

    See Also
    --------
    imresize : Also enlarges: ``imresize(x, factor)``.

    Examples
    --------
    >>> import numpy as np
    >>> downsample(np.ones((3, 50, 71)), 3).shape
    (3, 16, 23)
    """
    check_images("downsample", x=x)
    factor = check_count("downsample", "factor", factor, 1)
    cropped = modcrop(x, factor)
    rows, columns = cropped.shape[-2:]
    return imresize(cropped, output_size=(rows // factor, columns // factor))


def gaussian_noise(x: Any, sigma: float, rng: np.random.Generator) -> Image:
    r"""Add white Gaussian noise.

    .. math:: y = x + \sigma \varepsilon, \quad \varepsilon \sim \mathcal N(0, 1)

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images, float32 or float64.
    sigma : float
        Standard deviation of the noise, in units of `x`, at least 0. The "25" of denoising papers
        is ``25 / 255`` on images from 0 to 1.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    array of x's shape and dtype
        The noisy images, not clipped: clipping would give the noise a mean.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    See Also
    --------
    salt_and_pepper : Noise that replaces pixels.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros((1, 100, 100))
    >>> round(float(gaussian_noise(x, 0.1, np.random.default_rng(0)).std()), 2)
    0.1
    """
    check_images("gaussian_noise", x=x)
    sigma = in_range("gaussian_noise", "sigma", sigma, 0)
    check_generator("gaussian_noise", rng)
    return (np.asarray(x) + sigma * rng.standard_normal(x.shape)).astype(x.dtype, order="C")


def salt_and_pepper(x: Any, amount: float, rng: np.random.Generator) -> Image:
    r"""Replace pixels by black and white ones.

    Each pixel, in all its channels at once, with p the amount:

    .. math::
        y = 0, \; 1, \; x \quad \text{with probability} \quad p / 2, \; p / 2, \; 1 - p

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images from 0 to 1, float32 or float64.
    amount : float
        Probability from 0 to 1 that a pixel is replaced.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    array of x's shape and dtype
        The images with their black and white pixels.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    See Also
    --------
    gaussian_noise : Noise that is added.

    Notes
    -----
    ``skimage.util.random_noise(mode="s&p")`` draws anew for each channel, which makes pixels
    coloured.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.full((3, 100, 100), 0.5)
    >>> y = salt_and_pepper(x, 0.2, np.random.default_rng(0))
    >>> [round(float((y == value).mean()), 1) for value in (0.0, 0.5, 1.0)]
    [0.1, 0.8, 0.1]
    """
    check_images("salt_and_pepper", x=x)
    amount = in_range("salt_and_pepper", "amount", amount, 0, 1)
    check_generator("salt_and_pepper", rng)
    chance = rng.random((*x.shape[:-3], 1, *x.shape[-2:]))
    y = np.select([chance < amount / 2, chance < amount], [0.0, 1.0], x)
    return y.astype(x.dtype, order="C")


def gaussian_blur(x: Any, sigma: float) -> Image:
    r"""Blur images with a Gaussian.

    One axis after the other, x mirrored at its borders, edges repeated, and r the radius:

    .. math:: y_o = \sum_{t=-r}^{r} w_t \, x_{o+t}, \quad
        w_t \propto e^{-t^2 / 2 \sigma^2}, \quad \sum_t w_t = 1, \quad r = \lceil 4 \sigma \rceil

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images, float32 or float64.
    sigma : float
        Standard deviation of the Gaussian in cells, above 0.

    Returns
    -------
    array of x's shape and dtype
        The blurred images.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    See Also
    --------
    deconv_ref.wiener : Undoes a blur.

    Notes
    -----
    ``scipy.ndimage.gaussian_filter`` has the same borders and, where 4 sigma is whole, the same
    radius.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_blur(np.array([[[0.0, 0.0, 1.0, 0.0, 0.0]]]), 0.5).round(3)
    array([[[0.   , 0.106, 0.787, 0.106, 0.   ]]])
    """
    check_images("gaussian_blur", x=x)
    sigma = in_range("gaussian_blur", "sigma", sigma, 0, above=True)
    radius = ceil(4 * sigma)
    taps = np.arange(-radius, radius + 1)[:, None]
    weights = np.exp(-0.5 * (taps / sigma) ** 2)
    weights /= weights.sum()
    y = np.asarray(x, np.float64)
    for axis in (-2, -1):
        n = x.shape[axis]
        y = weighted_cells(y, mirrored(np.arange(n) + taps, n), weights, axis=axis)
    return y.astype(x.dtype, order="C")


def change_contrast(x: Any, factor: float) -> Image:
    r"""Draw all values towards middle grey, or away from it.

    .. math:: y = \tfrac12 + \mathrm{factor} \, (x - \tfrac12)

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images from 0 to 1, float32 or float64.
    factor : float
        At least 0: below 1 flattens, 1 leaves as it is, above 1 steepens.

    Returns
    -------
    array of x's shape and dtype
        The images, clipped to 0 and 1.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    See Also
    --------
    darken : Draws all values towards black.

    Examples
    --------
    >>> import numpy as np
    >>> change_contrast(np.array([[[0.0, 0.5, 1.0]]]), 0.5)
    array([[[0.25, 0.5 , 0.75]]])
    """
    check_images("change_contrast", x=x)
    factor = in_range("change_contrast", "factor", factor, 0)
    y = np.clip(0.5 + factor * (np.asarray(x, np.float64) - 0.5), 0, 1)
    return y.astype(x.dtype, order="C")


def darken(x: Any, factor: float, *, gamma: float = 1.0) -> Image:
    r"""Draw all values towards black, as too little light does.

    .. math:: y = \mathrm{factor} \; x^\gamma

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images from 0 to 1, float32 or float64.
    factor : float
        From 0 to 1: what becomes of white.
    gamma : float
        Above 0; above 1 darkens the middle more than the ends.

    Returns
    -------
    array of x's shape and dtype
        The dark images.

    Raises
    ------
    DTypeError, ShapeError
        If `x` is not float32 or float64, or has another layout.
    ParameterError
        If `x` has values below 0, or a parameter is out of its range.

    See Also
    --------
    change_contrast : Draws all values towards grey.

    Examples
    --------
    >>> import numpy as np
    >>> darken(np.array([[[0.0, 0.5, 1.0]]]), 0.5, gamma=2)
    array([[[0.   , 0.125, 0.5  ]]])
    """
    check_images("darken", x=x)
    factor = in_range("darken", "factor", factor, 0, 1)
    gamma = in_range("darken", "gamma", gamma, 0, above=True)
    if (x < 0).any():
        raise ParameterError(message("darken", "x", "nowhere negative", f"a minimum of {x.min()}"))
    values = np.array(x, np.float64, order="C")  # NumPy rounds powers by layout
    return (factor * values**gamma).astype(x.dtype)


def cut_holes(
    x: Any, count: int, side: int, rng: np.random.Generator, *, fill: float = 0.0
) -> Holed:
    r"""Cut square holes, each of its own place, and tell where they are.

    .. math:: y = \text{fill where } m, \quad x \text{ elsewhere}

    Parameters
    ----------
    x : array of shape (..., C, H, W)
        Images, float32 or float64. Each of a batch gets its own holes.
    count : int
        Holes in each image, at least 0; they may overlap.
    side : int
        Rows and columns of a hole, from 1 to the smaller of H and W.
    rng : numpy.random.Generator
        The source of chance. Every place where a hole fits whole is as likely.
    fill : float
        The value in the holes.

    Returns
    -------
    Holed
        ``image``, of x's shape and dtype, and ``mask``, bool of shape ``(..., 1, H, W)``, true in
        the holes.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument is of another kind or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> holed = cut_holes(np.ones((3, 8, 9)), 1, 2, np.random.default_rng(0))
    >>> int(holed.mask.sum()), float(holed.image.sum())
    (4, 204.0)
    """
    check_images("cut_holes", x=x)
    count, side = (
        check_count("cut_holes", name, value, least)
        for name, value, least in (("count", count, 0), ("side", side, 1))
    )
    fill = in_range("cut_holes", "fill", fill)
    check_generator("cut_holes", rng)
    rows, columns = x.shape[-2:]
    if side > min(rows, columns):
        wanted = f"at most {min(rows, columns)}, the smaller side of x"
        raise ParameterError(message("cut_holes", "side", wanted, side))
    mask = np.zeros((*x.shape[:-3], 1, rows, columns), np.bool_)
    for one in mask.reshape(-1, rows, columns):
        tops, lefts = (rng.integers(0, n - side + 1, count) for n in (rows, columns))
        for top, left in zip(tops, lefts, strict=True):
            one[top : top + side, left : left + side] = True
    image = np.array(x, order="C", subok=False)
    np.copyto(image, fill, where=mask)
    return Holed(image, mask)
