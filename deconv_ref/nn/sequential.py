"""A network and its training."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deconv_ref.arrays import beside, joined
from deconv_ref.checks import check_choice, check_count, is_array
from deconv_ref.cuda import numba_cuda
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.memory import Pool
from deconv_ref.nn import saving, training
from deconv_ref.nn.configuration import choose
from deconv_ref.nn.losses import Loss
from deconv_ref.nn.metrics import Metric
from deconv_ref.nn.network import Network, distinct, snake
from deconv_ref.nn.optimizers import Optimizer

__all__ = ["Sequential"]


@dataclass(eq=False)
class Sequential(Network):
    """A network of layers, one after the other, and its training.

    Parameters
    ----------
    layers : sequence of Layer
        The layers, each its own object. Those without a name get one: that of the class, with a
        number from the second on (``conv``, ``conv_1``, ``max_pool``).
    seed : int
        What initial weights, masks of dropout and the order of the samples depend on.
    dtype : {"float32", "float64"}
        dtype of the parameters, and of all that goes in.

    Attributes
    ----------
    input_shape : tuple of int or None
        Shape of the input that the layers were built for, without the batch.
    optimizer : Optimizer or None
        As compiled.
    loss : Loss or None
        As compiled.
    metrics : dict of str to Metric
        As compiled.
    epochs : int
        Epochs that the network was trained for in all.
    run : Run or None
        Where the run of a loaded checkpoint stands, for `fit` to go on from.
    notes : dict
        Yours: what JSON can hold, kept in the model's files. JSON makes texts of keys, and lists of
        tuples.

    Notes
    -----
    Each layer draws from a generator of its own, made from the seed and its position; the order
    of an epoch's samples depends on the seed and the epoch's number. With the same seed, on the
    same kind of machine, training gives the same bits, whatever the number of threads.

    Arrays have their channels first, (N, C, *spatial). Keras has them last.

    Examples
    --------
    Learn to enlarge signals:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> import deconv_ref.nn as nn
    >>> x = np.random.default_rng(0).normal(size=(32, 1, 8)).astype(np.float32)
    >>> y = dr.upsample(x, 2)
    >>> model = nn.Sequential([nn.ConvTranspose(1, 4, stride=2, padding=1)], seed=0)
    >>> model.compile(nn.Adam(0.05), "mse", metrics=["psnr"])
    >>> history = model.fit(x, y, epochs=40, batch_size=8)
    >>> history["loss"][0] > 0.1 > 1e-6 > history["loss"][-1]
    True
    >>> model.predict(x).shape
    (32, 1, 16)
    >>> print(model.summary())
    Layer                           Output shape  Parameters
    conv_transpose (ConvTranspose)  (N, 1, 16)             5
    5 parameters
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: dict[str, Metric] = {}
        self.epochs = 0
        self.run: training.Run | None = None
        self.notes: dict[str, Any] = {}
        self.memory = Pool()

    def to(self, device: str) -> "Sequential":
        """Move the network, and what its optimizer remembers, to a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            ``"cuda"`` is the GPU that Numba has selected.

        Returns
        -------
        Sequential
            The network itself.

        Raises
        ------
        ParameterError
            If it is none of the two.
        BackendError
            If there is no GPU that can be used.

        Notes
        -----
        On a GPU, batches of NumPy arrays are copied there, losses come back, and so does what
        metrics measure; parameters, gradients and moments stay. `predict` gives arrays where its
        input was. Files hold no device: `load` makes a network on the CPU.
        """
        check_choice("to", "device", device, ("cpu", "cuda"))
        if device == "cuda":
            numba_cuda("to")
        self.device = device
        self._place()
        if self.optimizer is not None:
            self.optimizer.to(device, self.parameters)
        return self

    def compile(self, optimizer: Any, loss: Any, metrics: Iterable[Any] = ()) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : Optimizer or str
            The optimizer, or its name for the default one: ``"adam"``.
        loss : Loss or str
            What is to become small.
        metrics : iterable of Metric or str
            What is told beside it.

        Raises
        ------
        ParameterError
            If one is none of deconv_ref.nn's.

        Notes
        -----
        An optimizer remembers the parameters of one network, and refuses another's. After
        `compile`, `fit` does not go on with the run of a checkpoint.
        """
        self.optimizer = choose(Optimizer, optimizer, "compile", "optimizer")
        self.loss = choose(Loss, loss, "compile", "loss")
        chosen = [choose(Metric, metric, "compile", "metrics") for metric in metrics]
        names = distinct(map(snake, chosen))
        self.metrics = dict(zip(names, chosen, strict=True))
        self.run = None

    def train_step(self, x: Any, y: Any) -> float:
        """Learn from one batch.

        Parameters
        ----------
        x, y : array
            Inputs and targets, of the network's dtype.

        Returns
        -------
        float
            The loss before the update, with the penalties; `gradients` has its gradients.

        Raises
        ------
        ParameterError
            If the network is not compiled.
        DeconvRefError
            If an array does not fit.
        """
        return training.step(self, x, y)[0]

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_data: Any = None,
        progress: Callable[[training.Progress], object] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
    ) -> dict[str, list[float]]:
        """Train for some epochs.

        Parameters
        ----------
        x : array, or iterable of (array, array)
            Inputs; or, without `y`, an iterable of batches that starts anew for every epoch.
        y : array, optional
            Targets.
        epochs : int
            How often to go through the data.
        batch_size : int
            Samples per update; the last batch of an epoch may have fewer. Without effect on an
            iterable of batches, as is `shuffle`.
        shuffle : bool
            Whether the samples come in another order in each epoch.
        validation_data : (array, array), or iterable of (array, array), optional
            What to `evaluate` after each epoch: inputs and targets, in a tuple or list, or batches
            of them. Its results are told as ``val_loss`` and so on.
        progress : callable, optional
            Called with a `Progress` after each batch and each epoch.
        checkpoint : path, optional
            File to write after each epoch: the model, and where training stands.
        checkpoint_every : int, optional
            Write it after every so many batches too.

        Returns
        -------
        dict of str to list of float
            Mean loss and metrics of each epoch, as they were in training.

        Raises
        ------
        ParameterError
            If a parameter is out of its range, the network not compiled, or a run from a
            checkpoint gone on with by other data.
        DeconvRefError
            If an array does not fit.

        Notes
        -----
        The first `fit` after `load` of a checkpoint goes on where that stands, up to `epochs` in
        all, with the bits that the run would have had without a stop; where it is over, nothing is
        left to do. Data must be the same. Any other `fit` makes `epochs` more.

        Examples
        --------
        A run of five epochs that is stopped after two:

        >>> import tempfile
        >>> import numpy as np
        >>> import deconv_ref.nn as nn
        >>> x = np.arange(8, dtype=np.float32).reshape(8, 1) / 8
        >>> model = nn.Sequential([nn.Dense(1)])
        >>> model.compile(nn.SGD(0.1), "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/run.safetensors"
        ...     stopped = model.fit(x, 2 * x, epochs=2, checkpoint=path)
        ...     history = nn.Sequential.load(path).fit(x, 2 * x, epochs=5)
        >>> len(history["loss"]), history["loss"][:2] == stopped["loss"]
        (5, True)
        """
        data = self._data("fit", x, y, batch_size, shuffle)
        epochs = check_count("fit", "epochs", epochs, 1)
        if checkpoint_every is not None:
            checkpoint_every = check_count("fit", "checkpoint_every", checkpoint_every, 1)
        if checkpoint is None and checkpoint_every is not None:
            raise ParameterError(message("fit", "checkpoint", "given with checkpoint_every", None))
        if checkpoint is not None and not Path(checkpoint).resolve().parent.is_dir():
            wanted = "a file in a folder that is there"
            raise ParameterError(message("fit", "checkpoint", wanted, str(checkpoint)))
        training.compiled(self)
        validation = None
        if validation_data is not None:
            validation = self._validation(validation_data, batch_size)
        run = self.run or training.Run(data.plan)
        run.check(data.plan)
        self.run = None

        def keep(run: training.Run) -> None:
            if checkpoint is not None:
                saving.write(self, checkpoint, run)

        tell = progress or (lambda progress: None)
        schedule = training.Schedule(epochs, validation, tell, keep, checkpoint_every)
        try:
            return training.train(self, data, run, schedule)
        finally:
            self.memory = Pool()  # what the steps took is let go

    def evaluate(self, x: Any, y: Any = None, *, batch_size: int = 32) -> dict[str, float]:
        """Measure loss and metrics without learning.

        Parameters
        ----------
        x : array, or iterable of (array, array)
            Inputs; or, without `y`, batches.
        y : array, optional
            Targets.
        batch_size : int
            Samples at a time.

        Returns
        -------
        dict of str to float
            ``"loss"``, with the penalties, and the metrics: means over the samples.
        """
        training.compiled(self)
        return training.evaluate(self, self._data("evaluate", x, y, batch_size, False))

    def predict(self, x: Any, *, batch_size: int = 32) -> Any:
        """Compute the network's results.

        Parameters
        ----------
        x : array of shape (N, C, *spatial)
            Inputs.
        batch_size : int
            Samples at a time.

        Returns
        -------
        array of shape (N, ...)
            The results.
        """
        batch_size = check_count("predict", "batch_size", batch_size, 1)
        self.check("predict", x=x)
        data = training.Data(x, x, batch_size)
        parts = [self.infer(batch) for batch, _ in data.epoch(0)]
        return beside(x, joined(parts) if parts else self.infer(x))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, in the safetensors format.

        Parameters
        ----------
        path : path
            The file; it is replaced whole or, where writing fails, left as it is.

        Raises
        ------
        ParameterError
            If the network is not built and layers of it are, or JSON cannot hold its notes.
        OSError
            If the file cannot be written.

        Notes
        -----
        The arrays are the parameters and states by their names, and the optimizer's by
        ``optimizer/<parameter>/<slot>``. The rest stands in the metadata, as JSON: layers, loss,
        metrics, optimizer, generators, notes. Any program that reads safetensors can read the
        weights.
        """
        saving.write(self, path, None)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Sequential":
        """Read a model that `save`, or `fit` as a checkpoint, wrote.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        Sequential
            The model, compiled if it was.

        Raises
        ------
        ParameterError
            If there is no such file, or it is damaged, or holds no model of deconv_ref's.

        Notes
        -----
        Nothing in a file is run. Layers of your own must be imported before.
        """
        return saving.read(cls, path)

    def _data(self, function: str, x: Any, y: Any, batch_size: int, shuffle: bool) -> training.Data:
        """Check arrays and batches."""
        batch_size = check_count(function, "batch_size", batch_size, 1)
        if y is None and (is_array(x) or not isinstance(x, Iterable)):
            wanted = "given with an array x; else x must be an iterable of batches (x, y)"
            raise ParameterError(message(function, "y", wanted, "None"))
        if y is not None:
            self._check_pair(function, x=x, y=y)
        return training.Data(x, y, batch_size, shuffle, self.seed, function)

    def _validation(self, given: Any, batch_size: int) -> training.Data:
        """Tell two arrays from batches of them, and check the arrays."""
        name, listed = "validation_data", isinstance(given, tuple | list)
        if listed and given and all(map(_is_pair, given)):
            x, y = given, None
        elif listed and len(given) == 2:
            x, y = given
            self._check_pair("fit", **{f"{name}[0]": x, f"{name}[1]": y})
        elif not listed and isinstance(given, Iterable) and not is_array(given):
            x, y = given, None
        else:
            wanted = "two arrays (x, y), or batches of them"
            got = type(given).__name__ + (f" of {len(given)}" if listed else "")
            raise ParameterError(message("fit", name, wanted, got))
        return training.Data(x, y, batch_size, function="fit", parameter=name)

    def _check_pair(self, function: str, **arrays: Any) -> None:
        """Ask for two arrays of as many samples, one at least."""
        self.check(function, **arrays)
        (first, x), (second, y) = arrays.items()
        if len(x) != len(y):
            wanted = f"of as many samples as {first}, {len(x)}"
            raise ShapeError(message(function, second, wanted, len(y)))
        if not len(x):
            raise ShapeError(message(function, first, "one sample long at least", "none"))


def _is_pair(batch: object) -> bool:
    return isinstance(batch, tuple | list) and len(batch) == 2
