"""Whole networks: gradients by PyTorch's automatic differentiation, names, shapes and weights."""

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import nn


def flat():
    """A network over one axis with a dense end: (2, 13) to 3 logits."""
    return nn.Sequential(
        [
            nn.Conv(6, 3, 2, [(2, 2)], padding_mode="circular"),
            nn.BatchNorm(),
            nn.LeakyRelu(0.1),
            nn.ConvTranspose(4, 3, 2, 1, groups=2, output_padding=1),
            nn.Prelu(),
            nn.AvgPool(2, padding=1, count_include_pad=False),
            nn.Gelu(),
            nn.Flatten(),
            nn.Dense(5),
            nn.BatchNorm(epsilon=1e-3),
            nn.Tanh(),
            nn.Dense(3, use_bias=False),
        ],
        dtype="float64",
    )


def image():
    """A network over two axes that pools, unpools and shuffles: (2, 8, 6) to the same."""
    return nn.Sequential(
        [
            nn.Pad([(1, 2), (2, 1)], mode="reflect"),
            nn.Conv(6, (4, 4), dilation=1, groups=2),
            nn.Silu(),
            nn.MaxPool(2, name="pool"),
            nn.Conv(6, 3, padding=1, padding_mode="replicate"),
            nn.Softplus(),
            nn.MaxUnpool("pool"),
            nn.Elu(0.7),
            nn.Prelu(shared=True),
            nn.PixelUnshuffle(2),
            nn.Conv(8, 1),
            nn.PixelShuffle(2),
            nn.Softmax(),
            nn.Upsample(2, mode="linear"),
            nn.AvgPool(2),
            nn.Sigmoid(),
        ],
        dtype="float64",
    )


def solid():
    """A network over three axes: (2, 3, 4, 5) to (3, 4, 5, 7)."""
    return nn.Sequential(
        [
            nn.Conv(3, (3, 2, 1), padding=[(1, 1), (0, 0), (0, 0)], padding_mode="replicate"),
            nn.BatchNorm(),
            nn.Relu(),
            nn.ConvTranspose(3, 2, padding=0, dilation=(1, 2, 2)),
            nn.Upsample((1, 1, 1)),
            nn.LogSoftmax(),
        ],
        dtype="float64",
    )


NETWORKS = {
    "flat": (flat, (4, 2, 13)),
    "image": (image, (3, 2, 8, 6)),
    "solid": (solid, (2, 2, 3, 4, 5)),
}


def in_torch(torch, network, leaves, x):
    """Run the same layers in PyTorch, on parameters of its own, in training."""
    f = torch.nn.functional
    given = values = torch.tensor(x, requires_grad=True)
    pools = {}
    for layer in network.layers:
        at = {n.split(".")[1]: leaf for n, leaf in leaves.items() if n.split(".")[0] == layer.name}
        step = TRANSLATED[type(layer).__name__]
        values = step(f, torch, layer, values, at, pools)
    return given, values


def around(f, values, pairs, mode):
    sides = [side for pair in reversed(pairs) for side in pair]
    names = {"zeros": "constant"}
    return f.pad(values, sides, mode=names.get(mode, mode))


def conv(f, torch, layer, x, at, pools):
    pairs = layer.padding
    if isinstance(pairs, int):
        pairs = [(pairs, pairs)] * (x.ndim - 2)
    run = [f.conv1d, f.conv2d, f.conv3d][x.ndim - 3]
    x = around(f, x, pairs, layer.padding_mode)
    options = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
    return run(x, at["weight"], at.get("bias"), **options)


def conv_transpose(f, torch, layer, x, at, pools):
    run = [f.conv_transpose1d, f.conv_transpose2d, f.conv_transpose3d][x.ndim - 3]
    options = {n: getattr(layer, n) for n in ("stride", "padding", "output_padding")}
    return run(
        x, at["weight"], at.get("bias"), **options, groups=layer.groups, dilation=layer.dilation
    )


def max_pool(f, torch, layer, x, at, pools):
    y, indices = f.max_pool2d(x, layer.kernel_size, return_indices=True)
    pools[layer.name] = (indices, layer.kernel_size, x.shape[2:])
    return y


def max_unpool(f, torch, layer, x, at, pools):
    indices, kernel, size = pools[layer.pool.name]
    return f.max_unpool2d(x, indices, kernel, output_size=size)


def avg_pool(f, torch, layer, x, at, pools):
    run = [f.avg_pool1d, f.avg_pool2d][x.ndim - 3]
    options = {"count_include_pad": layer.count_include_pad}
    return run(x, layer.kernel_size, padding=layer.padding, **options)


def upsample(f, torch, layer, x, at, pools):
    mode = {"linear": "bilinear"}.get(layer.mode, layer.mode)
    factors = layer.scale_factor
    factors = (factors,) * (x.ndim - 2) if isinstance(factors, int) else factors
    return f.interpolate(x, scale_factor=tuple(map(float, factors)), mode=mode)


TRANSLATED = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
    "AvgPool": avg_pool,
    "Upsample": upsample,
    "Pad": lambda f, t, layer, x, at, _: around(f, x, layer.padding, layer.mode),
    "PixelShuffle": lambda f, t, layer, x, at, _: f.pixel_shuffle(x, layer.factor),
    "PixelUnshuffle": lambda f, t, layer, x, at, _: f.pixel_unshuffle(x, layer.factor),
    "Flatten": lambda f, t, layer, x, at, _: t.flatten(x, 1),
    "Dense": lambda f, t, layer, x, at, _: f.linear(x, at["weight"], at.get("bias")),
    "BatchNorm": lambda f, t, layer, x, at, _: f.batch_norm(
        x, None, None, at["gamma"], at["beta"], training=True, eps=layer.epsilon
    ),
    "Prelu": lambda f, t, layer, x, at, _: f.prelu(x, at["slope"]),
    "Relu": lambda f, t, layer, x, at, _: f.relu(x),
    "LeakyRelu": lambda f, t, layer, x, at, _: f.leaky_relu(x, layer.negative_slope),
    "Elu": lambda f, t, layer, x, at, _: f.elu(x, layer.alpha),
    "Gelu": lambda f, t, layer, x, at, _: f.gelu(x),
    "Silu": lambda f, t, layer, x, at, _: f.silu(x),
    "Softplus": lambda f, t, layer, x, at, _: f.softplus(x),
    "Tanh": lambda f, t, layer, x, at, _: t.tanh(x),
    "Sigmoid": lambda f, t, layer, x, at, _: t.sigmoid(x),
    "Softmax": lambda f, t, layer, x, at, _: t.softmax(x, layer.axis),
    "LogSoftmax": lambda f, t, layer, x, at, _: t.log_softmax(x, layer.axis),
}


@pytest.mark.parametrize("which", NETWORKS)
def test_gradients_of_whole_networks_are_those_of_pytorch(which):
    torch = pytest.importorskip("torch")
    make, shape = NETWORKS[which]
    network = make()
    random = np.random.default_rng(5)
    x = random.normal(size=shape)
    network.build(x.shape[1:])
    for array in network.parameters.values():
        array += random.normal(size=array.shape) / 8  # biases and betas that are not 0
    y = network.forward(x, training=True)
    grad_y = random.normal(size=y.shape)
    grad_x = network.backward(grad_y)

    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in network.parameters.items()}
    given, theirs = in_torch(torch, network, leaves, x)
    theirs.backward(torch.tensor(grad_y))
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(y, theirs.detach().numpy(), **close)
    np.testing.assert_allclose(grad_x, given.grad.numpy(), **close)
    assert network.gradients.keys() == leaves.keys()
    for name, leaf in leaves.items():
        np.testing.assert_allclose(network.gradients[name], leaf.grad.numpy(), **close)


def test_training_follows_pytorch_step_by_step():
    torch = pytest.importorskip("torch")
    network, random = flat(), np.random.default_rng(15)
    x, y = random.normal(size=(5, 6, 2, 13)), np.eye(3)[random.integers(0, 3, (5, 6))]
    network.build(x.shape[2:])
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in network.parameters.items()}
    theirs = torch.optim.Adam(leaves.values(), 0.01)
    network.compile(nn.Adam(0.01, epsilon=1e-8, convention="torch"), "softmax_cross_entropy")
    for batch, target in zip(x, y, strict=True):
        theirs.zero_grad()
        _, logits = in_torch(torch, network, leaves, batch)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
        loss.backward()
        theirs.step()
        assert network.train_step(batch, target) == pytest.approx(loss.item(), rel=1e-9)
    for name, leaf in leaves.items():
        got, expected = network.parameters[name], leaf.detach().numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-8)


def test_layers_get_distinct_names():
    layers = [nn.Relu(), nn.Dense(2), nn.Relu(), nn.Dense(2, name="relu_1"), nn.Relu()]
    network = nn.Sequential(layers)
    assert [layer.name for layer in network.layers] == [
        "relu",
        "dense",
        "relu_2",
        "relu_1",
        "relu_3",
    ]
    network.build((3,))
    names = ["dense.weight", "dense.bias", "relu_1.weight", "relu_1.bias"]
    assert list(network.parameters) == names


def test_parameters_are_counted_as_the_documents_systems_have_them():
    classifier = nn.Sequential(
        [
            *(nn.Conv(32, 3), nn.Relu(), nn.MaxPool(2)),
            *(nn.Conv(64, 3), nn.Relu(), nn.MaxPool(2)),
            *(nn.Flatten(), nn.Dense(64), nn.Relu(), nn.Dense(10), nn.Softmax()),
        ]
    )
    assert classifier.summary().splitlines()[1].split() == ["conv", "(Conv)", "not", "built", "0"]
    classifier.build((1, 28, 28))
    lines = classifier.summary().splitlines()
    assert lines[1] == "conv (Conv)           (N, 32, 26, 26)         320"
    assert lines[7] == "flatten (Flatten)     (N, 1600)                 0"
    assert lines[-1] == "121,930 parameters"

    generator = nn.Sequential(
        [
            *(nn.Conv(32, 3), nn.Relu(), nn.Upsample(2)),
            *(nn.Conv(64, 3), nn.Relu(), nn.Upsample(2)),
            *(nn.Flatten(), nn.Dense(64), nn.Relu(), nn.Dense(784), nn.Sigmoid()),
            nn.Reshape((1, 28, 28)),
        ]
    )
    generator.build((64, 14, 14))
    assert generator.summary().splitlines()[-1] == "8,017,840 parameters"
    assert generator.shapes[-1] == (1, 28, 28)


def test_summary_counts_state_apart():
    network = nn.Sequential([nn.BatchNorm()])
    network.build((5, 3))
    assert network.summary().splitlines()[-1] == "10 parameters, 10 values of state"
    assert network.state.keys() == {"batch_norm.running_mean", "batch_norm.running_var"}


def test_results_do_not_depend_on_the_size_of_the_batches():
    network = image()
    x = np.random.default_rng(6).normal(size=(7, 2, 8, 6))
    whole = network.predict(x, batch_size=7)
    np.testing.assert_array_equal(network.predict(x, batch_size=2), whole)
    np.testing.assert_array_equal(network.forward(x), whole)
    assert network.predict(x[:0]).shape == (0, *whole.shape[1:])


def kept(layer):
    """Name what a layer holds beside options, parameters and state."""
    options = layer.config().keys() | {"parameters", "state", "dtype", "random", "_needs_x"}
    empty = (None, (), {})
    held = {n for n, v in vars(layer).items() if isinstance(v, np.ndarray) or v not in empty}
    return held - options


def test_prediction_keeps_nothing():
    network = image()
    x = np.random.default_rng(6).normal(size=(2, 2, 8, 6))
    y = network.forward(x)
    assert "_saved" in kept(network.layers[0])
    assert {"_saved", "indices", "input_size"} <= kept(network.layers[3])
    np.testing.assert_array_equal(network.predict(x), y)
    assert [kept(layer) for layer in network.layers] == [set()] * len(network.layers)
    for layer in network.layers:
        with pytest.raises(dr.ParameterError, match="forward must be called first"):
            layer.backward(y)


def test_a_seed_decides_the_weights_whatever_the_layers_beside():
    short = nn.Sequential([nn.Dense(3), nn.Dense(2)], seed=1)
    longer = nn.Sequential([nn.Dense(3), nn.Dense(2), nn.Dense(9)], seed=1)
    other = nn.Sequential([nn.Dense(3), nn.Dense(2)], seed=2)
    for network in (short, longer, other):
        network.build((4,))
    for name, array in short.parameters.items():
        np.testing.assert_array_equal(array, longer.parameters[name])
        assert array.dtype == np.float32
    assert (short.parameters["dense.weight"] != other.parameters["dense.weight"]).all()
    twins = nn.Sequential([nn.Dense(4), nn.Dense(4)])
    twins.build((4,))
    assert (twins.parameters["dense.weight"] != twins.parameters["dense_1.weight"]).all()


def test_a_float32_network_starts_from_the_rounded_weights_of_a_float64_one():
    networks = [nn.Sequential([nn.Dense(3)], seed=1, dtype=d) for d in ("float32", "float64")]
    for network in networks:
        network.build((4,))
    single, double = (network.parameters["dense.weight"] for network in networks)
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_weights_are_got_and_set_by_name():
    first, second = (nn.Sequential([nn.Dense(2), nn.BatchNorm()], seed=s) for s in (0, 1))
    x = np.random.default_rng(7).normal(size=(5, 3)).astype(np.float32)
    first.forward(x, training=True)
    second.build((3,))
    weights = first.get_weights()
    second.set_weights(weights)
    np.testing.assert_array_equal(first.predict(x), second.predict(x))
    weights["dense.bias"][...] = 9  # a copy
    assert (second.parameters["dense.bias"] != 9).all()
    assert (first.parameters["dense.bias"] != 9).all()


def test_wrong_weights_change_nothing():
    network = nn.Sequential([nn.Dense(2)])
    with pytest.raises(dr.ParameterError, match="Build the network before"):
        network.set_weights({"dense.bias": np.zeros(2, np.float32)})
    network.build((3,))
    before = network.get_weights()
    zeros = {name: np.zeros_like(array) for name, array in before.items()}
    for change, match in [
        ({"dense.gamma": zeros["dense.bias"]}, r"without \[\] and with \['dense.gamma'\]"),
        ({"dense.bias": np.zeros(3, np.float32)}, r"dense.bias must be of shape \(2,\)"),
        ({"dense.bias": np.zeros(2)}, "dense.bias must be float32, as the network is, got float64"),
    ]:
        with pytest.raises(dr.DeconvRefError, match=match):
            network.set_weights({**zeros, **change})
    for name, array in network.get_weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_an_input_that_does_not_fit_leaves_the_network_to_be_built():
    network = nn.Sequential([nn.Conv(2, 3), nn.Conv(2, 3, name="second")])
    with pytest.raises(dr.ShapeError, match="result must be at least 1 long") as raised:
        network.predict(np.zeros((1, 3, 4), np.float32))
    assert raised.value.__notes__ == ["In layer 'second', for an input of shape (0, 2, 2)."]
    assert network.predict(np.zeros((1, 1, 9), np.float32)).shape == (1, 2, 5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
def test_a_build_that_fails_leaves_the_network_to_be_built(error):
    class Failing(nn.Layer):
        fails = True

        def _forward(self, x, training):
            if self.fails:
                raise error
            return x, ()

    network = nn.Sequential([nn.Conv(2, 3), nn.BatchNorm(), Failing()], seed=4)
    with pytest.raises(error):
        network.predict(np.zeros((1, 3, 4), np.float32))
    assert network.parameters == network.state == {}
    Failing.fails = False
    again = nn.Sequential([nn.Conv(2, 3), nn.BatchNorm()], seed=4)
    x = np.random.default_rng(6).normal(size=(1, 1, 9)).astype(np.float32)
    np.testing.assert_array_equal(network.predict(x), again.predict(x))


def test_a_single_number_is_no_batch():
    network = nn.Sequential([nn.Flatten()], dtype="float64")
    for call in (network.predict, network.forward, network.layers[0].forward):
        with pytest.raises(dr.ShapeError, match=r"x must be \(N, \.\.\.\), got shape \(\)"):
            call(np.array(1.0))


def test_an_input_of_another_dtype_is_told_the_cast():
    network = nn.Sequential([nn.Dense(2)])
    with pytest.raises(dr.DTypeError, match=r"x must be float32, .* Write x.astype\(np.float32\)"):
        network.predict(np.zeros((1, 3)))


def test_layers_that_make_no_network_are_told():
    layer = nn.Relu()
    with pytest.raises(dr.ParameterError, match=r"each its own object, got Relu.* at position 1"):
        nn.Sequential([layer, layer])
    with pytest.raises(dr.ParameterError, match=r"layers must be layers of deconv_ref.nn"):
        nn.Sequential(["relu"])
    with pytest.raises(dr.ParameterError, match=r"name must be .*, got 'a.b'"):
        nn.Sequential([nn.Relu(name="a.b")])
    with pytest.raises(dr.ParameterError, match="a name of no other layer, got 'a'"):
        nn.Sequential([nn.Relu(name="a"), nn.Tanh(name="a")])
    with pytest.raises(dr.ParameterError, match="pool must be a MaxPool earlier in the network"):
        nn.Sequential([nn.MaxUnpool("max_pool"), nn.MaxPool(2)])
    with pytest.raises(dr.ParameterError, match="dtype must be 'float32' or 'float64'"):
        nn.Sequential([], dtype="float16")
    with pytest.raises(dr.ParameterError, match="input_shape must be sizes of at least 1"):
        nn.Sequential([]).build((3, -1))
    with pytest.raises(dr.ParameterError, match="seed must be an int of at least 0"):
        nn.Sequential([], seed=-1)
