"""The CUDA kernels of convolution: the three maps and the bias gradient, for arrays on a GPU.

The functions are those of `deconv_ref.ops.convolution.cpu`. The literal kernels serve here: their
point functions run on the GPU as they do on the CPU, a thread for each element of a result.
"""

from deconv_ref.ops.convolution.literal import (
    bias_gradient,
    forward,
    input_gradient,
    weight_gradient,
)

__all__ = ["bias_gradient", "forward", "input_gradient", "weight_gradient"]
