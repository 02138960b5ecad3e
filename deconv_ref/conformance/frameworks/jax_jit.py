"""JAX compiled by ``jax.jit``: what the adapter `jax` does, whatever the environment says."""

import jax

jax.config.update("jax_disable_jit", False)

from deconv_ref.conformance.frameworks.jax import *  # noqa: E402, F403

NAME = "jax-jit"
VERSION = jax.__version__
