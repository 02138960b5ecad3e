"""Files that are written whole or not at all, by all who write: models, images, reports."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from deconv_ref import nn
from deconv_ref.conformance.report import write_json
from deconv_ref.imaging import write_image
from deconv_ref.writing import write_whole

WRITERS = {
    "model": lambda path: nn.Sequential([nn.Relu()]).save(path),
    "image.png": lambda path: write_image(path, np.zeros((1, 2, 2))),
    "report.json": lambda path: write_json(path, {}),
    "bytes": lambda path: write_whole(path, b"new"),
}
every_writer = pytest.mark.parametrize(("name", "write"), WRITERS.items(), ids=WRITERS)


@every_writer
def test_a_link_stays_a_link(tmp_path, name, write):
    target, link = tmp_path / "target", tmp_path / name
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() != b"old"
    assert sorted(tmp_path.iterdir()) == sorted([link, target])


@every_writer
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, name, write):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = tmp_path / name
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((OSError, ValueError), match="No space left on device"):
        write(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@every_writer
def test_bytes_reach_the_disk_before_they_take_the_name(tmp_path, monkeypatch, name, write):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("sync"), fsync(fd)))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append(self.parent), replace(self, to))
    )
    write(tmp_path / name)
    assert events == ["sync", tmp_path, "sync"]


@every_writer
def test_the_file_may_be_read_like_any_new_one(tmp_path, name, write):
    (tmp_path / "other").touch()
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_mode == (tmp_path / "other").stat().st_mode


@every_writer
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have names")
def test_a_pipe_stays_a_pipe(tmp_path, name, write):
    path = tmp_path / name
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write(path)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert os.read(reading, 1)
    os.close(reading)


def test_a_link_to_itself_is_no_traceback_of_ours(tmp_path):
    path = tmp_path / "loop"
    path.symlink_to(path)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
