"""Results have the same bits on any number of threads and on any processor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("same_bits.py")


def told(**environment):
    """Run the program in a process of its own, and give what it prints."""
    finished = subprocess.run(
        [sys.executable, str(PROGRAM)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | environment,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.fixture(scope="module")
def here():
    return told(NUMBA_NUM_THREADS="2")


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_NUM_THREADS": "1"}, {"NUMBA_NUM_THREADS": "5"}, {"NUMBA_CPU_NAME": "generic"}],
    ids=["one thread", "five threads", "a processor without wide vectors"],
)
def test_results_have_the_same_bits_here_and(environment, here):
    assert len(here) == 8
    assert told(**environment) == here
