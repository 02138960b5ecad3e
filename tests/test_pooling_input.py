"""Pooling and unpooling: errors of the right class that name the function and the parameter."""

import re

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref.ops.pooling.average import avg_pool, avg_pool_backward
from deconv_ref.ops.pooling.max import max_pool, max_pool_backward
from deconv_ref.ops.pooling.unpooling import (
    avg_unpool,
    avg_unpool_backward,
    max_unpool,
    max_unpool_backward,
)

nan = np.nan

X = np.ones((2, 3, 5, 6), np.float32)
PLACES = np.zeros((2, 3, 2, 2), np.int64)
Y = np.ones((2, 3, 2, 2), np.float32)
LEGAL = {
    max_pool: {"x": X, "kernel_size": (2, 3)},
    max_pool_backward: {"grad_y": Y, "indices": PLACES, "input_size": X.shape},
    max_unpool: {"x": Y, "indices": PLACES, "output_size": X.shape},
    max_unpool_backward: {"grad_y": X, "indices": PLACES},
    avg_pool: {"x": X, "kernel_size": (2, 3)},
    avg_pool_backward: {"grad_y": Y, "input_size": X.shape, "kernel_size": (2, 3)},
    avg_unpool: {"x": Y, "kernel_size": (2, 3)},
    avg_unpool_backward: {"grad_y": X, "input_size": Y.shape, "kernel_size": (2, 3)},
}
STEPS = (0, -1, 1.0, True, "2", (2,), (2, 2, 2), (2, 0), nan, 2**31)
PADDINGS = (-1, 1.5, True, None, "saem", b"same", (1,), ((1, 1),), ((0, -1), (0, 0)))
NO_SHAPES = (
    0,
    "abcd",
    b"\2\3\5\6",
    (5, 6),
    (2, 3, 5),
    (2, 3, 5, 6, 7),
    (2, 3, 5.0, 6),
    (2, 3, 1, True),
)
WRONG_SHAPES = ((2, 4, 5, 6), (1, 3, 5, 6), (2, 3, 0, 6), (2, 3, 5, -1))


def array_faults(function):
    name, array = next(iter(LEGAL[function].items()))
    wanted = "float32 or float64, got "
    told = f"{wanted}int64. Write {name}.astype"
    yield name, array.astype(np.int64), dr.DTypeError, told
    yield name, array.astype(">f4"), dr.DTypeError, f"{wanted}>f4"
    yield name, array.tolist(), dr.DTypeError, f"a NumPy array of {wanted}list"
    yield name, array[0, 0], dr.ShapeError, "(N, C, *spatial)"
    yield name, array[:, :0], dr.ShapeError, "without empty axes"


def step_faults(function):
    for name in ("kernel_size", "stride", "dilation"):
        if name in parameters_of(function):
            for value in STEPS + ((None,) if name != "stride" else ()):
                yield name, value, dr.ParameterError, "an int from 1 to"


def padding_faults(function):
    if "padding" in parameters_of(function):
        rules = ("same", "valid", "full") if function.__name__.startswith("avg_unpool") else ()
        for value in PADDINGS + rules:
            yield "padding", value, dr.ParameterError, "an int of at least 0, 2 of"


def flag_faults(function):
    for name in ("ceil_mode", "count_include_pad"):
        if name in parameters_of(function):
            for value in (0, 1, None, "True"):
                yield name, value, dr.ParameterError, "False or True"


def full_shape_faults(function):
    for name in ("input_size", "output_size"):
        if name in parameters_of(function):
            for value in NO_SHAPES + ((None,) if name in LEGAL[function] else ()):
                yield name, value, dr.ParameterError, "a full shape (N, C, *spatial) of 4 ints, got"
            for value in WRONG_SHAPES:
                yield name, value, dr.ShapeError, "from (2, 3) on"


def index_faults(function):
    if "indices" in LEGAL[function]:
        for wrong in (PLACES.tolist(), *map(PLACES.astype, (np.int32, np.uint64, float, ">i8"))):
            yield "indices", wrong, dr.DTypeError, "a NumPy array of int64"
        for place in (-2, 30, 2**62, -(2**63)):
            indices = PLACES.copy()
            indices[1, 2, 1, 0] = place
            told = "from 0 to 29, or -1 for nowhere, as spatial size (5, 6) has 30 cells, got "
            yield "indices", indices, dr.ParameterError, f"{told}{place}."
        for wrong in (PLACES[:1], PLACES[:, :2], PLACES[:, :, 0], PLACES[:, :, :0]):
            yield "indices", wrong, dr.ShapeError, ""


def grad_y_faults(function):
    if function is avg_pool_backward:
        for wrong in (Y[..., :1], Y[:, :, :1]):
            yield "grad_y", wrong, dr.ShapeError, "of shape (2, 3, 2, 2)"


KINDS = (
    *(array_faults, step_faults, padding_faults, flag_faults, full_shape_faults, index_faults),
    grad_y_faults,
)


def parameters_of(function):
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


@pytest.mark.parametrize("function", LEGAL, ids=lambda function: function.__name__)
def test_the_call_that_the_faults_start_from_is_legal(function):
    function(**LEGAL[function])


@pytest.mark.parametrize(
    ("function", "name", "value", "error", "told"),
    [(function, *fault) for function in LEGAL for kind in KINDS for fault in kind(function)],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:30].replace("\n", " "),
)
def test_every_fault_is_told(function, name, value, error, told):
    whole = rf"^{function.__name__}: {name} must be .*{re.escape(told)}"
    with pytest.raises(error, match=whole) as caught:
        function(**LEGAL[function] | {name: value})
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("function", "changes", "told"),
    [
        (max_pool, {"kernel_size": 6}, "0, got (5 + 0 + 0 - (1 * (6 - 1) + 1)) // 6 + 1 = 0."),
        (
            max_pool,
            {"dilation": (1, 9), "stride": 2, "ceil_mode": True},
            "1, got ceil((6 + 0 + 0 - (9 * (3 - 1) + 1)) / 2) + 1 = -5.",
        ),
        (avg_pool, {"padding": [(0, 0), (0, 1)], "kernel_size": (1, 8)}, "1, got (6 + 0 + 1 -"),
        (avg_unpool, {"padding": 2}, "0, got (2 - 1) * 2 - 2 - 2 + 1 * (2 - 1) + 1 + 0 = 0."),
    ],
)
def test_an_empty_result_is_told_with_its_arithmetic(function, changes, told):
    whole = rf"^{function.__name__}: the result must be .* spatial axis {re.escape(told)}"
    with pytest.raises(dr.ShapeError, match=whole):
        function(**LEGAL[function] | changes)


class OnGpu:
    """An array that lives elsewhere."""

    __cuda_array_interface__ = X.__array_interface__


@pytest.mark.parametrize("function", LEGAL, ids=lambda function: function.__name__)
def test_arrays_on_a_gpu_do_not_meet_others(function):
    arrays = [name for name, value in LEGAL[function].items() if isinstance(value, np.ndarray)]
    for name in arrays if len(arrays) > 1 else ():
        told = f"all arrays must be on one device, got {name} on the GPU and .* in NumPy arrays"
        with pytest.raises(dr.BackendError, match=f"^{function.__name__}: {told}"):
            function(**LEGAL[function] | {name: OnGpu()})
