"""FSRCNN on Set5, with the weights that its authors released: ``python -m benchmarks.fsrcnn``.

Prints a Markdown table of mean peak signal-to-noise ratios, as the paper's: of luma, rounded to
uint8, without a border as wide as the scale.

C. Dong, C. C. Loy, X. Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV
2016. Neither images nor weights come with deconv_ref.
"""

import argparse
import math
import statistics
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import numpy as np

import deconv_ref.nn as nn
from deconv_ref.imaging import imresize, list_images, modcrop, psnr, read_image, rgb2ycbcr
from deconv_ref.imaging.levels import as_integers

SCALES = (2, 3, 4)
NETWORKS = ("FSRCNN", "FSRCNN-s")
DATA = Path("../shared/data")

Upscaler = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fsrcnn", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of Set5, fsrcnn_weights")
    data = parser.parse_args().data
    for folder in (data / "Set5", data / "fsrcnn_weights"):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    print("| PSNR on Set5 | " + " | ".join(f"x{scale}" for scale in SCALES) + " |")
    print("|---|" + "---|" * len(SCALES))
    for name in ("bicubic", *NETWORKS):
        means = (mean_psnr(data / "Set5", upscaler(name, data, scale), scale) for scale in SCALES)
        print(f"| {name} | " + " | ".join(f"{mean:.2f} dB" for mean in means) + " |", flush=True)


def upscaler(name: str, data: Path, scale: int) -> Upscaler:
    """Make a function of luma (1, H, W), from 0 to 1."""
    if name == "bicubic":
        return lambda x: imresize(x, scale)
    network = build_fsrcnn(data / "fsrcnn_weights" / f"{name}_x{scale}.mat", scale)
    return lambda x: network.predict(x[None].astype(np.float32))[0]


def mean_psnr(folder: Path, upscale: Upscaler, scale: int) -> float:
    """Shrink the images of a folder, enlarge them again, and compare."""
    ratios = []
    for path in list_images(folder):
        luma = modcrop(rgb2ycbcr(read_image(path, integers=True))[:1], scale)
        restored = upscale(imresize(luma / 255.0, 1 / scale))
        ratios.append(psnr(as_integers(restored), luma, border=scale))
    return statistics.fmean(ratios)


def build_fsrcnn(path: Path, scale: int) -> nn.Sequential:
    """Build the network of a file of weights: convolutions, and a transposed one at the end."""
    weights, biases, slopes = read_weights(path)
    *convolutions, last = weights
    layers: list[nn.Layer] = []
    for weight in convolutions:
        filters, _, *kernel = weight.shape
        layers += [
            nn.Conv(filters, kernel, padding="same", padding_mode="replicate"),
            nn.Prelu(shared=True),
        ]
    _, filters, k, _ = last.shape
    # Cut off the replicated pixel too. The weights for x3 put their result one pixel early.
    before = k // 2 + scale - (scale == 3)
    crop = (before, k + scale - before)
    layers += [
        nn.Pad(1, mode="replicate"),
        nn.ConvTranspose(filters, k, stride=scale, padding=(crop, crop)),
    ]
    network = nn.Sequential(layers)
    network.build((1, k, k))
    arrays = (array for layer in zip_longest(weights, biases, slopes) for array in layer)
    network.set_weights(
        dict(zip(network.parameters, arrays, strict=False))
    )  # the last has no slope
    return network


def read_weights(path: Path) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Read the weights, biases and slopes of all layers, as layers of deconv_ref have them."""
    from scipy.io import loadmat

    content = loadmat(path)
    weights = [kernels(cell) for cell in content["weights_conv"].flat]
    biases = [cell.ravel() for cell in content["biases_conv"].flat]
    slopes = [cell.ravel() for cell in content["prelu_conv"].flat if cell.size]
    return weights, biases, slopes


def kernels(cell: np.ndarray) -> np.ndarray:
    """Turn (inner, k * k, outer), MATLAB's kernels column by column, into (outer, inner, k, k)."""
    inner, taps, outer = cell.shape
    k = math.isqrt(taps)
    return cell.astype(np.float32).transpose(2, 0, 1).reshape(outer, inner, k, k).swapaxes(2, 3)


if __name__ == "__main__":
    main()
