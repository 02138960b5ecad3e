r"""Initial weights, drawn from a generator of random numbers that is given.

The fans of a weight count what meets in it: `fan_in` the weights that one output sums over,
`fan_out` the weights that one input reaches. With g groups and kernels of K taps in all they are

=====================  ================  ================
layer                  fan_in            fan_out
=====================  ================  ================
`Dense`                features          units
`Conv`                 channels / g * K  filters / g * K
`ConvTranspose`        channels / g * K  filters / g * K
=====================  ================  ================

Strides do not count. PyTorch and Keras read both fans off the shape of the array. For `Dense` and
for `Conv` without groups that gives the same numbers; they leave the fan_out of a grouped
convolution undivided, and swap the fans of a transposed convolution.

Numbers are drawn in float64 and rounded to the network's dtype, so that the weights of a float32
network are those of the float64 one, rounded.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deconv_ref.errors import ParameterError, message
from deconv_ref.nn.configuration import Configured, check_number, choose
from deconv_ref.parameters import PerAxis, per_axis

__all__ = [
    "Bilinear",
    "Constant",
    "Fans",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Icnr",
    "Initializer",
    "Normal",
    "Ones",
    "Zeros",
]


class Fans(NamedTuple):
    """How many weights meet at one output, and how many leave one input."""

    fan_in: float
    fan_out: float


@dataclass(frozen=True)
class Initializer(Configured):
    """Base of the initializers: called with a shape, it gives a float64 array."""

    def __call__(
        self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator, filters: int = 0
    ) -> Any:
        """Fill an array.

        Parameters
        ----------
        shape : tuple of int
            Shape of the parameter.
        fans : Fans
            Its fans.
        random : numpy.random.Generator
            Where random numbers come from.
        filters : int
            The axis of the filters: 1 in the weight of a transposed convolution.

        Returns
        -------
        array of float64
            The values.
        """
        return self._fill(shape, fans, random)  # only `Icnr` asks where the filters are

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Initializer):
    """The same value everywhere.

    Parameters
    ----------
    value : float
        The value.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        check_number(self, "value")

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return np.full(shape, self.value, np.float64)


@dataclass(frozen=True)
class Zeros(Initializer):
    """0 everywhere."""

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return np.zeros(shape)


@dataclass(frozen=True)
class Ones(Initializer):
    """1 everywhere."""

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return np.ones(shape)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normally distributed values.

    Parameters
    ----------
    mean : float
        Mean of the distribution.
    deviation : float
        Its standard deviation, at least 0.
    """

    mean: float = 0.0
    deviation: float = 0.05

    def __post_init__(self) -> None:
        check_number(self, "mean")
        check_number(self, "deviation", low=0)

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return random.normal(self.mean, self.deviation, shape)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    r"""Uniform values of variance 2 / (fan_in + fan_out).

    .. math:: w \sim U(-l, l), \quad l = \sqrt{6 / (\mathrm{fan\_in} + \mathrm{fan\_out})}

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16. The default of Keras.
    """

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        limit = math.sqrt(6 / sum(fans))
        return random.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    r"""Normally distributed values of variance 2 / (fan_in + fan_out).

    .. math:: w \sim N(0, 2 / (\mathrm{fan\_in} + \mathrm{fan\_out}))

    As in PyTorch; Keras cuts the distribution off at two standard deviations.
    """

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return random.normal(0.0, math.sqrt(2 / sum(fans)), shape)


@dataclass(frozen=True)
class HeUniform(Initializer):
    r"""Uniform values of variance 2 / fan_in, for layers before a rectifier.

    .. math:: w \sim U(-l, l), \quad l = \sqrt{6 / \mathrm{fan\_in}}

    He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        limit = math.sqrt(6 / fans.fan_in)
        return random.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class HeNormal(Initializer):
    r"""Normally distributed values of variance 2 / fan_in, for layers before a rectifier.

    .. math:: w \sim N(0, 2 / \mathrm{fan\_in})

    As in He et al. and PyTorch; Keras cuts the distribution off at two standard deviations.
    """

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        return random.normal(0.0, math.sqrt(2 / fans.fan_in), shape)


@dataclass(frozen=True)
class Bilinear(Initializer):
    r"""The interpolating kernel that makes a transposed convolution enlarge each channel.

    Per axis, with k taps:

    .. math:: w_t = 1 - |t - (k - 1) / 2| / f, \quad f = \lfloor (k + 1) / 2 \rfloor

    from each channel to the filter of its own place in the group, and 0 between others. With
    ``ConvTranspose(channels, 2 * f - f % 2, stride=f, padding=f // 2)`` the layer starts, away
    from the border, as ``upsample(x, f, mode="linear")``. Takes one to three axes.

    Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR
    2015.
    """

    def _fill(self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator) -> Any:
        if len(shape) < 3 or fans.fan_in != fans.fan_out:
            wanted = "used where each group has as many channels as filters"
            got = f"a weight of {shape} with fans {tuple(fans)}"
            raise ParameterError(message("Bilinear", "the initializer", wanted, got))
        tent = np.ones(())
        for taps in shape[2:]:
            line = 1 - np.abs(np.arange(taps) - (taps - 1) / 2) / ((taps + 1) // 2)
            tent = tent[..., None] * line
        weight = np.zeros(shape)
        channels = np.arange(shape[0])
        weight[channels, channels % shape[1]] = tent
        return weight


@dataclass(frozen=True)
class Icnr(Initializer):
    """Equal filters for the pixels that a `PixelShuffle` puts into one block.

    The layer, a `Conv` or a `ConvTranspose`, and its shuffle start as one of fewer filters enlarged
    to nearest neighbours, without checkerboards. With groups, each has whole blocks of filters.

    Parameters
    ----------
    factor : int or sequence of int
        The factor of the shuffle.
    initializer : Initializer or str
        Draws the first filter of each block, with the fans of the whole layer.

    References
    ----------
    Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937.
    """

    factor: PerAxis
    initializer: Any = "glorot_uniform"

    def __post_init__(self) -> None:
        chosen = choose(Initializer, self.initializer, "Icnr", "initializer")
        object.__setattr__(self, "initializer", chosen)

    def __call__(
        self, shape: tuple[int, ...], fans: Fans, random: np.random.Generator, filters: int = 0
    ) -> Any:
        """Fill an array.

        Parameters
        ----------
        shape : tuple of int
            Shape of the weight.
        fans : Fans
            Its fans.
        random : numpy.random.Generator
            Where random numbers come from.
        filters : int
            The axis of the filters.

        Returns
        -------
        array of float64
            The values.

        Raises
        ------
        ParameterError
            If the weight is none of a convolution, or the filters make no whole blocks.
        """
        if len(shape) < 3:
            wanted, got = "used for the weight of a convolution", f"an array of shape {shape}"
            raise ParameterError(message("Icnr", "the initializer", wanted, got))
        block = math.prod(per_axis("Icnr", "factor", self.factor, len(shape) - 2, least=1))
        number = round(fans.fan_out / math.prod(shape[2:]))  # of a group
        if number % block or shape[filters] % block:
            wanted = f"used for a multiple of {block} filters in each group"
            raise ParameterError(message("Icnr", "the initializer", wanted, f"{number}"))
        fewer = tuple(n // block if axis == filters else n for axis, n in enumerate(shape))
        return np.repeat(self.initializer(fewer, fans, random, filters), block, axis=filters)
