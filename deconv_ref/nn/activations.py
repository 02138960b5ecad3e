"""Activations: each is one operator of deconv_ref, with the layer's fields for its options."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import deconv_ref as dr
from deconv_ref.nn.configuration import choose
from deconv_ref.nn.convolutional import Convolution
from deconv_ref.nn.initializers import Constant, Fans, Initializer
from deconv_ref.nn.layer import Layer, Operator

__all__ = [
    "Elu",
    "Gelu",
    "LeakyRelu",
    "LogSoftmax",
    "Prelu",
    "Relu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Tanh",
]

QUARTER = Constant(0.25)


@dataclass(eq=False)
class Relu(Operator):
    """``max(x, 0)``: `deconv_ref.relu`."""

    operator: ClassVar[str] = "relu"

    def forward_after(self, layer: Convolution, x: Any, training: bool = False) -> Any:
        """Compute the result of a convolution and of this layer after it, at once.

        Parameters
        ----------
        layer : Conv or ConvTranspose
            The layer before, which `rectifies`.
        x : array of shape (N, C, *spatial)
            Its input.
        training : bool
            As in `forward`.

        Returns
        -------
        array
            The result. `backward` needs no other: it is positive where this layer's input was.
        """
        y = layer.forward_rectified(x, training)
        self._saved = (y,)
        return y

    def backward_over(self, grad_y: Any, needs_x: bool = True) -> Any:
        """Compute the gradient as `backward` does, in the memory of an array that is not needed.

        Parameters
        ----------
        grad_y : array
            Gradient of a scalar with respect to the result; its numbers are lost.
        needs_x : bool
            As in `backward`.

        Returns
        -------
        array
            The gradient with respect to the input.
        """
        from deconv_ref.nn.updates import rectify  # with Numba, as kernels are

        if self._saved is None or not rectify(grad_y, *self._saved):
            return self.backward(grad_y, needs_x)
        self.forget()
        return grad_y


@dataclass(eq=False)
class LeakyRelu(Operator):
    """``x`` above 0, ``negative_slope * x`` below: `deconv_ref.leaky_relu`.

    Parameters
    ----------
    negative_slope : float
        The slope below 0; Keras has 0.3.
    """

    operator: ClassVar[str] = "leaky_relu"
    negative_slope: float = 0.01


@dataclass(eq=False)
class Elu(Operator):
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below: `deconv_ref.elu`.

    Parameters
    ----------
    alpha : float
        What the result goes to, negated, for very negative x.
    """

    operator: ClassVar[str] = "elu"
    alpha: float = 1.0


@dataclass(eq=False)
class Sigmoid(Operator):
    """``1 / (1 + exp(-x))``: `deconv_ref.sigmoid`."""

    operator: ClassVar[str] = "sigmoid"


@dataclass(eq=False)
class Tanh(Operator):
    """The hyperbolic tangent: `deconv_ref.tanh`."""

    operator: ClassVar[str] = "tanh"


@dataclass(eq=False)
class Softplus(Operator):
    """``log(1 + exp(x))``: `deconv_ref.softplus`."""

    operator: ClassVar[str] = "softplus"


@dataclass(eq=False)
class Gelu(Operator):
    """``x`` times the normal distribution's integral up to x: `deconv_ref.gelu`."""

    operator: ClassVar[str] = "gelu"


@dataclass(eq=False)
class Silu(Operator):
    """``x * sigmoid(x)``: `deconv_ref.silu`."""

    operator: ClassVar[str] = "silu"


@dataclass(eq=False)
class Softmax(Operator):
    """Exponentials divided by their sum along an axis: `deconv_ref.softmax`.

    Parameters
    ----------
    axis : int
        The axis, by default that of the channels; Keras has the last one.
    """

    operator: ClassVar[str] = "softmax"
    axis: int = 1


@dataclass(eq=False)
class LogSoftmax(Operator):
    """The logarithm of `Softmax`, without its underflow: `deconv_ref.log_softmax`.

    Parameters
    ----------
    axis : int
        The axis, by default that of the channels.
    """

    operator: ClassVar[str] = "log_softmax"
    axis: int = 1


@dataclass(eq=False)
class Prelu(Layer):
    """``x`` above 0, a learned slope times x below: `deconv_ref.prelu`.

    Parameters
    ----------
    shared : bool
        False learns a slope per channel, True one for all.
    slope_initializer : Initializer or str
        What the slope starts from, 0.25 by default.

    Notes
    -----
    As in PyTorch. Keras learns a slope per position too and starts from 0; its
    ``shared_axes=[1, 2]`` is the slope per channel.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Prelu().forward(np.array([[[-4.0, 2.0]]]))
    array([[[-1.,  2.]]])
    """

    shared: bool = False
    slope_initializer: Any = QUARTER

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = choose(Initializer, self.slope_initializer, "Prelu", "slope_initializer")
        self.slope_initializer = chosen

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        shape = (1,) if self.shared else input_shape[:1]
        slope = self.slope_initializer(shape, Fans(1, 1), self.random)
        self.parameters["slope"] = slope.astype(dtype)

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        return dr.prelu(x, self.parameters["slope"]), (x,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        (x,) = saved
        return self._keep(dr.prelu_backward(grad_y, x, self.parameters["slope"]))
