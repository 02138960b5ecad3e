"""The CPU kernels against the literal kernels, and against themselves on several threads."""

import numba
import numpy as np
import pytest
from layouts import LAYOUTS

from deconv_ref import threads
from deconv_ref.ops.convolution import correlation, cpu, literal, reduction
from deconv_ref.ops.convolution.handing import blocks_in, memory, words_of
from deconv_ref.ops.convolution.plan import Blocks
from deconv_ref.window import Window, conv_window

POSITIONS = (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33)  # around the lanes of a vector
CHANNELS = (1, 1, 2, 3, 5, 13, 14, 15, 29)  # around the rows of a tile


def case(seed, *, dense=False):
    """Draw a window, a batch size, groups, and channels in a group; every axis its own."""
    rng = np.random.default_rng(seed)

    def pick(*values):
        return int(rng.choice(values))

    axes = pick(1, 2, 2, 3)
    kernel = [pick(1, 2, 3, 4) for _ in range(axes)]
    stride = [pick(1, 1, 2, 3, 5) for _ in range(axes)]
    dilation = [pick(1, 1, 2, 3) for _ in range(axes)]
    padding = [(pick(0, 1, 2), pick(0, 1, 3)) for _ in range(axes)]
    size = []
    for axis in range(axes):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        positions = pick(*POSITIONS) if axis == axes - 1 else pick(1, 2, 3, 5)
        cells = (positions - 1) * stride[axis] + reach - sum(padding[axis]) + pick(0, 0, 1)
        size.append(cells if cells > 0 else reach)
    window = conv_window("conv", tuple(size), tuple(kernel), stride, padding, dilation).volume()
    if not dense and seed % 4 == 0:  # fewer positions than would fit
        fewer = tuple(max(1, o - pick(0, 1)) for o in window.output_size)
        window = Window(window.input_size, fewer, *fields(window)[2:])
    samples = pick(1, 1, 2, 3) if dense else pick(0, 1, 1, 2, 3)
    return window, samples, pick(1, 1, 2, 3), pick(*CHANNELS), pick(*CHANNELS)


def fields(window):
    return tuple(getattr(window, name) for name in Window.__slots__)


def operands(drawn, draw):
    """Give x, weight, grad_y, and a bias for each side."""
    window, samples, groups, channels, filters = drawn
    return (
        draw((samples, groups * channels, *window.input_size)),
        draw((groups * filters, channels, *window.kernel_size)),
        draw((samples, groups * filters, *window.output_size)),
        draw((groups * filters,)),
        draw((groups * channels,)),
    )


def integers(seed, dtype):
    """Small enough that every sum is exact, in whatever order."""
    rng = np.random.default_rng(seed)
    return lambda shape: rng.integers(-4, 5, shape).astype(dtype)


def reals(seed, dtype):
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape).astype(dtype)


def evaluate(kernels, drawn, arrays):
    window, _, groups, _, _ = drawn
    x, weight, grad_y, bias_y, bias_x = arrays
    weight_too, bias_too = kernels.parameter_gradients(grad_y, x, window, groups)
    return {
        "forward": kernels.forward(x, weight, bias_y, window, groups),
        "without bias": kernels.forward(x, weight, None, window, groups),
        "input_gradient": kernels.input_gradient(grad_y, weight, bias_x, window, groups),
        "weight_gradient": kernels.weight_gradient(grad_y, x, window, groups),
        "bias_gradient": kernels.bias_gradient(grad_y),
        "weight gradient, of both": weight_too,
        "bias gradient, of both": bias_too,
    }


def assert_same(got, expected):
    for name, value in expected.items():
        assert got[name].dtype == value.dtype
        np.testing.assert_array_equal(got[name], value, err_msg=name, strict=True)


def assert_same_bits(got, expected):
    for name, value in expected.items():
        assert got[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("start", range(0, 240, 40))
def test_equal_on_exact_cases(start, dtype):
    for seed in range(start, start + 40):
        drawn = case(seed)
        arrays = operands(drawn, integers(seed, dtype))
        assert_same(evaluate(cpu, drawn, arrays), evaluate(literal, drawn, arrays))


# Larger than one block along each axis in turn, than one pack of weights, than one chunk.
LARGE = {
    "wide": ((1, 3, 5000), (1, 2, 3), (1, 1, 2), ((0, 0), (1, 0), (2, 1)), 1, 1, 2, 3),
    "tall": ((1, 190, 40), (1, 3, 3), (1, 1, 1), ((0, 0), (1, 1), (1, 1)), 1, 1, 2, 15),
    "deep": ((40, 9, 21), (3, 2, 3), (2, 1, 1), ((1, 1), (0, 1), (1, 1)), 1, 1, 3, 2),
    "many samples": ((1, 5, 8), (1, 3, 3), (1, 1, 1), ((0, 0), (1, 1), (1, 1)), 70, 1, 4, 20),
    "many channels": ((1, 6, 8), (1, 3, 3), (1, 2, 2), ((0, 0), (1, 0), (1, 1)), 2, 1, 150, 70),
    "much weight": ((1, 4, 4), (1, 3, 3), (1, 1, 1), ((0, 0), (1, 1), (1, 1)), 1, 1, 400, 330),
    "many groups": ((1, 20, 40), (1, 3, 3), (1, 1, 1), ((0, 0), (1, 1), (1, 1)), 1, 50, 1, 1),
    "points": ((2, 33, 40), (1, 1, 1), (1, 1, 1), ((0, 0),) * 3, 2, 1, 5, 18),
    "whole": ((3, 4, 5), (3, 4, 5), (1, 2, 1), ((0, 0),) * 3, 20, 2, 3, 15),
    "enlarging": ((1, 40, 130), (1, 9, 6), (1, 3, 2), ((0, 0), (4, 4), (1, 2)), 2, 2, 1, 5),
    "far apart": ((1, 9, 50), (1, 2, 3), (1, 7, 9), ((0, 0), (3, 4), (8, 8)), 2, 1, 2, 3),
}


@pytest.mark.parametrize("name", LARGE)
def test_equal_on_large_exact_cases(name):
    size, kernel, stride, padding, samples, *channels = LARGE[name]
    window = conv_window("conv", size, kernel, stride, padding, 1)
    drawn = (window, samples, *channels)
    arrays = operands(drawn, integers(1, "float32"))
    assert_same(evaluate(cpu, drawn, arrays), evaluate(literal, drawn, arrays))


BITS = {
    "real": case(5, dense=True),
    "narrow": (
        conv_window("conv", (1, 11, 11), (1, 3, 3), 1, ((0, 0), (1, 1), (1, 1)), 1), 9, 1, 17, 30
    ),
    "strided": (
        conv_window("conv", (1, 40, 61), (1, 4, 3), (1, 2, 2), ((0, 0), (1, 2), (1, 1)), 1),
        3, 2, 6, 16,
    ),
    "points": (conv_window("conv", (1, 30, 31), (1, 1, 1), 1, 0, 1), 3, 1, 40, 33),
    "small": (conv_window("conv", (1, 8, 8), (1, 4, 4), (1, 2, 2), ((0, 0), (1, 1), (1, 1)), 1),
              9, 1, 33, 28),
}  # fmt: skip


def bits(name, dtype):
    return evaluate(cpu, BITS[name], operands(BITS[name], reals(7, dtype)))


@pytest.fixture
def tiles(monkeypatch):
    """Give a function that makes all tiles of one kind, whatever is thought to be quicker."""

    def make(by_channel):
        monkeypatch.setattr(correlation, "FLAT", 1e9 if by_channel else 1e-9)
        correlation.layout.cache_clear()

    yield make
    correlation.layout.cache_clear()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_kinds_of_tiles_give_the_same_bits(dtype, tiles):
    for seed in range(400, 440):
        drawn = case(seed, dense=True)
        arrays = operands(drawn, reals(seed, dtype))
        results = []
        for by_channel in (False, True):
            tiles(by_channel)
            results.append(evaluate(cpu, drawn, arrays))
            window, samples, groups, channels, filters = drawn
            plan = correlation.layout(window, samples, False, channels, filters, groups, 8, True)
            assert plan.by_channel == by_channel or not len(plan.taps)
        assert_same_bits(*results)


def test_zeros_of_padding_leave_no_trace(tiles):
    """One kind of tiles adds them and the other does not: signs of what underflows are the same."""
    for seed in range(400, 420):
        drawn = case(seed, dense=True)
        arrays = [1e-30 * array for array in operands(drawn, reals(seed, "float32"))]
        results = []
        for by_channel in (False, True):
            tiles(by_channel)
            results.append(evaluate(cpu, drawn, [*arrays[:3], None, None]))
        assert_same_bits(*results)
        assert not any(np.signbit(r[r == 0]).any() for r in list(results[0].values())[:3])


@pytest.mark.parametrize(("size", "kernel"), [((1, 1, 893), 1), ((2, 19, 47), 3)])
def test_what_is_read_where_it_lies_gives_the_same_bits(size, kernel, tiles):
    tiles(by_channel=True)
    window = conv_window("conv", size, (1, min(kernel, size[1]), kernel), 1, 0, 1)
    drawn = window, 3, 2, 20, 33
    arrays = operands(drawn, reals(1, "float32"))
    x, weight, grad_y, *biases = arrays
    apart = np.repeat(x, 2, axis=-1)[..., ::2]
    shape = 20, 33, 2, 4
    for plain in (True, False):
        assert correlation.layout(window, 3, False, *shape, plain).copied != plain
        assert reduction.dot_layout(window, 3, *shape, plain).copied == (kernel > 1 or not plain)
    copied = evaluate(cpu, drawn, [apart, weight, grad_y, *biases])
    assert_same_bits(evaluate(cpu, drawn, arrays), copied)


def test_phases_of_one_tile_give_the_same_bits(monkeypatch):
    """A transposed convolution of kernels that stride divides computes all phases together."""
    shared = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        stride = rng.integers(1, 4, 3)
        kernel = stride * rng.integers(1, 3, 3)
        reach = rng.integers(1, 9, 3) * stride + kernel
        padding = [(int(rng.integers(k)), int(rng.integers(k))) for k in kernel]
        window = conv_window("conv", tuple(reach), tuple(kernel), tuple(stride), padding, 1)
        drawn = window, 2, int(rng.integers(1, 3)), int(rng.integers(1, 3)), 5
        arrays = operands(drawn, reals(seed, "float32"))
        results = []
        for loaded in (0, 2):
            monkeypatch.setattr(correlation, "LOADED", loaded)
            correlation.layout.cache_clear()
            results.append(evaluate(cpu, drawn, arrays))
        plan = correlation.layout(window, 2, True, 5, drawn[3], drawn[2], 4, True)
        shared += plan.together > 1
        assert_same_bits(*results)
    correlation.layout.cache_clear()
    assert shared > 20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BITS)
def test_same_bits_for_any_number_of_threads(name, dtype, monkeypatch):
    results = []
    for count in (1, 2, 3, 8):
        monkeypatch.setattr(threads, "threads", lambda count=count: count)
        results.append(bits(name, dtype))
    for other in results[1:]:
        assert_same_bits(other, results[0])


@pytest.mark.parametrize(
    ("size", "taps", "padding", "dilation", "position"),
    [(300, 3, 1, 1, 0), (500, 2, 600, 1000, 300)],
    ids=["where one tap reads padding", "where all do"],
)
def test_infinities_give_the_same_bits_for_any_number_of_threads(
    size, taps, padding, dilation, position, monkeypatch
):
    """They meet padding or not as taps share a tile, which threads decide; all have to tell."""
    sides, steps = ((0, 0), (0, 0), (padding, padding)), (1, 1, dilation)
    window = conv_window("conv", (1, 1, size), (1, 1, taps), 1, sides, steps)
    x, _, grad_y, *_ = operands((window, 1, 1, 20, 16), reals(3, "float32"))
    grad_y[0, 0, 0, 0, position] = np.inf
    results = []
    for count in (1, 2, 8):
        monkeypatch.setattr(threads, "threads", lambda count=count: count)
        results.append({"weight": cpu.weight_gradient(grad_y, x, window, 1)})
    for other in results[1:]:
        assert_same_bits(other, results[0])


def test_threads_obey_numba():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert threads.threads() == 1
    finally:
        numba.set_num_threads(before)


def test_errors_stay_inside_the_bound():
    for seed in range(1, 60):
        drawn = case(seed, dense=True)
        arrays = operands(drawn, reals(seed, "float32"))
        exact = evaluate(literal, drawn, [a.astype("float64") for a in arrays])
        sizes = evaluate(literal, drawn, [abs(a.astype("float64")) for a in arrays])
        window, samples, _, channels, filters = drawn
        taps, positions = np.prod(window.kernel_size), np.prod(window.output_size)
        terms = {
            "forward": channels * taps + 1,
            "without bias": channels * taps,
            "input_gradient": filters * taps + 1,
            "weight_gradient": samples * positions,
            "bias_gradient": samples * positions,
            "weight gradient, of both": samples * positions,
            "bias gradient, of both": samples * positions,
        }
        for name, got in evaluate(cpu, drawn, arrays).items():
            unit = np.finfo("float32").eps / 2
            bound = terms[name] * unit / (1 - terms[name] * unit) * sizes[name]
            assert (abs(got - exact[name]) <= bound).all(), name


@pytest.mark.parametrize("operand", range(5))
def test_what_is_not_finite_stays_where_it_belongs(operand):
    for seed in range(300, 330):
        drawn = case(seed, dense=True)
        arrays = operands(drawn, integers(seed, "float32"))
        rng = np.random.default_rng(seed)
        flat = arrays[operand].reshape(-1)
        for value in (np.nan, np.inf, -np.inf)[: 1 + seed % 3]:
            flat[rng.integers(flat.size)] = value
        assert_same(evaluate(cpu, drawn, arrays), evaluate(literal, drawn, arrays))


def test_infinite_weight_over_padding_is_not_multiplied():
    window = conv_window("conv", (1, 1, 3), (1, 1, 3), 1, ((0, 0), (0, 0), (1, 1)), 1)
    x = np.array([2.0, 3.0, 5.0]).reshape(1, 1, 1, 1, 3)
    weight = np.array([np.inf, 7.0, 11.0]).reshape(1, 1, 1, 1, 3)
    y = cpu.forward(x, weight, None, window, 1)
    np.testing.assert_array_equal(y.ravel(), [14 + 33, np.inf, np.inf])


def disguised(array, seed):
    """Give the same array with strides of another kind."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(5)
    if kind == 0:  # reversed in memory
        return np.flip(np.ascontiguousarray(np.flip(array)))
    if kind == 1:  # every second, and every third
        wide = np.full([2 * s for s in array.shape[:-1]] + [3 * array.shape[-1]], 99, array.dtype)
        wide[(*(slice(None, None, 2),) * (array.ndim - 1), slice(None, None, 3))] = array
        return wide[(*(slice(None, None, 2),) * (array.ndim - 1), slice(None, None, 3))]
    if kind == 2:  # another order of axes
        order = rng.permutation(array.ndim)
        return array.transpose(order).copy().transpose(np.argsort(order))
    if kind == 3:  # one number for all, by zero strides
        return np.broadcast_to(array.reshape(-1)[:1].reshape([1] * array.ndim), array.shape)
    frozen = array.copy()
    frozen.flags.writeable = False
    return frozen


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_strides_and_read_only(dtype):
    pointwise = conv_window("conv", (1, 5, 7), (1, 1, 1), 1, 0, 1)
    whole = conv_window("conv", (2, 3, 4), (2, 3, 4), 1, 0, 1)
    simple = [(pointwise, 3, 1, 5, 4)] * 5 + [(whole, 9, 2, 3, 4)] * 5
    for seed, drawn in enumerate(simple + [case(seed, dense=True) for seed in range(400, 440)]):
        plain = operands(drawn, reals(seed, dtype))
        arrays = [disguised(a, 10 * seed + n) for n, a in enumerate(plain)]
        before = [a.copy() for a in arrays]
        results = evaluate(cpu, drawn, arrays)
        assert_same_bits(results, evaluate(cpu, drawn, before))
        for array, copy in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(array, copy)
        for result in results.values():
            assert result.flags.c_contiguous and result.flags.writeable and result.base is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_compiled_code_is_told_where_an_array_lies(layout, dtype):
    array = layout(integers(0, dtype)((2, 3, 4, 5, 6)))
    assert memory(array) == (array.ctypes.data, array.strides, (2, 4, 5, 6))
    assert memory(array[:0])[2] == (0, 4, 5, 6)


def test_blocks_are_read_as_they_were_written():
    numbers = iter(range(100))
    kinds = Blocks.__annotations__.values()
    fours = (tuple(next(numbers) for _ in range(1 if kind is int else 4)) for kind in kinds)
    blocks = Blocks(*(four if len(four) == 4 else four[0] for four in fours))
    assert blocks_in(words_of(blocks)) == blocks
