"""Convolution and deconvolution in the frequency domain, as somebody might write them in NumPy.

Nothing here comes from deconv_ref. Tests plant faults in it (`checking.kernel_file`).
"""

import numpy as np


def fft_convolve(x, psf, *, boundary):
    """Compute the blurred images."""
    return blurred(x, psf, room(x, psf, boundary))


def inverse_filter(x, psf, *, threshold):
    """Divide the spectrum by that of the point-spread function."""
    transfer = transfer_of(x, psf, x.shape[2:])
    size = np.abs(transfer)
    kept = size > threshold * size.max(spatial(x), keepdims=True)
    return filtered(x, np.divide(1, transfer, out=np.zeros_like(transfer), where=kept))


def wiener(x, psf, *, balance, regularization):
    """Weigh the spectrum by Wiener's filter."""
    transfer = transfer_of(x, psf, x.shape[2:])
    penalty = roughness(x.shape[2:]) if regularization == "laplacian" else 1
    return filtered(x, transfer.conj() / (np.abs(transfer) ** 2 + balance * penalty))


def richardson_lucy(x, psf, *, iterations, boundary):
    """Improve an estimate of ones, step by step."""
    size = room(x, psf, boundary)
    estimate = np.ones_like(x)
    weight = np.maximum(blurred(estimate, psf, size, adjoint=True), 0)
    for _ in range(iterations):
        model = np.maximum(blurred(estimate, psf, size), 0)
        up = np.maximum(blurred(quotient(x, model), psf, size, adjoint=True), 0)
        estimate = quotient(estimate * up, weight)
    return estimate


def blurred(x, psf, size, adjoint=False):
    """Multiply spectra of this size, and cut out the image."""
    transfer = transfer_of(x, psf, size)
    return filtered(x, transfer.conj() if adjoint else transfer)


def filtered(x, factor):
    """Multiply the spectrum by a factor."""
    axes, size = spatial(x), factor.shape[2:]
    y = np.fft.ifftn(np.fft.fftn(x, size, axes) * factor, size, axes).real
    return y[:, :, *map(slice, x.shape[2:])].astype(x.dtype)


def transfer_of(x, psf, size):
    """Transform the point-spread function with its middle at cell 0."""
    kernel = psf.shape[-(x.ndim - 2) :]
    placed = np.zeros((1, x.shape[1], *size), x.dtype)
    placed[:, :, *map(slice, kernel)] = psf
    placed = np.roll(placed, [-at for at in middle(kernel)], spatial(x))
    return np.fft.fftn(placed, axes=spatial(x))


def middle(kernel):
    """Find the cell that stays in place."""
    return [(k - 1) // 2 for k in kernel]


def room(x, psf, boundary):
    """Find the size to transform: with zeros as far as the point-spread function reaches."""
    size, kernel = x.shape[2:], psf.shape[-(x.ndim - 2) :]
    if boundary == "circular":
        return size
    return tuple(n + k - 1 for n, k in zip(size, kernel, strict=True))


def roughness(size):
    """Square the spectrum of the Laplacian."""
    cells = np.zeros(size)
    for axis, n in enumerate(size):
        for step, value in ((0, 2), (1, -1), (-1, -1)):
            cells[tuple(step % n if a == axis else 0 for a in range(len(size)))] += value
    return np.abs(np.fft.fftn(cells)) ** 2


def quotient(above, below):
    """Divide, giving 0 where the divisor is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def spatial(x):
    """Number the spatial axes."""
    return tuple(range(2, x.ndim))
