"""Training: what `fit` does, what it tells, and that it goes on where it was stopped."""

from itertools import product

import nn_run
import numpy as np
import pytest
from nn_run import BATCH, BATCHES, EPOCHS, SAMPLES

import deconv_ref as dr
from deconv_ref import nn


class StopError(Exception):
    """Ends a run from inside."""


def stop_after(batches):
    """Make a callback that lets so many batches pass."""
    left = [batches]

    def progress(told):
        left[0] -= not told.complete
        if left[0] < 0:
            raise StopError

    return progress


@pytest.fixture(scope="module")
def left_alone():
    model = nn_run.network()
    return nn_run.digest(model, nn_run.fit(model))


@pytest.mark.parametrize("every", [None, 1, 4])
@pytest.mark.parametrize("stop", [0, 1, 5, 6, 7, 13, BATCHES - 1])
def test_a_stopped_run_ends_with_the_bits_of_one_left_alone(tmp_path, left_alone, stop, every):
    path = tmp_path / "run.safetensors"
    options = {"checkpoint": path, "checkpoint_every": every}
    model = nn_run.network()
    with pytest.raises(StopError):
        nn_run.fit(model, progress=stop_after(stop), **options)
    model = nn.Sequential.load(path) if path.exists() else nn_run.network()
    assert nn_run.digest(model, nn_run.fit(model, **options)) == left_alone


RATES = [
    lambda float_: {"optimizer": nn.SGD(float_(0.1))},
    lambda float_: {"optimizer": nn.Adam(0.01, beta_1=float_(0.9))},
    lambda float_: {"optimizer": nn.RMSprop(0.01), "factor": float_(0.3)},
    lambda float_: {"optimizer": nn.SGD(0.1), "schedule": lambda e: 0.1 * np.cos(float_(e / 7))},
]


@pytest.mark.parametrize("options", RATES, ids=["rate", "beta", "factor", "cosine"])
@pytest.mark.parametrize("float_", [float, np.float32, np.float64])
def test_rates_of_numpy_go_on_with_the_same_bits(tmp_path, options, float_):
    def fit(model, epochs):
        def progress(told):
            if told.complete and "schedule" in options(float_):
                model.optimizer.learning_rate = options(float_)["schedule"](told.epoch)

        return nn_run.fit(model, epochs=epochs, checkpoint=path, progress=progress)

    def started():
        given = options(float_)
        model = nn_run.network(given["optimizer"])
        model.layers[-1].learning_rate_factor = given.get("factor", 1.0)
        return model

    path = tmp_path / "run.safetensors"
    whole = started()
    history = fit(whole, 6)
    fit(started(), 3)
    gone_on = nn.Sequential.load(path)
    assert nn_run.digest(gone_on, fit(gone_on, 6)) == nn_run.digest(whole, history)


def test_the_checkpoint_of_a_finished_run_has_nothing_left_to_do(tmp_path, left_alone):
    path = tmp_path / "run.safetensors"
    nn_run.fit(nn_run.network(), checkpoint=path)
    before = path.read_bytes()
    model = nn.Sequential.load(path)
    assert nn_run.digest(model, nn_run.fit(model, checkpoint=path)) == left_alone
    assert path.read_bytes() == before
    longer = nn_run.fit(nn.Sequential.load(path), epochs=EPOCHS + 1)
    assert len(longer["loss"]) == EPOCHS + 1
    assert len(nn_run.fit(model)["loss"]) == EPOCHS  # a second fit is a run of its own


def test_a_saved_model_begins_a_new_run(tmp_path):
    model = nn_run.network()
    nn_run.fit(model)
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    assert loaded.epochs == EPOCHS
    first, second = nn_run.fit(model), nn_run.fit(loaded)
    assert len(first["loss"]) == EPOCHS
    assert nn_run.digest(model, first) == nn_run.digest(loaded, second)


def test_going_on_with_other_data_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    nn_run.fit(nn_run.network(), epochs=1, checkpoint=path)
    with pytest.raises(dr.ParameterError, match="fit: batch_size must be 4, as in the run"):
        nn_run.fit(nn.Sequential.load(path), batch_size=5)
    with pytest.raises(dr.ParameterError, match="fit: shuffle must be True"):
        nn_run.fit(nn.Sequential.load(path), shuffle=False)
    x, y = nn_run.data()
    with pytest.raises(dr.ParameterError, match=r"fit: samples must be 22, .* got 21"):
        nn.Sequential.load(path).fit(x[1:], y[1:], batch_size=BATCH)
    with pytest.raises(dr.ParameterError, match=r"fit: samples must be 22, .* got batches"):
        nn.Sequential.load(path).fit([(x, y)])


def test_runs_of_one_seed_are_alike_and_those_of_two_are_not(left_alone):
    model = nn_run.network()
    assert nn_run.digest(model, nn_run.fit(model)) == left_alone
    model = nn_run.network(seed=4)
    assert nn_run.digest(model, nn_run.fit(model)) != left_alone


def test_a_step_is_forward_backward_and_update():
    x, y = nn_run.data()
    model, copy = nn_run.network(nn.SGD(0.5)), nn_run.network(nn.SGD(0.5))
    copy.build(x.shape[1:])
    before = copy.get_weights()
    loss = model.train_step(x, y)
    prediction = copy.forward(x, training=True)
    first, last = copy.layers[0], copy.layers[-1]
    penalty = dr.l2_penalty(before["conv.weight"], 0.01) + dr.l1_penalty(
        before["dense.weight"], 0.01
    )
    expected = float(dr.softmax_cross_entropy(prediction, y)) + float(penalty)
    assert loss == pytest.approx(expected, rel=1e-7)
    copy.backward(dr.softmax_cross_entropy_backward(prediction, y))
    first.gradients["weight"] += dr.l2_penalty_backward(before["conv.weight"], 0.01)
    last.gradients["weight"] += dr.l1_penalty_backward(before["dense.weight"], 0.01)
    rates = {name: 0.25 if name.startswith("conv_1") else 0.5 for name in copy.parameters}
    for name, array in model.parameters.items():
        np.testing.assert_array_equal(model.gradients[name], copy.gradients[name])
        step = np.float32(rates[name]) * copy.gradients[name]
        np.testing.assert_array_equal(array, before[name] - step)


def test_history_and_progress_tell_means_over_samples():
    x, y = nn_run.data()
    told = []
    model, copy = nn_run.network(), nn_run.network()
    history = model.fit(x, y, epochs=2, batch_size=5, shuffle=False, progress=told.append)
    losses = [copy.train_step(x[i : i + 5], y[i : i + 5]) for i in range(0, SAMPLES, 5)]
    assert history["loss"][0] == pytest.approx(np.average(losses, weights=[5, 5, 5, 5, 2]))
    assert [(p.epoch, p.batch, p.complete) for p in told[:6]] == [
        *((1, n, False) for n in (1, 2, 3, 4, 5)),
        (1, 5, True),
    ]
    assert {(p.epochs, p.batches) for p in told} == {(2, 5)}
    assert told[0].values["loss"] == losses[0]
    assert told[5].values == {name: values[0] for name, values in history.items()}
    assert model.epochs == 2


def test_validation_is_an_evaluation_after_the_epoch():
    x, y = nn_run.data()
    model = nn_run.network()
    history = model.fit(x, y, epochs=2, batch_size=8, validation_data=(x[:5], y[:5]))
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    measured = model.evaluate(x[:5], y[:5])
    assert {"val_loss": history["val_loss"][-1], "val_accuracy": history["val_accuracy"][-1]} == {
        f"val_{name}": value for name, value in measured.items()
    }
    prediction = model.predict(x[:5])
    penalty = sum(layer.penalty() for layer in model.layers)
    expected = float(dr.softmax_cross_entropy(prediction, y[:5])) + penalty
    assert measured["loss"] == pytest.approx(expected, rel=1e-6)
    assert measured["accuracy"] == np.mean(prediction.argmax(1) == y[:5].argmax(1))
    in_parts = model.evaluate(x[:5], y[:5], batch_size=2)
    assert in_parts == pytest.approx(measured, rel=1e-6)


def test_shuffling_takes_each_sample_once_in_an_order_of_each_epoch():
    x = np.arange(10, dtype=np.float32).reshape(10, 1)
    seen = []

    class Spy(nn.Layer):
        def _forward(self, x, training):
            seen.extend(x[:, 0].tolist() if training else [])
            return x, ()

        def _backward(self, grad_y):
            return grad_y

    model = nn.Sequential([Spy()])
    model.compile("sgd", "mse")
    model.fit(x, x, epochs=2, batch_size=3)
    first, second = seen[:10], seen[10:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second != list(range(10)) != first
    seen.clear()
    model.fit(x, x, epochs=1, batch_size=3)  # the third epoch of the network's life
    assert sorted(seen) == list(range(10))
    assert seen not in (first, second)
    seen.clear()
    model.fit(x, x, epochs=1, batch_size=3, shuffle=False)
    assert seen == list(range(10))


def test_batches_may_be_given_one_by_one():
    x, y = nn_run.data()
    pairs = [(x[i : i + 5], y[i : i + 5]) for i in range(0, SAMPLES, 5)]
    model, copy = nn_run.network(), nn_run.network()
    first = model.fit(x, y, epochs=2, batch_size=5, shuffle=False, validation_data=[x, y])
    second = copy.fit(pairs, epochs=2, validation_data=pairs)
    assert nn_run.digest(model, first) == nn_run.digest(copy, second)
    with pytest.raises(dr.ParameterError, match=r"long at least, got none. An iterator"):
        copy.fit(iter(pairs), epochs=2)
    with pytest.raises(dr.ParameterError, match="one sample long at least"):
        copy.fit(pairs, epochs=2, validation_data=iter(pairs))
    with pytest.raises(dr.ParameterError, match=r"fit: validation_data must be batches .* ndarray"):
        copy.fit(pairs, validation_data=iter([x]))


def test_metrics_by_name_and_by_object():
    x = np.random.default_rng(13).uniform(size=(6, 1, 12, 13)).astype(np.float32)
    model = nn.Sequential([nn.Conv(1, 1, weight_initializer="ones")])
    names = ["psnr", nn.Psnr(data_range=255.0), "ssim", nn.Ssim(window="gaussian")]
    model.compile(nn.SGD(0.0), nn.Huber(0.5), [*names, "binary_accuracy"])
    target = np.clip(x + 0.125, 0, 1).astype(np.float32)
    values = model.evaluate(x, target, batch_size=4)
    assert list(values) == ["loss", "psnr", "psnr_1", "ssim", "ssim_1", "binary_accuracy"]
    errors = ((x - target) ** 2).mean((1, 2, 3), dtype=np.float64)
    psnr = np.mean(-10 * np.log10(errors))
    assert values["psnr"] == pytest.approx(psnr, rel=1e-6)
    assert values["psnr_1"] == pytest.approx(psnr + 20 * np.log10(255), rel=1e-6)
    assert values["ssim"] == pytest.approx(float(dr.ssim(x, target, data_range=1.0)), rel=1e-6)
    gaussian = float(dr.ssim(x, target, data_range=1.0, window="gaussian"))
    assert values["ssim_1"] == pytest.approx(gaussian, rel=1e-6)
    assert values["binary_accuracy"] == pytest.approx(((x > 0.5) == (target > 0.5)).mean())
    assert model.evaluate(x, x)["psnr"] == np.inf
    model.compile("sgd", "mse", ["accuracy"])
    with pytest.raises(dr.ShapeError, match=r"Accuracy: .* two categories.*binary_accuracy"):
        model.evaluate(x, x)


@pytest.mark.parametrize("kind", [nn.Accuracy, nn.BinaryAccuracy, nn.Psnr, nn.Ssim])
def test_metrics_take_arrays_alike(kind):
    metric, x = kind(), np.ones((4, 2, 12, 12))
    with pytest.raises(
        dr.ShapeError, match=rf"{kind.__name__}: target must be of shape \(4, 2, 12"
    ):
        metric(x, x[:, 0])
    with pytest.raises(dr.DTypeError, match=f"{kind.__name__}: target must be float64"):
        metric(x, x.astype(np.float32))
    with pytest.raises(dr.ShapeError, match=f"{kind.__name__}: prediction must be "):
        metric(np.ones(()), np.ones(()))
    with pytest.raises(dr.ShapeError, match=r"Accuracy: .* got shape \(4,\).*binary_accuracy"):
        nn.Accuracy()(np.ones(4), np.ones(4))
    with pytest.raises(dr.ParameterError, match="Psnr: data_range must be a finite number above 0"):
        nn.Psnr(data_range=0)


LOSSES = ["mse", "mae", "Huber", "binary_cross_entropy", "BinaryCrossEntropyWithLogits"]
LOSSES += ["categorical_cross_entropy", "softmax_cross_entropy", nn.SsimLoss(data_range=2.0)]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses_are_their_operators(loss):
    model = nn.Sequential([nn.Softmax()], dtype="float64")
    model.compile("sgd", loss)
    random = np.random.default_rng(14)
    prediction, target = random.dirichlet(np.ones(3), (2, 2, 8)).transpose(0, 1, 3, 2)
    operator = model.loss.operator
    options = {k: v for k, v in model.loss.config().items() if k != "class"}
    expected = getattr(dr, operator)(prediction, target, **options)
    assert model.loss(prediction, target) == float(expected) > 0
    gradient = getattr(dr, f"{operator}_backward")(prediction, target, **options)
    np.testing.assert_array_equal(model.loss.backward(prediction, target), gradient)


def test_what_cannot_be_is_told():
    x, y = nn_run.data()
    model = nn.Sequential([nn.Flatten(), nn.Dense(3)])
    for call in (model.fit, model.evaluate, model.train_step):
        with pytest.raises(dr.ParameterError, match="compile must be called first"):
            call(x, y)
    with pytest.raises(dr.ParameterError, match=r"optimizer must be .* \(Adam, AdamW, RMSprop"):
        model.compile("adagrad", "mse")
    with pytest.raises(dr.ParameterError, match=r"loss must be .*Mse.*, got <function"):
        model.compile("sgd", dr.mse)
    with pytest.raises(dr.ParameterError, match=r"metrics must be .*Accuracy.*, got 'f1'"):
        model.compile("sgd", "mse", ["f1"])
    model.compile("sgd", "mse")
    for options, match in [
        ({"epochs": 0}, "epochs must be an int of at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be an int of at least 1, got 1.5"),
        ({"checkpoint_every": 0}, "checkpoint_every must be an int"),
        ({"checkpoint_every": 2}, "checkpoint must be given with checkpoint_every"),
        ({"checkpoint": "/nowhere/run"}, "a file in a folder that is there, got /nowhere/run"),
        *(
            ({"validation_data": given}, f"fit: validation_data{match}")
            for given, match in [
                (
                    (x, y[1:]),
                    r"\[1\] must be of as many samples as validation_data\[0\], 22, got 21",
                ),
                (
                    [x, y.astype(np.float64)],
                    r"\[1\] must be float32, .*validation_data\[1\].astype",
                ),
                ([x[:0], y[:0]], r"\[0\] must be one sample long at least, got none\.$"),
                ([x.tolist(), y], r"\[0\] must be a NumPy array"),
                ((x, y, y), r" must be two arrays \(x, y\), or batches of them, got tuple of 3"),
                ([], r" must be two arrays .* got list of 0"),
                (x, r" must be two arrays .* got ndarray"),
                (3, r" must be two arrays .* got int"),
            ]
        ),
    ]:
        with pytest.raises(dr.DeconvRefError, match=match):
            model.fit(x, y, **options)
        assert model.epochs == 0
    for call in (model.fit, model.evaluate):
        name = call.__name__
        with pytest.raises(dr.ShapeError, match=f"{name}: x must be one sample .* got none[.]$"):
            call(x[:0], y[:0])
        with pytest.raises(dr.ParameterError, match=rf"{name}: x must be batches of \(x, y\)"):
            call([x])
    with pytest.raises(dr.ShapeError, match="y must be of as many samples as x, 22, got 20"):
        model.fit(x, y[:20])
    with pytest.raises(dr.ParameterError, match="y must be given with an array x"):
        model.fit(x)
    with pytest.raises(dr.DTypeError, match=r"y must be float32.* Write y.astype\(np.float32\)"):
        model.fit(x, y.astype(np.float64))
    with pytest.raises(dr.ShapeError, match=r"mse: target must be of shape \(4, 3\)"):
        model.fit(x, y[:, :2], batch_size=4)


def test_steps_after_the_first_take_no_more_memory():
    layers = [nn.Conv(8, 3, padding=1), nn.Relu(), nn.MaxPool(2), nn.BatchNorm(), nn.Dropout(0.2)]
    model = nn.Sequential([*layers, nn.ConvTranspose(3, 4, stride=2, padding=1), nn.Sigmoid()])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).random((8, 3, 48, 40), dtype=np.float32)
    model.train_step(x, x)
    first = model.memory.size
    assert first > 10 * x.nbytes
    for _ in range(4):
        model.train_step(x, x)
        assert model.memory.size == first


def test_training_lets_go_of_the_memory_of_its_steps():
    model = nn.Sequential([nn.Conv(8, 3, padding=1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 8, 40, 40), np.float32)
    model.fit(x, x, epochs=1, batch_size=4)
    assert model.memory.size == 0


def test_the_input_s_gradient_is_left_out_where_nobody_needs_it():
    rng = np.random.default_rng(1)
    x, target = rng.random((2, 1, 8, 8)), rng.random((2, 3, 8, 8))
    for first in ([], [nn.Reshape((1, 8, 8)), nn.Relu()]):
        for kind, mode in product((nn.Conv, nn.ConvTranspose), ("zeros", "replicate")):
            layer = kind(3, 3, padding=1, padding_mode=mode)
            model = nn.Sequential([*first, layer, nn.Relu()], dtype="float64")
            grad = dr.mse_backward(model.forward(x), target)
            assert model.backward(grad, needs_x=False) is None
            without = model.gradients
            model.forward(x)
            assert model.backward(grad).shape == x.shape
            for name, gradient in model.gradients.items():
                np.testing.assert_array_equal(without[name], gradient)
