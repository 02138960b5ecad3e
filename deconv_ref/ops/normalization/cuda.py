"""The CUDA kernels of batch normalization and dropout; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.normalization.literal import (
    dropout,
    gradients,
    inv_std,
    normalize,
    running,
    statistics,
    unbiased,
)

__all__ = ["dropout", "gradients", "inv_std", "normalize", "running", "statistics", "unbiased"]
