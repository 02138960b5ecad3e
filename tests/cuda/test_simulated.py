"""The CUDA kernels in Numba's simulator, on small cases."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numba import cuda

import deconv_ref as dr
from deconv_ref import arrays, backend, nn
from deconv_ref.cuda import on_gpu
from deconv_ref.cuda.arrays import kept, taken
from deconv_ref.sums import BLOCK, LANES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of simulated scalars

CASES = 10  # of each function: about a minute


def drawn(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def integers(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def test_every_kernel_computes_what_the_equations_say(tmp_path):
    report = tmp_path / "report.json"
    program = [sys.executable, "-m", "deconv_ref", "check", "cuda", "--cases", str(CASES)]
    command = [*program, "--timeout", "120", "--quiet", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=280)
    results = json.loads(report.read_text())["results"]
    short = [f"{r['op']} {r['quantity']}: {r['reason']}" for r in results if r["counterexample"]]
    assert finished.returncode == 0, short
    assert {result["verdict"] for result in results} == {"conforms"}, short


# The same views as users have them, of arrays that are on the GPU.
VIEWS = {
    "sliced": lambda x: x[:, :, ::2, 1:],
    "reversed": lambda x: x[:, ::-1, :, ::-1],
    "transposed": lambda x: np.swapaxes(x, 2, 3),
    "of one number": lambda x: np.broadcast_to(x[:1, :1, :1, :1], x.shape),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_arrays_may_have_any_strides(view):
    x, weight = integers(2, 3, 6, 7), integers(4, 3, 2, 3, seed=1)
    there = cuda.to_device(x)
    there._ary = view(there._ary)
    y = dr.conv(there, cuda.to_device(weight), stride=(1, 2), flip_kernel=True)
    expected = dr.conv(view(x), weight, stride=(1, 2), flip_kernel=True)
    np.testing.assert_array_equal(y.copy_to_host(), expected)


@pytest.mark.parametrize("tier", ["cuda", "literal"])
def test_results_are_on_the_gpu_and_have_the_same_bits_every_time(tier):
    x, weight, bias = (cuda.to_device(drawn(*s)) for s in ((2, 4, 5, 6), (6, 2, 3, 2), (6,)))
    with backend.using(backend.tier(tier)):
        results = [dr.conv(x, weight, bias, groups=2, padding="same") for _ in range(2)]
    assert all(map(on_gpu, results))
    first, second = (result.copy_to_host() for result in results)
    assert first.dtype == np.float32
    assert first.tobytes() == second.tobytes()


def test_an_empty_batch_launches_nothing():
    x, weight = cuda.device_array((0, 2, 5), np.float64), cuda.to_device(drawn(3, 2, 2, dtype="f8"))
    assert dr.conv(x, weight).shape == (0, 3, 4)
    gradients = dr.conv_backward(dr.conv(x, weight), x, weight)
    assert not gradients.weight.copy_to_host().any()


def test_arrays_here_and_there_do_not_meet():
    x, weight = integers(1, 2, 5), integers(3, 2, 2)
    told = "conv: all arrays must be on one device, got weight on the GPU and x and bias in NumPy"
    with pytest.raises(dr.BackendError, match=f"^{told} arrays. Copy one side to the other: numba"):
        dr.conv(x, cuda.to_device(weight), integers(3))


def test_faults_are_told_as_on_the_cpu():
    x, weight = cuda.to_device(integers(1, 2, 5)), cuda.to_device(integers(3, 2, 2, dtype="f8"))
    with pytest.raises(dr.DTypeError, match=r"^conv: weight must be float32, .* got float64"):
        dr.conv(x, weight)
    with pytest.raises(dr.ShapeError, match=r"^max_pool: the result must be .* = 0"):
        dr.max_pool(x, 6)


@pytest.mark.parametrize("size", [0, 1, LANES + 1, BLOCK - 1, BLOCK + LANES + 3])
def test_sums_have_the_bits_of_the_cpu(size):
    x, t = drawn(size, dtype="f8") * 2.0**40, drawn(size, seed=1, dtype="f8")
    x[::7] = 1.0
    loss = dr.mae(cuda.to_device(x), cuda.to_device(t), reduction="sum")
    assert isinstance(loss, np.ndarray)  # one number comes back
    assert loss == dr.mae(x, t, reduction="sum")


def test_losses_take_gradients_that_are_numbers_and_arrays():
    x, t, grad = integers(3, 4), integers(3, 4, seed=1), integers(3, 4, seed=2)
    there = tuple(map(cuda.to_device, (x, t)))
    for given in (np.float32(3), np.array(3.0, np.float32)):
        result = dr.mse_backward(*there, grad_loss=given)
        np.testing.assert_array_equal(result.copy_to_host(), dr.mse_backward(x, t, grad_loss=3))
    result = dr.mse_backward(*there, reduction="none", grad_loss=cuda.to_device(grad))
    expected = dr.mse_backward(x, t, reduction="none", grad_loss=grad)
    np.testing.assert_array_equal(result.copy_to_host(), expected)
    with pytest.raises(dr.BackendError, match="grad_loss in NumPy arrays"):
        dr.mse_backward(*there, reduction="none", grad_loss=grad)


def test_indices_outside_are_nowhere():
    values, indices = integers(1, 1, 3), np.array([[[-1, 9, 2]]])
    there = cuda.to_device(values), cuda.to_device(indices)
    expected = np.zeros((1, 1, 4), np.float32)
    expected[0, 0, 2] = values[0, 0, 2]
    for result in (dr.max_unpool(*there, (1, 1, 4)), dr.max_pool_backward(*there, (1, 1, 4))):
        np.testing.assert_array_equal(result.copy_to_host(), expected)
    grads = dr.max_unpool_backward(cuda.to_device(expected), there[1])
    np.testing.assert_array_equal(grads.copy_to_host(), np.where(indices == 2, values, 0))


def test_helpers_do_there_what_they_do_here():
    x = integers(4, 3, 2)
    there = taken(cuda.to_device(x))
    rows = np.array([3, 0, 0])
    for name, rest in {
        "picked": (rows,),
        "cast": (np.float64,),
        "moved": ("cuda",),
    }.items():
        result = arrays.on_host(getattr(arrays, name)(there, *rest))
        expected = arrays.on_host(getattr(arrays, name)(x, *rest))
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == expected.dtype
    joined = arrays.joined([there, taken(cuda.to_device(x[:1]))])
    np.testing.assert_array_equal(joined.copy_to_host(), np.concatenate([x, x[:1]]))
    assert arrays.least(there) == x.min()


def test_dropout_keeps_its_share_and_goes_on():
    x = taken(cuda.to_device(np.ones((40, 50), np.float32)))
    mask = kept(x, 0.25, 7).copy_to_host()
    assert abs(mask.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / mask.size)
    assert np.array_equal(mask, kept(x, 0.25, 7).copy_to_host())
    assert not np.array_equal(mask, kept(x, 0.25, 8).copy_to_host())
    correlation = np.corrcoef(mask[:, 1:].ravel(), mask[:, :-1].ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(mask.size)


OPTIMIZERS = {
    "sgd": lambda: nn.SGD(0.1),
    "nesterov": lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: nn.RMSprop(0.01, momentum=0.5),
    "rmsprop of torch": lambda: nn.RMSprop(0.01, momentum=0.5, convention="torch"),
    "adam": lambda: nn.Adam(0.01),
    "adam of torch": lambda: nn.Adam(0.01, convention="torch"),
    "adamw": lambda: nn.AdamW(0.01),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_have_the_bits_of_the_cpu(make, dtype):
    here, there = make(), make()
    weights = {"w": drawn(3, 4, dtype=dtype)}
    copies = {"w": taken(cuda.to_device(weights["w"]))}
    for seed in range(3):
        gradient = drawn(3, 4, seed=seed, dtype=dtype)
        here.update(weights, {"w": gradient})
        there.update(copies, {"w": taken(cuda.to_device(gradient))})
    assert copies["w"].copy_to_host().tobytes() == weights["w"].tobytes()
    for slot, array in here.state.get("w", {}).items():
        assert there.state["w"][slot].copy_to_host().tobytes() == array.tobytes()


def network():
    layers = [
        nn.Conv(2, 3, padding=1, weight_penalty="l2"),
        nn.BatchNorm(),
        nn.Prelu(),
        (pool := nn.MaxPool(2)),
        nn.Dropout(0.0),
        nn.MaxUnpool(pool),
        nn.ConvTranspose(1, 4, stride=2, padding=1),
        nn.Flatten(),
        nn.Dense(3),
    ]
    model = nn.Sequential(layers, seed=3, dtype="float64")
    model.compile(nn.SGD(0.05, momentum=0.5), "softmax_cross_entropy", metrics=["accuracy"])
    return model


def batches():
    return drawn(6, 1, 4, 4, dtype="f8"), np.eye(3)[[0, 1, 2, 0, 1, 2]]


def test_a_network_trains_there_as_here(tmp_path):
    x, y = batches()
    here, there = network(), network().to("cuda")
    histories = [model.fit(x, y, epochs=2, batch_size=4) for model in (here, there)]
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-12)
    assert histories[1]["accuracy"] == histories[0]["accuracy"]
    for kind in ("parameters", "gradients", "state"):
        assert all(map(on_gpu, getattr(there, kind).values())), kind
    assert all(on_gpu(a) for slots in there.optimizer.state.values() for a in slots.values())
    for name, array in there.get_weights().items():
        np.testing.assert_allclose(array, here.get_weights()[name], rtol=1e-9, atol=1e-12)
    assert isinstance(there.predict(x), np.ndarray)
    assert on_gpu(there.predict(cuda.to_device(x), batch_size=4))

    there.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    assert loaded.device == "cpu"
    again = [model.fit(x, y, batch_size=4)["loss"] for model in (loaded.to("cuda"), there)]
    assert again[0] == again[1]
    np.testing.assert_allclose(there.to("cpu").predict(x), loaded.predict(x), rtol=1e-12)
    assert not any(map(on_gpu, there.parameters.values()))


def test_only_batches_and_losses_are_copied(monkeypatch):
    x = cuda.to_device(batches()[0])
    model = network().to("cuda")
    model.compile(nn.Adam(0.05), "mse")  # without metrics, which are measured here
    model.layers = model.layers[:-2]
    target = cuda.to_device(drawn(6, 1, 8, 8, dtype="f8"))
    model.train_step(x, target)
    came, went = [], []
    kind = type(taken(x))
    back = kind.copy_to_host
    monkeypatch.setattr(kind, "copy_to_host", lambda a, *r: came.append(a.size) or back(a, *r))
    to_device = cuda.to_device
    monkeypatch.setattr(cuda, "to_device", lambda a, **o: went.append(a.size) or to_device(a, **o))
    model.train_step(x, target)
    assert came == [1, 1]  # the loss and the penalty
    assert went == []


def test_generators_go_on_from_files(tmp_path):
    x = drawn(2, 1, 4, 4)
    model = nn.Sequential([nn.Conv(1, 1), nn.Dropout(0.5)]).to("cuda")
    model.forward(x, training=True)
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors").to("cuda")
    first, second = (m.forward(x, training=True).copy_to_host() for m in (model, loaded))
    np.testing.assert_array_equal(first, second)
