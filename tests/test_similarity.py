"""Structural similarity and its gradient, against other routes to the truth."""

import itertools
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_ref import DTypeError, ParameterError, ShapeError, backend
from deconv_ref.checks import volume
from deconv_ref.errors import BackendError
from deconv_ref.ops.similarity import literal
from deconv_ref.ops.similarity.ssim import ssim, ssim_loss, ssim_loss_backward, taps

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)


# The oracle: exact numbers that carry a derivative ----------------------------------------------


class Dual:
    """A fraction and its derivative by one cell, through sums, products and quotients."""

    def __init__(self, value, slope=0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = dual(other)
        slope = self.value * other.slope + self.slope * other.value
        return Dual(self.value * other.value, slope)

    def __truediv__(self, other):
        slope = (self.slope * other.value - self.value * other.slope) / other.value**2
        return Dual(self.value / other.value, slope)

    __radd__, __rmul__ = __add__, __mul__


def dual(value):
    return value if isinstance(value, Dual) else Dual(Fraction(value))


def similarity_of(x, y, weights, c1, c2):
    """Evaluate the similarity of two lists of cells by raw moments: E[xy] - E[x] E[y]."""

    def expected(*factors):
        return sum((w * prod(f, start=Dual(1)) for w, *f in zip(weights, *factors, strict=True)))

    mean_x, mean_y = expected(x), expected(y)
    cov = expected(x, y) + -1 * mean_x * mean_y
    squares = expected(x, x) + expected(y, y) + -1 * (mean_x * mean_x + mean_y * mean_y)
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return top / ((mean_x * mean_x + mean_y * mean_y + c1) * (squares + c2))


def oracle(grad, x, y, window, c1, c2):
    """Give the similarities, and the gradient of x, of fractions ``(N, C, D, H, W)``."""
    weights = np.full(x.shape[2:], Fraction(1, prod(x.shape[2:])))
    if window is not None:
        weights = np.multiply.outer(np.multiply.outer(window[0], window[1]), window[2])
    values, gradient = np.empty(x.shape[:2], object), np.zeros(x.shape, object)
    ranges = [range(n - k + 1) for n, k in zip(x.shape[2:], weights.shape, strict=True)]
    windows = list(itertools.product(*ranges))
    for image in np.ndindex(x.shape[:2]):
        total = 0
        for start in windows:
            cut = tuple(slice(o, o + k) for o, k in zip(start, weights.shape, strict=True))
            left, others = x[image][cut], [dual(v) for v in y[image][cut].ravel()]
            for number, at in enumerate(np.ndindex(left.shape)):
                cells = [Dual(v, int(i == number)) for i, v in enumerate(left.ravel())]
                found = similarity_of(cells, others, weights.ravel(), c1, c2)
                gradient[image][cut][at] += found.slope * grad[image] / len(windows)
            total += found.value
        values[image] = total / len(windows)
    return values, gradient


# Cases -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    shape: tuple[int, ...]
    window: tuple | None
    seed: int

    def rng(self):
        return np.random.default_rng(self.seed)

    def arrays(self, values):
        """Draw x, y and the gradient of their similarities."""
        rng = self.rng()
        return values(rng, self.shape), values(rng, self.shape), values(rng, self.shape[:2])


@st.composite
def cases(draw, most=3, dyadic=False, power=False):
    """Draw volumes of which some axes may be 1 long, and a window of lopsided weights, or none."""
    sizes = (1, 2, 4) if power else range(1, most + 1)
    size = [draw(st.sampled_from(sizes)) for _ in range(3)]
    window = None
    if draw(st.booleans()):
        window = []
        for axis, n in enumerate(size):
            k = draw(st.integers(1, n if not power else min(n, 3)))
            weights = [draw(st.integers(1, 3)) for _ in range(k)]
            if dyadic:  # of sum 8
                weights[-1] = 8 - sum(weights[:-1])
            window.append(np.array([Fraction(w, sum(weights)) for w in weights]))
            size[axis] = n
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size)
    return Case(shape, None if window is None else tuple(window), draw(st.integers(0, 2**32 - 1)))


def integers(rng, shape):
    return rng.integers(-9, 10, shape).astype(np.float64)


def images(rng, shape):
    """Draw smooth pictures with some noise, about 100 over 0."""
    waves = sum(np.cos(0.3 * (a + 1) * i) for a, i in enumerate(np.indices(shape)))
    return 100 + 40 * waves + rng.standard_normal(shape)


def fractions(array):
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(array)


def rational(rng, shape):
    tops, bottoms = rng.integers(-99, 100, shape), rng.integers(1, 20, shape)
    return np.vectorize(lambda a, b: Fraction(int(a), int(b)), otypes=[object])(tops, bottoms)


def floating(window):
    return None if window is None else tuple(axis.astype(float) for axis in window)


def on(tier, function, *arguments, **parameters):
    with backend.using(backend.tier(tier)):
        return function(*arguments, **parameters)


# Exact agreement ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(cases())
def test_the_equations_are_exact_on_fractions(case):
    x, y, grad = case.arrays(rational)
    c1, c2 = Fraction(1, 3), Fraction(2, 7)
    values, gradient = oracle(grad, x, y, case.window, c1, c2)
    assert (literal.similarity(x, y, case.window, c1, c2) == values).all()
    assert (literal.gradient(grad, x, y, case.window, c1, c2) == gradient).all()


@settings(max_examples=120)
@given(cases(dyadic=True, power=True), st.sampled_from((0.25, 1, 6)), st.sampled_from((0.5, 3)))
def test_kernels_round_alike_where_moments_are_exact(case, c1, c2):
    """Products and sums of integers and of weights in eighths are exact; quotients round once."""
    x, y, grad = case.arrays(integers)
    expected = literal.similarity(x, y, floating(case.window), c1, c2)
    slopes = literal.gradient(grad, x, y, floating(case.window), c1, c2)
    exact = [fractions(a) for a in (x, y)]
    if all(n == k for n, k in zip(case.shape[2:], windows(case), strict=True)):
        true = literal.similarity(*exact, case.window, Fraction(c1), Fraction(c2))
        np.testing.assert_array_equal(expected, true.astype(float))
    kernels = backend.tier("cpu")("similarity")
    for dtype in DTYPES:
        arrays = [a.astype(dtype) for a in (x, y)]
        got = kernels.similarity(*arrays, floating(case.window), c1, c2)
        np.testing.assert_array_equal(got, expected, strict=True)
        got = kernels.gradient(grad, *arrays, floating(case.window), c1, c2)
        if case.window is None:
            np.testing.assert_array_equal(got, slopes.astype(dtype), strict=True)
        else:
            scale = 4 * np.abs(grad).max() * (np.abs(slopes).max() + 50)
            np.testing.assert_allclose(got, slopes, rtol=0, atol=np.finfo(dtype).eps * scale * 50)


def windows(case):
    return case.shape[2:] if case.window is None else [len(axis) for axis in case.window]


@pytest.mark.parametrize("size", [(37,), (12, 13), (11, 12, 11)], ids=str)
@pytest.mark.parametrize("window", [None, "gaussian"])
def test_results_are_right_to_the_last_bits(size, window):
    """Against the equations run on the very numbers that the floats are."""
    rng = np.random.default_rng(len(size))
    shape = (1, 2, *size) if len(size) < 3 else (1, 1, *size)
    for dtype in DTYPES:
        x, y = (images(rng, shape).astype(dtype) for _ in range(2))
        grad = rng.standard_normal(shape[:2])
        constants = [Fraction(2.55**2), Fraction(7.65**2)]
        weights = taps(window, len(size))
        exact = weights if weights is None else tuple(map(fractions, weights))
        arguments = [*(volume(fractions(a)) for a in (x, y)), exact, *constants]
        values = literal.similarity(*arguments).astype(float)
        given_arguments = [volume(x), volume(y), weights, *map(float, constants)]
        if len(size) < 3:
            slopes = literal.gradient(fractions(grad), *arguments).astype(float)
        else:
            slopes = literal.gradient(grad, *given_arguments).astype(float)
        for tier in TIERS:
            kernels = backend.tier(tier)("similarity")
            np.testing.assert_allclose(kernels.similarity(*given_arguments), values, rtol=1e-13)
            got = kernels.gradient(grad, *given_arguments)
            tolerance = (2 * np.finfo(dtype).eps + 1e-12) * np.abs(slopes).max()
            np.testing.assert_allclose(got, slopes, rtol=0, atol=tolerance)
        public = ssim(x, y, data_range=255, window=window)
        np.testing.assert_allclose(public, values.mean(), rtol=np.finfo(dtype).eps + 1e-13)
        assert public.dtype == dtype


@settings(max_examples=12)
@given(st.tuples(st.integers(11, 60), st.integers(11, 120)), st.integers(0, 2**32 - 1))
def test_windows_fill_chunks_and_run_over_them(size, seed):
    rng = np.random.default_rng(seed)
    x, y = (images(rng, (1, 2, *size)) for _ in range(2))
    options = {"data_range": 200.0, "window": "gaussian"}
    assert on("cpu", ssim, x, y, **options) == pytest.approx(
        float(on("literal", ssim, x, y, **options)), rel=1e-12
    )
    got, expected = (on(tier, ssim_loss_backward, x, y, **options) for tier in ("cpu", "literal"))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_worked_by_hand():
    x = np.array([[[1.0, 3.0]], [[0.0, 4.0]]])
    y = np.array([[[3.0, 1.0]], [[0.0, 4.0]]])
    options = {"data_range": 2.0, "k1": 0.0, "k2": 0.5}
    for tier in TIERS:
        assert on(tier, ssim, x, y, **options) == (1 - 1 / 3) / 2
        losses = on(tier, ssim_loss, x, y, **options, reduction="none")
        np.testing.assert_array_equal(losses, [[1 + 1 / 3], [0]])
        assert on(tier, ssim_loss, x, y, **options, reduction="sum") == 1 + 1 / 3
        assert on(tier, ssim_loss, x, y, **options) == (1 + 1 / 3) / 2
        # S = 8 (-1) / (8 3); slope of the first cell (-2 + 8 - S (3 2 - 8)) / 24
        grad = on(tier, ssim_loss_backward, x, y, **options, reduction="sum")
        np.testing.assert_allclose(grad[0, 0], [-2 / 9, 2 / 9], rtol=1e-15)
        np.testing.assert_array_equal(grad[1], 0)


def test_the_gaussian_window_is_that_of_wang():
    depth, height, width = taps("gaussian", 2)
    assert depth.tolist() == [1]
    np.testing.assert_array_equal(height, width)
    np.testing.assert_array_equal(height, height[::-1])
    assert math.fsum(height) == pytest.approx(1, abs=1e-16)
    for t in range(5):
        ratio = Fraction((2 * t + 1), 2) / Fraction(3, 2) ** 2
        assert height[5 + t] / height[6 + t] == pytest.approx(math.exp(ratio), rel=1e-14)


# Reductions and invariants -----------------------------------------------------------------------


@settings(max_examples=60)
@given(cases(), st.sampled_from((None, "gaussian")))
def test_reductions_weigh_the_same_gradients(case, window):
    size = case.shape[2:] if window is None else [n + 10 for n in case.shape[2 + (case.seed % 3) :]]
    rng = case.rng()
    shape = (*case.shape[:2], *size)
    x, y = images(rng, shape), images(rng, shape)
    options = {"data_range": 100, "window": window}
    losses = ssim_loss(x, y, **options, reduction="none")
    assert losses.shape == shape[:2]
    assert ssim_loss(x, y, **options, reduction="sum") == pytest.approx(losses.sum(), rel=1e-14)
    assert ssim_loss(x, y, **options) == pytest.approx(losses.mean(), rel=1e-14)
    assert ssim(x, y, **options) == pytest.approx(1 - losses.mean(), rel=1e-13)

    weights = integers(rng, shape[:2])
    each = ssim_loss_backward(x, y, **options, reduction="none")
    weighted = ssim_loss_backward(x, y, **options, reduction="none", grad_loss=weights)
    expected = each * weights.reshape(*shape[:2], *(1,) * len(size))
    np.testing.assert_allclose(weighted, expected, rtol=1e-15)
    for grad_loss in (3, 3.0, np.float64(3), np.array(3.0)):
        summed = ssim_loss_backward(x, y, **options, reduction="sum", grad_loss=grad_loss)
        np.testing.assert_allclose(summed, 3 * each, rtol=1e-15)
        mean = ssim_loss_backward(x, y, **options, grad_loss=grad_loss)
        np.testing.assert_allclose(mean, 3 * each / losses.size, rtol=1e-15)


@pytest.mark.parametrize("window", [None, "gaussian"])
@pytest.mark.parametrize("tier", TIERS)
def test_equal_images_and_exchanged_ones(tier, window):
    rng = np.random.default_rng(0)
    x, y = images(rng, (2, 3, 14, 17)), images(rng, (2, 3, 14, 17))
    options = {"data_range": 255.0, "window": window}
    assert on(tier, ssim, x, x.copy(), **options) == 1
    grad = on(tier, ssim_loss_backward, x, x.copy(), **options)
    assert np.abs(grad).max() < 1e-13
    assert on(tier, ssim, x, y, **options) == on(tier, ssim, y, x, **options) < 1
    assert on(tier, ssim, x, y, **options) == on(
        tier, ssim, 4 * x, 4 * y, **options | {"data_range": 1020}
    )


@pytest.mark.parametrize("tier", TIERS)
def test_nothing_over_nothing_is_nan(tier):
    flat = np.full((1, 2, 3, 4), 0.5)
    options = {"data_range": 1.0, "k1": 0, "k2": 0}
    assert np.isnan(on(tier, ssim, flat, flat + 2, **options))
    assert np.isnan(on(tier, ssim_loss_backward, flat, flat + 2, **options)).all()
    assert on(tier, ssim, flat, flat + 2, **options | {"k2": 0.03}) == pytest.approx(
        2.5 / 6.5, rel=1e-15
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("tier", TIERS)
def test_nan_and_infinity_stay_in_the_windows_that_meet_them(tier, value):
    rng = np.random.default_rng(0)
    y = images(rng, (2, 2, 30, 40))
    for spot in ((0, 0), (3, 25)):
        x = images(rng, y.shape)
        x[1, 0][spot] = value
        for window in (None, "gaussian"):
            options = {"data_range": 255.0, "window": window, "reduction": "none"}
            losses = on(tier, ssim_loss, x, y, **options)
            np.testing.assert_array_equal(np.isnan(losses), [[False, False], [True, False]])
            grad = on(tier, ssim_loss_backward, x, y, **options)
            met = np.zeros(y.shape, bool)
            near = [slice(max(0, i - 10), i + 11) for i in spot]
            met[(1, 0, *(near if window else (...,)))] = True
            np.testing.assert_array_equal(np.isnan(grad), met)


@pytest.mark.parametrize("window", [None, "gaussian"])
@pytest.mark.parametrize("tier", TIERS)
def test_an_empty_batch(tier, window):
    x = np.empty((0, 3, 11, 12), np.float32)
    options = {"data_range": 1, "window": window}
    assert np.isnan(on(tier, ssim, x, x, **options))
    assert np.isnan(on(tier, ssim_loss, x, x, **options))
    assert on(tier, ssim_loss, x, x, **options, reduction="sum") == 0
    none = on(tier, ssim_loss, x, x, **options, reduction="none")
    np.testing.assert_array_equal(none, np.empty((0, 3), np.float32), strict=True)
    np.testing.assert_array_equal(on(tier, ssim_loss_backward, x, x, **options), x, strict=True)


# Memory ------------------------------------------------------------------------------------------


class Subclass(np.ndarray):
    """As numpy.memmap is one."""


def sliced(array):
    large = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    view = large[(slice(1, None, 2),) * array.ndim]
    view[...] = array
    return view


def unaligned(array):
    view = np.frombuffer(bytearray(array.nbytes + 1), array.dtype, offset=1).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "sliced": sliced,
    "transposed": lambda array: array.T.copy().T,
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "zero strides": lambda array: np.broadcast_to(array[:1], array.shape),
    "read-only": read_only,
    "unaligned": unaligned,
    "of a subclass": lambda array: array.view(Subclass),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("window", [None, "gaussian"])
def test_arrays_may_lie_in_memory_in_any_way(layout, window):
    rng = np.random.default_rng(0)
    arrays = [layout(images(rng, shape)) for shape in ((2, 3, 12, 15), (2, 3, 12, 15), (2, 3))]
    plain = [np.array(a, subok=False, order="C") for a in arrays]

    def results(x, y, grad_loss):
        options = {"data_range": 255, "window": window}
        each = options | {"reduction": "none"}
        grad = ssim_loss_backward(x, y, **each, grad_loss=grad_loss)
        return ssim(x, y, **options), ssim_loss(x, y, **each), grad

    got = results(*arrays)
    for result, expected in zip(got, results(*plain), strict=True):
        np.testing.assert_array_equal(result, expected, strict=True)
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
    for array, before in zip(arrays, plain, strict=True):
        np.testing.assert_array_equal(array, before)


# Bad input ---------------------------------------------------------------------------------------

X = np.ones((2, 3, 11, 12), np.float32)
CALLS = {
    ssim: {"x": X, "y": X, "data_range": 1.0},
    ssim_loss: {"prediction": X, "target": X, "data_range": 1.0},
    ssim_loss_backward: {"prediction": X, "target": X, "data_range": 1.0},
}
NUMBERS = ("0.1", None, True, np.nan, np.inf, -0.1, 1j, (0.1,), np.array([0.1]))


def shaped(*shape):
    return np.ones(shape, np.float32)


def image_faults(first, second):
    for name in (first, second):
        for value in ([1.0], None, "x"):
            yield {name: value}, (BackendError, DTypeError), name, "an? .*array.*, got"
        for dtype in (np.int64, np.uint8, object):
            yield {name: X.astype(dtype)}, DTypeError, name, "float32.*, got .*Write"
    yield {second: X.astype(float)}, DTypeError, second, "float32.*, got float64.*Write"
    for shape in ((), (11,), (2, 3), (2, 1, 1, 1, 1, 3), (2, 0, 4), (2, 3, 0)):
        both = {first: shaped(*shape), second: shaped(*shape)}
        yield both, ShapeError, first, re.escape("(N, C, *spatial)")
    for shape in ((2, 3, 11), (2, 3, 12, 11), (1, 3, 11, 12)):
        told = re.escape(f"of shape {X.shape}, got shape {shape}. It has the shape of {first}")
        yield {second: shaped(*shape)}, ShapeError, second, told
    for shape in ((2, 3, 10), (2, 3, 30, 10), (2, 3, 11, 11, 1)):
        both = {first: shaped(*shape), second: shaped(*shape), "window": "gaussian"}
        told = re.escape(f"at least 11 cells long on every spatial axis, got shape {shape}")
        yield both, ShapeError, first, told


def parameter_faults(function):
    for name in ("k1", "k2"):
        for value in NUMBERS:
            yield {name: value}, ParameterError, name, "a finite number of at least 0, got"
    for value in (*NUMBERS, 0, 0.0):
        yield {"data_range": value}, ParameterError, "data_range", "finite number above 0, got"
    for value in ("Gaussian", 11, False, "uniform"):
        yield {"window": value}, ParameterError, "window", "None or 'gaussian', got"
    if function is not ssim:
        for value in (None, "average", True):
            told = "'mean' or 'sum' or 'none', got"
            yield {"reduction": value}, ParameterError, "reduction", told


def grad_loss_faults():
    name = "grad_loss"
    for reduction in ("mean", "sum"):
        for value in ("1", None, (1.0,), shaped(2, 3), shaped(1), True):
            changes = {name: value, "reduction": reduction}
            yield changes, ParameterError, name, "a number, got"
    for value in ("1", None, [[1.0]]):
        yield {name: value, "reduction": "none"}, DTypeError, name, "a number or an array, got"
    for shape in ((3,), (2, 3, 1), (3, 2), X.shape):
        changes = {name: shaped(*shape), "reduction": "none"}
        yield changes, ShapeError, name, re.escape("of shape (2, 3), got")
    changes = {name: np.ones((2, 3)), "reduction": "none"}
    yield changes, DTypeError, name, "float32.*, got float64.*Write"


def faults():
    found = []
    for function, arguments in CALLS.items():
        kinds = [image_faults(*list(arguments)[:2]), parameter_faults(function)]
        kinds += [grad_loss_faults()] if function is ssim_loss_backward else []
        found += [(function, *fault) for kind in kinds for fault in kind]
    return found


@pytest.mark.parametrize(("function", "changes", "error", "parameter", "told"), faults())
def test_every_fault_is_told(function, changes, error, parameter, told):
    whole = rf"(?s)^{function.__name__}: {parameter} must be .*{told}.*\.$"
    with pytest.raises(error, match=whole):
        function(**CALLS[function] | changes)


def test_the_calls_that_the_faults_start_from_are_legal():
    for function, arguments in CALLS.items():
        function(**arguments)
