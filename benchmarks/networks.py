"""Networks whose training is timed, each with one batch of random images.

The documents' systems as `deconv_ref.documents` builds them, remedies included, and FSRCNN. The
documents name no batch sizes that all follow: the batches and images are those of the shapes in
`benchmarks.shapes`, which are these systems' layers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Task:
    """What all libraries build: layers by their configurations, and the same first weights."""

    name: str
    layers: list[dict[str, Any]]
    weights: dict[str, np.ndarray]
    x: np.ndarray
    y: np.ndarray
    loss: str


def tasks() -> list[Task]:
    from deconv_ref import documents

    rng = np.random.default_rng(0)
    images = rng.random((8, 3, 64, 64), np.float32)
    damaged = np.where(rng.random((8, 1, 64, 64)) < 0.1, np.float32(0), images)
    digits = rng.random((32, 1, 28, 28), np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(10, size=32)]
    small, large = (rng.random((64, 1, side, side), np.float32) for side in (11, 33))
    return [
        task("A", documents.system_a(), images, images, "Mse"),
        task("C", documents.system_c(), damaged, images, "Mse"),
        task("D1", documents.system_d1(), digits, labels, "SoftmaxCrossEntropy"),
        task("FSRCNN", fsrcnn(), small, large, "Mse"),
    ]


def task(name: str, model: Any, x: np.ndarray, y: np.ndarray, loss: str) -> Task:
    model.build(x.shape[1:])
    layers = [layer.config() for layer in model.layers]
    return Task(f"{name}, batch {len(x)}", layers, model.get_weights(), x, y, loss)


def fsrcnn(d: int = 56, s: int = 12, m: int = 4, scale: int = 3) -> Any:
    """Build FSRCNN(d, s, m): Dong et al., ECCV 2016, section 3.2; one slope per channel."""
    from deconv_ref import nn

    layers: list[nn.Layer] = []
    for filters, taps in [(d, 5), (s, 1), *[(s, 3)] * m, (d, 1)]:
        layers += [nn.Conv(filters, taps, padding="same"), nn.Prelu()]
    return nn.Sequential([*layers, nn.ConvTranspose(1, 9, scale, "same")])
