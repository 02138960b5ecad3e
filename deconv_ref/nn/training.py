"""One step of training, the loop of them, and where it stands between two batches."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from deconv_ref.arrays import moved, picked
from deconv_ref.errors import ParameterError, message
from deconv_ref.memory import reusing
from deconv_ref.nn.layer import generator
from deconv_ref.nn.losses import Loss
from deconv_ref.nn.optimizers import Optimizer

if TYPE_CHECKING:
    from deconv_ref.nn.sequential import Sequential

__all__ = [
    "Data",
    "Means",
    "Progress",
    "Run",
    "Schedule",
    "compiled",
    "evaluate",
    "step",
    "train",
]


@dataclass(frozen=True)
class Progress:
    """What `Sequential.fit` tells its `progress` callback.

    After each batch with `values` the means over the epoch so far; and, `complete`, after each
    epoch, with those of the validation too.

    Parameters
    ----------
    epoch, epochs : int
        The epoch, from 1, and how many there will be.
    batch : int
        Batches done of it.
    batches : int or None
        How many it has; None where the data do not say.
    values : dict of str to float
        The loss and the metrics by name.
    complete : bool
        Whether the epoch is over.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int | None
    values: dict[str, float]
    complete: bool = False


@dataclass
class Means:
    """Means over samples, batch by batch."""

    samples: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, samples: int, values: dict[str, float]) -> None:
        """Take in the means over a batch.

        Examples
        --------
        >>> means = Means()
        >>> means.add(3, {"loss": 1.0})
        >>> means.add(1, {"loss": 5.0})
        >>> means.values()
        {'loss': 2.0}
        """
        self.samples += samples
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + samples * value

    def values(self) -> dict[str, float]:
        """Give the means over all batches."""
        return {name: total / self.samples for name, total in self.sums.items()}


@dataclass
class Run:
    """Where a training run stands: what a checkpoint keeps for `fit` to go on from.

    Parameters
    ----------
    plan : dict
        What must be the same when it goes on, from `Data.plan`.
    epoch : int
        Epochs done.
    batch : int
        Batches done of the next one.
    means : Means
        Loss and metrics of these.
    history : dict of str to list of float
        Loss and metrics of each epoch.
    """

    plan: dict[str, Any]
    epoch: int = 0
    batch: int = 0
    means: Means = field(default_factory=Means)
    history: dict[str, list[float]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Describe the run by values that JSON can hold."""
        return asdict(self)

    @classmethod
    def restored(cls, document: dict[str, Any]) -> "Run":
        """Make the run that `document` described."""
        return cls(**{**document, "means": Means(**document["means"])})

    def check(self, plan: dict[str, Any]) -> None:
        """Ask that training go on with the data, batches and order that it began with.

        Raises
        ------
        ParameterError
            If something differs.
        """
        for name, value in self.plan.items():
            got = plan.get(name, "batches of another kind")
            if got != value:
                remedy = "Pass the same, or save the model and load that to begin anew"
                wanted = f"{value}, as in the run that the checkpoint goes on with"
                raise ParameterError(message("fit", name, wanted, got, remedy))


@dataclass(frozen=True)
class Data:
    """Pairs of input and target in batches: two arrays, or an iterable that has batches already.

    Parameters
    ----------
    x : array or iterable of (array, array)
        Inputs, or batches when there is no `y`.
    y : array, optional
        Targets.
    batch_size : int
        Samples of a batch of arrays; the last one may have fewer.
    shuffle : bool
        Whether arrays are taken in another order in every epoch.
    seed : int
        What decides these orders.
    function, parameter : str
        Who was given `x`, and as what, to name in errors.
    """

    x: Any
    y: Any
    batch_size: int
    shuffle: bool = False
    seed: int = 0
    function: str = "fit"
    parameter: str = "x"

    @property
    def plan(self) -> dict[str, Any]:
        """What a run that goes on must have in common with the one that was stopped."""
        if self.y is None:
            return {"batches": self.batches}
        return {"samples": len(self.x), "batch_size": self.batch_size, "shuffle": self.shuffle}

    @property
    def batches(self) -> int | None:
        """How many batches there are, or None where an iterable does not say."""
        if self.y is None:
            return len(self.x) if hasattr(self.x, "__len__") else None
        return -(-len(self.x) // self.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Any, Any]]:
        """Give the batches of an epoch, in an order that depends on seed and number alone."""
        if self.y is None:
            for batch in self.x:
                if not isinstance(batch, tuple | list) or len(batch) != 2:
                    wanted, got = "batches of (x, y)", type(batch).__name__
                    raise ParameterError(message(self.function, self.parameter, wanted, got))
                yield batch[0], batch[1]
            return
        order = np.arange(len(self.x))
        if self.shuffle:
            order = generator(self.seed, 1, number).permutation(order)
        for first in range(0, len(order), self.batch_size):
            chosen = order[first : first + self.batch_size]
            yield picked(self.x, chosen), picked(self.y, chosen)

    def means(self, means: Means) -> dict[str, float]:
        """Give the means over an epoch.

        Raises
        ------
        ParameterError
            If it had no samples.
        """
        if not means.samples:
            remedy = "An iterator is used up after one epoch: pass a list, or an object that starts"
            remedy += " anew on each iteration"
            wanted = "one sample long at least"
            given = (self.function, self.parameter, wanted, "none")
            raise ParameterError(message(*given, "" if self.y is not None else remedy))
        return means.values()


@dataclass(frozen=True)
class Schedule:
    """What happens beside the updates.

    Parameters
    ----------
    epochs : int
        Epochs of the whole run.
    validation : Data or None
        What the network is evaluated on after each epoch.
    progress : callable
        Called with a `Progress`.
    keep : callable
        Called with the run where a checkpoint is due.
    every : int or None
        One is due after so many batches, and after each epoch.
    """

    epochs: int
    validation: Data | None
    progress: Callable[[Progress], object]
    keep: Callable[[Run], object]
    every: int | None


def compiled(model: "Sequential") -> tuple[Optimizer, Loss]:
    """Give optimizer and loss of a network that has them.

    Raises
    ------
    ParameterError
        If it has none.
    """
    if model.optimizer is None or model.loss is None:
        wanted = 'called first, such as compile("adam", "mse")'
        raise ParameterError(message("Sequential", "compile", wanted, "no call"))
    return model.optimizer, model.loss


def step(model: "Sequential", x: Any, y: Any) -> tuple[float, Any]:
    """Learn from one batch, and give the loss and the prediction before it.

    Raises
    ------
    DeconvRefError
        If the network is not compiled or an array does not fit.
    """
    optimizer, loss = compiled(model)
    model.check("train_step", y=y)
    y = moved(y, model.device)
    for layer in model.layers:  # the memory of what the last step left is for what is to come
        layer.release()
        layer.gradients = {}
    with reusing(model.memory):
        prediction = model.forward(x, training=True)
        value = loss(prediction, y) + _penalty(model)
        model.backward(loss.backward(prediction, y), needs_x=False)
        for layer in model.layers:
            layer.penalize()
    factors = {
        f"{layer.name}.{parameter}": layer.learning_rate_factor
        for layer in model.layers
        for parameter in layer.parameters
    }
    optimizer.update(model.parameters, model.gradients, factors)
    return value, prediction


def train(model: "Sequential", data: Data, run: Run, schedule: Schedule) -> dict[str, list[float]]:
    """Train until the epochs are over, from wherever the run stands.

    Parameters
    ----------
    model : Sequential
        A compiled network.
    data : Data
        What it learns from.
    run : Run
        Where the run stands; it is moved on.
    schedule : Schedule
        How far to go, and what to do on the way.

    Returns
    -------
    dict of str to list of float
        Loss and metrics of each epoch.

    Raises
    ------
    ParameterError
        If an epoch has no batches.
    """
    while run.epoch < schedule.epochs:
        place = (run.epoch + 1, schedule.epochs)
        for x, y in islice(data.epoch(model.epochs), run.batch, None):
            loss, prediction = step(model, x, y)
            run.means.add(len(x), _values(model, loss, prediction, y))
            del prediction  # its memory is for the next one
            run.batch += 1
            schedule.progress(Progress(*place, run.batch, data.batches, run.means.values()))
            if schedule.every and run.batch % schedule.every == 0:
                schedule.keep(run)
        values = data.means(run.means)
        if schedule.validation:
            measured = evaluate(model, schedule.validation)
            values |= {f"val_{name}": value for name, value in measured.items()}
        for name, value in values.items():
            run.history.setdefault(name, []).append(value)
        schedule.progress(Progress(*place, run.batch, run.batch, values, complete=True))
        run.epoch, run.batch, run.means = run.epoch + 1, 0, Means()
        model.epochs += 1
        schedule.keep(run)
    return run.history


def evaluate(model: "Sequential", data: Data) -> dict[str, float]:
    """Measure loss and metrics without learning.

    Parameters
    ----------
    model : Sequential
        A compiled network.
    data : Data
        What it is measured on.

    Returns
    -------
    dict of str to float
        The means over all samples.

    Raises
    ------
    ParameterError
        If there are no batches.
    """
    _, loss = compiled(model)
    means = Means()
    for x, y in data.epoch(0):
        model.check(data.function, x=x, y=y)
        prediction, y = model.infer(x), moved(y, model.device)
        value = loss(prediction, y) + _penalty(model)
        means.add(len(x), _values(model, value, prediction, y))
    return data.means(means)


def _penalty(model: "Sequential") -> float:
    return sum(layer.penalty() for layer in model.layers)


def _values(model: "Sequential", loss: float, prediction: Any, y: Any) -> dict[str, float]:
    measured = {name: metric(prediction, y) for name, metric in model.metrics.items()}
    return {"loss": loss, **measured}
