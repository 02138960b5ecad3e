"""The literal kernels: every element of a result by its own point function.

Slow, plain, exact on fractions, and what every other kernel is proven against.
"""

from typing import Any

from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.padding import equations

__all__ = ["forward", "gradient"]

FORWARD = Fill(equations.pad_point, equations.source)
GRADIENT = Fill(equations.pad_gradient_point, equations.candidate, equations.source)

Pairs = tuple[tuple[int, int], ...]


def forward(x: Any, padding: Pairs, mode: int, value: Any) -> Any:
    """Evaluate the padded array (K2); see `deconv_ref.ops.padding.cpu.forward`."""
    size = tuple(n + sum(sides) for n, sides in zip(x.shape[2:], padding, strict=True))
    return FORWARD(empty(x, (*x.shape[:2], *size)), x, value, mode, _before(padding))


def gradient(grad_y: Any, padding: Pairs, mode: int) -> Any:
    """Evaluate the input gradient (K3); see `deconv_ref.ops.padding.cpu.gradient`."""
    shape = grad_y.shape
    size = tuple(n - sum(sides) for n, sides in zip(shape[2:], padding, strict=True))
    grad_x = empty(grad_y, (*shape[:2], *size))
    return GRADIENT(grad_x, grad_y, _zero(grad_y), mode, _before(padding), size)


def _zero(array: Any) -> Any:
    return array.dtype.type(0) if array.dtype != object else 0


def _before(padding: Pairs) -> tuple[int, ...]:
    return tuple(before for before, _ in padding)
