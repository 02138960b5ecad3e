"""Training by PyTorch: modules of `torch.nn`, automatic differentiation, `torch.optim`."""

from collections import OrderedDict

import torch

CONVENTION = "torch"

PADS = {"zeros": torch.nn.ZeroPad2d, "replicate": torch.nn.ReplicationPad2d}


def train(layers, weights, batches, loss, optimizer):
    """Train, and tell of each step; see `deconv_ref.conformance.network`."""
    modules = [(layer["name"], MODULES[layer["class"]](layer, weights)) for layer in layers]
    model = torch.nn.Sequential(OrderedDict(modules))
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    update = OPTIMIZERS[optimizer["class"]](model.parameters(), optimizer)
    measure = LOSSES[loss["class"]]
    for batch in batches:
        yield _step(model, measure, update, *map(torch.tensor, batch))


def _step(model, measure, update, x, y):
    outputs = {}
    x.requires_grad_()  # so that there is a gradient of a result without parameters before it
    for name, module in model.named_children():
        x = outputs[name] = module(x)
        x.retain_grad()
    value = measure(x, y)
    update.zero_grad()
    value.backward()
    update.step()
    parameters = dict(model.named_parameters())
    return {
        "loss": value.item(),
        "gradients": _arrays(parameters, "grad"),
        "parameters": _arrays(parameters, "data"),
        "outputs": _arrays(outputs, "data"),
        "output_gradients": _arrays(outputs, "grad"),
    }


def _arrays(tensors, part):
    return {name: getattr(tensor, part).numpy() for name, tensor in tensors.items()}


def _conv(layer, weights):
    filters, channels, *kernel_size = weights[f"{layer['name']}.weight"].shape
    return torch.nn.Conv2d(
        channels,
        filters,
        kernel_size,
        layer["stride"],
        layer["padding"],
        padding_mode=layer["padding_mode"],
    )


def _conv_transpose(layer, weights):
    channels, filters, *kernel_size = weights[f"{layer['name']}.weight"].shape
    stride, padding = layer["stride"], layer["padding"]
    if padding == "same":  # which is not offered here, but is a number where kernels allow it
        padding = [(taps - stride) // 2 for taps in kernel_size]
    return torch.nn.ConvTranspose2d(channels, filters, kernel_size, stride, padding)


def _dense(layer, weights):
    units, features = weights[f"{layer['name']}.weight"].shape
    return torch.nn.Linear(features, units)


MODULES = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dense": _dense,
    "Flatten": lambda layer, weights: torch.nn.Flatten(),
    "MaxPool": lambda layer, weights: torch.nn.MaxPool2d(layer["kernel_size"]),
    "Pad": lambda layer, weights: PADS[layer["mode"]](layer["padding"]),
    "Relu": lambda layer, weights: torch.nn.ReLU(),
    "Reshape": lambda layer, weights: torch.nn.Unflatten(1, tuple(layer["target_shape"])),
    "Sigmoid": lambda layer, weights: torch.nn.Sigmoid(),
    "Upsample": lambda layer, weights: torch.nn.Upsample(scale_factor=layer["scale_factor"]),
}
LOSSES = {
    "BinaryCrossEntropyWithLogits": torch.nn.BCEWithLogitsLoss(),
    "Mse": torch.nn.MSELoss(),
    "SoftmaxCrossEntropy": torch.nn.CrossEntropyLoss(),
}
OPTIMIZERS = {
    "Adam": lambda parameters, options: torch.optim.Adam(
        parameters,
        lr=options["learning_rate"],
        betas=(options["beta_1"], options["beta_2"]),
        eps=options["epsilon"],
    )
}
