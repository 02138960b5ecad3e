"""What a system is trained for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from numpy.typing import NDArray

from deconv_ref import nn

__all__ = ["Panel", "Task"]

Pixels = NDArray[Any]
Models = Mapping[str, nn.Sequential]


class Panel(NamedTuple):
    """An image to show, ``(C, H, W)`` of integers, and what it is."""

    title: str
    pixels: Pixels


@dataclass(frozen=True)
class Task(ABC):
    """What a system is trained for: which pairs it learns from, what becomes of its results.

    Attributes
    ----------
    system : str
        Name of the system.
    build : callable
        Makes its network, given a `seed`.
    epochs : int
        How long to train, unless told otherwise.
    batch_size : int
        Samples per update.
    learning_rate : float
        Where it starts; it falls evenly to 0.
    samples : int
        How many to train on.
    measured : str
        What `measure` gives.
    unit : str
        In which unit.
    all_images : bool
        Whether every image of a folder is a sample.
    """

    system: str
    build: Callable[..., nn.Sequential]
    epochs: int
    batch_size: int
    learning_rate: float
    samples: int

    measured: ClassVar[str] = "mean PSNR"
    unit: ClassVar[str] = "dB"
    all_images: ClassVar[bool] = False

    @abstractmethod
    def read(self, folder: Path, count: int, seed: int) -> tuple[Pixels, ...]:
        """Read the samples to train on.

        Parameters
        ----------
        folder : path
            Where they are.
        count : int
            How many, at most.
        seed : int
            What chance depends on.

        Returns
        -------
        tuple of array
            Arrays of as many samples each, for `pair`.

        Raises
        ------
        ParameterError
            If the folder has none, or one cannot be read.
        """

    @abstractmethod
    def read_held_out(self, folder: Path) -> tuple[Pixels, ...]:
        """Read samples of a folder to validate on, as `read` does."""

    @abstractmethod
    def held_out_in(self, folder: Path) -> bool:
        """Tell whether a folder to train on has samples beside that are kept from training."""

    @abstractmethod
    def pair(self, *arguments: Any) -> tuple[Any, Any]:
        """Make inputs and targets of one batch of each array of samples, and a generator."""

    @abstractmethod
    def apply(self, model: nn.Sequential, pixels: Pixels, told: Callable[..., object]) -> Pixels:
        """Send an image through a trained model.

        Parameters
        ----------
        model : Sequential
            The model.
        pixels : array of shape (C, H, W)
            Grey or RGB, uint8 or uint16.
        told : callable
            Called after each tile with the part of the image that is done.

        Returns
        -------
        array of shape (C, H', W')
            The result, of the same dtype.

        Raises
        ------
        ParameterError
            If the system cannot take the image.
        """

    @abstractmethod
    def measure(self, models: Models, folder: Path) -> dict[str, float]:
        """Measure models, and what there is without any, on the held-out samples of a folder."""

    @abstractmethod
    def panels(self, model: nn.Sequential, folder: Path) -> list[list[Panel]]:
        """Show, in rows, what a model makes of some samples of a folder."""
