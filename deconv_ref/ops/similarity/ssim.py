"""Structural similarity, the loss made of it, and its gradient."""

import math
from numbers import Real
from typing import Any

import numpy as np

from deconv_ref import backend
from deconv_ref.arrays import beside, on_host
from deconv_ref.checks import (
    check_choice,
    check_floating,
    check_shape,
    check_spatial,
    is_array,
    volume,
)
from deconv_ref.errors import DTypeError, ParameterError, ShapeError, message

__all__ = ["ssim", "ssim_loss", "ssim_loss_backward"]

REDUCTIONS = ("mean", "sum", "none")
SIGMA = 1.5
RADIUS = 5  # of Wang's window: 11 cells, 3.3 deviations on either side


def ssim(
    x: Any,
    y: Any,
    *,
    data_range: float,
    window: str | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Any:
    r"""Measure how alike two batches of images are, 1 being equal.

    Equations S1 to S4, for one image, with :math:`C_i = (k_i L)^2` and L the data range:

    .. math::
        S = \frac{(2 \mu_x \mu_y + C_1)(2 \sigma_{xy} + C_2)}
                 {(\mu_x^2 + \mu_y^2 + C_1)(\sigma_x^2 + \sigma_y^2 + C_2)}

    in every window; then the mean over windows, images and channels.

    Parameters
    ----------
    x, y : array of shape (N, C, *spatial)
        Images, float32 or float64, with one to three spatial axes.
    data_range : float
        Distance between the least and the largest value that a pixel may have, such as 1 or 255.
    window : None or "gaussian"
        None is the documents' formula (C7): one window, the whole image, all cells alike.
        ``"gaussian"`` is that of Wang et al.: 11 cells along each axis, with Gaussian weights of
        standard deviation 1.5 cells and sum 1, at every place inside the image.
    k1, k2 : float
        Keep the quotient steady where the means, and the variances, are small; at least 0.

    Returns
    -------
    array of shape ()
        The similarity, from -1 to 1 for data of one sign.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes differ, or with ``"gaussian"`` an axis has fewer than 11 cells.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    ssim_loss : One less the similarity, with reductions.
    ssim_loss_backward : Its gradient.

    Notes
    -----
    Variances and covariance are those of the population: divided by the number of cells, or
    weighted, with no correction for a sample. A NaN or an infinity makes the similarity NaN, and
    so does an empty batch, which has no mean, and with a k1 or k2 of 0 a window where both terms
    of the quotient are 0.

    Frameworks differ: scikit-image gives the value of ``"gaussian"`` with
    ``gaussian_weights=True, use_sample_covariance=False``; by default it takes a uniform window of
    7 and the sample covariance. TensorFlow's ``tf.image.ssim`` is ``"gaussian"``. Neither works on
    channels in the second place.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to
    Structural Similarity", IEEE Transactions on Image Processing 13 (2004).

    Examples
    --------
    Equal means, and deviations of opposite sign:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, y = np.array([[[1.0, 3.0]]]), np.array([[[3.0, 1.0]]])
    >>> float(dr.ssim(x, y, data_range=10.0, k1=0.0, k2=0.1))
    -0.3333333333333333
    >>> float(dr.ssim(x, x, data_range=10.0))
    1.0
    """
    name = "ssim"
    kernels, x, y = backend.kernels(name, "similarity", x=x, y=y)
    constants = check_images(name, {"x": x, "y": y}, data_range, window, k1, k2)
    values = kernels.similarity(volume(x), volume(y), taps(window, x.ndim - 2), *constants)
    return _rounded(_mean(on_host(values)), x.dtype)


def ssim_loss(
    prediction: Any,
    target: Any,
    *,
    data_range: float,
    window: str | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: str = "mean",
) -> Any:
    r"""Measure how little two batches of images are alike, 0 being equal.

    With S the similarity of one image and channel (S4):

    .. math:: \ell_{n,c} = 1 - S_{n,c}

    Parameters
    ----------
    prediction, target : array of shape (N, C, *spatial)
        Images, float32 or float64, with one to three spatial axes.
    data_range, window, k1, k2 : as for `ssim`
        The form of the similarity.
    reduction : "mean", "sum" or "none"
        What to make of the N times C losses.

    Returns
    -------
    array of shape () or (N, C)
        The loss; with ``"none"`` the losses.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `ssim` does, and if `reduction` is another.

    See Also
    --------
    ssim : The similarity.
    ssim_loss_backward : Its gradient.

    Notes
    -----
    The mean of an empty batch is NaN, its sum 0. One is taken from the similarity in float64,
    before it is rounded.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, y = np.array([[[1.0, 3.0]]]), np.array([[[3.0, 1.0]]])
    >>> float(dr.ssim_loss(x, y, data_range=10.0, k1=0.0, k2=0.1))
    1.3333333333333333
    """
    name = "ssim_loss"
    images = {"prediction": prediction, "target": target}
    kernels, prediction, target = backend.kernels(name, "similarity", **images)
    images = {"prediction": prediction, "target": target}
    constants = check_images(name, images, data_range, window, k1, k2)
    check_choice(name, "reduction", reduction, REDUCTIONS)
    weights = taps(window, prediction.ndim - 2)
    similarities = kernels.similarity(volume(prediction), volume(target), weights, *constants)
    losses = 1 - on_host(similarities)  # one number for each image
    if reduction == "none":
        return beside(prediction, _rounded(losses, prediction.dtype))
    return _rounded(_mean(losses) if reduction == "mean" else _sum(losses), prediction.dtype)


def ssim_loss_backward(
    prediction: Any,
    target: Any,
    *,
    data_range: float,
    window: str | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: str = "mean",
    grad_loss: Any = 1.0,
) -> Any:
    r"""Compute the gradient of the similarity loss with respect to the prediction.

    Equations S5 and S6. In a window with weights w of sum 1, and with A1 to B2 the factors of the
    similarity :math:`S = A_1 A_2 / (B_1 B_2)`:

    .. math::
        \frac{\partial S}{\partial x_i} = \frac{2 w_i}{B_1 B_2} \bigl(
            A_2 \mu_y + A_1 (y_i - \mu_y) - S (B_2 \mu_x + B_1 (x_i - \mu_x)) \bigr)

    Parameters
    ----------
    prediction, target : array of shape (N, C, *spatial)
        As they were passed to `ssim_loss`.
    data_range, window, k1, k2, reduction : as for `ssim_loss`
        As they were passed to it.
    grad_loss : float or array of shape (N, C)
        Gradient of the scalar sought with respect to the loss: a number, or with ``"none"`` also
        one for each loss, of prediction's dtype.

    Returns
    -------
    array of prediction's shape
        Gradient with respect to `prediction`.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `ssim_loss` does, and if `grad_loss` is no number and no array of shape (N, C).

    See Also
    --------
    ssim_loss : The loss.

    Notes
    -----
    The similarity is symmetrical: exchange the images to get the gradient of the target. A cell
    belongs to up to 11 windows along each axis; cells near the border to fewer.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, y = np.array([[[1.0, 3.0]]]), np.array([[[3.0, 1.0]]])
    >>> dr.ssim_loss_backward(x, y, data_range=10.0, k1=0.0, k2=0.1).round(3)
    array([[[-0.222,  0.222]]])
    """
    name = "ssim_loss_backward"
    images = {"prediction": prediction, "target": target}
    kernels, prediction, target, grad_loss = backend.kernels(
        name, "similarity", **images, grad_loss=grad_loss
    )
    images = {"prediction": prediction, "target": target}
    constants = check_images(name, images, data_range, window, k1, k2)
    check_choice(name, "reduction", reduction, REDUCTIONS)
    shape = prediction.shape[:2]
    grad = -_incoming(name, grad_loss, prediction, reduction) * np.ones(shape)
    if reduction == "mean" and grad.size:
        grad /= grad.size
    weights = taps(window, prediction.ndim - 2)
    x, y = volume(prediction), volume(target)
    return kernels.gradient(grad, x, y, weights, *constants).reshape(prediction.shape)


def check_images(
    function: str, images: dict[str, Any], data_range: Any, window: Any, k1: Any, k2: Any
) -> tuple[float, float]:
    """Check two images and the form of their similarity, and give the constants of S3.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    images : dict of str to array
        The two images by name.
    data_range, window, k1, k2 : object
        As passed.

    Returns
    -------
    c1, c2 : float
        Squares of ``k1 * data_range`` and ``k2 * data_range``.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        Naming the argument at fault.
    """
    for name, image in images.items():
        check_floating(function, **{name: image if image is not None else ()})
    check_floating(function, **images)
    (first, x), (second, y) = images.items()
    check_spatial(function, first, x)
    check_shape(function, second, y, x.shape, f"It has the shape of {first}")
    check_choice(function, "window", window, (None, "gaussian"))
    least = 2 * RADIUS + 1
    if window is not None and min(x.shape[2:]) < least:
        wanted = f"at least {least} cells long on every spatial axis"
        remedy = "Pass window=None"
        raise ShapeError(message(function, first, wanted, f"shape {tuple(x.shape)}", remedy))
    for name, value in (("data_range", data_range), ("k1", k1), ("k2", k2)):
        positive = name == "data_range"
        right = _is_number(value) and math.isfinite(value) and value >= 0
        if not right or (positive and value == 0):
            wanted = "a finite number above 0" if positive else "a finite number of at least 0"
            raise ParameterError(message(function, name, wanted, value))
    return (float(k1) * float(data_range)) ** 2, (float(k2) * float(data_range)) ** 2


def taps(window: str | None, axes: int) -> Any:
    """Weigh the cells of a window along each of three axes; the first ones may not be there.

    Examples
    --------
    >>> [len(axis) for axis in taps("gaussian", 2)]
    [1, 11, 11]
    """
    if window is None:
        return None
    bell = [math.exp(-(t**2) / (2 * SIGMA**2)) for t in range(-RADIUS, RADIUS + 1)]
    weights = np.array(bell) / math.fsum(bell)
    return (np.ones(1),) * (3 - axes) + (weights,) * axes


def _incoming(function: str, grad_loss: Any, prediction: Any, reduction: str) -> Any:
    """Check `grad_loss`, and widen it to float64."""
    if _is_number(grad_loss):
        return float(grad_loss)
    if reduction != "none" and getattr(grad_loss, "shape", None) != ():
        got = f"shape {tuple(grad_loss.shape)}" if hasattr(grad_loss, "shape") else repr(grad_loss)
        raise ParameterError(message(function, "grad_loss", "a number", got))
    if not is_array(grad_loss):
        got = type(grad_loss).__name__
        raise DTypeError(message(function, "grad_loss", "a number or an array", got))
    check_floating(function, prediction=prediction, grad_loss=grad_loss)
    if grad_loss.shape:
        check_shape(function, "grad_loss", grad_loss, prediction.shape[:2], "One for each loss")
    return np.asarray(on_host(grad_loss), dtype=np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and value is not True and value is not False


def _sum(values: Any) -> float:
    """Add in any order with one rounding, where nothing overflows."""
    return math.fsum(values.ravel()) if np.isfinite(values).all() else float(values.sum())


def _mean(values: Any) -> float:
    return _sum(values) / values.size if values.size else math.nan


def _rounded(values: Any, dtype: Any) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        return np.array(values, dtype)
