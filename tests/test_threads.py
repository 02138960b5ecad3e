"""Work is shared among threads without loss, repetition or quarrel."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deconv_ref import threads


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("cost", [0, threads.ALONE, 3 * threads.ALONE, 1000 * threads.ALONE])
def test_shares_cover_the_range_once(number, cost):
    done = np.zeros(number, int)

    def piece(array, first, last):
        array[first:last] += 1

    threads.run_shares(piece, number, cost, done)
    assert (done == 1).all()


def test_little_work_is_done_by_the_caller_at_once():
    shares = []
    threads.run_shares(lambda first, last: shares.append((first, last)), 50, 10)
    assert shares == [(0, 50)]


def test_results_come_in_the_order_of_the_arguments():
    assert threads.run(lambda n: n * n, [(n,) for n in range(40)]) == [n * n for n in range(40)]


def test_a_fault_in_a_piece_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        threads.run(lambda n: 1 // (n - 3), [(n,) for n in range(8)])


def test_several_threads_may_share_work_at_the_same_time():
    def work(seed):
        return threads.run(lambda n: n + seed, [(n,) for n in range(30)])

    with ThreadPoolExecutor(4) as pool:
        for seed, got in enumerate(pool.map(work, range(40))):
            assert got == [n + seed for n in range(30)]


def test_a_child_of_a_fork_has_helpers_of_its_own():
    def work():
        return threads.run(lambda n: n * n, [(n,) for n in range(20)]) == [n * n for n in range(20)]

    assert work()
    child = os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_an_interrupt_waits_for_those_who_write():
    """A call that ends by an interrupt leaves nobody behind who still writes to its arrays."""
    array, caller = np.zeros(40), threading.get_ident()

    def piece(n):
        if threading.get_ident() == caller:
            raise KeyboardInterrupt
        time.sleep(0.01)
        array[n] = 1

    with pytest.raises(KeyboardInterrupt):
        threads.run(piece, [(n,) for n in range(40)])
    before = array.copy()
    time.sleep(0.05)
    np.testing.assert_array_equal(array, before)


def test_helpers_that_fell_asleep_are_woken():
    """Longer than they look out, so that each time they are asleep."""
    for _ in range(20):
        time.sleep(0.01)
        assert threads.run(lambda n: n + 1, [(n,) for n in range(9)]) == list(range(1, 10))
