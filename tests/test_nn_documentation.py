"""The public names of `deconv_ref.nn` explain themselves, and cost nothing that is not used."""

import inspect
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.nn.configuration import rebuild

COMMON = ("name", "learning_rate_factor")  # of every layer, explained in `Layer`
OPTIMIZERS = [name for name in nn.__all__ if issubclass(getattr(nn, name), nn.Optimizer)]


def documented(thing, section):
    text = inspect.getdoc(thing)
    parts = re.split(r"^(\w[\w ]*)\n-+$", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True)).get(section, "")
    return ", ".join(re.findall(r"^\**(\w[\w, ]*) : ", found, re.MULTILINE)).split(", ")


def test_public_names_are_sorted_and_there():
    assert sorted(nn.__all__) == sorted(set(nn.__all__))
    assert all(hasattr(nn, name) for name in nn.__all__)
    for name, thing in vars(nn).items():
        if inspect.isclass(thing) and thing.__module__.startswith("deconv_ref.nn"):
            assert name in nn.__all__


@pytest.mark.parametrize("name", nn.__all__)
def test_parameters_are_documented_as_they_are(name):
    cls = getattr(nn, name)
    assert inspect.getdoc(cls) and cls.__name__ == name
    if cls is nn.Fans:
        return
    parameters = inspect.signature(cls).parameters.values()
    told = COMMON if cls is nn.Layer else ()
    names = [p.name for p in parameters if p.name not in COMMON or p.name in told]
    in_order = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    found = documented(cls, "Parameters")
    assert sorted(found) == sorted(names or [""])
    assert found[: len(in_order)] == (in_order or found[:0])


METHODS = [
    (cls, name)
    for cls in (nn.Sequential, nn.Layer, nn.Optimizer, nn.Loss, nn.Metric, nn.Initializer)
    for name, _ in inspect.getmembers(cls, inspect.isfunction)
    if not name.startswith("_") or name == "__call__"
]


@pytest.mark.parametrize(("cls", "name"), METHODS, ids=str)
def test_methods_document_their_parameters(cls, name):
    method = getattr(cls, name)
    parameters = [p for p in inspect.signature(method).parameters if p != "self"]
    assert inspect.getdoc(method)
    assert documented(method, "Parameters") == (parameters or [""])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_print_their_equations(name):
    if name != "Optimizer":
        assert ".. math::" in inspect.getdoc(getattr(nn, name))


def test_import_needs_no_framework():
    later = ("torch", "tensorflow", "keras", "jax", "scipy", "numba", "hypothesis", "safetensors")
    program = f"import sys; import deconv_ref.nn; print([n for n in {later} if n in sys.modules])"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"


def test_a_name_belongs_to_one_class():
    with pytest.raises(dr.ParameterError, match=r"of no other class.*deconv_ref\.nn\..*\.Relu\. "):

        class Relu(nn.Layer):
            pass

    assert type(rebuild(nn.Layer, {"class": "Relu"})) is nn.Relu
    for answer in (1, 2):  # as a notebook does, whose cell runs again

        class Answer(nn.Metric):
            def _measure(self, prediction, target, value=answer):
                return value

    assert type(rebuild(nn.Metric, {"class": "Answer"})) is Answer


def test_an_own_layer_is_kept_and_rebuilt(tmp_path):
    @dataclass(eq=False)
    class Scale(nn.Layer):
        factor: float

        def _forward(self, x, training):
            return x * np.float32(self.factor), ()

        def _backward(self, grad_y):
            return grad_y * np.float32(self.factor)

    model = nn.Sequential([Scale(3.0), nn.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((2, 3), np.float32)
    model.train_step(x, x[:, :1])
    model.save(tmp_path / "own.safetensors")
    loaded = nn.Sequential.load(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
