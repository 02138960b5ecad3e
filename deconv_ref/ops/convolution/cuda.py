"""The CUDA kernels of convolution; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.convolution.literal import (
    bias_gradient,
    forward,
    input_gradient,
    weight_gradient,
)

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]
