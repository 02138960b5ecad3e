"""The CUDA kernels of structural similarity; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.similarity.literal import gradient, similarity

__all__ = ["gradient", "similarity"]
