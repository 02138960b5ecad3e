"""Operators other than convolution, forward and backward, against PyTorch.

The last column is the share of this machine's copy bandwidth at which deconv_ref reads all inputs
and writes all results once. Arrays that fit the caches can have more than all of it.
"""

import argparse
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks import roofline
from benchmarks.table import Table
from benchmarks.workers import OURS, interleaved, workers

ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu")
ACTIVATIONS += ("softmax", "log_softmax")
DISTANCES = ("mse", "mae", "huber")
LOSSES = (*DISTANCES, "binary_cross_entropy", "binary_cross_entropy_with_logits")
LOSSES += ("softmax_cross_entropy",)


@dataclass(frozen=True)
class Operator:
    """One operator on one size of image."""

    op: str
    x: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    units: int = 0  # of linear

    @property
    def name(self) -> str:
        """What is called, with what, on which size."""
        options = "".join(f" {name}={value}" for name, value in self.options.items())
        units = f" -> {self.units}" if self.units else ""
        return f"{self.op} {'x'.join(map(str, self.x))}{units}{options}"

    def enlarged(self, cells: int) -> "Operator":
        """Repeat the batch until `x` has so many cells."""
        times = -(-cells // math.prod(self.x))
        options = dict(self.options)
        if "output_size" in options:
            options["output_size"] = (times * self.x[0], *options["output_size"][1:])
        return replace(self, x=(times * self.x[0], *self.x[1:]), options=options)

    def arrays(self) -> list[np.ndarray]:
        """Draw the operands, in the order in which deconv_ref takes them."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal(self.x, np.float32)
        if self.op == "linear":
            shapes = ((self.units, self.x[1]), self.units)
            return [x, *(rng.standard_normal(shape, np.float32) for shape in shapes)]
        if self.op == "batch_norm":
            return [x, *(rng.random(self.x[1], np.float32) + 0.5 for _ in range(4))]
        if self.op == "prelu":
            return [x, rng.random(self.x[1], np.float32)]
        if self.op == "dropout":
            return [x, (rng.random(self.x) < 0.5).astype(np.float32)]
        if self.op == "max_unpool":
            return [x, corners(self.x, self.options["output_size"])]
        if self.op in DISTANCES:
            return [x, rng.standard_normal(self.x, np.float32)]
        if self.op == "softmax_cross_entropy":
            target = rng.random(self.x, np.float32)
            return [x, target / target.sum(1, keepdims=True)]
        if self.op in LOSSES:
            prediction = x if self.op.endswith("logits") else rng.random(self.x, np.float32)
            return [prediction, rng.random(self.x, np.float32)]
        return [x]

    @property
    def differentiated(self) -> int:
        """How many operands have gradients: the first ones."""
        return {"linear": 3, "batch_norm": 3, "prelu": 2}.get(self.op, 1)

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Draw grad_y; that of a loss is 1."""
        if np.ndim(y) == 0:
            return np.ones((), np.float32)
        return np.random.default_rng(1).standard_normal(y.shape, np.float32)


def corners(small: tuple[int, ...], large: tuple[int, ...]) -> np.ndarray:
    """Give indices of one cell of each window, as max pooling might have chosen."""
    rows, columns = (np.arange(n) * (m // n) for n, m in zip(small[2:], large[2:], strict=True))
    flat = rows[:, None] * large[3] + columns
    return np.ascontiguousarray(np.broadcast_to(flat, small))


WIDE = (8, 64, 56, 56)  # features inside a network
SMALL = (8, 64, 28, 28)
LAST = (8, 512, 7, 7)
PIXEL = (64, 512, 1, 1)
CLASSES = (64, 1000)
SEGMENTS = (4, 21, 128, 128)
IMAGES = (8, 3, 128, 128)

OPERATORS = (
    Operator("max_pool", WIDE, {"kernel_size": 2}),
    Operator("max_pool", (8, 64, 57, 57), {"kernel_size": 3, "stride": 2, "padding": 1}),
    Operator("max_pool", LAST, {"kernel_size": 7}),
    Operator("avg_pool", WIDE, {"kernel_size": 2}),
    Operator("avg_pool", WIDE, {"kernel_size": 3, "stride": 1, "padding": 1}),
    Operator("avg_pool", LAST, {"kernel_size": 7}),
    Operator("avg_pool", WIDE, {"kernel_size": 56}),
    Operator("max_unpool", SMALL, {"output_size": WIDE}),
    Operator("avg_unpool", SMALL, {"kernel_size": 2}),
    Operator("upsample", SMALL, {"scale_factor": 2}),
    Operator("upsample", SMALL, {"scale_factor": 2, "mode": "linear"}),
    Operator("upsample", (8, 3, 65, 47), {"scale_factor": 1.5, "mode": "linear"}),
    Operator("pixel_shuffle", SMALL, {"factor": 2}),
    Operator("pixel_shuffle", (1, 27, 101, 67), {"factor": 3}),
    Operator("pad", WIDE, {"padding": 1}),
    Operator("pad", WIDE, {"padding": 1, "mode": "reflect"}),
    *(Operator(name, WIDE) for name in ACTIVATIONS),
    Operator("relu", PIXEL),
    Operator("softmax", CLASSES),
    Operator("softmax", SEGMENTS),
    Operator("log_softmax", CLASSES),
    *(Operator(name, IMAGES) for name in LOSSES[:-1]),
    Operator("softmax_cross_entropy", (32, 10)),
    Operator("softmax_cross_entropy", CLASSES),
    Operator("softmax_cross_entropy", SEGMENTS),
    Operator("batch_norm", WIDE, {"training": True}),
    Operator("batch_norm", WIDE, {"training": False}),
    Operator("batch_norm", (256, 512), {"training": True}),
    Operator("batch_norm", PIXEL, {"training": True}),
    Operator("linear", (32, 1600), units=64),
    Operator("linear", (128, 1024), units=1024),
    Operator("linear", (1, 4096), units=1000),
    Operator("dropout", WIDE, {"rate": 0.5}),
)


def run(options: argparse.Namespace) -> dict[str, Any]:
    rates = roofline.measure(options.threads, options.quick)
    print(roofline.described(rates))
    print(f"float32, {options.threads} threads, median milliseconds; ratio = torch / deconv_ref")
    rows = []
    with workers(["torch"], options.threads) as libraries:
        table = Table(62, libraries, extras=("of copy",))
        print(table.header())
        for case in OPERATORS:
            measured = interleaved(libraries, "operator", case, options.quick)
            for mode, seconds in measured["seconds"].items():
                moved = measured["told"][OURS]["bytes"][mode]
                share = moved / rates["copy"] / seconds[OURS]
                row = {"operator": case.name, "mode": mode, "seconds": seconds, "share": share}
                rows.append(row)
                print(table.line(f"{case.name} {mode}", seconds, f"{share:.0%}"), flush=True)
    for mode in ("forward", "backward"):
        print(table.summary(mode, [row["seconds"] for row in rows if row["mode"] == mode]))
    return {"machine": rates, "rows": rows}
