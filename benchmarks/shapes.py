"""The convolutions that are timed, and what each of them has to compute and to move."""

from math import prod
from typing import NamedTuple

import numpy as np

PerAxis = int | tuple[int, ...]


class Shape(NamedTuple):
    """One (transposed) convolution; all libraries take the same parameters."""

    op: str  # "conv" or "conv_transpose"
    x: tuple[int, ...]
    weight: tuple[int, ...]
    stride: PerAxis = 1
    padding: PerAxis = 0
    output_padding: PerAxis = 0
    dilation: PerAxis = 1
    groups: int = 1
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """Both operands and what is not the default."""
        parts = [f"{self.op} {text(self.x)} * {text(self.weight)}"]
        parts += [f"s{text(self.stride)} p{text(self.padding)}"]
        parts += [f"op{text(self.output_padding)}"] if self.output_padding else []
        parts += [f"d{text(self.dilation)}"] if self.dilation != 1 else []
        parts += [f"g{self.groups}"] if self.groups > 1 else []
        parts += [self.dtype] if self.dtype != "float32" else []
        return " ".join(parts)

    @property
    def parameters(self) -> dict[str, PerAxis]:
        """Keyword arguments, one number per axis."""
        names = ["stride", "padding", "dilation"]
        names += ["output_padding"] if self.op == "conv_transpose" else []
        return {name: self.per_axis(name) for name in names} | {"groups": self.groups}

    def per_axis(self, name: str) -> tuple[int, ...]:
        """Give a parameter as one number per axis."""
        value = getattr(self, name)
        return value if isinstance(value, tuple) else (value,) * (len(self.x) - 2)

    @property
    def y(self) -> tuple[int, ...]:
        """Shape of the result."""
        names = ("stride", "padding", "dilation", "output_padding")
        axes = zip(self.x[2:], self.weight[2:], *map(self.per_axis, names), strict=True)
        if self.op == "conv":
            spatial = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d, _ in axes]
            return (self.x[0], self.weight[0], *spatial)
        spatial = [(n - 1) * s - 2 * p + d * (k - 1) + 1 + more for n, k, s, p, d, more in axes]
        return (self.x[0], self.weight[1] * self.groups, *spatial)

    def flops(self, mode: str) -> int:
        """Count additions and multiplications of numbers that are there: none with padding.

        A transposed convolution has those of the convolution that it transposes.
        """
        few, many = (self.y, self.x) if self.op == "conv" else (self.x, self.y)
        names = ("stride", "padding", "dilation")
        axes = zip(few[2:], many[2:], self.weight[2:], *map(self.per_axis, names), strict=True)
        products = self.x[0] * prod(self.weight[:2]) * prod(pairs(*axis) for axis in axes)
        return 2 * products * (1 if mode == "forward" else 3)

    def bytes(self, mode: str) -> int:
        """Count what must be read or written at least, each array once per call."""
        x, weight, y = map(prod, (self.x, self.weight, self.y))
        # Backward reads grad_y, x and weight, and writes the gradients of x and weight.
        elements = x + weight + y if mode == "forward" else 3 * x + 3 * weight + 2 * y
        return elements * np.dtype(self.dtype).itemsize

    def arrays(self) -> list[np.ndarray]:
        """Draw x, weight, bias and grad_y."""
        rng = np.random.default_rng(0)
        shapes = (self.x, self.weight, self.y[1:2], self.y)
        return [rng.standard_normal(shape, self.dtype) for shape in shapes]


def text(sizes: PerAxis) -> str:
    return "x".join(map(str, sizes)) if isinstance(sizes, tuple) else str(sizes)


def pairs(few: int, many: int, taps: int, stride: int, padding: int, dilation: int) -> int:
    """Count the pairs of a tap and one of `few` windows in which the tap meets one of `many` cells.

    >>> pairs(few=3, many=3, taps=3, stride=1, padding=1, dilation=1)
    7
    """
    starts = range(-padding, few * stride - padding, stride)
    return sum(0 <= start + tap * dilation < many for start in starts for tap in range(taps))


T = "conv_transpose"

SHAPES = (
    # Networks of the documents.
    Shape("conv", (8, 3, 64, 64), (64, 3, 3, 3), padding=1),
    Shape(T, (8, 64, 64, 64), (64, 3, 3, 3), padding=1),
    Shape(T, (1, 3, 480, 640), (3, 3, 4, 4), stride=2, padding=1),
    Shape("conv", (8, 3, 64, 64), (32, 3, 3, 3)),
    Shape(T, (8, 32, 31, 31), (32, 64, 4, 4), stride=2, padding=1),
    Shape(T, (8, 64, 31, 31), (64, 3, 5, 5), stride=2, padding=2, output_padding=1),
    Shape("conv", (32, 32, 13, 13), (64, 32, 3, 3)),
    # Classifiers: 3x3 at three depths, 1x1, a strided stem.
    Shape("conv", (4, 64, 112, 112), (64, 64, 3, 3), padding=1),
    Shape("conv", (16, 128, 28, 28), (128, 128, 3, 3), padding=1),
    Shape("conv", (8, 256, 56, 56), (64, 256, 1, 1)),
    Shape("conv", (4, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    # Generators and upscalers.
    Shape(T, (16, 512, 8, 8), (512, 256, 4, 4), stride=2, padding=1),
    Shape(T, (16, 128, 32, 32), (128, 64, 4, 4), stride=2, padding=1),
    Shape(T, (1, 56, 180, 180), (56, 1, 9, 9), stride=3, padding=4, output_padding=2),
    Shape("conv", (1, 12, 180, 180), (12, 12, 3, 3), padding=1),
    # One channel a group.
    Shape("conv", (4, 64, 112, 112), (64, 1, 3, 3), padding=1, groups=64),
)

MORE = (
    # Batches of one, and sizes that divide by nothing.
    Shape("conv", (1, 3, 64, 64), (64, 3, 3, 3), padding=1),
    Shape("conv", (1, 512, 7, 7), (512, 512, 3, 3), padding=1),
    Shape("conv", (1, 64, 3, 3), (64, 64, 3, 3), padding=1),
    Shape("conv", (3, 37, 53, 41), (29, 37, 3, 3), padding=1),
    Shape(T, (3, 37, 23, 29), (37, 11, 5, 3), stride=2, padding=1),
    Shape("conv", (128, 16, 5, 5), (16, 16, 3, 3)),
    # Groups: few channels in many, many in few, one each.
    Shape("conv", (8, 64, 28, 28), (64, 16, 3, 3), padding=1, groups=4),
    Shape("conv", (8, 96, 28, 28), (96, 3, 3, 3), padding=1, groups=32),
    Shape(T, (8, 64, 28, 28), (64, 8, 4, 4), stride=2, padding=1, groups=8),
    Shape("conv", (8, 256, 14, 14), (256, 1, 5, 5), padding=2, groups=256),
    Shape("conv", (8, 64, 56, 56), (64, 1, 3, 3), stride=2, padding=1, groups=64),
    Shape(T, (8, 64, 28, 28), (64, 1, 4, 4), stride=2, padding=1, groups=64),
    # Dilations.
    Shape("conv", (4, 64, 56, 56), (64, 64, 3, 3), padding=2, dilation=2),
    Shape("conv", (2, 32, 65, 65), (32, 32, 3, 3), padding=12, dilation=12),
    Shape(T, (4, 32, 28, 28), (32, 32, 3, 3), stride=2, padding=2, dilation=2),
    # One axis and three.
    Shape("conv", (8, 64, 4096), (64, 64, 3), padding=1),
    Shape("conv", (4, 1, 16000), (32, 1, 25), stride=5),
    Shape(T, (8, 128, 512), (128, 64, 8), stride=4, padding=2),
    Shape("conv", (2, 16, 24, 24, 24), (32, 16, 3, 3, 3), padding=1),
    Shape(T, (2, 32, 12, 12, 12), (32, 16, 4, 4, 4), stride=2, padding=1),
    # float64.
    Shape("conv", (8, 3, 64, 64), (64, 3, 3, 3), padding=1, dtype="float64"),
    Shape("conv", (4, 64, 56, 56), (64, 64, 3, 3), padding=1, dtype="float64"),
    Shape(T, (8, 64, 31, 31), (64, 3, 5, 5), stride=2, padding=2, dtype="float64"),
    # Kernels larger than their result, and strides along the last axis.
    Shape("conv", (16, 32, 16, 16), (32, 32, 13, 13)),
    Shape("conv", (16, 64, 7, 7), (128, 64, 7, 7)),
    Shape("conv", (8, 3, 225, 225), (96, 3, 11, 11), stride=4),
    Shape("conv", (8, 32, 63, 63), (32, 32, 3, 3), stride=(1, 3)),
    Shape("conv", (8, 3, 224, 224), (192, 3, 16, 16), stride=16),
    Shape(T, (8, 32, 21, 21), (32, 32, 3, 3), stride=3),
)
