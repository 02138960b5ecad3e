"""Models that ``deconv-ref train`` wrote."""

from pathlib import Path
from typing import TYPE_CHECKING

from deconv_ref.commands.usage import UsageError

if TYPE_CHECKING:
    from deconv_ref.imaging.tasks import Task
    from deconv_ref.nn import Sequential

__all__ = ["load"]


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
    if not isinstance(system, str) or system not in TASKS:
        raise UsageError(f"{file}: holds a network, but none that `deconv-ref train` trained")
    return TASKS[system], model
