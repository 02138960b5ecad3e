"""Optimizers: their equations, PyTorch's and Keras' own, and updates in place."""

import math
import os
from fractions import Fraction

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import nn

OPTIMIZERS = {
    "sgd": nn.SGD(0.1),
    "momentum": nn.SGD(0.1, momentum=0.75),
    "nesterov": nn.SGD(0.1, momentum=0.75, nesterov=True),
    "rmsprop-keras": nn.RMSprop(0.1, rho=0.75, epsilon=0.01),
    "rmsprop-torch": nn.RMSprop(0.1, rho=0.75, epsilon=0.01, convention="torch"),
    "rmsprop-momentum": nn.RMSprop(0.1, momentum=0.5, epsilon=0.01),
    "rmsprop-momentum-torch": nn.RMSprop(0.1, momentum=0.5, epsilon=0.01, convention="torch"),
    "adam-keras": nn.Adam(0.1, 0.5, 0.75, 0.01),
    "adam-torch": nn.Adam(0.1, 0.5, 0.75, 0.01, "torch"),
    "adamw-keras": nn.AdamW(0.1, 0.5, 0.75, 0.01, weight_decay=0.25),
    "adamw-torch": nn.AdamW(0.1, 0.5, 0.75, 0.01, "torch", weight_decay=0.25),
}
STEPS = 6
RATES = [0.1, 0.1, 0.1, 0.0125, 0.0125, 0.025]  # of each update


def again(optimizer):
    return type(optimizer)(**{k: v for k, v in optimizer.config().items() if k != "class"})


def gradients(steps=STEPS):
    """Draw gradients of two parameters, of several sizes."""
    random = np.random.default_rng(8)
    scale = np.array([1e-4, 1e-2, 1.0, 30.0])
    return [
        {"a": random.normal(size=(3, 4)) * scale, "b": random.normal(size=5)} for _ in range(steps)
    ]


def started():
    random = np.random.default_rng(9)
    return {"a": random.normal(size=(3, 4)), "b": random.normal(size=5)}


def ours(optimizer, rates=None):
    weights = started()
    for rate, gradient in zip(rates or [optimizer.learning_rate] * STEPS, gradients(), strict=True):
        optimizer.learning_rate = rate
        optimizer.update(weights, gradient)
    return weights


def in_torch(torch, optimizer, leaves):
    rate = optimizer.learning_rate
    match optimizer:
        case nn.SGD():
            return torch.optim.SGD(
                leaves, rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov
            )
        case nn.RMSprop():
            return torch.optim.RMSprop(
                leaves, rate, optimizer.rho, optimizer.epsilon, momentum=optimizer.momentum
            )
        case nn.AdamW():
            betas = (optimizer.beta_1, optimizer.beta_2)
            return torch.optim.AdamW(leaves, rate, betas, optimizer.epsilon, optimizer.weight_decay)
        case nn.Adam():
            betas = (optimizer.beta_1, optimizer.beta_2)
            return torch.optim.Adam(leaves, rate, betas, optimizer.epsilon)


def in_keras(keras, optimizer):
    options = {k: v for k, v in optimizer.config().items() if k not in ("class", "convention")}
    return getattr(keras.optimizers, type(optimizer).__name__)(**options)


def of(convention):
    return [n for n, o in OPTIMIZERS.items() if getattr(o, "convention", convention) == convention]


@pytest.mark.parametrize("name", of("torch"))
def test_updates_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in started().items()}
    theirs = in_torch(torch, OPTIMIZERS[name], list(leaves.values()))
    for rate, gradient in zip(RATES, gradients(), strict=True):
        theirs.param_groups[0]["lr"] = rate
        for key, leaf in leaves.items():
            leaf.grad = torch.tensor(gradient[key])
        theirs.step()
    for key, array in ours(again(OPTIMIZERS[name]), RATES).items():
        np.testing.assert_allclose(array, leaves[key].detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", of("keras"))
def test_updates_are_those_of_keras(name):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    keras = pytest.importorskip("keras")
    theirs = in_keras(keras, OPTIMIZERS[name])
    variables = {n: keras.Variable(a, dtype="float64") for n, a in started().items()}
    # The velocity of SGD is PyTorch's, which follows a changed rate at once.
    rates = [0.1] * STEPS if name in ("momentum", "nesterov") else RATES
    for rate, gradient in zip(rates, gradients(), strict=True):
        theirs.learning_rate = rate
        pairs = [(keras.ops.convert_to_tensor(gradient[n]), v) for n, v in variables.items()]
        theirs.apply_gradients(pairs)
    for key, array in ours(again(OPTIMIZERS[name]), rates).items():
        found = keras.ops.convert_to_numpy(variables[key])
        # Keras keeps its learning rate and its betas in float32.
        np.testing.assert_allclose(array, found, rtol=2e-6, atol=2e-7)


def root(x):
    return Fraction(math.sqrt(x)) if x else Fraction(0)


def step_of(optimizer, rate, t, w, g, kept):
    """Update one number by the equations as they are printed, on fractions but for roots."""
    exact = {k: Fraction(v) for k, v in optimizer.config().items() if isinstance(v, float)}
    rate, epsilon = Fraction(rate), exact.get("epsilon")
    keras = getattr(optimizer, "convention", None) == "keras"
    if isinstance(optimizer, nn.SGD):
        v = kept["v"] = exact["momentum"] * kept.get("v", 0) + g
        return w - rate * (g + exact["momentum"] * v if optimizer.nesterov else v)
    if isinstance(optimizer, nn.RMSprop):
        v = kept["v"] = exact["rho"] * kept.get("v", 0) + (1 - exact["rho"]) * g**2
        s = g / root(v + epsilon) if keras else g / (root(v) + epsilon)
        b = kept["b"] = exact["momentum"] * kept.get("b", 0) + (rate * s if keras else s)
        return w - (b if keras else rate * b)
    one, two = exact["beta_1"], exact["beta_2"]
    m = kept["m"] = one * kept.get("m", 0) + (1 - one) * g
    v = kept["v"] = two * kept.get("v", 0) + (1 - two) * g**2
    w = (1 - rate * exact.get("weight_decay", Fraction(0))) * w
    if keras:
        return w - rate * root(1 - two**t) / (1 - one**t) * m / (root(v) + epsilon)
    return w - rate * (m / (1 - one**t)) / (root(v / (1 - two**t)) + epsilon)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_follow_the_printed_equations(name):
    optimizer = OPTIMIZERS[name]
    expected = {key: array.copy() for key, array in started().items()}
    for key, array in expected.items():
        for place in np.ndindex(array.shape):
            w, kept = Fraction(array[place]), {}
            for t, (rate, gradient) in enumerate(zip(RATES, gradients(), strict=True), start=1):
                w = step_of(optimizer, rate, t, w, Fraction(gradient[key][place]), kept)
            array[place] = float(w)
    for key, array in ours(again(optimizer), RATES).items():
        np.testing.assert_allclose(array, expected[key], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_are_in_place_and_keep_their_buffers(name):
    optimizer, weights = again(OPTIMIZERS[name]), started()
    weights = {key: array.astype(np.float32) for key, array in weights.items()}
    before, arrays = {key: array.copy() for key, array in weights.items()}, dict(weights)
    steps = [{k: a.astype(np.float32) for k, a in gradient.items()} for gradient in gradients(3)]
    given = [{key: array.copy() for key, array in step.items()} for step in steps]
    optimizer.update(weights, steps[0])
    buffers = [id(array) for slots in optimizer.state.values() for array in slots.values()]
    for step in steps[1:]:
        optimizer.update(weights, step)
    after = [array for slots in optimizer.state.values() for array in slots.values()]
    assert [id(array) for array in after] == buffers
    assert all(array.dtype == np.float32 for array in after)
    assert optimizer.steps == 3
    for key, array in weights.items():
        assert array is arrays[key]
        assert array.dtype == np.float32
        assert (array != before[key]).any()
    for step, copy in zip(steps, given, strict=True):
        for key, array in step.items():
            np.testing.assert_array_equal(array, copy[key])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [nn.Adam, nn.AdamW])
@pytest.mark.parametrize("convention", ["keras", "torch"])
def test_one_pass_over_memory_gives_the_bits_of_many(kind, convention, dtype):
    """Every second number of an array is updated by NumPy's functions, one after the other."""
    random = np.random.default_rng(5)
    size = 70_001  # more than one thread's
    dense, wide = np.zeros(size, dtype), np.zeros(2 * size, dtype)
    weights = {"dense": dense, "apart": wide[::2]}
    for array in weights.values():
        array[:] = np.linspace(-3, 3, size)
    optimizer = kind(convention=convention)
    for _ in range(3):
        gradient = (random.normal(size=size) * 10.0 ** random.integers(-9, 4, size)).astype(dtype)
        gradient[:4] = 0, np.inf, np.nan, -0.0
        with np.errstate(invalid="ignore"):
            optimizer.update(weights, {"dense": gradient, "apart": gradient})
    np.testing.assert_array_equal(dense, weights["apart"])
    for slot, array in optimizer.state["dense"].items():
        np.testing.assert_array_equal(array, optimizer.state["apart"][slot])


def test_conventions_differ():
    for kind in (nn.Adam, nn.RMSprop):
        first, second = (ours(kind(0.1, epsilon=0.1, convention=c)) for c in ("keras", "torch"))
        assert (first["a"] != second["a"]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_factor_multiplies_the_learning_rate(name):
    optimizer = again(OPTIMIZERS[name])
    slow = again(optimizer)
    slow.learning_rate *= 0.5
    expected, got, frozen = ours(slow), started(), started()
    other = again(OPTIMIZERS[name])
    for gradient in gradients():
        optimizer.update(got, gradient, {"a": 0.5, "b": 0.5})
        other.update(frozen, gradient, {"a": 0.0})
    for key in ("a", "b"):
        np.testing.assert_array_equal(got[key], expected[key])
    np.testing.assert_array_equal(frozen["a"], started()["a"])
    np.testing.assert_array_equal(frozen["b"], ours(again(OPTIMIZERS[name]))["b"])


def test_the_learning_rate_may_change_between_updates():
    optimizer, weights = nn.SGD(1.0), {"w": np.array([1.0])}
    optimizer.update(weights, {"w": np.array([1.0])})
    optimizer.learning_rate = 0.5
    optimizer.update(weights, {"w": np.array([1.0])})
    assert weights["w"] == -0.5
    optimizer.learning_rate = float("nan")
    with pytest.raises(dr.ParameterError, match="SGD: learning_rate must be a finite number"):
        optimizer.update(weights, {"w": np.array([1.0])})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_numbers_of_numpy_give_the_bits_of_plain_ones(name):
    """NumPy's float64 would widen the updates of float32 parameters."""
    options = {k: v for k, v in OPTIMIZERS[name].config().items() if k != "class"}
    strong = {k: np.float64(v) if type(v) is float else v for k, v in options.items()}
    results = []
    for kind, values in ((float, options), (np.float64, strong)):
        optimizer = type(OPTIMIZERS[name])(**values)
        weights = {key: array.astype(np.float32) for key, array in started().items()}
        for rate, gradient in zip(RATES, gradients(), strict=True):
            optimizer.learning_rate = kind(rate)
            step = {key: array.astype(np.float32) for key, array in gradient.items()}
            optimizer.update(weights, step, {"a": kind(0.3)})
        results.append(weights)
    for key, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][key])


def test_an_optimizer_belongs_to_one_network():
    optimizer, weights, step = nn.Adam(), started(), gradients(1)[0]
    optimizer.update(weights, step)
    optimizer.update(dict(weights), step)  # another dict of the same arrays
    for others in (started(), {"a": weights["a"]}, {**weights, "c": np.ones(2)}):
        with pytest.raises(dr.ParameterError, match="Adam: parameters must be the arrays that"):
            optimizer.update(others, {**step, "c": np.ones(2)})
    assert optimizer.steps == 2

    optimizer = nn.Adam()
    x = np.ones((2, 3), np.float32)
    for units, fails in ((2, False), (2, True), (5, True)):
        network = nn.Sequential([nn.Dense(units)])
        network.compile(optimizer, "mse")
        if fails:
            with pytest.raises(dr.ParameterError, match="An optimizer belongs to one network"):
                network.train_step(x, np.ones((2, units), np.float32))
        else:
            network.train_step(x, np.ones((2, units), np.float32))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: nn.SGD(-1), "SGD: learning_rate must be a finite number of at least 0, got -1"),
        (lambda: nn.SGD("fast"), "SGD: learning_rate must be a finite number"),
        (
            lambda: nn.SGD(1, momentum=1.0),
            "SGD: momentum must be .* at least 0 and below 1, got",
        ),
        (lambda: nn.RMSprop(rho=2), "RMSprop: rho must be"),
        (lambda: nn.Adam(beta_2=1), "Adam: beta_2 must be"),
        (lambda: nn.Adam(epsilon=float("nan")), "Adam: epsilon must be a finite number"),
        (lambda: nn.Adam(convention="jax"), "Adam: convention must be 'keras' or 'torch'"),
        (lambda: nn.AdamW(weight_decay=True), "AdamW: weight_decay must be"),
    ],
)
def test_what_cannot_be_is_told(make, match):
    with pytest.raises(dr.ParameterError, match=match):
        make()
