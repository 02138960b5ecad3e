"""Model files: whole or untouched, read without running anything, not believed when damaged."""

import json
import pickle
import re
import traceback

import nn_run
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save, save_file

import deconv_ref as dr
from deconv_ref import nn
from deconv_ref.nn import storage


@pytest.fixture(scope="module")
def trained():
    model = nn_run.network()
    x, y = nn_run.data()
    for _ in range(2):
        model.train_step(x[:5], y[:5])
    return model


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    trained.save(path)
    return path


OPTIMIZERS = ["sgd", nn.SGD(momentum=0.5), nn.RMSprop(momentum=0.5), "adam", nn.AdamW()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_loaded_model_is_the_saved_one(tmp_path, optimizer):
    x, y = nn_run.data()
    model = nn_run.network(optimizer)
    model.train_step(x, y)
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    assert loaded.config() == json.loads(json.dumps(model.config()))
    assert loaded.optimizer.config() == model.optimizer.config()
    assert loaded.optimizer.steps == 1
    assert loaded.summary() == model.summary()
    for again in range(3):  # masks, statistics and the optimizer go on alike
        assert loaded.train_step(x, y) == model.train_step(x, y), again
    weights = model.get_weights()
    for name, array in loaded.get_weights().items():
        np.testing.assert_array_equal(array, weights[name])
    assert loaded.evaluate(x, y) == model.evaluate(x, y)


def test_a_float64_model_stays_one(tmp_path):
    model = nn.Sequential([nn.Dense(2)], dtype="float64")
    model.build((3,))
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.optimizer is None


def test_a_model_that_is_not_built_can_be_kept(tmp_path):
    model = nn.Sequential([nn.Dense(2)], seed=5)
    model.compile("adam", "mse")
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_layers_of_another_network_are_kept_once_theirs_is_built(tmp_path):
    path = tmp_path / "model.safetensors"
    whole = nn.Sequential([nn.Dense(4), nn.Relu(), nn.Dense(2)])
    whole.build((3,))
    part = nn.Sequential(whole.layers[:2])
    with pytest.raises(dr.ParameterError, match="save: the network must be built itself"):
        part.save(path)
    assert not path.exists()
    part.build((3,))
    part.save(path)
    weights = nn.Sequential.load(path).get_weights()
    np.testing.assert_array_equal(weights["dense.weight"], whole.parameters["dense.weight"])


NOTES = [
    {},
    {"epoch": 3, "losses": [0.5, float("inf")], "of": {"name": "\ud800é", "seed": 2**200}},
    {10: "ten", 9: {None: 1, True: [2.5]}, 1.5: ()},
    {"nested": [[[{}]]] * 3},
]


@pytest.mark.parametrize("notes", NOTES, ids=str)
def test_notes_come_back_as_json_has_them(tmp_path, notes):
    model = nn.Sequential([])
    model.notes = notes
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Sequential.load(tmp_path / "model.safetensors")
    assert loaded.notes == json.loads(json.dumps(notes))


ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("notes", "match"),
    [
        ({"a": np.float32(1)}, "what JSON can hold, got .*float32 is not JSON"),
        ({(1, 2): 3}, "what JSON can hold, got .*keys must be"),
        ({1: "a", "1": "b"}, r"what JSON can hold, got .*two keys of one text among \['1', '1'\]"),
        ({"a": ENDLESS}, "what JSON can hold, got .*Circular"),
        ("text", "a dict, got 'text'"),
    ],
    ids=["numpy", "tuple", "twice", "endless", "text"],
)
def test_notes_that_no_file_can_hold_are_told(tmp_path, notes, match):
    model = nn.Sequential([])
    model.notes = notes
    with pytest.raises(dr.ParameterError, match=f"save: notes must be {match}"):
        model.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_file_is_plain_safetensors(trained, saved):
    arrays = load(saved.read_bytes())
    for name, array in trained.get_weights().items():
        np.testing.assert_array_equal(arrays[name], array)
    np.testing.assert_array_equal(
        arrays["optimizer/dense.bias/mean"], trained.optimizer.state["dense.bias"]["mean"]
    )


def test_the_same_model_makes_the_same_file(trained, saved, tmp_path):
    trained.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


# Files that are no models


def fails(path, match):
    with pytest.raises(dr.ParameterError, match=match) as raised:
        nn.Sequential.load(path)
    assert re.search(re.escape(str(path)), str(raised.value))
    assert "During handling" not in "".join(traceback.format_exception(raised.value))


def test_a_file_cut_short_is_told(saved, tmp_path):
    data, path = saved.read_bytes(), tmp_path / "cut.safetensors"
    for size in [0, 3, 8, 100, 2000, len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:size])
        fails(path, "cut short, damaged or in another format")
    path.write_bytes(data + b"\0")
    fails(path, "cut short, damaged or in another format")


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_is_found_or_changes_nothing(saved, tmp_path_factory, data):
    whole = bytearray(saved.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    path.write_bytes(whole)
    try:
        loaded = nn.Sequential.load(path)
    except dr.ParameterError as error:
        assert str(path) in str(error)
    else:  # a blank of the header became another
        arrays, document = storage.read(saved)
        got, other = storage.read(path)
        assert other == document
        assert loaded.get_weights().keys() <= got.keys() == arrays.keys()
        assert all(got[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_a_changed_weight_is_found(saved, tmp_path):
    whole = bytearray(saved.read_bytes())
    whole[-1] ^= 1
    path = tmp_path / "changed.safetensors"
    path.write_bytes(whole)
    fails(path, "do not have the digest .* The file is damaged")


def test_files_of_other_programs_are_told(tmp_path):
    path = tmp_path / "other"
    fails(path, "No such file or directory")
    fails(tmp_path, "Is a directory")
    path.write_bytes(pickle.dumps({"weights": [1, 2]}))
    fails(path, "cut short, damaged or in another format")
    save_file({"a": np.zeros(3)}, path)
    fails(path, "a safetensors file of another program")
    header = b'{"__metadata__":null}'
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    fails(path, "a safetensors file of another program")
    save_file({"a": np.zeros(3)}, path, {"format": "pt"})
    fails(path, "a safetensors file of another program")
    for text in ("", "[]", "[" * 100_000, '{"version": 1}', '"text"'):
        path.write_bytes(save({"a": np.zeros(3)}, {storage.KEY: text}))
        fails(path, "do not have the digest")
    path.write_bytes(
        save({}, {storage.KEY: json.dumps({"version": 9, "sha256": "", "document": {}})})
    )
    fails(path, "has version 9, not 1. Read it with the version of deconv_ref that wrote it")


def nested(depth):
    """Describe initializers inside each other."""
    config = {"class": "Zeros"}
    for _ in range(depth):
        config = {"class": "Icnr", "factor": 1, "initializer": config}
    return config


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: d["network"]["layers"][0].update({"class": "Mystery"}), "got Mystery"),
        (lambda d: d["network"]["layers"][0].update({"colour": 1}), "colour"),
        (lambda d: d["network"]["layers"][0].update({"filters": 5}), "conv.weight must be"),
        (lambda d: d["network"].update({"class": "Conv"}), "a Sequential that deconv_ref.nn knows"),
        (lambda d: d["compiled"]["optimizer"].update({"class": "Relu"}), "got Relu"),
        (lambda d: d["network"]["layers"][0].update({"filters": 2**62}), "filters must be"),
        (lambda d: d["network"]["layers"].append(nested(900)), "recursion"),
        (lambda d: d["network"]["layers"].pop(), r"\['dense.bias', 'dense.weight', 'opt"),
        (lambda d: d.update(compiled=None), r"arrays must be .*\['optimizer/batch_norm.beta/mean'"),
        (lambda d: d.update(input_shape=None), r"\['batch_norm.beta', "),
        (lambda d: d["generators"].pop(), "zip"),
        (lambda d: d["generators"][0].pop("state"), "state"),
        (lambda d: d.pop("compiled"), "compiled"),
        (lambda d: d.clear(), "network"),
    ],
)
def test_a_description_that_makes_no_network_is_told(saved, tmp_path, change, match):
    arrays, document = storage.read(saved)
    change(document)
    path = tmp_path / "odd.safetensors"
    storage.write(path, arrays, document)
    fails(path, f"description makes no network here .*{match}")
