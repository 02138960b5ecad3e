"""Scikit-image: functions of `skimage.metrics` and `skimage.restoration`.

They take one channel at a time. There are no gradients.
"""

from importlib.metadata import version

import numpy as np
from skimage import metrics, restoration

from deconv_ref.conformance.frameworks._difference import Difference

NAME = "skimage"
VERSION = version("scikit-image")

DIFFERENCES: dict[str, list[Difference]] = {
    "richardson_lucy": [
        Difference("does not divide by the transposed blur of ones, which darkens borders")
    ],
    "ssim_loss": [Difference("the gradient is an approximation")],
    "wiener": [
        Difference(
            "an axis has three cells at least",
            lambda x, psf, **_: np.inf if min(x.shape[2:]) < 3 else 0.0,
        )
    ],
}
"""What scikit-image does otherwise, by design."""

SPELLINGS: dict[str, str] = {
    "ssim": "`structural_similarity`; with `use_sample_covariance=False`; the mean of the channels",
    "ssim.x": "`im1`",
    "ssim.y": "`im2`",
    "ssim.window=None": "not offered; the whole image is no window of it",
    "ssim.window": "`gaussian_weights`, `sigma`",
    'ssim.window="gaussian"': "True and 1.5",
    "ssim.k1": "`K1`",
    "ssim.k2": "`K2`",
    "ssim_loss": "`gradient=True` approximates",
    "wiener": "`wiener`; with `clip=False`. The middle of an even size is `size // 2`, one cell "
    "later than ours: the result is rolled back by it. Axes have three cells at least",
    "wiener.x": "`image`",
    "wiener.regularization": "`reg`",
    "wiener.regularization=None": "a unit impulse",
    'wiener.regularization="laplacian"': "None",
    "richardson_lucy": "the borders are not weighed by the light that they lost",
}


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
