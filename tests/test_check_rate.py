"""What lets the checker judge many cases in a second, at no cost to its verdicts."""

import os

import pytest

from deconv_ref.conformance.process import cores
from deconv_ref.conformance.worker import Worker

TELLS = """
import os

def unsupported(op, parameters):
    return os.environ.get(op)
"""


def told(folder, *names):
    """Give variables of the environment, as a target finds them."""
    path = folder / "tells.py"
    path.write_text(TELLS, encoding="utf-8")
    worker = Worker(str(path), timeout=30.0, threads=3)
    try:
        return [worker.unsupported(name, {}) for name in names]
    finally:
        worker.close()


def test_threads_of_a_target_wait_without_spinning(tmp_path, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert told(tmp_path, "OMP_WAIT_POLICY", "OMP_NUM_THREADS") == ["passive", "3"]
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert told(tmp_path, "OMP_WAIT_POLICY") == ["active"], "who sets it has it"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds nothing to cores")
def test_cores_are_those_that_may_be_used():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)
