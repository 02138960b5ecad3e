"""The frequency domain, against direct sums, dense matrices and exact arithmetic."""

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_ref import DTypeError, ParameterError, ShapeError, backend
from deconv_ref.checks import volume
from deconv_ref.errors import BackendError
from deconv_ref.ops.fourier import literal
from deconv_ref.ops.fourier.arguments import center_of, per_channel
from deconv_ref.ops.fourier.deconvolve import inverse_filter, richardson_lucy, wiener
from deconv_ref.ops.fourier.fft_convolve import fft_convolve

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)
BOUNDARIES = ("zeros", "circular")


# Cases and the oracle ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    shape: tuple[int, ...]
    psf_shape: tuple[int, ...]
    boundary: str
    seed: int

    def rng(self):
        return np.random.default_rng(self.seed)

    def arrays(self, values):
        rng = self.rng()
        return values(rng, self.shape), values(rng, self.psf_shape)


@st.composite
def cases(draw, most=6):
    """Draw images of even and odd sizes, and a point-spread function of up to their size."""
    size = [draw(st.integers(1, most)) for _ in range(draw(st.integers(1, 3)))]
    if len(size) == 3:
        size = [min(n, 4) for n in size]
    kernel = tuple(draw(st.integers(1, n)) for n in size)
    batch, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    one_each = draw(st.booleans())
    return Case(
        (batch, channels, *size),
        (channels, *kernel) if one_each else kernel,
        draw(st.sampled_from(BOUNDARIES)),
        draw(st.integers(0, 2**32 - 1)),
    )


def integers(rng, shape):
    return rng.integers(-9, 10, shape).astype(np.float64)


def positives(rng, shape):
    return rng.integers(1, 10, shape).astype(np.float64)


def fractions(array):
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(array)


def matrix(psf, size, boundary):
    """Build the map as a matrix: each cell paints the function round itself, and the rim folds."""
    cells = list(itertools.product(*map(range, size)))
    number = {cell: k for k, cell in enumerate(cells)}
    middle = [(k - 1) // 2 for k in psf.shape]
    result = np.zeros((len(cells), len(cells)), dtype=psf.dtype)
    for cell in cells:
        for tap in np.ndindex(psf.shape):
            where = [c + t - m for c, t, m in zip(cell, tap, middle, strict=True)]
            if boundary == "circular":
                where = [w % n for w, n in zip(where, size, strict=True)]
            if tuple(where) in number:
                result[number[tuple(where)], number[cell]] += psf[tap]
    return result


def matrices(case, psf):
    size = case.shape[2:]
    each = psf if psf.ndim > len(size) else [psf] * case.shape[1]
    return [matrix(one, size, case.boundary) for one in each]


def mapped(function, x, maps):
    """Apply a function of a matrix and a flat image to every image."""
    y = np.empty_like(x)
    for n, c in np.ndindex(x.shape[:2]):
        y[n, c] = function(maps[c], x[n, c].ravel()).reshape(x.shape[2:])
    return y


def on(tier, function, *arguments, **parameters):
    with backend.using(backend.tier(tier)):
        return function(*arguments, **parameters)


def literally(case, function, x, psf, *arguments):
    """Run a literal kernel on fractions."""
    spread = per_channel(x, psf)
    circular = case.boundary == "circular"
    y = function(volume(x), spread, center_of(spread), *arguments, circular)
    return y.reshape(x.shape)


# Convolution -------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(cases(most=5))
def test_the_direct_sum_is_the_explicit_matrix(case):
    x, psf = case.arrays(integers)
    expected = mapped(lambda m, v: m @ v, fractions(x), matrices(case, fractions(psf)))
    assert (literally(case, literal.convolve, fractions(x), fractions(psf)) == expected).all()
    for dtype in DTYPES:
        arrays = x.astype(dtype), psf.astype(dtype)
        got = on("literal", fft_convolve, *arrays, boundary=case.boundary)
        np.testing.assert_array_equal(got, expected.astype(dtype), strict=True)


@settings(max_examples=300)
@given(cases(most=12))
def test_the_product_of_spectra_is_convolution(case):
    """The error of a transform is bounded by the norms, not cell by cell (Higham, chapter 24)."""
    x, psf = case.arrays(lambda rng, shape: rng.standard_normal(shape))
    for dtype in DTYPES:
        arrays = x.astype(dtype), psf.astype(dtype)
        wide = [a.astype(float) for a in arrays]
        expected = on("literal", fft_convolve, *wide, boundary=case.boundary)
        got = on("cpu", fft_convolve, *arrays, boundary=case.boundary)
        assert got.dtype == dtype
        axes = tuple(range(2, x.ndim))
        norm = np.sqrt((wide[0] ** 2).sum(axes, keepdims=True)) * np.linalg.norm(psf)
        depth = 4 + np.log2(8 * x[0, 0].size)
        bound = 8 * depth * 2.0**-53 * norm + np.finfo(dtype).eps / 2 * np.abs(expected)
        assert np.all(np.abs(got - expected) <= bound)


def test_worked_by_hand():
    x = np.array([[[[1.0, 2, 3], [4, 5, 6]]]])
    cases = [
        ([[1.0, 10, 100]], "zeros", [[[12, 123, 230], [45, 456, 560]]]),
        ([[1.0, 10, 100]], "circular", [[[312, 123, 231], [645, 456, 564]]]),
        ([[1.0, 10]], "zeros", [[[1, 12, 23], [4, 45, 56]]]),
        ([[1.0, 10]], "circular", [[[31, 12, 23], [64, 45, 56]]]),
        ([[1.0], [10]], "zeros", [[[1, 2, 3], [14, 25, 36]]]),
        ([[1.0], [10]], "circular", [[[41, 52, 63], [14, 25, 36]]]),
    ]
    for psf, boundary, expected in cases:
        for tier in TIERS:
            got = on(tier, fft_convolve, x, np.array(psf), boundary=boundary)
            np.testing.assert_allclose(got, [expected], rtol=1e-13)


def test_the_documents_equation_needs_two_spectra():
    """E1 as printed convolves an image with the spectrum of the other."""
    rng = np.random.default_rng(0)
    x, psf = rng.random((1, 1, 8, 8)), rng.random((8, 8))
    truth = fft_convolve(x, psf, boundary="circular")[0, 0]
    transform, back = np.fft.fft2, np.fft.ifft2
    placed = np.roll(psf, (-3, -3), (0, 1))
    np.testing.assert_allclose(back(transform(x[0, 0]) * transform(placed)).real, truth)
    parts = [
        fft_convolve(x, part(transform(psf)), boundary="circular") for part in (np.real, np.imag)
    ]
    printed = back(parts[0] + 1j * parts[1])[0, 0]
    assert np.abs(printed - truth).max() > 0.5 * np.abs(truth).max()


@settings(max_examples=100)
@given(cases())
def test_what_is_nowhere_negative_stays_so(case):
    x, psf = case.arrays(lambda rng, shape: np.maximum(rng.standard_normal(shape), 0))
    assert fft_convolve(x, psf, boundary=case.boundary).min() >= 0


# Restoration -------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(cases(most=5))
def test_the_inverse_filter_is_the_inverse_of_the_matrix(case):
    case = Case(case.shape, case.psf_shape, "circular", case.seed)
    x, psf = case.arrays(integers)
    maps = matrices(case, psf)
    expected = mapped(lambda m, v: np.linalg.pinv(m, rcond=0.05) @ v, x, maps)
    ranks = [np.linalg.svd(m, compute_uv=False) for m in maps]
    if any((np.abs(s - 0.05 * s[0]) < 1e-6 * s[0]).any() for s in ranks):
        return  # on the edge of the threshold
    for tier in TIERS:
        got = on(tier, inverse_filter, x, psf, threshold=0.05)
        scale = np.abs(x).max() / max(min(s[0] for s in ranks), 1e-9)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11 * scale + 1e-12)
        assert on(tier, inverse_filter, x.astype("f4"), psf.astype("f4")).dtype == np.float32


@settings(max_examples=80)
@given(cases(most=5), st.sampled_from((0.01, 0.5, 3)), st.sampled_from((None, "laplacian")))
def test_the_wiener_filter_solves_the_normal_equations(case, balance, regularization):
    """(H'H + K L'L) u = H'x, with L the Laplacian's own matrix."""
    case = Case(case.shape, case.psf_shape, "circular", case.seed)
    x, psf = case.arrays(integers)
    size = case.shape[2:]
    penalty = np.eye(np.prod(size))
    if regularization:
        penalty = np.zeros_like(penalty)
        for axis, n in enumerate(size):
            shift = np.roll(np.arange(np.prod(size)).reshape(size), 1, axis).ravel()
            step = np.eye(np.prod(size)) - np.eye(np.prod(size))[shift]
            penalty += step.T @ step if n > 1 else 0

    def solved(m, v):
        left = m.T @ m + balance * penalty.T @ penalty
        return np.linalg.pinv(left, rcond=1e-9, hermitian=True) @ (m.T @ v)

    maps = matrices(case, psf)
    sizes = [np.abs(np.linalg.eigvalsh(m.T @ m + balance * penalty @ penalty)) for m in maps]
    if any(s.min() < 1e-6 * s.max() for s in sizes):
        return  # nearly singular: nothing to compare
    expected = mapped(solved, x, maps)
    for tier in TIERS:
        got = on(tier, wiener, x, psf, balance=balance, regularization=regularization)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8 * (1 + np.abs(expected).max()))
        small = on(
            tier, wiener, x.astype("f4"), psf.astype("f4"), balance=balance,
            regularization=regularization,
        )  # fmt: skip
        np.testing.assert_array_equal(small.dtype, np.float32)
        np.testing.assert_allclose(small, got, rtol=1e-6, atol=1e-7 * (1 + np.abs(got).max()))


@settings(max_examples=60)
@given(cases(most=3))
def test_richardson_lucy_is_exact_on_fractions(case):
    x, psf = (fractions(a) for a in case.arrays(positives))

    def steps(m, v):
        estimate = np.array([Fraction(1)] * len(v))
        for _ in range(2):
            estimate = estimate * (m.T @ (v / (m @ estimate))) / m.sum(axis=0)
        return estimate

    got = literally(case, literal.richardson_lucy, x, psf, 2)
    assert (got == mapped(steps, x, matrices(case, psf))).all()


@settings(max_examples=80)
@given(cases(), st.integers(0, 20))
def test_richardson_lucy_runs_alike_on_both_tiers(case, iterations):
    x, psf = case.arrays(positives)
    options = {"iterations": iterations, "boundary": case.boundary}
    expected = on("literal", richardson_lucy, x, psf, **options)
    got = on("cpu", richardson_lucy, x, psf, **options)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * expected.max())
    small = on("cpu", richardson_lucy, x.astype("f4"), psf.astype("f4"), **options)
    np.testing.assert_allclose(small, got, rtol=2e-7)
    assert small.dtype == np.float32


@settings(max_examples=80)
@given(cases(), st.integers(1, 30))
def test_richardson_lucy_keeps_flux_and_sign(case, iterations):
    rng = case.rng()
    x = rng.poisson(2, case.shape).astype(float)  # with zeros
    psf = rng.random(case.psf_shape) + 0.1
    axes = tuple(range(psf.ndim - len(case.shape) + 2, psf.ndim))
    psf /= psf.sum(axis=axes, keepdims=True)
    restored = richardson_lucy(x, psf, iterations=iterations, boundary="circular")
    assert restored.min() >= 0
    axes = tuple(range(2, x.ndim))
    np.testing.assert_allclose(restored.sum(axes), x.sum(axes), rtol=1e-9)
    restored = richardson_lucy(x, psf, iterations=iterations)
    np.testing.assert_allclose(
        on("cpu", fft_convolve, restored, psf).sum(axes), x.sum(axes), rtol=1e-9
    )


def test_noise_is_amplified_by_the_inverse_and_not_by_the_others():
    rng = np.random.default_rng(0)
    rows, columns = np.indices((9, 9)) - 4
    psf = np.exp(-(rows**2 + columns**2) / 4.5)
    psf /= psf.sum()
    x = np.zeros((1, 1, 48, 40))
    x[..., 10:30, 12:25], x[..., 35:38, 5:30] = 1, 2
    blurred = fft_convolve(x, psf, boundary="circular")
    noisy = np.maximum(blurred + 0.01 * rng.standard_normal(x.shape), 0)

    def error(image):
        return np.sqrt(np.mean((image - x) ** 2))

    assert error(inverse_filter(blurred, psf)) < 1e-8  # without noise: exact
    assert error(inverse_filter(noisy, psf)) > 10 * error(noisy)
    bounded = error(inverse_filter(noisy, psf, threshold=0.1))
    assert bounded < error(noisy)
    assert error(wiener(noisy, psf, balance=0.003)) < bounded
    assert error(wiener(noisy, psf, balance=0.01, regularization="laplacian")) < error(noisy)
    restored = richardson_lucy(noisy, psf, iterations=30, boundary="circular")
    assert error(restored) < 0.8 * error(noisy)


# NaN, infinity, empty batches, memory ------------------------------------------------------------

CALLS = {
    "zeros": lambda x, psf: fft_convolve(x, psf),
    "circular": lambda x, psf: fft_convolve(x, psf, boundary="circular"),
    "inverse_filter": lambda x, psf: inverse_filter(x, psf),
    "wiener": lambda x, psf: wiener(x, psf, balance=0.1),
    "laplacian": lambda x, psf: wiener(x, psf, balance=0.1, regularization="laplacian"),
    "richardson_lucy": lambda x, psf: richardson_lucy(x, psf, iterations=3),
    "rl circular": lambda x, psf: richardson_lucy(x, psf, iterations=3, boundary="circular"),
}


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_nan_and_infinity_stay_in_their_image(name, value):
    rng = np.random.default_rng(0)
    x, psf = positives(rng, (2, 2, 7, 9)), positives(rng, (3, 2))
    psf[1, 0] += 40  # a transfer function without zeros
    clean = CALLS[name](x, psf)
    x[1, 0, 3, 4] = value
    got = CALLS[name](x, psf)
    dirty = np.zeros((2, 2), bool)
    dirty[1, 0] = True
    np.testing.assert_allclose(got[~dirty], clean[~dirty], rtol=1e-11)
    if name in BOUNDARIES:
        met = np.zeros((7, 9), bool)
        met[2:5, 4:6] = True
        np.testing.assert_array_equal(np.isfinite(got[1, 0]), ~met)
        np.testing.assert_allclose(got[1, 0][met], value)
    else:
        assert np.isnan(got[1, 0]).all()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", CALLS)
def test_an_empty_batch_gives_an_empty_result(tier, name):
    x, psf = np.empty((0, 3, 4, 5), np.float32), np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(on(tier, CALLS[name], x, psf), x, strict=True)


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
@pytest.mark.parametrize("name", CALLS)
def test_arrays_may_lie_in_memory_in_any_way(layout, name):
    rng = np.random.default_rng(0)
    arrays = [layout(positives(rng, shape)) for shape in ((2, 3, 6, 7), (3, 3, 2))]
    plain = [np.array(a, subok=False, order="C") for a in arrays]
    got = CALLS[name](*arrays)
    np.testing.assert_array_equal(got, CALLS[name](*plain), strict=True)
    for array, before in zip(arrays, plain, strict=True):
        np.testing.assert_array_equal(array, before)
        assert not np.shares_memory(got, array)
    assert type(got) is np.ndarray
    assert got.flags.c_contiguous
    assert got.flags.writeable


# Bad input ---------------------------------------------------------------------------------------

X, PSF = np.ones((2, 3, 5, 6), np.float32), np.ones((3, 2), np.float32)
FUNCTIONS = {
    fft_convolve: {},
    inverse_filter: {},
    wiener: {"balance": 0.1},
    richardson_lucy: {},
}
NUMBERS = ("0.1", None, True, np.nan, np.inf, -0.1, 1j, (0.1,), np.array([0.1]))


def shaped(*shape):
    return np.ones(shape, np.float32)


def array_faults():
    for name, array in (("x", X), ("psf", PSF)):
        for value in ([1.0], None, "x"):
            yield {name: value}, (BackendError, DTypeError), name, "an? .*array.*, got"
        for dtype in (np.int64, np.float16, object):
            yield {name: array.astype(dtype)}, DTypeError, name, "float32.*, got .*Write"
    yield {"psf": PSF.astype(float)}, DTypeError, "psf", "float32.*, got float64.*Write"
    for shape in ((), (11,), (2, 3), (2, 1, 1, 1, 1, 3), (2, 0, 4), (2, 3, 0)):
        yield {"x": shaped(*shape)}, ShapeError, "x", re.escape("(N, C, *spatial)")
    for shape in ((), (3,), (1, 3, 2, 2), (0, 2), (3, 0, 2)):
        told = re.escape(
            "(*size) or (C, *size) with the 2 spatial axes of x, none empty, got shape"
        )
        yield {"psf": shaped(*shape)}, ShapeError, "psf", told
    for shape in ((1, 3, 2), (2, 3, 2), (4, 3, 2)):
        yield {"psf": shaped(*shape)}, ShapeError, "psf", "of 3 channels, as x is, or without"
    for shape in ((6, 6), (5, 7), (3, 6, 1)):
        told = re.escape(f"no larger than x, (5, 6), on every spatial axis, got shape {shape}")
        yield {"psf": shaped(*shape)}, ShapeError, "psf", told


def boundary_faults():
    for value in ("same", None, "wrap", True):
        yield {"boundary": value}, ParameterError, "boundary", "'zeros' or 'circular', got"


def wiener_faults():
    for value in (*NUMBERS, 0, 0.0):
        yield {"balance": value}, ParameterError, "balance", "a finite number above 0, got"
    for value in ("Laplacian", False, 1):
        told = "None or 'laplacian', got"
        yield {"regularization": value}, ParameterError, "regularization", told


def richardson_lucy_faults():
    for value in ("3", None, True, 1.0, -1, (3,), np.nan):
        yield {"iterations": value}, ParameterError, "iterations", "an int of at least 0, got"
    for name, array in (("x", X), ("psf", PSF)):
        less = array.copy()
        less[1, 1] = -0.5
        told = "at least 0 everywhere, got a least value of -0.5"
        yield {name: less}, ParameterError, name, told
    nothing = np.ones((3, 2, 2), np.float32)
    nothing[1] = 0
    yield {"psf": nothing}, ParameterError, "psf", "above 0 somewhere, in every channel"


def faults():
    found = []
    for function in FUNCTIONS:
        kinds = [array_faults()]
        if function in (fft_convolve, richardson_lucy):
            kinds.append(boundary_faults())
        if function is wiener:
            kinds.append(wiener_faults())
        if function is richardson_lucy:
            kinds.append(richardson_lucy_faults())
        found += [(function, *fault) for kind in kinds for fault in kind]
    for value in NUMBERS:
        told = "a finite number of at least 0, got"
        found.append((inverse_filter, {"threshold": value}, ParameterError, "threshold", told))
    return found


@pytest.mark.parametrize(("function", "changes", "error", "parameter", "told"), faults())
def test_every_fault_is_told(function, changes, error, parameter, told):
    whole = rf"(?s)^{function.__name__}: {parameter} must be .*{told}.*\.$"
    with pytest.raises(error, match=whole):
        function(**{"x": X, "psf": PSF} | FUNCTIONS[function] | changes)


def test_the_calls_that_the_faults_start_from_are_legal():
    for function, parameters in FUNCTIONS.items():
        function(X, PSF, **parameters)
