"""Batch normalization and its gradients."""

from math import isfinite, prod
from numbers import Real
from typing import Any, NamedTuple

from deconv_ref import backend
from deconv_ref.arrays import cast
from deconv_ref.checks import check_choice, check_floating, check_shape
from deconv_ref.errors import ParameterError, ShapeError, message

__all__ = ["BatchNormGradients", "BatchNormed", "batch_norm", "batch_norm_backward"]

LARGEST_RANK = 5


class BatchNormed(NamedTuple):
    """What `batch_norm` gives: the result, the next running statistics, the statistics used."""

    y: Any
    running_mean: Any
    running_var: Any
    saved_mean: Any
    saved_inv_std: Any


class BatchNormGradients(NamedTuple):
    """Gradients of a scalar with respect to the operands of `batch_norm`, in their shapes."""

    x: Any
    gamma: Any
    beta: Any


def batch_norm(
    x: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any,
    running_var: Any,
    *,
    training: bool,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> BatchNormed:
    r"""Normalize every channel to mean 0 and variance 1, then scale and shift it.

    Equations N1 to N6, with p the position and K the number of values in a channel:

    .. math::
        \mu_c &= \frac{1}{K} \sum_{n,p} x_{n,c,p}, \qquad
        \sigma^2_c = \frac{1}{K} \sum_{n,p} (x_{n,c,p} - \mu_c)^2 \\
        y_{n,c,p} &= \gamma_c \, \frac{x_{n,c,p} - \mu_c}{\sqrt{\sigma^2_c + \epsilon}} + \beta_c

    Parameters
    ----------
    x : array of shape (N, C, *spatial)
        Input, float32 or float64, with none to three spatial axes.
    gamma, beta : array of shape (C,)
        Scale and shift of each channel, of x's dtype.
    running_mean, running_var : array of shape (C,)
        Statistics remembered so far. They are not modified: the next ones are returned.
    training : bool
        True normalizes by the statistics of `x`; False by the running ones.
    momentum : float
        Weight of the new value in the running statistics, from 0 to 1.
    epsilon : float
        Added to the variance, in its units; at least 0.

    Returns
    -------
    BatchNormed
        ``y`` of x's shape; ``running_mean`` and ``running_var``, the next running statistics: in
        training ``(1 - momentum) * old + momentum * new``, else copies; ``saved_mean`` and
        ``saved_inv_std`` of shape (C,), what normalized, for `batch_norm_backward`.

    Raises
    ------
    DTypeError
        If an array is not float32 or float64, or they differ.
    ShapeError
        If shapes do not fit each other, or in training a channel has fewer than two values.
    ParameterError
        If a parameter is out of its range.

    See Also
    --------
    batch_norm_backward : Its gradients.

    Notes
    -----
    The biased variance (divided by K) normalizes, the unbiased one (divided by K - 1) is
    remembered. The variance is summed from deviations, in float64, so that a large mean does not
    drown it.

    A NaN or an infinity makes its whole channel NaN in training; in evaluation it stays where it
    is. A constant channel gives beta; with an epsilon of 0 it gives NaN. In training an empty
    batch is an error, as it has no statistics; in evaluation it gives an empty result.

    Frameworks differ: PyTorch's momentum is this one; in Keras, TensorFlow and ONNX it weighs the
    old value, ``1 - momentum`` here. Keras 3 and ONNX remember the biased variance. Keras has
    an epsilon of 1e-3. PyTorch gives saved statistics to its gradient only, and in evaluation none.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", arXiv:1502.03167.

    Examples
    --------
    Four values of mean 4 and variance 9, which an epsilon of 7 makes 16:

    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x = np.array([[[1.0, 7.0]], [[1.0, 7.0]]])
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> normed = dr.batch_norm(
    ...     x, 8 * one, 100 * one, zero, one, training=True, momentum=0.25, epsilon=7.0
    ... )
    >>> normed.y
    array([[[ 94., 106.]],
    <BLANKLINE>
           [[ 94., 106.]]])
    >>> normed.saved_mean, normed.saved_inv_std
    (array([4.]), array([0.25]))

    Of the mean and of the unbiased variance, 9 * 4 / 3, one quarter is remembered:

    >>> normed.running_mean, normed.running_var
    (array([1.]), array([3.75]))
    """
    name = "batch_norm"
    vectors = {
        "gamma": gamma,
        "beta": beta,
        "running_mean": running_mean,
        "running_var": running_var,
    }
    kernels, x, *adopted = backend.kernels(name, "normalization", x=x, **vectors)
    vectors = dict(zip(vectors, adopted, strict=True))
    gamma, beta, running_mean, running_var = adopted
    check_operands(name, x, vectors, training)
    _check_number(name, "momentum", momentum, 1.0)
    _check_number(name, "epsilon", epsilon)
    count = x.shape[0] * prod(x.shape[2:])
    _check_count(name, x, count, 2 if training else 0)

    cells = by_cell(x)
    mean, var = kernels.statistics(cells) if training else (running_mean, running_var)
    inv_std = kernels.inv_std(cast(var, "float64"), float(epsilon))
    y = kernels.normalize(cells, gamma, beta, mean, inv_std).reshape(x.shape)
    if training:
        unbiased = kernels.unbiased(var, count)
        running_mean = kernels.running(running_mean, mean, float(momentum))
        running_var = kernels.running(running_var, unbiased, float(momentum))
    statistics = (running_mean, running_var, mean, inv_std)
    return BatchNormed(y, *(cast(vector, x.dtype) for vector in statistics))


def batch_norm_backward(
    grad_y: Any, x: Any, gamma: Any, saved_mean: Any, saved_inv_std: Any, *, training: bool = True
) -> BatchNormGradients:
    r"""Compute the gradients of batch normalization.

    With L the scalar whose gradient is sought (N7 to N9), s the saved inverse deviation and
    :math:`z = (x - \mu) s` the normalized input:

    .. math::
        \partial L / \partial \beta_c &= \sum_{n,p} \bar y_{n,c,p} \\
        \partial L / \partial \gamma_c &= \sum_{n,p} \bar y_{n,c,p} \, z_{n,c,p} \\
        \partial L / \partial x_{n,c,p} &= \gamma_c s_c \Bigl( \bar y_{n,c,p}
            - \frac{1}{K} \frac{\partial L}{\partial \beta_c}
            - \frac{z_{n,c,p}}{K} \frac{\partial L}{\partial \gamma_c} \Bigr)

    Constant statistics leave of the last line :math:`\gamma_c s_c \bar y_{n,c,p}` alone (N10).

    Parameters
    ----------
    grad_y : array of shape (N, C, *spatial)
        Gradient of L with respect to the result of `batch_norm`.
    x : array of shape (N, C, *spatial)
        Input of `batch_norm`, with none to three spatial axes.
    gamma : array of shape (C,)
        Scale of `batch_norm`.
    saved_mean, saved_inv_std : array of shape (C,)
        As `batch_norm` gave them.
    training : bool
        True if they are the statistics of `x`, and move with it; False if they are constants.

    Returns
    -------
    BatchNormGradients
        ``x``, ``gamma`` and ``beta``, each of the shape and dtype of its operand.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        As `batch_norm` does, and if `grad_y` has not the shape of `x`.

    See Also
    --------
    batch_norm : The operator.

    Notes
    -----
    The running statistics get no gradient: they are memory, not operands. An empty batch gives an
    empty gradient of x, and zeros for gamma and beta.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref as dr
    >>> x, grad_y = np.array([[[1.0, 7.0]]]), np.array([[[16.0, 48.0]]])
    >>> gamma, mean, inv_std = np.array([2.0]), np.array([4.0]), np.array([0.25])
    >>> gradients = dr.batch_norm_backward(grad_y, x, gamma, mean, inv_std)
    >>> gradients.x
    array([[[-3.5,  3.5]]])
    >>> gradients.gamma, gradients.beta
    (array([24.]), array([64.]))
    >>> dr.batch_norm_backward(grad_y, x, gamma, mean, inv_std, training=False).x
    array([[[ 8., 24.]]])
    """
    name = "batch_norm_backward"
    vectors = {"gamma": gamma, "saved_mean": saved_mean, "saved_inv_std": saved_inv_std}
    kernels, grad_y, x, *adopted = backend.kernels(
        name, "normalization", grad_y=grad_y, x=x, **vectors
    )
    vectors = dict(zip(vectors, adopted, strict=True))
    gamma, saved_mean, saved_inv_std = adopted
    check_operands(name, x, vectors, training)
    check_floating(name, x=x, grad_y=grad_y)
    check_shape(name, "grad_y", grad_y, x.shape, "It has the shape of batch_norm's result")
    count = x.shape[0] * prod(x.shape[2:])
    _check_count(name, x, count, 2 if training and count else 0)

    cells, grads = by_cell(x), by_cell(grad_y)
    grad_x, *others = kernels.gradients(grads, cells, gamma, saved_mean, saved_inv_std, training)
    return BatchNormGradients(grad_x.reshape(x.shape), *others)


def check_operands(function: str, x: Any, vectors: dict[str, Any], training: bool) -> None:
    """Check everything but numbers.

    Parameters
    ----------
    function : str
        Public function to name in errors.
    x : array
        As passed.
    vectors : dict of str to array
        The arguments with one value per channel, by name.
    training : bool
        As passed.

    Raises
    ------
    DTypeError, ShapeError, ParameterError
        Naming the argument at fault.
    """
    check_floating(function, x=x, **vectors)
    for name, vector in vectors.items():
        if vector is None:
            check_floating(function, **{name: ()})
    shape = tuple(x.shape)
    if not 2 <= len(shape) <= LARGEST_RANK:
        wanted = "(N, C, *spatial) with 0 to 3 spatial axes"
        raise ShapeError(message(function, "x", wanted, f"shape {shape}"))
    if 0 in shape[1:]:
        wanted = "(N, C, *spatial) without empty axes"
        raise ShapeError(message(function, "x", wanted, f"shape {shape}"))
    for name, vector in vectors.items():
        check_shape(function, name, vector, shape[1:2], "It has one value per channel")
    check_choice(function, "training", training, (False, True))


def by_cell(x: Any) -> Any:
    """View, or copy, ``(N, C, *spatial)`` as ``(N, C, P)``."""
    return x.reshape(*x.shape[:2], prod(x.shape[2:]))


def _check_number(function: str, name: str, value: Any, most: float | None = None) -> None:
    real = isinstance(value, Real) and value is not True and value is not False
    if not real or not isfinite(value) or value < 0 or (most is not None and value > most):
        wanted = "a finite number of at least 0" if most is None else f"a number from 0 to {most:g}"
        raise ParameterError(message(function, name, wanted, value))


def _check_count(function: str, x: Any, count: int, least: int) -> None:
    if count < least:
        wanted = "of at least two values per channel in training"
        got = f"{count} in shape {tuple(x.shape)}"
        remedy = "Pass more, or training=False"
        raise ShapeError(message(function, "x", wanted, got, remedy))
