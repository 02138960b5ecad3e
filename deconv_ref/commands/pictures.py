"""Pictures of a training: the loss, and what the model does. Matplotlib is an extra."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deconv_ref.imaging.tasks import Panel

__all__ = ["draw_losses", "draw_panels", "installed"]

DPI = 150


def installed() -> bool:
    """Tell whether pictures can be drawn."""
    try:
        import matplotlib.figure
    except ImportError:
        return False
    return bool(matplotlib.figure)


def draw_losses(path: Path, history: dict[str, list[float]]) -> None:
    """Draw the loss of each epoch, in training and on held-out samples.

    Parameters
    ----------
    path : path
        The picture to write.
    history : dict of str to list of float
        As `deconv_ref.nn.Sequential.fit` gives it.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, label in (("loss", "training"), ("val_loss", "held out")):
        if name in history:
            epochs = range(1, len(history[name]) + 1)
            axes.plot(epochs, history[name], marker="o", markersize=3, label=label)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    figure.savefig(path, dpi=DPI)


def draw_panels(path: Path, rows: "Sequence[Sequence[Panel]]") -> None:
    """Draw images in rows, each under its title.

    Parameters
    ----------
    path : path
        The picture to write.
    rows : sequence of sequence of Panel
        The images, as many in each row.
    """
    from matplotlib.figure import Figure

    columns = len(rows[0])
    side = max(1.0, 9 / columns)
    figure = Figure(figsize=(columns * side, len(rows) * (side + 0.3)), layout="constrained")
    for axes, panel in zip(
        figure.subplots(len(rows), columns, squeeze=False).flat,
        (panel for row in rows for panel in row),
        strict=True,
    ):
        channels_last = panel.pixels.transpose(1, 2, 0)
        axes.imshow(channels_last, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(panel.title, fontsize=8)
        axes.axis("off")
    figure.savefig(path, dpi=DPI)
