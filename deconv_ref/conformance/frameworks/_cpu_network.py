"""Training by `deconv_ref.nn`, in float32."""

from typing import Any

from deconv_ref import nn
from deconv_ref.nn.configuration import rebuild

CONVENTION = "keras"


def train(layers, weights, batches, loss, optimizer):
    """Train, and tell of each step; see `deconv_ref.conformance.network`."""
    model = nn.Sequential([rebuild(nn.Layer, layer) for layer in layers])
    model.compile(rebuild(nn.Optimizer, optimizer), rebuild(nn.Loss, loss))
    model.build(batches[0][0].shape[1:])
    model.set_weights(weights)
    outputs: dict[str, Any] = {}
    output_gradients: dict[str, Any] = {}
    for layer in model.layers:
        _record(layer, outputs, output_gradients)
    for x, y in batches:
        yield {
            "loss": model.train_step(x, y),
            "gradients": model.gradients,
            "parameters": model.parameters,
            "outputs": outputs,
            "output_gradients": output_gradients,
        }


def _record(layer, outputs, output_gradients):
    """Let a layer write down its results and the gradients that it is given."""
    kind = type(layer)

    def forward(x, training=False):
        y = outputs[layer.name] = kind.forward(layer, x, training)
        return y

    def backward(grad_y, needs_x=True):
        output_gradients[layer.name] = grad_y
        return kind.backward(layer, grad_y, needs_x)

    layer.forward, layer.backward = forward, backward
