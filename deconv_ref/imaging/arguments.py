"""What the public functions of this chapter check."""

from typing import Any

import numpy as np

from deconv_ref.checks import check_floating, is_array
from deconv_ref.errors import DTypeError, ParameterError, ShapeError, message

__all__ = ["check_generator", "check_images", "check_layout", "check_pixels"]

LAYOUT = "(..., C, H, W)"


def check_images(function: str, **images: Any) -> None:
    """Ask that all images be float32, or all float64, and of the layout ``(..., C, H, W)``.

    Raises
    ------
    DTypeError, ShapeError
        Naming the argument at fault.
    """
    check_floating(function, **images)
    for name, image in images.items():
        check_layout(function, name, image)


def check_pixels(function: str, name: str, x: Any, dtypes: tuple[Any, ...] = ()) -> None:
    """Ask for a NumPy array, of one of some dtypes if any are given.

    Raises
    ------
    DTypeError
        If it is none, or of another dtype.
    """
    kinds = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    wanted = f"a NumPy array of {kinds}" if kinds else "a NumPy array"
    if not is_array(x):
        remedy = f"Write np.asarray({name})"
        raise DTypeError(message(function, name, wanted, type(x).__name__, remedy))
    if dtypes and x.dtype not in dtypes:
        raise DTypeError(message(function, name, wanted, str(x.dtype)))


def check_layout(function: str, name: str, image: Any, channels: int | None = None) -> None:
    """Ask for ``(..., C, H, W)`` with a channel, a row and a column, and so many channels.

    Raises
    ------
    ShapeError
        If the image has another layout.
    """
    if image.ndim < 3 or 0 in image.shape[-3:] or image.shape[-3] != (channels or image.shape[-3]):
        layout = LAYOUT.replace("C", str(channels)) if channels else LAYOUT
        wanted = f"{layout} without empty axes"
        remedy = "Move the channels to the front: image.transpose(2, 0, 1)"
        channels_last = image.ndim == 3 and image.shape[-1] == channels
        got = f"shape {tuple(image.shape)}"
        raise ShapeError(message(function, name, wanted, got, remedy if channels_last else ""))


def check_generator(function: str, rng: Any) -> None:
    """Ask for a generator, so that nothing random happens unseen.

    Raises
    ------
    ParameterError
        If it is none.
    """
    if not isinstance(rng, np.random.Generator):
        remedy = "Pass np.random.default_rng(seed)"
        raise ParameterError(message(function, "rng", "a NumPy Generator", repr(rng), remedy))
