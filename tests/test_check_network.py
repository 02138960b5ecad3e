"""Training in lockstep: what conforms, planted faults and the layers they are in, the command."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pytest

from deconv_ref import nn
from deconv_ref.conformance import frameworks, serve
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import _cpu_network
from deconv_ref.conformance.network import runner
from deconv_ref.conformance.network.course import NOISY, Course, courses
from deconv_ref.conformance.network.lockstep import compare, measure_growth
from deconv_ref.conformance.network.systems import SYSTEMS, Task, assemble, make_task

STEPS = 3
COMMAND = [sys.executable, "-m", "deconv_ref", "check", "--network"]


@cache
def prepared(system, steps=STEPS):
    task = make_task(system, "keras", 0, steps)
    return task, measure_growth(task, 0)


def told(task, train=_cpu_network.train):
    """Let a trainer train, as the worker does, and take what it tells."""
    trained = serve._train(SimpleNamespace(train=train), task)
    assert trained.error is None, trained.error
    return trained.steps


def judged(system, trained, steps=STEPS):
    task, growth = prepared(system, steps)
    return compare(task, trained, growth, 0)


# Systems and courses -----------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_task_is_the_documents_network_on_small_images(system):
    task, _ = prepared(system)
    whole = SYSTEMS[system].build()
    assert task.layers == [layer.config() for layer in whole.layers]
    assert task.loss == whole.loss.config()
    assert task.optimizer == whole.optimizer.config()
    assert {array.dtype for array in task.weights.values()} == {np.dtype(np.float32)}
    assert len(task.batches) == STEPS
    again, other = (make_task(system, "torch", seed, 2) for seed in (0, 1))
    for (x, y), (same_x, same_y), (other_x, _) in zip(
        task.batches[:2], again.batches, other.batches, strict=True
    ):
        assert x.dtype == y.dtype == np.float32 and len(x) == len(y) > 1
        np.testing.assert_array_equal(same_x, x)
        np.testing.assert_array_equal(same_y, y)
        assert np.any(other_x != x)
    assert np.any(task.batches[0][0] != task.batches[1][0])


def test_the_exact_course_is_our_training_in_float64():
    task, _ = prepared("system_c")
    course, model = Course(task), assemble(task, "float64")
    for x, y in task.batches[:3]:
        trace = course.step((x, y))
        loss = model.train_step(x.astype(np.float64), y.astype(np.float64))
        assert trace["loss", ""] == loss
        for name, array in model.parameters.items():
            np.testing.assert_array_equal(trace["parameter", name], array)
            np.testing.assert_array_equal(trace["gradient", name], model.gradients[name])


def test_noise_is_a_few_roundoffs_and_its_courses_are_apart():
    task, growth = prepared("system_e")
    first = [course.step(task.batches[0]) for course in courses(task, 0)]
    assert len(first) == 1 + NOISY
    losses = {float(trace["loss", ""]) for trace in first}
    assert len(losses) == len(first)
    assert max(losses) - min(losses) < 1e-5 * max(losses)
    for allowance in growth[0].values():
        assert 0 < allowance.tolerance < 1e-4 * np.max(np.abs(allowance.truth))


def test_the_steps_of_a_trace_come_in_the_order_of_computing():
    task, _ = prepared("system_e")
    keys = list(Course(task).step(task.batches[0]))
    kinds = [kind for kind, _ in keys]
    assert kinds[:7] == ["output"] * 5 + ["loss", "passed"]
    assert keys[6:11] == [
        ("passed", "loss"),
        ("gradient", "conv_1.weight"),
        ("gradient", "conv_1.bias"),
        ("passed", "conv_1"),
        ("passed", "relu"),
    ]
    assert kinds[-6:] == ["parameter"] * 6


# What conforms -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lockstep():
    """Let all train that are there, at once: what rounding explains is measured for all."""
    there = [name for name in frameworks.TRAINERS if name in (*frameworks.installed(), "cpu")]
    return runner.check(runner.Plan(tuple(there), steps=6), lambda _: None)


@pytest.mark.parametrize("name", frameworks.TRAINERS)
def test_frameworks_and_our_own_training_conform(name, lockstep):
    results = [result for result in lockstep if result.target == name]
    if not results:
        pytest.skip(f"{name} is not installed")
    assert [result.system for result in results] == list(SYSTEMS)
    for result in results:
        assert result.verdict is Verdict.CONFORMS, result.reason
        assert result.reason.startswith("6 steps: within 0.")


def test_many_steps_conform():
    (result,) = runner.check(runner.Plan(("cpu",), ("system_e",)), lambda _: None)
    assert result.verdict is Verdict.CONFORMS, result.reason
    assert result.reason.startswith("20 steps: within 0.")


def in_float64(layers, weights, batches, loss, optimizer):
    """Train in float64."""
    model = assemble(Task(layers, weights, batches, loss, optimizer), "float64")
    for x, y in batches:
        value = model.train_step(x.astype(np.float64), y.astype(np.float64))
        yield {"loss": value, "gradients": model.gradients, "parameters": model.parameters}


def from_the_last_sample(layers, weights, batches, loss, optimizer):
    """Train with the samples of each batch in the opposite order, for other sums."""
    turned = [(x[::-1].copy(), y[::-1].copy()) for x, y in batches]
    for step in _cpu_network.train(layers, weights, turned, loss, optimizer):
        yield {name: step[name] for name in ("loss", "gradients", "parameters")}


@pytest.mark.parametrize("train", [in_float64, from_the_last_sample])
@pytest.mark.parametrize("system", ["system_c", "system_d1"])
def test_other_roundings_conform(train, system):
    steps = told(prepared(system)[0], train)
    assert judged(system, steps).parting is None


def with_biases(task, biases):
    return replace(task, weights=task.weights | {"conv.bias": np.float32(biases)})


def test_dead_features_stay_dead():
    task = with_biases(prepared("system_a")[0], [-10.0] * 32 + [0.0] * 32)
    growth, steps = measure_growth(task, 0), told(task)
    assert not steps[0]["gradients"]["conv.weight"][:32].any()
    assert compare(task, steps, growth, 0).parting is None
    steps[2]["gradients"]["conv.weight"][5] += 1e-4
    parting = compare(task, steps, growth, 0).parting
    assert (parting.step, parting.key) == (3, ("gradient", "conv.weight"))


def test_kinks_that_rounding_decides_are_forgiven():
    """Biases bring each feature to 0, within rounding, at one pixel of its own."""
    task = with_biases(prepared("system_a")[0], np.zeros(64))
    (batch, *_), one = task.batches, replace(task, batches=task.batches[:1])
    features = Course(task).step(batch)["output", "conv"]
    at = np.arange(64)
    task = with_biases(one, -features[0, at, 2 + at // 8, 2 + at % 8])
    exact = Course(task).step(batch)["output", "conv"]
    steps = told(task)
    other_sides = np.sum((steps[0]["outputs"]["conv"] > 0) != (exact > 0))
    assert other_sides > 5
    assert compare(task, steps, measure_growth(task, 0), 0).parting is None


# Planted faults ----------------------------------------------------------------------------------


def faulty(change, since=1):
    """Plant a fault in what our training tells, in all steps from one on: `change(step)`."""

    def train(*arguments):
        for number, step in enumerate(_cpu_network.train(*arguments), 1):
            if number >= since:
                change(step)
            yield step

    return train


def scaled(kind, name, factor, step):
    step[kind] = step[kind] | {name: step[kind][name] * np.float32(factor)}


def patched(monkeypatch, cls, method, substitute, name=None):
    """Replace a method of a layer, loss or optimizer, or of the one layer of this name."""
    right = getattr(cls, method)

    def replaced(self, *arguments, **options):
        call = partial(right, self)
        if name is None or self.name == name:
            return substitute(self, call, *arguments, **options)
        return call(*arguments, **options)

    monkeypatch.setattr(cls, method, replaced)


def larger(self, right, *arguments, **options):
    return right(*arguments, **options) * 1.01


def leaking(self, right, grad_y, *saved):
    return right(grad_y, *saved) + 1e-4 * grad_y


def weight_larger(self, right, grad_y, needs_x=True):
    grad_x = right(grad_y, needs_x)
    self.gradients["weight"] *= np.float32(1.001)
    return grad_x


def weight_turned(self, right, grad_y, needs_x=True):
    grad_x = right(grad_y, needs_x)
    self.gradients["weight"] = self.gradients["weight"][..., ::-1, ::-1].copy()
    return grad_x


def bias_averaged(self, right, grad_y, needs_x=True):
    grad_x = right(grad_y, needs_x)
    self.gradients["bias"] /= len(grad_y)
    return grad_x


def weight_in_half_precision(self, right, grad_y, needs_x=True):
    grad_x = right(grad_y, needs_x)
    self.gradients["weight"] = self.gradients["weight"].astype(np.float16).astype(np.float32)
    return grad_x


def border_lost(self, right, grad_y, needs_x=True):
    grad_x = right(grad_y, needs_x)
    grad_x[..., 0] = 0
    return grad_x


FAULTS = {
    "weight a thousandth larger": ("system_d1", nn.Conv, "backward", weight_larger, "conv_1"),
    "weight turned": ("system_a", nn.ConvTranspose, "backward", weight_turned, "conv_transpose"),
    "bias averaged": ("system_d1", nn.Dense, "backward", bias_averaged, "dense"),
    "half precision": ("system_c", nn.Conv, "backward", weight_in_half_precision, "conv"),
    "pool": ("system_c", nn.MaxPool, "_backward", larger, "max_pool_1"),
    "rectifier that leaks": ("system_d2", nn.Relu, "_backward", leaking, "relu_1"),
    "upsampling": ("system_d2", nn.Upsample, "_backward", larger, "upsample"),
    "border": ("system_e", nn.Conv, "backward", border_lost, "conv_1"),
    "forward": ("system_c", nn.Sigmoid, "_forward", None, "sigmoid"),
    "loss": ("system_d1", nn.SoftmaxCrossEntropy, "__call__", larger, "loss"),
    "gradient of the loss": ("system_a", nn.Mse, "backward", larger, "loss"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_layer_at_fault_is_named(fault, monkeypatch):
    system, cls, method, substitute, layer = FAULTS[fault]
    task, _ = prepared(system)  # in full, before the fault is planted

    def forward(self, right, x, training):
        y, saved = right(x, training)
        return y * np.float32(1.001), saved

    name = layer if layer != "loss" else None
    with monkeypatch.context() as patch:
        patched(patch, cls, method, substitute or forward, name)
        steps = told(task)
    parting = judged(system, steps).parting
    assert (parting.step, parting.layer) == (1, layer), parting.reason
    assert re.match(r"step 1: .* parts.*: expected .*, got .* times what rounding", parting.reason)


def test_without_results_of_layers_the_next_one_with_parameters_is_named(monkeypatch):
    task, _ = prepared("system_c")
    with monkeypatch.context() as patch:
        patched(patch, nn.MaxPool, "_backward", larger, "max_pool_1")
        steps = told(task)
    for step in steps:
        del step["outputs"], step["output_gradients"]
    assert judged("system_c", steps).parting.key == ("gradient", "conv_transpose.weight")


OPTIMIZERS = {
    "another convention": nn.Adam(convention="torch"),
    "another epsilon": nn.Adam(epsilon=1e-8),
    "another beta_1": nn.Adam(beta_1=0.91),
    "another beta_2": nn.Adam(beta_2=0.99),
    "decay": nn.AdamW(weight_decay=0.01),
    "another rate": nn.Adam(0.001001),
    "rmsprop": nn.RMSprop(),
}


@pytest.mark.parametrize("fault", OPTIMIZERS)
def test_another_update_is_found(fault):
    task, _ = prepared("system_e")
    steps = told(replace(task, optimizer=OPTIMIZERS[fault].config()))
    parting = judged("system_e", steps).parting
    first = 2 if fault == "another beta_1" else 1  # the correction takes it out of the first step
    assert (parting.step, parting.key[0]) == (first, "parameter"), parting.reason
    assert "after the update parts" in parting.reason


def test_the_first_step_at_fault_is_named():
    task, _ = prepared("system_e", 6)
    change = partial(scaled, "gradients", "conv.bias", 1.01)
    parting = judged("system_e", told(task, faulty(change, since=4)), 6).parting
    assert (parting.step, parting.key) == (4, ("gradient", "conv.bias"))


def test_a_layer_that_does_not_learn_is_named():
    task, _ = prepared("system_c")
    layers = [dict(layer) for layer in task.layers]
    layers[3]["learning_rate_factor"] = 0.0
    parting = judged("system_c", told(replace(task, layers=layers))).parting
    assert (parting.step, parting.key) == (1, ("parameter", "conv_transpose.weight"))


def test_errors_that_add_up_are_found_over_the_run():
    """Each update is off by less than rounding explains, always to the same side."""
    task, growth = prepared("system_e", 20)

    def train(layers, weights, batches, loss, optimizer):
        for step in in_float64(layers, weights, batches, loss, optimizer):
            for array in step["parameters"].values():
                array *= 1 + 32 * 2.0**-24
            yield step

    found = compare(task, told(task, train), growth, 0)
    assert found.by_itself < 1
    assert "parts over the run" in found.parting.reason
    assert found.parting.step > 2


def spoiled(field, name, value, step):
    step[field] = step[field] | {name: value}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda step: step.pop("loss"), "loss is missing"),
        (lambda step: step.pop("gradients"), r"gradient of conv_transpose\.weight is missing"),
        (lambda step: step.update(loss=np.nan), "loss parts: expected .*, got nan, inf times"),
        (lambda step: step.update(loss=np.zeros(2)), r"loss has shape \(2,\), not \(\)"),
        (lambda step: step.update(loss="low"), "loss is an array of <U3, not an array"),
        (
            partial(spoiled, "gradients", "conv.bias", np.zeros(3)),
            r"gradient of conv.bias has shape \(3,\), not \(32,\)",
        ),
        (
            partial(spoiled, "parameters", "conv.bias", np.full(32, np.nan)),
            r"conv.bias after the update parts at \(0,\): .* got nan",
        ),
        (
            partial(spoiled, "outputs", "relu", np.zeros(3)),
            r"result of relu has shape \(3,\), not \(4, 32, 16, 12\)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_told(change, problem):
    task, _ = prepared("system_e")
    parting = judged("system_e", told(task, faulty(change, since=2))).parting
    assert parting.step == 2
    assert re.match(f"step 2: {problem}", parting.reason)


def test_too_few_steps_are_told():
    task, _ = prepared("system_e")
    parting = judged("system_e", told(task)[:2]).parting
    assert parting.reason == "step 3: loss is missing: 2 steps were made"


# The command -------------------------------------------------------------------------------------

IMPORTS = "from deconv_ref import nn\nfrom deconv_ref.conformance.frameworks import _cpu_network\n"
FILES = {
    "right": IMPORTS + "train = _cpu_network.train\n",
    "wrong": IMPORTS
    + "right = nn.MaxPool._backward\n"
    + "nn.MaxPool._backward = lambda *arguments: right(*arguments) * 1.01\n"
    + "train = _cpu_network.train\n",
    "refusing": "def train(*_):\n    raise NotImplementedError('no\\nnetworks')\n",
    "dying": "import os\n\n\ndef train(*_):\n    os.abort()\n",
    "slow": "import time\n\n\ndef train(*_):\n    time.sleep(60)\n",
    "other": "def conv(x):\n    return x\n",
    "lost": "CONVENTION = 'adam'\n\n\ndef train(*_):\n    return []\n",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainers")
    for name, source in FILES.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")

    def command(*arguments):
        options = {"capture_output": True, "text": True, "timeout": 120, "cwd": folder}
        return subprocess.run([*COMMAND, *map(str, arguments)], **options)

    return command


def test_the_command_tells_verdicts_and_reasons(run, tmp_path):
    report = tmp_path / "report.json"
    targets = ("right.py", "wrong.py", "refusing.py", "dying.py", "scipy")
    finished = run(*targets, "--op", "system_c", "--steps", 2, "--seed", 3, "--json", report)
    assert (finished.returncode, finished.stderr) == (1, "")
    assert "right system_c: conforms\n" in finished.stdout
    (row,) = re.findall(r"^│ (system_c .*) │$", finished.stdout, re.M)
    verdicts = ["conforms", "wrong", "refuses", "crashes", "absent"]
    assert re.split(r" +│ ", row.strip()) == ["system_c", *verdicts]
    assert "wrong, system_c (wrong)\n  step 1: gradient that max_pool_1 passes" in finished.stdout
    assert "refusing, system_c (refuses)\n  NotImplementedError: no networks" in finished.stdout
    document = json.loads(report.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["seed"] == 3
    assert [result["verdict"] for result in document["results"]] == verdicts
    for result in document["results"]:
        assert (result["op"], result["quantity"]) == ("system_c", "training")
        assert (result["counterexample"] is None) == (result["verdict"] in ("conforms", "absent"))
    found = document["results"][1]["counterexample"]
    at = {"seed": 3, "steps": 1, "layer": "max_pool_1", "array": "passed max_pool_1"}
    assert found["parameters"].items() >= at.items()
    assert found["expected"]["shape"] == found["got"]["shape"] == []
    script = tmp_path / "again.py"
    script.write_text(found["script"], encoding="utf-8")
    again = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert again.returncode == 1
    assert document["results"][1]["reason"] in again.stdout


def test_quiet_prints_the_table_alone_and_a_target_has_its_time(run):
    finished = run("slow.py", "--op", "system_e", "--steps", 1, "--timeout", 0.5, "--quiet")
    assert finished.returncode == 1
    lines = finished.stdout.splitlines()
    assert lines[0].startswith("┏") and lines[-1].startswith("└")
    assert "crashes" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cpu", "--op", "conv"], "unknown system 'conv'; known: system_a, .*system_e"),
        (["other.py"], "other.py: has no function train to check"),
        (["lost.py"], 'lost.py: CONVENTION must be "keras" or "torch", got \'adam\''),
        (["no_such.py"], "no_such.py: no such file"),
        (["cpu", "--html", "page.html"], "writes no --html"),
        (["cpu", "--dtype", "float64"], "--network trains in float32"),
        (["cpu", "--steps", "0"], "--steps"),
    ],
    ids=str,
)
def test_misuse_is_status_2_and_one_line(arguments, message, run):
    finished = run(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", finished.stderr)
