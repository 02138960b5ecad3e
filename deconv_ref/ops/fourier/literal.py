"""The literal kernels: every element of a result by its own point function.

Convolution is the sum over cells and not the product of spectra, and the transform is the sum that
defines it: slow, plain, and what every other kernel is proven against.
"""

from typing import Any

import numpy as np

from deconv_ref.compiling import Fill
from deconv_ref.ops.fourier import equations

__all__ = ["convolve", "invert", "richardson_lucy", "wiener"]

CONVOLUTION = Fill(equations.convolution_point)
SPECTRUM = Fill(equations.spectrum_point)
INVERSE = Fill(equations.inverse_point)
WIENER = Fill(equations.wiener_point)
CORRELATION = Fill(equations.correlation_point)
RATIO = Fill(equations.ratio_point, equations.quotient)
UPDATE = Fill(equations.update_point, equations.quotient)


def convolve(x: Any, psf: Any, center: tuple[int, ...], circular: bool) -> Any:
    """Evaluate the convolution (Z1); see `cpu.convolve`."""
    wide = _wide(x)
    y = CONVOLUTION(np.empty(x.shape, wide.dtype), wide, _wide(psf), center, circular, _zero(x))
    return y.astype(x.dtype)


def invert(x: Any, psf: Any, center: tuple[int, ...], threshold: float) -> Any:
    """Evaluate the inverse filter (Z3, Z4); see `cpu.invert`."""
    spectrum, transfer = _spectra(x, psf, center)
    limit = threshold * np.abs(transfer[0]).max(axis=(1, 2, 3))
    return _image(INVERSE(np.empty_like(spectrum), spectrum, transfer, limit), x.dtype)


def wiener(x: Any, psf: Any, center: tuple[int, ...], balance: float, penalty: Any) -> Any:
    """Evaluate the Wiener filter (Z3, Z5); see `cpu.wiener`."""
    spectrum, transfer = _spectra(x, psf, center)
    restored = WIENER(np.empty_like(spectrum), spectrum, transfer, balance, penalty)
    return _image(restored, x.dtype)


def richardson_lucy(
    x: Any, psf: Any, center: tuple[int, ...], iterations: int, circular: bool
) -> Any:
    """Evaluate so many steps of Richardson and Lucy (Z7); see `cpu.richardson_lucy`."""
    wide, psf, zero = _wide(x), _wide(psf), _zero(x)
    spread = psf, center, circular, zero
    estimate = np.ones_like(wide)
    weight = CORRELATION(np.empty_like(wide), estimate, *spread)
    for _ in range(iterations):
        model = CONVOLUTION(np.empty_like(wide), estimate, *spread)
        ratio = RATIO(np.empty_like(wide), wide, model)
        up = CORRELATION(np.empty_like(wide), ratio, *spread)
        estimate = UPDATE(np.empty_like(wide), estimate, up, weight)
    return estimate.astype(x.dtype)


def _spectra(x: Any, psf: Any, center: tuple[int, ...]) -> tuple[Any, Any]:
    turns = _roots(x.shape[2:])
    spectrum = SPECTRUM(np.empty(x.shape, complex), _wide(x), (0, 0, 0), turns)
    shape = (1, psf.shape[0], *x.shape[2:])
    return spectrum, SPECTRUM(np.empty(shape, complex), _wide(psf[None]), center, turns)


def _image(spectrum: Any, dtype: Any) -> Any:
    turns = tuple(root.conj() for root in _roots(spectrum.shape[2:]))
    image = SPECTRUM(np.empty_like(spectrum), spectrum, (0, 0, 0), turns)
    return (image.real / np.prod(spectrum.shape[2:])).astype(dtype)


def _roots(size: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(np.exp(-2j * np.pi * np.arange(n) / n) for n in size)


def _wide(x: Any) -> Any:
    return x if x.dtype == object else x.astype(np.result_type(x, np.float64))


def _zero(x: Any) -> Any:
    return 0 if x.dtype == object else np.float64(0)
