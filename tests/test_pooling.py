"""Pooling, unpooling and their gradients, against other routes to the truth."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS
from pooling_oracles import (
    placed,
    pool_cases,
    quotients,
    scattered,
    stayed,
    times,
    unpool_cases,
)

from deconv_ref import backend, threads
from deconv_ref.checks import volume
from deconv_ref.ops.pooling import cpu, lanes, literal
from deconv_ref.ops.pooling.arguments import flat
from deconv_ref.ops.pooling.average import avg_pool, avg_pool_backward
from deconv_ref.ops.pooling.max import max_pool, max_pool_backward
from deconv_ref.ops.pooling.unpooling import (
    avg_unpool,
    avg_unpool_backward,
    max_unpool,
    max_unpool_backward,
)
from deconv_ref.window import pool_window, unpool_window

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)
nan, inf = np.nan, np.inf
dtypes = st.sampled_from(DTYPES)


def on(tier, function, *arguments, **parameters):
    """Call a public function on the kernels of a tier."""
    with backend.using(backend.tier(tier)):
        return function(*arguments, **parameters)


def assert_same(got, expected):
    """Ask for the same values, shape and dtype; +0 is -0 and NaN is NaN."""
    __tracebackhide__ = True
    if np.asarray(got).dtype == object:  # where NaN is not known
        got, expected = (np.where(a == a, a, None) for a in (got, expected))
    np.testing.assert_array_equal(got, expected, strict=True)


def integers(rng, shape):
    return rng.integers(-9, 10, shape)


def fractions(rng, shape):
    return quotients(rng.integers(-99, 100, shape), rng.integers(1, 50, shape), None)


def reals(rng, shape):
    """Draw numbers of many magnitudes, so that every change of order shows."""
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)


def peculiar(rng, shape):
    """Draw few numbers, so that they tie, zeros of both signs, infinities and NaN."""
    common = rng.choice([-2.0, -1, -0.0, 0, 1, -inf], shape)
    rare = rng.choice([nan, inf, -inf, 3], shape)
    return np.where(rng.random(shape) < rng.choice([0, 0.1, 0.5]), rare, common)


def drawn_indices(rng, shape, size):
    """Draw places with many duplicates, and some that are nowhere."""
    cells = int(np.prod(size))
    return rng.integers(-1, max(1, min(cells, rng.integers(1, cells + 1))), shape)


# Maximum -----------------------------------------------------------------------------------------


@settings(max_examples=800)
@given(pool_cases(), dtypes)
def test_maxima_and_their_gradients(case, dtype):
    rng = np.random.default_rng(case.seed)
    x, slid = peculiar(rng, case.shape).astype(dtype), case.slid(dilated=True)
    y, indices = slid.maxima(x)
    grad_y = integers(rng, y.shape).astype(dtype)
    grad_x = scattered(grad_y, indices, case.shape[2:])
    for tier in TIERS:
        pooled = on(tier, max_pool, x, case.kernel_size, **case.parameters)
        assert_same(pooled.indices, indices)
        assert_same(pooled.y, y)
        assert_same(np.signbit(pooled.y), np.signbit(y))
        assert_same(on(tier, max_pool_backward, grad_y, indices, case.shape), grad_x)


@settings(max_examples=600)
@given(pool_cases(), dtypes)
def test_max_unpooling_and_its_gradient(case, dtype):
    """The shape of the case is that of the result; the values and their places are any."""
    rng = np.random.default_rng(case.seed)
    size = case.shape[2:]
    shape = (*case.shape[:2], *rng.integers(1, 5, len(size)))
    indices = drawn_indices(rng, shape, size)
    x, grad_y = peculiar(rng, shape).astype(dtype), peculiar(rng, case.shape).astype(dtype)
    y, grad_x = placed(x, indices, size), stayed(grad_y, indices)
    for tier in TIERS:
        assert_same(on(tier, max_unpool, x, indices, case.shape), y)
        assert_same(on(tier, max_unpool_backward, grad_y, indices), grad_x)


@settings(max_examples=100)
@given(pool_cases())
def test_the_equations_of_maxima_are_exact_on_fractions(case):
    rng = np.random.default_rng(case.seed)
    x, slid, size = fractions(rng, case.shape), case.slid(dilated=True), case.shape[2:]
    p = case.parameters
    args = p["stride"], p["padding"], p["dilation"], p["ceil_mode"]
    window = pool_window("", size, case.kernel_size, *args).volume()
    y, indices = slid.maxima(x)
    got, found = literal.max_pool(volume(x), window)
    assert_same(got.reshape(y.shape), y)
    assert_same(found.reshape(y.shape), indices)
    grad_y, cells = fractions(rng, y.shape), int(np.prod(size))
    assert_same(
        literal.max_pool_backward(flat(grad_y), flat(indices), cells).reshape(x.shape),
        scattered(grad_y, indices, size),
    )
    places = drawn_indices(rng, y.shape, size)
    assert_same(
        literal.max_unpool(flat(grad_y), flat(places), cells).reshape(x.shape),
        placed(grad_y, places, size),
    )
    assert_same(
        literal.max_unpool_backward(flat(x), flat(places)).reshape(y.shape), stayed(x, places)
    )


BY_HAND = [  # x, kernel_size, parameters, y, indices
    ([1, 3, 2, 3], 4, {}, [3], [1]),
    ([0, -0.0, 0], 3, {}, [0], [0]),
    ([1, nan, 5, nan], 4, {}, [nan], [1]),
    ([1, 5, nan], 2, {"stride": 1}, [5, nan], [1, 2]),
    ([nan, 5, 6], 2, {"stride": 1}, [nan, 6], [0, 2]),
    ([inf, nan], 2, {}, [nan], [1]),
    ([-inf, -inf], 2, {}, [-inf], [0]),
    ([-inf, -inf], 2, {"stride": 1, "padding": 1}, [-inf] * 3, [0, 0, 1]),
    ([nan], 2, {"stride": 1, "padding": 1}, [nan, nan], [0, 0]),
    ([-7, -8], 3, {"stride": 1, "padding": 1}, [-7, -7], [0, 0]),
    ([4, 5], 2, {"padding": [(3, 0)]}, [-inf, 4], [-1, 0]),
    ([4, 5], 1, {"padding": [(1, 2)]}, [-inf, 4, 5, -inf, -inf], [-1, 0, 1, -1, -1]),
    ([4, 5], 2, {"padding": [(1, 1)], "dilation": 3}, [-inf], [-1]),
    ([1, 9, 2, 8], 2, {"dilation": 2, "stride": 1}, [2, 9], [2, 1]),
    ([1, 2, 3, 4, 5], 2, {"ceil_mode": True}, [2, 4, 5], [1, 3, 4]),
    ([1, 2, 3, 4, 5], 2, {}, [2, 4], [1, 3]),
    ([1, 2, 3], 1, {"stride": 3, "ceil_mode": True}, [1], [0]),
    ([1, 2, 3], 2, {"stride": 3, "ceil_mode": True}, [2], [1]),
    ([1, 2, 3, 4], 2, {"stride": 3, "ceil_mode": True}, [2, 4], [1, 3]),
    ([1, 2, 3, 4, 5], 2, {"padding": "valid", "ceil_mode": True}, [2, 4, 5], [1, 3, 4]),
    ([1, 2, 3, 4, 5], 2, {"padding": "same"}, [2, 4, 5], [1, 3, 4]),
    ([1, 2, 3, 4, 5], 2, {"padding": "same_lower"}, [1, 3, 5], [0, 2, 4]),
    ([1, 2, 3], 2, {"padding": "full", "stride": 1}, [1, 2, 3, 3], [0, 1, 2, 2]),
    ([1], 9, {"stride": 9, "ceil_mode": True}, [1], [0]),
]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(("x", "kernel", "parameters", "y", "indices"), BY_HAND, ids=repr)
def test_max_pool_worked_by_hand(x, kernel, parameters, y, indices, tier):
    for dtype in DTYPES:
        pooled = on(tier, max_pool, np.array([[x]], dtype), kernel, **parameters)
        assert_same(pooled.y, np.array([[y]], dtype))
        assert_same(pooled.indices, np.array([[indices]]))


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("special", [nan, inf, -inf], ids=str)
def test_one_special_value_at_every_place_of_a_window(special, tier):
    """The index names it wherever it stands, or names the first other where it loses."""
    for place in np.ndindex(2, 3, 2):
        x = np.zeros((1, 1, 2, 3, 2), np.float32)
        x[0, 0][place] = special
        y, indices = on(tier, max_pool, x, (2, 3, 2))
        own = np.ravel_multi_index(place, (2, 3, 2))
        wins = special != -inf
        assert indices.item() == (own if wins else int(own == 0))
        assert_same(y, np.full((1, 1, 1, 1, 1), special if wins else 0, np.float32))


@pytest.mark.parametrize("tier", TIERS)
def test_of_two_nans_the_first_in_row_major_order_is_named(tier):
    cells = 12
    for first in range(cells):
        for second in range(first + 1, cells):
            x = np.full((1, 1, 2, 3, 2), inf)
            x.flat[[first, second]] = nan
            assert on(tier, max_pool, x, (2, 3, 2)).indices.item() == first


def test_padding_alone_gives_its_gradient_to_nobody():
    y, indices = max_pool(np.array([[[4.0, 5.0]]]), 2, padding=[(2, 2)])
    assert_same(y, np.array([[[-inf, 5, -inf]]]))
    grad_y = np.array([[[nan, 10, inf]]])
    assert_same(max_pool_backward(grad_y, indices, (1, 1, 2)), np.array([[[0.0, 10]]]))
    back = max_unpool(y, indices, (1, 1, 2))
    assert_same(back, np.array([[[0.0, 5]]]))
    assert_same(max_unpool_backward(np.array([[[7.0, 9]]]), indices), np.array([[[0.0, 9, 0]]]))


def test_a_nan_takes_the_whole_gradient_of_every_window_that_it_is_in():
    x = np.array([[[1.0, nan, 2, 3]]])
    indices = max_pool(x, 2, stride=1).indices
    assert_same(
        max_pool_backward(np.array([[[1.0, 10, 100]]]), indices, x.shape), [[[0, 11, 0, 100.0]]]
    )


# Average -----------------------------------------------------------------------------------------


def rounded(tops, bottoms, empty, dtype):
    """Divide small integers and round once: a float64 is wide enough not to round in between."""
    with np.errstate(invalid="ignore"):
        return np.where(bottoms, tops / np.asarray(bottoms, float), empty).astype(dtype)


@settings(max_examples=800)
@given(pool_cases(), dtypes)
def test_averages_and_their_gradients(case, dtype):
    rng = np.random.default_rng(case.seed)
    x, slid = integers(rng, case.shape), case.slid(dilated=False)
    matrix, counts = slid.matrix(), slid.counts(case.count_include_pad)
    y = slid.outputs(rounded(times(x, matrix.T), counts, nan, dtype))
    shares = integers(rng, (*x.shape[:2], len(counts)))
    grad_y = slid.outputs(shares * counts).astype(dtype)  # divides without a rest
    grad_x = slid.inputs(times(shares, matrix)).astype(dtype)
    for tier in TIERS:
        got = on(tier, avg_pool, x.astype(dtype), case.kernel_size, **case.averaging)
        assert_same(got, y)
        got = on(tier, avg_pool_backward, grad_y, x.shape, case.kernel_size, **case.averaging)
        assert_same(got, grad_x)


@settings(max_examples=700)
@given(unpool_cases(), dtypes)
def test_average_unpooling_and_its_gradient(case, dtype):
    rng = np.random.default_rng(case.seed)
    x, slid = integers(rng, case.shape), case.slid()
    matrix = slid.matrix()
    covers = matrix.sum(axis=0)
    y = slid.inputs(rounded(times(x, matrix), covers, 0, dtype))
    shares = integers(rng, (*x.shape[:2], len(covers)))
    grad_y = slid.inputs(shares * covers).astype(dtype)
    grad_x = slid.outputs(times(shares, matrix.T)).astype(dtype)
    p = dict(case.parameters)
    for tier in TIERS:
        got = on(tier, avg_unpool, x.astype(dtype), case.kernel_size, **p)
        assert_same(got, y)
        fixed = {name: p[name] for name in ("stride", "padding")}
        got = on(tier, avg_unpool_backward, grad_y, x.shape, case.kernel_size, **fixed)
        assert_same(got, grad_x)


@settings(max_examples=100)
@given(pool_cases(), unpool_cases())
def test_the_equations_of_averages_are_exact_on_fractions(case, back):
    rng = np.random.default_rng(case.seed)
    x, slid, p = fractions(rng, case.shape), case.slid(dilated=False), case.parameters
    matrix, counts = slid.matrix(), slid.counts(case.count_include_pad)
    window = pool_window(
        "", slid.size, case.kernel_size, p["stride"], p["padding"], 1, p["ceil_mode"]
    ).volume()
    y = slid.outputs(quotients(times(x, matrix.T), counts, nan))
    assert_same(literal.avg_pool(volume(x), window, case.count_include_pad).reshape(y.shape), y)
    grad_y = fractions(rng, y.shape)
    got = literal.avg_pool_backward(volume(grad_y), window, case.count_include_pad)
    shares = quotients(grad_y.reshape(*y.shape[:2], -1), counts, 0)
    assert_same(got.reshape(x.shape), slid.inputs(times(shares, matrix)))

    x, slid = fractions(rng, back.shape), back.slid()
    matrix, p = slid.matrix(), back.parameters
    window = unpool_window(
        "", slid.output_size, back.kernel_size, p["stride"], p["padding"], slid.size
    ).volume()
    y = slid.inputs(quotients(times(x, matrix), matrix.sum(axis=0), 0))
    assert_same(literal.avg_unpool(volume(x), window).reshape(y.shape), y)
    grad_y = fractions(rng, y.shape)
    shares = quotients(grad_y.reshape(*y.shape[:2], -1), matrix.sum(axis=0), 0)
    got = literal.avg_unpool_backward(volume(grad_y), window).reshape(x.shape)
    assert_same(got, slid.outputs(times(shares, matrix.T)))


AVERAGED = [  # of 6, 12, 24
    ({}, [9]),
    ({"ceil_mode": True}, [9, 24]),
    ({"ceil_mode": True, "padding": [(0, 1)]}, [9, 12]),
    ({"ceil_mode": True, "padding": [(0, 1)], "count_include_pad": False}, [9, 24]),
    ({"padding": 1}, [3, 18]),
    ({"padding": 1, "count_include_pad": False}, [6, 18]),
    ({"padding": [(3, 0)]}, [0, 3, 18]),
    ({"padding": [(3, 0)], "count_include_pad": False}, [nan, 6, 18]),
    ({"stride": 3, "ceil_mode": True}, [9]),
    ({"padding": [(0, 2)], "stride": 3, "ceil_mode": True}, [9]),
    ({"padding": "same"}, [9, 12]),
    ({"padding": "same_lower"}, [3, 18]),
    ({"padding": "same", "count_include_pad": False}, [9, 24]),
]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(("parameters", "expected"), AVERAGED, ids=repr)
def test_avg_pool_worked_by_hand(parameters, expected, tier):
    y = on(tier, avg_pool, np.array([[[6.0, 12, 24]]]), 2, **parameters)
    assert_same(y, np.array([[expected]], float))


def test_the_divisor_multiplies_over_axes():
    """A corner window: 2 of 3 rows and 1 of 2 columns inside, one row of them beyond padding."""
    x = np.array([[[[60.0], [120]]]])
    assert_same(avg_pool(x, (3, 2), padding=[(0, 0), (1, 0)], ceil_mode=True), [[[[45.0]]]])


UNPOOLED = [  # 6, 12 by windows of 3
    ({}, [6, 6, 6, 12, 12, 12]),
    ({"stride": 1}, [6, 9, 9, 12]),
    ({"stride": 2}, [6, 6, 9, 12, 12]),
    ({"stride": 4}, [6, 6, 6, 0, 12, 12, 12]),
    ({"stride": 2, "padding": 1}, [6, 9, 12]),
    ({"stride": 2, "padding": [(0, 3)]}, [6, 6]),
    ({"stride": 2, "output_size": (1, 1, 7)}, [6, 6, 9, 12, 12, 0, 0]),
    ({"stride": 2, "output_size": (1, 1, 2), "padding": [(2, 9)]}, [9, 12]),
]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(("parameters", "expected"), UNPOOLED, ids=repr)
def test_avg_unpool_worked_by_hand(parameters, expected, tier):
    y = on(tier, avg_unpool, np.array([[[6.0, 12]]]), 3, **parameters)
    assert_same(y, np.array([[expected]], float))


@pytest.mark.parametrize("value", [nan, inf, -inf], ids=str)
@settings(max_examples=60)
@given(case=pool_cases(), back=unpool_cases())
def test_a_special_value_reaches_what_meets_it_and_nothing_else(value, case, back):
    rng = np.random.default_rng(case.seed)

    def check(function, array, reached, *arguments, **parameters):
        """Ask that exactly the results of the row of the matrix change to the value."""
        spot = rng.integers(array[0, 0].size)
        changed = array.copy()
        changed[0, 0].flat[spot] = value
        for tier in TIERS:
            plain = on(tier, function, array, *arguments, **parameters)
            plain[0, 0].flat[reached[spot] > 0] = value
            assert_same(on(tier, function, changed, *arguments, **parameters), plain)

    slid = case.slid(dilated=False)
    matrix, x = slid.matrix(), integers(rng, case.shape).astype(float)
    check(avg_pool, x, matrix.T, case.kernel_size, **case.averaging)
    grad_y = integers(rng, (*x.shape[:2], *slid.output_size)).astype(float)
    check(avg_pool_backward, grad_y, matrix, x.shape, case.kernel_size, **case.averaging)
    slid = back.slid()
    matrix, x = slid.matrix(), integers(rng, back.shape).astype(float)
    check(avg_unpool, x, matrix, back.kernel_size, **back.parameters)
    grad_y = integers(rng, (*x.shape[:2], *slid.size)).astype(float)
    fixed = {name: back.parameters[name] for name in ("stride", "padding")}
    check(avg_unpool_backward, grad_y, matrix.T, x.shape, back.kernel_size, **fixed)


# Bits, threads, memory ---------------------------------------------------------------------------


def everything(case, back, values=reals, dtype=np.float32, layout=None):
    """Call all eight functions; give their results, then the arrays that they were given."""
    rng = np.random.default_rng(case.seed)
    given_arrays = []

    def array(shape, draw=values):
        drawn = draw(rng, shape)
        given_arrays.append(drawn.astype(dtype) if drawn.dtype != np.int64 else drawn)
        if layout is not None:
            given_arrays[-1] = layout(given_arrays[-1])
        return given_arrays[-1]

    k, size = case.kernel_size, case.shape[2:]
    x = array(case.shape)
    pooled = max_pool(x, k, **case.parameters)
    indices = array(pooled.y.shape, lambda rng, shape: drawn_indices(rng, shape, size))
    averages = avg_pool(x, k, **case.averaging)
    value = array(back.shape)
    fixed = {name: back.parameters[name] for name in ("stride", "padding")}
    unpooled = avg_unpool(value, back.kernel_size, **back.parameters)
    results = [
        *pooled,
        max_pool_backward(array(pooled.y.shape), indices, case.shape),
        max_unpool(array(pooled.y.shape), indices, case.shape),
        max_unpool_backward(array(case.shape), indices),
        averages,
        avg_pool_backward(array(averages.shape), case.shape, k, **case.averaging),
        unpooled,
        avg_unpool_backward(array(unpooled.shape), back.shape, back.kernel_size, **fixed),
    ]
    return results, given_arrays


@settings(max_examples=250)
@given(pool_cases(), unpool_cases(), dtypes)
def test_fast_kernels_have_the_bits_of_the_literal_ones_on_any_number_of_threads(case, back, dtype):
    expected, _ = on("literal", everything, case, back, dtype=dtype)
    alone, _ = everything(case, back, dtype=dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "ALONE", 2)
        patch.setattr(threads, "threads", lambda: 3)
        spread, _ = everything(case, back, dtype=dtype)
    for got in (alone, spread):
        for g, e in zip(got, expected, strict=True):
            assert (g.tobytes(), g.shape, g.dtype) == (e.tobytes(), e.shape, e.dtype)


def test_large_arrays_are_spread_over_threads_to_the_same_bits():
    x = reals(np.random.default_rng(0), (2, 3, 223, 211)).astype(np.float32)
    p = {"stride": (1, 2), "padding": [(1, 0), (2, 1)]}
    for function in (max_pool, avg_pool):
        got, expected = (on(tier, function, x, (3, 5), **p) for tier in ("cpu", "literal"))
        np.testing.assert_array_equal(got, expected)
    y, indices = max_pool(x, (3, 5), **p)
    assert y.size > threads.ALONE
    got = avg_pool_backward(y, x.shape, (3, 5), **p)
    assert_same(got, on("literal", avg_pool_backward, y, x.shape, (3, 5), **p))
    whole = np.rint(y)
    assert_same(max_pool_backward(whole, indices, x.shape), scattered(whole, indices, x.shape[2:]))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@settings(max_examples=15)
@given(case=pool_cases(), back=unpool_cases())
def test_arrays_may_lie_in_memory_in_any_way(layout, case, back):
    got, given_arrays = everything(case, back, layout=layout)
    before = [np.array(array, order="C", subok=False) for array in given_arrays]
    copies = everything(
        case, back, layout=lambda array: np.array(layout(array), order="C", subok=False)
    )
    for array, copy, plain in zip(given_arrays, before, copies[1], strict=True):
        assert_same(np.asarray(array), plain)
        assert_same(copy, plain)
    for result, expected in zip(got, copies[0], strict=True):
        assert_same(result, expected)
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert not any(np.shares_memory(result, array) for array in given_arrays)


def test_no_layout_compiles_a_kernel_anew():
    case, back = find(pool_cases(), lambda _: True), find(unpool_cases(), lambda _: True)
    for layout in (np.copy, *LAYOUTS.values()):
        everything(case, back, layout=layout)
    assert len(lanes.max_rows.signatures) <= len(DTYPES)
    assert len(cpu.take_last.signatures) <= len(DTYPES)


@settings(max_examples=40)
@given(pool_cases(), unpool_cases(), dtypes)
def test_an_empty_batch_gives_empty_results(case, back, dtype):
    whole, _ = everything(case, back, dtype=dtype)
    case = replace(case, shape=(0, *case.shape[1:]))
    sized = back.parameters["output_size"] and (0, *back.parameters["output_size"][1:])
    back = replace(
        back, shape=(0, *back.shape[1:]), parameters=back.parameters | {"output_size": sized}
    )
    for tier in TIERS:
        empty, _ = on(tier, everything, case, back, dtype=dtype)
        for e, w in zip(empty, whole, strict=True):
            assert (e.shape, e.dtype) == ((0, *w.shape[1:]), w.dtype)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("far", [10**6, 2**31 - 1])
def test_taps_and_positions_far_outside_cost_nothing(tier, far):
    done = []
    checks = threading.Thread(target=lambda: done.append(_check_far(tier, far)), daemon=True)
    checks.start()
    checks.join(60)  # with compiling it takes seconds; to go through all of them, minutes
    assert done


def _check_far(tier, far):
    x = np.array([[[1.0, 4, 2]]])
    assert_same(on(tier, max_pool, x, far, ceil_mode=True, stride=far).y, [[[4.0]]])
    assert_same(on(tier, max_pool, x, 3, dilation=far, padding="same", stride=1).y, x)
    assert_same(on(tier, avg_pool, x, 1, stride=far), x[..., :1])
    pad = {"padding": far // 2, "stride": 1}
    assert_same(on(tier, max_pool, x, far, **pad).y, np.full((1, 1, 3 - far % 2 + 1), 4.0))
    y = on(tier, avg_pool, x, far, count_include_pad=False, **pad)
    assert_same(y, np.full(y.shape, 7 / 3))
    back = on(tier, avg_unpool, x, far, stride=1, output_size=(1, 1, 2))
    assert_same(back, [[[1.0, 2.5]]])


# Invariants --------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(pool_cases(), unpool_cases())
def test_each_gradient_is_the_adjoint_of_its_map(case, back):
    rng = np.random.default_rng(case.seed)

    def draw(*shape):
        return integers(rng, shape).astype(float)

    x, k, size = draw(*case.shape), case.kernel_size, case.shape[2:]
    pooled = max_pool(x, k, **case.parameters)
    g = draw(*pooled.y.shape)
    met = pooled.indices >= 0
    back_x = max_pool_backward(g, pooled.indices, x.shape)
    assert (back_x * x).sum() == (g[met] * pooled.y[met]).sum()  # linear where places are fixed

    places, u = drawn_indices(rng, pooled.y.shape, size), draw(*x.shape)
    unpooled = max_unpool(g, places, x.shape)
    assert (unpooled * u).sum() == (g * max_unpool_backward(u, places)).sum()

    slid = case.slid(dilated=False)
    counts = slid.counts(case.count_include_pad)
    g = slid.outputs(integers(rng, (*x.shape[:2], len(counts))) * counts).astype(float)
    scale = float(np.lcm.reduce(np.maximum(counts, 1)))
    y = np.nan_to_num(avg_pool(x * scale, k, **case.averaging))
    adjoint = avg_pool_backward(g, x.shape, k, **case.averaging)
    assert (y * g).sum() == (x * scale * adjoint).sum()

    slid = back.slid()
    covers = slid.matrix().sum(axis=0)
    scale = float(np.lcm.reduce(np.maximum(covers, 1)))
    x, g = draw(*back.shape) * scale, draw(*back.shape[:2], *slid.size) * scale
    fixed = {name: back.parameters[name] for name in ("stride", "padding")}
    adjoint = avg_unpool_backward(g, x.shape, back.kernel_size, **fixed)
    assert (avg_unpool(x, back.kernel_size, **back.parameters) * g).sum() == (x * adjoint).sum()


@settings(max_examples=100)
@given(pool_cases())
def test_batch_items_and_channels_do_not_meet(case):
    x = peculiar(np.random.default_rng(case.seed), (3, 4, *case.shape[2:]))
    whole = (
        *max_pool(x, case.kernel_size, **case.parameters),
        avg_pool(x, case.kernel_size, **case.averaging),
    )
    for n, c in np.ndindex(3, 4):
        part = x[n : n + 1, c : c + 1]
        alone = (
            *max_pool(part, case.kernel_size, **case.parameters),
            avg_pool(part, case.kernel_size, **case.averaging),
        )
        for w, a in zip(whole, alone, strict=True):
            assert_same(w[n : n + 1, c : c + 1], a)


@settings(max_examples=100)
@given(pool_cases())
def test_unpooling_is_a_right_inverse_at_the_recorded_places(case):
    stride = tuple(
        d * (k - 1) + 1 for d, k in zip(case.parameters["dilation"], case.kernel_size, strict=True)
    )
    apart = case.parameters | {"stride": stride}
    if not isinstance(case.parameters["padding"], str):
        x = abs(reals(np.random.default_rng(case.seed), case.shape))
        y, indices = max_pool(x, case.kernel_size, **apart)
        back = max_unpool(y, indices, x.shape)
        again = max_unpool_backward(back, indices)
        assert_same(again, np.where(indices < 0, 0, y))
        assert_same(max_pool(back, case.kernel_size, **apart).y, y)


# The documents -----------------------------------------------------------------------------------


def test_c_max_unpooling_is_no_inverse_of_max_pooling():
    x = np.array([[[1.0, 9, 4, 7]]])
    y, indices = max_pool(x, 2)
    back = max_unpool(y, indices, x.shape)
    assert not np.array_equal(back, x)
    assert_same(max_pool(back, 2).y, y)
    below, where = max_pool(-x, 2)
    assert_same(below, np.array([[[-1.0, -4]]]))
    assert_same(max_pool(max_unpool(below, where, x.shape), 2).y, np.zeros((1, 1, 2)))


def test_d2_and_d3_hold_at_every_position_of_a_stride():
    """As printed they are the extremum and the mean of one m x n window, the first."""
    m, n = 2, 3
    x = np.random.default_rng(0).permutation(48).reshape(6, 8) / 1.0
    maxima, means = max_pool(x[None, None], (m, n)).y, avg_pool(x[None, None], (m, n))
    for u, v in np.ndindex(3, 2):
        part = [x[u * m + a, v * n + b] for a in range(m) for b in range(n)]
        assert maxima[0, 0, u, v] == max(part)
        assert means[0, 0, u, v] == sum(part) / (m * n)
    printed = max(max(x[a, b] for b in range(n)) for a in range(m))
    assert maxima[0, 0, 0, 0] == printed
    assert len(np.unique(maxima)) > 1
