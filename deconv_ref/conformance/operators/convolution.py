"""How convolutions are checked: asymmetric wherever an operator lets them be.

Every axis has its own size, kernel, stride, dilation, padding and sides.
"""

import math
from typing import Any

from hypothesis import strategies as st
from numpy.typing import NDArray

from deconv_ref.conformance.case import SMALL, Case
from deconv_ref.conformance.margins import summed
from deconv_ref.conformance.strategies import integers, laid_out, paddings, reals, rngs
from deconv_ref.conformance.truth import Operator, Question
from deconv_ref.window import Window, conv_transpose_window, conv_window, reach

__all__ = ["OPERATORS", "convolutions"]

KERNEL = {1: 5, 2: 4, 3: 3}  # largest size by the number of spatial axes
EXTRA = {1: 14, 2: 6, 3: 3}  # most cells beyond those that one window needs
LONG = 40  # the same of a last axis that is drawn longer at times: more than two vectors
CHANNELS = {1: 3, 2: 3, 3: 2}  # most channels per group
NARROW = int(math.log2(SMALL))
EXACT_BITS = {"float32": 24, "float64": 53}


@st.composite
def convolutions(draw: st.DrawFn, function: str, dtypes: tuple[str, ...]) -> Case:
    """Draw a call of ``conv`` or ``conv_transpose``, or of its gradients.

    Parameters
    ----------
    draw : callable
        Given by Hypothesis.
    function : str
        The function to call.
    dtypes : tuple of str
        Names to choose the dtype from.

    Returns
    -------
    Case
        The call.
    """
    op, gradient = function.removesuffix("_backward"), function.endswith("_backward")
    axes = draw(st.integers(1, 3))
    few = CHANNELS[axes]
    batch, groups = draw(st.integers(1, few)), draw(st.sampled_from([1, 2, 1, 3, 4][: few + 2]))
    batch *= draw(st.sampled_from([1] * 19 + [0]))
    c, m = draw(st.integers(1, few)), draw(st.integers(1, few))
    parameters, size, window = draw(_windows(axes, transposed=op == "conv_transpose"))
    parameters |= {"groups": groups, "flip_kernel": draw(st.sampled_from([False, False, True]))}

    shapes = {
        "x": (batch, groups * c, *size),
        "weight": (groups * m, c, *window.kernel_size),
        "bias": (groups * m,),
        "grad_y": (batch, groups * m, *window.output_size),
    }
    if op == "conv_transpose":
        shapes["weight"] = (groups * c, m, *window.kernel_size)
        shapes["grad_y"] = (batch, groups * m, *window.input_size)
    if gradient:
        names = ["grad_y", "x", "weight"]
    else:
        names = ["x", "weight", "bias"] if draw(st.booleans()) else ["x", "weight"]

    taps, positions = math.prod(window.kernel_size), math.prod(window.output_size)
    cells = math.prod(window.input_size)
    terms = 1 + (max(m * taps, batch * positions, batch * cells) if gradient else c * taps)
    dtype = draw(st.sampled_from(dtypes))
    exact = draw(st.sampled_from([True, True, False]))
    wide = draw(st.sampled_from([None, *names[:2]]))
    rng = draw(rngs())
    operands = {}
    for name in names:
        if exact:
            bits = NARROW
            if name == wide:  # the largest sum, of `terms` products, still has EXACT_BITS bits
                bits = EXACT_BITS[dtype] - NARROW - math.ceil(math.log2(terms))
            values = integers(rng, shapes[name], bits)
        else:
            values = reals(rng, shapes[name])
        operands[name] = draw(laid_out(values, dtype))
    return Case(function, parameters, operands, exact)


@st.composite
def _windows(
    draw: st.DrawFn, axes: int, transposed: bool
) -> tuple[dict[str, Any], tuple[int, ...], Window]:
    """Draw the window's parameters, the spatial size of ``x``, and the window they make."""

    def per_axis(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(least, most)) for _ in range(axes))

    kernel_size = per_axis(1, KERNEL[axes])
    stride = per_axis(1, 3)
    dilation = per_axis(1, 2 if axes == 3 else 3)
    reaches = tuple(map(reach, kernel_size, dilation))
    padding = draw(paddings(reaches))
    extra = per_axis(0, EXTRA[axes])
    if draw(st.sampled_from([False] * 5 + [True])):
        extra = (*extra[:-1], draw(st.integers(0, LONG)))
    parameters: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    if not transposed:
        least = (
            {"valid": reaches}.get(padding)
            if isinstance(padding, str)
            else [max(1, e - sum(pair)) for e, pair in zip(reaches, padding, strict=True)]
        )
        size = tuple(n + more for n, more in zip(least or (1,) * axes, extra, strict=True))
        return parameters, size, conv_window("conv", size, kernel_size, stride, padding, dilation)

    limits = [0] * axes if padding in ("same", "same_lower") else map(max, stride, dilation)
    beyond = tuple(draw(st.integers(0, max(limit - 1, 0))) for limit in limits)
    parameters["output_padding"] = beyond
    crops = padding
    if isinstance(padding, str):
        crops = tuple((e - 1, e - 1) if padding == "full" else (0, 0) for e in reaches)
    size = tuple(
        # The least n of (n - 1) s - before - after + e + output_padding >= 1 (W4).
        1 + max(0, -((e + o - sum(pair) - 1) // s)) + more // s
        for e, o, s, pair, more in zip(reaches, beyond, stride, crops, extra, strict=True)
    )
    window = conv_transpose_window(
        "conv_transpose", size, kernel_size, stride, padding, beyond, dilation
    )
    return parameters, size, window


def adjoint(question: Question) -> bool:
    """Tell whether <grad_y, A(x, weight)> = <grad_x, x> = <grad_weight, weight>, exactly."""
    operands, gradients = question.arrays(), question.truth
    y = question.evaluate(question.operator.name, ("x", "weight"))["forward"]
    through_y = _dot(operands["grad_y"], y)
    through_x = _dot(gradients["x"], operands["x"])
    through_weight = _dot(gradients["weight"], operands["weight"])
    return through_y == through_x == through_weight


def _dot(a: NDArray[Any], b: NDArray[Any]) -> int:
    """Multiply and add in integers of any size: the sum of a whole array may outgrow float64."""
    return sum(int(p) * int(q) for p, q in zip(a.flat, b.flat, strict=True))


OPERATORS = tuple(
    Operator(
        name,
        convolutions,
        summed,
        gradients=("x", "weight", "bias"),
        identity=adjoint,
        flags={"flip_kernel": (False, True)},
    )
    for name in ("conv", "conv_transpose")
)
