"""Mutants of filters in the frequency domain, in the kernels of `tests/kernels_fourier.py`."""

import kernels_fourier
import numpy as np
from kernels_fourier import blurred, filtered, middle, room, roughness, spatial, transfer_of

from mutants import COMMON, Family, harmless

FOURIER = Family(kernels_fourier, "fft_convolve", "inverse_filter", "wiener", "richardson_lucy")
fault, variant = FOURIER.fault, FOURIER.harmless


@fault(COMMON, "fft_convolve")
def middle_of_even_sizes_later(right, x, psf, *, boundary):
    later = [k // 2 - (k - 1) // 2 for k in psf.shape[-(x.ndim - 2) :]]
    return np.roll(right(x, psf, boundary=boundary), later, spatial(x))


@fault(COMMON, "fft_convolve")
def always_circular(right, x, psf, *, boundary):
    return right(x, psf, boundary="circular")


@fault("spillerrec/Overmix#9", "fft_convolve")
def correlated(right, x, psf, *, boundary):
    return right(x, np.flip(psf, range(psf.ndim - x.ndim + 2, psf.ndim)), boundary=boundary)


@fault(COMMON, "inverse_filter")
def threshold_not_of_the_largest(right, x, psf, *, threshold):
    largest = np.abs(transfer_of(x, psf, x.shape[2:])).max()
    return right(x, psf, threshold=threshold / largest)


@fault(COMMON, "inverse_filter")
def clipped_not_cut(right, x, psf, *, threshold):
    transfer = transfer_of(x, psf, x.shape[2:])
    size = np.abs(transfer)
    least = threshold * size.max(spatial(x), keepdims=True)
    return filtered(x, np.exp(-1j * np.angle(transfer)) / np.maximum(size, least))


@fault(COMMON, "inverse_filter")
def divided_by_the_conjugate(right, x, psf, *, threshold):
    return right(x, np.flip(psf, range(psf.ndim - x.ndim + 2, psf.ndim)), threshold=threshold)


@fault(COMMON, "wiener")
def first_function_for_all(right, x, psf, **call):
    return right(x, np.full_like(psf, psf[0]) if psf.ndim == x.ndim - 1 else psf, **call)


@fault(COMMON, "wiener")
def root_of_the_balance(right, x, psf, *, balance, regularization):
    return right(x, psf, balance=balance**0.5, regularization=regularization)


@fault(COMMON, "wiener", replaces="roughness")
def laplacian_not_squared(right, size):
    return np.sqrt(right(size))


@fault(COMMON, "wiener", replaces="roughness")
def laplacian_of_the_last_axis(right, size):
    return np.broadcast_to(right((*[1] * (len(size) - 1), size[-1])), size)


@fault(COMMON, "richardson_lucy")
def one_step_too_many(right, x, psf, *, iterations, boundary):
    return right(x, psf, iterations=iterations + 1, boundary=boundary)


@fault("spillerrec/Overmix#9", "richardson_lucy", replaces="blurred")
def blurred_twice(right, x, psf, size, adjoint=False):
    return right(x, psf, size)


@fault("scikit-image/scikit-image#3859", "richardson_lucy")
def not_weighed(right, x, psf, *, iterations, boundary):
    estimate, size = np.ones_like(x), room(x, psf, boundary)
    for _ in range(iterations):
        ratio = x / np.maximum(blurred(estimate, psf, size), 1e-12)
        estimate = estimate * blurred(ratio.astype(x.dtype), psf, size, adjoint=True)
    return estimate


@fault("scikit-image/scikit-image#2551", "richardson_lucy", replaces="quotient")
def nothing_divided_by_nothing(right, above, below):
    with np.errstate(all="ignore"):
        return above / below


@fault("scikit-image/scikit-image#5976", "richardson_lucy", replaces="quotient")
def smallest_added_to_the_divisor(right, above, below):
    return (above / (below + 1e-3)).astype(above.dtype)


@fault("spillerrec/Overmix#9", "richardson_lucy", replaces="quotient")
def ratios_cut_to_whole_numbers(right, above, below):
    return np.trunc(right(above, below))


@fault("claroche-r/DMBSR#4", "wiener")
@fault("astrorama/SourceXtractorPlusPlus#72", "inverse_filter")
def function_turned_round(right, x, psf, **call):
    return right(x, np.flip(psf, range(psf.ndim - x.ndim + 2, psf.ndim)), **call)


# Harmless variants


@variant("fft_convolve")
def plain_sums(right, x, psf, *, boundary):
    axes, y = tuple(range(2, x.ndim)), np.zeros_like(x)
    kernel = psf.shape[-len(axes) :]
    sides = [(0, 0)] * 2 + [(k, k) for k in kernel]
    padded = np.pad(x, sides, mode="wrap" if boundary == "circular" else "constant")
    for tap in np.ndindex(kernel):
        starts = [k + at - t for k, at, t in zip(kernel, middle(kernel), tap, strict=True)]
        cells = [slice(a, a + n) for a, n in zip(starts, x.shape[2:], strict=True)]
        weight = psf[(..., *tap)]
        y += padded[:, :, *cells] * (
            weight.reshape(-1, *[1] * len(axes)) if psf.ndim > len(axes) else weight
        )
    return y


@variant("fft_convolve", "richardson_lucy", replaces="room")
def roomier(right, x, psf, boundary):
    size = right(x, psf, boundary)
    return size if boundary == "circular" else tuple(2 ** int(n).bit_length() for n in size)


@variant("fft_convolve", "inverse_filter", "wiener", replaces="filtered")
def half_a_spectrum(right, x, factor):
    axes, size = spatial(x), factor.shape[2:]
    spectrum = np.fft.rfftn(x, size, axes)
    kept = factor[..., : spectrum.shape[-1]]
    y = np.fft.irfftn(spectrum * kept, size, axes)
    return y[:, :, *map(slice, x.shape[2:])].astype(x.dtype)


@variant("wiener")
def balance_spread(right, x, psf, *, balance, regularization):
    transfer = transfer_of(x, psf, x.shape[2:])
    size = x.shape[2:]
    penalty = roughness(size) if regularization == "laplacian" else np.ones(size)
    return filtered(x, 1 / (transfer + balance * penalty / transfer.conj()))


harmless.plant(FOURIER, batched=("fft_convolve", "inverse_filter", "wiener", "richardson_lucy"))
