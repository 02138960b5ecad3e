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

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for chapter in (
        convolution,
        activations,
        dense,
        fourier,
        losses,
        normalization,
        padding,
        pooling,
        resampling,
        similarity,
    )
    for operator in chapter.OPERATORS
}
