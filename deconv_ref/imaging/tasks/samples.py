"""What networks are trained on: patches of images as bytes, and batches of pairs made of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.errors import ParameterError, message
from deconv_ref.imaging.files import list_images, read_image
from deconv_ref.imaging.levels import as_integers

__all__ = ["Batches", "draw_patches", "in_colour"]

Pixels = NDArray[Any]
Pair = tuple[Any, Any]


@dataclass
class Batches:
    """Batches of pairs, for `deconv_ref.nn.Sequential.fit`.

    Each pass over them is an epoch. Order and damage of the samples depend on seed and epoch alone,
    so that a run can go on in the middle of one.

    Attributes
    ----------
    samples : sequence of array
        Arrays of as many samples each.
    pair : callable
        Makes inputs and targets of one batch of each array and a generator.
    batch_size : int
        Samples of a batch; the last one may have fewer.
    seed : int
        What chance depends on.
    epoch : int or None
        Number of the next pass; None for passes that are all alike, in the order of the samples.

    Examples
    --------
    >>> pair = lambda x, rng: (x, -x)
    >>> batches = Batches((np.arange(5),), pair, 2, seed=0)
    >>> first, second = list(batches), list(batches)
    >>> [x.tolist() for x, _ in first], [x.tolist() for x, _ in second]
    ([[2, 4], [3, 0], [1]], [[1, 4], [3, 0], [2]])
    >>> again = Batches((np.arange(5),), pair, 2, seed=0, epoch=1)
    >>> [x.tolist() for x, _ in again] == [x.tolist() for x, _ in second]
    True
    """

    samples: tuple[Pixels, ...]
    pair: Callable[..., Pair]
    batch_size: int
    seed: int
    epoch: int | None = 0

    def __len__(self) -> int:
        """Count the batches."""
        return -(-len(self.samples[0]) // self.batch_size)

    def __iter__(self) -> Iterator[Pair]:
        """Make the pairs of the next epoch."""
        order = np.arange(len(self.samples[0]))
        if self.epoch is None:
            rng = np.random.default_rng(self.seed)
        else:
            rng = np.random.default_rng((self.seed, self.epoch))
            order = rng.permutation(order)
            self.epoch += 1
        for first in range(0, len(order), self.batch_size):
            chosen = order[first : first + self.batch_size]
            yield self.pair(*(array[chosen] for array in self.samples), rng)


def draw_patches(folder: Path, count: int, side: int, seed: int) -> Pixels:
    """Cut square patches out of the images of a folder, as many of each image, anywhere in it.

    Parameters
    ----------
    folder : path
        The folder.
    count : int
        Patches in all.
    side : int
        Rows and columns of a patch.
    seed : int
        What their places depend on.

    Returns
    -------
    array of shape (count, 3, side, side)
        RGB, uint8, in the order of the files.

    Raises
    ------
    ParameterError
        If there is no image, or one cannot be read or is smaller than a patch; it names the file.
    """
    rng = np.random.default_rng(seed)
    patches = np.empty((count, 3, side, side), np.uint8)
    files = list_images(folder)
    for number, file in enumerate(files):
        image = in_colour(as_integers(read_image(file)))
        rows, columns = image.shape[1:]
        if min(rows, columns) < side:
            wanted, got = f"a folder of images of at least {side} x {side} pixels", f"{file}: "
            got += f"it has {columns} x {rows}"
            remedy = "Remove it or enlarge it"
            raise ParameterError(message("draw_patches", "folder", wanted, got, remedy))
        for place in range(number * count // len(files), (number + 1) * count // len(files)):
            top, left = rng.integers(0, rows - side + 1), rng.integers(0, columns - side + 1)
            patches[place] = image[:, top : top + side, left : left + side]
    return patches


def in_colour(x: Pixels) -> Pixels:
    """Give an image three channels; those of a grey one are alike."""
    return np.broadcast_to(x, (3, *x.shape[1:]))
