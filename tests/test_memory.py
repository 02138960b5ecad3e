"""Memory that results are made in again."""

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref.memory import ALIGNED, SMALL, Pool, empty, reusing, zeros

SHAPE = (3, 50, 70)
SIZE = 3 * 50 * 70 * 8


def blocks(pool):
    return pool.size // SIZE


def test_memory_is_used_again_when_the_last_view_of_it_is_gone():
    pool = Pool()
    with reusing(pool):
        first = empty(SHAPE, "float64")
        view = first.reshape(-1)[::3].reshape(50, -1).T
        del first
        assert not np.shares_memory(empty(SHAPE, "float64"), view)
        assert blocks(pool) == 2
        del view
        both = [empty(SHAPE, "float64") for _ in range(2)]
        assert blocks(pool) == 2
        assert not np.shares_memory(*both)


def test_arrays_outlive_their_pool():
    pool = Pool()
    with reusing(pool):
        array = zeros(SHAPE, "float64")
    del pool
    array += 1
    assert (array == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_arrays_are_as_those_of_numpy(dtype):
    with reusing(Pool()):
        for make in (empty, zeros):
            array = make(SHAPE, dtype)
            assert array.shape == SHAPE
            assert array.dtype == dtype
            assert array.flags.c_contiguous and array.flags.writeable
            assert array.ctypes.data % ALIGNED == 0
        array[...] = 5
        del array
        assert (zeros(SHAPE, dtype) == 0).all(), "what lay there before is gone"


def test_small_arrays_and_objects_are_left_to_numpy():
    pool = Pool()
    with reusing(pool):
        assert empty((SMALL // 8,), "float64").flags.owndata
        assert empty((SMALL,), object).flags.owndata
        assert empty((0, 5), "float32").size == 0
    assert pool.size == 0


def test_nothing_is_kept_outside():
    assert empty(SHAPE, "float64").flags.owndata
    assert (zeros(SHAPE, "float64") == 0).all()


def test_operators_make_their_results_there():
    x, weight = np.ones((2, 3, 40, 40), np.float32), np.ones((4, 3, 3, 3), np.float32)
    expected = dr.conv(x, weight)
    pool = Pool()
    with reusing(pool):
        for _ in range(3):
            y = dr.conv(x, weight)
            np.testing.assert_array_equal(y, expected)
            sizes = pool.size
            del y
    assert 0 < pool.size == sizes
