"""The command ``deconv-ref compare``."""

from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.usage import UsageError, one_line_errors
from deconv_ref.parameters import LARGEST

__all__ = ["compare"]


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="An image.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one, of the same size.")],
    luma: Annotated[bool, typer.Option("--luma", help="Compare luma (BT.601) alone.")] = False,
    border: Annotated[
        int, typer.Option(min=0, max=LARGEST, help="Pixels at each edge to leave out.")
    ] = 0,
) -> None:
    """Print how alike two images are: PSNR in decibels, and SSIM in Gaussian windows.

    Colour counts in all three channels alike; a grey image is taken for one of colour beside
    such a one. Tables of super-resolution have --luma and the scale as --border.
    """
    from deconv_ref import imaging
    from deconv_ref.imaging.levels import as_integers
    from deconv_ref.imaging.tasks.samples import in_colour

    with one_line_errors():
        images = [imaging.read_image(path) for path in (a, b)]
        sizes = [f"{image.shape[2]} x {image.shape[1]}" for image in images]
        if sizes[0] != sizes[1]:
            raise UsageError(f"{a} is of {sizes[0]} pixels and {b} of {sizes[1]}")
        if luma:
            images = [imaging.rgb2ycbcr(as_integers(in_colour(image)))[:1] for image in images]
        elif len(images[0]) != len(images[1]):
            images = [in_colour(image) for image in images]
        found = imaging.compare(*images, border=border)
    print(f"PSNR {found.psnr:.2f} dB")
    print(f"SSIM {found.ssim:.4f}")
