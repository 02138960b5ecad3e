"""Convolution with a point-spread function, by the convolution theorem."""

from typing import Any

from deconv_ref import backend
from deconv_ref.checks import check_choice, volume
from deconv_ref.ops.fourier.arguments import boundaries, center_of, check_images, per_channel

__all__ = ["fft_convolve"]


def fft_convolve(x: Any, psf: Any, *, boundary: str = "zeros") -> Any:
    r"""Blur images with a point-spread function, channel by channel.

    Equation Z1, in one dimension, with o the middle of the point-spread function; and the
    convolution theorem, by which it is computed:

    .. math::
        y_{n,c,i} = \sum_t h_{c,t} \, x_{n,\,c,\,i + o - t}, \qquad
        y = F^{-1}\{F\{x\} \cdot F\{h\}\}

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Images, float32 or float64, with one to three spatial axes.
    psf : array of shape (*size) or (C, *size)
        Point-spread function for all channels or one for each, of x's dtype; on no axis longer
        than `x`. Its middle is cell ``(size - 1) // 2`` of each axis.
    boundary : "zeros" or "circular"
        What lies beyond the border: zeros, or the other end of the image.

    Returns
    -------
    array of x's shape
        The blurred images ("same" as SciPy calls it).

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes do not fit each other, or `psf` is larger than `x`.
    ParameterError
        If `boundary` is another.

    See Also
    --------
    wiener : Undoes it where there is noise.
    conv : Convolution of channels with a bank of kernels.

    Notes
    -----
    This is convolution as mathematics has it: `psf` is the image of a point. The documents' E1
    transforms the spectrum of one factor only and the image of the other; a product of two spectra
    is meant, and undoing the blur divides by one.

    Spectra are in float64. Rounding is proportional to the whole image, so that a result that
    should be 0 is some 1e-16 of the largest; and other than the sums of `conv` it may differ in
    its last bits between processors. An image with a NaN or an infinity is summed as in Z1, so
    that it goes no farther than `psf` reaches.

    ``scipy.signal.fftconvolve(x, psf, mode="same")`` is this with ``"zeros"``;
    ``scipy.ndimage.convolve(..., mode="wrap")`` with ``"circular"``, but its middle of an even size
    is ``size // 2``.

    Examples
    --------
    A point at the left border, and what is blurred over it:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, psf = np.array([[[8.0, 0.0, 0.0, 0.0]]]), np.array([0.5, 0.25, 0.125])
    >>> dr.fft_convolve(x, psf).round(6) + 0.0
    array([[[2., 1., 0., 0.]]])
    >>> dr.fft_convolve(x, psf, boundary="circular").round(6) + 0.0
    array([[[2., 1., 0., 4.]]])
    """
    name = "fft_convolve"
    kernels, x, psf = backend.kernels(name, "fourier", x=x, psf=psf)
    check_images(name, x, psf)
    check_choice(name, "boundary", boundary, boundaries)
    spread = per_channel(x, psf)
    y = kernels.convolve(volume(x), spread, center_of(spread), boundary == "circular")
    return y.reshape(x.shape)
