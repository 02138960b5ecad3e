"""Hypothesis strategies that draw cases: asymmetric wherever an operator lets them be.

Every axis has its own size, kernel, stride, dilation, padding and sides. Configurations are drawn
choice by choice, so that Hypothesis can shrink them; values come from a seeded generator, which is
fast, and are shrunk afterwards by `deconv_ref.conformance.judge`.
"""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from deconv_ref.conformance.case import LAYOUTS, SMALL, Case, Operand
from deconv_ref.window import Window, conv_transpose_window, conv_window, reach

__all__ = ["convolutions"]

KERNEL = {1: 5, 2: 4, 3: 3}  # largest size by the number of spatial axes
EXTRA = {1: 14, 2: 6, 3: 3}  # most cells beyond those that one window needs
LONG = 40  # the same of a last axis that is drawn longer at times: more than two vectors
CHANNELS = {1: 3, 2: 3, 3: 2}  # most channels per group
NARROW = int(math.log2(SMALL))
EXACT_BITS = {"float32": 24, "float64": 53}


@st.composite
def convolutions(draw: st.DrawFn, op: str, dtypes: tuple[str, ...], gradient: bool) -> Case:
    """Draw a call of ``conv`` or ``conv_transpose``, or of its gradients.

    Parameters
    ----------
    draw : callable
        Given by Hypothesis.
    op : str
        ``"conv"`` or ``"conv_transpose"``.
    dtypes : tuple of str
        Names to choose the dtype from.
    gradient : bool
        Whether to draw a call of ``<op>_backward``.

    Returns
    -------
    Case
        The call.
    """
    axes = draw(st.integers(1, 3))
    few = CHANNELS[axes]
    batch, groups = draw(st.integers(1, few)), draw(st.sampled_from([1, 2, 1, 3, 4][: few + 2]))
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
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    operands = {}
    for name in names:
        if exact:
            bits = NARROW
            if name == wide:  # the largest sum, of `terms` products, still has EXACT_BITS bits
                bits = EXACT_BITS[dtype] - NARROW - math.ceil(math.log2(terms))
            values = _integers(rng, shapes[name], bits)
        else:
            values = _reals(rng, shapes[name])
        layout = draw(st.sampled_from(["contiguous", *LAYOUTS]))
        operands[name] = Operand(values.astype(dtype), layout)
    return Case(op, parameters, operands, exact)


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
    padding = draw(_paddings(reaches))
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


def _paddings(reaches: tuple[int, ...]) -> st.SearchStrategy[Any]:
    sides = [st.integers(0, min(e, 4)) for e in reaches]
    return st.one_of(
        st.tuples(*(side.map(lambda n: (n, n)) for side in sides)),
        st.sampled_from(["valid", "same"]),
        st.tuples(*(st.tuples(side, side) for side in sides)),
        st.sampled_from(["same", "same_lower", "full"]),
    )


def _integers(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> NDArray[Any]:
    """Draw integers of up to `bits` bits and a sign, seldom 0, a third of them powers of two."""
    values = rng.integers(1, 2**bits, shape, endpoint=True)
    values[rng.random(shape) < 0.05] = 0
    powers = 2 ** rng.integers(0, bits, shape, endpoint=True)
    return np.where(rng.random(shape) < 1 / 3, powers, values) * rng.choice([-1, 1], shape)


def _reals(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Draw normally distributed values of widely differing scales."""
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-8, 8, shape)
