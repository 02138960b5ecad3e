"""JAX: functions of `jax.lax`, `jax.image`, `jax.nn`, `jax.numpy` and `jax.scipy`.

Gradients come from `jax.vjp`. float64 needs ``jax_enable_x64``; float32 is computed at
``Precision.HIGHEST``. "All axes" are batch and channel too.
"""

from functools import partial
from math import floor, prod

import jax
import numpy as np
from jax import image, lax, nn
from jax import numpy as jnp
from jax.scipy import signal

from deconv_ref.conformance.frameworks._activation_losses import (
    ELU_GRADIENT,
    INFINITE,
    LOG_SOFTMAX,
    LOG_SOFTMAX_GRADIENT,
    MASKED_NAN,
    MINUS_INFINITY,
    SIGMOID_GRADIENT,
    SILU_GRADIENT,
    SOFTMAX_GRADIENT,
    SOFTPLUS_GRADIENT,
    TANH_GRADIENT,
    derivative_at_0,
    nan_in_x,
    no_number_at_0,
    plus_infinity_in_channel,
)
from deconv_ref.conformance.frameworks._allowances import with_infinities
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.frameworks._jax_spellings import SPELLINGS  # noqa: F401
from deconv_ref.conformance.frameworks._translation import pairs

NAME = "jax"
VERSION = jax.__version__

jax.config.update("jax_enable_x64", True)

SPREADS_NAN = Difference(
    "linear: cells of weight 0 are multiplied, so that NaN spreads over a channel", with_infinities
)
DIFFERENCES: dict[str, list[Difference]] = {
    "upsample": [SPREADS_NAN],
    "upsample_backward": [SPREADS_NAN],
    "relu_backward": [Difference("NaN in x counts as negative", nan_in_x), MASKED_NAN],
    "leaky_relu_backward": [
        Difference("the derivative at 0 is 1, as for positive numbers", derivative_at_0(1)),
        Difference("NaN in x counts as negative", nan_in_x),
    ],
    "prelu_backward": [
        Difference("the derivative at 0 is 1, as for positive numbers", derivative_at_0(1), "x"),
        Difference("NaN in x counts as negative", nan_in_x, "x"),
        Difference("infinite x gives NaN, if positive too", plus_infinity_in_channel, "slope"),
        Difference("at 0 a gradient that is no number is left out", no_number_at_0, "slope"),
    ],
    "elu_backward": [ELU_GRADIENT],
    "sigmoid_backward": [SIGMOID_GRADIENT],
    "tanh_backward": [TANH_GRADIENT],
    "softplus_backward": [SOFTPLUS_GRADIENT],
    "gelu": [MINUS_INFINITY],
    "gelu_backward": [INFINITE],
    "silu": [MINUS_INFINITY],
    "silu_backward": [SILU_GRADIENT, INFINITE],
    "softmax_backward": [SOFTMAX_GRADIENT],
    "log_softmax": [LOG_SOFTMAX],
    "log_softmax_backward": [LOG_SOFTMAX_GRADIENT],
    "max_pool": [Difference("there are no indices")],
}
"""What JAX does otherwise, by design."""

NAMES = {"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"}
PADS = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def unsupported(op, parameters):
    """Say what JAX does not offer."""
    if op == "conv_transpose" and parameters["padding"] == "same_lower":
        return 'there is no "same_lower" in conv_transpose'
    if op == "conv_transpose" and parameters["groups"] > 1:
        return "there are no groups in conv_transpose"
    if parameters.get("ceil_mode"):
        return "there is no ceil_mode"
    if parameters.get("align_corners"):
        return "there is no align_corners"
    nearest = op == "upsample" and parameters["mode"] == "nearest"
    if nearest and any(scale % 1 for scale in parameters["scale_factor"]):
        return '"nearest" takes a size, not a scale'
    if op == "fft_convolve" and parameters["boundary"] == "circular":
        return "there is no circular boundary"
    return None


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(partial(_conv, **parameters), x, weight, bias)


def conv_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(partial(_conv, **parameters), grad_y, x, weight, _bias(grad_y, 1))


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(partial(_conv_transpose, **parameters), x, weight, bias)


def conv_transpose_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(partial(_conv_transpose, **parameters), grad_y, x, weight, _bias(grad_y, 1))


def max_pool(x, kernel_size, **parameters):
    """Compute y; there are no indices."""
    return _value(partial(_max_pool, kernel_size=kernel_size, **parameters), x)


def avg_pool(x, kernel_size, **parameters):
    """Compute y."""
    return _value(partial(_avg_pool, kernel_size=kernel_size, **parameters), x)


def avg_pool_backward(grad_y, input_size, kernel_size, **parameters):
    """Compute the gradient of x."""
    function = partial(_avg_pool, kernel_size=kernel_size, **parameters)
    return _gradients(function, grad_y, _any(grad_y, input_size))[0]


def upsample(x, scale_factor, **parameters):
    """Compute y."""
    return _value(partial(_upsample, scale_factor=scale_factor, **parameters), x)


def upsample_backward(grad_y, input_size, scale_factor, **parameters):
    """Compute the gradient of x."""
    function = partial(_upsample, scale_factor=scale_factor, **parameters)
    return _gradients(function, grad_y, _any(grad_y, input_size))[0]


def pad(x, padding, **parameters):
    """Compute y."""
    return _value(partial(_pad, padding=padding, **parameters), x)


def pad_backward(grad_y, input_size, padding, **parameters):
    """Compute the gradient of x."""
    function = partial(_pad, padding=padding, **parameters)
    return _gradients(function, grad_y, _any(grad_y, input_size))[0]


def linear(x, weight, bias=None):
    """Compute y."""
    return _value(_linear, x, weight, bias)


def linear_backward(grad_y, x, weight):
    """Compute the gradients of x, weight and bias."""
    return _gradients(_linear, grad_y, x, weight, _bias(grad_y, -1))


def relu(x):
    """Compute y."""
    return _value(nn.relu, x)


def relu_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(nn.relu, grad_y, x)[0]


def sigmoid(x):
    """Compute y."""
    return _value(nn.sigmoid, x)


def sigmoid_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(nn.sigmoid, grad_y, x)[0]


def tanh(x):
    """Compute y."""
    return _value(jnp.tanh, x)


def tanh_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(jnp.tanh, grad_y, x)[0]


def softplus(x):
    """Compute y."""
    return _value(nn.softplus, x)


def softplus_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(nn.softplus, grad_y, x)[0]


def silu(x):
    """Compute y."""
    return _value(nn.silu, x)


def silu_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(nn.silu, grad_y, x)[0]


def gelu(x):
    """Compute y."""
    return _value(partial(nn.gelu, approximate=False), x)


def gelu_backward(grad_y, x):
    """Compute the gradient of x."""
    return _gradients(partial(nn.gelu, approximate=False), grad_y, x)[0]


def leaky_relu(x, negative_slope=0.01):
    """Compute y."""
    return _value(partial(nn.leaky_relu, negative_slope=negative_slope), x)


def leaky_relu_backward(grad_y, x, negative_slope=0.01):
    """Compute the gradient of x."""
    return _gradients(partial(nn.leaky_relu, negative_slope=negative_slope), grad_y, x)[0]


def elu(x, alpha=1.0):
    """Compute y."""
    return _value(partial(nn.elu, alpha=alpha), x)


def elu_backward(grad_y, x, alpha=1.0):
    """Compute the gradient of x."""
    return _gradients(partial(nn.elu, alpha=alpha), grad_y, x)[0]


def softmax(x, axis=1):
    """Compute y."""
    return _value(partial(nn.softmax, axis=axis), x)


def softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return _gradients(partial(nn.softmax, axis=axis), grad_y, x)[0]


def log_softmax(x, axis=1):
    """Compute y."""
    return _value(partial(nn.log_softmax, axis=axis), x)


def log_softmax_backward(grad_y, x, axis=1):
    """Compute the gradient of x."""
    return _gradients(partial(nn.log_softmax, axis=axis), grad_y, x)[0]


def prelu(x, slope):
    """Compute y."""
    return _value(_prelu, x, slope)


def prelu_backward(grad_y, x, slope):
    """Compute the gradients of x and slope."""
    return _gradients(_prelu, grad_y, x, slope)


def fft_convolve(x, psf, *, boundary):
    """Convolve channel by channel."""
    psf = np.broadcast_to(psf, (x.shape[1], *psf.shape[-(x.ndim - 2) :]))
    channels = jax.vmap(partial(signal.fftconvolve, mode="same"))
    return _value(jax.vmap(channels, (0, None)), x, psf)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    y = lax.conv_general_dilated(
        x,
        _oriented(weight, flip_kernel),
        stride,
        NAMES.get(padding) or pairs(padding, weight.shape[2:], dilation),
        rhs_dilation=dilation,
        feature_group_count=groups,
        precision=lax.Precision.HIGHEST,
    )
    return _plus(y, bias)


def _conv_transpose(
    x, weight, bias, *, stride, padding, output_padding, dilation, groups, flip_kernel
):
    if padding == "same":
        padding = "SAME"
    else:
        crops = pairs(padding, weight.shape[2:], dilation)
        full = pairs("full", weight.shape[2:], dilation)
        padding = [
            (f - before, f - after + extra)
            for (f, _), (before, after), extra in zip(full, crops, output_padding, strict=True)
        ]
    axes = "DHW"[-len(stride) :]
    y = lax.conv_transpose(
        x,
        _oriented(weight, flip_kernel),
        stride,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=(f"NC{axes}", f"OI{axes}", f"NC{axes}"),
        transpose_kernel=True,
        precision=lax.Precision.HIGHEST,
    )
    return _plus(y, bias)


def _oriented(weight, flip_kernel):
    return jnp.flip(weight, range(2, weight.ndim)) if flip_kernel else weight


def _plus(y, bias):
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


def _max_pool(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    return _windows(x, -np.inf, lax.max, kernel_size, stride, padding, dilation)


def _avg_pool(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad):
    slide = (0.0, lax.add, kernel_size, stride, padding, (1,) * len(kernel_size))
    sums = _windows(x, *slide)
    if count_include_pad:
        return sums / prod(kernel_size)
    return sums / _windows(jnp.ones_like(x), *slide)


def _windows(x, start, function, kernel_size, stride, padding, dilation):
    explicit = NAMES.get(padding) or [(0, 0), (0, 0), *pairs(padding, kernel_size, dilation)]
    steps = (1, 1, *stride), explicit
    return lax.reduce_window(
        x, start, function, (1, 1, *kernel_size), *steps, window_dilation=(1, 1, *dilation)
    )


def _upsample(x, *, scale_factor, mode, align_corners):
    size = (floor(n * scale) for n, scale in zip(x.shape[2:], scale_factor, strict=True))
    shape, axes = (*x.shape[:2], *size), tuple(range(2, x.ndim))
    if mode == "nearest":
        return image.resize(x, shape, "nearest", antialias=False)
    scale = jnp.array(scale_factor, x.dtype)
    shift = jnp.zeros(len(axes), x.dtype)
    return image.scale_and_translate(x, shape, axes, scale, shift, "linear", antialias=False)


def _pad(x, *, padding, mode, value=0.0):
    values = {"constant_values": value} if mode == "zeros" else {}
    return jnp.pad(x, [(0, 0), (0, 0), *padding], PADS[mode], **values)


def _linear(x, weight, bias):
    y = jnp.dot(x, weight.T, precision=lax.Precision.HIGHEST)
    return y if bias is None else y + bias


def _prelu(x, slope):
    return nn.leaky_relu(x, slope.reshape(-1, *[1] * (x.ndim - 2)))


def _bias(grad_y, axis):
    return np.zeros(grad_y.shape[axis], grad_y.dtype)


def _any(grad_y, shape):
    """Give a point to differentiate at, of a function that is linear."""
    return np.zeros(shape, grad_y.dtype)


def _value(function, *operands):
    given = [o if o is None else jnp.asarray(o) for o in operands]
    return np.asarray(jax.jit(function)(*given))


def _gradients(function, grad_y, *operands):
    @jax.jit  # all of it at once: compiling is what takes the time
    def backward(grad_y, *operands):
        return jax.vjp(function, *operands)[1](grad_y)

    return tuple(map(np.asarray, backward(jnp.asarray(grad_y), *map(jnp.asarray, operands))))
