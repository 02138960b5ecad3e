"""What the public functions of this chapter check."""

from typing import Any

from deconv_ref.arrays import repeated
from deconv_ref.checks import check_floating, check_spatial
from deconv_ref.errors import ShapeError, message

__all__ = [
    "LAYOUT",
    "boundaries",
    "center_of",
    "check_images",
    "per_channel",
]

boundaries = ("zeros", "circular")
LAYOUT = "(*size) or (C, *size)"


def check_images(function: str, x: Any, psf: Any) -> None:
    """Check two arrays against each other.

    Raises
    ------
    DTypeError, ShapeError
        Naming the argument at fault.
    """
    for name, array in (("x", x), ("psf", psf)):
        check_floating(function, **{name: array if array is not None else ()})
    check_floating(function, x=x, psf=psf)
    check_spatial(function, "x", x)
    axes, shape = x.ndim - 2, tuple(psf.shape)
    got = f"shape {shape}"
    if psf.ndim not in (axes, axes + 1) or 0 in shape:
        wanted = f"{LAYOUT} with the {axes} spatial axes of x, none empty"
        raise ShapeError(message(function, "psf", wanted, got))
    if psf.ndim > axes and shape[0] != x.shape[1]:
        wanted = f"of {x.shape[1]} channels, as x is, or without a channel axis"
        raise ShapeError(message(function, "psf", wanted, got))
    if any(k > n for k, n in zip(shape[-axes:], x.shape[2:], strict=True)):
        wanted = f"no larger than x, {tuple(x.shape[2:])}, on every spatial axis"
        raise ShapeError(message(function, "psf", wanted, got, "Crop psf, or pad x"))


def per_channel(x: Any, psf: Any) -> Any:
    """View `psf` with one function per channel of `x`, and three spatial axes."""
    axes = x.ndim - 2
    size = psf.shape[-axes:]
    channels = psf.shape[0] if psf.ndim > axes else 1
    cells = psf.reshape(channels, *(1,) * (3 - axes), *size)
    return repeated(cells, x.shape[1] // channels)


def center_of(psf: Any) -> tuple[int, ...]:
    """Find the cell of (C, R, S, T) that stays in place: the middle, or the one before it."""
    return tuple((k - 1) // 2 for k in psf.shape[1:])
