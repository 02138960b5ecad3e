"""``deconv-ref train``: what it writes and says, that it repeats, is interrupted and goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from commanding import PROGRAM, runner, write_digits, write_idx, write_images

from deconv_ref import nn
from deconv_ref.commands import bars
from deconv_ref.commands.train import Files, System
from deconv_ref.imaging import read_image, write_image
from deconv_ref.imaging.tasks import TASKS

SMALL = "--samples 48 --epochs 2 --learning-rate 0.01"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def images(tmp_path):
    write_images(tmp_path / "images")
    write_images(tmp_path / "others", seed=1, sizes=((37, 42),))
    return tmp_path


@pytest.fixture
def digits(tmp_path):
    write_digits(tmp_path / "digits")
    return tmp_path


def figures(out):
    """Read the measured figures by their names."""
    return {name: float(value) for name, value in re.findall(r"(\w+) ([-\d.]+|inf) (?:dB|%)", out)}


def only_complaint(finished, pattern):
    status, out, err = finished
    assert (status, out) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{pattern}.*\n", err), err


# What it writes and says


def test_the_command_knows_all_tasks():
    assert [system.value for system in System] == list(TASKS)


@pytest.mark.parametrize("system", ["A", "C", "E"])
def test_an_image_system_learns(run, images, system):
    arguments = f"train {system} --images images --validate others --epochs 4 --batch-size 4"
    status, out, err = run(arguments, "--samples 64 --learning-rate 0.005")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines[:4]] == [f"epoch {i}/4" for i in range(1, 5)]
    assert all(word in lines[0] for word in ("loss", "psnr", "val_loss", "val_psnr"))
    name = system.lower()
    assert lines[4] == f"{name}.safetensors: system {system}, 4 epochs"
    assert lines[6] == f"{name}-loss.png, {name}-before-after.png"
    found = figures(lines[5])
    assert found["trained"] > found["untrained"] + 2
    assert (
        found.keys() - {"trained", "untrained"}
        == {
            "A": set(),
            "C": {"damaged"},
            "E": {"bicubic"},
        }[system]
    )
    written = {path.name for path in images.iterdir() if path.is_file()}
    assert written == {f"{name}.safetensors", f"{name}-loss.png", f"{name}-before-after.png"}
    for picture in ("loss", "before-after"):
        assert np.ptp(read_image(images / f"{name}-{picture}.png")) > 0.9


def test_the_classifier_learns(run, digits):
    status, out, err = run("train d1 --images digits --epochs 12 --batch-size 8")
    assert (status, err) == (0, "")
    assert "accuracy" in out.splitlines()[0] and "val_accuracy" in out.splitlines()[0]
    found = figures(out.splitlines()[-2])
    assert found["trained"] > 80 > 40 > found["untrained"]


def test_the_reconstruction_learns(run, digits):
    status, out, err = run("train D2 --images digits --epochs 2 --samples 20 --batch-size 10")
    assert (status, err) == (0, "")
    found = figures(out.splitlines()[-2])
    assert found["trained"] > found["untrained"]
    assert 0 < found["bicubic"] < 60


def test_the_model_tells_where_it_comes_from(run, images):
    run("train E --images images --seed 3 --out model", SMALL)
    model = nn.Sequential.load(images / "model")
    assert model.notes["system"] == "E"
    plan = {"samples": 48, "epochs": 2, "learning_rate": 0.01, "seed": 3, "batch_size": 16}
    assert plan.items() <= model.notes["plan"].items()
    assert len(model.notes["history"]["loss"]) == 2
    assert model.optimizer.learning_rate == 0.01
    assert model.seed == 3


def test_the_learning_rate_falls_evenly_to_0(run, images, monkeypatch):
    rates = []
    update = nn.Adam.update

    def spy(self, *arguments):
        rates.append(self.learning_rate)
        return update(self, *arguments)

    monkeypatch.setattr(nn.Adam, "update", spy)
    run("train E --images images", SMALL)
    np.testing.assert_allclose(rates, 0.01 * (1 - np.arange(6) / 6), rtol=1e-12)


def test_quiet_prints_the_results_alone(run, images):
    _, out, _ = run("train A --images images --quiet", SMALL)
    assert out == "a.safetensors: system A, 2 epochs\na-loss.png, a-before-after.png\n"


def test_without_matplotlib_there_are_no_pictures(run, images, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, out, _ = run("train A --images images --quiet", SMALL)
    assert status == 0
    assert 'no pictures without Matplotlib: python -m pip install "deconv-ref[plot]"' in out
    assert not list(images.glob("*.png"))


# The same again


def test_the_seed_decides_all_bits(run, images):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        run(f"train C --images images --validate others --seed {seed} --out {name}", SMALL)
    one, two, three = ((images / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two != three
    pictures = [(images / f"{name}-before-after.png").read_bytes() for name in ("one", "two")]
    assert pictures[0] == pictures[1]


def test_a_model_of_ours_is_replaced(run, images):
    run("train C --images images --out model", SMALL)
    assert run("train E --images images --out model", SMALL)[0] == 0
    assert nn.Sequential.load(images / "model").notes["system"] == "E"


LONG = "train E --images images --samples 160 --epochs 8 --out"


def begin(folder, name):
    command = [*PROGRAM, *LONG.split(), name]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stop_later(folder, name, number, seconds=0.1):
    """Begin, and send a signal some time after the first checkpoint: status and complaints."""
    process, checkpoint = begin(folder, name), Files(folder / name).checkpoint
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.001)
    time.sleep(seconds)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if not (folder / name).exists():
        return process.returncode, err
    assert seconds > 1e-6, "it minds no signals"
    for path in folder.glob(f"{Path(name).stem}*"):  # it was over before, on a fast machine
        path.unlink()
    return stop_later(folder, name, number, seconds / 4)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    write_images(folder / "images")
    process = begin(folder, "whole.safetensors")
    assert process.communicate(timeout=120)[1] == ""
    return (folder / "whole.safetensors").read_bytes()


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(run, images, undisturbed):
    seconds = np.random.default_rng().uniform(0, 0.3)  # another moment on each run of the tests
    checkpoint = images / "killed.checkpoint.safetensors"
    stop_later(images, "killed.safetensors", signal.SIGKILL, seconds)
    assert not (images / "killed.safetensors").exists()
    status, out, _ = run(LONG, "killed.safetensors")
    assert status == 0
    assert len(re.findall("^epoch", out, re.MULTILINE)) < 8, "it began anew"
    assert (images / "killed.safetensors").read_bytes() == undisturbed, seconds
    assert not checkpoint.exists()


def test_an_interrupted_training_says_how_to_go_on(run, images, undisturbed):
    status, err = stop_later(images, "stopped", signal.SIGINT)
    assert status == 130
    kept = "stopped.checkpoint.safetensors is kept: the same command goes on from there"
    assert err.splitlines() == [f"deconv-ref: {kept}", "deconv-ref: interrupted"]
    assert run(LONG, "stopped")[0] == 0
    assert (images / "stopped").read_bytes() == undisturbed


def test_a_checkpoint_of_another_training_is_not_gone_on_with(run, images):
    checkpoint = Files(images / "e.safetensors").checkpoint
    stop_later(images, "e.safetensors", signal.SIGKILL)
    words = LONG.removesuffix(" --out")
    for other, differ in (
        (words.replace("E", "C"), "system, .*"),
        (f"{words} --seed 1", "seed, images"),
        (f"{words} --learning-rate 0.5", "learning rate"),
        (words.replace("8", "9"), "epochs"),
        (f"{words} --validate others", "validate"),
    ):
        pattern = f"e.checkpoint.safetensors is of a training with another {differ}: give that"
        only_complaint(run(other, "--out e.safetensors"), pattern)
    checkpoint.unlink()
    run("train E --images images --out finished", SMALL)
    (images / "finished").rename(checkpoint)
    pattern = "e.checkpoint.safetensors is in the way, no unfinished training of"
    only_complaint(run("train E --images images", SMALL), pattern)
    model = nn.Sequential([nn.Dense(1)])
    model.notes = {"system": "E"}  # and no more
    model.compile("sgd", "mse")
    model.fit(*np.ones((2, 3, 1), np.float32), checkpoint=checkpoint)
    only_complaint(run("train E --images images", SMALL), pattern)


# Ctrl-C, between any two batches


def interrupting(monkeypatch, place, times=1):
    """Press Ctrl-C while bars show a place, (epoch, batch, complete)."""

    @contextmanager
    def watched(quiet):
        def tell(now):
            if (now.epoch, now.batch, now.complete) == place:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)

        yield tell

    monkeypatch.setattr(bars, "training", watched)


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ((1, 1, False), (0, 1)),
        ((1, 2, False), (0, 2)),
        ((1, 3, True), (1, 1)),  # the epoch is kept, and then the next batch
        ((2, 3, False), (1, 3)),
        ((2, 3, True), (2, 0)),
    ],
)
def test_ctrl_c_keeps_every_batch(run, images, place, kept):
    whole = run("train C --images images --out whole", SMALL)
    with pytest.MonkeyPatch.context() as patched:
        interrupting(patched, place)
        status, _, err = run("train C --images images --out stopped", SMALL)
    assert status == 130
    told = "stopped.checkpoint.safetensors is kept: the same command goes on from there"
    assert err.splitlines() == [f"deconv-ref: {told}", "deconv-ref: interrupted"]
    at = nn.Sequential.load(images / "stopped.checkpoint.safetensors").run
    assert (at.epoch, at.batch) == kept
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert whole[0] == run("train C --images images --out stopped", SMALL)[0] == 0
    assert (images / "stopped").read_bytes() == (images / "whole").read_bytes()


def test_a_second_ctrl_c_ends_it_at_once(run, images, monkeypatch):
    interrupting(monkeypatch, (1, 2, False), times=2)
    status, _, err = run("train E --images images", SMALL)
    assert status == 130
    told = "no checkpoint as yet: the same command begins anew"
    assert err.splitlines() == [f"deconv-ref: {told}", "deconv-ref: interrupted"]
    assert not list(images.glob("e*"))


def test_ctrl_c_that_somebody_ignores_stays_ignored(run, images, monkeypatch):
    interrupting(monkeypatch, (1, 2, False))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run("train E --images images", SMALL)[0] == 0
    finally:
        signal.signal(signal.SIGINT, before)


# Divergence


@pytest.mark.parametrize(
    ("update", "epoch", "kept"), [(1, 1, None), (3, 1, None), (4, 2, 1), (6, 2, 1)]
)
def test_a_training_that_diverges_ends_and_keeps_what_was_sound(
    run, images, monkeypatch, update, epoch, kept
):
    def diverge(self, parameters, *_):
        self.steps += 1
        if self.steps == update:
            for array in parameters.values():
                array[...] = np.nan

    monkeypatch.setattr(nn.Adam, "update", diverge)
    status, _, err = run("train E --images images --quiet", SMALL)
    assert status == 2
    remedy = "give a smaller --learning-rate"
    remedy += " with another --out, or remove e.checkpoint.safetensors" if kept else ""
    assert err == f"deconv-ref: training diverged in epoch {epoch}: {remedy}\n"
    written = {path.name for path in images.iterdir() if path.is_file()}
    assert written == ({"e.checkpoint.safetensors"} if kept else set())
    if kept:
        model = nn.Sequential.load(images / "e.checkpoint.safetensors")
        assert model.run.epoch == kept
        assert all(np.isfinite(array).all() for array in model.parameters.values())


# The pictures


def test_pictures_do_not_become_samples(run, images, monkeypatch):
    for arguments in (
        "A --images images --out images/a",
        "C --images images --validate others --out others/c",
    ):
        folder = arguments.split()[-1].split("/")[0]
        only_complaint(run("train", arguments, SMALL), f"pictures among the images of {folder}: ")
    monkeypatch.chdir(images / "images")
    only_complaint(run("train A --images .", SMALL), "a.safetensors would have its pictures among")
    (images / "link").symlink_to(images / "images")
    only_complaint(run("train A --images ../link", SMALL), "among the images of ../link")
    assert all(path.suffix == ".png" for path in (images / "images").iterdir())


def test_a_model_may_stand_beside_idx_files(run, digits):
    finished = run("train D1 --images digits --out digits/d1 --epochs 1 --quiet")
    assert finished[::2] == (0, "")


def test_pictures_of_others_are_not_replaced(run, images):
    for name in ("e-loss.png", "e-before-after.png"):
        (images / name).write_text("precious")
        pattern = f"{name} is in the way, a picture without its model: remove it, or"
        only_complaint(run("train E --images images", SMALL), pattern)
        assert (images / name).read_text() == "precious"
        (images / name).unlink()
    assert run("train E --images images", SMALL)[0] == 0
    first = (images / "e-loss.png").read_bytes()
    assert run("train E --images images --seed 1", SMALL)[0] == 0
    assert (images / "e-loss.png").read_bytes() != first, "pictures of ours are"


# On a terminal


def test_a_terminal_gets_a_bar_with_loss_and_time_left(images):
    pty = pytest.importorskip("pty", reason="terminals are emulated as POSIX systems do")
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [*PROGRAM, "train", "E", "--images", "images", *SMALL.split()]
    streams = {"stdout": terminal, "stderr": terminal}
    process = subprocess.Popen(command, cwd=images, env=environment, **streams)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:  # what Linux makes of a terminal that is closed
        pass
    os.close(controller)
    assert process.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[\d;?]*\w", "", shown.decode())
    assert re.search(r"epoch \d+/2 ━+ +\d+% loss 0\.\d+ \d:\d\d:\d\d", text), text
    assert "epoch 2/2: loss" in text


# Misuse


@pytest.fixture(scope="module")
def misused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("misused")
    write_images(folder / "images")
    image = np.random.default_rng(0).random((3, 40, 40))
    for name in ("empty", "small", "cut", "text"):
        (folder / name).mkdir()
        write_image(folder / name / "0.png", image)
    (folder / "empty" / "0.png").rename(folder / "empty" / "notes.txt")
    write_image(folder / "small" / "1.png", image[:, :31])
    (folder / "cut" / "1.png").write_bytes((folder / "cut" / "0.png").read_bytes()[:2000])
    (folder / "text" / "1.png").write_text("no image")
    (folder / "foreign").write_text("precious")
    nn.Sequential([nn.Relu()]).save(folder / "network")
    (folder / "ours.checkpoint.safetensors").write_text("precious")
    model = TASKS["A"].build(seed=0)
    model.notes = {"system": "A"}
    model.save(folder / "cut.model")
    content = (folder / "cut.model").read_bytes()
    (folder / "cut.model").write_bytes(content.replace(b"Adam", b"Adim"))
    for name in ("digits", "unlabelled", "mismatched", "eleven", "wide", "broken"):
        write_digits(folder / name)
    (folder / "unlabelled" / "train-labels-idx1-ubyte").unlink()
    write_idx(folder / "mismatched" / "train-labels-idx1-ubyte", np.zeros(59))
    write_idx(folder / "eleven" / "train-labels-idx1-ubyte", np.arange(60) % 12)
    write_idx(folder / "wide" / "train-images-idx3-ubyte", np.zeros((60, 29, 28)))
    (folder / "broken" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("X --images images", "'X' is not one of '[Aa]', .*'[Ee]'"),
        ("E", "Missing option '--images'"),
        ("E --images nowhere", "folder of images, got nowhere: .*No such file"),
        ("E --images images/0.png", "Not a directory"),
        ("E --images empty", "none of its 1 files ends in .bmp"),
        ("E --images small", "images of at least 32 x 32 pixels, got small/1.png: it has 40 x 31"),
        ("E --images cut", "image file that can be read, got cut/1.png"),
        ("E --images text", "image file that can be read, got text/1.png"),
        ("E --images images --validate nowhere", "got nowhere: .*No such file"),
        ("E --images images --out no/such/file", "cannot write no/such/file"),
        ("E --images images --out images", "cannot write images: it must be a file"),
        ("E --images images --out foreign", "foreign is in the way, no model of"),
        ("E --images images --out network", "network is in the way"),
        ("E --images images --out ours", "ours.checkpoint.safetensors is in the way"),
        ("E --images images --out cut.model", "cut.model is in the way, .*contents do not have"),
        ("E --images images --samples 99999999999999999999", "--samples.*2147483647"),
        ("E --images images --epochs 99999999999999999999", "--epochs.*2147483647"),
        ("E --images images --batch-size 99999999999999999999", "--batch-size.*2147483647"),
        ("E --images images --epochs 0", "--epochs.*1"),
        ("E --images images --samples 0", "--samples.*1"),
        ("E --images images --batch-size x", "--batch-size.*integer"),
        ("E --images images --learning-rate -1", "--learning-rate.*0"),
        ("E --images images --learning-rate nan", "--learning-rate"),
        ("E --images images --seed -1", "--seed.*0"),
        ("D1 --images nowhere", "folder of idx files, got nowhere: No such file"),
        ("D1 --images images", "train-images-idx...-ubyte or .* got images without it"),
        ("D1 --images unlabelled", "train-labels-idx...-ubyte.*, got unlabelled without it"),
        ("D1 --images mismatched", "60 labels .* got .*train-labels-idx1-ubyte: uint8 of shape"),
        ("D1 --images eleven", "labels from 0 to 9, got .*train-labels.*: a label of 11"),
        ("D1 --images wide", "28 x 28 bytes, got .*: uint8 of shape .60, 29, 28."),
        ("D2 --images broken", "a whole idx file, got .*train-images"),
        ("D2 --images digits --validate images", "t10k-images-idx...-ubyte"),
    ],
)
def test_misuse_is_status_2_and_one_line(misused, monkeypatch, capsys, arguments, message):
    before = sorted(misused.rglob("*"))
    only_complaint(runner(misused, monkeypatch, capsys)("train", arguments), message)
    assert sorted(misused.rglob("*")) == before
    assert (misused / "foreign").read_text() == "precious"
