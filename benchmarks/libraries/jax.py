"""JAX, jitted, with channels last, as XLA likes them on a CPU; affinity bounds its threads.

XLA makes a pool of as many threads as its process has cores. It compiles for each shape, in the
first call, which is not timed.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp

from benchmarks.networks import Task
from benchmarks.shapes import Shape
from benchmarks.workers import Call

IMAGES = ("NHWC", "HWIO", "NHWC")
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7  # of Adam


def start(threads: int) -> None:
    jax.config.update("jax_enable_x64", True)  # or there is no float64


def convolution(shape: Shape) -> dict[str, Call]:
    x, weight, bias, grad_y = shape.arrays()
    kernel = transposed_kernel(weight, shape.groups) if shape.op == "conv_transpose" else weight
    leaves = [jnp.asarray(array) for array in (last(x), inner(kernel), bias)]
    grad_y = jnp.asarray(last(grad_y))
    options = window(shape)

    def function(x: Any, kernel: Any, bias: Any) -> Any:
        return lax.conv_general_dilated(x, kernel, **options) + bias

    def both(grad_y: Any, *leaves: Any) -> Any:
        y, pull = jax.vjp(function, *leaves)
        return y, *pull(grad_y)

    return {
        "forward": ready(jax.jit(function), *leaves),
        "forward+backward": ready(jax.jit(both), grad_y, *leaves),
    }


def window(shape: Shape) -> dict[str, Any]:
    """Say what a convolution is, or a transposed one as a convolution of a dilated input."""
    axes = "DHW"[-(len(shape.x) - 2) :]
    stride, padding, dilation = map(shape.per_axis, ("stride", "padding", "dilation"))
    pads = [(p, p) for p in padding]
    steps = {"window_strides": stride}
    if shape.op == "conv_transpose":
        reach = [d * (k - 1) for d, k in zip(dilation, shape.weight[2:], strict=True)]
        more = shape.per_axis("output_padding")
        pads = [(r - p, r - p + o) for r, p, o in zip(reach, padding, more, strict=True)]
        steps = {"window_strides": (1,) * len(stride), "lhs_dilation": stride}
    return {
        **steps,
        "padding": pads,
        "rhs_dilation": dilation,
        "feature_group_count": shape.groups,
        "dimension_numbers": (f"N{axes}C", f"{axes}IO", f"N{axes}C"),
    }


def transposed_kernel(weight: np.ndarray, groups: int) -> np.ndarray:
    """Turn (in, out / groups, *kernel) into the flipped (out, in / groups, *kernel)."""
    flipped = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    parts = flipped.reshape(groups, -1, *flipped.shape[1:]).swapaxes(1, 2)
    return parts.reshape(-1, *parts.shape[2:])


def last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def inner(weight: np.ndarray) -> np.ndarray:
    """Put (out, in) last, the other way round; vectors stay."""
    return np.moveaxis(weight, (0, 1), (-1, -2)) if weight.ndim > 1 else weight


def ready(function: Callable[..., Any], *operands: Any) -> Call:
    return lambda: jax.block_until_ready(function(*operands))


def training(task: Task) -> dict[str, Call]:
    x, y = (jnp.asarray(last(array)) for array in (task.x, task.y))
    classes = {layer["name"]: layer["class"] for layer in task.layers}

    def native(name: str, array: np.ndarray) -> np.ndarray:
        transposed = classes[name.partition(".")[0]] == "ConvTranspose" and array.ndim > 1
        return inner(transposed_kernel(array, groups=1) if transposed else array)

    def loss(parameters: dict[str, Any], x: Any, y: Any) -> Any:
        for layer in task.layers:
            names = (f"{layer['name']}.{name}" for name in ("weight", "bias", "slope"))
            own = [parameters[name] for name in names if name in parameters]
            x = LAYERS[layer["class"]](layer, x, *own)
        return LOSSES[task.loss](x, y)

    def step(state: Any, x: Any, y: Any) -> Any:
        count, parameters, means, squares = state
        count += 1
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        means = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, means, gradients)
        squares = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, squares, gradients)
        rate = RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        parameters = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), parameters, means, squares
        )
        return value, (count, parameters, means, squares)

    parameters = {name: jnp.asarray(native(name, a)) for name, a in task.weights.items()}
    zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
    state = (jnp.float32(0), parameters, *zeros)
    compiled = jax.jit(step, donate_argnums=0)

    def call() -> float:
        nonlocal state
        value, state = jax.block_until_ready(compiled(state, x, y))
        return float(value)

    return {"step": call}


def conv(layer: dict[str, Any], x: Any, kernel: Any, bias: Any) -> Any:
    padding = (layer["padding"] or "valid").upper()
    if layer["padding_mode"] == "replicate":  # "same", of an odd kernel
        around = [(taps // 2, taps // 2) for taps in kernel.shape[:2]]
        x, padding = jnp.pad(x, [(0, 0), *around, (0, 0)], "edge"), "VALID"
    steps = (layer["stride"],) * 2
    return lax.conv_general_dilated(x, kernel, steps, padding, dimension_numbers=IMAGES) + bias


def conv_transpose(layer: dict[str, Any], x: Any, kernel: Any, bias: Any) -> Any:
    steps = (layer["stride"],) * 2
    return lax.conv_transpose(x, kernel, steps, "SAME", dimension_numbers=IMAGES) + bias


def max_pool(layer: dict[str, Any], x: Any) -> Any:
    window = (1, *(layer["kernel_size"],) * 2, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


LAYERS: dict[str, Callable[..., Any]] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Dense": lambda layer, x, weight, bias: x @ weight + bias,
    "Flatten": lambda layer, x: jnp.moveaxis(x, -1, 1).reshape(len(x), -1),
    "MaxPool": max_pool,
    "Prelu": lambda layer, x, slope: jnp.where(x >= 0, x, slope * x),
    "Relu": lambda layer, x: nn.relu(x),
    "Sigmoid": lambda layer, x: nn.sigmoid(x),
}
LOSSES: dict[str, Callable[..., Any]] = {
    "Mse": lambda x, y: jnp.mean((x - y) ** 2),
    "SoftmaxCrossEntropy": lambda x, y: -jnp.mean(jnp.sum(y * nn.log_softmax(x, 1), 1)),
}
