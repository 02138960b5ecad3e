"""How JAX spells our operators: `jax.lax.conv_general_dilated` and `jax.lax.conv_transpose`.

===============  ================================================================================
ours             JAX
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

float64 needs ``jax_enable_x64``; float32 is computed at ``Precision.HIGHEST``.
"""

from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from deconv_ref.conformance.frameworks._translation import pairs

NAME = "jax"
VERSION = jax.__version__

jax.config.update("jax_enable_x64", True)


def unsupported(op, parameters):
    """Say what JAX does not offer."""
    if op == "conv_transpose" and parameters["padding"] == "same_lower":
        return 'there is no "same_lower" in conv_transpose'
    if op == "conv_transpose" and parameters["groups"] > 1:
        return "there are no groups in conv_transpose"
    return None


def conv(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(_conv, x, weight, bias, parameters)


def conv_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(_conv, grad_y, x, weight, parameters)


def conv_transpose(x, weight, bias=None, **parameters):
    """Compute y."""
    return _value(_conv_transpose, x, weight, bias, parameters)


def conv_transpose_backward(grad_y, x, weight, **parameters):
    """Compute the gradients of x, weight and bias."""
    return _gradients(_conv_transpose, grad_y, x, weight, parameters)


def _conv(x, weight, bias, *, stride, padding, dilation, groups, flip_kernel):
    names = {"valid": "VALID", "same": "SAME", "same_lower": "SAME_LOWER"}
    y = lax.conv_general_dilated(
        x,
        _oriented(weight, flip_kernel),
        stride,
        names.get(padding) or pairs(padding, weight.shape[2:], dilation),
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


def _value(function, x, weight, bias, parameters):
    bias = bias if bias is None else jnp.asarray(bias)
    compute = jax.jit(partial(function, **parameters))
    return np.asarray(compute(jnp.asarray(x), jnp.asarray(weight), bias))


def _gradients(function, grad_y, x, weight, parameters):
    @jax.jit  # all of it at once: compiling is what takes the time
    def backward(grad_y, *operands):
        return jax.vjp(partial(function, **parameters), *operands)[1](grad_y)

    operands = (
        jnp.asarray(x),
        jnp.asarray(weight),
        jnp.asarray(np.zeros(grad_y.shape[1], grad_y.dtype)),
    )
    return tuple(map(np.asarray, backward(jnp.asarray(grad_y), *operands)))
