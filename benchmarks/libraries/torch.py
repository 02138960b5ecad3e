"""PyTorch, eager, channels first as its own data are; `torch.set_num_threads` bounds it."""

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from benchmarks.networks import Task
from benchmarks.operators import Operator
from benchmarks.shapes import Shape
from benchmarks.workers import Call
from deconv_ref.conformance.frameworks import _torch_network as network


def start(threads: int) -> None:
    torch.set_num_threads(threads)


def convolution(shape: Shape) -> dict[str, Call]:
    *operands, grad_y = map(torch.from_numpy, shape.arrays())
    leaves = [operand.requires_grad_() for operand in operands]
    function = getattr(F, f"{shape.op}{len(shape.x) - 2}d")

    def forward() -> Any:
        with torch.no_grad():
            return function(*leaves, **shape.parameters)

    def both() -> tuple[Any, ...]:
        y = function(*leaves, **shape.parameters)
        return y.detach(), *torch.autograd.grad(y, leaves, grad_y)

    return {"forward": forward, "forward+backward": both}


def training(task: Task) -> dict[str, Call]:
    modules = network.MODULES | {"Prelu": prelu}
    layers = (modules[layer["class"]](layer, task.weights) for layer in task.layers)
    model = torch.nn.Sequential(*layers)
    arrays = map(torch.from_numpy, task.weights.values())
    model.load_state_dict(dict(zip(model.state_dict(), arrays, strict=True)))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss, x, y = network.LOSSES[task.loss], *map(torch.from_numpy, (task.x, task.y))

    def step() -> float:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value.item()

    return {"step": step}


def prelu(layer: dict[str, Any], weights: dict[str, Any]) -> torch.nn.PReLU:
    return torch.nn.PReLU(weights[f"{layer['name']}.slope"].size)


def operator(case: Operator) -> dict[str, Call]:
    """Differentiate the same graph again and again, so that backward is timed alone."""
    if case.op not in FUNCTIONS:
        return {}
    function = FUNCTIONS[case.op]
    arrays = [torch.from_numpy(array) for array in case.arrays()]
    leaves = [array.requires_grad_() for array in arrays[: case.differentiated]]

    def apply() -> Any:
        return function(*arrays, **case.options)

    def forward() -> Any:
        with torch.no_grad():
            return apply()

    graph = apply()
    y = graph[0] if isinstance(graph, tuple) else graph
    grad_y = torch.from_numpy(case.gradient(y.detach().numpy()))

    def backward() -> tuple[Any, ...]:
        return torch.autograd.grad(y, leaves, grad_y, retain_graph=True)

    return {"forward": forward, "backward": backward}


def max_pool(x: Any, **options: Any) -> Any:
    return F.max_pool2d(x, return_indices=True, **options)


def max_unpool(x: Any, indices: Any, output_size: tuple[int, ...]) -> Any:
    return F.max_unpool2d(x, indices, output_size[2] // x.shape[2], output_size=output_size[2:])


def upsample(x: Any, scale_factor: float, mode: str = "nearest") -> Any:
    return F.interpolate(x, scale_factor=scale_factor, mode=INTERPOLATIONS[mode])


def pad(x: Any, padding: int, mode: str = "zeros") -> Any:
    return F.pad(x, [padding] * 4, PADS[mode])


def batch_norm(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, training: bool) -> Any:
    return F.batch_norm(x, mean, var, gamma, beta, training)


def dropout(x: Any, mask: Any, rate: float) -> Any:
    return x * mask / (1 - rate)


INTERPOLATIONS = {"nearest": "nearest", "linear": "bilinear"}
PADS = {"zeros": "constant", "reflect": "reflect"}
FUNCTIONS = {
    "max_pool": max_pool,
    "max_unpool": max_unpool,
    "avg_pool": F.avg_pool2d,
    "upsample": upsample,
    "pixel_shuffle": lambda x, factor: F.pixel_shuffle(x, factor),
    "pad": pad,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    **{name: getattr(F, name) for name in ("relu", "leaky_relu", "prelu", "elu", "softplus")},
    **{name: getattr(F, name) for name in ("gelu", "silu", "linear", "binary_cross_entropy")},
    **{name: getattr(torch, name) for name in ("sigmoid", "tanh")},
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber": F.huber_loss,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "softmax_cross_entropy": F.cross_entropy,
    "batch_norm": batch_norm,
    "dropout": dropout,
}
