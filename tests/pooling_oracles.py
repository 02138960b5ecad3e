"""Pooling and unpooling by routes that the kernels do not take.

A window slides over a real list of cells, with the declared padding and with cells beyond it.
Maxima are then NumPy's `argmax` over the cells that a window met; averages multiply by the explicit
matrix of the map; gradients scatter. Nothing here computes a size: a last window is found by trial.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from oracles import RULES, cells, sides

BEYOND = "beyond"  # a cell after the declared padding


def met_cells(n, k, stride, padding, dilation=1, ceil_mode=False):
    """List the cells that each window of one axis meets; None is padding."""
    before, after = sides(padding, n, k, stride, dilation)
    axis = cells(n, before, after)
    reach = dilation * (k - 1) + 1
    starts = [start for start in range(0, len(axis), stride) if start + reach <= len(axis)]
    if ceil_mode:
        last = next(s for s in range(-99 * stride, 999, stride) if s + reach >= len(axis))
        if last >= n + before:
            last -= stride
        starts = range(0, last + 1, stride)
    longer = axis + [BEYOND] * (reach + stride)
    return [longer[start::dilation][:k] for start in starts]


def covering(size, outputs, k, stride, before):
    """List the cells that the windows of an unpooled axis cover; None is cropped."""
    paint = [[o * stride + t - before for t in range(k)] for o in range(outputs)]
    return [[i if 0 <= i < size else None for i in met] for met in paint]


class Slid:
    """Windows over several axes: for each position the flat cells met, and how much padding.

    Parameters
    ----------
    size : tuple of int
        Spatial size of the input side.
    axes : list of list of list
        For each axis, what each position meets.
    """

    def __init__(self, size, axes):
        self.size, self.output_size = tuple(size), tuple(map(len, axes))
        self.met, self.declared = [], []
        for windows in product(*axes):
            met = list(product(*windows))
            inside = [at for at in met if not {None, BEYOND} & set(at)]
            self.met.append([int(np.ravel_multi_index(at, self.size)) for at in inside])
            self.declared.append(sum(BEYOND not in at for at in met))

    def matrix(self):
        """Build the matrix of the sums, (positions, cells)."""
        entries = np.zeros((len(self.met), prod(self.size)), dtype=int)
        for row, met in zip(entries, self.met, strict=True):
            row[met] = 1
        return entries

    def counts(self, count_include_pad):
        """Count the cells of each window that a divisor counts."""
        return np.array(self.declared if count_include_pad else [len(met) for met in self.met])

    def maxima(self, x):
        """Give y and indices."""
        flat = x.reshape(*x.shape[:2], -1)
        shape = (*x.shape[:2], len(self.met))
        y, indices = np.full(shape, -np.inf, x.dtype), np.full(shape, -1)
        for o, met in enumerate(self.met):
            if met:
                picked = flat[:, :, met].argmax(axis=2)  # the first NaN, else the first maximum
                indices[:, :, o] = np.array(met)[picked]
        for n, c, o in zip(*np.nonzero(indices >= 0), strict=True):
            y[n, c, o] = flat[n, c, indices[n, c, o]]
        return self.outputs(y), self.outputs(indices)

    def outputs(self, flat):
        return flat.reshape(*flat.shape[:2], *self.output_size)

    def inputs(self, flat):
        return flat.reshape(*flat.shape[:2], *self.size)


def times(array, matrix):
    """Multiply every channel, flattened, by a matrix from the right; exact on objects."""
    return array.reshape(*array.shape[:2], -1) @ matrix


def quotients(tops, bottoms, empty):
    """Divide integers or fractions exactly; `empty` is the quotient by 0."""
    shape, bottoms = np.shape(tops), np.broadcast_to(bottoms, np.shape(tops))
    pairs = zip(np.ravel(tops), bottoms.ravel(), strict=True)
    exact = [Fraction(top) / int(bottom) if bottom else empty for top, bottom in pairs]
    result = np.empty(len(exact), dtype=object)
    result[:] = exact
    return result.reshape(shape)


def scattered(grad_y, indices, size):
    """Add each gradient to the cell that its index names."""
    result = np.zeros((*grad_y.shape[:2], prod(size)), grad_y.dtype)
    for (n, c, *_), value, index in zip(
        np.ndindex(grad_y.shape), grad_y.ravel(), indices.ravel(), strict=True
    ):
        if index != -1:
            result[n, c, index] += value
    return result.reshape(*grad_y.shape[:2], *size)


def placed(x, indices, size):
    """Put each value in its place, one after the other."""
    result = np.zeros((*x.shape[:2], prod(size)), x.dtype)
    for (n, c, *_), value, index in zip(
        np.ndindex(x.shape), x.ravel(), indices.ravel(), strict=True
    ):
        if index != -1:
            result[n, c, index] = value
    return result.reshape(*x.shape[:2], *size)


def stayed(grad_y, indices):
    """Give each value the gradient of the place where its own number is found again."""
    numbers = np.arange(1, indices.size + 1).reshape(indices.shape)
    holders = placed(numbers, indices, grad_y.shape[2:])
    result = np.zeros(indices.size + 1, grad_y.dtype)
    result[holders.ravel()] = grad_y.ravel()
    return result[1:].reshape(indices.shape)


@dataclass(frozen=True)
class PoolCase:
    """A call of a pooling, but for the values in its arrays."""

    shape: tuple[int, ...]
    kernel_size: tuple[int, ...]
    seed: int
    parameters: dict[str, Any]
    count_include_pad: bool = True

    @property
    def strides(self):
        return self.parameters["stride"] or self.kernel_size

    @property
    def averaging(self):
        """The parameters of `avg_pool`."""
        kept = {name: value for name, value in self.parameters.items() if name != "dilation"}
        return kept | {"count_include_pad": self.count_include_pad}

    def slid(self, dilated):
        """Slide the window, dilated as in `max_pool` or not as in `avg_pool`."""
        padding = self.parameters["padding"]
        return Slid(
            self.shape[2:],
            [
                met_cells(
                    n,
                    k,
                    self.strides[axis],
                    padding if isinstance(padding, str) else padding[axis],
                    self.parameters["dilation"][axis] if dilated else 1,
                    self.parameters["ceil_mode"],
                )
                for axis, (n, k) in enumerate(zip(self.shape[2:], self.kernel_size, strict=True))
            ],
        )


@st.composite
def pool_cases(draw):
    """Draw a pooling: every axis its own size, window, stride, dilation and padding on each side.

    The input is made long enough for one window, so that no draw is thrown away.
    """
    rank, ceil_mode = draw(st.integers(1, 3)), draw(st.booleans())
    few = 6 - rank
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)

    def per_axis(least, largest):
        return tuple(map(int, rng.integers(least, largest, rank, endpoint=True)))

    kernel, size, dilation = per_axis(1, few - 1), per_axis(1, few + 1), per_axis(1, 3)
    stride = draw(st.sampled_from((None, per_axis(1, few), per_axis(1, 2))))
    rule = draw(st.sampled_from(("pairs",) * 6 + RULES))
    pairs = tuple(zip(per_axis(0, 3), per_axis(0, 3), strict=True))
    pairs = pairs if draw(st.booleans()) else ((0, 0),) * rank
    least = [
        d * (k - 1) + 1 - (0 if rule == "valid" else sum(pair)) - (s - 1) * ceil_mode
        for d, k, s, pair in zip(dilation, kernel, stride or kernel, pairs, strict=True)
    ]
    return PoolCase(
        (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *map(max, size, least)),
        kernel,
        seed,
        {
            "stride": stride,
            "padding": pairs if rule == "pairs" else rule,
            "dilation": dilation,
            "ceil_mode": ceil_mode,
        },
        draw(st.booleans()),
    )


@dataclass(frozen=True)
class UnpoolCase:
    """A call of `avg_unpool`, but for the values in its arrays."""

    shape: tuple[int, ...]
    kernel_size: tuple[int, ...]
    seed: int
    parameters: dict[str, Any]

    def slid(self):
        """List what each position covers of the result; by default all that they reach, cropped."""
        stride, padding = self.parameters["stride"] or self.kernel_size, self.parameters["padding"]
        size = self.parameters["output_size"]
        ends = [
            [o * s + k for o in range(n)][-1] - sum(pair)
            for n, k, s, pair in zip(self.shape[2:], self.kernel_size, stride, padding, strict=True)
        ]
        size = tuple(ends) if size is None else size[2:]
        axes = zip(size, self.shape[2:], self.kernel_size, stride, padding, strict=True)
        return Slid(size, [covering(n, o, k, s, pair[0]) for n, o, k, s, pair in axes])


@st.composite
def unpool_cases(draw):
    """Draw an average unpooling whose crop leaves at least one cell; or any `output_size`."""
    rank, seed = draw(st.integers(1, 3)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    few = 6 - rank

    def per_axis(least, largest):
        return tuple(map(int, rng.integers(least, largest, rank, endpoint=True)))

    shape = (*map(int, rng.integers(1, 4, 2)), *per_axis(1, few))
    kernel = per_axis(1, few - 1)
    stride = draw(st.sampled_from((None, per_axis(1, few), per_axis(1, 2))))
    sized = draw(st.booleans())
    pairs = []
    for n, k, s in zip(shape[2:], kernel, stride or kernel, strict=True):
        room = 6 if sized else (n - 1) * s + k - 1
        before = int(rng.integers(0, min(room, 3) + 1))
        pairs.append((before, int(rng.integers(0, min(room - before, 3) + 1))))
    return UnpoolCase(
        shape,
        kernel,
        seed,
        {
            "stride": stride,
            "padding": tuple(pairs),
            "output_size": (*shape[:2], *per_axis(1, 2 * few)) if sized else None,
        },
    )
