"""The CUDA kernels of the losses; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.losses.cpu import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    huber,
    huber_backward,
    l1_penalty,
    l1_penalty_backward,
    l2_penalty,
    l2_penalty_backward,
    mae,
    mae_backward,
    mse,
    mse_backward,
)
from deconv_ref.ops.losses.literal import (
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "categorical_cross_entropy",
    "categorical_cross_entropy_backward",
    "huber",
    "huber_backward",
    "l1_penalty",
    "l1_penalty_backward",
    "l2_penalty",
    "l2_penalty_backward",
    "mae",
    "mae_backward",
    "mse",
    "mse_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
]
