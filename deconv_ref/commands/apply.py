"""The command ``deconv-ref apply``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deconv_ref.commands.usage import UsageError, check_writable, one_line_errors

if TYPE_CHECKING:
    from deconv_ref.imaging.tasks import Task
    from deconv_ref.nn import Sequential

__all__ = ["apply", "load"]


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model that `train` wrote.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="An image of any size.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where the result goes.")],
) -> None:
    """Run a trained model over an image.

    It runs tile by tile, so that memory is bounded whatever the image; the result is the same as in
    one piece, borders and all. The result has the size of the image, twice that by system E, and is
    grey, or of 16 bits, where the image is.
    """
    from deconv_ref import imaging
    from deconv_ref.commands.bars import tiles
    from deconv_ref.imaging.files import SUFFIXES

    check_writable(target)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot write {target}: its name must end in {', '.join(SUFFIXES)}")
    with one_line_errors():
        task, model = load(file)
        pixels = imaging.read_image(source, integers=True)
        with tiles(source.name) as told:
            result = task.apply(model, pixels, told)
        imaging.write_image(target, result)


def load(file: Path) -> "tuple[Task, Sequential]":
    """Read a model that `train` wrote, and tell what it was trained for.

    Raises
    ------
    UsageError
        If it is of another origin.
    ParameterError
        If the file holds no model at all.
    """
    from deconv_ref.imaging.tasks import TASKS
    from deconv_ref.nn import Sequential

    model = Sequential.load(file)
    system = model.notes.get("system")
    if system not in TASKS:
        raise UsageError(f"{file}: holds a network, but none that `deconv-ref train` trained")
    return TASKS[system], model
