"""Name what a case is there to catch."""

from collections.abc import Iterator

import numpy as np

from deconv_ref.conformance.case import Case
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.window import reach

__all__ = ["FLAGS", "flags"]

FLAGS = {
    "1d": "what is right with more axes alone",
    "2d": "axes that are swapped, or share what each has of its own",
    "3d": "what is right with fewer axes alone",
    "align-corners": "corners of input and output that do not meet",
    "asymmetric-padding": "sides that are swapped, or padded alike",
    "bias": "a bias that is left out, or added to another channel",
    "ceil-mode": "a last window that is missing, or one too many",
    "constant-statistics": "statistics of the batch in the place of those that were given",
    "depthwise": "filters of other channels",
    "dilation": "taps side by side, or a size that forgets the gaps between them",
    "empty-batch": "an error, or a shape, that comes of there being no image",
    "exclude-padding": "a divisor that counts padding",
    "flip-kernel": "correlation in the place of convolution, or the reverse",
    "fortran-order": "memory that is read in row-major order whatever its strides",
    "full-padding": "less padding than a whole window but one cell",
    "gapped-strides": "memory that is read without the gaps between elements",
    "gaps-between-windows": "cells that no window meets, and that are met all the same",
    "groups": "channels of one group that reach another",
    "infinity": "infinities that become large numbers, or NaN",
    "linear": "source coordinates that are off by a half, or wrong at the edge",
    "nan": "NaN that is lost, or spreads",
    "nearest": "the neighbour on the other side",
    "negative-strides": "memory that is read forwards, from the wrong end",
    "negative-zero": "a sign of 0 that makes a difference",
    "output-padding": "rows that are left out, or added on the other side",
    "padding": "padding of another width or value",
    "read-only": "operands that are written to",
    "reduction-mean": "a sum, or a mean over something else",
    "reduction-none": "losses that are added up",
    "reduction-sum": "a mean",
    "same-lower-padding": "the odd cell of the padding at the end",
    "same-padding": "the odd cell of the padding at the start",
    "stride": "windows in other places",
    "ties": "another than the first of several maxima",
    "unequal-dilation": "the dilation of one axis for all",
    "unequal-stride": "the stride of one axis for all",
    "wide-integers": "arithmetic of less precision than the dtype's",
}
"""Flags, and what the cases that have them are there to catch."""

VALUES = {
    ("align_corners", True): "align-corners",
    ("ceil_mode", True): "ceil-mode",
    ("count_include_pad", False): "exclude-padding",
    ("flip_kernel", True): "flip-kernel",
    ("mode", "linear"): "linear",
    ("mode", "nearest"): "nearest",
    ("padding", "full"): "full-padding",
    ("padding", "same"): "same-padding",
    ("padding", "same_lower"): "same-lower-padding",
    ("reduction", "mean"): "reduction-mean",
    ("reduction", "none"): "reduction-none",
    ("reduction", "sum"): "reduction-sum",
    ("training", False): "constant-statistics",
}
LAYOUTS = {
    "fortran": "fortran-order",
    "reversed": "negative-strides",
    "sliced": "gapped-strides",
    "read-only": "read-only",
}


def flags(case: Case) -> list[str]:
    """Name what a case is there to catch.

    Parameters
    ----------
    case : Case
        The call.

    Returns
    -------
    list of str
        Keys of `FLAGS`, sorted.

    Examples
    --------
    >>> from deconv_ref.conformance.case import Operand
    >>> x, weight = Operand(np.ones((1, 1, 5)), "reversed"), Operand(np.ones((1, 1, 2)))
    >>> plain = {"padding": ((0, 1),), "dilation": (3,), "groups": 1}
    >>> flags(Case("conv", plain, {"x": x, "weight": weight}, exact=True))
    ['1d', 'asymmetric-padding', 'dilation', 'negative-strides', 'padding']
    """
    return sorted({*_of_parameters(case), *_of_operands(case)})


def _of_parameters(case: Case) -> Iterator[str]:
    given = case.parameters
    yield from (flag for (name, value), flag in VALUES.items() if given.get(name) == value)
    for name in ("stride", "dilation"):
        values = given.get(name) or ()
        if any(value != 1 for value in values):
            yield name
        if len(set(values)) > 1:
            yield f"unequal-{name}"
    if any(given.get("output_padding") or ()):
        yield "output-padding"
    pairs = given.get("padding", ())
    if not isinstance(pairs, str):
        if any(map(any, pairs)):
            yield "padding"
        if any(before != after for before, after in pairs):
            yield "asymmetric-padding"
    yield from _of_windows(case)


def _of_windows(case: Case) -> Iterator[str]:
    """Name what parameters and sizes tell together."""
    given, arrays = case.parameters, case.arrays()
    groups = given.get("groups", 1)
    if groups > 1:
        yield "groups"
        # Of either convolution: one channel in and one out for each group.
        per_group = (arrays["weight"].shape[0] // groups, arrays["weight"].shape[1])
        if per_group == (1, 1):
            yield "depthwise"
    if "stride" in given:
        sizes = given.get("kernel_size") or arrays["weight"].shape[2:]
        stride, dilation = given["stride"] or sizes, given.get("dilation") or (1,) * len(sizes)
        if any(s > reach(k, d) for s, k, d in zip(stride, sizes, dilation, strict=True)):
            yield "gaps-between-windows"


def _of_operands(case: Case) -> Iterator[str]:
    arrays = case.arrays()
    axes = max(array.ndim for array in arrays.values()) - 2
    if axes > 0:
        yield f"{axes}d"
    yield from (LAYOUTS[o.layout] for o in case.operands.values() if o.layout in LAYOUTS)
    floats = np.concatenate([a.ravel() for a in arrays.values() if a.dtype.kind == "f"])
    if np.isnan(floats).any():
        yield "nan"
    if np.isinf(floats).any():
        yield "infinity"
    if (np.signbit(floats) & (floats == 0)).any():
        yield "negative-zero"
    if "bias" in arrays:
        yield "bias"
    if case.empty:
        yield "empty-batch"
    if case.exact and case.wide:
        yield "wide-integers"
    if case.function == "max_pool" and not case.empty and _has_ties(case):
        yield "ties"


def _has_ties(case: Case) -> bool:
    """Tell whether a window has its maximum twice: where equals are told apart, another wins."""
    x = case.arrays()["x"]
    _, ranks = np.unique(x, return_inverse=True)
    numbers = np.arange(x.size)
    last_wins = (ranks.ravel() * x.size + numbers).reshape(x.shape).astype(np.float64)
    last_wins[np.isnan(x)] = np.nan
    evaluate = OPERATORS[case.op].evaluate
    first, last = (evaluate(case, {"x": array})["indices"] for array in (x, last_wins))
    return bool(np.any(first != last))
