"""The CUDA kernels of the frequency domain; its functions are those of `cpu`.

The literal kernels serve here but for the transform: by its definition (Z3) each frequency is a sum
over all cells, which here is taken along one axis after the other.
"""

from typing import Any

from deconv_ref.arrays import empty
from deconv_ref.compiling import Fill
from deconv_ref.ops.fourier import literal
from deconv_ref.ops.fourier.literal import convolve, richardson_lucy

__all__ = ["convolve", "invert", "richardson_lucy", "wiener"]


def invert(x: Any, psf: Any, center: tuple[int, ...], threshold: float) -> Any:
    """Evaluate the inverse filter (Z3, Z4); see `cpu.invert`."""
    return literal.invert(x, psf, center, threshold, transform)


def wiener(x: Any, psf: Any, center: tuple[int, ...], balance: float, penalty: Any) -> Any:
    """Evaluate the Wiener filter (Z3, Z5); see `cpu.wiener`."""
    return literal.wiener(x, psf, center, balance, penalty, transform)


def transform(result: Any, x: Any, center: tuple[int, ...], roots: tuple[Any, ...]) -> Any:
    """Evaluate the discrete Fourier transform (Z3), the last axis first."""
    shape = [*x.shape]
    for axis in (2, 1, 0):
        shape[2 + axis] = result.shape[2 + axis]
        line = result if axis == 0 else empty(result, tuple(shape))
        x = LINES(line, x, axis, center[axis], roots[axis])
    return x


def line_point(x, axis, center, roots, n, c, z, i, j):
    """Evaluate one frequency of the transform along an axis: sum_t x[..., t, ...] roots^f(t-o)."""
    frequency = z if axis == 0 else i if axis == 1 else j
    total = 0 * roots[0]
    for t in range(x.shape[2 + axis]):
        r, s, u = (t, i, j) if axis == 0 else (z, t, j) if axis == 1 else (z, i, t)
        total += x[n, c, r, s, u] * roots[frequency * (t - center) % len(roots)]
    return total


LINES = Fill(line_point)
