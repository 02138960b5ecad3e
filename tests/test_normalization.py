"""Batch normalization and dropout, against other routes to the truth."""

import re
import statistics
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_ref import DTypeError, ParameterError, ShapeError, backend
from deconv_ref.errors import BackendError
from deconv_ref.ops.normalization import literal
from deconv_ref.ops.normalization.batch_norm import batch_norm, batch_norm_backward, by_cell
from deconv_ref.ops.normalization.dropout import dropout, dropout_backward

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)


# Cases -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    shape: tuple[int, ...]
    seed: int

    @property
    def channels(self):
        return self.shape[1]

    @property
    def count(self):
        return self.shape[0] * prod(self.shape[2:])

    def rng(self):
        return np.random.default_rng(self.seed)


@st.composite
def cases(draw, most=5):
    """Draw a shape of none to three spatial axes, with at least two values per channel."""
    rank = draw(st.integers(0, 3))
    size = tuple(draw(st.integers(1, most)) for _ in range(rank))
    batch = draw(st.integers(1 if prod(size) > 1 else 2, 4))
    return Case((batch, draw(st.integers(1, 4)), *size), draw(st.integers(0, 2**32 - 1)))


@st.composite
def even_cases(draw):
    """Draw a shape whose channels hold a power of two of values: sums divide exactly."""
    powers = [draw(st.integers(0, 2)) for _ in range(draw(st.integers(0, 3)))]
    batch = draw(st.integers(1 if sum(powers) == 0 else 0, 2))
    channels = draw(st.integers(1, 4))
    shape = (2**batch, channels, *(2**power for power in powers))
    return Case(shape, draw(st.integers(0, 2**32 - 1)))


def integers(rng, shape):
    return rng.integers(-9, 10, shape).astype(np.float64)


def reals(rng, shape):
    """Draw numbers of several magnitudes, round a mean that is far from 0."""
    return 5 * rng.standard_normal() + rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 3)


def fractions(array):
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(array)


def rational(rng, shape):
    tops, bottoms = rng.integers(-99, 100, shape), rng.integers(1, 50, shape)
    return np.vectorize(lambda a, b: Fraction(int(a), int(b)), otypes=[object])(tops, bottoms)


def per_channel(x):
    """List the values of each channel, in any order that is the same for all arrays of a shape."""
    return [list(x[:, c].ravel()) for c in range(x.shape[1])]


def rejoined(lists, like):
    result = np.empty_like(like)
    for c, values in enumerate(lists):
        result[:, c] = np.array(values, dtype=like.dtype).reshape(like[:, c].shape)
    return result


def on(tier, function, *arguments, **parameters):
    with backend.using(backend.tier(tier)):
        return function(*arguments, **parameters)


def assert_equal(got, expected, note=""):
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_array_equal(g, e, err_msg=note, strict=True)


# Oracles -----------------------------------------------------------------------------------------


def jacobian(values, mean, inv_std):
    """Build the matrix of the normalized values by the values: P - z z' / K, P projects."""
    count = len(values)
    z = np.array([(value - mean) * inv_std for value in values])
    projection = np.array(
        [[Fraction(i == j) - Fraction(1, count) for j in range(count)] for i in range(count)]
    )
    return inv_std * (projection - z[:, None] * z[None, :] / count)


def gradient_oracle(grad_y, x, gamma, mean, inv_std):
    """Give the three gradients by dense matrices, one a channel."""
    grads, values = per_channel(grad_y), per_channel(x)
    grad_x, grad_gamma, grad_beta = [], [], []
    for g, v, weight, m, s in zip(grads, values, gamma, mean, inv_std, strict=True):
        grad_x.append(weight * (np.array(g) @ jacobian(v, m, s)))
        grad_gamma.append(sum(a * (b - m) * s for a, b in zip(g, v, strict=True)))
        grad_beta.append(sum(g))
    return rejoined(grad_x, x), np.array(grad_gamma), np.array(grad_beta)


def decimals(array):
    return [Decimal(float(value)) for value in array]


def normed_in_decimal(values, gamma, beta, epsilon):
    mean = statistics.mean(values)
    inv_std = 1 / (statistics.pvariance(values) + epsilon).sqrt()
    return [gamma * (value - mean) * inv_std + beta for value in values]


# Exact agreement ---------------------------------------------------------------------------------


@settings(max_examples=150)
@given(cases(most=3))
def test_the_equations_are_exact_on_fractions(case):
    rng = case.rng()
    x, grad_y = rational(rng, case.shape), rational(rng, case.shape)
    gamma, beta, inv_std, old = (rational(rng, case.channels) for _ in range(4))
    cells, grads = by_cell(x), by_cell(grad_y)
    mean, var = literal.statistics(cells)
    values = per_channel(x)
    assert list(mean) == [statistics.mean(v) for v in values]
    assert list(var) == [statistics.pvariance(v) for v in values]
    unbiased = literal.unbiased(var, case.count)
    assert list(unbiased) == [statistics.variance(v) for v in values]
    weight = Fraction(3, 7)
    assert list(literal.running(old, unbiased, weight)) == list(old + weight * (unbiased - old))

    # With any factor in the place of N3, since a root is not rational; the identity of N9 needs
    # one that fits the variance, so give x a variance whose root is known.
    y = literal.normalize(cells, gamma, beta, mean, inv_std).reshape(case.shape)
    rows = zip(values, gamma, beta, mean, inv_std, strict=True)
    expected = [[g * s * v - g * s * m + b for v in row] for row, g, b, m, s in rows]
    assert (y == rejoined(expected, x)).all()
    got = literal.gradients(grads, cells, gamma, mean, inv_std, True)
    oracle = gradient_oracle(grad_y, x, gamma, mean, inv_std)
    assert all((g == o.reshape(g.shape)).all() for g, o in zip(got, oracle, strict=True))
    got = literal.gradients(grads, cells, gamma, mean, inv_std, False)
    scale = (gamma * inv_std).reshape(-1, *(1,) * (x.ndim - 2))
    assert (got[0].reshape(case.shape) == grad_y * scale).all()


@settings(max_examples=250)
@given(even_cases(), st.booleans())
def test_kernels_are_exact_where_floats_are(case, training):
    rng = case.rng()
    x, grad_y = integers(rng, case.shape), integers(rng, case.shape)
    gamma, beta = integers(rng, case.channels), integers(rng, case.channels)
    inv_std = 2.0 ** rng.integers(-3, 3, case.channels)
    exact = [by_cell(fractions(a)) for a in (grad_y, x)]
    mean, var = literal.statistics(exact[1])
    vectors = [fractions(a) for a in (gamma, beta, inv_std)]
    y = literal.normalize(exact[1], vectors[0], vectors[1], mean, vectors[2])
    gradients = literal.gradients(*exact, vectors[0], mean, vectors[2], training)
    for dtype in DTYPES:
        arrays = [by_cell(a.astype(dtype)) for a in (grad_y, x)]
        for tier in TIERS:
            kernels = backend.tier(tier)("normalization")
            assert_equal(kernels.statistics(arrays[1]), (mean.astype(float), var.astype(float)))
            small = [v.astype(dtype) for v in (gamma, beta, mean, inv_std)]
            assert_equal([kernels.normalize(arrays[1], *small)], [y.astype(dtype)], tier)
            got = kernels.gradients(*arrays, small[0], *small[2:], training)
            assert_equal(got, [a.astype(dtype) for a in gradients], tier)


@settings(max_examples=150)
@given(even_cases(), st.integers(1, 3), st.sampled_from((4, 8)), st.sampled_from((0, 0.25, 1)))
def test_batch_norm_is_exact_where_the_root_is(case, deviation, root, momentum):
    """Half of a channel lies one deviation above its mean, half below."""
    rng = case.rng()
    signs = np.repeat((-1, 1), case.count // 2)
    columns = [rng.integers(-9, 10) + deviation * rng.permutation(signs) for _ in range(99)]
    x = rejoined(columns[: case.channels], np.empty(case.shape))
    vectors = [integers(rng, case.channels) for _ in range(4)]
    gamma, beta, old_mean, old_var = map(fractions, vectors)
    mean = np.array([statistics.mean(v) for v in per_channel(fractions(x))])
    factor = np.full(case.channels, Fraction(1, root))
    y = literal.normalize(by_cell(fractions(x)), gamma, beta, mean, factor).reshape(case.shape)
    var = Fraction(deviation**2 * case.count, case.count - 1)
    weight = Fraction(momentum)
    new = (1 - weight) * old_mean + weight * mean, (1 - weight) * old_var + weight * var
    for dtype in DTYPES:
        for tier in TIERS:
            arguments = [a.astype(dtype) for a in (x, *vectors)]
            settings = {"training": True, "momentum": momentum}
            got = on(tier, batch_norm, *arguments, epsilon=root**2 - deviation**2, **settings)
            exact = [a.astype(dtype) for a in (y, new[0], mean, factor)]
            assert_equal((got.y, got.running_mean, *got[3:]), exact)
            np.testing.assert_allclose(got.running_var, new[1].astype(float), rtol=2e-7)
            if case.count == 2 and momentum != 0.25:
                assert_equal([got.running_var], [new[1].astype(dtype)])


def test_worked_by_hand():
    x = np.array([[[1.0, 3.0], [10.0, 10.0]], [[5.0, 7.0], [10.0, 10.0]]])
    gamma, beta = np.array([3.0, 2.0]), np.array([10.0, 20.0])
    old_mean, old_var = np.array([8.0, 6.0]), np.array([1.0, 4.0])
    for tier in TIERS:
        got = on(
            tier, batch_norm, x, gamma, beta, old_mean, old_var,
            training=True, momentum=0.25, epsilon=4.0,
        )  # fmt: skip
        np.testing.assert_array_equal(got.y, [[[7, 9], [20, 20]], [[11, 13], [20, 20]]])
        np.testing.assert_array_equal(got.running_mean, [7, 7])
        np.testing.assert_allclose(got.running_var, [0.75 + 20 / 12, 3], rtol=1e-15)
        np.testing.assert_array_equal(got.saved_mean, [4, 10])
        np.testing.assert_array_equal(got.saved_inv_std, [1 / 3, 0.5])
        got = on(tier, batch_norm, x, gamma, beta, old_mean, old_var, training=False, epsilon=0.0)
        np.testing.assert_array_equal(got.y, [[[-11, -5], [24, 24]], [[1, 7], [24, 24]]])
        assert_equal(got[1:4], (old_mean, old_var, old_mean))
        np.testing.assert_array_equal(got.saved_inv_std, [1, 0.5])


# Rounding ----------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(cases(most=3), st.sampled_from((1e-5, 0.5)))
def test_results_and_gradients_are_right_to_the_last_bits(case, epsilon):
    """Against 60 digits; the gradient of x by symmetric differences of 25 of them."""
    rng = case.rng()
    step = Decimal(10) ** -20
    for dtype in DTYPES:
        x, grad_y = (reals(rng, case.shape).astype(dtype) for _ in range(2))
        gamma, beta, zero = (rng.standard_normal(case.channels).astype(dtype) for _ in range(3))
        unit = float(np.finfo(dtype).eps) / 2
        with localcontext(prec=60):
            y, grad_x, sizes = [], [], []
            for c, column in enumerate(per_channel(x)):
                operands = *decimals([gamma[c], beta[c]]), Decimal(epsilon)
                values, grads = decimals(column), decimals(per_channel(grad_y)[c])
                y.append([float(v) for v in normed_in_decimal(values, *operands)])
                slopes = []
                for i in range(len(values)):
                    sides = []
                    for side in (step, -step):
                        moved = [v + side * (i == j) for j, v in enumerate(values)]
                        normed = normed_in_decimal(moved, *operands)
                        sides.append(sum(g * v for g, v in zip(grads, normed, strict=True)))
                    slopes.append(float((sides[0] - sides[1]) / (2 * step)))
                grad_x.append(slopes)
                sizes.append(1 / float(statistics.pvariance(values) + operands[2]) ** 0.5)
        sizes = np.array(sizes).reshape(-1, *(1,) * (x.ndim - 2))  # inverse deviations
        weight = np.abs(gamma.astype(float)).reshape(sizes.shape)
        shift = np.abs(beta.astype(float)).reshape(sizes.shape)
        largest = np.abs(x.astype(float)).max()
        spread = 1 + (largest * sizes) ** 2  # how much the rounding of a mean weighs
        for tier in TIERS:
            normed = on(tier, batch_norm, x, gamma, beta, zero, zero, training=True,
                        epsilon=epsilon)  # fmt: skip
            true = rejoined(y, x.astype(float))
            double = 4 * (case.count + 8) * 2.0**-53  # arithmetic in float64
            bound = unit * np.abs(true) + double * (weight * largest * sizes * spread + shift)
            assert np.all(np.abs(normed.y - true) <= 1.01 * bound)
            gradients = on(tier, batch_norm_backward, grad_y, x, gamma, *normed[3:])
            true = rejoined(grad_x, x.astype(float))
            scale = weight * sizes * np.abs(grad_y.astype(float)).max() * spread
            bound = unit * np.abs(true) + 4 * (case.count + 8) * unit * scale
            assert np.all(np.abs(gradients.x - true) <= bound)


@pytest.mark.parametrize("tier", TIERS)
def test_a_large_mean_does_not_drown_the_variance(tier):
    rng = np.random.default_rng(0)
    for dtype, offset in ((np.float32, 2.0**16), (np.float64, 2.0**40)):
        x = (offset + rng.integers(-8, 9, (3, 2, 500)) / 64).astype(dtype)
        mean, var = backend.tier(tier)("normalization").statistics(x)
        for c, values in enumerate(per_channel(fractions(x))):
            np.testing.assert_allclose(mean[c], float(statistics.mean(values)), rtol=1e-15)
            np.testing.assert_allclose(var[c], float(statistics.pvariance(values)), rtol=1e-12)


ROWS = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(200, 900))
COLUMNS = st.tuples(st.sampled_from([63, 64, 65, 150]), st.integers(1, 90), st.integers(1, 6))


@settings(max_examples=60)
@given(ROWS | COLUMNS, st.integers(0, 2**32 - 1))
def test_fast_kernels_fill_their_lanes_and_run_over_them(shape, seed):
    """Sums of integers are exact in any order; divided, they are rounded alike."""
    batch, channels, size = shape
    rng = np.random.default_rng(seed)
    x, grad_y = (integers(rng, (batch, channels, size)) for _ in range(2))
    mean = inv_std = np.full(channels, 0.5)
    for dtype in DTYPES:
        arrays = [a.astype(dtype) for a in (grad_y, x)]
        small = [a.astype(dtype) for a in (mean, mean, inv_std)]
        results = []
        for tier in TIERS:
            kernels = backend.tier(tier)("normalization")
            found = kernels.statistics(arrays[1])
            np.testing.assert_allclose(found[1], np.var(x, axis=(0, 2)), rtol=1e-13)
            results.append((found[0], *kernels.gradients(*arrays, *small, True)))
        assert_equal(*results)


# Invariants --------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(even_cases())
def test_the_gradient_of_x_is_orthogonal_to_what_normalization_takes_away(case):
    """A shift of a channel changes nothing, so that its gradient sums to 0."""
    rng = case.rng()
    x, grad_y = integers(rng, case.shape), integers(rng, case.shape)
    gamma = integers(rng, case.channels)
    mean = literal.statistics(by_cell(x))[0]
    gradients = batch_norm_backward(grad_y, x, gamma, mean, np.full(case.channels, 0.5))
    np.testing.assert_array_equal(
        np.moveaxis(gradients.x, 1, 0).reshape(case.channels, -1).sum(1), 0
    )


@settings(max_examples=100)
@given(even_cases(), st.sampled_from((0.0, 0.5, 0.75)))
def test_dropout_is_its_own_adjoint(case, rate):
    rng = case.rng()
    x, grad_y = integers(rng, case.shape), integers(rng, case.shape)
    mask = rng.random(case.shape) >= 0.4
    y, grad_x = dropout(x, rate, mask=mask), dropout_backward(grad_y, rate, mask=mask)
    assert (y * grad_y).sum() == (x * grad_x).sum()


# Dropout -----------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(cases(), st.sampled_from((0, 0.5, 0.1, 0.3, 0.9, np.float32(0.25))))
def test_dropout_is_the_rounded_quotient(case, rate):
    rng = case.rng()
    kept = rng.random(case.shape) >= 0.4
    for dtype in DTYPES:
        x = reals(rng, case.shape).astype(dtype)
        expected = np.zeros(case.shape, dtype)
        for at in np.argwhere(kept):
            at = tuple(at)
            expected[at] = np.float64(x[at]) / (1 - float(rate))
        for mask in (kept, kept.astype(dtype)):
            for tier in TIERS:
                got = on(tier, dropout, x, rate, mask=mask)
                assert_equal([got], [expected])
                assert_equal([on(tier, dropout_backward, x, rate, mask=mask)], [expected])
    exact, keep = fractions(x.ravel()), 1 - Fraction(float(rate))
    plain = literal.dropout(exact, fractions(kept.ravel()), keep)
    assert list(plain) == [v / keep if k else 0 for v, k in zip(exact, kept.ravel(), strict=True)]


@pytest.mark.parametrize("tier", TIERS)
def test_a_dropped_nan_is_nan(tier):
    got = on(tier, dropout, np.array([np.nan, np.inf, 1, np.inf]), 0.5, mask=np.arange(4) > 2)
    np.testing.assert_array_equal(got, [np.nan, np.nan, 0, np.inf])


# NaN, infinity, empty batches, memory ------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@settings(max_examples=40)
@given(case=cases())
def test_nan_and_infinity_take_their_channel_in_training_and_their_place_otherwise(value, case):
    rng = case.rng()
    x, grad_y = integers(rng, case.shape), integers(rng, case.shape)
    spot = tuple(rng.integers(0, case.shape))
    channel = np.arange(case.channels) == spot[1]
    vectors = [np.arange(1.0, 1 + case.channels)] * 4
    clean = batch_norm(x, *vectors, training=True)
    dirty = x.copy()
    dirty[spot] = value
    for tier in TIERS:
        got = on(tier, batch_norm, dirty, *vectors, training=True)
        assert np.isnan(got.y[:, channel]).all()
        np.testing.assert_array_equal(got.saved_mean[channel], value)
        assert np.isnan(got.saved_inv_std[channel]).all()
        np.testing.assert_allclose(got.y[:, ~channel], clean.y[:, ~channel], rtol=1e-12)
        gradients = on(tier, batch_norm_backward, grad_y, dirty, vectors[0], *got[3:])
        assert np.isnan(gradients.x[:, channel]).all()
        assert np.isfinite(gradients.x[:, ~channel]).all()

        got = on(tier, batch_norm, dirty, *vectors, training=False).y
        np.testing.assert_array_equal(got[spot], value)
        assert np.isfinite(got).sum() == got.size - 1


@pytest.mark.parametrize("tier", TIERS)
def test_a_constant_channel_gives_beta_or_without_epsilon_nan(tier):
    x, one = np.full((3, 1, 2), 7.0), np.ones(1)
    for training, mean in ((True, one), (False, 7 * one)):
        run = {"training": training}
        got = on(tier, batch_norm, x, one, 5 * one, mean, 0 * one, **run, epsilon=1e-5)
        np.testing.assert_array_equal(got.y, np.full_like(x, 5))
        got = on(tier, batch_norm, x, one, 5 * one, mean, 0 * one, **run, epsilon=0)
        assert np.isnan(got.y).all()
        np.testing.assert_array_equal(got.saved_inv_std, np.inf)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_batch(tier, dtype):
    x, vector = np.empty((0, 3, 4, 5), dtype), np.arange(1, 4).astype(dtype)
    got = on(tier, batch_norm, x, vector, vector, vector, vector, training=False)
    assert_equal(got[:4], (x, vector, vector, vector))
    for training in (True, False):
        got = on(tier, batch_norm_backward, x, x, vector, vector, vector, training=training)
        assert_equal(got, (x, 0 * vector, 0 * vector))
    assert_equal([on(tier, dropout, x, 0.5, mask=x)], [x])


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


class Subclass(np.ndarray):
    """As numpy.memmap is one."""


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
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5, 7), (2, 3, 300)], ids=str)
def test_arrays_may_lie_in_memory_in_any_way(layout, shape):
    rng = np.random.default_rng(0)
    arrays = [layout(integers(rng, shape)) for _ in range(2)]
    vectors = [layout(np.abs(integers(rng, shape[1])) + 1) for _ in range(4)]
    mask = layout(rng.random(shape) < 0.5)
    plain = [np.array(a, subok=False, order="C") for a in (*arrays, *vectors, mask)]

    def results(x, grad_y, gamma, beta, mean, var, mask):
        out = list(batch_norm(x, gamma, beta, mean, var, training=True))
        out += batch_norm(x, gamma, beta, mean, var, training=False)
        out += batch_norm_backward(grad_y, x, gamma, mean, var)
        out += batch_norm_backward(grad_y, x, gamma, mean, var, training=False)
        return [*out, dropout(x, 0.5, mask=mask), dropout_backward(grad_y, 0.5, mask=mask)]

    given_arrays = (*arrays, *vectors, mask)
    got = results(*given_arrays)
    assert_equal(got, results(*plain))
    for array, before in zip(given_arrays, plain, strict=True):
        np.testing.assert_array_equal(array, before)
    for result in got:
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert not any(np.shares_memory(result, array) for array in given_arrays)


# Bad input ---------------------------------------------------------------------------------------

X, V = np.ones((2, 3, 4), np.float32), np.ones(3, np.float32)
FORWARD = {"x": X, "gamma": V, "beta": V, "running_mean": V, "running_var": V, "training": True}
BACKWARD = {"grad_y": X, "x": X, "gamma": V, "saved_mean": V, "saved_inv_std": V}
MASKED = {"x": X, "rate": 0.5, "mask": X}
MASKED_BACK = {"grad_y": X, "rate": 0.5, "mask": X}
CALLS = {
    batch_norm: FORWARD,
    batch_norm_backward: BACKWARD,
    dropout: MASKED,
    dropout_backward: MASKED_BACK,
}
NUMBERS = ("0.1", None, True, np.nan, np.inf, -0.1, 1j, (0.1,), np.array([0.1]))


def shaped(*shape):
    return np.ones(shape, np.float32)


def array_faults(function, arguments, name):
    for value in ([1.0], None, "x"):
        yield {name: value}, (BackendError, DTypeError), name, "an? .*array.*, got"
    for dtype in (np.int64, np.float16, object, ">f4"):
        told = "float32.*, got .*Write"
        yield {name: arguments[name].astype(dtype)}, DTypeError, name, told
    if name not in ("x", "grad_y") or function is batch_norm_backward:
        wrong = {"x": "grad_y"}.get(name, name)
        changes, told = {name: arguments[name].astype(float)}, "float32.*, got float64.*Write"
        if name == "x":
            told = "float.*, got float.*Write"
            wrong = "gamma"
        yield changes, DTypeError, wrong, told


def shape_faults(function, name):
    if name in ("gamma", "beta", "running_mean", "running_var", "saved_mean", "saved_inv_std"):
        for shape in ((), (2,), (4,), (0,), (1, 3), (3, 1)):
            told = re.escape(f"of shape (3,), got shape {shape}. It has one value")
            yield {name: shaped(*shape)}, ShapeError, name, told
    elif name == "mask" or (function is batch_norm_backward and name == "grad_y"):
        for shape in ((), (2, 3), (2, 3, 5), (2, 3, 4, 1), (1, 3, 4)):
            told = re.escape(f"of shape (2, 3, 4), got shape {shape}. It has the shape of")
            yield {name: shaped(*shape)}, ShapeError, name, told


def batch_norm_faults(function):
    def both(shape):
        return {"x": shaped(*shape)} | (
            {"grad_y": shaped(*shape)} if "grad_y" in CALLS[function] else {}
        )

    for shape in ((), (3,), (2, 1, 1, 1, 1, 3), (2, 0, 4), (2, 3, 0)):
        yield both(shape), ShapeError, "x", re.escape("(N, C, *spatial) with")
    told = re.escape("at least two values per channel in training, got 1 in shape (1, 3, 1)")
    yield both((1, 3, 1)), ShapeError, "x", told
    for value in (0, 1, None, "True"):
        yield {"training": value}, ParameterError, "training", "False or True"
    if function is batch_norm:
        yield {"x": shaped(0, 3, 4)}, ShapeError, "x", "per channel in training, got 0"
        for value in (*NUMBERS, 1.5):
            yield {"momentum": value}, ParameterError, "momentum", "a number from 0 to 1, got"
        for value in NUMBERS:
            yield {"epsilon": value}, ParameterError, "epsilon", "finite number of at least 0, got"


def dropout_faults(function):
    for value in (*NUMBERS, 1, 1.0, 2):
        yield {"rate": value}, ParameterError, "rate", "a number from 0 to below 1, got"


def faults():
    found = []
    for function, arguments in CALLS.items():
        kinds = [batch_norm_faults(function) if "gamma" in arguments else dropout_faults(function)]
        for name, value in arguments.items():
            if isinstance(value, np.ndarray):
                kinds += [array_faults(function, arguments, name), shape_faults(function, name)]
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
