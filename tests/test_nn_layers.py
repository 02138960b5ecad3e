"""Layers: exact adjoints, exact gradients of the parameters, and descriptions that rebuild them.

What is linear is not differentiated by small differences: on integers its gradients are checked
with no tolerance, by ⟨f(x), g⟩ = ⟨x, fᵀ(g)⟩. Layers that choose among values, as pooling does, and
rectifiers are linear around each input, and f(x) is that linear map of x itself.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_cases import LINEAR, SMOOTH, again, fill, integers, name

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.nn.configuration import rebuild


def prepared(case, seed=0):
    """Give a new layer with integer parameters, an input, its result and an incoming gradient."""
    layer, shape = again(case[0]), case[1]
    random = np.random.default_rng(seed)
    x = integers(random, (3, *shape))
    layer.build(shape, "float64")
    fill(layer, random)
    y = layer.forward(x, training=True)
    return layer, x, y, integers(random, y.shape)


@pytest.mark.parametrize("case", LINEAR, ids=name)
def test_gradient_of_the_input_is_the_exact_adjoint(case):
    layer, x, y, grad_y = prepared(case)
    grad_x = layer.backward(grad_y)
    offset = layer.parameters.get("bias", np.zeros(()))
    if offset.ndim and not isinstance(layer, nn.Dense):
        offset = offset.reshape(-1, *[1] * (y.ndim - 2))
    assert grad_x.shape == x.shape
    assert np.vdot(y - offset, grad_y) == np.vdot(x, grad_x)
    assert np.vdot(x, grad_x)


LEARNING = (nn.Conv, nn.ConvTranspose, nn.Dense, nn.Prelu)


@pytest.mark.parametrize("case", [c for c in LINEAR if isinstance(c[0], LEARNING)], ids=name)
def test_gradients_of_the_parameters_are_exact_adjoints_too(case):
    layer, x, y, grad_y = prepared(case, seed=1)
    layer.backward(grad_y)
    assert layer.gradients.keys() == layer.parameters.keys() != set()
    pairs = [(array, layer.gradients[key]) for key, array in layer.parameters.items()]
    assert all(gradient.shape == array.shape for array, gradient in pairs)
    above = np.maximum(x, 0) if isinstance(layer, nn.Prelu) else np.zeros_like(y)
    assert np.vdot(y - above, grad_y) == sum(np.vdot(array, grad) for array, grad in pairs)
    if layer.parameters.keys() == {"weight", "bias"}:  # the bias is a sum, whatever the weight
        channel = -1 if isinstance(layer, nn.Dense) else 1
        axes = tuple(axis for axis in range(y.ndim) if axis != channel % y.ndim)
        np.testing.assert_array_equal(layer.gradients["bias"], grad_y.sum(axes))


@st.composite
def windows(draw):
    """Draw the size of an input and the options of a `Conv` that takes it."""
    axes = draw(st.integers(1, 2))
    each = {"kernel": (1, 4), "stride": (1, 4), "dilation": (1, 3), "more": (0, 3)}
    drawn = {n: [draw(st.integers(*r)) for _ in range(axes)] for n, r in each.items()}
    rule = draw(st.sampled_from(["pairs", "same", "same_lower"]))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    reach = [d * (k - 1) + 1 for k, d in zip(drawn["kernel"], drawn["dilation"], strict=True)]
    padding = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(axes)]
    if rule == "pairs":
        size = [e + more + 4 for e, more in zip(reach, drawn["more"], strict=True)]
    else:  # a size that the transposed layer comes back to
        padding = rule
        parts = zip(reach, drawn["stride"], drawn["more"], strict=True)
        size = [stride * (e // stride + more + 2) for e, stride, more in parts]
    options = {"stride": drawn["stride"], "dilation": drawn["dilation"], "padding": padding}
    return size, tuple(drawn["kernel"]), {**options, "padding_mode": mode}


@settings(max_examples=80)
@given(windows(), st.sampled_from([1, 2]), st.integers(0, 999))
def test_transposed_layer_is_the_adjoint_of_the_layer(window, groups, seed):
    (size, kernel, options), random = window, np.random.default_rng(seed)
    options = {**options, "groups": groups, "use_bias": False}
    x = integers(random, (2, 4, *size))
    down = nn.Conv(6, kernel, **options)
    y = down.forward(x)
    if isinstance(options["padding"], list):  # W4 leaves to output_padding what W3 rounds down
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, options["dilation"], strict=True)]
        parts = zip(size, options["padding"], reach, options["stride"], strict=True)
        options["output_padding"] = [(n + sum(pads) - e) % s for n, pads, e, s in parts]
    up = nn.ConvTranspose(4, kernel, **options)
    up.build(y.shape[1:], "float64")
    weight = integers(random, down.parameters["weight"].shape)
    down.parameters["weight"][...] = up.parameters["weight"][...] = weight
    other = integers(random, y.shape)
    result = up.forward(other)
    assert result.shape == x.shape
    assert np.vdot(down.forward(x), other) == np.vdot(x, result)
    np.testing.assert_array_equal(up.backward(x), down.forward(x))


def test_max_unpool_is_the_adjoint_of_what_its_pool_did():
    pool = nn.MaxPool(2, 1)
    unpool = nn.MaxUnpool(pool)
    random = np.random.default_rng(3)
    x = random.permutation(60.0 * np.arange(60)).reshape(2, 3, 2, 5)
    pool.forward(x)
    values = integers(random, pool.indices.shape)
    y = unpool.forward(values)
    grad_y = integers(random, y.shape)
    assert y.shape == x.shape
    assert np.vdot(y, grad_y) == np.vdot(values, unpool.backward(grad_y)) != 0


@pytest.mark.parametrize("case", SMOOTH, ids=name)
def test_smooth_layers_are_their_operators(case):
    layer, x, y, grad_y = prepared(case)
    grad_x = layer.backward(grad_y)
    options = layer._options()
    if isinstance(layer, nn.BatchNorm):
        zero, one = np.zeros(2), np.ones(2)
        gamma, beta = layer.parameters.values()
        normed = dr.batch_norm(x, gamma, beta, zero, one, training=True, **options)
        np.testing.assert_array_equal(y, normed.y)
        np.testing.assert_array_equal(layer.state["running_mean"], normed.running_mean)
        np.testing.assert_array_equal(layer.state["running_var"], normed.running_var)
        gradients = dr.batch_norm_backward(
            grad_y, x, gamma, normed.saved_mean, normed.saved_inv_std
        )
        np.testing.assert_array_equal(grad_x, gradients.x)
        np.testing.assert_array_equal(layer.gradients["gamma"], gradients.gamma)
        np.testing.assert_array_equal(layer.gradients["beta"], gradients.beta)
    else:
        np.testing.assert_array_equal(y, getattr(dr, layer.operator)(x, **options))
        backward = getattr(dr, f"{layer.operator}_backward")
        np.testing.assert_array_equal(grad_x, backward(grad_y, x, **options))


def test_slopes_are_one_per_channel_or_one_for_all():
    x = np.array([[[-4.0, 2.0], [-8.0, 1.0], [0.0, -12.0]]])
    for shared, shape in [(False, (3,)), (True, (1,))]:
        layer = nn.Prelu(shared=shared)
        np.testing.assert_array_equal(layer.forward(x), np.maximum(x, x / 4))
        assert layer.parameters["slope"].shape == shape
        layer.backward(np.array([[[1.0, 5.0], [2.0, 5.0], [5.0, 3.0]]]))
        expected = [-56.0] if shared else [-4.0, -16.0, -36.0]
        np.testing.assert_array_equal(layer.gradients["slope"], expected)


def test_batch_norm_in_evaluation_uses_and_keeps_the_running_statistics():
    layer = nn.BatchNorm(epsilon=0.0)
    x = np.array([[[1.0, 7.0]]])
    layer.build((1, 2), "float64")
    layer.state["running_mean"][...] = 3
    layer.state["running_var"][...] = 4
    np.testing.assert_array_equal(layer.forward(x), [[[-1.0, 2.0]]])
    np.testing.assert_array_equal(layer.backward(np.array([[[8.0, 2.0]]])), [[[4.0, 1.0]]])
    assert layer.state["running_mean"] == 3
    assert layer.state["running_var"] == 4


def test_dropout_drops_at_its_rate_and_only_in_training():
    layer = nn.Dropout(0.25)
    x = np.ones((100, 100))
    y = layer.forward(x, training=True)
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs((y == 0).mean() - 0.25) < 6 * np.sqrt(0.25 * 0.75 / x.size)
    np.testing.assert_array_equal(layer.backward(x), y)
    assert (layer.forward(x, training=True) != y).any()
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_every_layer_is_tested():
    layers = {
        cls.__name__
        for cls in vars(nn).values()
        if isinstance(cls, type) and issubclass(cls, nn.Layer)
    }
    tested = {type(layer).__name__ for layer, _ in LINEAR + SMOOTH} | {"MaxUnpool"}
    assert layers - {"Layer"} == tested


@pytest.mark.parametrize("case", LINEAR + SMOOTH, ids=name)
def test_description_rebuilds_the_layer(case):
    layer, shape = case
    config = layer.config()
    second = rebuild(nn.Layer, json.loads(json.dumps(config)))
    assert json.loads(json.dumps(config)) == json.loads(json.dumps(second.config()))
    x = np.random.default_rng(4).normal(size=(3, *shape))
    first = again(layer)
    np.testing.assert_array_equal(first.forward(x, training=True), second.forward(x, training=True))


def test_description_takes_numbers_and_arrays_of_numpy():
    layer = nn.Conv(np.int64(2), np.array([3, 2]), padding=((np.int32(1), 2), (0, 0)))
    config = json.loads(json.dumps(layer.config()))
    assert config["kernel_size"] == [3, 2]
    assert config["padding"] == [[1, 2], [0, 0]]
    shape = rebuild(nn.Layer, config).forward(np.zeros((1, 1, 5, 5))).shape
    assert shape == layer.forward(np.zeros((1, 1, 5, 5))).shape


def test_unknown_descriptions_are_refused():
    with pytest.raises(dr.ParameterError, match=r"class must be a Layer .* got os.system"):
        rebuild(nn.Layer, {"class": "os.system"})
    with pytest.raises(dr.ParameterError, match=r"class must be a Layer .* got Adam"):
        rebuild(nn.Layer, {"class": "Adam"})
    with pytest.raises(dr.ParameterError, match=r"config must be arguments of Relu, got .'slope'"):
        rebuild(nn.Layer, {"class": "Relu", "slope": 1})


def test_backward_needs_a_forward():
    layer = nn.Relu()
    x = np.ones((1, 2))
    with pytest.raises(dr.ParameterError, match="Relu: forward must be called first"):
        layer.backward(x)
    layer.forward(x)
    layer.backward(x)
    with pytest.raises(dr.ParameterError, match="Relu: forward must be called first"):
        layer.backward(x)


def test_what_is_kept_for_backward_can_be_forgotten():
    pool = nn.MaxPool(2)
    pool.forward(np.ones((1, 1, 4)))
    pool.forget()
    assert pool.indices.shape == (1, 1, 2)  # still there for a MaxUnpool
    with pytest.raises(dr.ParameterError, match="MaxPool: forward must be called first"):
        pool.backward(np.ones((1, 1, 2)))


WRONG = [
    (lambda: nn.Conv(0, 3), "Conv: filters must be an int of at least 1, got 0"),
    (lambda: nn.Conv(3, 3, groups=2), "Conv: filters must be a multiple of groups = 2, got 3"),
    (lambda: nn.Conv(2, 3, padding_mode="symmetric"), "padding_mode must be one of zeros, reflect"),
    (lambda: nn.Conv(2, 3, weight_initializer="he"), "weight_initializer must be .*HeNormal"),
    (lambda: nn.Dense(2, weight_penalty=0.1), r"weight_penalty must be .*L1, L2\), got 0.1"),
    (lambda: nn.Dense(2.0), "Dense: units must be an int of at least 1, got 2.0"),
    (lambda: nn.Dropout(1.0), "Dropout: rate must be .* of at least 0 and below 1, got 1.0"),
    (lambda: nn.Relu(learning_rate_factor=-1), "factor must be a finite number of at"),
    (lambda: nn.Reshape((-1, -1)), "Reshape: target_shape must be sizes"),
    (lambda: nn.Reshape((0, 2)), "Reshape: target_shape must be sizes"),
    (lambda: nn.Prelu(slope_initializer=None), "Prelu: slope_initializer must be"),
    (lambda: nn.MaxUnpool("pool").forward(np.ones((1, 1, 2))), "pool must be a MaxPool whose"),
    (lambda: nn.Conv(2, 3, groups=2).forward(np.ones((1, 3, 9))), "groups must be a divisor of"),
    (lambda: nn.Conv(2, 3).forward(np.ones((1, 3))), r"Conv: x must be \(N, C, \*spatial\)"),
    (lambda: nn.Conv(2, (3, 3)).forward(np.ones((1, 3, 9))), "Conv: kernel_size must be an int"),
    (lambda: nn.Conv(2, 3).forward([[[1.0]]]), "Conv: x must be a NumPy array"),
    (lambda: nn.Dense(2).forward(np.ones(3)), "Dense: x must be"),
    (lambda: nn.Dense(2).forward(np.ones((3, 2), int)), "Dense: x must be float32 or float64"),
    (lambda: nn.Reshape((4, -1)).forward(np.ones((1, 6))), "target_shape must be as many values"),
]


@pytest.mark.parametrize(("call", "match"), WRONG, ids=[match[:30] for _, match in WRONG])
def test_what_cannot_be_is_told(call, match):
    with pytest.raises(dr.DeconvRefError, match=match):
        call()


def test_penalty_is_that_of_the_weight_alone():
    layer = nn.Dense(2, weight_penalty=nn.L2(0.5))
    x = np.array([[1.0, 2.0, 3.0]])
    layer.forward(x)
    layer.backward(np.array([[1.0, -1.0]]))
    before = {key: array.copy() for key, array in layer.gradients.items()}
    weight = layer.parameters["weight"]
    layer.penalize()
    assert layer.penalty() == pytest.approx(0.5 * (weight**2).sum(), rel=1e-15)
    np.testing.assert_array_equal(layer.gradients["weight"], before["weight"] + weight)
    np.testing.assert_array_equal(layer.gradients["bias"], before["bias"])
    assert nn.Dense(2, weight_penalty="l1").weight_penalty == nn.L1(0.01)
