"""How JAX spells our operators: `jax.lax`, `jax.image`, `jax.nn`, `jax.numpy` and `jax.scipy`.

===============  ================================================================================
convolution      `jax.lax.conv_general_dilated` and `jax.lax.conv_transpose`
===============  ================================================================================
arrays           any layout, by ``dimension_numbers``; left at None, conv has ours
conv_transpose   with ``transpose_kernel=True``, and then it takes the weight as ours; without, the
                 kernel is not rotated and its channels change places
padding of conv  pairs, or the strings VALID, SAME and SAME_LOWER
padding of       pairs count the zeros around the stretched input: ``dilation * (kernel - 1) -
conv_transpose   padding``, negative where that crops. The string SAME is ours. The string VALID
                 gives ``n * stride`` cells where the kernel is shorter than the stride, so that
                 "valid" is written in numbers here. "same_lower" is not offered
output_padding   added to the second number of the pair
groups           ``feature_group_count`` of conv; not offered in conv_transpose
flip_kernel      not offered: `jax.numpy.flip` of the weight
bias             not offered: a sum
gradients        `jax.vjp`
===============  ================================================================================

===============  ================================================================================
pooling          `jax.lax.reduce_window`
===============  ================================================================================
max_pool         ``reduce_window(x, -inf, lax.max, ...)``; there are no indices, so that
                 max_pool_backward and max_unpool are absent
avg_pool         ``reduce_window(x, 0, lax.add, ...)`` over the size of the window, or without
                 ``count_include_pad`` over the same sum of ones
padding          pairs, or the strings VALID, SAME and SAME_LOWER
ceil_mode        not offered
avg_unpool       absent
===============  ================================================================================

===============  ================================================================================
resampling       `jax.image`
===============  ================================================================================
"nearest"        ``resize(x, shape, "nearest")``: only the size is given; the scale is its ratio,
                 ours where that is a whole number
"linear"         ``scale_and_translate(x, shape, axes, scale, 0, "linear", antialias=False)``, half-
                 pixel centres; ``resize`` is the same with the scale that the size gives
align_corners    not offered
pixel_shuffle    absent, as is pixel_unshuffle
===============  ================================================================================

===============  ================================================================================
the rest         `jax.nn`, `jax.numpy` and `jax.scipy`
===============  ================================================================================
pad              `jax.numpy.pad`: constant, reflect, edge and wrap
linear           ``jnp.dot(x, weight.T, precision=lax.Precision.HIGHEST)``
prelu            ``jax.nn.leaky_relu(x, slope)`` with an array
gelu             ``jax.nn.gelu(x, approximate=False)``
activations      in `jax.nn` by our names, tanh in `jax.numpy`
fft_convolve     ``jax.scipy.signal.fftconvolve(x, psf, "same")``; "circular" is not offered
batch_norm       absent, as are dropout, the losses and the rest of the frequency domain: other
                 libraries add them
===============  ================================================================================

float64 needs ``jax_enable_x64``; float32 is computed at ``Precision.HIGHEST``.
"""

from functools import partial
from math import floor, prod

import jax
import numpy as np
from jax import image, lax, nn
from jax import numpy as jnp
from jax.scipy import signal

from deconv_ref.conformance.frameworks._translation import pairs

NAME = "jax"
VERSION = jax.__version__

jax.config.update("jax_enable_x64", True)

DIFFERENCES: dict[str, str] = {
    "leaky_relu": "the derivative at 0 is 1, as 0 counts among the positive numbers",
    "prelu": "the derivative at 0 is 1, as 0 counts among the positive numbers",
    "max_pool": "there are no indices",
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
