"""deconv_ref: its public functions, and `deconv_ref.nn`. `numba.set_num_threads` bounds both."""

from functools import partial
from typing import Any

import numba

import deconv_ref as dr
from benchmarks.networks import Task
from benchmarks.operators import ACTIVATIONS, LOSSES, Operator
from benchmarks.shapes import Shape
from benchmarks.workers import Call
from deconv_ref import nn
from deconv_ref.nn.configuration import rebuild


def start(threads: int) -> None:
    numba.set_num_threads(threads)


def convolution(shape: Shape) -> dict[str, Call]:
    x, weight, bias, grad_y = shape.arrays()
    forward, backward = getattr(dr, shape.op), getattr(dr, f"{shape.op}_backward")

    def both() -> tuple[Any, ...]:
        y = forward(x, weight, bias, **shape.parameters)
        return y, *backward(grad_y, x, weight, **shape.parameters)

    return {
        "forward": lambda: forward(x, weight, bias, **shape.parameters),
        "forward+backward": both,
    }


def gradients(shape: Shape) -> dict[str, Call]:
    """Give the two halves of a convolution apart, where nobody is compared."""
    x, weight, bias, grad_y = shape.arrays()
    forward, backward = getattr(dr, shape.op), getattr(dr, f"{shape.op}_backward")
    return {
        "forward": lambda: forward(x, weight, bias, **shape.parameters),
        "backward": lambda: backward(grad_y, x, weight, **shape.parameters),
    }


def sizes(shapes: list[Shape]) -> dict[str, Call]:
    """Give the calls of several shapes at once, so that they can be timed in turn."""
    calls = [gradients(shape) for shape in shapes]
    return {f"{n} {mode}": call for n, by in enumerate(calls) for mode, call in by.items()}


def training(task: Task) -> dict[str, Call]:
    model = nn.Sequential([rebuild(nn.Layer, layer) for layer in task.layers])
    model.compile("adam", task.loss)
    model.build(task.x.shape[1:])
    model.set_weights(task.weights)
    return {"step": lambda: model.train_step(task.x, task.y)}


def operator(case: Operator) -> dict[str, Call]:
    """Give partial functions, whose arguments and results show what must be moved."""
    forward = partial(FORWARD.get(case.op) or getattr(dr, case.op), *case.arrays(), **case.options)
    y = forward()
    grad_y = case.gradient(y[0] if isinstance(y, tuple) else y)
    return {"forward": forward, "backward": BACKWARD[case.op](case, forward.args, grad_y, y)}


def of_inputs(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(getattr(dr, f"{case.op}_backward"), grad_y, *inputs, **case.options)


def of_size(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(getattr(dr, f"{case.op}_backward"), grad_y, case.x, **case.options)


def of_loss(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(getattr(dr, f"{case.op}_backward"), *inputs, **case.options)


def of_max_pool(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(dr.max_pool_backward, grad_y, y.indices, case.x)


def of_max_unpool(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(dr.max_unpool_backward, grad_y, inputs[1])


def of_batch_norm(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    given = (grad_y, *inputs[:2], y.saved_mean, y.saved_inv_std)
    return partial(dr.batch_norm_backward, *given, **case.options)


def of_linear(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(dr.linear_backward, grad_y, *inputs[:2])


def of_dropout(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(dropout_backward, grad_y, inputs[1], **case.options)


def of_pixel_shuffle(case: Operator, inputs: Any, grad_y: Any, y: Any) -> Call:
    return partial(dr.pixel_unshuffle, grad_y, **case.options)


def dropout(x: Any, mask: Any, rate: float) -> Any:
    return dr.dropout(x, rate, mask=mask)


def dropout_backward(grad_y: Any, mask: Any, rate: float) -> Any:
    return dr.dropout_backward(grad_y, rate, mask=mask)


FORWARD = {"dropout": dropout}
BACKWARD = {
    "max_pool": of_max_pool,
    "max_unpool": of_max_unpool,
    "batch_norm": of_batch_norm,
    "linear": of_linear,
    "dropout": of_dropout,
    "pixel_shuffle": of_pixel_shuffle,
    **dict.fromkeys(("avg_pool", "avg_unpool", "upsample", "pad"), of_size),
    **dict.fromkeys(LOSSES, of_loss),
    **dict.fromkeys(ACTIVATIONS, of_inputs),
}
