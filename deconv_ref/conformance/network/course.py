"""Training in float64: exactly, or with the noise of float32 many times as loud.

How far may honest float32 training part from ours? As far as ours parts from itself when every
number that float32 would round is moved by some roundoffs, up or down at random: parameters, inputs
and results of layers, gradients on their way back, hyperparameters. Where a ReLU or a maximum is so
near to its kink that rounding may decide, some of the noisy courses cross it too, and the deviation
is theirs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref import nn
from deconv_ref.conformance.bounds import unit_roundoff
from deconv_ref.conformance.network.systems import Batch, Task, assemble

__all__ = ["ROUNDOFF", "Course", "Key", "Trace", "courses"]

Array = NDArray[Any]

ROUNDOFF = unit_roundoff(np.float32)
LOUDNESS = 16  # roundoffs; each sum of n terms makes sqrt(n) / 4 of them or fewer
NOISY = 8  # courses; of the kinks within reach, one in 2**8 is crossed by none of them

Key = tuple[str, str]
"""What an array is ("output", "loss", "passed", "gradient", "parameter"), and of which layer.

"passed" is the gradient that a layer, or the loss, hands to the layer before it.
"""

Trace = dict[Key, Array]
"""All that one step computes, in the order in which it does."""


class Course:
    """Training of a task in float64.

    Parameters
    ----------
    task : Task
        What is trained.
    random : numpy.random.Generator, optional
        Where noise comes from; none by default.

    Attributes
    ----------
    parameters : dict of str to array
        After the last step.
    """

    def __init__(self, task: Task, random: np.random.Generator | None = None) -> None:
        self._random = random
        self._model = assemble(task, "float64")
        self.parameters = {name: array.copy() for name, array in self._model.parameters.items()}
        assert isinstance(self._model.optimizer, nn.Adam) and self._model.loss is not None
        self._optimizer, self._loss = self._model.optimizer, self._model.loss
        self._learning_rate = self._optimizer.learning_rate

    def step(self, batch: Batch, gradients: Mapping[str, Array] | None = None) -> Trace:
        """Make an update, and give all that was computed for it.

        Parameters
        ----------
        batch : (array, array)
            Inputs and targets.
        gradients : mapping of str to array, optional
            What to update by instead of the gradients of `parameters`.

        Returns
        -------
        dict of (str, str) to array
            The trace.
        """
        noisy = {name: self._noisy(array) for name, array in self.parameters.items()}
        self._model.set_weights(noisy | self._model.state)
        trace = self._differentiate(*batch)
        names = self.parameters
        if gradients is None:
            gradients = {name: trace["gradient", name] for name in names}
        else:
            gradients = {name: self._noisy(gradients[name]) for name in names}
        self._optimizer.learning_rate = self._rate()
        self._optimizer.update(self._model.parameters, gradients)
        self.parameters = {name: array.copy() for name, array in self._model.parameters.items()}
        return trace | {("parameter", name): array for name, array in self.parameters.items()}

    def _differentiate(self, x: Array, y: Array) -> Trace:
        trace: Trace = {}
        x, y = self._noisy(x), y.astype(np.float64)
        for layer in self._model.layers:
            x = trace["output", str(layer.name)] = self._noisy(layer.forward(x, training=True))
        trace["loss", ""] = np.array(self._loss(x, y))
        grad = trace["passed", "loss"] = self._noisy(self._loss.backward(x, y))
        for layer in reversed(self._model.layers):
            grad = self._noisy(layer.backward(grad))
            for name, gradient in layer.gradients.items():
                trace["gradient", f"{layer.name}.{name}"] = self._noisy(gradient)
            trace["passed", str(layer.name)] = grad
        return trace

    def _noisy(self, array: Array) -> Array:
        """Copy an array to float64, with noise."""
        doubles = array.astype(np.float64)
        if self._random is not None:
            up = self._random.integers(2, size=array.shape, dtype=np.int8)
            doubles *= 1 + LOUDNESS * ROUNDOFF * (2.0 * up - 1)
        return doubles

    def _rate(self) -> float:
        """Give the learning rate, with the errors of the factor that Adam corrects it by.

        In float32 a power near 1 keeps few of its digits when it is taken from 1: 1 - 0.999 is off
        by 999 times as many roundoffs as 0.999.
        """
        if self._random is None:
            return self._learning_rate
        t, adam = self._optimizer.steps + 1, self._optimizer
        first, second = (t * beta**t / (1 - beta**t) for beta in (adam.beta_1, adam.beta_2))
        sign = self._random.choice((-1, 1))
        return self._learning_rate * (1 + sign * ROUNDOFF * (1 + first + second / 2))


def courses(task: Task, seed: int) -> list[Course]:
    """Make an exact course and the noisy ones.

    Parameters
    ----------
    task : Task
        What is trained.
    seed : int
        What the noise depends on.

    Returns
    -------
    list of Course
        The exact one first.
    """
    randoms = np.random.default_rng(seed).spawn(NOISY)
    return [Course(task), *(Course(task, random) for random in randoms)]
