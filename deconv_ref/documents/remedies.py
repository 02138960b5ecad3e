"""What helps against the troubles that the documents name, each with its effect as a number."""

from typing import Any

import numpy as np

import deconv_ref as dr
from deconv_ref import nn

__all__ = [
    "border_level",
    "checkerboard",
    "errors_on_other_images",
    "overlaps",
    "restoration_errors",
    "signal_after",
]


def border_level(*layers: nn.Layer) -> float:
    """Measure how much darker layers make the border of an image that is 1 everywhere.

    Blurred borders, E-t1: beyond the border there are zeros, and what reaches over it sums less.
    The remedy is to repeat the outermost pixels.

    Parameters
    ----------
    *layers : Layer
        The layers, for an image (1, 12, 12).

    Returns
    -------
    float
        The value farthest below that in the middle, as a part of it: 1 where there is no loss.

    Examples
    --------
    A blur, and a twofold enlargement:

    >>> blur = {"padding": "same", "weight_initializer": nn.Constant(1 / 9)}
    >>> round(border_level(nn.Conv(1, 3, **blur)), 4)
    0.4444
    >>> round(border_level(nn.Conv(1, 3, **blur, padding_mode="replicate")), 4)
    1.0
    >>> border_level(nn.ConvTranspose(1, 4, 2, 1, weight_initializer="bilinear"))
    0.5625
    >>> bilinear = nn.ConvTranspose(1, 4, 2, 3, weight_initializer="bilinear")
    >>> border_level(nn.Pad(1, mode="replicate"), bilinear)
    1.0
    """
    y = _of_ones(layers)[0, 0]
    return float(y.min() / y[y.shape[0] // 2, y.shape[1] // 2])


def overlaps(kernel_size: int, stride: int) -> Any:
    """Count the taps that a transposed convolution lays on each pixel, away from the border.

    Checkerboards, B-t1: where the kernel is no multiple of the stride, pixels get different
    numbers of taps in turn.

    Parameters
    ----------
    kernel_size, stride : int
        The same on both axes.

    Returns
    -------
    array of int64, (stride, stride)
        The numbers, which repeat with the stride.

    References
    ----------
    Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", Distill, 2016.

    Examples
    --------
    >>> overlaps(3, 2)
    array([[4, 2],
           [2, 1]])
    >>> overlaps(5, 2)
    array([[9, 6],
           [6, 4]])
    >>> overlaps(4, 2)
    array([[4, 4],
           [4, 4]])
    """
    cells = -(-kernel_size // stride)  # of the input, that a pixel can see
    ones = np.ones((1, 1, 2 * cells + 1, 2 * cells + 1))
    counts = dr.conv_transpose(ones, np.ones((1, 1, kernel_size, kernel_size)), stride=stride)
    inside = slice(cells * stride, (cells + 1) * stride)
    return counts[0, 0, inside, inside].astype(np.int64)


def checkerboard(*layers: nn.Layer) -> float:
    """Measure the pattern that layers draw on an image that is 1 everywhere.

    Checkerboards, B-t1: even with a kernel that is a multiple of the stride, random weights add up
    differently on neighbouring pixels. Remedies: a `Bilinear` start, a `PixelShuffle` that starts
    from `Icnr`, or `Upsample` before a convolution, which never draws one.

    Parameters
    ----------
    *layers : Layer
        The layers, for an image (1, 12, 12); each gets its weights by its place and seed 0.

    Returns
    -------
    float
        Difference of the largest and the least value away from the border, over the largest
        magnitude.

    Examples
    --------
    >>> 0.1 < checkerboard(nn.ConvTranspose(1, 4, 2, 1))
    True
    >>> checkerboard(nn.ConvTranspose(1, 4, 2, 1, weight_initializer="bilinear"))
    0.0
    >>> 0.1 < checkerboard(nn.Conv(4, 3), nn.PixelShuffle(2))
    True
    >>> checkerboard(nn.Conv(4, 3, weight_initializer=nn.Icnr(2)), nn.PixelShuffle(2))
    0.0
    >>> checkerboard(nn.Upsample(2), nn.Conv(1, 3))
    0.0
    """
    y = _of_ones(layers)[0, 0, 4:-4, 4:-4]
    return float(np.ptp(y) / abs(y).max())


def restoration_errors(noise: float = 0.01, *, seed: int = 0) -> dict[str, float]:
    """Measure what three ways to undo a blur make of noise.

    Poor noise resistance, E-t2: the inverse filter divides the noise, too, by a spectrum that is
    near 0. `deconv_ref.wiener` weighs each frequency by what the noise left of it, and
    `deconv_ref.richardson_lucy` stops some steps on the way to the likeliest image.

    Parameters
    ----------
    noise : float
        Standard deviation of the noise, above 0; the image has levels 0, 1 and 2.
    seed : int
        What the noise depends on.

    Returns
    -------
    dict of str to float
        Root mean square errors of the blurred image and of what the three filters make of it.

    Examples
    --------
    >>> for name, error in restoration_errors().items():
    ...     print(f"{name:16} {error:.2g}")
    blurred          0.23
    inverse_filter   1.2e+04
    wiener           0.16
    richardson_lucy  0.16
    """
    x = np.zeros((1, 1, 48, 40))
    x[..., 10:30, 12:25], x[..., 35:38, 5:30] = 1, 2
    rows, columns = np.indices((9, 9)) - 4
    psf = np.exp(-(rows**2 + columns**2) / 4.5)
    psf /= psf.sum()
    blurred = dr.fft_convolve(x, psf, boundary="circular")
    noisy = blurred + noise * np.random.default_rng(seed).standard_normal(x.shape)
    balance = noise**2 / float(np.mean(x**2))
    positive = np.maximum(noisy, 0)
    images = {
        "blurred": noisy,
        "inverse_filter": dr.inverse_filter(noisy, psf),
        "wiener": dr.wiener(noisy, psf, balance=balance),
        "richardson_lucy": dr.richardson_lucy(positive, psf, iterations=30, boundary="circular"),
    }
    return {name: float(np.sqrt(np.mean((image - x) ** 2))) for name, image in images.items()}


def signal_after(initializer: Any, layers: int = 20) -> float:
    """Measure what is left of a signal after so many convolutions with ReLU.

    Instability, A-t2: with weights too small signals and gradients die out from layer to layer,
    with weights too large they explode. `HeNormal` and `HeUniform` keep them level.

    Parameters
    ----------
    initializer : Initializer or str
        What the weights start from.
    layers : int
        How many convolutions, 3x3 from 16 channels to 16.

    Returns
    -------
    float
        Root mean square of the last result over that of the input.

    Examples
    --------
    >>> 0.1 < signal_after("he_normal") < 10
    True
    >>> signal_after(nn.Normal(deviation=0.05)) < 1e-6
    True
    >>> signal_after(nn.Normal(deviation=0.2)) > 1000
    True
    """
    options = {"padding": "same", "padding_mode": "circular", "weight_initializer": initializer}
    pairs = [(nn.Conv(16, 3, **options), nn.Relu()) for _ in range(layers)]
    x = np.random.default_rng(0).normal(size=(1, 16, 8, 8))
    y = nn.Sequential([layer for pair in pairs for layer in pair], dtype="float64").predict(x)
    return float(np.sqrt(np.mean(y**2) / np.mean(x**2)))


def errors_on_other_images(penalty: nn.Penalty | None) -> tuple[float, float]:
    """Learn a kernel from one noisy image, and measure its errors on this and on others.

    Generalization, A-t3: 49 taps learned from 64 noisy pixels learn the noise as well. `L1` and
    `L2`, which document B names, hold them back.

    Parameters
    ----------
    penalty : Penalty or None
        What the taps add to the loss.

    Returns
    -------
    tuple of two floats
        Mean squared errors on the image learned from, and on eight others without noise.

    Examples
    --------
    >>> [round(error, 2) for error in errors_on_other_images(None)]
    [0.02, 0.78]
    >>> [round(error, 2) for error in errors_on_other_images(nn.L2(0.05))]
    [0.04, 0.36]
    >>> [round(error, 2) for error in errors_on_other_images(nn.L1(0.03))]
    [0.07, 0.2]
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(9, 1, 8, 8))
    kernel = np.array([[[[0.0, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.1, 0.0]]]])
    target = dr.conv_transpose(x, kernel, padding="same")
    target[:1] += 0.5 * random.normal(size=(1, 1, 8, 8))
    model = nn.Sequential(
        [nn.ConvTranspose(1, 7, padding="same", use_bias=False, weight_penalty=penalty)],
        dtype="float64",
    )
    model.compile(nn.SGD(0.1), "mse")
    for _ in range(300):
        model.train_step(x[:1], target[:1])
    y = model.predict(x)
    return float(dr.mse(y[:1], target[:1])), float(dr.mse(y[1:], target[1:]))


def _of_ones(layers: tuple[nn.Layer, ...]) -> Any:
    return nn.Sequential(layers, dtype="float64").predict(np.ones((1, 1, 12, 12)))
