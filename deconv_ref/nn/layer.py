"""What all layers share.

The docstring of each layer lists what it takes beside the options of `Layer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar

import numpy as np

import deconv_ref as dr
from deconv_ref.arrays import add, moved
from deconv_ref.checks import check_batch, check_floating
from deconv_ref.errors import ParameterError, message
from deconv_ref.nn.configuration import Configured, check_number, choose
from deconv_ref.nn.initializers import Fans, Initializer
from deconv_ref.nn.losses import Penalty

__all__ = ["Layer", "Operator", "Weighted", "generator"]


def generator(seed: int, *key: int) -> np.random.Generator:
    """Make a generator (PCG64) that depends on a seed and on what it is for, and nothing else.

    Examples
    --------
    >>> generator(7, 0, 1).random() == generator(7, 0, 2).random()
    False
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


@dataclass(eq=False, kw_only=True)
class Layer(Configured):
    """Base of the layers.

    A subclass is a dataclass whose fields are the options of the layer. It defines ``_create``,
    if it has parameters, ``_forward`` and ``_backward``; what `_forward` returns beside the result
    is handed to `_backward`.

    Parameters
    ----------
    name : str, optional
        Name within a network, which gives one of its own by default.
    learning_rate_factor : float
        What the optimizer's learning rate is multiplied by for this layer; 0 freezes it.

    Attributes
    ----------
    parameters : dict of str to array
        What training changes, in place.
    gradients : dict of str to array
        Gradients of the last `backward`, with the same keys.
    state : dict of str to array
        What training remembers beside them, such as running statistics.
    """

    name: str | None = None
    learning_rate_factor: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "learning_rate_factor", low=0)
        self.unbuild()

    def unbuild(self) -> None:
        """Forget everything but the options: the next `build` makes all anew."""
        self.parameters: dict[str, Any] = {}
        self.gradients: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.dtype: np.dtype[Any] | None = None
        self.random = generator(0)
        self._saved: tuple[Any, ...] | None = None
        self._needs_x = True

    def build(
        self,
        input_shape: tuple[int, ...],
        dtype: Any = "float32",
        random: np.random.Generator | None = None,
    ) -> None:
        """Make the parameters, once; the first `forward` does it otherwise.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of the input without the batch, (C, *spatial).
        dtype : dtype
            Of the parameters, float32 or float64.
        random : numpy.random.Generator, optional
            Where initial weights, and masks of dropout, come from.
        """
        if self.dtype is None:
            self.random = random or self.random
            self._create(input_shape, np.dtype(dtype))
            self.dtype = np.dtype(dtype)

    def to(self, device: str) -> None:
        """Move parameters, gradients and state to a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            Where to.
        """
        for arrays in (self.parameters, self.gradients, self.state):
            arrays.update({name: moved(array, device) for name, array in arrays.items()})
        self.forget()
        self.release()

    def forward(self, x: Any, training: bool = False) -> Any:
        """Compute the layer's result, and keep what its gradient needs.

        Parameters
        ----------
        x : array of shape (N, ...)
            Input, of the layer's dtype.
        training : bool
            Whether batch statistics are taken and values are dropped.

        Returns
        -------
        array
            The result.

        Raises
        ------
        DeconvRefError
            If the layer cannot take `x`.
        """
        return self._checked(x, training)

    def backward(self, grad_y: Any, needs_x: bool = True) -> Any:
        """Compute the gradients of the last `forward`, and let go of what it kept.

        Parameters
        ----------
        grad_y : array
            Gradient of a scalar with respect to the result.
        needs_x : bool
            Whether the gradient of the input is wanted; without, a layer may give None.

        Returns
        -------
        array of x's shape
            Its gradient with respect to the input; those of the parameters are in `gradients`.

        Raises
        ------
        ParameterError
            If there was no `forward` since the last `backward`.
        """
        saved, self._saved = self._saved, None
        if saved is None:
            got = "none since the last backward"
            raise ParameterError(message(type(self).__name__, "forward", "called first", got))
        self._needs_x = needs_x
        return self._backward(grad_y, *saved)

    def forget(self) -> None:
        """Let go of what the last `forward` kept for `backward`."""
        self._saved = None

    def release(self) -> None:
        """Let go of what the last `forward` kept for layers that come later."""

    def connect(self, layers: Mapping[str, "Layer"]) -> None:
        """Find the layers of the network that this one refers to by their names.

        Parameters
        ----------
        layers : mapping of str to Layer
            The layers that come earlier in the network.
        """

    def penalty(self) -> float:
        """Give what the weights add to the loss."""
        return 0.0

    def penalize(self) -> None:
        """Add the gradient of the penalty to those of the last `backward`."""

    def _checked(self, x: Any, training: bool, **how: Any) -> Any:
        """Compute the result of an `x` that is checked first, and keep what `_backward` needs."""
        check_floating(type(self).__name__, x=x)
        check_batch(type(self).__name__, x=x)
        self.build(x.shape[1:], x.dtype)
        forward: Any = self._forward  # which may take more than those of other layers
        y, self._saved = forward(x, training, **how)
        return y

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Make `parameters` and `state`."""

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        raise NotImplementedError

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        raise NotImplementedError

    def _keep(self, gradients: Any) -> Any:
        """Take the gradients of the parameters from an operator's, and return that of ``x``."""
        self.gradients = {name: getattr(gradients, name) for name in self.parameters}
        return gradients.x

    def _options(self) -> dict[str, Any]:
        """Give the fields that the layer adds to those of every layer."""
        kind: Any = type(self)
        return {name: getattr(self, name) for name in own_fields(kind)}


@dataclass(eq=False, kw_only=True)
class Operator(Layer):
    """Base of the layers without parameters that are one operator.

    A subclass names it. The operator takes the fields of the layer for options, and so does its
    gradient, after the input, or the input's shape where it is linear.
    """

    operator: ClassVar[str]
    linear: ClassVar[bool] = False

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        y = getattr(dr, self.operator)(x, **self._options())
        return y, (x.shape if self.linear else x,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return getattr(dr, f"{self.operator}_backward")(grad_y, *saved, **self._options())


@dataclass(eq=False, kw_only=True)
class Weighted(Layer):
    """Base of the layers with a weight and a bias.

    Parameters
    ----------
    use_bias : bool
        Whether there is a bias.
    weight_initializer : Initializer or str
        What the weight starts from.
    bias_initializer : Initializer or str
        What the bias starts from.
    weight_penalty : Penalty or str, optional
        What the weight, and not the bias, adds to the loss.
    """

    use_bias: bool = True
    weight_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    weight_penalty: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        for field in ("weight_initializer", "bias_initializer"):
            setattr(self, field, choose(Initializer, getattr(self, field), name, field))
        if self.weight_penalty is not None:
            self.weight_penalty = choose(Penalty, self.weight_penalty, name, "weight_penalty")

    def penalty(self) -> float:
        """Give what the weights add to the loss."""
        return self.weight_penalty(self.parameters["weight"]) if self.weight_penalty else 0.0

    def penalize(self) -> None:
        """Add the gradient of the penalty to those of the last `backward`."""
        if self.weight_penalty:
            add(self.gradients["weight"], self.weight_penalty.backward(self.parameters["weight"]))

    def _weigh(
        self,
        shape: tuple[int, ...],
        outputs: int,
        fans: Fans,
        dtype: np.dtype[Any],
        filters: int = 0,
    ) -> None:
        """Make a weight of this shape, with `filters` on that axis, and a bias for each output."""
        weight = self.weight_initializer(shape, fans, self.random, filters)
        self.parameters["weight"] = weight.astype(dtype)
        if self.use_bias:
            bias = self.bias_initializer((outputs,), fans, self.random)
            self.parameters["bias"] = bias.astype(dtype)


@cache
def own_fields(kind: Any) -> tuple[str, ...]:
    """Name the fields that a class of layers adds to those of every layer."""
    common = {field.name for field in fields(Layer)}
    return tuple(field.name for field in fields(kind) if field.name not in common)
