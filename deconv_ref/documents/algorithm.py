"""The algorithm of document B."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.checks import check_count, check_floating, check_shape, check_spatial, in_range
from deconv_ref.errors import ShapeError, message
from deconv_ref.nn.configuration import choose, rebuild
from deconv_ref.nn.layer import generator
from deconv_ref.parameters import Padding, PerAxis, per_axis

__all__ = ["Fitted", "algorithm_b"]


class Fitted(NamedTuple):
    """A kernel that was learned, and the losses on the way."""

    kernel: Any
    losses: list[float]


def algorithm_b(
    x: Any,
    target: Any,
    kernel_size: PerAxis = 3,
    *,
    stride: PerAxis = 1,
    padding: Padding = "same",
    optimizer: Any = None,
    steps: int = 1000,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Fitted:
    r"""Learn the kernel whose deconvolution makes images of others.

    The five steps of section 3.1 of document B, "image enhancement by deconvolution", with its
    equations B1 and B2:

    .. math::
        y = A_w^{\mathsf T} x, \qquad
        w \leftarrow w - \alpha \, \frac{\partial}{\partial w} \operatorname{mse}(y, t)

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Images to deconvolve, float32 or float64.
    target : array of shape (N, M, *spatial)
        What they are to become: `t`, of x's dtype.
    kernel_size : int or sequence of int
        Taps per spatial axis.
    stride : int or sequence of int
        How many times larger the targets are, per axis.
    padding : int, sequence or str
        As `deconv_ref.conv_transpose` takes it.
    optimizer : Optimizer or str, optional
        How to update; by default B2 with a learning rate that cannot be too large, see the notes.
        The optimizer itself is left as it is.
    steps : int
        Updates at most.
    tolerance : float
        It has converged when the gradient is no longer than so much of the first.
    seed : int
        What the initial kernel depends on.

    Returns
    -------
    Fitted
        The kernel, (C, M, *kernel_size), and the loss before each update.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        If an argument does not fit.

    See Also
    --------
    deconv_ref.conv_transpose : Step 2.
    deconv_ref.nn.SGD : Step 4.

    Notes
    -----
    Wrong as printed: the transpose is that of the convolution's matrix, not of the array ``w``
    (B-s1), and both programs stop with errors (B-s2 to B-s4).

    The loss is a quadratic function of the kernel. With K taps and T values in `target` the
    largest eigenvalue of its Hessian is at most :math:`L = 2 K \sum x^2 / T`, the Frobenius norm's
    bound, and every step with :math:`\alpha = 1 / L` lowers the loss. A learning rate above
    :math:`2 / \lambda_{\max}` makes it grow without end (C-t1).

    Examples
    --------
    Find the kernel that images were deconvolved with:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.random.default_rng(0).normal(size=(1, 1, 8, 8))
    >>> kernel = np.array([[[[0.0, -1.0, 0.0], [2.0, 5.0, -2.0], [0.0, 1.0, 0.0]]]])
    >>> found = algorithm_b(x, dr.conv_transpose(x, kernel, padding="same"))
    >>> float(abs(found.kernel - kernel).max()) < 1e-4
    True
    """
    name = "algorithm_b"
    _check(name, x, target, steps, tolerance, seed)
    size = per_axis(name, "kernel_size", kernel_size, x.ndim - 2, least=1)
    channels, filters, taps = x.shape[1], target.shape[1], prod(size)
    options: dict[str, Any] = {"stride": stride, "padding": padding}
    if optimizer is None:
        optimizer = nn.SGD(_steady(x, target, taps))
    optimizer = choose(nn.Optimizer, optimizer, name, "optimizer")
    optimizer = rebuild(nn.Optimizer, optimizer.config())  # that remembers nothing yet

    fans = nn.Fans(channels * taps, filters * taps)
    kernel = nn.GlorotUniform()((channels, filters, *size), fans, generator(seed))  # step 1
    kernel = kernel.astype(x.dtype)
    size = dr.conv_transpose(x[:0], kernel, **options).shape[1:]
    check_shape(name, "target", target, (len(x), *size), "So large is the deconvolved x")
    losses: list[float] = []
    lengths: list[float] = []
    for _ in range(steps):
        y = dr.conv_transpose(x, kernel, **options)  # step 2
        losses.append(float(dr.mse(y, target)))  # step 3
        grad_y = dr.mse_backward(y, target)
        gradient = dr.conv_transpose_backward(grad_y, x, kernel, **options).weight
        lengths.append(float(np.linalg.norm(gradient)))
        if lengths[-1] <= tolerance * lengths[0]:  # step 5
            break
        optimizer.update({"kernel": kernel}, {"kernel": gradient})  # step 4
    return Fitted(kernel, losses)


def _check(name: str, x: Any, target: Any, steps: Any, tolerance: Any, seed: Any) -> None:
    """Ask for images, and numbers in their ranges."""
    check_floating(name, x=x, target=target)
    check_spatial(name, "x", x)
    if target.ndim != x.ndim:
        wanted, got = f"of {x.ndim} axes, as x is", f"shape {target.shape}"
        raise ShapeError(message(name, "target", wanted, got))
    check_count(name, "steps", steps, 1)
    check_count(name, "seed", seed, 0)
    in_range(name, "tolerance", tolerance, 0)


def _steady(x: Any, target: Any, taps: int) -> float:
    """Give the learning rate 1 / L."""
    power = float(np.square(x, dtype=np.float64).sum())
    return target.size / (2 * taps * power) if power else 0.0
