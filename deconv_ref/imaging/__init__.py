"""Image files, degradations, metrics and tiling, on NumPy and Pillow.

An image is an array ``(C, H, W)``, as an operator's batch without its batch axis; most functions
take ``(..., C, H, W)``, whole batches too. Floats run from 0, black, to 1, white.
"""

from deconv_ref.imaging.colour import rgb2ycbcr, ycbcr2rgb
from deconv_ref.imaging.degrade import (
    Holed,
    change_contrast,
    cut_holes,
    darken,
    downsample,
    gaussian_blur,
    gaussian_noise,
    salt_and_pepper,
)
from deconv_ref.imaging.files import list_images, read_image, write_image
from deconv_ref.imaging.idx import read_idx
from deconv_ref.imaging.jpeg import jpeg_quantize
from deconv_ref.imaging.metrics import Comparison, compare, psnr
from deconv_ref.imaging.resize import imresize, modcrop
from deconv_ref.imaging.tiling import apply_tiled

__all__ = [
    "Comparison",
    "Holed",
    "apply_tiled",
    "change_contrast",
    "compare",
    "cut_holes",
    "darken",
    "downsample",
    "gaussian_blur",
    "gaussian_noise",
    "imresize",
    "jpeg_quantize",
    "list_images",
    "modcrop",
    "psnr",
    "read_idx",
    "read_image",
    "rgb2ycbcr",
    "salt_and_pepper",
    "write_image",
    "ycbcr2rgb",
]
