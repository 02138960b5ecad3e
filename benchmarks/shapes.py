"""The convolutions that are timed."""

from typing import NamedTuple


class Shape(NamedTuple):
    """One (transposed) convolution; both libraries take the same parameters."""

    op: str  # "conv" or "conv_transpose"
    x: tuple[int, ...]
    weight: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    groups: int = 1

    @property
    def name(self) -> str:
        """Both operands and what is not the default."""
        x, weight = "x".join(map(str, self.x)), "x".join(map(str, self.weight))
        parts = [f"{self.op} {x} * {weight}", f"s{self.stride} p{self.padding}"]
        parts += [f"op{self.output_padding}"] if self.output_padding else []
        parts += [f"g{self.groups}"] if self.groups > 1 else []
        return " ".join(parts)

    @property
    def parameters(self) -> dict[str, int]:
        """Keyword arguments of either library."""
        given = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        if self.op == "conv_transpose":
            given["output_padding"] = self.output_padding
        return given

    @property
    def outputs(self) -> int:
        """Channels of the result."""
        return self.weight[0] if self.op == "conv" else self.weight[1] * self.groups


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
