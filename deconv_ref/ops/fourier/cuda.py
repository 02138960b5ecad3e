"""The CUDA kernels of the frequency domain; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.fourier.literal import convolve, invert, richardson_lucy, wiener

__all__ = ["convolve", "invert", "richardson_lucy", "wiener"]
