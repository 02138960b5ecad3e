"""Judgements of what JAX gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
    Judgement(
        "jax",
        r"^conv(_transpose)? \w+: process killed by signal 6",
        Kind.BUG,
        "`jax.lax.conv_general_dilated` documents strides, dilations and paddings, with no word of "
        "which go together. XLA's algebraic simplifier exchanges image and kernel, checks the "
        "windows of what it made, finds that they do not match, and ends the process: 'Window "
        "dimensions do not match RHS shape'.",
    ),
    Judgement(
        "jax",
        r"^max_pool \w+: .*expected nan",
        Kind.BUG,
        "`jax.numpy.maximum` documents NaN where either number is NaN, and in arrays of less than "
        "4096 numbers `jax.lax.reduce_window` with `jax.lax.max` gives that too. From 4096 numbers "
        "on, NaN is passed over in windows of 2 to 4 that lie side by side: in 64x64 cells by 2x2, "
        "not in 32x32; with a stride of 2, a window of a single NaN gives minus infinity. "
        "`jax.numpy.max` passes over it too.",
    ),
)
