"""Pooling and unpooling."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import deconv_ref as dr
from deconv_ref.errors import ParameterError, message
from deconv_ref.nn.layer import Layer, Operator
from deconv_ref.parameters import Padding, PerAxis, per_axis

__all__ = ["AvgPool", "AvgUnpool", "MaxPool", "MaxUnpool"]


@dataclass(eq=False)
class MaxPool(Layer):
    """The maximum of each window, `deconv_ref.max_pool`.

    Parameters
    ----------
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis; `kernel_size` by default.
    padding : int, sequence or str
        Cells of minus infinity around each axis.
    dilation : int or sequence of int
        Distance between taps per axis.
    ceil_mode : bool
        Whether a last window may reach beyond the padding.

    Attributes
    ----------
    indices : array of int64 or None
        Where the maxima of the last `forward` were, for a `MaxUnpool`. After a network's `predict`
        there are none.
    input_size : tuple of int
        Shape of the input of the last `forward`.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.MaxPool(2).forward(np.array([[[1.0, 4.0, 3.0, 2.0]]]))
    array([[[4., 3.]]])
    """

    kernel_size: PerAxis
    stride: PerAxis | None = None
    padding: Padding = 0
    _: KW_ONLY
    dilation: PerAxis = 1
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.indices: Any = None
        self.input_size: tuple[int, ...] = ()

    def release(self) -> None:
        """Let go of the indices."""
        self.indices, self.input_size = None, ()

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        y, self.indices = dr.max_pool(x, **self._options())
        self.input_size = x.shape
        return y, (self.indices, self.input_size)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return dr.max_pool_backward(grad_y, *saved)


@dataclass(eq=False)
class MaxUnpool(Layer):
    """Values put back where a `MaxPool` found its maxima, `deconv_ref.max_unpool`.

    Parameters
    ----------
    pool : MaxPool or str
        The layer that it undoes, or its name; it comes earlier in the network.

    Notes
    -----
    The result has the shape of the pool's input; other cells are 0. Keras has no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> pool = nn.MaxPool(2)
    >>> unpool = nn.MaxUnpool(pool)
    >>> unpool.forward(10 * pool.forward(np.array([[[1.0, 4.0, 3.0, 2.0]]])))
    array([[[ 0., 40., 30.,  0.]]])
    """

    pool: MaxPool | str

    def config(self) -> dict[str, Any]:
        """Describe the layer, and the pool by its name."""
        named = self.pool.name if isinstance(self.pool, MaxPool) else self.pool
        own = {"class": "MaxUnpool", "pool": named}
        return {**own, "name": self.name, "learning_rate_factor": self.learning_rate_factor}

    def connect(self, layers: Mapping[str, Layer]) -> None:
        """Find the pool by its name.

        Parameters
        ----------
        layers : mapping of str to Layer
            The layers that come earlier in the network.

        Raises
        ------
        ParameterError
            If the pool is not among them.
        """
        found = layers.get(self.pool) if isinstance(self.pool, str) else self.pool
        if not isinstance(found, MaxPool) or found not in layers.values():
            wanted = "a MaxPool earlier in the network, or its name"
            raise ParameterError(message("MaxUnpool", "pool", wanted, repr(self.pool)))
        self.pool = found

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        if not isinstance(self.pool, MaxPool) or self.pool.indices is None:
            wanted = "a MaxPool whose forward has run"
            raise ParameterError(message("MaxUnpool", "pool", wanted, repr(self.pool)))
        indices = self.pool.indices
        return dr.max_unpool(x, indices, self.pool.input_size), (indices,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return dr.max_unpool_backward(grad_y, *saved)


@dataclass(eq=False)
class AvgPool(Operator):
    """The mean of each window, `deconv_ref.avg_pool`.

    Parameters
    ----------
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis; `kernel_size` by default.
    padding : int, sequence or str
        Cells of 0 around each axis.
    ceil_mode : bool
        Whether a last window may reach beyond the padding.
    count_include_pad : bool
        Whether the padding counts in the mean.

    Notes
    -----
    `count_include_pad` is True as in PyTorch; with ``"same"``, Keras never counts the padding.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.AvgPool(2).forward(np.array([[[1.0, 4.0, 3.0, 2.0]]]))
    array([[[2.5, 2.5]]])
    """

    operator: ClassVar[str] = "avg_pool"
    linear: ClassVar[bool] = True
    kernel_size: PerAxis
    stride: PerAxis | None = None
    padding: Padding = 0
    _: KW_ONLY
    ceil_mode: bool = False
    count_include_pad: bool = True


@dataclass(eq=False)
class AvgUnpool(Operator):
    """The mean of the values whose windows cover a cell, `deconv_ref.avg_unpool`.

    Parameters
    ----------
    kernel_size : int or sequence of int
        Taps of the window per axis.
    stride : int or sequence of int, optional
        Step of the window per axis; `kernel_size` by default.
    padding : int, sequence of int, or sequence of (int, int)
        Cells that the pooling had added around each axis.
    output_size : int or sequence of int, optional
        Spatial size of the result; by default the smallest that such a pooling starts from.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.AvgUnpool(2, output_size=5).forward(np.array([[[1.0, 4.0]]]))
    array([[[1., 1., 4., 4., 0.]]])
    """

    operator: ClassVar[str] = "avg_unpool"
    linear: ClassVar[bool] = True
    kernel_size: PerAxis
    stride: PerAxis | None = None
    padding: PerAxis | tuple[tuple[int, int], ...] = 0
    _: KW_ONLY
    output_size: PerAxis | None = None

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        size = self.output_size
        if size is not None:
            size = per_axis("AvgUnpool", "output_size", size, x.ndim - 2, least=1)
            size = (*x.shape[:2], *size)
        return dr.avg_unpool(x, output_size=size, **self._window()), (x.shape,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        return dr.avg_unpool_backward(grad_y, *saved, **self._window())

    def _window(self) -> dict[str, Any]:
        return {n: value for n, value in self._options().items() if n != "output_size"}
