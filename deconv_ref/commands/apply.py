"""The command ``deconv-ref apply``."""

from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.models import load
from deconv_ref.commands.usage import UsageError, check_writable, one_line_errors

__all__ = ["apply"]


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model that `train` wrote.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="An image of any size.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where the result goes.")],
) -> None:
    """Run a trained model over an image.

    It runs tile by tile, so that what the network needs of memory does not grow with the image; the
    result is the same as in one piece, borders and all. It has the size of the image, twice that by
    system E, and is grey, or of 16 bits, where the image is.
    """
    from deconv_ref import imaging
    from deconv_ref.commands.bars import tiles
    from deconv_ref.imaging.files import SUFFIXES, check_format

    check_writable(target)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot write {target}: its name must end in {', '.join(SUFFIXES)}")
    with one_line_errors():
        task, model = load(file)
        pixels = imaging.read_image(source, integers=True)
        check_format(target, pixels)
        with tiles(source.name) as told:
            result = task.apply(model, pixels, told)
        imaging.write_image(target, result)
