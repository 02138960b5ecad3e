"""Progress bars on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from deconv_ref import nn

__all__ = ["tiles", "training"]


@contextmanager
def training(quiet: bool) -> Iterator[Callable[[nn.Progress], None]]:
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
    with _bars("epoch {task.fields[epoch]}", "loss {task.fields[loss]:.3g}", quiet) as bars:
        task: TaskID | None = None

        def tell(now: nn.Progress) -> None:
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
    with _bars("{task.description}", "", quiet=False) as bars:
        task = bars.add_task(name, total=1.0)
        yield lambda part: bars.update(task, completed=part)


def _bars(before: str, after: str, quiet: bool) -> Progress:
    """Make a bar that only a terminal shows, and that is gone at the end."""
    console = Console()
    columns = (TextColumn(before, markup=False), BarColumn(), TaskProgressColumn())
    rest = (TextColumn(after), TimeRemainingColumn())
    hidden = quiet or not console.is_terminal
    return Progress(*columns, *rest, console=console, transient=True, disable=hidden)
