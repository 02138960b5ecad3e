"""A published network, its authors' weights in our layers, gives the decibels of its paper."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref.imaging import apply_tiled

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    not (DATA / "Set5").is_dir() or not (DATA / "fsrcnn_weights").is_dir(),
    reason="images and weights are not here",
)

PUBLISHED = {
    "bicubic": {2: 33.66, 3: 30.39, 4: 28.42},
    "FSRCNN-s": {2: 36.57, 3: 32.60, 4: 30.11},
    "FSRCNN": {2: 37.00, 3: 33.16, 4: 30.70},
}


@pytest.fixture
def fsrcnn(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.fsrcnn")


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", PUBLISHED)
def test_decibels_of_the_paper(fsrcnn, name, scale):
    mean = fsrcnn.mean_psnr(DATA / "Set5", fsrcnn.upscaler(name, DATA, scale), scale)
    assert abs(mean - PUBLISHED[name][scale]) < 0.01
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} | ")]
    assert row.split(" | ")[scale - 1].removesuffix(" |") == f"{mean:.2f} dB", "docs/training.md"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_network_is_its_operators(fsrcnn, scale):
    """The layers against the operators, with the result cut out by hand."""
    path = DATA / "fsrcnn_weights" / f"FSRCNN-s_x{scale}.mat"
    x = np.random.default_rng(0).random((1, 1, 13, 17), np.float32)
    y = fsrcnn.build_fsrcnn(path, scale).predict(x)
    weights, biases, slopes = fsrcnn.read_weights(path)
    for weight, bias, slope in zip(weights, biases, slopes, strict=False):
        x = dr.prelu(
            dr.conv(dr.pad(x, weight.shape[2] // 2, mode="replicate"), weight, bias), slope
        )
    x = dr.conv_transpose(dr.pad(x, 1, mode="replicate"), weights[-1], biases[-1], stride=scale)
    first = 4 + scale - (scale == 3)
    expected = x[:, :, first : first + scale * 13, first : first + scale * 17]
    np.testing.assert_array_equal(y, expected, strict=True)


def test_tiles_give_what_the_whole_image_gives(fsrcnn):
    """Radii 2 and 1, and of the nine transposed taps two cells at x3."""
    upscale = fsrcnn.upscaler("FSRCNN-s", DATA, 3)
    x = np.random.default_rng(0).random((1, 41, 37), np.float32)
    whole = upscale(x)
    np.testing.assert_array_equal(apply_tiled(upscale, x, tile=15, overlap=5, scale=3), whole)
    assert (apply_tiled(upscale, x, tile=15, overlap=3, scale=3) != whole).any()


def test_the_table(fsrcnn, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["fsrcnn", "--data", str(DATA)])
    monkeypatch.setattr(fsrcnn, "NETWORKS", ())
    fsrcnn.main()
    assert capsys.readouterr().out.splitlines() == [
        "| PSNR on Set5 | x2 | x3 | x4 |",
        "|---|---|---|---|",
        "| bicubic | 33.66 dB | 30.39 dB | 28.42 dB |",
    ]
