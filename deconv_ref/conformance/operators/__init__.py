"""The checker's records of all operators, a file per chapter of `deconv_ref.ops`."""

from deconv_ref.conformance.operators import (
    activations,
    convolution,
    dense,
    fourier,
    losses,
    normalization,
    padding,
    pooling,
    resampling,
    similarity,
)
from deconv_ref.conformance.truth import Operator

__all__ = ["OPERATORS"]

CHAPTERS = (
    convolution,
    pooling,
    resampling,
    padding,
    dense,
    normalization,
    activations,
    losses,
    similarity,
    fourier,
)

OPERATORS: dict[str, Operator] = {
    operator.name: operator for chapter in CHAPTERS for operator in chapter.OPERATORS
}
