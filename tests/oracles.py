"""Convolution by routes that the kernels do not take.

The kernels gather: each element of a result collects its own terms, at indices that size formulas
allow. Here a window slides over a real list of cells, every pair of a position and a tap that meets
a cell of the input is written down once, and the pairs then *scatter*: into the explicit matrix of
the map, or straight into a result. Nothing here computes a size; sizes are counted.

Arrays may hold integers, floats or `fractions.Fraction` objects.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

RULES = ("valid", "same", "same_lower", "full")
PADDING = None  # a cell that is not there


def cells(n, before=0, after=0):
    """List the cells of a padded axis: their numbers, `PADDING` on both sides."""
    return [PADDING] * before + list(range(n)) + [PADDING] * after


def slide(axis, k, stride=1, dilation=1):
    """Slide a window over a list of cells; list the cells that its taps meet, for each position."""
    positions = []
    for start in range(0, len(axis), stride):
        met = axis[start::dilation][:k]
        if len(met) == k:
            positions.append(met)
    return positions


def same_sides(n, k, stride, dilation, rule):
    """Find TensorFlow's padding by trial: the least that gives every ``stride``-th cell a position.

    An odd cell goes to the end, or under ``"same_lower"`` to the start.
    """
    wanted = len(range(0, n, stride))
    total = 0
    while len(slide(cells(n, after=total), k, stride, dilation)) < wanted:
        total += 1
    small, large = total // 2, total - total // 2
    return (small, large) if rule == "same" else (large, small)


def sides(padding, n, k, stride, dilation):
    """Turn a rule or ``(before, after)`` into the padding of one axis; all arguments are ints."""
    if padding == "valid":
        return 0, 0
    if padding == "full":  # the first position reaches the input with its last tap alone
        return dilation * (k - 1), dilation * (k - 1)
    if isinstance(padding, str):
        return same_sides(n, k, stride, dilation, padding)
    return padding


class Pairs:
    """All pairs of an output position and a tap of a convolution that meet a cell of its input.

    Parameters
    ----------
    input_size, kernel_size : tuple of int
        Spatial sizes.
    stride, dilation : tuple of int
        Per axis.
    padding : str or tuple of (int, int)
        A rule, or both sides of each axis.
    positions : tuple of int, optional
        How many positions to keep per axis; all by default.
    """

    def __init__(self, input_size, kernel_size, stride, dilation, padding, positions=None):
        self.input_size, self.kernel_size = tuple(input_size), tuple(kernel_size)
        counts, axes = [], []
        for axis, (n, k, s, d) in enumerate(
            zip(input_size, kernel_size, stride, dilation, strict=True)
        ):
            rule = padding if isinstance(padding, str) else padding[axis]
            met = slide(cells(n, *sides(rule, n, k, s, d)), k, s, d)
            if positions is not None:
                assert len(met) >= positions[axis]
                met = met[: positions[axis]]
            counts.append(len(met))
            axes.append(
                [(o, i, t) for o, row in enumerate(met) for t, i in enumerate(row) if i is not None]
            )
        self.output_size = tuple(counts)
        sizes = zip(self.output_size, self.input_size, self.kernel_size, strict=True)
        flat = np.zeros((1, 3), dtype=np.int64)  # flat output position, input cell and tap
        for axis, size in zip(axes, sizes, strict=True):
            triples = np.array(axis, dtype=np.int64).reshape(-1, 3)
            flat = (flat[:, None] * np.array(size) + triples[None]).reshape(-1, 3)
        self.triples = [tuple(map(int, triple)) for triple in flat]

    def matrix(self, weight, groups):
        """Build the explicit matrix of the map, ``(C_out * outputs, C_in * inputs)``."""
        blocks = _blocks(weight.shape[0], weight.shape[1] * groups, groups)
        outputs, inputs = int(np.prod(self.output_size)), int(np.prod(self.input_size))
        taps = weight.reshape(*weight.shape[:2], -1)
        channels = weight.shape[1] * groups
        entries = np.zeros((weight.shape[0], outputs, channels, inputs), dtype=weight.dtype)
        for rows, columns in blocks:
            for o, i, t in self.triples:
                entries[rows, o, columns, i] += taps[rows, :, t]
        return entries.reshape(weight.shape[0] * outputs, channels * inputs)

    def forward(self, x, weight, groups):
        """Scatter every input cell into the outputs that meet it."""
        y = np.zeros((len(x), weight.shape[0], int(np.prod(self.output_size))), dtype=x.dtype)
        x, taps = _flat(x), _flat(weight)
        for rows, columns in _blocks(weight.shape[0], x.shape[1], groups):
            for o, i, t in self.triples:
                y[:, rows, o] += x[:, columns, i] @ taps[rows, :, t].T
        return y.reshape(*y.shape[:2], *self.output_size)

    def backward(self, grad_y, weight, groups):
        """Scatter every output's gradient into the cells that it met."""
        channels = weight.shape[1] * groups
        grad_x = np.zeros((len(grad_y), channels, int(np.prod(self.input_size))), grad_y.dtype)
        grad_y, taps = _flat(grad_y), _flat(weight)
        for rows, columns in _blocks(weight.shape[0], channels, groups):
            for o, i, t in self.triples:
                grad_x[:, columns, i] += grad_y[:, rows, o] @ taps[rows, :, t]
        return grad_x.reshape(*grad_x.shape[:2], *self.input_size)

    def weight(self, grad_y, x, groups):
        """Scatter every product of an output's gradient and a cell it met into the tap between."""
        shape = (grad_y.shape[1], x.shape[1] // groups, int(np.prod(self.kernel_size)))
        grad_weight = np.zeros(shape, dtype=x.dtype)
        grad_y, x = _flat(grad_y), _flat(x)
        for rows, columns in _blocks(grad_y.shape[1], x.shape[1], groups):
            for o, i, t in self.triples:
                grad_weight[rows, :, t] += grad_y[:, rows, o].T @ x[:, columns, i]
        return grad_weight.reshape(*shape[:2], *self.kernel_size)


def paint(x, weight, stride, dilation, padding, output_padding, groups):
    """Transposed convolution as it is drawn: each value paints its kernel, then the rim is cut.

    The canvas is as long as the paint reaches, and as much longer as `output_padding` asks;
    the "same" rules keep ``stride`` cells for each value.
    """
    size, kernel = x.shape[2:], weight.shape[2:]
    last = [
        range(0, n * s, s)[-1] + range(0, k * d, d)[-1]
        for n, s, k, d in zip(size, stride, kernel, dilation, strict=True)
    ]
    spare = [s + e for s, e in zip(stride, output_padding, strict=True)]
    canvas = np.zeros(
        (len(x), weight.shape[1] * groups, *(c + 1 + e for c, e in zip(last, spare, strict=True))),
        dtype=x.dtype,
    )
    for rows, columns in _blocks(x.shape[1], canvas.shape[1], groups):
        for o in np.ndindex(*size):
            for t in np.ndindex(*kernel):
                at = tuple(a * s + b * d for a, s, b, d in zip(o, stride, t, dilation, strict=True))
                canvas[:, columns, *at] += x[:, rows, *o] @ weight[rows, :, *t]
    kept = []
    for axis, (n, k, s, d) in enumerate(zip(size, kernel, stride, dilation, strict=True)):
        if padding in ("same", "same_lower"):
            before, _ = same_sides(n * s, k, s, d, padding)
            kept.append(slice(before, before + n * s))
        else:
            rule = padding if isinstance(padding, str) else padding[axis]
            before, after = sides(rule, n, k, s, d)
            kept.append(slice(before, last[axis] + 1 + output_padding[axis] - after))
    return canvas[:, :, *kept]


def _flat(array):
    return array.reshape(*array.shape[:2], -1)


def _blocks(rows, columns, groups):
    """Pair the rows and the columns of each group, as slices."""
    row_edges = pairwise(range(0, rows + 1, rows // groups))
    column_edges = pairwise(range(0, columns + 1, columns // groups))
    return [
        (slice(*r), slice(*c)) for r, c in zip(list(row_edges), list(column_edges), strict=True)
    ]


@dataclass(frozen=True)
class Case:
    """A call of `conv` or `conv_transpose`, but for the values in its arrays."""

    transposed: bool
    batch: int
    size: tuple[int, ...]
    weight_shape: tuple[int, ...]
    has_bias: bool
    seed: int
    parameters: dict[str, Any]

    @property
    def groups(self):
        return self.parameters["groups"]

    @property
    def channels(self):
        """Channels of the input and of the result."""
        rows, columns = self.weight_shape[0], self.weight_shape[1] * self.groups
        return (rows, columns) if self.transposed else (columns, rows)

    @property
    def window(self):
        """Stride, dilation and padding, in the order that the oracles take them."""
        return tuple(self.parameters[name] for name in ("stride", "dilation", "padding"))

    def arrays(self, values):
        """Draw x, weight, bias and grad_y: a different value in nearly every place."""
        rng = np.random.default_rng(self.seed)
        inputs, outputs = self.channels
        x = values(rng, (self.batch, inputs, *self.size))
        weight = values(rng, self.weight_shape)
        bias = values(rng, (outputs,)) if self.has_bias else None
        grad_y = values(rng, (self.batch, outputs, *self.output_size()))
        return x, weight, bias, grad_y

    def output_size(self):
        """Count the cells of the result by computing it, for one channel."""
        x = np.zeros((1, 1, *self.size), dtype=int)
        weight = np.zeros((1, 1, *self.weight_shape[2:]), dtype=int)
        if self.transposed:
            return paint(x, weight, *self.window, self.parameters["output_padding"], 1).shape[2:]
        return Pairs(self.size, self.weight_shape[2:], *self.window).output_size

    def pairs(self):
        """List what the window meets as it slides over x or, transposed, over the result."""
        kernel = self.weight_shape[2:]
        if self.transposed:
            return Pairs(self.output_size(), kernel, *self.window, positions=self.size)
        return Pairs(self.size, kernel, *self.window)

    def rotated(self, weight):
        """Rotate a kernel if the case asks for it: the oracles know correlation alone."""
        return rotated(weight) if self.parameters["flip_kernel"] else weight


@st.composite
def cases(draw, *, axes=(1, 3), most=4):
    """Draw a case: every axis its own size, kernel, stride, dilation and padding on either side.

    Positions and kernel are drawn and the input is made to fit, so that no draw is thrown away;
    where padding is large the kernel comes out larger than the input.
    """
    transposed = draw(st.booleans())
    rank = draw(st.integers(*axes))
    few = max(2, most - rank + 1)

    def per_axis(least, largest):
        return tuple(draw(st.integers(least, largest)) for _ in range(rank))

    kernel, stride, dilation = per_axis(1, few), per_axis(1, 3), per_axis(1, 3)
    positions, before, after, extra = (
        per_axis(1, few),
        per_axis(0, 4),
        per_axis(0, 4),
        per_axis(0, 2),
    )
    padding = draw(st.sampled_from(("pairs",) * 4 + RULES))
    groups, rows, columns = (draw(st.integers(1, 3)) for _ in range(3))
    size, sides = [], []
    for axis in range(rank):
        b, a, s = before[axis], after[axis], stride[axis]
        spanned = (positions[axis] - 1) * s + dilation[axis] * (kernel[axis] - 1) + 1
        if not transposed:
            size.append(max(1, spanned + extra[axis] % s - (0 if padding == "valid" else b + a)))
        elif padding == "full":  # crops twice the reach, so take that many inputs
            size.append(max(positions[axis], -(-dilation[axis] * (kernel[axis] - 1) // s) + 1))
        else:  # the crop leaves at least one cell
            b = min(b, spanned - 1)
            a = min(a, spanned - 1 - b)
            size.append(positions[axis])
        sides.append((b, a))
    parameters = {
        "stride": stride,
        "padding": tuple(sides) if padding == "pairs" else padding,
        "dilation": dilation,
        "groups": groups,
        "flip_kernel": draw(st.booleans()),
    }
    if transposed:
        limits = map(max, stride, dilation)
        extra = tuple(e % limit for e, limit in zip(extra, limits, strict=True))
        parameters["output_padding"] = (0,) * rank if "same" in padding else extra
    return Case(
        transposed,
        batch=draw(st.integers(1, 2)),
        size=tuple(size),
        weight_shape=(groups * rows, columns, *kernel),
        has_bias=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
        parameters=parameters,
    )


def integers(rng, shape):
    """Draw small integers: every product and sum of a case is exact, in any order."""
    return rng.integers(-9, 10, shape)


def floats(rng, shape):
    return integers(rng, shape).astype(np.float64)


def fractions(rng, shape):
    """Draw thirds, sevenths and the like, which no float holds."""
    tops, bottoms = rng.integers(-99, 100, shape), rng.integers(1, 50, shape)
    return np.vectorize(lambda a, b: Fraction(int(a), int(b)), otypes=[object])(tops, bottoms)


def rotated(weight):
    return np.flip(weight, range(2, weight.ndim))


def truth(case, x, weight, bias, grad_y):
    """Give y, grad_x, grad_weight and grad_bias by the explicit matrix, and by scattering."""
    pairs, correlated = case.pairs(), case.rotated(weight)
    matrix = pairs.matrix(correlated, case.groups)
    if case.transposed:
        y = paint(x, correlated, *case.window, case.parameters["output_padding"], case.groups)
        grad_x = _times(grad_y, matrix, x.shape)
        grad_weight = pairs.weight(x, grad_y, case.groups)
    else:
        y = _times(x, matrix, grad_y.shape)
        grad_x = _times(grad_y, matrix.T, x.shape)
        grad_weight = pairs.weight(grad_y, x, case.groups)
    return with_bias(y, bias), grad_x, case.rotated(grad_weight), bias_gradient(grad_y)


def scattered(case, x, weight, bias, grad_y):
    """Give the same by scattering alone, which never multiplies by the zeros of the matrix."""
    pairs, correlated = case.pairs(), case.rotated(weight)
    up, down = (grad_y, x) if not case.transposed else (x, grad_y)
    forward = pairs.backward if case.transposed else pairs.forward
    backward = pairs.forward if case.transposed else pairs.backward
    return (
        with_bias(forward(x, correlated, case.groups), bias),
        backward(grad_y, correlated, case.groups),
        case.rotated(pairs.weight(up, down, case.groups)),
        bias_gradient(grad_y),
    )


def with_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def bias_gradient(grad_y):
    return np.moveaxis(grad_y, 1, 0).reshape(grad_y.shape[1], -1).sum(axis=1)


def _times(vectors, matrix, shape):
    return (vectors.reshape(len(vectors), -1) @ matrix.T).reshape(shape)
