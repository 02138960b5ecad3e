"""Hypotheses about pooling and unpooling: which cell is chosen, what counts, what indices mean."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deconv_ref
from deconv_ref.conformance.case import Case
from deconv_ref.conformance.causes.hypothesis import (
    Hypotheses,
    Hypothesis,
    Prediction,
    Witness,
    exactly,
    recalled,
)
from deconv_ref.conformance.floating import finfo
from deconv_ref.window import Window, pool_window

__all__ = ["average_pooling", "gathering", "max_pooling", "scattering"]

Array = NDArray[Any]
Numbering = Callable[[Case, tuple[Array, ...]], Array]


def max_pooling(quantity: str) -> Hypotheses:
    """Suppose what goes wrong in maxima and their indices (P1, P2)."""
    if quantity == "forward":
        yield recalled("as if padding were 0, not minus infinity", _padded_with_0)
    for choose, text in CHOICES.items():
        yield Hypothesis(f"as if {text}", partial(_chosen, choose))
    if quantity == "indices":
        for number, text in NUMBERINGS.items():
            yield Hypothesis(f"as if indices counted {text}", partial(_renumbered, number))


def scattering(_: str) -> Hypotheses:
    """Suppose what goes wrong where values go to the cells of indices (P3, P4)."""
    yield Hypothesis("as if values for the same cell were added up", _added_up)
    yield Hypothesis("as if the last value for a cell stayed alone", _last_alone)
    yield Hypothesis("as if the first value for a cell stayed, not the last", _first_stays)
    yield from _indexed()


def gathering(_: str) -> Hypotheses:
    """Suppose what goes wrong where values come from the cells of indices (P5)."""
    yield Hypothesis("as if values that were overwritten got a gradient too", _all_gathered)
    yield from _indexed()


def _indexed() -> Hypotheses:
    yield Hypothesis("as if index -1 were the last cell", _from_the_end)


def average_pooling(_: str) -> Hypotheses:
    """Suppose what goes wrong in averages and their gradients (P6, P7)."""
    yield recalled("as if the divisor counted cells beyond the padding", _whole_windows)


def _pooling(case: Case) -> Window:
    p = case.parameters
    size = p["input_size"] if "input_size" in p else case.operands["x"].values.shape
    geometry = (p["kernel_size"], p["stride"], p["padding"], p.get("dilation", 1), p["ceil_mode"])
    return pool_window(case.op, size[2:], *geometry)


def _padded_with_0(case: Case) -> Case | None:
    window, x = _pooling(case), case.operands["x"].values
    if not any(map(sum, window.padding)):
        return None
    padded = np.pad(x, [(0, 0), (0, 0), *window.padding])
    plain = {**case.parameters, "padding": ((0, 0),) * len(window.padding)}
    return replace(case.with_operand("x", values=padded), parameters=plain)


def _whole_windows(case: Case) -> Case | None:
    """Declare as padding what the last windows reach beyond it."""
    window = _pooling(case)
    padding = tuple(
        (before, max((o - 1) * s + k - n - before, 0))
        for n, o, k, s, before in zip(
            *(window.input_size, window.output_size, window.kernel_size),
            *(window.stride, window.before),
            strict=True,
        )
    )
    wide = {"padding": padding, "ceil_mode": False, "count_include_pad": True}
    return replace(case, parameters={**case.parameters, **wide})


def _windows(case: Case) -> tuple[Window, list[list[list[int]]]]:
    """List the cells of every position's window, axis by axis."""
    window = _pooling(case)
    cells = [
        [[i for t in range(k) if 0 <= (i := o * s + t * d - b) < n] for o in range(positions)]
        for n, positions, k, s, d, b in zip(
            *(window.input_size, window.output_size, window.kernel_size),
            *(window.stride, window.dilation, window.before),
            strict=True,
        )
    ]
    return window, cells


def _chosen(choose: Callable[[Array], int], witness: Witness) -> Prediction:
    """Choose one of the cells of each window, by its place among them; as it is, or its index."""
    x, truth = witness.question.arrays()["x"], witness.question.truth
    window, cells = _windows(witness.case)
    result = np.array(truth[witness.quantity])
    for n, c, *at in np.ndindex(result.shape):
        places = list(itertools.product(*(axis[o] for axis, o in zip(cells, at, strict=True))))
        if places:
            place = places[choose(np.array([x[n, c, *p] for p in places]))]
            index = np.ravel_multi_index(place, window.input_size)
            result[n, c, *at] = index if witness.quantity == "indices" else x[n, c, *place]
    return exactly(result)


def _last(values: Array) -> int:
    best = np.isnan(values) if np.isnan(values).any() else values == values.max()
    return int(np.flatnonzero(best)[-1])


def _last_nan(values: Array) -> int:
    return _last(values) if np.isnan(values).any() else int(np.argmax(values))


def _without_nan(values: Array) -> int:
    return 0 if np.isnan(values[0]) else int(np.nanargmax(values))


def _smallest(values: Array) -> int:
    return int(np.argmin(values))


CHOICES: dict[Callable[[Array], int], str] = {
    _last: "the last of equal maxima won, not the first",
    _last_nan: "the last NaN won, not the first",
    _without_nan: "NaN counted only where it comes first",
    _smallest: "the minimum were taken",
}


def _renumbered(number: Numbering, witness: Witness) -> Prediction:
    """Count the cells that indices mean in another way, whatever stands for a window of none."""
    truth, size = witness.question.truth["indices"], witness.case.operands["x"].values.shape
    places = np.unravel_index(np.maximum(truth, 0), size[2:])
    numbered = number(witness.case, (*np.indices(truth.shape)[:2], *places))
    alike = witness.got if witness.got.shape == truth.shape else truth
    return exactly(np.where(truth < 0, alike, numbered))


def _raveled(places: Sequence[Array], size: Sequence[int]) -> Array:
    # Where there is no cell, nobody looks at the number, which may be beyond the size.
    return np.ravel_multi_index(tuple(places), tuple(size), mode="clip")


def _over_padding(case: Case, places: tuple[Array, ...]) -> Array:
    window = _pooling(case)
    padded = [n + sum(pair) for n, pair in zip(window.input_size, window.padding, strict=True)]
    moved = [i + before for i, before in zip(places[2:], window.before, strict=True)]
    return _raveled(moved, padded)


def _over_channels(case: Case, places: tuple[Array, ...]) -> Array:
    return _raveled(places[1:], case.operands["x"].values.shape[1:])


def _over_batch(case: Case, places: tuple[Array, ...]) -> Array:
    return _raveled(places, case.operands["x"].values.shape)


def _over_window(case: Case, places: tuple[Array, ...]) -> Array:
    window = _pooling(case)
    at = np.indices(places[0].shape)[2:]
    taps = [
        (i + b - o * s) // d
        for i, o, b, s, d in zip(
            places[2:], at, window.before, window.stride, window.dilation, strict=True
        )
    ]
    return _raveled(taps, window.kernel_size)


NUMBERINGS: dict[Numbering, str] = {
    _over_padding: "the padding too",
    _over_channels: "over all channels",
    _over_batch: "over the whole array",
    _over_window: "within the window",
}


def _added_up(witness: Witness) -> Prediction:
    values, indices, size = _by_indices(witness)
    summed = deconv_ref.max_pool_backward(values, indices, size)
    magnitude = deconv_ref.max_pool_backward(np.abs(values), indices, size)
    terms = indices.size * float(finfo(witness.case.dtype).eps)
    return Prediction(summed, np.nan_to_num(magnitude) * terms)


def _last_alone(witness: Witness) -> Prediction:
    return exactly(deconv_ref.max_unpool(*_by_indices(witness)))


def _first_stays(witness: Witness) -> Prediction:
    values, indices, size = _by_indices(witness)
    axes = tuple(range(2, values.ndim))
    return exactly(deconv_ref.max_unpool(np.flip(values, axes), np.flip(indices, axes), size))


def _by_indices(witness: Witness) -> tuple[Array, Array, tuple[int, ...]]:
    """Give values, the cells that they go to, and the shape of what these cells are in."""
    arrays, p = witness.question.arrays(), witness.case.parameters
    values = arrays["x"] if "x" in arrays else arrays["grad_y"]
    return values, arrays["indices"], p.get("output_size") or p["input_size"]


def _all_gathered(witness: Witness) -> Prediction:
    arrays = witness.question.arrays()
    grad_y, indices = arrays["grad_y"], arrays["indices"]
    cells = np.maximum(indices, 0).reshape(*indices.shape[:2], -1)
    found = np.take_along_axis(grad_y.reshape(*grad_y.shape[:2], -1), cells, 2)
    return exactly(np.where(indices < 0, 0, found.reshape(indices.shape)))


def _from_the_end(witness: Witness) -> Prediction | None:
    case, arrays = witness.case, witness.question.arrays()
    p = case.parameters
    size = p.get("output_size") or p.get("input_size") or arrays["grad_y"].shape
    indices = arrays["indices"] % math.prod(size[2:])
    return witness.asked(case.with_operand("indices", values=indices))
