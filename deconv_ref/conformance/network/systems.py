"""The documents' systems, for small images, with the batches that they are trained on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deconv_ref as dr
from deconv_ref import documents, nn
from deconv_ref.nn.configuration import rebuild

__all__ = ["SYSTEMS", "System", "Task", "assemble", "make_task"]

Array = NDArray[Any]
Batch = tuple[Array, Array]

SAMPLES = 4


@dataclass(frozen=True, slots=True)
class System:
    """A system of the documents and what it is trained on.

    Attributes
    ----------
    build : callable
        Makes the network from a seed.
    batch : callable
        Draws inputs and targets, from a generator.
    """

    build: Callable[..., nn.Sequential]
    batch: Callable[[np.random.Generator], Batch]


@dataclass(frozen=True, slots=True)
class Task:
    """What a trainer is given, see `deconv_ref.conformance.network`."""

    layers: list[dict[str, Any]]
    weights: Mapping[str, Array]
    batches: list[Batch]
    loss: Mapping[str, Any]
    optimizer: Mapping[str, Any]


def make_task(name: str, convention: str, seed: int, steps: int) -> Task:
    """Draw initial weights and batches of a system.

    Parameters
    ----------
    name : str
        Which system.
    convention : {"keras", "torch"}
        Where Adam has its epsilon.
    seed : int
        What weights and batches depend on.
    steps : int
        Number of batches.

    Returns
    -------
    Task
        All in float32, and the same whatever the convention.
    """
    system = SYSTEMS[name]
    # The other systems' batches must not depend on which of them are asked for.
    random = np.random.default_rng([seed, *name.encode()])
    batches = [system.batch(random) for _ in range(steps)]
    whole = system.build(seed=seed)
    assert isinstance(whole.optimizer, nn.Adam) and whole.loss is not None
    layers = [layer.config() for layer in whole.layers]
    model = nn.Sequential([rebuild(nn.Layer, layer) for layer in layers], seed=seed)
    model.build(batches[0][0].shape[1:])
    optimizer = replace(whole.optimizer, convention=convention)
    return Task(layers, model.get_weights(), batches, whole.loss.config(), optimizer.config())


def assemble(task: Task, dtype: str) -> nn.Sequential:
    """Build a task's network, compiled and with its initial weights.

    Parameters
    ----------
    task : Task
        The task.
    dtype : {"float32", "float64"}
        What the network computes in.

    Returns
    -------
    Sequential
        The network.
    """
    model = nn.Sequential([rebuild(nn.Layer, layer) for layer in task.layers], dtype=dtype)
    model.compile(rebuild(nn.Optimizer, task.optimizer), rebuild(nn.Loss, task.loss))
    model.build(task.batches[0][0].shape[1:])
    model.set_weights({name: array.astype(dtype) for name, array in task.weights.items()})
    return model


def _images(random: np.random.Generator, channels: int, rows: int, columns: int) -> Array:
    """Draw smooth images, in which no two pixels are alike, so that maxima are not tied."""
    coarse = random.uniform(size=(SAMPLES, channels, rows // 2, columns // 2))
    noise = random.uniform(-0.05, 0.05, (SAMPLES, channels, rows, columns))
    return np.clip(dr.upsample(coarse, 2, mode="linear") + noise, 0, 1).astype(np.float32)


def _same(random: np.random.Generator) -> Batch:
    x = _images(random, 3, 16, 12)
    return x, x


def _damaged(random: np.random.Generator) -> Batch:
    sound = _images(random, 3, 16, 12)
    holes = random.random((SAMPLES, 1, 16, 12)) < 0.1
    return np.where(holes, random.random(sound.shape, np.float32), sound), sound


def _labelled(random: np.random.Generator) -> Batch:
    labels = random.integers(10, size=SAMPLES)
    return _images(random, 1, 18, 14), np.eye(10, dtype=np.float32)[labels]


def _coded(random: np.random.Generator) -> Batch:
    return _images(random, 8, 6, 4), _images(random, 1, 28, 28)


def _shrunk(random: np.random.Generator) -> Batch:
    y = _images(random, 3, 16, 12)
    return dr.avg_pool(y, 2), y


SYSTEMS: Mapping[str, System] = {
    "system_a": System(documents.system_a, _same),
    "system_c": System(documents.system_c, _damaged),
    "system_d1": System(documents.system_d1, _labelled),
    "system_d2": System(documents.system_d2, _coded),
    "system_e": System(documents.system_e, _shrunk),
}
"""The systems, by the names of the functions that build them; B is an algorithm."""
