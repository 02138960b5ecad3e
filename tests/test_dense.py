"""The dense layer and its gradients, against other routes to the truth."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, assert_layout_does_not_matter

import deconv_ref as dr
from deconv_ref import backend
from deconv_ref.ops.dense import cpu, literal
from deconv_ref.ops.dense.linear import LinearGradients, linear, linear_backward

TIERS = ("literal", "cpu")
DTYPES = (np.float32, np.float64)


def truth(x, weight, bias, grad_y):
    """Scatter every product of an input and a weight into the result, and back."""
    rows, grads = x.reshape(-1, x.shape[-1]), grad_y.reshape(-1, grad_y.shape[-1])
    y = np.zeros_like(grads) + bias
    grad_x, grad_weight, grad_bias = np.zeros_like(rows), np.zeros_like(weight), np.zeros_like(bias)
    for m, c in np.ndindex(weight.shape):
        y[:, m] += rows[:, c] * weight[m, c]
        grad_x[:, c] += grads[:, m] * weight[m, c]
        for n in range(len(rows)):
            grad_weight[m, c] += grads[n, m] * rows[n, c]
    for n in range(len(rows)):
        grad_bias += grads[n]
    return y.reshape(grad_y.shape), grad_x.reshape(x.shape), grad_weight, grad_bias


def computed(x, weight, bias, grad_y, tier="cpu"):
    with backend.using(backend.tier(tier)):
        return linear(x, weight, bias), *linear_backward(grad_y, x, weight)


def assert_equal(got, expected, note=""):
    for g, e, name in zip(got, expected, ("y", "x", "weight", "bias"), strict=True):
        np.testing.assert_array_equal(g, e, err_msg=f"{name} {note}", strict=True)


@st.composite
def shapes(draw, most=9):
    """Draw leading axes, input features and output features."""
    leading = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    return leading, draw(st.integers(1, most)), draw(st.integers(1, most))


def drawn(shape, seed, values):
    """Draw x, weight, bias and grad_y."""
    (leading, inputs, outputs), rng = shape, np.random.default_rng(seed)
    sizes = (*leading, inputs), (outputs, inputs), (outputs,), (*leading, outputs)
    return [values(rng, size) for size in sizes]


def integers(rng, shape):
    return rng.integers(-9, 10, shape)


def reals(rng, shape):
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)


def fractions(rng, shape):
    tops, bottoms = rng.integers(-99, 100, shape), rng.integers(1, 50, shape)
    return np.vectorize(lambda a, b: Fraction(int(a), int(b)), otypes=[object])(tops, bottoms)


@settings(max_examples=500)
@given(shapes(), st.integers(0, 2**32))
def test_results_and_gradients_are_exact_on_integers(shape, seed):
    arrays = drawn(shape, seed, integers)
    expected = truth(*arrays)
    for dtype in DTYPES:
        for tier in TIERS:
            got = computed(*(a.astype(dtype) for a in arrays), tier=tier)
            assert_equal(got, [e.astype(dtype) for e in expected], note=tier)


@settings(max_examples=60)
@given(shapes(most=5), st.integers(0, 2**32))
def test_the_equations_are_exact_on_fractions(shape, seed):
    x, weight, bias, grad_y = drawn(shape, seed, fractions)
    rows, grads = x.reshape(-1, x.shape[-1]), grad_y.reshape(-1, grad_y.shape[-1])
    got = (
        literal.forward(rows, weight, bias).reshape(grad_y.shape),
        literal.input_gradient(grads, weight).reshape(x.shape),
        literal.weight_gradient(grads, rows),
        literal.bias_gradient(grads),
    )
    assert_equal(got, truth(x, weight, bias, grad_y))


@pytest.mark.parametrize(
    "shape",
    [((300,), 3, 9), ((7,), 600, 150), ((253,), 257, 129), ((6,), 256, 128), ((1,), 1000, 40)],
    ids=str,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_larger_than_a_block_are_exact(shape, dtype):
    x, weight, bias, grad_y = drawn(shape, 7, integers)
    expected = x @ weight.T + bias, grad_y @ weight, grad_y.T @ x, grad_y.sum(axis=0)
    arrays = [a.astype(dtype) for a in (x, weight, bias, grad_y)]
    assert_equal(computed(*arrays), [e.astype(dtype) for e in expected])


@settings(max_examples=60)
@given(shapes(), st.integers(0, 2**32))
def test_rounding_stays_inside_the_proven_bound(shape, seed):
    exact = np.vectorize(lambda value: Fraction(float(value)), otypes=[object])
    for dtype in DTYPES:
        arrays = [a.astype(dtype) for a in drawn(shape, seed, reals)]
        true = truth(*map(exact, arrays))
        magnitudes = truth(*(abs(exact(a)) for a in arrays))
        terms = 1 + max(*arrays[1].shape, int(np.prod(shape[0])))
        unit = Fraction(float(np.finfo(dtype).eps)) / 2
        gamma = terms * unit / (1 - terms * unit)
        for tier in TIERS:
            got = map(exact, computed(*arrays, tier=tier))
            for g, t, m in zip(got, true, magnitudes, strict=True):
                assert np.all(abs(g - t) <= gamma * m)


@settings(max_examples=100)
@given(shapes(), st.integers(0, 2**32))
def test_gradients_are_adjoint(shape, seed):
    x, weight, _, grad_y = (a.astype(np.float64) for a in drawn(shape, seed, integers))
    gradients = linear_backward(grad_y, x, weight)
    product = (linear(x, weight) * grad_y).sum()
    assert product == (x * gradients.x).sum() == (weight * gradients.weight).sum()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_whatever_the_rows_beside_it(dtype):
    x, weight, bias, _ = (a.astype(dtype) for a in drawn(((61,), 700, 43), 3, reals))
    whole = linear(x, weight, bias)
    for n in (0, 5, 6, 60):
        np.testing.assert_array_equal(linear(x[n], weight, bias), whole[n])
    np.testing.assert_array_equal(linear(x, weight[40:], bias[40:]), whole[:, 40:])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", range(4), ids=("x", "weight", "bias", "grad_y"))
def test_nan_and_infinity_go_exactly_where_the_equations_take_them(value, where):
    for seed in range(12):
        shape = ((7 + seed,), 5, 3 + 2 * seed)
        arrays = [a.astype(np.float64) for a in drawn(shape, seed, integers)]
        arrays[where].flat[np.random.default_rng(seed).integers(0, arrays[where].size)] = value
        with np.errstate(invalid="ignore"):
            expected = truth(*arrays)
            for tier in TIERS:
                assert_equal(computed(*arrays, tier=tier), expected, note=tier)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("shape", [((2, 5), 4, 3), ((3,), 7, 6)])
def test_arrays_may_lie_in_memory_in_any_way(layout, shape):
    arrays = [a.astype(np.float32) for a in drawn(shape, 1, integers)]
    assert_layout_does_not_matter(computed, layout, *arrays)


def test_an_empty_batch_gives_empty_results_and_zero_gradients():
    weight, bias = np.full((3, 2), 7, np.float32), np.full(3, 5, np.float32)
    for leading in ((0,), (2, 0), (0, 4)):
        x, grad_y = np.ones((*leading, 2), np.float32), np.ones((*leading, 3), np.float32)
        for tier in TIERS:
            got = computed(x, weight, bias, grad_y, tier=tier)
            assert_equal(got, (grad_y, x, 0 * weight, 0 * bias))


def test_worked_by_hand():
    weight, bias = np.array([[1.0, 10, 100], [2, 0, 0]]), np.array([0.5, 0.25])
    np.testing.assert_array_equal(linear(np.array([1.0, 2, 3]), weight), [321, 2])
    np.testing.assert_array_equal(linear(np.array([[1.0, 2, 3]]), weight, bias), [[321.5, 2.25]])
    gradients = linear_backward(np.array([[1.0, 10]]), np.array([[1.0, 2, 3]]), weight)
    assert isinstance(gradients, LinearGradients)
    np.testing.assert_array_equal(gradients.x, [[21, 10, 100]])
    np.testing.assert_array_equal(gradients.weight, [[1, 2, 3], [10, 20, 30]])
    np.testing.assert_array_equal(gradients.bias, [1, 10])


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


FAULTS = [
    ({"x": ones(4, 3)}, dr.ShapeError, r"x must be \(\.\.\., in\) .* = 2, got shape \(4, 3\)"),
    ({"x": ones()}, dr.ShapeError, r"x must be .*got shape \(\)"),
    ({"weight": ones(2)}, dr.ShapeError, r"weight must be \(out, in\) .*got shape \(2,\)"),
    ({"weight": ones(5, 2, 1)}, dr.ShapeError, r"weight must be \(out, in\)"),
    ({"weight": ones(0, 2)}, dr.ShapeError, r"weight must be .*got shape \(0, 2\)"),
    ({"weight": ones(5, 0), "x": ones(4, 0)}, dr.ShapeError, "weight must be"),
    ({"x": ones(4, 2, dtype=np.float64)}, dr.DTypeError, r"\w+ must be .*, got float\d\d"),
    ({"x": ones(4, 2, dtype=np.int64)}, dr.DTypeError, "x must be .*, got int64"),
    ({"x": [[1.0, 2.0]]}, dr.DTypeError, "x must be .*, got list"),
    ({"weight": None}, dr.DTypeError, "weight must be .*, got NoneType"),
]
LEGAL = {"x": ones(4, 2), "weight": ones(5, 2)}


@pytest.mark.parametrize(("changes", "error", "told"), FAULTS)
def test_faults_are_told(changes, error, told):
    with pytest.raises(error, match=rf"^linear: {told}"):
        linear(**LEGAL | changes)
    with pytest.raises(error, match=rf"^linear_backward: {told}"):
        linear_backward(ones(4, 5), **LEGAL | changes)


def test_faults_of_bias_and_grad_y_are_told():
    for shape in ((), (1,), (2,), (5, 1)):
        with pytest.raises(
            dr.ShapeError, match=r"^linear: bias must be of shape \(5,\), got shape"
        ):
            linear(**LEGAL, bias=ones(*shape))
    for shape in ((5,), (4, 2), (4, 6), (3, 5), (4, 5, 1)):
        with pytest.raises(
            dr.ShapeError, match=r"^linear_backward: grad_y must be of shape \(4, 5"
        ):
            linear_backward(ones(*shape), **LEGAL)
    with pytest.raises(dr.DTypeError, match=r"^linear: bias must be .*got int64"):
        linear(**LEGAL, bias=np.ones(5, int))


def test_blocks_are_whole_tiles():
    """The last rows of a block would be computed twice otherwise."""
    assert cpu.BLOCK_ROWS % cpu.ROWS == 0
