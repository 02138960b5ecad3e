"""What a model file says of a network, and the network that it describes."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deconv_ref.arrays import on_host
from deconv_ref.errors import DeconvRefError, ParameterError, message
from deconv_ref.nn import storage
from deconv_ref.nn.configuration import rebuild
from deconv_ref.nn.losses import Loss
from deconv_ref.nn.metrics import Metric
from deconv_ref.nn.optimizers import Optimizer
from deconv_ref.nn.training import Run

if TYPE_CHECKING:
    from deconv_ref.nn.sequential import Sequential

__all__ = ["read", "write"]

# What a document can cause that has the right digest and describes no network: other keys, other
# types, other classes, sizes beyond all memory, brackets without end.
FAULTS = (
    *(DeconvRefError, AttributeError, KeyError, TypeError, ValueError),
    *(MemoryError, OverflowError, RecursionError),
)


def write(model: "Sequential", path: str | os.PathLike[str], run: Run | None) -> None:
    """Save a network, with a run to go on with if it is a checkpoint.

    Parameters
    ----------
    model : Sequential
        The network.
    path : path
        The file.
    run : Run or None
        Where training stands.

    Raises
    ------
    ParameterError
        If layers of the network are built and the network is not, or JSON cannot hold its notes.
    """
    arrays = model.parameters | model.state
    if arrays and model.input_shape is None:
        remedy = "Call build with the shape of an input, without the batch"
        got = "layers that were built in another network"
        raise ParameterError(message("save", "the network", "built itself", got, remedy))
    if not isinstance(model.notes, dict):
        raise ParameterError(message("save", "notes", "a dict", repr(model.notes)))
    compiled = None
    if model.optimizer and model.loss:
        model.optimizer.prepare(model.parameters)
        arrays |= _remembered(model.optimizer)
        compiled = {
            "optimizer": model.optimizer.config(),
            "steps": model.optimizer.steps,
            "loss": model.loss.config(),
            "metrics": [metric.config() for metric in model.metrics.values()],
        }
    document = {
        "network": model.config(),
        "input_shape": model.input_shape,
        "compiled": compiled,
        "epochs": model.epochs,
        "generators": [layer.random.bit_generator.state for layer in model.layers],
        "run": run and run.document(),
        "notes": model.notes,
    }
    storage.write(path, {name: on_host(a) for name, a in arrays.items()}, document)


def read(kind: type["Sequential"], path: str | os.PathLike[str]) -> "Sequential":
    """Make the network that a file describes.

    Parameters
    ----------
    kind : type
        Its class.
    path : path
        The file.

    Returns
    -------
    Sequential
        The network, with the run if the file is a checkpoint.

    Raises
    ------
    ParameterError
        If the file holds no such network.
    """
    arrays, document = storage.read(path)
    try:
        model = rebuild(kind, document["network"])
        _restore(model, arrays, document)
    except FAULTS as error:
        got = f"{path}, whose description makes no network here ({error})"
        remedy = "Import your own layers first; use the version of deconv_ref that wrote it"
        raise storage.fault(got, remedy) from None
    return model


def _restore(model: "Sequential", arrays: Mapping[str, Any], document: dict[str, Any]) -> None:
    """Give a new network everything that `write` wrote beside the layers."""
    if document["input_shape"] is not None:
        model.build(document["input_shape"])
    taken = model.parameters | model.state
    model.set_weights({name: arrays[name] for name in taken})
    if compiled := document["compiled"]:
        optimizer = rebuild(Optimizer, compiled["optimizer"])
        optimizer.steps = compiled["steps"]
        optimizer.prepare(model.parameters)
        for name, array in _remembered(optimizer).items():
            array[...] = arrays[name]
        taken |= _remembered(optimizer)
        metrics = [rebuild(Metric, config) for config in compiled["metrics"]]
        model.compile(optimizer, rebuild(Loss, compiled["loss"]), metrics)
    if left := sorted(arrays.keys() - taken):
        raise ParameterError(message("load", "arrays", "the network's", f"{left} too"))
    for layer, state in zip(model.layers, document["generators"], strict=True):
        layer.random.bit_generator.state = state
    model.epochs = document["epochs"]
    model.run = Run.restored(document["run"]) if document["run"] else None
    model.notes = dict(document["notes"])


def _remembered(optimizer: Optimizer) -> dict[str, Any]:
    """Name what an optimizer remembers as files do."""
    return {
        f"optimizer/{parameter}/{slot}": array
        for parameter, slots in optimizer.state.items()
        for slot, array in slots.items()
    }
