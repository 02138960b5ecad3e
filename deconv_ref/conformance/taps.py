"""Which cells of the operands feed one element of a result.

Nothing here knows a window: the operator itself is asked, on operands made for the question. One
that is linear in a pair of operands gets a single 1 in the first and numbered cells in the second,
so that the element is the number of the cell that the 1 is multiplied with. One that is linear in a
single operand gives the factor of the 1. Every other operator hands on a NaN from the cells that it
looks at.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.truth import Arrays, Question
from deconv_ref.errors import DeconvRefError

__all__ = ["Tap", "taps"]

MOST_CELLS = 256  # of operands, beyond which nobody would read the list

PAIRS = {
    "forward": ("x", "weight"),
    "x": ("grad_y", "weight"),
    "weight": ("grad_y", "x"),
    "bias": ("grad_y",),
}
IN_PAIRS = ("conv", "conv_transpose", "linear")
LINEAR = (
    *(
        "avg_pool",
        "avg_unpool",
        "max_unpool",
        "upsample",
        "pixel_shuffle",
        "pixel_unshuffle",
        "pad",
    ),
    *("dropout", "fft_convolve"),
)

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tap:
    """What an element is fed by.

    Attributes
    ----------
    cells : mapping of str to tuple of int
        Index into each operand that is multiplied.
    coefficient, product : float or None
        What the cells are multiplied with besides, and what comes of it; None where the element is
        no sum of products.
    """

    cells: Mapping[str, Index]
    coefficient: float | None = None
    product: float | None = None


def taps(question: Question, quantity: str, element: Index) -> tuple[Tap, ...]:
    """List what feeds an element of a result, in row-major order of the first operand.

    Parameters
    ----------
    question : Question
        The call.
    quantity : str
        Which of its results.
    element : tuple of int
        Index into it.

    Returns
    -------
    tuple of Tap
        Nothing where there would be too many cells to try.

    Examples
    --------
    >>> from deconv_ref.conformance.case import Case, Operand
    >>> from deconv_ref.conformance.operators import OPERATORS
    >>> case = Case("linear", {}, {"x": Operand(np.eye(2)), "weight": Operand(np.eye(2))}, True)
    >>> linear = OPERATORS["linear"]
    >>> fed = taps(Question(linear, case, linear.evaluate(case)), "forward", (0, 1))
    >>> [tap.cells for tap in fed]
    [{'x': (0, 0), 'weight': (1, 0)}, {'x': (0, 1), 'weight': (1, 1)}]
    """
    arrays = {n: a for n, a in question.arrays().items() if a.dtype.kind == "f"}
    if sum(array.size for array in arrays.values()) > MOST_CELLS:
        return ()
    try:
        if question.case.op in IN_PAIRS:
            return tuple(_paired(question, quantity, element, arrays))
        if question.case.op in LINEAR:
            return tuple(_weighed(question, quantity, element, next(iter(arrays)), arrays))
        return tuple(_looked_at(question, quantity, element, arrays))
    except DeconvRefError:  # numbers that the operator takes for none of its own
        return ()


def _paired(question: Question, quantity: str, element: Index, arrays: Arrays) -> Iterator[Tap]:
    first, *second = PAIRS[quantity]
    zeros = {name: np.zeros_like(array) for name, array in arrays.items()}
    if not second:
        yield from _weighed(question, quantity, element, first, zeros | {first: arrays[first]})
        return
    (partner,) = second
    numbered = 1.0 + np.arange(arrays[partner].size).reshape(arrays[partner].shape)
    for cell, single in _singles(arrays[first]):
        number = _element(question, {**zeros, first: single, partner: numbered}, quantity, element)
        if number:
            other = _unravelled(int(number) - 1, numbered.shape)
            product = float(arrays[first][cell] * arrays[partner][other])
            yield Tap({first: cell, partner: other}, 1.0, product)
    if "bias" in arrays:
        for cell, single in _singles(arrays["bias"]):
            if _element(question, {**zeros, "bias": single}, quantity, element):
                yield Tap({"bias": cell}, 1.0, float(arrays["bias"][cell]))


def _weighed(
    question: Question, quantity: str, element: Index, name: str, arrays: Arrays
) -> Iterator[Tap]:
    for cell, single in _singles(arrays[name]):
        factor = _element(question, {**arrays, name: single}, quantity, element)
        none = _element(question, {**arrays, name: 0 * single}, quantity, element)
        if factor != none and math.isfinite(factor):
            product = float((factor - none) * arrays[name][cell])
            yield Tap({name: cell}, factor - none, product)


def _looked_at(question: Question, quantity: str, element: Index, arrays: Arrays) -> Iterator[Tap]:
    quantity = (
        "forward" if quantity == "indices" else quantity
    )  # the index of a NaN may be the same
    tame = {name: np.where(np.isfinite(a), a, 1.0) for name, a in arrays.items()}
    if math.isnan(_element(question, tame, quantity, element)):
        return
    for name, array in tame.items():
        for cell in np.ndindex(array.shape):
            spoilt = array.copy()
            spoilt[cell] = np.nan
            if math.isnan(_element(question, {**tame, name: spoilt}, quantity, element)):
                yield Tap({name: cell})


def _singles(array: NDArray[Any]) -> Iterator[tuple[Index, NDArray[Any]]]:
    """Give every index, with an array that has a 1 there alone."""
    for cell in np.ndindex(array.shape):
        single = np.zeros_like(array)
        single[cell] = 1
        yield cell, single


def _element(question: Question, floats: Arrays, quantity: str, element: Index) -> float:
    arrays = {**question.case.arrays(), **floats}
    return float(question.operator.evaluate(question.case, arrays)[quantity][element])


def _unravelled(number: int, shape: Index) -> Index:
    return tuple(int(i) for i in np.unravel_index(number, shape))
