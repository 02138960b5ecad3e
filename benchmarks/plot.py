"""The roofline: what each convolution reached, over how much it computes on each byte."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"deconv_ref": "tab:blue", "torch": "tab:orange", "jax": "tab:green"}


def draw_roofline(path: Path, rates: dict[str, float], rows: list[dict[str, Any]]) -> None:
    figure, panels = plt.subplots(1, 2, figsize=(13, 6), sharey=True, layout="constrained")
    for axes, mode in zip(panels, ("forward", "forward+backward"), strict=True):
        axes.set(xscale="log", yscale="log", title=mode, xlabel="FLOP per byte")
        draw_points(axes, mode, rows)
        draw_roofs(axes, rates, sorted({row["dtype"] for row in rows}))
    panels[0].set_ylabel("GFLOP/s")
    panels[0].legend(loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_points(axes: Any, mode: str, rows: list[dict[str, Any]]) -> None:
    """Give each shape a vertical line with a point for each library, and its number on top."""
    intensities = [row[mode]["flops"] / row[mode]["bytes"] for row in rows]
    reached: dict[str, list[float]] = {}
    for row, intensity in zip(rows, intensities, strict=True):
        speeds = {n: row[mode]["flops"] / s / 1e9 for n, s in row[mode]["seconds"].items()}
        for name, speed in speeds.items():
            reached.setdefault(name, []).append(speed)
        least, most = min(speeds.values()), max(speeds.values())
        axes.plot([intensity] * 2, [least, most], color="0.8", linewidth=1, zorder=1)
        place = (intensity, most)
        axes.annotate(row["index"], place, (0, 4), textcoords="offset points", ha="center")
    for name, speeds_of in reached.items():
        axes.scatter(intensities, speeds_of, s=22, color=COLOURS[name], label=name, zorder=2)


def draw_roofs(axes: Any, rates: dict[str, float], dtypes: list[str]) -> None:
    x = np.geomspace(*axes.get_xlim(), 200)
    for dtype in dtypes:
        roof = np.minimum(rates[dtype], rates["copy"] * x) / 1e9
        axes.plot(x, roof, color="black", linewidth=1, linestyle="-" if dtype == "float32" else ":")
