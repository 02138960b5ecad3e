"""Systems A, C and E on images: through the network and back, repaired, enlarged."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import numpy as np

from deconv_ref import nn
from deconv_ref.documents.systems import system_a, system_c, system_e
from deconv_ref.imaging.colour import rgb2ycbcr
from deconv_ref.imaging.degrade import cut_holes, downsample, gaussian_noise
from deconv_ref.imaging.files import list_images, read_image
from deconv_ref.imaging.levels import as_floats, as_integers
from deconv_ref.imaging.metrics import psnr
from deconv_ref.imaging.resize import imresize, modcrop
from deconv_ref.imaging.tasks.samples import draw_patches, in_colour
from deconv_ref.imaging.tasks.task import Models, Panel, Pixels, Task
from deconv_ref.imaging.tiling import apply_tiled

__all__ = ["COMPRESSION", "ENLARGEMENT", "REPAIR", "Restoration"]

TILE = 256  # rows and columns that a network sees at a time, besides the overlap
HELD_OUT = 256  # patches to validate on after each epoch
SHOWN = 160  # rows and columns of the pictures
NOISE = 15 / 255
HOLE, CELLS_PER_HOLE = 4, 32 * 32


@dataclass(frozen=True)
class Restoration(Task):
    """A task on images of any size: undo some damage.

    Images are RGB to the networks: grey ones have three channels alike, and results of these are
    averaged. Damage is done to bytes and gives bytes, as if there were a file between.

    Attributes
    ----------
    side : int
        Rows and columns of the patches to train on.
    """

    side: int

    all_images: ClassVar[bool] = True
    scale: ClassVar[int] = 1
    step: ClassVar[int] = 1
    overlap: ClassVar[int]
    before: ClassVar[str | None] = None

    @abstractmethod
    def damage(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Make the inputs of images ``(..., 3, H, W)``, all of uint8."""

    def unaided(self, damaged: Pixels) -> Pixels:
        """Give what one has of a damaged image without a network."""
        return damaged

    def psnr(self, x: Pixels, clean: Pixels) -> float:
        """Compare an image with the original, in decibels."""
        return psnr(x, clean)

    def read(self, folder: Path, count: int, seed: int) -> tuple[Pixels, ...]:
        """Draw patches of the images of a folder."""
        return (draw_patches(folder, count, self.side, seed),)

    def read_held_out(self, folder: Path) -> tuple[Pixels, ...]:
        """Draw patches of the images of a folder, always the same."""
        return self.read(folder, HELD_OUT, 0)

    def held_out_in(self, folder: Path) -> bool:
        """Tell that all images of a folder are trained on."""
        return False

    def pair(self, *arguments: Any) -> tuple[Any, Any]:
        """Damage patches anew."""
        clean, rng = arguments
        return as_floats(self.damage(clean, rng)), as_floats(clean)

    def apply(self, model: nn.Sequential, pixels: Pixels, told: Callable[..., object]) -> Pixels:
        """Restore an image tile by tile; the result is that of the whole image, bit for bit."""
        rows, columns = pixels.shape[1:]
        tiles, done = -(-rows // TILE) * -(-columns // TILE), 0

        def restored(tile: Pixels) -> Pixels:
            nonlocal done
            y = model.predict(in_colour(as_floats(tile))[None])[0]
            done += 1
            told(done / tiles)
            grey = y.mean(axis=0, keepdims=True) if len(tile) == 1 else y
            return as_integers(grey, tile.dtype)

        beyond = [(0, 0), *((0, -n % self.step) for n in (rows, columns))]
        whole = np.pad(pixels, beyond, mode="edge")
        y = apply_tiled(restored, whole, tile=TILE, overlap=self.overlap, scale=self.scale)
        return y[:, : self.scale * rows, : self.scale * columns]

    def measure(self, models: Models, folder: Path) -> dict[str, float]:
        """Average the ratios of whole images: without a network, and of each model."""
        ratios: dict[str, list[float]] = {}
        for number, file in enumerate(list_images(folder)):
            clean, damaged = self._damaged(file, number)
            for name, result in self._results(damaged, models).items():
                ratios.setdefault(name, []).append(self.psnr(result, clean))
        return {name: fmean(values) for name, values in ratios.items()}

    def panels(self, model: nn.Sequential, folder: Path) -> list[list[Panel]]:
        """Show the middle of the first image."""
        clean, damaged = self._damaged(list_images(folder)[0], 0)
        row = [Panel("original", _middle(clean))]
        for name, result in self._results(damaged, {"restored": model}).items():
            row.append(Panel(f"{name}, {self.psnr(result, clean):.2f} dB", _middle(result)))
        return [row]

    def _results(self, damaged: Pixels, models: Models) -> dict[str, Pixels]:
        """Make an image good as well as one can: without a network, and by each model."""
        results = {self.before: self.unaided(damaged)} if self.before else {}
        for name, model in models.items():
            results[name] = self.apply(model, damaged, lambda part: None)
        return results

    def _damaged(self, file: Path, number: int) -> tuple[Pixels, Pixels]:
        """Read an image and damage it, in the same way each time."""
        clean = modcrop(in_colour(as_integers(read_image(file))), self.scale)
        return clean, self.damage(clean, np.random.default_rng((0, number)))


class Compression(Restoration):
    """System A: through 64 features of each pixel, and back."""

    overlap = 2

    def damage(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Leave images as they are."""
        return pixels


class Repair(Restoration):
    """System C: noise, and black holes."""

    step = 2
    overlap = 16
    before = "damaged"

    def damage(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Add noise of 15 levels, and cut a hole of 4 x 4 into each 32 x 32 pixels."""
        rows, columns = pixels.shape[-2:]
        count = max(rows * columns // CELLS_PER_HOLE, 1)
        noisy = gaussian_noise(as_floats(pixels), NOISE, rng)
        return as_integers(cut_holes(noisy, count, HOLE, rng).image)


class Enlargement(Restoration):
    """System E: from half the size."""

    scale = 2
    overlap = 4
    before = "bicubic"
    measured = "mean PSNR of luma"

    def damage(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Halve images as MATLAB's ``imresize`` does."""
        return as_integers(downsample(as_floats(pixels), self.scale))

    def unaided(self, damaged: Pixels) -> Pixels:
        """Enlarge by the bicubic kernel."""
        return as_integers(imresize(as_floats(damaged), self.scale))

    def psnr(self, x: Pixels, clean: Pixels) -> float:
        """Compare luma, without a border as wide as the scale, as tables of super-resolution do."""
        return psnr(rgb2ycbcr(x)[:1], rgb2ycbcr(clean)[:1], border=self.scale)


def _middle(pixels: Pixels) -> Pixels:
    """Cut out what is shown."""
    top, left = (max(n - SHOWN, 0) // 2 for n in pixels.shape[1:])
    return pixels[:, top : top + SHOWN, left : left + SHOWN]


COMPRESSION = Compression(
    "A", system_a, epochs=8, batch_size=16, learning_rate=4e-3, samples=2000, side=32
)
REPAIR = Repair("C", system_c, epochs=12, batch_size=16, learning_rate=4e-3, samples=4000, side=32)
ENLARGEMENT = Enlargement(
    "E", system_e, epochs=30, batch_size=16, learning_rate=1e-2, samples=8000, side=32
)
