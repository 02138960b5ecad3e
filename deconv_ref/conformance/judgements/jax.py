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
)
