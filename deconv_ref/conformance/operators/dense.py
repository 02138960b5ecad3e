"""How the dense layer is checked: more features than rows, and fewer, with any leading axes."""

import math

import numpy as np

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.halves import Halves, whole
from deconv_ref.conformance.identities import bilinear
from deconv_ref.conformance.margins import summed
from deconv_ref.conformance.strategies import (
    NARROW_BITS,
    exact_bits,
    integers,
    laid_out,
    reals,
    some_special,
)
from deconv_ref.conformance.truth import Operator, Question

__all__ = ["OPERATORS"]

LEADING = {0: 1, 1: 6, 2: 3, 3: 2}  # largest size of a leading axis, by their number
FEATURES = 9
LONG = 40  # more than two vectors


def dense_layers(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``linear`` or of its gradients."""
    axes = draw.among([1, 1, 1, 2, 3, 0])
    leading = tuple(draw.integer(1, LEADING[axes]) for _ in range(axes))
    if axes and draw.one_in(12):
        leading = (*leading[:-1], draw.integer(LEADING[axes], LONG))
    if axes and draw.one_in(12):
        leading = (0, *leading[1:])
    most = draw.among([(FEATURES, FEATURES)] * 4 + [(LONG, 5), (5, LONG)])
    features, outputs = (draw.integer(1, n) for n in most)
    shapes = {
        "x": (*leading, features),
        "weight": (outputs, features),
        "bias": (outputs,),
        "grad_y": (*leading, outputs),
    }
    if function == "linear":
        names = ["x", "weight", "bias"] if draw.boolean() else ["x", "weight"]
    else:
        names = ["grad_y", "x", "weight"]
    terms = max(features + 1, outputs, math.prod(leading))

    dtype = draw.among(dtypes)
    exact = draw.among([True, True, False])
    wide = draw.among([None, *names[:2]])
    rng = draw.rng()
    operands = {}
    for name in names:
        bits = exact_bits(dtype, terms) if name == wide else NARROW_BITS
        values = integers(rng, shapes[name], bits) if exact else reals(rng, shapes[name])
        if exact and name == names[0]:
            values = some_special(draw, rng, values)
        operands[name] = laid_out(draw, values, dtype)
    return Case(function, {}, operands, exact)


def adjoint_where_finite(question: Question) -> bool:
    """Tell whether gradients and result are adjoint, unless NaN or infinities hide it."""
    finite = all(np.isfinite(values).all() for values in question.arrays().values())
    return not finite or bilinear(question)


OPERATORS = (
    Operator(
        "linear",
        dense_layers,
        summed,
        gradients=("x", "weight", "bias"),
        identity=adjoint_where_finite,
        halves=Halves(whole),
    ),
)
