"""What no public function of images takes for an image."""

import numpy as np
import pytest

from deconv_ref import imaging
from deconv_ref.errors import DTypeError, ParameterError
from deconv_ref.imaging.levels import as_integers

X = np.zeros((1, 16, 16))
FUNCTIONS = {
    "apply_tiled": lambda x: imaging.apply_tiled(lambda tile: tile, x, tile=8, overlap=0),
    "change_contrast": lambda x: imaging.change_contrast(x, 0.5),
    "compare": lambda x: imaging.compare(X, x),
    "cut_holes": lambda x: imaging.cut_holes(x, 1, 1, np.random.default_rng(0)),
    "darken": lambda x: imaging.darken(x, 0.5),
    "downsample": lambda x: imaging.downsample(x, 2),
    "gaussian_blur": lambda x: imaging.gaussian_blur(x, 1),
    "gaussian_noise": lambda x: imaging.gaussian_noise(x, 0.1, np.random.default_rng(0)),
    "imresize": lambda x: imaging.imresize(x, 2),
    "jpeg_quantize": lambda x: imaging.jpeg_quantize(x, 50),
    "modcrop": lambda x: imaging.modcrop(x, 2),
    "psnr": lambda x: imaging.psnr(x, X),
    "rgb2ycbcr": lambda x: imaging.rgb2ycbcr(x),
    "salt_and_pepper": lambda x: imaging.salt_and_pepper(x, 0.1, np.random.default_rng(0)),
    "write_image": lambda x: imaging.write_image("never.png", x),
    "ycbcr2rgb": lambda x: imaging.ycbcr2rgb(x),
}
MISTAKEN = {  # for what memory holds: of the one some is hidden, the other has two axes for ever
    "MaskedArray": np.ma.masked_greater(np.full((1, 16, 16), 0.5), 0.1),
    "matrix": np.zeros((16, 16)).view(np.matrix),
    "list": X.tolist(),
}


def test_all_functions_are_here():
    others = {"list_images", "read_idx", "read_image", "Comparison", "Holed"}
    assert FUNCTIONS.keys() == set(imaging.__all__) - others


@pytest.mark.parametrize("kind", MISTAKEN)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_plain_arrays_are_images(name, kind):
    with pytest.raises(DTypeError, match=f"^{name}: . must be a NumPy array.* got {kind}.* Write "):
        FUNCTIONS[name](MISTAKEN[kind])


def test_a_function_on_tiles_gives_plain_arrays():
    with pytest.raises(DTypeError, match=r"function\(x\) must be a NumPy array, got MaskedArray"):
        imaging.apply_tiled(np.ma.masked_array, X, tile=8, overlap=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_integer_stands_for_nan(dtype):
    x = np.array([0.5, np.nan], dtype)
    with pytest.raises(ParameterError, match=r"x must be without NaN, got NaN\. A network that"):
        as_integers(x)
    assert as_integers(np.array([-np.inf, np.inf], dtype)).tolist() == [0, 255]
