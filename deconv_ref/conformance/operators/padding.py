"""How padding is checked: every side of every axis its own, up to the widest that a mode allows."""

from typing import Any

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.halves import Halves, whole
from deconv_ref.conformance.identities import adjoint
from deconv_ref.conformance.margins import collected
from deconv_ref.conformance.strategies import (
    VERY_LONG,
    integers,
    laid_out,
    reals,
    shapes,
    some_special,
)
from deconv_ref.conformance.truth import Operator

__all__ = ["OPERATORS"]

MODES = ("zeros", "reflect", "replicate", "circular")
WIDE = 5  # most cells of a pad that may exceed its axis
WIDEST = 12  # the same, now and then
VALUES = (0.0, 0.0, 1.0, -2.25, 0.375)


def pads(draw: Draw, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``pad`` or of its gradient."""
    shape = shapes(draw, least_axes=1, very_long=True)
    mode = draw.among(MODES)
    padding = _sides(draw, shape[2:], mode)
    dtype, rng = draw.among(dtypes), draw.rng()
    if function == "pad":
        value = draw.among(VALUES) if mode == "zeros" else 0.0
        x = some_special(draw, rng, reals(rng, shape))
        parameters: dict[str, Any] = {"padding": padding, "mode": mode, "value": value}
        return Case(function, parameters, {"x": laid_out(draw, x, dtype)}, exact=True)
    padded = (n + before + after for n, (before, after) in zip(shape[2:], padding, strict=True))
    exact = draw.among([True, True, False])
    values = integers if exact else reals
    grad_y = some_special(draw, rng, values(rng, (*shape[:2], *padded)))
    parameters = {"input_size": shape, "padding": padding, "mode": mode}
    return Case(function, parameters, {"grad_y": laid_out(draw, grad_y, dtype)}, exact)


def _sides(draw: Draw, size: tuple[int, ...], mode: str) -> tuple[tuple[int, int], ...]:
    """Draw as many cells as the mode allows before and after each axis."""
    wide = draw.among([WIDE] * 5 + [WIDEST])
    limits = [{"reflect": n - 1, "circular": n}.get(mode, wide) for n in size]
    most = [min(limit, wide) for limit in limits]
    if size[-1] >= VERY_LONG:  # and a pad of another axis as long again
        most[:-1] = [0] * (len(size) - 1)
    return tuple((draw.integer(0, n), draw.integer(0, n)) for n in most)


OPERATORS = (
    Operator(
        "pad",
        pads,
        collected,
        gradients=("x",),
        identity=adjoint(),
        flags={"mode": MODES},
        halves=Halves(whole),
    ),
)
