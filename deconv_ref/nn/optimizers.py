r"""Optimizers: elementwise updates of parameters, in place.

In the equations w is a parameter, g its gradient, :math:`\eta` the learning rate times the factor
of the layer, and t counts the updates from 1. What an optimizer remembers starts from 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deconv_ref.arrays import empty, full, moved, vector
from deconv_ref.errors import ParameterError, message
from deconv_ref.nn.configuration import Configured, check_number

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]

CONVENTIONS = ("keras", "torch")


@dataclass(eq=False)
class Optimizer(Configured):
    """Base of the optimizers.

    A subclass names what it remembers of each parameter in ``_slots``, and updates one parameter in
    ``_apply``. The learning rate may be set between updates, to a number of any kind: updates
    compute with the float that it is, in the dtype of the parameters.

    Parameters
    ----------
    learning_rate : float
        Step size, at least 0.

    Attributes
    ----------
    steps : int
        Updates made.
    state : dict of str to dict of str to array
        What is remembered, by parameter and slot.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        check_number(self, "learning_rate", low=0)
        self.steps = 0
        self.state: dict[str, dict[str, Any]] = {}
        self._parameters: dict[str, Any] = {}
        self._scratch: dict[str, Any] = {}

    def prepare(self, parameters: Mapping[str, Any]) -> None:
        """Make room, once, for what is remembered of these parameters.

        Parameters
        ----------
        parameters : mapping of str to array
            The parameters by name.

        Raises
        ------
        ParameterError
            If it remembers others: the moments of one network say nothing of another.
        """
        known = self._parameters
        if not known:
            self._parameters = dict(parameters)
            self._scratch = {n: empty(w, w.shape) for n, w in parameters.items()}
            self.state = {
                name: {slot: full(weight, weight.shape, 0) for slot in self._slots()}
                for name, weight in parameters.items()
            }
        elif known.keys() != parameters.keys() or any(parameters[n] is not known[n] for n in known):
            wanted = "the arrays that it made its first update of"
            remedy = "An optimizer belongs to one network, as in Keras: make another one"
            name = type(self).__name__
            raise ParameterError(message(name, "parameters", wanted, "others", remedy))

    def to(self, device: str, parameters: Mapping[str, Any]) -> None:
        """Move what is remembered to a device, along with the parameters.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            Where to.
        parameters : mapping of str to array
            The parameters, where they are from now on.
        """
        if self._parameters:
            self._parameters = dict(parameters)
            self._scratch = {name: moved(a, device) for name, a in self._scratch.items()}
            for slots in self.state.values():
                slots.update({slot: moved(array, device) for slot, array in slots.items()})

    def update(
        self,
        parameters: Mapping[str, Any],
        gradients: Mapping[str, Any],
        factors: Mapping[str, float] | None = None,
    ) -> None:
        """Update parameters in place.

        Parameters
        ----------
        parameters : mapping of str to array
            The parameters by name; always the same arrays.
        gradients : mapping of str to array
            Their gradients; they are not modified.
        factors : mapping of str to float, optional
            Factors of the learning rate, 1 where none is given.

        Raises
        ------
        ParameterError
            If the learning rate was set to what is none, or the arrays are other ones.

        Examples
        --------
        >>> import numpy as np
        >>> import deconv_ref.nn as nn
        >>> weights = {"w": np.array([1.0, 2.0])}
        >>> nn.SGD(0.5).update(weights, {"w": np.array([4.0, -1.0])})
        >>> weights["w"]
        array([-1. ,  2.5])
        """
        check_number(self, "learning_rate", low=0)
        self.prepare(parameters)
        self.steps += 1
        for name, weight in parameters.items():
            rate = self.learning_rate * float((factors or {}).get(name, 1.0))
            slots = {slot: vector(array) for slot, array in self.state[name].items()}
            scratch = vector(self._scratch[name])
            self._apply(vector(weight), vector(gradients[name]), rate, scratch, **slots)

    def _slots(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _apply(self, weight: Any, gradient: Any, rate: float, scratch: Any, **slots: Any) -> None:
        raise NotImplementedError


@dataclass(eq=False)
class SGD(Optimizer):
    r"""Gradient descent, with momentum and Nesterov's variant of it.

    .. math::
        v &\leftarrow \mu v + g \\
        w &\leftarrow w - \eta v & \text{or, by Nesterov, } w - \eta (g + \mu v)

    Without momentum, :math:`w \leftarrow w - \eta g`.

    Parameters
    ----------
    learning_rate : float
        Step size.
    momentum : float
        What is left of the velocity v at each update, from 0 to below 1.
    nesterov : bool
        Whether the step looks ahead.

    Notes
    -----
    As in PyTorch. Keras has the learning rate inside v, which differs only after the learning rate
    was changed.

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
    2013.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "momentum", low=0, high=1, below=True)

    def _slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def _apply(self, weight: Any, gradient: Any, rate: float, scratch: Any, **slots: Any) -> None:
        step = gradient
        if self.momentum:
            step = velocity = slots["velocity"]
            velocity *= self.momentum
            velocity += gradient
            if self.nesterov:
                step = np.multiply(velocity, self.momentum, out=scratch)
                step += gradient
        weight -= np.multiply(step, rate, out=scratch)


@dataclass(eq=False)
class RMSprop(Optimizer):
    r"""Steps divided by the root of the gradient's mean square.

    .. math::
        v &\leftarrow \rho v + (1 - \rho) g^2 \\
        s &= g / \sqrt{v + \epsilon} & \text{("keras")} \\
        s &= g / (\sqrt{v} + \epsilon) & \text{("torch")} \\
        w &\leftarrow w - \eta s

    and, with momentum, in place of the last line

    .. math::
        b &\leftarrow \mu b + \eta s, & w &\leftarrow w - b & \text{("keras")} \\
        b &\leftarrow \mu b + s, & w &\leftarrow w - \eta b & \text{("torch")}

    Parameters
    ----------
    learning_rate : float
        Step size.
    rho : float
        What is left of the mean square at each update; PyTorch calls it alpha, with 0.99.
    momentum : float
        What is left of earlier steps, from 0 to below 1.
    epsilon : float
        Keeps the divisor from 0; PyTorch has 1e-8.
    convention : {"keras", "torch"}
        Whether epsilon stands inside the root, and the learning rate inside the momentum, as in
        Keras and TensorFlow, or both outside, as in PyTorch.

    Notes
    -----
    Where the learning rate stands makes a difference once it changes: inside, earlier steps keep
    the one that they were made with.

    References
    ----------
    Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    convention: str = "keras"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "rho", "momentum", low=0, high=1, below=True)
        check_number(self, "epsilon", low=0)
        _check_convention(self, self.convention)

    def _slots(self) -> tuple[str, ...]:
        return ("square", "step") if self.momentum else ("square",)

    def _apply(self, weight: Any, gradient: Any, rate: float, scratch: Any, **slots: Any) -> None:
        square = slots["square"]
        _follow_square(square, gradient, self.rho, scratch)
        if self.convention == "keras":
            root = np.sqrt(np.add(square, self.epsilon, out=scratch), out=scratch)
        else:
            root = np.sqrt(square, out=scratch)
            root += self.epsilon
        step = np.divide(gradient, root, out=scratch)
        if self.convention == "keras":
            step *= rate
        if self.momentum:
            slots["step"] *= self.momentum
            slots["step"] += step
            step = slots["step"]
        if self.convention == "torch":
            step = np.multiply(step, rate, out=scratch)
        weight -= step


@dataclass(eq=False)
class Adam(Optimizer):
    r"""Steps from moving means of the gradient and of its square.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        w &\leftarrow w - \eta
            \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \, \frac{m}{\sqrt{v} + \epsilon}
            & \text{("keras")} \\
        w &\leftarrow w - \eta \,
            \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}
            & \text{("torch")}

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta_1, beta_2 : float
        What is left of the means at each update, from 0 to below 1.
    epsilon : float
        Keeps the divisor from 0; PyTorch has 1e-8.
    convention : {"keras", "torch"}
        Whether epsilon is added before the bias correction, as in Keras, TensorFlow and at the end
        of section 2 of the paper, or after it, as in PyTorch and the paper's algorithm 1.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    convention: str = "keras"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "beta_1", "beta_2", low=0, high=1, below=True)
        check_number(self, "epsilon", low=0)
        _check_convention(self, self.convention)

    def _slots(self) -> tuple[str, ...]:
        return ("mean", "square")

    def _apply(self, weight: Any, gradient: Any, rate: float, scratch: Any, **slots: Any) -> None:
        from deconv_ref.nn.updates import adam  # with Numba, as kernels are

        mean, square = slots["mean"], slots["square"]
        first = 1 - self.beta_1**self.steps
        second = math.sqrt(1 - self.beta_2**self.steps)
        # Both conventions divide by sqrt(v) + epsilon' times a factor: one correction serves both.
        epsilon = self.epsilon * (second if self.convention == "torch" else 1)
        rate = rate * second / first
        if adam(weight, gradient, mean, square, self.beta_1, self.beta_2, epsilon, rate):
            return
        mean *= self.beta_1
        mean += np.multiply(gradient, 1 - self.beta_1, out=scratch)
        _follow_square(square, gradient, self.beta_2, scratch)
        root = np.sqrt(square, out=scratch)
        root += epsilon
        step = np.divide(mean, root, out=scratch)
        weight -= np.multiply(step, rate, out=scratch)


@dataclass(eq=False)
class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    .. math:: w \leftarrow (1 - \eta \lambda) w, \quad \text{then as `Adam`}

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta_1, beta_2 : float
        As in `Adam`.
    epsilon : float
        As in `Adam`.
    convention : {"keras", "torch"}
        As in `Adam`.
    weight_decay : float
        The decay, lambda, at least 0, of every parameter; 0.004 as in Keras, where PyTorch has
        0.01.

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
    """

    weight_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "weight_decay", low=0)

    def _apply(self, weight: Any, gradient: Any, rate: float, scratch: Any, **slots: Any) -> None:
        weight *= 1 - rate * self.weight_decay
        super()._apply(weight, gradient, rate, scratch, **slots)


def _follow_square(square: Any, gradient: Any, decay: float, scratch: Any) -> None:
    """Move the mean square towards that of a gradient."""
    np.multiply(gradient, gradient, out=scratch)
    scratch *= 1 - decay
    square *= decay
    square += scratch


def _check_convention(optimizer: Optimizer, convention: object) -> None:
    if convention not in CONVENTIONS:
        name, wanted = type(optimizer).__name__, " or ".join(map(repr, CONVENTIONS))
        raise ParameterError(message(name, "convention", wanted, repr(convention)))
