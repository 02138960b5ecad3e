"""The command interrupted, or without a reader: it ends quickly, in a line, and leaves nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest
from test_check_cli import COMMAND, with_kernels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return with_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("seconds", [0, 2], ids=["while loading", "while judging"])
def test_an_interrupt_ends_it_quickly_and_leaves_no_process(seconds, folder):
    loaded = folder / "loaded"  # not before: Python itself is still starting then
    loaded.unlink(missing_ok=True)
    command = [*COMMAND, "check", "slow.py", "right.py", "--cases", "20000", "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    try:
        while not loaded.exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        printed, errors = process.communicate(timeout=60)
        assert time.monotonic() - begun < 10
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "crashes" not in printed  # nothing did
    with pytest.raises(ProcessLookupError):
        for _ in range(20):  # the last may still be dying
            os.killpg(process.pid, 0)
            time.sleep(0.2)


INTERRUPTED = """
import runpy, sys
class Interrupting:
    def find_spec(name, *_):
        if name == module:
            raise KeyboardInterrupt
module, sys.argv = sys.argv[1], ["deconv-ref", "check", "right.py"]
sys.meta_path.insert(0, Interrupting)
runpy.run_module("deconv_ref", run_name="__main__")
"""


@pytest.mark.parametrize(
    "module", ["deconv_ref.cli", "typer", "rich.console", "deconv_ref.conformance.runner"]
)
def test_an_interrupt_of_an_import_ends_it_quietly(module, folder):
    command = [sys.executable, "-c", INTERRUPTED, module]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)
    assert (finished.returncode, finished.stdout) == (130, "")
    assert finished.stderr == "deconv-ref: interrupted\n"


@pytest.mark.parametrize("arguments", [(), ("--quiet",)])
def test_a_pipe_that_closes_is_no_failure_to_report(arguments, folder):
    command = [*COMMAND, "check", "right.py", "--op", "conv", "--cases", "20", *arguments]
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=folder
    )
    os.close(writing)
    os.close(reading)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 1
