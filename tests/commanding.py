"""The command line with the commands on real images, in this process or as a program."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import cli
from deconv_ref.imaging import write_image

PROGRAM = [sys.executable, str(Path(__file__))]


def runner(folder, monkeypatch, capsys):
    """Make a function that runs a command in a folder: its status, output and complaints."""
    monkeypatch.chdir(folder)

    def command(*words):
        arguments = [part for word in words for part in shlex.split(str(word))]
        monkeypatch.setattr(sys, "argv", ["deconv-ref", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return command


def smooth(random, channels, rows, columns):
    """Draw an image of soft blobs."""
    coarse = random.uniform(size=(1, channels, rows // 4 + 1, columns // 4 + 1))
    fine = dr.upsample(coarse.astype(np.float32), 4, mode="linear")
    return fine[0, :, :rows, :columns]


def write_images(folder, seed=0, sizes=((36, 41), (40, 33), (50, 60))):
    """Fill a folder with images in colour."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number, size in enumerate(sizes):
        write_image(folder / f"{number}.png", smooth(random, 3, *size))


def write_idx(path, array):
    """Write an idx file of bytes."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes())


def write_digits(folder, training=60, held_out=20):
    """Fill a folder with idx files: images of a bright row each, the class being which."""
    folder.mkdir()
    random = np.random.default_rng(1)
    for prefix, count in (("train", training), ("t10k", held_out)):
        labels = random.integers(0, 10, count)
        images = random.integers(0, 60, (count, 28, 28))
        images[np.arange(count), 2 * labels + 3] += 190
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


if __name__ == "__main__":
    cli.main()
