"""The CPU kernels of the frequency domain: spectra by SciPy, in float64 whatever the images are.

Images are ``(N, C, D, H, W)`` and point-spread functions ``(C, R, S, T)``, with any strides, and
may be read-only. Items of the batch are transformed one by one, by one thread each.
"""

import numpy as np
from scipy import fft

from deconv_ref import threads
from deconv_ref.ops.fourier import literal

__all__ = ["convolve", "invert", "richardson_lucy", "wiener"]

AXES = (1, 2, 3)
COST = 50  # a cell costs about as much as moving this many
NOISE = 2.0**-48  # of the largest value: what a transform may leave where there is nothing


def convolve(x, psf, center, circular):
    """Evaluate the convolution (Z1) as a product of spectra.

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Images.
    psf : numpy.ndarray of shape (C, R, S, T)
        Point-spread functions, no larger than the images.
    center : tuple of int
        Cell of `psf` that stays in place.
    circular : bool
        Whether images go on with their other end, or with zeros.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        Of the dtype of `x`.
    """
    if not (np.isfinite(x).all() and np.isfinite(psf).all()):
        return literal.convolve(x, psf, center, circular)  # spectra would spread them everywhere
    blur = Blur(psf, center, x.shape[2:], circular)
    below = psf.min(axis=AXES, keepdims=True) < 0

    def convolved(image):
        y = blur.forward(image)
        either = below | (image.min(axis=AXES, keepdims=True) < 0)
        return np.where(either, y, positive(y))

    return each(x, convolved)


def invert(x, psf, center, threshold):
    """Evaluate the inverse filter (Z4).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Images.
    psf : numpy.ndarray of shape (C, R, S, T)
        Point-spread functions, no larger than the images.
    center : tuple of int
        Cell of `psf` that stays in place.
    threshold : float
        What is divided by is larger than this part of its largest.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        Of the dtype of `x`.
    """
    blur = Blur(psf, center, x.shape[2:], circular=True)
    size = np.abs(blur.transfer)
    kept = size > threshold * size.max(axis=AXES, keepdims=True)
    kept |= np.isnan(size)
    inverse = np.divide(1, blur.transfer, out=np.zeros_like(blur.transfer), where=kept)
    return each(x, lambda image: blur.filtered(image, inverse))


def wiener(x, psf, center, balance, penalty):
    """Evaluate the Wiener filter (Z5).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Images.
    psf : numpy.ndarray of shape (C, R, S, T)
        Point-spread functions, no larger than the images.
    center : tuple of int
        Cell of `psf` that stays in place.
    balance : float
        What the penalty weighs.
    penalty : numpy.ndarray of shape (D, H, W)
        At every frequency.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        Of the dtype of `x`.
    """
    blur = Blur(psf, center, x.shape[2:], circular=True)
    power = blur.transfer.real**2 + blur.transfer.imag**2
    below = power + balance * penalty[:, :, : power.shape[-1]]
    above = blur.transfer.conj()
    inverse = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return each(x, lambda image: blur.filtered(image, inverse))


def richardson_lucy(x, psf, center, iterations, circular):
    """Evaluate so many steps of Richardson and Lucy (Z7).

    Parameters
    ----------
    x : numpy.ndarray of shape (N, C, D, H, W)
        Images, nowhere negative.
    psf : numpy.ndarray of shape (C, R, S, T)
        Point-spread functions, nowhere negative, no larger than the images.
    center : tuple of int
        Cell of `psf` that stays in place.
    iterations : int
        Number of steps.
    circular : bool
        Whether images go on with their other end, or with zeros.

    Returns
    -------
    numpy.ndarray of shape (N, C, D, H, W)
        Of the dtype of `x`.
    """
    blur = Blur(psf, center, x.shape[2:], circular)
    weight = positive(blur.adjoint(np.ones((len(psf), *x.shape[2:]))))

    def restored(image):
        estimate = np.ones(image.shape)
        for _ in range(iterations):
            model = positive(blur.forward(estimate))
            estimate *= positive(blur.adjoint(quotient(image, model)))
            estimate = quotient(estimate, weight)
        return estimate

    return each(x, restored)


class Blur:
    """Convolution with point-spread functions, as a product of spectra.

    Parameters
    ----------
    psf : numpy.ndarray of shape (C, R, S, T)
        Point-spread functions.
    center : tuple of int
        Cell of `psf` that stays in place.
    size : tuple of int
        Spatial size of the images.
    circular : bool
        Without it, there is room for zeros as far as the point-spread function reaches.
    """

    def __init__(self, psf, center, size, circular):
        self.size = self.room = size
        if not circular:
            reached = (n + k - 1 for n, k in zip(size, psf.shape[1:], strict=True))
            self.room = tuple(fft.next_fast_len(n, real=True) for n in reached)
        placed = np.zeros((len(psf), *self.room))
        placed[:, : psf.shape[1], : psf.shape[2], : psf.shape[3]] = psf
        placed = np.roll(placed, [-at for at in center], AXES)
        self.transfer = fft.rfftn(placed, axes=AXES)

    def forward(self, images):
        """Convolve (C, D, H, W)."""
        return self.filtered(images, self.transfer)

    def adjoint(self, images):
        """Apply the adjoint."""
        return self.filtered(images, self.transfer.conj())

    def filtered(self, images, factor):
        """Multiply the spectra by a factor."""
        spectrum = fft.rfftn(images, self.room, axes=AXES)
        spectrum *= factor
        depth, height, width = self.size
        return fft.irfftn(spectrum, self.room, axes=AXES)[:, :depth, :height, :width]


def each(x, function):
    """Apply a function of (C, D, H, W) to every item of the batch, in float64."""
    y = np.empty(x.shape, x.dtype)

    def item(n):
        with np.errstate(all="ignore"):  # NaN and infinities go where they go, silently
            y[n] = function(x[n].astype(np.float64, subok=False))

    threads.each(item, len(x), COST * x.size)
    return y


def positive(images):
    """Put 0 where rounding left less: sums of what is not negative are not."""
    return np.maximum(images, 0)


def quotient(above, below):
    """Divide, giving 0 where the divisor is no more than what rounding leaves (Z6)."""
    nothing = below <= NOISE * below.max(axis=AXES, keepdims=True)
    return np.divide(above, below, out=np.zeros_like(above), where=~nothing)
