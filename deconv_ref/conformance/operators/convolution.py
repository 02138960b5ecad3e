"""How convolutions are checked: asymmetric wherever an operator lets them be.

Every axis has its own size, kernel, stride, dilation, padding and sides.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance import bounds
from deconv_ref.conformance.case import Case, Filled, Operand
from deconv_ref.conformance.draws import Draw
from deconv_ref.conformance.floating import is_half, named
from deconv_ref.conformance.halves import Halves, whole
from deconv_ref.conformance.identities import bilinear
from deconv_ref.conformance.margins import Margin, summed
from deconv_ref.conformance.strategies import (
    NARROW_BITS,
    SELDOM,
    VERY_LONG,
    Names,
    exact_bits,
    integers,
    layout,
    paddings,
    plain_value,
    reals,
    sprinkled,
    stretched,
)
from deconv_ref.conformance.truth import Operator, Question
from deconv_ref.window import Window, conv_transpose_window, conv_window, reach

__all__ = ["OPERATORS", "convolutions"]

KERNEL = {1: 5, 2: 4, 3: 3}  # largest size by the number of spatial axes
EXTRA = {1: 14, 2: 6, 3: 3}  # most cells beyond those that one window needs
CHANNELS = {1: 3, 2: 3, 3: 2}  # most channels per group
STRIDE, DILATION = 3, {1: 3, 2: 3, 3: 2}
# At times one of these is larger, or the last axis: longer than two vectors, or, once in `SELDOM`
# cases, so long that 16 bits do not count its cells. Of what every axis has its own, the last is
# larger.
LARGEST = {"batch": 9, "channels": 40, "filters": 40, "kernel": 11, "stride": 7, "dilation": 7}
LONG = 40
SHAPES = 23  # each of them in one of so many


def convolutions(
    draw: Draw, function: str, dtypes: tuple[str, ...], plain: Names = frozenset()
) -> Case:
    """Draw a call of ``conv`` or ``conv_transpose``, or of its gradients.

    Parameters
    ----------
    draw : Draw
        Makes the choices.
    function : str
        The function to call.
    dtypes : tuple of str
        Names to choose the dtype from.
    plain : set of str
        Parameters that are to have their `plain_value`.

    Returns
    -------
    Case
        The call.
    """
    op, gradient = function.removesuffix("_backward"), function.endswith("_backward")
    large = stretched(draw, SHAPES, *LARGEST, "axis", "axis", "axis", "pointwise")
    if draw.once_in(SELDOM):
        large = "very long"
    axes = 1 if large == "very long" else draw.integer(1, 3)
    few = 1 if large == "very long" else CHANNELS[axes]
    several = [1, 2, 1, 3, 4][: 3 if large in ("channels", "filters") else few + 2]
    groups = draw.among([1] if "groups" in plain or large == "very long" else several)
    batch, c, m = (
        draw.integer(few + 1, LARGEST[name]) if name == large else draw.integer(1, few)
        for name in ("batch", "channels", "filters")
    )
    batch *= draw.among([1] if large == "very long" else [1] * 19 + [0])
    parameters, size, window = _windows(draw, axes, op == "conv_transpose", plain, large)
    flips = [False] if "flip_kernel" in plain else [False, False, True]
    parameters |= {"groups": groups, "flip_kernel": draw.among(flips)}

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
        names = ["x", "weight", "bias"] if draw.boolean() else ["x", "weight"]

    taps, positions = math.prod(window.kernel_size), math.prod(window.output_size)
    cells = math.prod(window.input_size)
    terms = 1 + (max(m * taps, batch * positions, batch * cells) if gradient else c * taps)
    dtype = draw.among(dtypes)
    exact = draw.among([True, True, False])
    wide = draw.among([None, *names[:2]])
    seed = draw.seed()
    kind, spoilt, layouts = named(dtype), False, dict[str, str]()
    for name in names:
        spoilt |= exact and name == "x" and not gradient and draw.one_in(4)
        layouts[name] = layout(draw)

    def fill() -> dict[str, Operand]:
        rng, operands = np.random.default_rng(seed), {}
        for name, laid_out in layouts.items():
            if exact:
                bits = exact_bits(dtype, terms) if name == wide else NARROW_BITS
                values = integers(rng, shapes[name], bits)
                if spoilt and name == "x":
                    values = sprinkled(rng, values, (np.nan,))
            else:
                values = reals(rng, shapes[name])
            operands[name] = Operand(values.astype(kind), laid_out)
        return operands

    return Case(function, parameters, Filled(kind, fill), exact)


def _windows(
    draw: Draw, axes: int, transposed: bool, plain: Names, large: str | None
) -> tuple[dict[str, Any], tuple[int, ...], Window]:
    """Draw the window's parameters, the spatial size of ``x``, and the window they make."""

    def per_axis(name: str, least: int, most: int) -> tuple[int, ...]:
        most = 1 if name in plain or (name == "kernel" and large == "pointwise") else most
        # For three axes: if there are fewer when it is shrunk, later choices stay what they are.
        values = [draw.integer(least, most) for _ in range(3)][-axes:]
        if name == large and name not in plain:
            values[-1] = draw.integer(most + 1, LARGEST[name])
        return tuple(values)

    kernel_size = per_axis("kernel", 1, KERNEL[axes])
    stride = per_axis("stride", 1, 2 if large == "very long" else STRIDE)  # 2: beyond 2^16 too
    dilation = per_axis("dilation", 1, DILATION[axes])
    reaches = tuple(map(reach, kernel_size, dilation))
    padding = paddings(draw, reaches, "padding" in plain)
    extra = per_axis("extra", 0, EXTRA[axes])
    if large == "axis":
        extra = (*extra[:-1], draw.integer(EXTRA[axes], LONG))
    if large == "very long":
        extra = ((VERY_LONG + extra[0]) * stride[0],)
    parameters: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    if not transposed:
        least = (
            {"valid": reaches}.get(padding)
            if isinstance(padding, str)
            else [max(1, e - sum(pair)) for e, pair in zip(reaches, padding, strict=True)]
        )
        size = tuple(n + more for n, more in zip(least or (1,) * axes, extra, strict=True))
        return parameters, size, conv_window("conv", size, kernel_size, stride, padding, dilation)

    none = padding in ("same", "same_lower") or "output_padding" in plain
    limits = [0] * axes if none else map(max, stride, dilation)
    beyond = tuple(draw.integer(0, max(limit - 1, 0)) for limit in limits)
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


def convolved(question: Question, quantity: str) -> Margin:
    """Bound a sum of products, and what an algorithm by fast transforms makes of it.

    Such an algorithm takes a NaN of an image to every cell of its result, also from a cell that the
    windows pass over. Of half precision it transforms in float32, and rounds once: by transforms in
    half precision anything might be explained.
    """
    margin = summed(question, quantity)
    if quantity == "bias":
        return margin
    beside = margin.allowed
    if is_half(question.case.dtype):
        beside = bounds.spacing(np.abs(question.truth[quantity]), question.case.dtype) / 2
    return replace(
        margin,
        transform=lambda: _transformed(question, quantity) + np.nan_to_num(beside),
        zeros=partial(_zeros_met, question) if quantity == "forward" else tuple,
    )


def _zeros_met(question: Question) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Find the results in which what is not finite in x meets zeros that are in no equation.

    A dilated kernel may be made one without gaps, with zeros between its taps; the kernels of
    groups one that takes all channels, with zeros for those of other groups; and kernel and image
    one as large as the other, so that each value of x meets a zero wherever it meets no tap.
    """
    shape = question.truth["forward"].shape
    spoilt = ~np.isfinite(question.arrays()["x"])
    covered = _covered(question.case, spoilt)
    groups = np.split(covered, question.case.parameters["groups"], axis=1)
    by_group = np.concatenate([group.any(1, keepdims=True) for group in groups], axis=1)
    yield "between taps", by_group.repeat(shape[1] // len(groups), axis=1)
    yield "between taps or groups", np.broadcast_to(covered.any(1, keepdims=True), shape)
    anywhere = spoilt.any(tuple(range(1, spoilt.ndim)), keepdims=True)
    yield "of padding", np.broadcast_to(anywhere, shape)


def _covered(case: Case, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the cells of each channel that kernels without gaps feed from marked cells."""
    p, kernel = case.parameters, case.operands["weight"].values.shape[2:]
    sizes = marked.shape[2:], kernel, p["stride"], p["padding"]
    if case.op == "conv":
        window = conv_window(case.op, *sizes, p["dilation"])
    else:
        window = conv_transpose_window(case.op, *sizes, p["output_padding"], p["dilation"])
    for axis, (before, _) in enumerate(window.padding):
        stride, span = window.stride[axis], reach(kernel[axis], window.dilation[axis])
        if case.op == "conv":
            first = np.arange(window.output_size[axis]) * stride - before
            behind = first + span
        else:
            cells = np.arange(window.input_size[axis]) + before
            first, behind = (cells - span) // stride + 1, cells // stride + 1
        at = axis + 2
        counts = np.insert(np.cumsum(marked, at), 0, 0, at)  # no matrix: axes may be very long
        marked = counts.take(first, at, mode="clip") < counts.take(behind, at, mode="clip")
    return marked


def _transformed(question: Question, quantity: str) -> NDArray[Any]:
    """Bound what fast transforms round, by R3.

    Pairs of channels are transformed one by one; the operator itself, on the norms of their images
    in place of the images, adds up the products |x| |h| that go into each channel of the result,
    with a rounding for each addition. |h|_1 is at most |h| times the root of its cells.
    """
    case = question.case
    dtype = np.float32 if is_half(case.dtype) else case.dtype
    images = {n: np.nan_to_num(array) for n, array in question.arrays().items() if n != "bias"}
    norms = {
        name: Operand(np.sqrt(np.sum(a**2, tuple(range(2, a.ndim)), keepdims=True)))
        for name, a in images.items()
    }
    plain = {n: v if n == "groups" else plain_value(n, v) for n, v in case.parameters.items()}
    products = question.operator.evaluate(Case(case.function, plain, norms, exact=False))[quantity]
    factors = [math.prod(a.shape[2:]) for name, a in images.items() if name != quantity]
    additions = max(max(a.shape[:2]) for a in images.values())
    rho = bounds.transform_roundoff(dtype, _padded_cells(case))
    parts = 2 * rho + (3 + additions) * bounds.unit_roundoff(dtype) + rho * min(factors) ** 0.5
    return parts * products


def _padded_cells(case: Case) -> int:
    """Count the cells of a transform, at most: x with its gaps, pads on both sides, the kernel."""
    arrays, p = case.arrays(), case.parameters
    sizes = (arrays["x"].shape[2:], arrays["weight"].shape[2:], p["stride"], p["dilation"])
    return math.prod(n * s + 3 * reach(k, d) for n, k, s, d in zip(*sizes, strict=True))


OPERATORS = tuple(
    Operator(
        name,
        convolutions,
        convolved,
        gradients=("x", "weight", "bias"),
        identity=bilinear,
        plain=("stride", "padding", "dilation", "groups", "flip_kernel", "output_padding"),
        flags={"flip_kernel": (False, True)},
        halves=Halves(whole),
    )
    for name in ("conv", "conv_transpose")
)
