"""JAX operation by operation: the same functions as in `jax`, with ``jax.jit`` disabled."""

import jax

jax.config.update("jax_disable_jit", True)

from deconv_ref.conformance.frameworks.jax import *  # noqa: E402, F403

NAME = "jax-eager"
VERSION = jax.__version__
