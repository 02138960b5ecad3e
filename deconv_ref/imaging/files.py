"""Image files, read and written by Pillow.

Pillow is imported when first needed.
"""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.checks import FLOATING
from deconv_ref.errors import (
    DeconvRefError,
    ParameterError,
    ShapeError,
    message,
)
from deconv_ref.imaging.arguments import check_pixels
from deconv_ref.imaging.levels import as_floats, as_integers
from deconv_ref.writing import write_whole

__all__ = ["check_format", "list_images", "read_image", "write_image"]

FilePath = str | os.PathLike[str]

SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
GREY = ("1", "L", "LA", "La")
DEEP = ("PNG", "PPM", "TIFF")  # the formats that hold 16 bits
DEEP_AS_INTEGERS = ("PNG", "PPM")  # Pillow 10 opens their 16 bits as mode "I"
UNSCALED = ("I", "F")
DTYPES = (np.float32, np.float64, np.uint8, np.uint16)
QUALITY = 95


def read_image(path: FilePath, *, integers: bool = False) -> NDArray[Any]:
    r"""Read an image file.

    With v the stored value and V the largest of its depth, 255 or 65535:

    .. math:: x = v / V

    Parameters
    ----------
    path : str or path-like
        The file, in any format that Pillow reads. Of several frames the first counts.
    integers : bool
        True gives the stored integers instead.

    Returns
    -------
    array of shape (1, H, W) or (3, H, W)
        Grey or RGB: float32 from 0 to 1, or uint8, or uint16 of a file of 16-bit grey.

    Raises
    ------
    ParameterError
        If the file cannot be opened, is no image, is damaged or cut short, has more pixels than
        ``PIL.Image.MAX_IMAGE_PIXELS``, or holds 32-bit numbers, whose white nobody knows.
    DeconvRefError
        If Pillow is not installed.

    See Also
    --------
    write_image : Writes it again.
    list_images : Finds the images of a folder.

    Notes
    -----
    Transparent images, of a palette or not, are laid on white. The orientation that a camera noted
    down (EXIF) is applied. Palettes, CMYK, YCbCr, LAB and HSV become RGB, by Pillow and without
    colour profiles; 1-bit images become 0 and 255. Of RGB with 16 bits Pillow reads the upper 8.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> x = np.array([[[0, 51, 255]]], dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "x.png"), x)
    ...     read_image(Path(folder, "x.png"))
    array([[[0. , 0.2, 1. ]]], dtype=float32)
    """
    pixels = _read(path)
    x = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if integers:
        return np.array(x, order="C")
    return as_floats(x)


def write_image(path: FilePath, x: Any) -> None:
    r"""Write an image file, in the format that its suffix names.

    Floats become uint8:

    .. math:: v = \lfloor 255 \min(\max(x, 0), 1) + 1/2 \rfloor

    Parameters
    ----------
    path : str or path-like
        The file. It appears whole or not at all; a link stays a link.
    x : array of shape (1, H, W) or (3, H, W)
        Grey or RGB: float32 or float64 from 0 to 1, uint8, or, grey alone, uint16.

    Raises
    ------
    DTypeError, ShapeError
        If `x` is no such array.
    ParameterError
        If `x` holds NaN, Pillow cannot write the format, the format does not hold such an image, or
        the file cannot be written.
    DeconvRefError
        If Pillow is not installed.

    See Also
    --------
    read_image : Reads it again.

    Notes
    -----
    PNG, TIFF, BMP, PGM and PPM lose nothing. JPEG and WebP are written at quality 95 of 100; GIF
    holds 256 colours, to which those of RGB are moved. 16 bits need PNG, TIFF, PGM or PPM.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "x.png"), np.array([[[-1.0, 0.5, 2.0]]]))
    ...     read_image(Path(folder, "x.png"), integers=True)
    array([[[  0, 128, 255]]], dtype=uint8)
    """
    target = _path("write_image", path)
    encoded = _encoded(target, _stored(x))
    try:
        write_whole(target, encoded)
    except OSError as error:
        raise _fault("write_image", "a file that can be written", path, error) from None


def check_format(path: FilePath, x: NDArray[Any]) -> None:
    """Ask that a file of this name can hold images of the dtype and the channels of `x`.

    Raises
    ------
    ParameterError
        As `write_image` would, once all is computed.
    """
    _encoded(_path("write_image", path), _stored(x[:, :1, :1]))


def list_images(folder: FilePath) -> list[Path]:
    """List the image files of a folder, sorted by name.

    Parameters
    ----------
    folder : str or path-like
        The folder; those inside it are not searched.

    Returns
    -------
    list of Path
        Files whose suffix, in any case, is that of a usual image format: BMP, GIF, JPEG, PNG, PBM,
        PGM, PPM, TIFF or WebP. Files whose name begins with a dot are left out.

    Raises
    ------
    ParameterError
        If the folder cannot be read, or holds no image.

    See Also
    --------
    read_image : Reads each of them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in list_images(folder)]
    ['a.JPG', 'b.png']
    """
    wanted = "a folder of images"
    try:
        entries = sorted(_path("list_images", folder, "folder").iterdir())
        files = [e for e in entries if e.suffix.lower() in SUFFIXES and e.is_file()]
    except OSError as error:
        raise _fault("list_images", wanted, folder, error, "folder") from None
    images = [file for file in files if not file.name.startswith(".")]
    if not images:
        reason = f"none of its {len(entries)} files ends in {', '.join(SUFFIXES)}"
        raise _fault("list_images", wanted, folder, reason, "folder")
    return images


def _read(path: FilePath) -> NDArray[Any]:
    """Decode a file into (H, W) or (H, W, 3), uint8 or uint16."""
    pillow = _pillow("read_image")
    limit = pillow.Image.MAX_IMAGE_PIXELS
    size = f"an image of at most {limit} pixels"
    remedy = "For a file that you trust, raise PIL.Image.MAX_IMAGE_PIXELS"
    try:
        with warnings.catch_warnings(), _path("read_image", path).open("rb") as file:
            warnings.simplefilter("ignore", pillow.Image.DecompressionBombWarning)
            with pillow.Image.open(file) as image:
                pixels = image.width * image.height
                if limit and pixels > limit:
                    raise _fault("read_image", size, path, f"it has {pixels} pixels", remedy=remedy)
                pillow.ImageOps.exif_transpose(image, in_place=True)
                return _pixels(path, image)
    except DeconvRefError:
        raise
    except pillow.Image.DecompressionBombError as error:
        raise _fault("read_image", size, path, error, remedy=remedy) from None
    except Exception as error:  # decoders of damaged files raise whatever they stumble over
        raise _fault("read_image", "an image file that can be read", path, error) from None


def _pixels(path: FilePath, image: Any) -> NDArray[Any]:
    """Give the values of an opened image, once transparency and odd colour spaces are gone."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in DEEP_AS_INTEGERS):
        deep = np.asarray(image).astype(np.uint16)
        return np.where(deep == image.info.get("transparency"), np.uint16(65535), deep)
    if image.mode in UNSCALED:
        kind = "integers" if image.mode == "I" else "floats"
        raise _fault("read_image", "an image of 1, 8 or 16 bits", path, f"it has 32-bit {kind}")
    colour = "L" if image.mode in GREY else "RGB"
    if not image.has_transparency_data:
        return np.asarray(image.convert(colour))
    layers = np.asarray(image.convert("LA" if colour == "L" else "RGBA")).astype(np.uint32)
    values, alpha = layers[..., :-1], layers[..., -1:]
    on_white = (values * alpha + 255 * (255 - alpha) + 127) // 255
    return on_white.astype(np.uint8).squeeze(axis=-1 if colour == "L" else ())


def _stored(x: Any) -> NDArray[Any]:
    """Check an image and give it as Pillow takes it: (H, W) or (H, W, 3), uint8 or uint16."""
    name = "write_image"
    check_pixels(name, "x", x, DTYPES)
    channels = (1,) if x.dtype == np.uint16 else (1, 3)
    if x.ndim != 3 or x.shape[0] not in channels or 0 in x.shape:
        shapes = " or ".join(f"({c}, H, W)" for c in channels)
        wanted = f"of shape {shapes} without empty axes, being {x.dtype}"
        raise ShapeError(message(name, "x", wanted, f"shape {x.shape}"))
    if x.dtype in FLOATING:
        x = as_integers(x, function=name)
    return np.array(x[0] if len(x) == 1 else x.transpose(1, 2, 0), order="C", subok=False)


def _encoded(target: Path, pixels: NDArray[Any]) -> bytes:
    """Make the content of a file of this name."""
    pillow = _pillow("write_image")
    formats, suffix = pillow.Image.registered_extensions(), target.suffix.lower()
    name = formats.get(suffix)
    if name not in pillow.Image.SAVE:
        wanted = f"a name with the suffix of an image format, such as {', '.join(SUFFIXES)}"
        raise _fault("write_image", wanted, target, "that is none")
    colour, deep = pixels.ndim == 3, pixels.dtype == np.uint16
    held = f"a format that holds {'RGB' if colour else 'grey'} of {pixels.dtype}"
    if suffix == ".pbm" or (suffix == ".pgm" and colour) or (deep and name not in DEEP):
        # Pillow would write another format under this name, or 8 bits.
        raise _fault("write_image", held, target, f"{suffix} does not")
    content = io.BytesIO()
    try:
        pillow.Image.fromarray(pixels).save(content, name, quality=QUALITY)
    except Exception as error:  # encoders raise whatever they like
        raise _fault("write_image", held, target, error) from None
    return content.getvalue()


def _pillow(function: str) -> Any:
    """Import Pillow."""
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        remedy = "Write python -m pip install pillow"
        raise DeconvRefError(f"{function}: Pillow is not installed. {remedy}.") from None
    return PIL


def _path(function: str, path: Any, parameter: str = "path") -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ParameterError(message(function, parameter, "a path", repr(path)))
    return Path(path)


def _fault(
    function: str,
    wanted: str,
    path: object,
    reason: object,
    parameter: str = "path",
    remedy: str = "",
) -> ParameterError:
    """Write down which file is at fault, and why."""
    why = str(reason).rstrip(".") or type(reason).__name__
    return ParameterError(message(function, parameter, wanted, f"{path}: {why}", remedy))
