"""Layers one after the other, as one function with its gradient."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from deconv_ref.arrays import assign, moved, on_host
from deconv_ref.checks import check_batch, check_choice, check_count, check_floating, check_shape
from deconv_ref.errors import DeconvRefError, DTypeError, ParameterError, message
from deconv_ref.nn.activations import Relu
from deconv_ref.nn.configuration import Configured
from deconv_ref.nn.convolutional import Conv, Convolution, ConvTranspose
from deconv_ref.nn.layer import Layer, generator
from deconv_ref.nn.pooling import MaxPool
from deconv_ref.parameters import is_size, plain

__all__ = ["Network", "distinct", "snake"]

DTYPES = ("float32", "float64")


@dataclass(eq=False)
class Network(Configured):
    """Base of `Sequential`: its layers and weights, without its training.

    Parameters
    ----------
    layers : sequence of Layer
        The layers, each its own object.
    seed : int
        What initial weights and masks of dropout depend on.
    dtype : {"float32", "float64"}
        dtype of the parameters, and of all that goes in.
    """

    layers: Sequence[Layer]
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_choice("Sequential", "dtype", self.dtype, DTYPES)
        self.seed = check_count("Sequential", "seed", self.seed, 0)
        self.layers = list(self.layers)
        _name(self.layers)
        earlier: dict[str, Layer] = {}
        for layer in self.layers:
            layer.connect(earlier)
            earlier[str(layer.name)] = layer
        self.input_shape: tuple[int, ...] | None = None
        self.device = "cpu"
        self.shapes: list[tuple[int, ...]] = []

    def build(self, input_shape: Iterable[int]) -> None:
        """Make all parameters; the first `forward` does it otherwise.

        Sizes are found by sending an empty batch through the operators.

        Parameters
        ----------
        input_shape : iterable of int
            Shape of the input without the batch, (C, *spatial).

        Raises
        ------
        ParameterError
            If it is no shape.
        DeconvRefError
            If a layer cannot take what it is given; a note names the layer.
        """
        if self.input_shape is not None:
            return
        shape = plain(tuple(input_shape))
        if not all(is_size(n, least=1) for n in shape):
            wanted, got = "sizes of at least 1, without the batch", repr(input_shape)
            raise ParameterError(message("build", "input_shape", wanted, got))
        new = [layer for layer in self.layers if layer.dtype is None]
        try:
            self.shapes = self._build(np.empty((0, *shape), self.dtype))
        except BaseException:  # Ctrl-C too
            for layer in new:  # they were made for an input that does not fit
                layer.unbuild()
            raise
        self.input_shape = shape
        self._place()

    def forward(self, x: Any, training: bool = False) -> Any:
        """Compute the network's result, and keep what `backward` needs.

        Parameters
        ----------
        x : array of shape (N, C, *spatial)
            Input, of the network's dtype.
        training : bool
            Whether batch statistics are taken and values are dropped.

        Returns
        -------
        array
            The result.

        Raises
        ------
        DTypeError
            If `x` is of another dtype.
        DeconvRefError
            If a layer cannot take what it is given; a note names the layer.
        """
        self.check("forward", x=x)
        self.build(x.shape[1:])
        x = moved(x, self.device)
        for layer, rectifier in _together(self.layers):
            with _in_layer(layer, x):
                x = _result(layer, rectifier, x, training)
        return x

    def backward(self, grad_y: Any, needs_x: bool = True) -> Any:
        """Compute the gradients of the last `forward`.

        Parameters
        ----------
        grad_y : array
            Gradient of a scalar with respect to the result.
        needs_x : bool
            Whether the gradient of the input is wanted, or only those of the parameters.

        Returns
        -------
        array or None
            Its gradient with respect to the input, if wanted; those of the parameters are in
            `gradients`.
        """
        first = 0
        if not needs_x:
            learning = [n for n, layer in enumerate(self.layers) if layer.parameters]
            first = min(learning, default=len(self.layers))
        after: Layer | None = None
        for layer in reversed(self.layers[first:]):
            wanted = needs_x or layer is not self.layers[first]
            # What these layers give is new and nobody else's.
            fresh = after is not None and _is_plain(after, Conv, ConvTranspose, MaxPool)
            over = fresh and _is_plain(layer, Relu)
            backward = cast(Relu, layer).backward_over if over else layer.backward
            grad_y, after = backward(grad_y, wanted), layer
        for layer in self.layers[:first]:
            layer.forget()
        return grad_y if needs_x else None

    @property
    def parameters(self) -> dict[str, Any]:
        """The arrays that training changes, by ``"layer.parameter"``."""
        return self._gather("parameters")

    @property
    def gradients(self) -> dict[str, Any]:
        """The gradients of the last `backward` or `train_step`, by ``"layer.parameter"``."""
        return self._gather("gradients")

    @property
    def state(self) -> dict[str, Any]:
        """What training remembers, such as running statistics, by ``"layer.name"``."""
        return self._gather("state")

    def get_weights(self) -> dict[str, Any]:
        """Copy all parameters and states, by name, to NumPy arrays."""
        own = self.parameters | self.state
        return {name: np.array(on_host(array)) for name, array in own.items()}

    def set_weights(self, weights: Mapping[str, Any]) -> None:
        """Set all parameters and states of a network that is built.

        Parameters
        ----------
        weights : mapping of str to array
            As `get_weights` gives them.

        Raises
        ------
        ParameterError
            If a name is missing or too many.
        ShapeError, DTypeError
            If an array is another than the network's.
        """
        own = self.parameters | self.state
        if weights.keys() != own.keys():
            got = f"without {sorted(own.keys() - weights)} and with {sorted(weights - own.keys())}"
            remedy = "Build the network before" if not own else ""
            wanted = "arrays by the names that get_weights gives"
            raise ParameterError(message("set_weights", "weights", wanted, got, remedy))
        for name, array in weights.items():
            self._check_dtype("set_weights", **{name: array})
            check_shape("set_weights", name, array, own[name].shape)
        for name, array in weights.items():
            assign(own[name], array)

    def summary(self) -> str:
        """Describe the layers, the shapes of their results and the numbers of their parameters.

        Returns
        -------
        str
            A table, to be printed.
        """
        rows = [("Layer", "Output shape", "Parameters")]
        for layer, shape in zip(self.layers, self.shapes or [()] * len(self.layers), strict=True):
            shown = f"(N, {', '.join(map(str, shape))})" if shape else "not built"
            count = sum(array.size for array in layer.parameters.values())
            rows.append((f"{layer.name} ({type(layer).__name__})", shown, f"{count:,}"))
        first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
        table = [f"{a:{first}}  {b:{second}}  {c:>{third}}" for a, b, c in rows]
        learned, kept = (sum(a.size for a in of.values()) for of in (self.parameters, self.state))
        total = f"{learned:,} parameters" + (f", {kept:,} values of state" if kept else "")
        return "\n".join([*table, total])

    def infer(self, x: Any) -> Any:
        """Compute the network's result, and keep nothing.

        Parameters
        ----------
        x : array of shape (N, C, *spatial)
            Input, of the network's dtype.

        Returns
        -------
        array
            The result.

        Raises
        ------
        DeconvRefError
            If a layer cannot take what it is given; a note names the layer.
        """
        self.check("predict", x=x)
        self.build(x.shape[1:])
        x = moved(x, self.device)
        for layer, rectifier in _together(self.layers):
            with _in_layer(layer, x):
                x = _result(layer, rectifier, x)
                layer.forget()
                if rectifier is not None:
                    rectifier.forget()
        self._release()
        return x

    def _build(self, x: Any) -> list[tuple[int, ...]]:
        """Make the parameters for an empty batch, and give the shapes of the layers' results."""
        shapes = []
        for position, layer in enumerate(self.layers):
            with _in_layer(layer, x):
                layer.build(x.shape[1:], self.dtype, generator(self.seed, 0, position))
                x = layer.forward(x)
                layer.forget()
            shapes.append(x.shape[1:])
        self._release()
        return shapes

    def _place(self) -> None:
        """Move the arrays of all layers to the network's device."""
        for layer in self.layers:
            layer.to(self.device)

    def _release(self) -> None:
        for layer in self.layers:
            layer.release()

    def _gather(self, kind: str) -> dict[str, Any]:
        return {
            f"{layer.name}.{name}": array
            for layer in self.layers
            for name, array in getattr(layer, kind).items()
        }

    def check(self, function: str, **arrays: Any) -> None:
        """Ask for batches of the network's dtype.

        Parameters
        ----------
        function : str
            Public function to name in errors.
        **arrays : array of shape (N, ...)
            The batches by name.

        Raises
        ------
        DTypeError, ShapeError
            If one has another dtype, or no axis of samples.
        """
        self._check_dtype(function, **arrays)
        check_batch(function, **arrays)

    def _check_dtype(self, function: str, **arrays: Any) -> None:
        for name, array in arrays.items():
            check_floating(function, **{name: array})
            if array.dtype != self.dtype:
                remedy = f"Write {name}.astype(np.{self.dtype})"
                wanted = f"{self.dtype}, as the network is"
                raise DTypeError(message(function, name, wanted, str(array.dtype), remedy))


def snake(thing: object) -> str:
    """Write the name of an object's class in lower case.

    Examples
    --------
    >>> from deconv_ref.nn import LeakyRelu
    >>> snake(LeakyRelu())
    'leaky_relu'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(thing).__name__).lower()


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Add a number to each name that was there before.

    Examples
    --------
    >>> distinct(["conv", "relu", "conv", "conv"], taken=["conv_1"])
    ['conv', 'relu', 'conv_2', 'conv_3']
    """
    used, seen, result = set(taken), Counter[str](), []
    for name in names:
        chosen = name
        while chosen in used:
            seen[name] += 1
            chosen = f"{name}_{seen[name]}"
        used.add(chosen)
        result.append(chosen)
    return result


def _name(layers: Sequence[Layer]) -> None:
    """Name the layers that have no name, and ask that those of the others be fit and distinct."""
    for position, layer in enumerate(layers):
        if not isinstance(layer, Layer) or any(layer is other for other in layers[:position]):
            wanted = "layers of deconv_ref.nn, each its own object"
            got = f"{layer!r} at position {position}"
            raise ParameterError(message("Sequential", "layers", wanted, got))
    given = [layer.name for layer in layers if layer.name is not None]
    for name in given:
        if not re.fullmatch(r"[\w-]+", str(name)) or given.count(name) > 1:
            wanted = "letters, digits, _ and -, and a name of no other layer"
            raise ParameterError(message("Sequential", "a layer's name", wanted, repr(name)))
    nameless = [layer for layer in layers if layer.name is None]
    names = distinct(map(snake, nameless), taken=[str(name) for name in given])
    for layer, name in zip(nameless, names, strict=True):
        layer.name = name


def _together(layers: Iterable[Layer]) -> Iterator[tuple[Layer, Relu | None]]:
    """Give each layer, and a convolution with the rectifier that comes after it."""
    rest = deque(layers)
    while rest:
        layer = rest.popleft()
        fit = _is_plain(layer, Conv, ConvTranspose) and cast(Convolution, layer).rectifies
        rectifier = rest.popleft() if fit and rest and _is_plain(rest[0], Relu) else None
        yield layer, cast(Relu | None, rectifier)


def _is_plain(layer: Layer, *kinds: type[Layer]) -> bool:
    """Tell whether a layer is of these classes, none derived, and its methods are theirs."""
    return type(layer) in kinds and not {"forward", "backward"} & vars(layer).keys()


def _result(layer: Any, rectifier: Relu | None, x: Any, training: bool = False) -> Any:
    """Compute the result of a layer, or of it and the rectifier after it."""
    if rectifier is None:
        return layer.forward(x, training)
    return rectifier.forward_after(layer, x, training)


@contextmanager
def _in_layer(layer: Layer, x: Any) -> Iterator[None]:
    """Add to errors the layer that they came from."""
    try:
        yield
    except DeconvRefError as error:
        error.add_note(f"In layer {layer.name!r}, for an input of shape {x.shape}.")
        raise
