"""How scikit-image spells our operators: `skimage.metrics` and `skimage.restoration`.

===============  ================================================================================
ours             scikit-image, one channel at a time
===============  ================================================================================
ssim             ``structural_similarity(x, y, gaussian_weights=True, sigma=1.5,
                 use_sample_covariance=False, data_range=..., K1=..., K2=...)`` is "gaussian"; the
                 window of None, the whole image, is not offered
ssim_loss        absent: ``gradient=True`` approximates
wiener           ``wiener(x, psf, balance, clip=False)`` is "laplacian"; with ``reg`` a unit impulse
                 it is None. The middle of an even size is ``size // 2``, one cell later than
                 ours: the result is rolled back by it. Axes have three cells at least
richardson_lucy  absent: the borders are not weighed by the light that they lost
inverse_filter   absent, as is fft_convolve
===============  ================================================================================
"""

from importlib.metadata import version

import numpy as np
from skimage import metrics, restoration

NAME = "skimage"
VERSION = version("scikit-image")

DIFFERENCES: dict[str, str] = {
    "richardson_lucy": "does not divide by the transposed blur of ones, which darkens borders",
    "ssim_loss": "the gradient is an approximation",
}
"""What scikit-image does otherwise, by design."""


def unsupported(op, parameters):
    """Say what scikit-image does not offer."""
    if op == "ssim" and parameters["window"] is None:
        return "there is no window of the whole image"
    return None


def ssim(x, y, *, data_range, window, k1=0.01, k2=0.03):
    """Average the similarity of the channels."""
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    settings |= {"data_range": data_range, "K1": k1, "K2": k2}
    pairs = zip(_channels(x), _channels(y), strict=True)
    values = [metrics.structural_similarity(*pair, **settings) for pair in pairs]
    return np.asarray(np.mean(values), x.dtype)


def wiener(x, psf, *, balance, regularization):
    """Restore channel by channel."""
    axes = x.ndim - 2
    psf = np.broadcast_to(psf, (x.shape[1], *psf.shape[-axes:]))
    reg = None if regularization == "laplacian" else np.ones((1,) * axes, x.dtype)
    later = [k // 2 - (k - 1) // 2 for k in psf.shape[1:]]
    y = np.empty(x.shape, x.dtype)
    for n, c in np.ndindex(x.shape[:2]):
        restored = restoration.wiener(x[n, c], psf[c], balance, reg, clip=False)
        y[n, c] = np.roll(restored, [-cells for cells in later], range(axes))
    return y


def _channels(x):
    return x.reshape(-1, *x.shape[2:])
