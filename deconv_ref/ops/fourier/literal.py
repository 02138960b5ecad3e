"""The literal kernels: every element of a result by its own point function.

Convolution is the sum over cells and not the product of spectra, and the transform is the sum that
defines it: slow, plain, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.arrays import cast, empty, full
from deconv_ref.compiling import Fill
from deconv_ref.ops.fourier import equations

__all__ = ["convolve", "invert", "richardson_lucy", "wiener"]

CONVOLUTION = Fill(equations.convolution_point)
SPECTRUM = Fill(equations.spectrum_point)
IMAGE = Fill(equations.image_point)
LIMIT = Fill(equations.limit_point)
INVERSE = Fill(equations.inverse_point)
WIENER = Fill(equations.wiener_point)
CORRELATION = Fill(equations.correlation_point)
RATIO = Fill(equations.ratio_point, equations.quotient)
UPDATE = Fill(equations.update_point, equations.quotient)


def convolve(x: Any, psf: Any, center: tuple[int, ...], circular: bool) -> Any:
    """Evaluate the convolution (Z1); see `cpu.convolve`."""
    wide = _wide(x)
    y = CONVOLUTION(empty(wide, x.shape), wide, _wide(psf), center, circular, _zero(x))
    return cast(y, x.dtype)


def invert(
    x: Any, psf: Any, center: tuple[int, ...], threshold: float, transform: Any = SPECTRUM
) -> Any:
    """Evaluate the inverse filter (Z3, Z4); see `cpu.invert`."""
    spectrum, transfer = _spectra(x, psf, center, transform)
    limit = LIMIT(empty(x, (psf.shape[0],), np.float64), transfer, threshold)
    restored = INVERSE(empty(x, x.shape, complex), spectrum, transfer, limit)
    return _image(restored, x.dtype, transform)


def wiener(
    x: Any,
    psf: Any,
    center: tuple[int, ...],
    balance: float,
    penalty: Any,
    transform: Any = SPECTRUM,
) -> Any:
    """Evaluate the Wiener filter (Z3, Z5); see `cpu.wiener`."""
    spectrum, transfer = _spectra(x, psf, center, transform)
    restored = WIENER(empty(x, x.shape, complex), spectrum, transfer, balance, penalty)
    return _image(restored, x.dtype, transform)


def richardson_lucy(
    x: Any, psf: Any, center: tuple[int, ...], iterations: int, circular: bool
) -> Any:
    """Evaluate so many steps of Richardson and Lucy (Z7); see `cpu.richardson_lucy`."""
    wide, psf, zero = _wide(x), _wide(psf), _zero(x)
    spread = psf, center, circular, zero
    estimate = full(wide, x.shape, 1)
    weight = CORRELATION(empty(wide, x.shape), estimate, *spread)
    for _ in range(iterations):
        model = CONVOLUTION(empty(wide, x.shape), estimate, *spread)
        ratio = RATIO(empty(wide, x.shape), wide, model)
        up = CORRELATION(empty(wide, x.shape), ratio, *spread)
        estimate = UPDATE(empty(wide, x.shape), estimate, up, weight)
    return cast(estimate, x.dtype)


def _spectra(x: Any, psf: Any, center: tuple[int, ...], transform: Any) -> tuple[Any, Any]:
    turns = _roots(x.shape[2:])
    spectrum = transform(empty(x, x.shape, complex), _wide(x), (0, 0, 0), turns)
    shape, spread = (1, psf.shape[0], *x.shape[2:]), psf.reshape(1, *psf.shape)
    return spectrum, transform(empty(x, shape, complex), _wide(spread), center, turns)


def _image(spectrum: Any, dtype: Any, transform: Any) -> Any:
    turns = tuple(root.conj() for root in _roots(spectrum.shape[2:]))
    image = transform(empty(spectrum, spectrum.shape), spectrum, (0, 0, 0), turns)
    return IMAGE(empty(spectrum, spectrum.shape, dtype), image)


def _roots(size: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(np.exp(-2j * np.pi * np.arange(n) / n) for n in size)


def _wide(x: Any) -> Any:
    return x if x.dtype == object else cast(x, np.float64)


def _zero(x: Any) -> Any:
    return 0 if x.dtype == object else np.float64(0)
