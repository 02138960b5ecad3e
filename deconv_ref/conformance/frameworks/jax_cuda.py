"""JAX on a GPU: the same functions as on the CPU, on arrays that are copied there and back."""

import jax

try:
    jax.config.update("jax_default_device", jax.devices("gpu")[0])
except RuntimeError:
    raise RuntimeError(f"JAX {jax.__version__} finds no GPU: jax.devices() has none") from None

from deconv_ref.conformance.frameworks.jax import *  # noqa: F403

NAME = "jax-cuda"
VERSION = f"{jax.__version__}, {jax.devices('gpu')[0].device_kind}"
