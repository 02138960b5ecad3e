"""Rectifiers fused into the convolutions before them: the same bits, and no pass of their own."""

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import backend, nn
from deconv_ref.nn import updates

CASES = {  # operator, shapes of input and weight, parameters
    "positions in the lanes": (dr.conv, (2, 3, 17, 37), (5, 3, 3, 2), {"padding": (1, 0)}),
    "channels in the lanes": (dr.conv, (3, 20, 6, 7), (37, 20, 3, 3), {"padding": "same"}),
    "groups": (dr.conv, (2, 8, 40), (64, 4, 3), {"groups": 2, "stride": 2}),
    "phases": (dr.conv_transpose, (2, 8, 9, 11), (8, 3, 4, 5), {"stride": 2, "padding": 1}),
    "phases of one channel": (dr.conv_transpose, (2, 6, 40), (6, 1, 4), {"stride": 2}),
    "wide phases": (dr.conv_transpose, (1, 9, 5, 6, 4), (9, 33, 2, 3, 2), {"stride": (1, 2, 1)}),
}


def operands(name, dtype):
    operator, x_shape, weight_shape, parameters = CASES[name]
    filters = weight_shape[0 if operator is dr.conv else 1]
    rng = np.random.default_rng(3)
    shapes = x_shape, weight_shape, (filters,)
    x, weight, bias = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return operator, (x, weight, bias), parameters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_bits_are_those_of_relu_after_the_operator(name, dtype):
    operator, (x, weight, bias), parameters = operands(name, dtype)
    x[0, 0, 2] *= 0  # products of zero, of both signs
    for value in (1, np.nan, np.inf):
        x[(-1,) * (x.ndim - 1) + (3,)] = value
        whole = operator(x, weight, bias, **parameters)
        assert np.isnan(whole).any() == np.isnan(value)
        assert (whole < 0).any()
        assert (whole > 0).any()
        got = operator(x, weight, bias, relu=True, **parameters)
        np.testing.assert_array_equal(got, dr.relu(whole), strict=True)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(dr.relu(whole)))


def test_weights_that_are_not_finite_and_the_literal_tier():
    _, (x, weight, bias), _ = operands("positions in the lanes", "float64")
    weight[0, 0, 0, 0] = np.inf
    expected = dr.relu(dr.conv(x, weight, bias, padding=2))
    np.testing.assert_array_equal(dr.conv(x, weight, bias, padding=2, relu=True), expected)
    with backend.using(backend.tier("literal")):
        expected = dr.relu(dr.conv_transpose(x[:, :2], weight[:2, :1]))
        got = dr.conv_transpose(x[:, :2], weight[:2, :1], relu=True)
        np.testing.assert_array_equal(got, expected)
        assert (got == 0).any()


@pytest.mark.parametrize("operator", [dr.conv, dr.conv_transpose])
def test_relu_is_a_bool(operator):
    with pytest.raises(dr.ParameterError, match="relu must be False or True, got 1"):
        operator(np.ones((1, 1, 3)), np.ones((1, 1, 1)), relu=1)


class Apart(nn.Relu):
    """A rectifier that a network does not know to be one."""


def layers(relu):
    return [
        *(
            nn.Conv(20, 3, padding="same", padding_mode="replicate", bias_initializer="ones"),
            relu(),
        ),
        *(nn.MaxPool(2), relu(), nn.ConvTranspose(5, 4, 2, "same"), relu(), relu()),
        *(nn.ConvTranspose(3, 3, padding=1, padding_mode="reflect"), relu()),
        *(nn.Conv(2, 1), relu()),
    ]


def test_networks_have_the_same_bits_with_it_and_without():
    x, y = np.random.default_rng(4).standard_normal((2, 3, 2, 12, 14)).astype(np.float32)
    networks = [nn.Sequential(layers(relu), seed=2) for relu in (nn.Relu, Apart)]
    for network in networks:
        network.compile("adam", "mse")
    target = np.abs(y)
    for _ in range(3):
        first, second = (network.train_step(x, target) for network in networks)
        assert first == second
        for name, gradient in networks[0].gradients.items():
            other = networks[1].gradients[name.replace("relu", "apart")]
            np.testing.assert_array_equal(gradient, other)
    results = [network.predict(x) for network in networks]
    np.testing.assert_array_equal(*results)
    one = networks[0]
    assert all(layer._saved is None for layer in one.layers)
    alone = x
    for layer in one.layers:  # each by itself gives its own result
        alone = layer.forward(alone)
        assert (alone < 0).any() == isinstance(layer, nn.Conv | nn.ConvTranspose)
    np.testing.assert_array_equal(alone, results[0])


def test_a_layer_whose_forward_was_replaced_is_asked_as_before():
    network = nn.Sequential([nn.Conv(3, 1), nn.Relu()], seed=1)
    x, conv = np.linspace(-1, 1, 8).reshape(1, 2, 4).astype(np.float32), network.layers[0]
    expected, told, forward = network.forward(x), [], conv.forward

    def telling(x, training=False):
        told.append(forward(x, training))
        return told[-1]

    conv.forward = telling
    np.testing.assert_array_equal(network.forward(x), expected)
    assert (told[0] < 0).any()


def test_no_pass_of_its_own_where_a_convolution_comes_before(monkeypatch):
    network = nn.Sequential(layers(nn.Relu), seed=2)
    network.build((2, 12, 14))
    passes, relu = [], dr.relu

    def spy(x):
        passes.append(x.shape)
        return relu(x)

    monkeypatch.setattr(dr, "relu", spy)
    network.forward(np.ones((1, 2, 12, 14), np.float32), training=True)
    # After pooling, after a rectifier, and where borders are folded back.
    assert passes == [(1, 20, 6, 7), (1, 5, 12, 14), (1, 3, 12, 14)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_rectified_where_they_lie(dtype):
    values = np.array([-np.inf, -1, -0.0, 0, 1e-40, 2, np.inf, np.nan], dtype)
    x, grad_y = (np.ascontiguousarray(a) for a in np.meshgrid(values, values))
    expected, cells = dr.relu_backward(grad_y, x), x.tobytes()
    assert updates.rectify(grad_y, x)
    assert grad_y.tobytes() == expected.tobytes()
    assert x.tobytes() == cells
    for other in (x[:, ::2], x.T, x[0], x.astype("float16"), np.zeros(x.shape, "int64")):
        before = grad_y.copy()
        assert not updates.rectify(grad_y, other)
        assert not updates.rectify(other.copy(), x[:, :4])
        assert grad_y.tobytes() == before.tobytes()


def test_only_what_layers_made_is_written_over(monkeypatch):
    network = nn.Sequential(layers(nn.Relu), seed=2)
    x = np.random.default_rng(4).standard_normal((2, 3, 12, 14)).astype(np.float32)
    shapes, rectify = [], updates.rectify

    def spy(grad_y, x):
        shapes.append(grad_y.shape)
        return rectify(grad_y, x)

    monkeypatch.setattr(updates, "rectify", spy)
    grad_y = np.random.default_rng(5).standard_normal(network.forward(x).shape).astype(np.float32)
    given = grad_y.copy()
    network.backward(grad_y)
    np.testing.assert_array_equal(grad_y, given)
    assert shapes == [(2, 3, 12, 14), (2, 5, 12, 14), (2, 20, 6, 7), (2, 20, 12, 14)]
