"""Ways in which an array may lie in memory, and what a result owes to whatever came in."""

import numpy as np


class Subclass(np.ndarray):
    """As numpy.memmap is one."""


def sliced(array):
    large = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    view = large[(slice(1, None, 2),) * array.ndim]
    view[...] = array
    return view


def unaligned(array):
    view = np.frombuffer(bytearray(array.nbytes + 1), array.dtype, offset=1).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "sliced": sliced,
    "transposed": lambda array: array.T.copy().T,
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "zero strides along the last axis": lambda array: np.broadcast_to(array[..., :1], array.shape),
    "read-only": read_only,
    "unaligned": unaligned,
    "of a subclass": lambda array: array.view(Subclass),
}


def assert_layout_does_not_matter(call, layout, *arrays):
    """Ask for the same, fresh results as from plain arrays, and for untouched arguments."""
    laid = [layout(array) for array in arrays]
    plain = [np.array(array, order="C", subok=False) for array in laid]
    results, expected = _listed(call(*laid)), _listed(call(*plain))
    for array, before in zip(laid, plain, strict=True):
        np.testing.assert_array_equal(array, before)
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted, strict=True)
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert not any(np.shares_memory(result, array) for array in laid)


def _listed(results):
    return list(results) if isinstance(results, tuple) else [results]
