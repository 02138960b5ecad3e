"""Progress bars on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from deconv_ref import nn

__all__ = ["cases", "tiles", "training"]


@contextmanager
def training(quiet: bool) -> "Iterator[Callable[[nn.Progress], None]]":
    """Show how a training goes: a bar with the loss and the time left, a line for each epoch.

    Parameters
    ----------
    quiet : bool
        Whether to show nothing.

    Yields
    ------
    callable
        To be called with a `deconv_ref.nn.Progress`.
    """
    epochs = TextColumn("epoch {task.fields[epoch]}")
    losses = TextColumn("loss {task.fields[loss]:.3g}")
    columns = (epochs, BarColumn(), TaskProgressColumn(), losses)
    with _bars(*columns, console=Console(), quiet=quiet) as bars:
        task: TaskID | None = None

        def tell(now: "nn.Progress") -> None:
            nonlocal task
            batches = now.batches or now.batch
            done, total = (now.epoch - 1) * batches + now.batch, now.epochs * batches
            epoch, loss = f"{now.epoch}/{now.epochs}", now.values["loss"]
            if task is None:  # from where a run goes on, or the time left would be wrong
                task = bars.add_task("", total=total, completed=done, epoch=epoch, loss=loss)
            bars.update(task, completed=done, epoch=epoch, loss=loss)
            if now.complete and not quiet:
                told = "  ".join(f"{name} {value:.4g}" for name, value in now.values.items())
                bars.console.print(f"epoch {epoch}: {told}", highlight=False, soft_wrap=True)

        yield tell


@contextmanager
def tiles(name: str) -> Iterator[Callable[[float], None]]:
    """Show how far through an image one is.

    Parameters
    ----------
    name : str
        What to show beside the bar.

    Yields
    ------
    callable
        To be called with the part that is done.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with _bars(*columns, console=Console(), quiet=False) as bars:
        task = bars.add_task(name, total=1.0)
        yield lambda part: bars.update(task, completed=part)


@contextmanager
def cases(total: int, console: Console, quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Show how far through their cases targets are, a bar for each.

    Parameters
    ----------
    total : int
        Cases of each.
    console : Console
        Where to.
    quiet : bool
        Whether to show nothing.

    Yields
    ------
    callable
        To be called with a target and how many of its cases are done.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with _bars(*columns, console=console, quiet=quiet) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(target: str, done: int) -> None:
            if target not in tasks:
                tasks[target] = bars.add_task(target, total=total)
            bars.update(tasks[target], completed=done)

        yield tell


@contextmanager
def _bars(*columns: ProgressColumn, console: Console, quiet: bool) -> Iterator[Progress]:
    """Show bars that a terminal alone gets, and that are gone at the end."""
    hidden = quiet or not console.is_terminal
    rest = TimeRemainingColumn()
    bars = Progress(*columns, rest, console=console, transient=True, disable=hidden)
    with nullcontext() if hidden else bars:  # a hidden one ends with an empty line in old versions
        yield bars
