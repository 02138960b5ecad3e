"""Layers that resample, pad or rearrange."""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Any, ClassVar

import deconv_ref as dr
from deconv_ref.errors import ParameterError, message
from deconv_ref.nn.layer import Layer, Operator
from deconv_ref.parameters import Padding, PerAxis, is_size, plain

__all__ = ["Flatten", "Pad", "PixelShuffle", "PixelUnshuffle", "Reshape", "Upsample"]


@dataclass(eq=False)
class Upsample(Operator):
    """Each spatial axis enlarged or reduced, `deconv_ref.upsample`.

    Parameters
    ----------
    scale_factor : float or sequence of float
        Factor per axis.
    mode : {"nearest", "linear"}
        How values are found between the input's.
    align_corners : bool
        Whether the outermost cells stay in their places, in "linear" mode.

    Notes
    -----
    Keras says `UpSampling2D(size, interpolation)`, "bilinear" for "linear".

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Upsample(2).forward(np.array([[[1.0, 4.0]]]))
    array([[[1., 1., 4., 4.]]])
    """

    operator: ClassVar[str] = "upsample"
    linear: ClassVar[bool] = True
    scale_factor: float | tuple[float, ...]
    _: KW_ONLY
    mode: str = "nearest"
    align_corners: bool = False


@dataclass(eq=False)
class Pad(Operator):
    """Cells added around each spatial axis, `deconv_ref.pad`.

    Parameters
    ----------
    padding : int, sequence of int, or sequence of (int, int)
        Cells to add before and after each axis.
    mode : {"zeros", "reflect", "replicate", "circular"}
        What they show.
    value : float
        What "zeros" pads with.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Pad([(1, 2)], mode="reflect").forward(np.array([[[1.0, 4.0, 3.0]]]))
    array([[[4., 1., 4., 3., 4., 1.]]])
    """

    operator: ClassVar[str] = "pad"
    linear: ClassVar[bool] = True
    padding: Padding
    _: KW_ONLY
    mode: str = "zeros"
    value: float = 0.0

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        (shape,) = saved
        return dr.pad_backward(grad_y, shape, self.padding, mode=self.mode)


@dataclass(eq=False)
class PixelShuffle(Layer):
    """Channels turned into blocks of pixels, `deconv_ref.pixel_shuffle`.

    Parameters
    ----------
    factor : int or sequence of int
        Size of the blocks per axis.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.PixelShuffle(2).forward(np.array([[[1.0, 3.0], [2.0, 4.0]]]))
    array([[[1., 2., 3., 4.]]])
    """

    factor: PerAxis

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        return dr.pixel_shuffle(x, self.factor), ()

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return dr.pixel_unshuffle(grad_y, self.factor)


@dataclass(eq=False)
class PixelUnshuffle(Layer):
    """Blocks of pixels turned into channels, `deconv_ref.pixel_unshuffle`.

    Parameters
    ----------
    factor : int or sequence of int
        Size of the blocks per axis.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.PixelUnshuffle(2).forward(np.array([[[1.0, 2.0, 3.0, 4.0]]]))
    array([[[1., 3.],
            [2., 4.]]])
    """

    factor: PerAxis

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        return dr.pixel_unshuffle(x, self.factor), ()

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return dr.pixel_shuffle(grad_y, self.factor)


@dataclass(eq=False)
class Reshape(Layer):
    """The values of each sample in another shape, in row-major order.

    Parameters
    ----------
    target_shape : sequence of int
        The shape without the batch; one size may be -1 and follows from the others.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Reshape((1, 28, -1)).forward(np.zeros((5, 784))).shape
    (5, 1, 28, 28)
    """

    target_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.target_shape = sizes = plain(self.target_shape)
        whole = isinstance(sizes, tuple) and all(is_size(n, least=-1) and n for n in sizes)
        if not whole or sizes.count(-1) > 1:
            wanted = "sizes of at least 1, one of them perhaps -1"
            raise ParameterError(message("Reshape", "target_shape", wanted, repr(sizes)))

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        size, known = prod(x.shape[1:]), prod(n for n in self.target_shape if n > 0)
        shape = tuple(size // known if n < 0 else n for n in self.target_shape)
        if prod(shape) != size:
            wanted = f"as many values as x has per sample, {size}"
            raise ParameterError(message("Reshape", "target_shape", wanted, self.target_shape))
        return x.reshape(len(x), *shape), (x.shape,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return grad_y.reshape(*saved)


@dataclass(eq=False)
class Flatten(Layer):
    """The values of each sample in one row, channels first.

    Keras flattens channels last: a `Dense` layer that follows has its features in another order.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Flatten().forward(np.zeros((5, 2, 3, 4))).shape
    (5, 24)
    """

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        return x.reshape(len(x), prod(x.shape[1:])), (x.shape,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return grad_y.reshape(*saved)
