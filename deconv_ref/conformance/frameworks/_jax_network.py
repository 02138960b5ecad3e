"""Training by JAX: the adapter's functions, `jax.value_and_grad`, and Adam in `jax.numpy`.

JAX has no optimizer of its own; Adam is written as Optax, its companion, has it.
"""

import jax
import numpy as np
from jax import nn
from jax import numpy as jnp

from deconv_ref.conformance.frameworks.jax import (
    _conv,
    _conv_transpose,
    _linear,
    _max_pool,
    _pad,
    _upsample,
)

CONVENTION = "torch"

ONE_GROUP = {"dilation": (1, 1), "groups": 1, "flip_kernel": False}


def train(layers, weights, batches, loss, optimizer):
    """Train, and tell of each step; see `deconv_ref.conformance.network`."""
    measure, update = LOSSES[loss["class"]], OPTIMIZERS[optimizer["class"]]

    def forward(parameters, offsets, x, y):
        outputs = {}
        for layer in layers:
            own = [parameters.get(f"{layer['name']}.{name}") for name in ("weight", "bias")]
            x = LAYERS[layer["class"]](layer, x, *own)
            # The gradient of a zero that is added is that of the result.
            x = outputs[layer["name"]] = x + offsets.get(layer["name"], 0)
        return measure(x, y), outputs

    @jax.jit
    def step(parameters, slots, count, offsets, x, y):
        differentiate = jax.value_and_grad(forward, (0, 1), has_aux=True)
        (value, outputs), (gradients, of_outputs) = differentiate(parameters, offsets, x, y)
        updated = {
            name: update(parameters[name], gradients[name], slots[name], count, optimizer)
            for name in parameters
        }
        parameters = {name: parameter for name, (parameter, _) in updated.items()}
        slots = {name: slot for name, (_, slot) in updated.items()}
        told = {
            "loss": value,
            "gradients": gradients,
            "parameters": parameters,
            "outputs": outputs,
            "output_gradients": of_outputs,
        }
        return told, slots

    parameters = {name: jnp.asarray(array) for name, array in weights.items()}
    slots = {name: (jnp.zeros_like(array),) * 2 for name, array in parameters.items()}
    _, outputs = jax.eval_shape(forward, parameters, {}, *batches[0])
    offsets = {name: jnp.zeros(output.shape, output.dtype) for name, output in outputs.items()}
    for count, batch in enumerate(batches, 1):
        told, slots = step(parameters, slots, jnp.float32(count), offsets, *batch)
        parameters = told["parameters"]
        yield jax.tree.map(np.asarray, told)


def _adam(parameter, gradient, slots, count, options):
    beta_1, beta_2 = options["beta_1"], options["beta_2"]
    mean, square = slots
    mean = beta_1 * mean + (1 - beta_1) * gradient
    square = beta_2 * square + (1 - beta_2) * gradient**2
    root = jnp.sqrt(square / (1 - beta_2**count))
    step = mean / (1 - beta_1**count) / (root + options["epsilon"])
    return parameter - options["learning_rate"] * step, (mean, square)


def _conv_layer(layer, x, weight, bias):
    padding = layer["padding"]
    if layer["padding_mode"] != "zeros":  # "same", at stride 1
        pairs = [((taps - 1) // 2, taps // 2) for taps in weight.shape[2:]]
        x, padding = _pad(x, padding=pairs, mode=layer["padding_mode"]), "valid"
    stride = (layer["stride"],) * 2
    return _conv(x, weight, bias, stride=stride, padding=_pairs(padding), **ONE_GROUP)


def _conv_transpose_layer(layer, x, weight, bias):
    return _conv_transpose(
        x,
        weight,
        bias,
        stride=(layer["stride"],) * 2,
        padding=_pairs(layer["padding"]),
        output_padding=(0, 0),
        **ONE_GROUP,
    )


def _max_pool_layer(layer, x, *_):
    size = (layer["kernel_size"],) * 2
    return _max_pool(
        x, kernel_size=size, stride=size, padding="valid", dilation=(1, 1), ceil_mode=False
    )


def _upsample_layer(layer, x, *_):
    factors = (layer["scale_factor"],) * 2
    return _upsample(x, scale_factor=factors, mode=layer["mode"], align_corners=False)


def _pairs(padding):
    return padding if isinstance(padding, str) else ((padding, padding),) * 2


LAYERS = {
    "Conv": _conv_layer,
    "ConvTranspose": _conv_transpose_layer,
    "Dense": lambda layer, x, weight, bias: _linear(x, weight, bias),
    "Flatten": lambda layer, x, *_: x.reshape(len(x), -1),
    "MaxPool": _max_pool_layer,
    "Pad": lambda layer, x, *_: _pad(x, padding=_pairs(layer["padding"]), mode=layer["mode"]),
    "Relu": lambda layer, x, *_: nn.relu(x),
    "Reshape": lambda layer, x, *_: x.reshape(len(x), *layer["target_shape"]),
    "Sigmoid": lambda layer, x, *_: nn.sigmoid(x),
    "Upsample": _upsample_layer,
}
LOSSES = {
    "BinaryCrossEntropyWithLogits": lambda x, y: jnp.mean(
        jnp.maximum(x, 0) - x * y + nn.softplus(-jnp.abs(x))
    ),
    "Mse": lambda x, y: jnp.mean((x - y) ** 2),
    "SoftmaxCrossEntropy": lambda x, y: -jnp.mean(jnp.sum(y * nn.log_softmax(x, 1), 1)),
}
OPTIMIZERS = {"Adam": _adam}
