"""The documents' networks and algorithm: as printed and as built, and that they learn."""

from itertools import pairwise

import numpy as np
import pytest
from oracles import Pairs

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.documents import (
    LEDGER,
    algorithm_b,
    system_a,
    system_c,
    system_d1,
    system_d2,
    system_e,
)

SYSTEMS = {
    "a": (system_a, (3, 8, 10)),
    "c": (system_c, (3, 8, 12)),
    "d1": (system_d1, (1, 28, 28)),
    "d2": (system_d2, (64, 14, 14)),
    "e": (system_e, (3, 6, 5)),
}


def images(*shape, seed=0):
    """Draw smooth images."""
    *batch, rows, columns = shape
    small = np.random.default_rng(seed).uniform(size=(*batch, rows // 2, columns // 2))
    return dr.upsample(small, 2, mode="linear").astype(np.float32)


def count(model):
    return sum(array.size for array in model.parameters.values())


def losses(model, x, y, steps):
    return [model.train_step(x, y) for _ in range(steps)]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_seed_decides_the_weights(name):
    system, shape = SYSTEMS[name]
    models = [system(seed=seed, dtype=dtype) for seed, dtype in ((1, "float32"), (2, "float64"))]
    again = system(seed=1)
    for model in (*models, again):
        model.build(shape)
    assert models[0].dtype == "float32" and models[1].dtype == "float64"
    for key, array in models[0].parameters.items():
        np.testing.assert_array_equal(again.parameters[key], array)
    assert any(np.any(models[1].parameters[key] != a) for key, a in models[0].parameters.items())


WORDS = {
    nn.Conv: "conv {0.kernel_size}x{0.kernel_size}, {0.filters}",
    nn.ConvTranspose: "transposed conv {0.kernel_size}x{0.kernel_size}, {0.filters}",
    nn.MaxPool: "max pool {0.kernel_size}",
    nn.Upsample: "upsample {0.scale_factor}",
    nn.Dense: "dense {0.units}",
    nn.Reshape: "reshape to {0.target_shape[1]}x{0.target_shape[2]}x{0.target_shape[0]}",
    nn.Relu: "ReLU",
    nn.Mse: "MSE",
    nn.Adam: "Adam",
    nn.CategoricalCrossEntropy: "categorical cross entropy",
    nn.BinaryCrossEntropy: "binary cross entropy",
}


def words(part):
    """Write a part of a network as the ledger does."""
    text = WORDS.get(type(part), type(part).__name__.lower()).format(part)
    text += f", stride {part.stride}" if getattr(part, "stride", None) == 2 else ""
    padding = getattr(part, "padding", 0)
    return text + (f", {padding}" if padding == "same" else f", padding {padding}" * bool(padding))


@pytest.mark.parametrize("name", SYSTEMS)
def test_as_printed_it_has_the_parts_of_the_ledger(name):
    (entry,) = (entry for entry in LEDGER if entry.id == f"system-{name}")
    system, shape = SYSTEMS[name]
    model = system(as_printed=True)
    parts = [*model.layers, *([model.loss, model.optimizer] if name != "e" else [])]
    table = "; ".join(map(words, parts))
    size = "{1}x{2}x{0}; ".format(*(model.input_shape or shape))
    assert entry.printed in (table, size + table, f"{size}{table}; accuracy")


# A -----------------------------------------------------------------------------------------------


def test_a_learns_its_images():
    x = images(4, 3, 16, 12)
    model = system_a()
    values = losses(model, x, x, 25)
    assert values[-1] < 0.4 * values[0]
    assert model.predict(x).shape == x.shape
    assert count(model) == 3523


@pytest.mark.parametrize("as_printed", [True, False])
def test_a_as_printed_can_die(as_printed):
    x = images(4, 1, 16, 16)
    model = system_a(1, seed=1, as_printed=as_printed)
    values = losses(model, x, x, 10)
    dead = not any(gradient.any() for gradient in model.gradients.values())
    assert dead == as_printed == (not model.predict(x).any())
    assert (values[-1] == values[0]) if as_printed else (values[-1] < 0.5 * values[0])


def test_a_of_sixty_seeds_six_begin_with_a_dead_channel():
    x = images(4, 3, 16, 16)
    for as_printed, wanted in ((True, 6), (False, 0)):
        models = (system_a(seed=seed, as_printed=as_printed) for seed in range(60))
        lit = [model.predict(x).any(axis=(0, 2, 3)).all() for model in models]
        assert lit.count(False) == wanted


def test_a_compresses_nothing():
    model = system_a()
    model.build((3, 8, 10))
    sizes = [int(np.prod(shape)) for shape in model.shapes]
    assert sizes == [64 * 80, 64 * 80, 3 * 80, 3 * 80]
    assert min(sizes) == 3 * 80  # the image itself: no map between is smaller


# B -----------------------------------------------------------------------------------------------


def test_b_finds_the_kernel():
    random = np.random.default_rng(0)
    x, kernel = random.normal(size=(2, 2, 6, 7)), random.normal(size=(2, 3, 4, 2))
    options = {"stride": (2, 1), "padding": [(1, 1), (1, 0)]}
    target = dr.conv_transpose(x, kernel, **options)
    found = algorithm_b(x, target, (4, 2), **options)
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-4)
    assert found.losses[-1] < 1e-9 * found.losses[0]
    again = algorithm_b(x, target, (4, 2), **options)
    np.testing.assert_array_equal(again.kernel, found.kernel)
    assert len(found.losses) < 1000
    other = algorithm_b(x, target, (4, 2), **options, steps=2, seed=1)
    assert len(other.losses) == 2 and other.losses[0] != found.losses[0]


def test_b_updates_by_b2():
    """One step is w - alpha dL/dw, with the gradient by the explicit matrix of the convolution."""
    x = np.random.default_rng(0).integers(-4, 5, (1, 1, 5, 5)).astype(np.float64)
    target = np.random.default_rng(1).integers(-4, 5, (1, 1, 7, 7)).astype(np.float64)
    step = {"padding": 0, "optimizer": nn.SGD(0.125)}
    start = algorithm_b(x, target, **step, steps=1, tolerance=1).kernel  # stops before its update
    (after, values) = algorithm_b(x, target, **step, steps=1)
    pairs = Pairs((7, 7), (3, 3), (1, 1), (1, 1), "valid")
    columns = [pairs.matrix(tap.reshape(1, 1, 3, 3), 1).T @ x.ravel() for tap in np.eye(9)]
    taps = np.stack(columns, axis=1)  # (49, 9): y = taps w
    residue = taps @ start.ravel() - target.ravel()
    assert values == [pytest.approx(np.mean(residue**2))]
    wanted = start.ravel() - 0.125 * (2 / 49) * taps.T @ residue
    np.testing.assert_allclose(after.ravel(), wanted, rtol=1e-12)


def test_b_lowers_the_loss_in_each_step():
    for seed, scale in ((0, 1e-3), (1, 1.0), (2, 1e3)):
        random = np.random.default_rng(seed)
        x, target = scale * random.uniform(size=(2, 2, 6, 5)), random.normal(size=(2, 3, 6, 5))
        values = algorithm_b(x, target, steps=40, seed=seed).losses
        assert all(late < early for early, late in pairwise(values))
    values = algorithm_b(x / 1e3, target, steps=40, optimizer=nn.SGD(10.0)).losses
    assert values[-1] > 1e6 * values[0]


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", nn.SGD(0.05, momentum=0.9)])
def test_b_takes_other_optimizers(optimizer):
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 7)).astype(np.float32)
    target = np.random.default_rng(1).normal(size=(1, 1, 6, 7)).astype(np.float32)
    found = algorithm_b(x, target, optimizer=optimizer, steps=20)
    assert found.kernel.dtype == np.float32
    assert found.losses[-1] < found.losses[0]
    again = algorithm_b(x, target, optimizer=optimizer, steps=20)  # the optimizer remembers nothing
    assert again.losses == found.losses
    np.testing.assert_array_equal(again.kernel, found.kernel)


def test_b_has_nothing_to_learn_from_black_images():
    x = np.zeros((1, 1, 4, 5))
    target = np.ones((1, 1, 4, 5))
    assert algorithm_b(x, target, tolerance=np.float32(1e-3)).losses == [1.0]


def test_b_tells_what_does_not_fit():
    x = np.zeros((1, 1, 5, 6))
    for change, error, match in [
        (
            {"target": np.zeros((1, 1, 6))},
            dr.ShapeError,
            r"target must be of 4 axes, .*\(1, 1, 6\)",
        ),
        (
            {"target": np.zeros((1, 1, 6, 5))},
            dr.ShapeError,
            r"target must be of shape \(1, 1, 5, 6",
        ),
        ({"target": x.astype(np.float32)}, dr.DTypeError, "algorithm_b: target must be float64"),
        ({"x": np.zeros((5, 6))}, dr.ShapeError, "algorithm_b: x must be"),
        ({"seed": -1}, dr.ParameterError, "seed must be an int of at least 0, got -1"),
        ({"steps": 0}, dr.ParameterError, "steps must be an int of at least 1, got 0"),
        ({"tolerance": True}, dr.ParameterError, "tolerance must be a finite number of at least"),
        ({"tolerance": -1.0}, dr.ParameterError, "tolerance must be a finite number of at"),
        ({"kernel_size": 0}, dr.ParameterError, "algorithm_b: kernel_size"),
        ({"optimizer": "newton"}, dr.ParameterError, "optimizer must be .* got 'newton'"),
    ]:
        with pytest.raises(error, match=match):
            algorithm_b(**{"x": x, "target": x, **change})


# C -----------------------------------------------------------------------------------------------


def test_c_as_printed_loses_two_pixels():
    model = system_c(as_printed=True)
    assert [shape[1] for shape in model.shapes] == [62, 62, 31, 62, 62, 31, 62, 62]
    assert [shape[0] for shape in model.shapes[::3]] == [32, 64, 3]
    x = images(1, 3, 64, 64)
    with pytest.raises(dr.ShapeError, match=r"target must be of shape \(1, 3, 62, 62\)"):
        model.fit(x, x)
    assert [shape[1] for shape in system_c().shapes] == [64, 64, 32, 64, 64, 32, 64, 64]


def test_c_has_one_convolution():
    for as_printed in (True, False):
        kinds = [type(layer) for layer in system_c(as_printed=as_printed).layers]
        assert kinds.count(nn.Conv) == 1
        assert kinds.count(nn.MaxPool) == kinds.count(nn.ConvTranspose) == 2


def test_c_learns_to_repair():
    sound = images(4, 3, 12, 16)
    damaged = sound.copy()
    damaged[:, :, ::3, ::2] = 0
    model = system_c()
    assert count(model) == 36_803 == count(system_c(as_printed=True)) - 64 * 3 * 9
    values = losses(model, damaged, sound, 20)
    assert values[-1] < 0.9 * values[0]
    assert model.predict(damaged).shape == sound.shape


# D -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_printed", [True, False])
def test_d1_learns_to_classify(as_printed):
    model = system_d1(as_printed=as_printed)
    assert count(model) == 121_930
    x = np.random.default_rng(0).uniform(size=(4, 1, 28, 28)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[:4]
    values = losses(model, x, y, 8)
    assert values[-1] < 0.9 * values[0]
    total = model.predict(x).sum(axis=1)
    assert np.allclose(total, 1) == as_printed


def test_d1_is_the_same_with_logits():
    x = np.random.default_rng(0).uniform(size=(2, 1, 28, 28)).astype(np.float32)
    probabilities = system_d1(seed=3, as_printed=True).predict(x)
    np.testing.assert_array_equal(dr.softmax(system_d1(seed=3).predict(x)), probabilities)


def test_d1_never_sees_the_last_rows_and_columns():
    model = system_d1()
    assert [shape[1] for shape in model.shapes[:6]] == [26, 26, 13, 11, 11, 5]
    x = np.random.default_rng(0).uniform(size=(1, 1, 28, 28)).astype(np.float32)
    other = x.copy()
    other[:, :, 26:], other[:, :, :, 26:] = 1, 0
    np.testing.assert_array_equal(model.predict(other), model.predict(x))
    other[:, :, 25, 3] += 1
    assert (model.predict(other) != model.predict(x)).any()


def test_d2_takes_maps_that_d1_never_makes():
    made = system_d1(as_printed=True).shapes
    assert system_d2().input_shape == (64, 14, 14) not in made
    assert {shape[1] for shape in made if len(shape) == 3} == {26, 13, 11, 5}


@pytest.mark.parametrize("as_printed", [True, False])
def test_d2_learns_its_images(as_printed):
    model = system_d2(as_printed=as_printed)
    assert count(model) == 8_017_840
    assert [shape[1] for shape in model.shapes[:6]] == [12, 12, 24, 22, 22, 44]
    x = np.random.default_rng(0).uniform(size=(2, 64, 14, 14)).astype(np.float32)
    y = (images(2, 1, 28, 28) > 0.5).astype(np.float32)
    values = losses(model, x, y, 8)
    assert values[-1] < values[0]
    pixels = model.predict(x)
    assert pixels.shape == y.shape
    assert (pixels > 0).all() and (pixels < 1).all() if as_printed else pixels.min() < 0


def test_d2_is_nearly_all_one_dense_layer():
    model = system_d2()
    assert model.parameters["dense.weight"].size == 64 * 44 * 44 * 64 == 7_929_856
    small = nn.Sequential([nn.ConvTranspose(1, 4, 2, 1)])
    small.build((64, 14, 14))
    assert small.shapes == [(1, 28, 28)] == model.shapes[-1:]
    assert count(small) == 1025


# E -----------------------------------------------------------------------------------------------


def test_e_as_printed_is_one_layer():
    model = system_e(as_printed=True)
    model.build((3, 480, 640))
    assert [type(layer) for layer in model.layers] == [nn.ConvTranspose]
    assert model.shapes == [(3, 960, 1280)]
    assert len([layer for layer in system_e().layers if isinstance(layer, nn.Conv)]) == 2


@pytest.mark.parametrize("as_printed", [True, False])
def test_e_learns_to_enlarge(as_printed):
    high = images(4, 3, 16, 20)
    low = dr.avg_pool(high, 2)
    model = system_e(as_printed=as_printed)
    values = losses(model, low, high, 15)
    assert values[-1] < 0.8 * values[0]
    assert model.predict(low).shape == high.shape


def test_e_begins_with_bilinear_interpolation():
    model = system_e(2, dtype="float64")
    x = np.random.default_rng(0).integers(-9, 10, (1, 2, 5, 6)).astype(np.float64)
    model.build(x.shape[1:])
    y = x
    for layer in model.layers[:2]:
        y = layer.forward(y)
    np.testing.assert_array_equal(y, dr.upsample(x, 2, mode="linear"))
