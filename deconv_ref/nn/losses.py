"""Losses, and penalties on weights: each is one operator of deconv_ref."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import deconv_ref as dr
from deconv_ref.nn.configuration import Configured, check_number

__all__ = [
    "L1",
    "L2",
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "CategoricalCrossEntropy",
    "Huber",
    "Loss",
    "Mae",
    "Mse",
    "Penalty",
    "SoftmaxCrossEntropy",
    "SsimLoss",
]


@dataclass(frozen=True)
class Loss(Configured):
    """Base of the losses: a mean over the batch, with its gradient.

    A subclass names the operator, which takes its fields for options.
    """

    operator: ClassVar[str]

    def __call__(self, prediction: Any, target: Any) -> float:
        """Measure how far a prediction is from its target.

        Parameters
        ----------
        prediction, target : array of shape (N, ...)
            Alike in shape and dtype.

        Returns
        -------
        float
            The loss.
        """
        return float(getattr(dr, self.operator)(prediction, target, **self._options()))

    def backward(self, prediction: Any, target: Any) -> Any:
        """Compute the gradient with respect to the prediction.

        Parameters
        ----------
        prediction, target : array of shape (N, ...)
            As they were passed to the loss.

        Returns
        -------
        array of prediction's shape
            The gradient.
        """
        gradient = getattr(dr, f"{self.operator}_backward")
        return gradient(prediction, target, **self._options())

    def _options(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Mse(Loss):
    """The mean squared error: `deconv_ref.mse`."""

    operator: ClassVar[str] = "mse"


@dataclass(frozen=True)
class Mae(Loss):
    """The mean absolute error: `deconv_ref.mae`."""

    operator: ClassVar[str] = "mae"


@dataclass(frozen=True)
class Huber(Loss):
    """Squares of small errors, absolute values of those above delta: `deconv_ref.huber`.

    Parameters
    ----------
    delta : float
        The error from which on the loss grows linearly.
    """

    operator: ClassVar[str] = "huber"
    delta: float = 1.0


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Of probabilities of two classes, as from `Sigmoid`: `deconv_ref.binary_cross_entropy`."""

    operator: ClassVar[str] = "binary_cross_entropy"


@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits(Loss):
    """Of logits of two classes: `deconv_ref.binary_cross_entropy_with_logits`."""

    operator: ClassVar[str] = "binary_cross_entropy_with_logits"


@dataclass(frozen=True)
class CategoricalCrossEntropy(Loss):
    """Of probabilities along axis 1, as from `Softmax`: `deconv_ref.categorical_cross_entropy`.

    The target has the prediction's shape: one-hot, or probabilities too.
    """

    operator: ClassVar[str] = "categorical_cross_entropy"


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Of logits along axis 1: `deconv_ref.softmax_cross_entropy`.

    The target has the prediction's shape: one-hot, or probabilities.
    """

    operator: ClassVar[str] = "softmax_cross_entropy"


@dataclass(frozen=True)
class SsimLoss(Loss):
    """``1 - ssim``, for images: `deconv_ref.ssim_loss`.

    Parameters
    ----------
    data_range : float
        Distance from the least to the largest possible value.
    window : {None, "gaussian"}
        Whole images, or the windows of Wang et al.
    k1, k2 : float
        Constants of the index.
    """

    operator: ClassVar[str] = "ssim_loss"
    data_range: float = 1.0
    window: str | None = None
    k1: float = 0.01
    k2: float = 0.03


@dataclass(frozen=True)
class Penalty(Configured):
    """Base of the penalties: what a weight adds to the loss, with its gradient.

    Parameters
    ----------
    strength : float
        Factor of the penalty, at least 0.
    """

    operator: ClassVar[str]
    strength: float = 0.01

    def __post_init__(self) -> None:
        check_number(self, "strength", low=0)

    def __call__(self, weight: Any) -> float:
        """Measure a weight.

        Parameters
        ----------
        weight : array
            The weight.

        Returns
        -------
        float
            The penalty.
        """
        return float(getattr(dr, self.operator)(weight, self.strength))

    def backward(self, weight: Any) -> Any:
        """Compute the gradient with respect to the weight.

        Parameters
        ----------
        weight : array
            The weight.

        Returns
        -------
        array of weight's shape
            The gradient.
        """
        return getattr(dr, f"{self.operator}_backward")(weight, self.strength)


@dataclass(frozen=True)
class L1(Penalty):
    """``strength * sum |w|``: `deconv_ref.l1_penalty`.

    Parameters
    ----------
    strength : float
        Factor of the sum; 0.01 as in Keras.
    """

    operator: ClassVar[str] = "l1_penalty"


@dataclass(frozen=True)
class L2(Penalty):
    """``strength * sum w^2``: `deconv_ref.l2_penalty`.

    Parameters
    ----------
    strength : float
        Factor of the sum; 0.01 as in Keras.
    """

    operator: ClassVar[str] = "l2_penalty"
