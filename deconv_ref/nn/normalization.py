"""Batch normalization and dropout."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import deconv_ref as dr
from deconv_ref.arrays import assign, kept
from deconv_ref.nn.configuration import check_number
from deconv_ref.nn.layer import Layer

__all__ = ["BatchNorm", "Dropout"]


@dataclass(eq=False)
class BatchNorm(Layer):
    """Each channel normalized over batch and space, `deconv_ref.batch_norm`.

    In training by the statistics of the batch, which the running ones follow; else by the running
    ones.

    Parameters
    ----------
    momentum : float
        Weight of the new value in the running statistics, from 0 to 1.
    epsilon : float
        Added to the variance.

    Notes
    -----
    Parameters are `gamma`, from 1, and `beta`, from 0; state is `running_mean`, from 0, and
    `running_var`, from 1, each of shape (C,). `momentum` is PyTorch's; that of Keras weighs the old
    value, ``1 - momentum`` here, and its defaults are 0.99 and an epsilon of 1e-3.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> layer = nn.BatchNorm(epsilon=0.0)
    >>> layer.forward(np.array([[[1.0, 7.0]]]), training=True)
    array([[[-1.,  1.]]])
    >>> layer.state["running_mean"]
    array([0.4])
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    def _create(self, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        channels = input_shape[:1]
        self.parameters = {"gamma": np.ones(channels, dtype), "beta": np.zeros(channels, dtype)}
        self.state = {
            "running_mean": np.zeros(channels, dtype),
            "running_var": np.ones(channels, dtype),
        }

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        normed = dr.batch_norm(
            x, **self.parameters, **self.state, training=training, **self._options()
        )
        for name, array in self.state.items():
            assign(array, getattr(normed, name))
        return normed.y, (x, normed.saved_mean, normed.saved_inv_std, training)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        x, mean, inv_std, training = saved
        gamma = self.parameters["gamma"]
        return self._keep(
            dr.batch_norm_backward(grad_y, x, gamma, mean, inv_std, training=training)
        )


@dataclass(eq=False)
class Dropout(Layer):
    """Some values dropped in training and the rest scaled up, `deconv_ref.dropout`.

    Parameters
    ----------
    rate : float
        Probability of dropping a value, from 0 to below 1.

    Notes
    -----
    Masks come from the layer's own generator, which the network's seed starts and a model file
    keeps.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> x = np.ones((1, 8))
    >>> np.unique(nn.Dropout(0.75).forward(x, training=True))
    array([0., 4.])
    >>> nn.Dropout(0.75).forward(x)
    array([[1., 1., 1., 1., 1., 1., 1., 1.]])
    """

    rate: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "rate", low=0, high=1, below=True)

    def _forward(self, x: Any, training: bool) -> tuple[Any, tuple[Any, ...]]:
        if not training:
            return x, (None,)
        mask = kept(x, self.rate, self.random)
        return dr.dropout(x, self.rate, mask=mask), (mask,)

    def _backward(self, grad_y: Any, *saved: Any) -> Any:
        (mask,) = saved
        return grad_y if mask is None else dr.dropout_backward(grad_y, self.rate, mask=mask)
