"""Convolution and transposed convolution."""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Any

import numpy as np

import deconv_ref as dr
from deconv_ref.arrays import full
from deconv_ref.checks import check_count
from deconv_ref.errors import ParameterError, ShapeError, message
from deconv_ref.nn.initializers import Fans
from deconv_ref.nn.layer import Weighted
from deconv_ref.parameters import Padding, PerAxis, per_axis
from deconv_ref.window import Window, conv_transpose_window, conv_window

__all__ = ["Conv", "ConvTranspose"]

MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(eq=False)
class Convolution(Weighted):
    """What the two share: their options, and a weight of (first, second // groups, *kernel)."""

    filters: int
    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: int = 1
    _: KW_ONLY
    flip_kernel: bool = False
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        self.filters = check_count(name, "filters", self.filters, 1)
        self.groups = check_count(name, "groups", self.groups, 1)
        if self.filters % self.groups:
            wanted = f"a multiple of groups = {self.groups}"
            raise ParameterError(message(name, "filters", wanted, self.filters))
        if self.padding_mode not in MODES:
            wanted = f"one of {', '.join(MODES)}"
            raise ParameterError(message(name, "padding_mode", wanted, repr(self.padding_mode)))

    @property
    def rectifies(self) -> bool:
        """Whether a rectifier that follows costs nothing: see `forward_rectified`."""
        return True

    def forward_rectified(self, x: Any, training: bool = False) -> Any:
        """Compute what a `Relu` makes of the layer's result, at once and with the same bits.

        Parameters
        ----------
        x : array of shape (N, C, *spatial)
            Input, of the layer's dtype.
        training : bool
            As in `forward`.

        Returns
        -------
        array
            The rectified result.
        """
        return self._checked(x, training, relu=True)

    def _shapes(self, input_shape: tuple[int, ...]) -> tuple[int, tuple[int, ...], Fans]:
        """Give the input's channels, the size of the kernel and the fans."""
        name = type(self).__name__
        if len(input_shape) < 2:
            wanted = "(N, C, *spatial)"
            raise ShapeError(message(name, "x", wanted, f"shape (N, {str(input_shape)[1:]}"))
        channels, groups = input_shape[0], self.groups
        if channels % groups:
            wanted = f"a divisor of the {channels} channels of x"
            raise ParameterError(message(name, "groups", wanted, groups))
        kernel = per_axis(name, "kernel_size", self.kernel_size, len(input_shape) - 1, least=1)
        taps = prod(kernel)
        fans = Fans(channels // groups * taps, self.filters // groups * taps)
        return channels, kernel, fans

    def _steps(self) -> dict[str, Any]:
        """Give the options that the operators take, but the padding."""
        names = ("stride", "dilation", "groups", "flip_kernel")
        return {name: getattr(self, name) for name in names}


@dataclass(eq=False)
class Conv(Convolution):
    """Convolution, `deconv_ref.conv`, over one to three spatial axes.

    Parameters
    ----------
    filters : int
        Channels of the result.
    kernel_size : int or sequence of int
        Taps per spatial axis.
    stride : int or sequence of int
        Step of the kernel per axis.
    padding : int, sequence or str
        Cells around each axis, as `deconv_ref.conv` takes them: ints, pairs, ``"valid"``,
        ``"same"``, ``"same_lower"`` or ``"full"``.
    dilation : int or sequence of int
        Distance between taps per axis.
    groups : int
        Channels and filters are cut into so many groups that do not see each other.
    flip_kernel : bool
        False is the cross-correlation of all frameworks, True convolution as signal processing
        has it.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What the padding shows, as in `deconv_ref.pad`.
    use_bias : bool
        Whether a bias is added to each filter's result.
    weight_initializer : Initializer or str
        What the weight, (filters, channels // groups, *kernel_size), starts from.
    bias_initializer : Initializer or str
        What the bias, (filters,), starts from.
    weight_penalty : Penalty or str, optional
        What the weight adds to the loss.

    Notes
    -----
    Keras says `strides`, `dilation_rate`, `kernel_initializer` and `kernel_regularizer`, and has
    activations inside its layers; here they are layers of their own.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> layer = nn.Conv(8, 3, padding="same", padding_mode="reflect")
    >>> layer.forward(np.zeros((1, 2, 5, 6), np.float32)).shape
    (1, 8, 5, 6)
    >>> layer.parameters["weight"].shape
    (8, 2, 3, 3)
    """

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        channels, kernel, fans = self._shapes(input_shape)
        shape = (self.filters, channels // self.groups, *kernel)
        self._weigh(shape, self.filters, fans, dtype)

    def _forward(self, x: Any, training: bool, relu: bool = False) -> tuple[Any, tuple[Any, ...]]:
        weight, bias = self.parameters["weight"], self.parameters.get("bias")
        if self.padding_mode == "zeros":
            y = dr.conv(x, weight, bias, padding=self.padding, relu=relu, **self._steps())
            return y, (x, None)
        size, kernel = x.shape[2:], weight.shape[2:]
        window = conv_window("Conv", size, kernel, self.stride, self.padding, self.dilation)
        padded = dr.pad(x, window.padding, mode=self.padding_mode)
        return dr.conv(padded, weight, bias, relu=relu, **self._steps()), (padded, window.padding)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        x, pads = saved
        weight = self.parameters["weight"]
        if pads is None:
            options = {"padding": self.padding, "needs_x": self._needs_x, **self._steps()}
            return self._keep(dr.conv_backward(grad_y, x, weight, **options))
        options = {"needs_x": self._needs_x, **self._steps()}
        grad_padded = self._keep(dr.conv_backward(grad_y, x, weight, **options))
        if grad_padded is None:
            return None
        inner = (n - before - after for n, (before, after) in zip(x.shape[2:], pads, strict=True))
        return dr.pad_backward(grad_padded, (*x.shape[:2], *inner), pads, mode=self.padding_mode)


@dataclass(eq=False)
class ConvTranspose(Convolution):
    """Transposed convolution, `deconv_ref.conv_transpose`: the adjoint of `Conv`.

    Parameters
    ----------
    filters : int
        Channels of the result.
    kernel_size : int or sequence of int
        Taps per spatial axis.
    stride : int or sequence of int
        How far apart the inputs stand in the result, per axis.
    padding : int, sequence or str
        Cells cut off around each axis of the result, as `deconv_ref.conv_transpose` takes them;
        ``"same"`` gives ``n * stride``.
    dilation : int or sequence of int
        Distance between taps per axis.
    groups : int
        Channels and filters are cut into so many groups that do not see each other.
    flip_kernel : bool
        Whether the convolution that is transposed flips its kernel.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What becomes of the cells that `padding` cuts off, see the notes.
    use_bias : bool
        Whether a bias is added to each filter's result.
    weight_initializer : Initializer or str
        What the weight, (channels, filters // groups, *kernel_size), starts from.
    bias_initializer : Initializer or str
        What the bias, (filters,), starts from.
    weight_penalty : Penalty or str, optional
        What the weight adds to the loss.
    output_padding : int or sequence of int
        Cells more at the end of each axis of the result.

    Notes
    -----
    Without bias the layer is the exact adjoint of a `Conv` of the same parameters, `padding_mode`
    included. `Conv` pads its input, so its adjoint cuts the padding off the result: "zeros" drops
    it, and the other modes add each cut cell to the one that `Conv` would have read in its place.
    "circular" thus gives a periodic result. To extend the *input* instead, put a `Pad` before the
    layer. PyTorch takes "zeros" alone; Keras has no such parameter.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> layer = nn.ConvTranspose(3, 4, stride=2, padding=1, weight_initializer="he_normal")
    >>> layer.forward(np.zeros((1, 8, 5, 6), np.float32)).shape
    (1, 3, 10, 12)
    """

    _: KW_ONLY
    output_padding: PerAxis = 0

    @property
    def rectifies(self) -> bool:
        """Whether nothing is added to the operator's own result."""
        return self.padding_mode == "zeros"

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        channels, kernel, fans = self._shapes(input_shape)
        shape = (channels, self.filters // self.groups, *kernel)
        self._weigh(shape, self.filters, fans, dtype, filters=1)

    def _forward(self, x: Any, training: bool, relu: bool = False) -> tuple[Any, tuple[Any, ...]]:
        weight, bias = self.parameters["weight"], self.parameters.get("bias")
        if self.padding_mode == "zeros":
            return dr.conv_transpose(x, weight, bias, relu=relu, **self._crop()), (x,)
        window, options = self._fold(x, weight)
        whole = dr.conv_transpose(x, weight, **options)
        size = (len(x), self.filters, *window.input_size)
        y = dr.pad_backward(whole, size, window.padding, mode=self.padding_mode)
        return y if bias is None else dr.conv(y, _each(y), bias, groups=self.filters), (x,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        (x,) = saved
        weight = self.parameters["weight"]
        if self.padding_mode == "zeros":
            options = {"needs_x": self._needs_x, **self._crop()}
            return self._keep(dr.conv_transpose_backward(grad_y, x, weight, **options))
        window, options = self._fold(x, weight)
        grad_whole = dr.pad(grad_y, window.padding, mode=self.padding_mode)
        gradients = dr.conv_transpose_backward(grad_whole, x, weight, **options)
        each = dr.conv_backward(grad_y, grad_y, _each(grad_y), groups=self.filters)
        return self._keep(gradients._replace(bias=each.bias))

    def _crop(self) -> dict[str, Any]:
        """Give the options that the operators take."""
        sizes = {"padding": self.padding, "output_padding": self.output_padding}
        return {**sizes, **self._steps()}

    def _fold(self, x: Any, weight: Any) -> tuple[Window, dict[str, Any]]:
        """Give the window, and options for a result with the padding still around it."""
        start = ("ConvTranspose", x.shape[2:], weight.shape[2:], self.stride)
        window = conv_transpose_window(*start, self.padding, self.output_padding, self.dilation)
        bare = conv_transpose_window(*start, 0, 0, self.dilation)
        axes = zip(window.input_size, window.padding, bare.input_size, strict=True)
        more = tuple(n + before + after - least for n, (before, after), least in axes)
        return window, {"output_padding": more, **self._steps()}


def _each(y: Any) -> Any:
    """Give the weight of a grouped convolution that changes nothing, so that a bias can come in."""
    return full(y, (y.shape[1], 1) + (1,) * (y.ndim - 2), 1)
