"""Metrics: what is told of a network's results beside the loss, as means over the samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import deconv_ref as dr
from deconv_ref.arrays import on_host
from deconv_ref.checks import check_batch, check_floating, check_shape
from deconv_ref.errors import ShapeError, message
from deconv_ref.nn.configuration import Configured, check_number

__all__ = ["Accuracy", "BinaryAccuracy", "Metric", "Psnr", "Ssim"]


@dataclass(frozen=True)
class Metric(Configured):
    """Base of the metrics: called with prediction and target, one gives a mean over the samples."""

    def __call__(self, prediction: Any, target: Any) -> float:
        """Measure a batch.

        Parameters
        ----------
        prediction, target : array of shape (N, ...)
            Alike in shape and dtype.

        Returns
        -------
        float
            The mean over the samples.

        Raises
        ------
        DTypeError, ShapeError
            If they are no such arrays, or not of a shape that the metric takes.
        """
        name = type(self).__name__
        check_floating(name, prediction=prediction, target=target)
        check_batch(name, prediction=prediction)
        check_shape(name, "target", target, prediction.shape, "It has the shape of prediction")
        return self._measure(on_host(prediction), on_host(target))

    def _measure(self, prediction: Any, target: Any) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Accuracy(Metric):
    """The fraction of places where the largest value along axis 1 is that of the target.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Accuracy()(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    0.5
    """

    def _measure(self, prediction: Any, target: Any) -> float:
        if prediction.ndim < 2 or prediction.shape[1] < 2:
            wanted, got = "(N, K, ...) of two categories at least", f"shape {prediction.shape}"
            remedy = 'For one value per place there is "binary_accuracy"'
            raise ShapeError(message("Accuracy", "prediction", wanted, got, remedy))
        return float(np.mean(prediction.argmax(axis=1) == target.argmax(axis=1)))


@dataclass(frozen=True)
class BinaryAccuracy(Metric):
    """The fraction of values that are on the target's side of a threshold.

    Parameters
    ----------
    threshold : float
        What is above it counts as 1: 0.5 for probabilities, 0 for logits.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.BinaryAccuracy()(np.array([[0.1], [0.6]]), np.array([[0.0], [1.0]]))
    1.0
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "threshold")

    def _measure(self, prediction: Any, target: Any) -> float:
        return float(np.mean((prediction > self.threshold) == (target > 0.5)))


@dataclass(frozen=True)
class Psnr(Metric):
    r"""The peak signal-to-noise ratio, in decibels, of each sample.

    .. math:: 10 \log_{10} (\mathrm{data\_range}^2 / \mathrm{mse})

    Parameters
    ----------
    data_range : float
        Distance from the least to the largest possible value.

    Notes
    -----
    The ratios are averaged, not the errors. A sample without error gives infinity.

    Examples
    --------
    >>> import numpy as np
    >>> import deconv_ref.nn as nn
    >>> nn.Psnr(data_range=255.0)(np.full((1, 1, 4), 25.5), np.zeros((1, 1, 4)))
    20.0
    """

    data_range: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "data_range", low=0, above=True)

    def _measure(self, prediction: Any, target: Any) -> float:
        errors = [float(dr.mse(p, t)) for p, t in zip(prediction, target, strict=True)]
        with np.errstate(divide="ignore"):
            return float(np.mean(10 * np.log10(self.data_range**2 / np.array(errors))))


@dataclass(frozen=True)
class Ssim(Metric):
    """The structural similarity, `deconv_ref.ssim`.

    Parameters
    ----------
    data_range : float
        Distance from the least to the largest possible value.
    window : {None, "gaussian"}
        Whole images, or the windows of Wang et al.
    """

    data_range: float = 1.0
    window: str | None = None

    def _measure(self, prediction: Any, target: Any) -> float:
        return float(dr.ssim(prediction, target, data_range=self.data_range, window=self.window))
