"""``deconv-ref apply`` and ``deconv-ref compare``: images of all kinds and sizes, and none."""

import re

import numpy as np
import PIL.Image
import pytest
from commanding import runner, smooth

from deconv_ref import nn
from deconv_ref.imaging import compare, read_image, rgb2ycbcr, write_image
from deconv_ref.imaging.tasks import TASKS

SCALE = {"A": 1, "C": 1, "E": 2}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models that are not trained, but for a bias that keeps results off black."""
    folder = tmp_path_factory.mktemp("models")
    for name, task in TASKS.items():
        model = task.build(seed=1)
        model.build({"D1": (1, 28, 28), "D2": (64, 14, 14)}.get(name, (3, 8, 8)))
        model.notes = {"system": name}
        last = [key for key in model.parameters if key.endswith(".bias")][-1]
        model.parameters[last][...] += 0.5
        model.save(folder / name)
    nn.Sequential([nn.Relu()]).save(folder / "other")
    (folder / "text").write_text("no model")
    model.notes = {"system": ["A"]}
    model.save(folder / "listed")
    model = TASKS["A"].build(seed=1)
    model.build((3, 8, 8))
    model.notes = {"system": "A"}
    for array in model.parameters.values():
        array[...] = np.nan
    model.save(folder / "diverged")
    return folder


def result(models, system, x):
    """Send floats of three channels through a model, in one piece."""
    return nn.Sequential.load(models / system).predict(x[None].astype(np.float32))[0]


def levels(x, white=255):
    return np.floor(np.clip(x.astype(np.float64), 0, 1) * white + 0.5).astype(int)


# Images of all kinds


@pytest.mark.parametrize("system", SCALE)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 40), (31, 5)])
def test_an_image_of_any_size(run, models, tmp_path, system, size):
    x = smooth(np.random.default_rng(0), 3, *size)
    write_image(tmp_path / "in.png", x)
    assert run(f"apply {models}/{system} in.png out.png") == (0, "", "")
    rows, columns = size
    even = np.pad(x, [(0, 0), (0, rows % 2), (0, columns % 2)], mode="edge")
    stored = (levels(even if system == "C" else x) / np.float32(255)).astype(np.float32)
    scale = SCALE[system]
    expected = levels(result(models, system, stored))[:, : scale * rows, : scale * columns]
    found = read_image(tmp_path / "out.png", integers=True)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 1 or size == (1, 1)


@pytest.mark.parametrize("system", SCALE)
def test_a_grey_image_stays_grey(run, models, tmp_path, system):
    x = smooth(np.random.default_rng(1), 1, 18, 24)
    write_image(tmp_path / "in.png", x)
    assert run(f"apply {models}/{system} in.png out.png")[0] == 0
    stored = levels(x) / np.float32(255)
    expected = result(models, system, np.repeat(stored, 3, axis=0)).mean(axis=0, keepdims=True)
    np.testing.assert_array_equal(read_image(tmp_path / "out.png", integers=True), levels(expected))


def test_sixteen_bits_stay_sixteen(run, models, tmp_path):
    deep = np.random.default_rng(2).integers(0, 65536, (1, 9, 8)).astype(np.uint16)
    write_image(tmp_path / "in.png", deep)
    assert run(f"apply {models}/E in.png out.png")[0] == 0
    found = read_image(tmp_path / "out.png", integers=True)
    x = np.repeat(deep / np.float32(65535), 3, axis=0)
    expected = levels(result(models, "E", x).mean(axis=0, keepdims=True), 65535)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "CMYK"])
def test_other_modes_become_grey_or_colour(run, models, tmp_path, mode):
    random = np.random.default_rng(3)
    shape = {"RGBA": (12, 10, 4), "LA": (12, 10, 2), "CMYK": (12, 10, 4)}.get(mode, (12, 10))
    pixels = random.integers(0, 256, shape).astype(np.uint8)
    image = PIL.Image.fromarray(pixels)
    if mode == "P":
        image.putpalette(random.integers(0, 256, 768).astype(np.uint8).tobytes())
    elif mode == "CMYK":
        image = PIL.Image.frombytes("CMYK", (10, 12), pixels.tobytes())
    elif mode == "1":
        image = image.convert("1")
    assert image.mode == mode
    image.save(tmp_path / "in.tif")
    assert run(f"apply {models}/A in.tif out.png") == (0, "", "")
    plain = read_image(tmp_path / "in.tif")
    write_image(tmp_path / "plain.png", plain)
    assert run(f"apply {models}/A plain.png other.png")[0] == 0
    out, other = (read_image(tmp_path / name) for name in ("out.png", "other.png"))
    np.testing.assert_array_equal(out, other)
    assert len(out) == (1 if mode in ("LA", "1") else 3)


def test_the_reconstruction_takes_its_own_size(run, models, tmp_path):
    write_image(tmp_path / "in.png", smooth(np.random.default_rng(4), 1, 28, 28))
    assert run(f"apply {models}/D2 in.png out.png") == (0, "", "")
    assert read_image(tmp_path / "out.png").shape == (1, 28, 28)
    write_image(tmp_path / "wide.png", smooth(np.random.default_rng(4), 3, 28, 29))
    status, _, err = run(f"apply {models}/D2 wide.png out.png")
    assert (status, err.count("\n")) == (2, 1)
    assert "grey image of 28 x 28 pixels, all that system D2 can take, got 29 x 28 in colour" in err


# None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{models}/A nowhere.png out.png", "got nowhere.png: .*No such file"),
        ("{models}/A text.png out.png", "image file that can be read, got text.png"),
        ("{models}/A cut.png out.png", "image file that can be read, got cut.png"),
        ("{models}/A floats.tif out.png", "floats.tif: it has 32-bit floats"),
        ("{models}/A huge.png out.png", "at most 400 pixels, got huge.png: .* 440 pixels"),
        ("{models}/A bomb.png out.png", "at most 400 pixels, got bomb.png"),
        ("{models}/A in.png out.txt", "cannot write out.txt: its name must end in .bmp"),
        ("{models}/A in.png no/out.png", "cannot write no/out.png"),
        ("{models}/A in.png folder.png", "cannot write folder.png"),
        ("{models}/D1 in.png out.png", "D1 names classes and makes no images"),
        ("{models}/other in.png out.png", "none that `deconv-ref train` trained"),
        ("{models}/listed in.png out.png", "none that `deconv-ref train` trained"),
        ("{models}/diverged in.png out.png", "without NaN, got NaN. A network that gives NaN has"),
        ("{models}/A in.png out.pgm", "format that holds RGB of uint8, got out.pgm"),
        ("{models}/text in.png out.png", "cut short, damaged or in another format"),
        ("{models}/nothing in.png out.png", "No such file or directory: .*nothing"),
        ("in.png in.png out.png", "damaged or in another format"),
        ("{models}/A in.png", "Missing argument 'OUT'"),
    ],
)
def test_what_is_no_image_or_model_is_refused(
    run, models, tmp_path, monkeypatch, recwarn, arguments, message
):
    x = np.random.default_rng(0).random((3, 18, 20))
    write_image(tmp_path / "in.png", x)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "in.png").read_bytes()[:500])
    PIL.Image.fromarray(x[0].astype(np.float32)).save(tmp_path / "floats.tif")
    write_image(tmp_path / "huge.png", np.zeros((1, 20, 22)))
    write_image(tmp_path / "bomb.png", np.zeros((1, 50, 50)))  # beyond twice the limit
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 400)
    status, out, err = run("apply", arguments.format(models=models))
    assert (status, out) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", err), err
    assert not (tmp_path / "out.png").exists()
    assert not recwarn.list, "a second line"


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "gif", "webp"])
def test_a_format_without_16_bits_is_refused_before_the_work(
    run, models, tmp_path, monkeypatch, suffix
):
    write_image(tmp_path / "deep.png", np.zeros((1, 9, 8), np.uint16))
    monkeypatch.setattr(nn.Sequential, "predict", None)
    status, _, err = run(f"apply {models}/A deep.png out.{suffix}")
    assert status == 2
    assert f"a format that holds grey of uint16, got out.{suffix}" in err


# Comparing


@pytest.fixture
def pair(tmp_path):
    random = np.random.default_rng(5)
    x = smooth(random, 3, 20, 24)
    y = np.clip(x + random.normal(0, 0.05, x.shape), 0, 1)
    for name, image in {"x": x, "y": y, "grey": x[:1], "small": x[:, :10]}.items():
        write_image(tmp_path / f"{name}.png", image)
    return tuple(read_image(tmp_path / f"{name}.png", integers=True) for name in "xy")


def printed(finished):
    status, out, err = finished
    assert (status, err) == (0, "")
    return re.fullmatch(r"PSNR (\S+) dB\nSSIM (\S+)\n", out).groups()


def test_compare_prints_both_measures(run, pair):
    for option, expected in (
        ("", compare(*pair)),
        ("--border 3", compare(*pair, border=3)),
        ("--luma --border 2", compare(*(rgb2ycbcr(x)[:1] for x in pair), border=2)),
    ):
        found = printed(run("compare x.png y.png", option))
        assert found == (f"{expected.psnr:.2f}", f"{expected.ssim:.4f}")
    assert printed(run("compare x.png x.png")) == ("inf", "1.0000")


def test_a_grey_image_is_compared_in_colour(run, pair):
    x, _ = pair
    expected = compare(np.repeat(x[:1], 3, axis=0), x)
    assert printed(run("compare grey.png x.png"))[0] == f"{expected.psnr:.2f}"
    assert printed(run("compare grey.png grey.png --luma")) == ("inf", "1.0000")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("x.png small.png", "x.png is of 24 x 20 pixels and small.png of 24 x 10"),
        ("x.png nowhere.png", "got nowhere.png: .*No such file"),
        ("small.png small.png", "window"),
        ("x.png y.png --border 10", "border must be less than half of 20"),
        ("x.png y.png --border -1", "--border.*0"),
        ("x.png y.png --border 99999999999999999999", "--border.*2147483647"),
        ("x.png", "Missing argument 'B'"),
    ],
)
def test_what_cannot_be_compared_is_told(run, pair, arguments, message):
    status, out, err = run("compare", arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(f"deconv-ref: .*{message}.*\n", err), err
