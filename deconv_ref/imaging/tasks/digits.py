"""Systems D1 and D2 on the idx files of MNIST and of the data sets made in its image."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from deconv_ref import nn, sigmoid
from deconv_ref.documents.systems import system_d1, system_d2
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.imaging.idx import read_idx
from deconv_ref.imaging.levels import as_floats, as_integers
from deconv_ref.imaging.metrics import psnr
from deconv_ref.imaging.resize import imresize
from deconv_ref.imaging.tasks.task import Models, Panel, Pixels, Task

__all__ = ["CLASSIFICATION", "RECONSTRUCTION"]

SIDE, CLASSES, MAPS = 28, 10, 64
TRAINING, HELD_OUT = "train", "t10k"
SHOWN = 8


@dataclass(frozen=True)
class Digits(Task):
    """A task on the images of idx files."""

    def read_held_out(self, folder: Path) -> tuple[Pixels, ...]:
        """Read the files of names that begin with "t10k"."""
        return self._read(folder, HELD_OUT)

    def read(self, folder: Path, count: int, seed: int) -> tuple[Pixels, ...]:
        """Read the files of names that begin with "train"; the first so many samples."""
        return tuple(array[:count] for array in self._read(folder, TRAINING))

    def held_out_in(self, folder: Path) -> bool:
        """Tell whether there are images of names that begin with "t10k"."""
        return any(folder.glob(f"{HELD_OUT}-images*"))

    def _shown(self, folder: Path) -> tuple[Pixels, ...]:
        """Read some samples to show, held-out ones if there are any."""
        prefix = HELD_OUT if self.held_out_in(folder) else TRAINING
        return tuple(array[:SHOWN] for array in self._read(folder, prefix))

    def _read(self, folder: Path, prefix: str) -> tuple[Pixels, ...]:
        """Read the arrays of one of the two sets."""
        return (_images(folder, prefix),)


class Classification(Digits):
    """System D1: which of ten classes an image is of."""

    measured = "accuracy"
    unit = "%"

    def _read(self, folder: Path, prefix: str) -> tuple[Pixels, ...]:
        """Read images and their classes."""
        images, file = _images(folder, prefix), _find(folder, f"{prefix}-labels")
        labels = read_idx(file)
        if labels.shape != images.shape[:1] or labels.dtype != np.uint8:
            wanted = f"a file of {len(images)} labels of one byte, as many as images"
            got = f"{file}: {labels.dtype} of shape {labels.shape}"
            raise ShapeError(message("read", "folder", wanted, got))
        if labels.max() >= CLASSES:
            got = f"{file}: a label of {labels.max()}"
            raise ParameterError(message("read", "folder", "one of labels from 0 to 9", got))
        return images, labels

    def pair(self, *arguments: Any) -> tuple[Any, Any]:
        """Make a vector of each class."""
        images, labels, _ = arguments
        return as_floats(images), np.eye(CLASSES, dtype=np.float32)[labels]

    def apply(self, model: nn.Sequential, pixels: Pixels, told: Callable[..., object]) -> Pixels:
        """Refuse: no image comes back from ten numbers."""
        wanted = "one of system A, C, D2 or E: D1 names classes and makes no images"
        raise ParameterError(message("apply", "model", wanted, "one of system D1"))

    def measure(self, models: Models, folder: Path) -> dict[str, float]:
        """Count how many classes each model gets right, in hundredths."""
        images, labels = self.read_held_out(folder)
        return {
            name: 100 * float(np.mean(_classes(model, images) == labels))
            for name, model in models.items()
        }

    def panels(self, model: nn.Sequential, folder: Path) -> list[list[Panel]]:
        """Show some images with their classes."""
        images, labels = self._shown(folder)
        said = _classes(model, images)
        titles = (f"says {said}, is {label}" for said, label in zip(said, labels, strict=True))
        return [[Panel(*each) for each in zip(titles, images, strict=True)]]


class Reconstruction(Digits):
    """System D2: an image of half the size in 65 levels, back to the full size."""

    def pair(self, *arguments: Any) -> tuple[Any, Any]:
        """Compress images."""
        images, _ = arguments
        return _unary(_halved(images)), as_floats(images)

    def apply(self, model: nn.Sequential, pixels: Pixels, told: Callable[..., object]) -> Pixels:
        """Compress an image and reconstruct it."""
        if pixels.shape != (1, SIDE, SIDE):
            wanted = f"a grey image of {SIDE} x {SIDE} pixels, all that system D2 can take"
            channels, rows, columns = pixels.shape
            got = f"{columns} x {rows} in {'grey' if channels == 1 else 'colour'}"
            raise ShapeError(message("apply", "image", wanted, got))
        image = as_integers(as_floats(pixels))
        result = as_integers(_reconstructed(model, image[None])[0], pixels.dtype)
        told(1.0)
        return result

    def measure(self, models: Models, folder: Path) -> dict[str, float]:
        """Average the ratios of all images: bicubic from half the size, and of each model."""
        (images,) = self.read_held_out(folder)
        results = {"bicubic": imresize(_halved(images) / np.float32(MAPS), 2)}
        results |= {name: _reconstructed(model, images) for name, model in models.items()}
        return {
            name: fmean([psnr(*both) for both in zip(as_integers(y), images, strict=True)])
            for name, y in results.items()
        }

    def panels(self, model: nn.Sequential, folder: Path) -> list[list[Panel]]:
        """Show some images, what is left of them, and what the model makes of that."""
        (images,) = self._shown(folder)
        halved = as_integers(_halved(images) / np.float32(MAPS))
        rows = {
            "original": images,
            "halved": halved,
            "restored": as_integers(_reconstructed(model, images)),
        }
        return [[Panel(name, image) for image in row] for name, row in rows.items()]


def _find(folder: Path, name: str) -> Path:
    """Find the one file of a set, compressed or not."""
    try:
        found = sorted(f for f in folder.iterdir() if f.name.startswith(name))
    except OSError as error:
        got = f"{folder}: {error.strerror}"
        raise ParameterError(message("read", "folder", "a folder of idx files", got)) from None
    if not found:
        wanted = f"a folder of idx files with {name}-idx...-ubyte or the same with .gz"
        raise ParameterError(message("read", "folder", wanted, f"{folder} without it"))
    return found[0]


def _images(folder: Path, prefix: str) -> Pixels:
    """Read the images of a set as (N, 1, 28, 28)."""
    file = _find(folder, f"{prefix}-images")
    images = read_idx(file)
    if images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8 or not len(images):
        wanted = f"a file of images of {SIDE} x {SIDE} bytes"
        got = f"{file}: {images.dtype} of shape {images.shape}"
        raise ShapeError(message("read", "folder", wanted, got))
    return images[:, None]


def _classes(model: nn.Sequential, images: Pixels) -> Pixels:
    """Name the class of each image."""
    return model.predict(as_floats(images)).argmax(axis=1)


def _halved(images: Pixels) -> Pixels:
    """Average 2 x 2 pixels, to levels from 0 to 64, halves upwards."""
    n, _, rows, columns = images.shape
    sums = images.reshape(n, 1, rows // 2, 2, columns // 2, 2).sum(axis=(3, 5), dtype=np.int64)
    white = 4 * 255
    return (2 * MAPS * sums + white) // (2 * white)


def _unary(levels: Pixels) -> Pixels:
    """Write level n as n ones followed by zeros, a map for each."""
    return (levels > np.arange(MAPS)[:, None, None]).astype(np.float32)


def _reconstructed(model: nn.Sequential, images: Pixels) -> Pixels:
    """Compress images, and give what the model makes of them, from 0 to 1."""
    parts = (images[first : first + 100] for first in range(0, len(images), 100))
    return np.concatenate([sigmoid(model.predict(_unary(_halved(part)))) for part in parts])


CLASSIFICATION = Classification(
    "D1", system_d1, epochs=5, batch_size=32, learning_rate=2e-3, samples=60_000
)
RECONSTRUCTION = Reconstruction(
    "D2", system_d2, epochs=4, batch_size=16, learning_rate=3e-3, samples=10_000
)
