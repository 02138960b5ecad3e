"""What lets the checker judge many cases in a second, at no cost to its verdicts."""

# ruff: noqa: NPY002 - the generator that all of a process share is what is looked at

import os
import pickle
import random
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_ref.conformance.draws import Choices, Draws
from deconv_ref.conformance.judge import Judge
from deconv_ref.conformance.operators import OPERATORS, convolution
from deconv_ref.conformance.process import cores
from deconv_ref.conformance.settings import Settings
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
        return [worker.unsupported(name, {}, "float32") for name in names]
    finally:
        worker.close()


def test_threads_of_a_target_wait_without_spinning(tmp_path, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert told(tmp_path, "OMP_WAIT_POLICY", "OMP_NUM_THREADS") == ["passive", "3"]
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert told(tmp_path, "OMP_WAIT_POLICY") == ["active"], "who sets it has it"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system binds nothing to cores"
)
def test_cores_are_those_that_may_be_used():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)


SEEDED = np.random.MT19937(7).state


@pytest.mark.parametrize(
    "change",
    [
        lambda: np.random.rand(),
        lambda: np.random.randn(),
        lambda: np.random.seed(5),
        lambda: np.random.set_state(SEEDED),
        lambda: np.random.set_bit_generator(np.random.MT19937(5)),
        lambda: np.random.set_bit_generator(np.random.PCG64(5)),
    ],
)
@pytest.mark.filterwarnings("ignore:get_state and legacy")
@pytest.mark.parametrize("drawn", [0, 1, 623, 624])
@pytest.mark.parametrize("kept", [False, True])
def test_any_change_of_the_random_state_is_seen(change, drawn, kept):
    generator, before = np.random.get_bit_generator(), np.random.get_state()
    try:
        np.random.seed(3)
        np.random.rand(drawn)
        if kept:
            np.random.randn()  # makes two numbers, and keeps one
        found = Settings()
        assert not found.put_back()
        change()
        assert found.put_back() == ("numpy.random",)
        assert not found.put_back()
    finally:
        np.random.set_bit_generator(generator)
        np.random.set_state(before)


@settings(max_examples=50)
@given(st.integers(), st.lists(st.integers(0, 2**33), min_size=1))
def test_choices_are_those_of_the_generator(seed, widths):
    draw, source = Choices(more=random.Random(seed)), random.Random(seed)
    for width in widths:
        assert draw.integer(-3, width) == source.randint(-3, width)


def test_operands_of_what_is_declined_are_not_filled(monkeypatch):
    filled = []
    monkeypatch.setattr(convolution, "integers", lambda *_: filled.append(1))
    draws = Draws(OPERATORS["conv"].drawn, "conv", ("float32",), 0)
    worker = Mock()
    Judge(worker, "conv", 20, 0, ("float32",)).foresee(draws, range(20))
    (_, several), _ = worker.foresee.call_args
    assert [dtype for _, dtype in several] == ["float32"] * 20
    assert not filled


def test_filled_operands_travel_as_others():
    draws = Draws(OPERATORS["conv"].drawn, "conv", ("float32",), 0)
    case = draws.case(3)
    assert list(case.operands) == [name for name, _ in case.operands.items()]
    assert len(case.operands) in (2, 3)
    travelled = pickle.loads(pickle.dumps(case))
    assert travelled == case
    assert type(travelled.operands) is dict
