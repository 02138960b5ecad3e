"""How padding is checked: every side of every axis its own, up to the widest that a mode allows."""

from typing import Any

from hypothesis import strategies as st

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.identities import adjoint
from deconv_ref.conformance.margins import collected
from deconv_ref.conformance.strategies import (
    integers,
    laid_out,
    reals,
    rngs,
    shapes,
    some_special,
)
from deconv_ref.conformance.truth import Operator

__all__ = ["OPERATORS"]

MODES = ("zeros", "reflect", "replicate", "circular")
WIDE = 5  # most cells of a pad that may exceed its axis
WIDEST = 12  # the same, now and then
VALUES = (0.0, 0.0, 1.0, -2.25, 0.375)


@st.composite
def pads(draw: st.DrawFn, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``pad`` or of its gradient."""
    shape = draw(shapes(1, very_long=True))
    mode = draw(st.sampled_from(MODES))
    padding = draw(_sides(shape[2:], mode))
    dtype, rng = draw(st.sampled_from(dtypes)), draw(rngs())
    if function == "pad":
        value = draw(st.sampled_from(VALUES)) if mode == "zeros" else 0.0
        x = draw(some_special(rng, reals(rng, shape)))
        parameters: dict[str, Any] = {"padding": padding, "mode": mode, "value": value}
        return Case(function, parameters, {"x": draw(laid_out(x, dtype))}, exact=True)
    padded = (n + before + after for n, (before, after) in zip(shape[2:], padding, strict=True))
    exact = draw(st.sampled_from([True, True, False]))
    values = integers if exact else reals
    grad_y = draw(some_special(rng, values(rng, (*shape[:2], *padded))))
    parameters = {"input_size": shape, "padding": padding, "mode": mode}
    return Case(function, parameters, {"grad_y": draw(laid_out(grad_y, dtype))}, exact)


@st.composite
def _sides(draw: st.DrawFn, size: tuple[int, ...], mode: str) -> tuple[tuple[int, int], ...]:
    """Draw as many cells as the mode allows before and after each axis."""
    wide = draw(st.sampled_from([WIDE] * 5 + [WIDEST]))
    limits = [{"reflect": n - 1, "circular": n}.get(mode, wide) for n in size]
    side = [st.integers(0, min(limit, wide)) for limit in limits]
    return tuple((draw(before), draw(after)) for before, after in zip(side, side, strict=True))


OPERATORS = (
    Operator(
        "pad",
        pads,
        collected,
        gradients=("x",),
        identity=adjoint(),
        flags={"mode": MODES},
    ),
)
