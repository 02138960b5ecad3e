"""Work is shared among threads without loss, repetition or quarrel."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from deconv_ref import threads
from deconv_ref.helpers import ENTRIES, HELPERS, Helpers, look


@pytest.fixture(autouse=True)
def _four_threads(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 4)


@numba.njit(nogil=True)
def count(array, calls, first, last):
    if threads.shared(first, last):
        return
    for n in range(first, last):
        array[n] += 1
        for _ in range(1000):
            array[n] = array[n] * 1.0
    calls[first] = 1


@numba.njit(nogil=True)
def reserve(sizes, first, last):
    if threads.shared(first, last):
        return
    for n in range(first, last):
        sizes[n] = np.empty(sizes[n], np.int8).size


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("cost", [0, threads.ALONE, 3 * threads.ALONE, 1000 * threads.ALONE])
def test_shares_cover_the_range_once(number, cost):
    done, calls = np.zeros(number), np.zeros(number + 1, int)
    for turn in range(1, 20):
        threads.run_shares(count, number, cost, done, calls)
        assert (done == turn).all()


def test_work_is_cut_into_pieces_for_all_threads_and_little_work_is_not():
    for cost, pieces in ((10, 1), (1000 * threads.ALONE, threads.SHARES * 4)):
        calls = np.zeros(50, int)
        threads.run_shares(count, 50, cost, np.zeros(50), calls)
        assert calls.sum() == pieces


def test_helpers_take_part():
    """One of two pieces that look out for each other is done by another thread, if it is awake."""

    @numba.njit(nogil=True)
    def meet(came, met, first, last):
        if threads.shared(first, last):
            return
        for n in range(first, last):
            came[n] = 1
            for _ in range(1 << 22):
                met[n] = met[n] or look(came, 1 - n) != 0

    meet(np.zeros(2, int), np.zeros(2, int), 0, 0)
    for _ in range(2000):  # a busy machine may have no core for a second thread
        came, met = np.zeros(2, int), np.zeros(2, int)
        threads.run_shares(meet, 2, 1000 * threads.ALONE, came, met)
        assert came.all()
        if met.all():
            return
    pytest.fail("nobody came")


def test_a_piece_without_memory_reaches_the_caller():
    """It must not leave a part of the result as it was, in silence."""
    sizes = np.full(16, 8)
    sizes[9] = 1 << 60
    with pytest.raises(MemoryError):
        threads.run_shares(reserve, 16, 1000 * threads.ALONE, sizes)
    with pytest.raises(MemoryError):
        threads.run_shares(reserve, 16, 0, sizes)
    threads.run_shares(reserve, 16, 1000 * threads.ALONE, np.full(16, 8))


def test_several_threads_may_share_work_at_the_same_time():
    def work(_):
        done = np.zeros(64)
        for _ in range(50):
            threads.run_shares(count, 64, 1000 * threads.ALONE, done, np.zeros(65, int))
        return (done == 50).all()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


def test_a_child_of_a_fork_has_helpers_of_its_own():
    def work():
        done = np.zeros(64)
        threads.run_shares(count, 64, 1000 * threads.ALONE, done, np.zeros(65, int))
        return (done == 1).all()

    assert work()
    child = os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_helpers_that_fell_asleep_are_woken():
    """Longer than they look out, so that each time they are asleep."""
    done, counts = np.zeros(9), set()
    for turn in range(1, 21):
        time.sleep(0.01)
        threads.run_shares(count, 9, 1000 * threads.ALONE, done, np.zeros(10, int))
        assert (done == turn).all()
        counts.add(threading.active_count())
    assert len(counts) == 1  # they are the same ones
    assert not HELPERS.free.locked()


def test_a_helper_does_not_sleep_through_a_call_that_began_before_it_slept():
    helpers = Helpers()
    helpers.mailbox[ENTRIES] = 1  # as after an invitation that found nobody asleep
    early = threading.Thread(target=helpers._rest, daemon=True)
    early.start()
    early.join(10)
    assert not early.is_alive()
    assert helpers._sleeping == 0

    helpers.mailbox[ENTRIES] = 0
    late, helpers._count = threading.Thread(target=helpers._rest, daemon=True), 1
    late.start()
    while not helpers._sleeping:
        time.sleep(0.001)
    assert late.is_alive()
    helpers.invite(1, 2)
    late.join(10)
    assert not late.is_alive()
    assert helpers._sleeping == 0


@pytest.mark.parametrize("cost", [0, 1000 * threads.ALONE])
def test_functions_of_python_are_called_once_each(cost):
    called = []
    threads.each(called.append, 9, cost)
    assert sorted(called) == list(range(9))


def test_a_fault_in_a_function_of_python_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        threads.each(lambda n: print(1 // (n - 3)), 8, 1000 * threads.ALONE)
