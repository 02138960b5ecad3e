"""The CUDA kernels of resampling; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.resampling.literal import (
    linear,
    linear_gradient,
    nearest,
    nearest_gradient,
    shuffle,
    unshuffle,
)

__all__ = ["linear", "linear_gradient", "nearest", "nearest_gradient", "shuffle", "unshuffle"]
