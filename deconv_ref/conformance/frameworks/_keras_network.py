"""Training by Keras: its layers, losses and optimizers, differentiated by its backend.

Images have their channels last between the layers, as Keras likes them; features that are
flattened, and the results that are told, have them first.
"""

from deconv_ref.conformance.frameworks._keras_backend import differentiate

# isort: split
import keras
import numpy as np
from keras import layers as kl
from keras import ops

CONVENTION = "keras"

CHANNELS_FIRST, CHANNELS_LAST = (3, 1, 2), (2, 3, 1)


def train(layers, weights, batches, loss, optimizer):
    """Train, and tell of each step; see `deconv_ref.conformance.network`."""
    shape = _last(batches[0][0]).shape[1:]
    parts = {}
    for layer in layers:
        part = parts[layer["name"]] = keras.Sequential(LAYERS[layer["class"]](layer))
        part.build((None, *shape))
        part.set_weights([_swapped(weights[name]) for name in _names(layer, weights)])
        shape = part.output_shape[1:]
    names = [name for layer in layers for name in _names(layer, weights)]
    model = Model(parts, names, LOSSES[loss["class"]])
    update = OPTIMIZERS[optimizer["class"]](optimizer)
    for batch in batches:
        yield _step(model, update, *map(_last, batch))


class Model:
    """Parts with a loss behind them."""

    def __init__(self, parts, names, measure):
        self.parts = parts
        self.names = names
        self.measure = measure
        self.variables = [v for part in parts.values() for v in part.trainable_variables]

    def forward(self, values, offsets, x, y):
        """Compute the loss and all results, from the variables' values."""
        values, outputs = iter(values), []
        for part, offset in zip(self.parts.values(), offsets, strict=True):
            own = [next(values) for _ in part.trainable_variables]
            result, _ = part.stateless_call(own, part.non_trainable_variables, x)
            # The gradient of a zero that is added is that of the result.
            x = result + offset
            outputs.append(x)
        return self.measure(y, x), outputs


def _step(model, update, x, y):
    values = [ops.convert_to_tensor(ops.convert_to_numpy(v)) for v in model.variables]
    value, outputs = model.forward(values, [0.0] * len(model.parts), x, y)
    offsets = [ops.zeros_like(output) for output in outputs]

    def loss(*operands):
        return model.forward(operands[: len(values)], operands[len(values) :], x, y)[0]

    gradients = differentiate(loss, [*values, *offsets], ops.ones(()))
    of_values, of_outputs = gradients[: len(values)], gradients[len(values) :]
    update.apply(of_values, model.variables)
    return {
        "loss": float(value),
        "gradients": dict(zip(model.names, map(_weight, of_values), strict=True)),
        "parameters": dict(zip(model.names, map(_weight, model.variables), strict=True)),
        "outputs": dict(zip(model.parts, map(_result, outputs), strict=True)),
        "output_gradients": dict(zip(model.parts, map(_result, of_outputs), strict=True)),
    }


def _names(layer, weights):
    names = (f"{layer['name']}.{name}" for name in ("weight", "bias"))
    return [name for name in names if name in weights]


def _swapped(weight):
    """Turn a weight into a kernel: the first two axes go last, the other way round."""
    return np.moveaxis(weight, (0, 1), (-1, -2)) if weight.ndim > 1 else weight


def _weight(kernel):
    kernel = ops.convert_to_numpy(kernel)
    return np.moveaxis(kernel, (-1, -2), (0, 1)) if kernel.ndim > 1 else kernel


def _last(array):
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def _result(tensor):
    array = ops.convert_to_numpy(tensor)
    return np.moveaxis(array, -1, 1) if array.ndim > 2 else array


class Replicate(kl.Layer):  # type: ignore[misc]  # what Keras is, is not known here
    """Replicated borders, which are not among the layers."""

    def __init__(self, cells):
        super().__init__()
        self.cells = cells

    def call(self, x):
        """Repeat the outermost rows, then columns."""
        for axis in (1, 2):
            first, last = ops.take(x, [0], axis), ops.take(x, [x.shape[axis] - 1], axis)
            x = ops.concatenate([first] * self.cells + [x] + [last] * self.cells, axis)
        return x


def _conv(layer):
    filters, taps, stride = layer["filters"], layer["kernel_size"], layer["stride"]
    if layer["padding_mode"] == "replicate":  # "same", of an odd kernel
        return [Replicate(taps // 2), kl.Conv2D(filters, taps, stride)]
    return [kl.Conv2D(filters, taps, stride, layer["padding"] or "valid")]


def _conv_transpose(layer):
    start = layer["filters"], layer["kernel_size"], layer["stride"]
    if layer["padding"] == "same":
        return [kl.Conv2DTranspose(*start, "same")]
    return [kl.Conv2DTranspose(*start), kl.Cropping2D(layer["padding"])]


LAYERS = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dense": lambda layer: [kl.Dense(layer["units"])],
    "Flatten": lambda layer: [kl.Permute(CHANNELS_FIRST), kl.Flatten()],
    "MaxPool": lambda layer: [kl.MaxPooling2D(layer["kernel_size"])],
    "Pad": lambda layer: [Replicate(layer["padding"])],
    "Relu": lambda layer: [kl.ReLU()],
    "Reshape": lambda layer: [kl.Reshape(layer["target_shape"]), kl.Permute(CHANNELS_LAST)],
    "Sigmoid": lambda layer: [kl.Activation("sigmoid")],
    "Upsample": lambda layer: [kl.UpSampling2D(layer["scale_factor"])],
}
LOSSES = {
    "BinaryCrossEntropyWithLogits": keras.losses.BinaryCrossentropy(from_logits=True),
    "Mse": keras.losses.MeanSquaredError(),
    "SoftmaxCrossEntropy": keras.losses.CategoricalCrossentropy(from_logits=True),
}
OPTIMIZERS = {
    "Adam": lambda options: keras.optimizers.Adam(
        options["learning_rate"], options["beta_1"], options["beta_2"], options["epsilon"]
    )
}
