"""True deconvolution: filters and iterations that undo a blur."""

from typing import Any

import numpy as np

from deconv_ref import backend
from deconv_ref.arrays import least, on_host
from deconv_ref.checks import check_choice, check_count, in_range, volume
from deconv_ref.errors import ParameterError, message
from deconv_ref.ops.fourier.arguments import boundaries, center_of, check_images, per_channel

__all__ = ["inverse_filter", "richardson_lucy", "wiener"]


def inverse_filter(x: Any, psf: Any, *, threshold: float = 1e-12) -> Any:
    r"""Undo a circular blur by dividing spectra.

    Equation Z4, with Y the spectrum of the blurred image and H that of the point-spread function:

    .. math:: X = Y / H \text{ where } |H| > \theta \max |H|, \text{ else } 0

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Blurred images, float32 or float64, with one to three spatial axes.
    psf : array of shape (*size) or (C, *size)
        Point-spread function for all channels or one for each, of x's dtype; on no axis longer
        than `x`. Its middle is cell ``(size - 1) // 2`` of each axis.
    threshold : float
        Part of the largest :math:`|H|`, from 0: frequencies that the blur left less of are given
        up. The default gives up what only rounding has left.

    Returns
    -------
    array of x's shape
        The restored images.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `fft_convolve` does, and if `threshold` is no number of at least 0.

    See Also
    --------
    wiener : Weighs each frequency by what noise left of it.
    richardson_lucy : For images that are nowhere negative.

    Notes
    -----
    Noise is divided by H as well: with :math:`|H| = 0.001` it comes out a thousand times larger,
    which is why the plain inverse is of no use on measured images. A larger threshold bounds the
    amplification by its inverse, at the price of ripples.

    The blur is taken to be circular, as a spectrum does: after ``fft_convolve(...,
    boundary="circular")`` the restored image is right to rounding times :math:`\max |H| / |H|`.
    After another blur the borders disturb all of it. A NaN or an infinity makes its image NaN.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 5.7.

    Examples
    --------
    Exact where there is no noise; a disturbance of 0.01 comes back a hundred times larger:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, psf = np.array([[[3.0, 1.0, 4.0, 1.0]]]), np.array([0.2475, 0.505, 0.2475])
    >>> blurred = dr.fft_convolve(x, psf, boundary="circular")
    >>> dr.inverse_filter(blurred, psf).round(6)
    array([[[3., 1., 4., 1.]]])
    >>> noise = np.array([[[0.01, -0.01, 0.01, -0.01]]])
    >>> dr.inverse_filter(blurred + noise, psf).round(6)
    array([[[4., 0., 5., 0.]]])
    """
    name = "inverse_filter"
    kernels, x, psf = backend.kernels(name, "fourier", x=x, psf=psf)
    check_images(name, x, psf)
    threshold = in_range(name, "threshold", threshold, 0)
    spread = per_channel(x, psf)
    y = kernels.invert(volume(x), spread, center_of(spread), threshold)
    return y.reshape(x.shape)


def wiener(x: Any, psf: Any, *, balance: float, regularization: str | None = None) -> Any:
    r"""Undo a circular blur where there is noise, by Wiener's filter.

    Equation Z5, with Y the spectrum of the blurred image, H that of the point-spread function and
    K the balance:

    .. math:: X = \frac{H^*}{|H|^2 + K |\Lambda|^2} \, Y

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Blurred images, float32 or float64, with one to three spatial axes.
    psf : array of shape (*size) or (C, *size)
        Point-spread function for all channels or one for each, of x's dtype; on no axis longer
        than `x`. Its middle is cell ``(size - 1) // 2`` of each axis.
    balance : float
        Above 0: the power of the noise over that of the image, or of the image's Laplacian.
    regularization : None or "laplacian"
        None weighs all frequencies alike, :math:`\Lambda = 1`. ``"laplacian"`` punishes roughness:
        :math:`\Lambda` is the spectrum of the discrete Laplacian.

    Returns
    -------
    array of x's shape
        The restored images.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `fft_convolve` does, and if a parameter is out of its range.

    See Also
    --------
    inverse_filter : The limit for a balance of 0.
    richardson_lucy : For images that are nowhere negative.

    Notes
    -----
    No frequency is amplified by more than :math:`1 / (2 \sqrt K)` where :math:`\Lambda` is 1. The
    mean shrinks by :math:`1 / (1 + K)` for a `psf` of sum 1, and is kept with ``"laplacian"``. The
    blur is taken to be circular. A NaN or an infinity makes its image NaN.

    ``skimage.restoration.wiener(x, psf, balance, clip=False)`` is ``"laplacian"`` here, its middle
    of an even size being ``size // 2``; with ``reg`` a unit impulse it is None.

    References
    ----------
    Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949; Hunt,
    "The Application of Constrained Least Squares Estimation to Image Restoration by Digital
    Computer", IEEE Transactions on Computers C-22 (1973), for the Laplacian.

    Examples
    --------
    The noise that `inverse_filter` would have made 1 is hardly seen:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, psf = np.array([[[3.0, 1.0, 1.0, 3.0]]]), np.array([0.2475, 0.505, 0.2475])
    >>> noise = np.array([[[0.01, -0.01, 0.01, -0.01]]])
    >>> blurred = dr.fft_convolve(x, psf, boundary="circular") + noise
    >>> dr.wiener(blurred, psf, balance=0.01, regularization="laplacian").round(2)
    array([[[2.87, 1.13, 1.14, 2.86]]])
    """
    name = "wiener"
    kernels, x, psf = backend.kernels(name, "fourier", x=x, psf=psf)
    check_images(name, x, psf)
    balance = in_range(name, "balance", balance, 0, above=True)
    check_choice(name, "regularization", regularization, (None, "laplacian"))
    spread, images = per_channel(x, psf), volume(x)
    penalty = _roughness(images.shape[2:]) if regularization else np.ones(images.shape[2:])
    return kernels.wiener(images, spread, center_of(spread), balance, penalty).reshape(x.shape)


def richardson_lucy(x: Any, psf: Any, *, iterations: int = 50, boundary: str = "zeros") -> Any:
    r"""Undo a blur of images that are nowhere negative, step by step towards the likeliest.

    Equation Z7. H is convolution with the point-spread function (Z1), its transpose correlation
    (Z2); division is cell by cell, and 0 where the divisor is 0. From :math:`u^0 = 1`,

    .. math:: u^{k+1} = \frac{u^k}{H^T 1} \, H^T \frac{x}{H u^k}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Blurred images, nowhere negative, float32 or float64, with one to three spatial axes.
    psf : array of shape (*size) or (C, *size)
        Point-spread function for all channels or one for each, of x's dtype, nowhere negative and
        not 0 everywhere; on no axis longer than `x`. Its middle is cell ``(size - 1) // 2`` of each
        axis.
    iterations : int
        Number of steps, at least 0. Noise grows with them: stop early.
    boundary : "zeros" or "circular"
        What lies beyond the border: zeros, or the other end of the image.

    Returns
    -------
    array of x's shape
        The restored images, nowhere negative.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `fft_convolve` does, and if a parameter is out of its range or an array has a value
        below 0.

    See Also
    --------
    wiener : Faster, for noise that does not depend on the image.

    Notes
    -----
    Each step keeps the flux: the sum of :math:`u \, H^T 1` is that of x, and so is, with a circular
    boundary and a `psf` of sum 1, the sum of u. Where the likelihood of Poisson counts has a
    maximum, no step lowers it.

    Spectra are in float64, so that what is less than some 1e-14 of the largest value of
    :math:`H u` counts as 0. A NaN or an infinity makes its image NaN.

    ``skimage.restoration.richardson_lucy`` (50 steps) is ``"zeros"``, but does not divide by
    :math:`H^T 1`, which darkens the borders, adds 1e-12 to the divisor, and clips unless
    ``clip=False``. Its start does not matter: the first step forgets a constant.

    References
    ----------
    Richardson, "Bayesian-Based Iterative Method of Image Restoration", JOSA 62 (1972); Lucy, "An
    Iterative Technique for the Rectification of Observed Distributions", Astronomical Journal 79
    (1974).

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, psf = np.array([[[0.0, 0.0, 8.0, 0.0, 0.0]]]), np.array([0.25, 0.5, 0.25])
    >>> blurred = dr.fft_convolve(x, psf, boundary="circular")
    >>> dr.richardson_lucy(blurred, psf, iterations=200, boundary="circular").round(2) + 0.0
    array([[[0., 0., 8., 0., 0.]]])
    """
    name = "richardson_lucy"
    kernels, x, psf = backend.kernels(name, "fourier", x=x, psf=psf)
    check_images(name, x, psf)
    iterations = check_count(name, "iterations", iterations, 0)
    check_choice(name, "boundary", boundary, boundaries)
    spread, images = per_channel(x, psf), volume(x)
    for parameter, array in (("x", x), ("psf", psf)):
        if (value := least(array)) < 0:
            wanted, got = "at least 0 everywhere", f"a least value of {value}"
            remedy = f"Write np.maximum({parameter}, 0)"
            raise ParameterError(message(name, parameter, wanted, got, remedy))
    if (on_host(spread) == 0).all(axis=(1, 2, 3)).any():
        wanted = "above 0 somewhere, in every channel"
        raise ParameterError(message(name, "psf", wanted, "0 everywhere"))
    circular = boundary == "circular"
    y = kernels.richardson_lucy(images, spread, center_of(spread), iterations, circular)
    return y.reshape(x.shape)


def _roughness(size: tuple[int, ...]) -> Any:
    """Evaluate the squared spectrum of the Laplacian, 2 less 2 cos for every axis."""
    axes = [2 - 2 * np.cos(2 * np.pi * np.arange(n) / n) if n > 1 else np.zeros(1) for n in size]
    return (axes[0][:, None, None] + axes[1][:, None] + axes[2]) ** 2
