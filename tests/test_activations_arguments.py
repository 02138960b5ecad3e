"""Activations tell of bad arguments."""

import math
import re

import numpy as np
import pytest
from test_activations import FUNCTIONS, LINES

import deconv_ref as dr

INF, NAN = math.inf, math.nan
NOT_FINITE = (NAN, INF, "1", None, True, (1.0,), 1j, np.array([1.0, 2.0]))


def call(name, **changes):
    x = np.ones((2, 3, 4), np.float32)
    arguments = {"x": x} | ({"grad_y": x} if name.endswith("_backward") else {})
    arguments |= {"slope": np.ones(3, np.float32)} if name.startswith("prelu") else {}
    return FUNCTIONS[name](**arguments | changes)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bad_arrays_are_told(name):
    call(name)
    fault = rf"^{name}: {{}} must be .*{{}}.*, got .+\."
    for array in ["grad_y"] * name.endswith("backward") + ["x"]:
        for value in ([1.0], None, "x", 1.0):
            with pytest.raises(dr.DTypeError, match=fault.format(array, "array")):
                call(name, **{array: value})
        for dtype in (np.int64, np.float16, bool, object, np.complex64):
            wrong = np.ones((2, 3, 4), dtype)
            with pytest.raises(dr.DTypeError, match=fault.format(array, "float32")):
                call(name, **{array: wrong})
    if name.endswith("backward"):
        with pytest.raises(dr.DTypeError, match=fault.format("grad_y", "float32")):
            call(name, grad_y=np.ones((2, 3, 4)))
        for shape in ((2, 3), (2, 3, 5), (2, 3, 4, 1), (3, 2, 4), (1,)):
            wanted = re.escape("of shape (2, 3, 4)")
            with pytest.raises(dr.ShapeError, match=fault.format("grad_y", wanted)):
                call(name, grad_y=np.ones(shape, np.float32))


@pytest.mark.parametrize("value", NOT_FINITE, ids=repr)
@pytest.mark.parametrize("end", ["", "_backward"])
@pytest.mark.parametrize(
    ("name", "parameter"), [("elu", "alpha"), ("leaky_relu", "negative_slope")]
)
def test_bad_numbers_are_told(name, parameter, end, value):
    with pytest.raises(
        dr.ParameterError, match=rf"^{name}{end}: {parameter} must be a finite number, got"
    ):
        call(name + end, **{parameter: value})


@pytest.mark.parametrize("end", ["", "_backward"])
@pytest.mark.parametrize("name", LINES)
def test_bad_axes_are_told(name, end):
    for value in (3, -4, 10**30):
        with pytest.raises(dr.ParameterError, match=f"^{name}{end}: axis must be an axis of x, wh"):
            call(name + end, axis=value)
    for value in (1.0, None, True, "1", (1,)):
        with pytest.raises(dr.ParameterError, match=f"^{name}{end}: axis must be an int, got"):
            call(name + end, axis=value)


@pytest.mark.parametrize("name", ["prelu", "prelu_backward"])
def test_bad_slopes_are_told(name):
    for shape in ((), (2,), (4,), (3, 1), (0,)):
        with pytest.raises(dr.ShapeError, match=rf"^{name}: slope must be of shape \(3,\), one"):
            call(name, slope=np.ones(shape, np.float32))
    with pytest.raises(dr.DTypeError, match=f"^{name}: slope must be float32"):
        call(name, slope=np.ones(3))
    line = np.ones(3, np.float32)
    changes = {"x": line} | ({"grad_y": line} if name.endswith("backward") else {})
    with pytest.raises(dr.ShapeError, match=rf"^{name}: x must be \(N, C, \.\.\.\), got shape"):
        call(name, **changes)
