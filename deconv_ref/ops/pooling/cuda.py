"""The CUDA kernels of pooling and unpooling; its functions are those of `cpu`.

The literal kernels serve here: their point functions run on a GPU as they do on the CPU, a thread
for each element of a result.
"""

from deconv_ref.ops.pooling.literal import (
    avg_pool,
    avg_pool_backward,
    avg_unpool,
    avg_unpool_backward,
    max_pool,
    max_pool_backward,
    max_unpool,
    max_unpool_backward,
)

__all__ = [
    "avg_pool",
    "avg_pool_backward",
    "avg_unpool",
    "avg_unpool_backward",
    "max_pool",
    "max_pool_backward",
    "max_unpool",
    "max_unpool_backward",
]
