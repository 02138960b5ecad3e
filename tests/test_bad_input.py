"""Errors: the right class, the function, the parameter, what it must be and what it got."""

import inspect
import math
import pickle
import re

import numpy as np
import pytest

import deconv_ref as dr
from deconv_ref import errors

FUNCTIONS = ("conv", "conv_backward", "conv_transpose", "conv_transpose_backward")


def legal(function):
    """Make the arguments of a call that works: 4 channels to 6 in 2 groups, on an image."""
    transposed = "transpose" in function
    weight = np.ones((4, 3, 3, 2) if transposed else (6, 2, 3, 2), dtype=np.float32)
    arguments = {"x": np.ones((2, 4, 7, 8), dtype=np.float32), "weight": weight, "groups": 2}
    if function.endswith("backward"):
        size = (9, 9) if transposed else (5, 7)
        return {"grad_y": np.ones((2, 6, *size), dtype=np.float32)} | arguments
    return arguments | {"bias": np.ones(6, dtype=np.float32)}


def call(function, **changes):
    return getattr(dr, function)(**legal(function) | changes)


def shaped(*shape, dtype=np.float32):
    return np.ones(shape, dtype=dtype)


def names(function):
    return inspect.signature(getattr(dr, function)).parameters


def arrays(function):
    return [name for name in ("grad_y", "x", "weight", "bias") if name in names(function)]


class Lent:
    """An array of another library, which lends its memory to NumPy."""

    def __init__(self, interface):
        array = shaped(2, 4, 7, 8)
        self.dtype, self.shape, self.ndim = array.dtype, array.shape, array.ndim
        setattr(self, interface, array.__array_interface__)
        self.array = array

    def __repr__(self):
        return "Lent()"


NO_STEPS = {
    "zero": 0,
    "negative": -1,
    "float": 1.0,
    "NumPy float": np.float64(2.0),
    "NaN": math.nan,
    "infinity": math.inf,
    "bool": True,
    "NumPy bool": np.True_,
    "None": None,
    "string": "2",
    "bytes": b"\x02\x02",
    "complex": 1 + 0j,
    "set": {2},
    "too few": (2,),
    "too many": (2, 2, 2),
    "none": (),
    "nested": ((1, 1), (1, 1)),
    "one is zero": (2, 0),
    "one is a float": (2, 1.5),
    "one is a bool": (2, True),
    "float array": np.array([1.0, 2.0]),
    "bool array": np.array([True, True]),
    "huge": 2**31,
    "huger than 64 bits": 2**70,
}
NO_PADDINGS = {
    "negative": -1,
    "float": 1.0,
    "NaN": math.nan,
    "infinity": math.inf,
    "bool": True,
    "None": None,
    "bytes": b"same",
    "misspelled": "saem",
    "in capitals": "SAME",
    "empty string": "",
    "rules per axis": ("same", "valid"),
    "too few": (1,),
    "too many": (1, 1, 1),
    "too few pairs": ((1, 1),),
    "too many pairs": ((1, 1),) * 3,
    "mixed": (1, (1, 1)),
    "a triple": ((1, 1), (1, 1, 1)),
    "a negative side": ((1, 1), (0, -1)),
    "a float side": ((1, 1), (0, 1.0)),
    "a bool side": ((1, 1), (0, True)),
    "huge": 2**31,
    "a dict": {"before": 1},
}
NO_GROUPS = {
    "zero": 0,
    "negative": -2,
    "float": 2.0,
    "NaN": math.nan,
    "bool": True,
    "None": None,
    "string": "2",
    "tuple": (2,),
    "array": np.array([2, 2]),
    "0-d float array": np.array(2.0),
}
NO_ARRAYS = {
    "list": [[[[1.0]]]],
    "None": None,
    "string": "x",
    "float": 1.0,
    "NumPy scalar": np.float32(1.0),
}
NO_DTYPES = {
    "int64": (np.int64, "int64"),
    "uint8": (np.uint8, "uint8"),
    "bool": (np.bool_, "bool"),
    "float16": (np.float16, "float16"),
    "long double": (np.longdouble, str(np.dtype(np.longdouble))),
    "complex64": (np.complex64, "complex64"),
    "object": (object, "object"),
    "big-endian": (">f4", ">f4"),
    "string": ("U1", "<U1"),
    "records": ([("a", "f4")], r"\[\('a', '<f4'\)\]"),
}


def per_axis_faults(function):
    for name, least in (("stride", 1), ("dilation", 1), ("output_padding", 0)):
        for note, value in NO_STEPS.items():
            if name in names(function) and not (least == 0 and "zero" in note):
                told = f"an int from {least} to"
                yield f"{name} {note}", {name: value}, dr.ParameterError, name, told


def padding_faults(function):
    for note, value in NO_PADDINGS.items():
        told = "an int of at least 0"
        yield f"padding {note}", {"padding": value}, dr.ParameterError, "padding", told


def output_padding_faults(function):
    name = "output_padding"
    if name in names(function):
        for value in (1, 2, (0, 1)):
            told = r"below max\(stride, dilation\)"
            yield f"{name} {value}", {name: value}, dr.ParameterError, name, told
        for rule in ("same", "same_lower"):
            changes = {name: (0, 1), "padding": rule, "stride": 2}
            yield f"{name} with {rule}", changes, dr.ParameterError, name, "0 here"


def groups_and_flag_faults(function):
    for note, value in NO_GROUPS.items():
        told = "an int of at least 1, got"
        yield f"groups {note}", {"groups": value}, dr.ParameterError, "groups", told
    rows = legal(function)["weight"].shape[0]
    for value in (5, rows + 1, 2**70):
        told = re.escape(f"a divisor of weight.shape[0] = {rows}, got {value}")
        yield f"groups {value}", {"groups": value}, dr.ParameterError, "groups", told
    for value in (0, 1, None, "True", np.array([True, False])):
        changes, told = {"flip_kernel": value}, "False or True, got"
        yield f"flip_kernel {value!r}", changes, dr.ParameterError, "flip_kernel", told


def dtype_faults(function):
    for name in arrays(function):
        for note, value in NO_ARRAYS.items():
            if not (name == "bias" and value is None):
                changes, told = {name: value}, "an? .*array.*, got"
                yield f"{name} is {note}", changes, dr.DTypeError, name, told
        for note, (dtype, shown) in NO_DTYPES.items():
            changes = {name: legal(function)[name].astype(dtype)}
            told = rf"float32.*, got {shown}\. Write {name}\.astype\(np\.float32\)"
            yield f"{name} of {note}", changes, dr.DTypeError, name, told
        if name != "x":  # the one that the others are compared with
            changes = {name: legal(function)[name].astype(np.float64)}
            told = rf"float32.*, got float64\. Write {name}\.astype\(np\.float32\)"
            yield f"{name} of another dtype", changes, dr.DTypeError, name, told


def foreign_array_faults(function):
    for name in arrays(function):
        on_gpu, on_cpu = Lent("__cuda_array_interface__"), Lent("__array_interface__")
        told = f"on one device, got {name} on the GPU and .* in NumPy arrays"
        yield f"{name} on a GPU", {name: on_gpu}, dr.BackendError, "all arrays", told
        either = (dr.BackendError, dr.DTypeError)
        yield f"{name} of another library", {name: on_cpu}, either, name, "got .*Lent"


def x_shape_faults(function):
    for shape in ((), (4,), (4, 7), (2, 4, 1, 1, 7, 8), (2, 0, 7, 8), (2, 4, 0, 8), (0, 4, 7, 0)):
        told = re.escape("(N, C, *spatial)")
        yield f"x {shape}", {"x": shaped(*shape)}, dr.ShapeError, "x", told
    for channels in (1, 2, 3, 6, 8):
        changes = {"x": shaped(2, channels, 7, 8)}
        told = f"4 channels .* got {channels} channels"
        yield f"x of {channels} channels", changes, dr.ShapeError, "x", told


def other_shape_faults(function):
    rows, columns = legal(function)["weight"].shape[:2]
    spatial = ((), (3,), (3, 2, 1), (0, 2), (3, 0))
    for shape in ((rows,), *((rows, columns, *k) for k in spatial), (rows, 0, 3, 2), (0, 3, 3, 2)):
        changes, told = {"weight": shaped(*shape)}, re.escape("// groups, *kernel)")
        yield f"weight {shape}", changes, dr.ShapeError, "weight", told
    if "bias" in arrays(function):
        for shape in ((), (1,), (4,), (5,), (0,), (6, 1), (1, 6, 1, 1)):
            told = re.escape(f"of shape (6,), got shape {shape}")
            yield f"bias {shape}", {"bias": shaped(*shape)}, dr.ShapeError, "bias", told
    if "grad_y" in arrays(function):
        right = legal(function)["grad_y"].shape
        longer = [tuple(n + (a == axis) for a, n in enumerate(right)) for axis in range(4)]
        for shape in (*longer, right[:-1], (*right, 1)):
            told = re.escape(f"of shape {right}, got shape {shape}")
            yield f"grad_y {shape}", {"grad_y": shaped(*shape)}, dr.ShapeError, "grad_y", told


def empty_result_faults(function):
    if "transpose" in function:
        cases = (
            (
                {"padding": ((5, 4), (0, 0))},
                "0, got (7 - 1) * 1 - 5 - 4 + 1 * (3 - 1) + 1 + 0 = 0.",
            ),
            (
                {"padding": ((0, 0), (9, 9)), "stride": 2, "output_padding": 1},
                "1, got (8 - 1) * 2 - 9 - 9 + 1 * (2 - 1) + 1 + 1 = -1.",
            ),
        )
    else:
        cases = (
            ({"x": shaped(1, 4, 2, 8)}, "0, got (2 + 0 + 0 - (1 * (3 - 1) + 1)) // 1 + 1 = 0."),
            (
                {"stride": 2, "dilation": (1, 9), "padding": ((0, 0), (0, 1))},
                "1, got (8 + 0 + 1 - (9 * (2 - 1) + 1)) // 2 + 1 = 0.",
            ),
        )
    for changes, told in cases:
        told = "spatial axis " + told
        yield f"nothing left, {told}", changes, dr.ShapeError, "the result", re.escape(told)


FAULTS = [
    pytest.param(function, *fault, id=f"{function}: {note}")
    for function in FUNCTIONS
    for kind in (
        per_axis_faults,
        padding_faults,
        output_padding_faults,
        groups_and_flag_faults,
        dtype_faults,
        foreign_array_faults,
        x_shape_faults,
        other_shape_faults,
        empty_result_faults,
    )
    for note, *fault in kind(function)
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_call_that_the_faults_start_from_is_legal(function):
    call(function)


@pytest.mark.parametrize(("function", "changes", "error", "parameter", "told"), FAULTS)
def test_every_fault_is_told(function, changes, error, parameter, told):
    whole = rf"^{function}: {parameter} must be .+, got .+\."
    with pytest.raises(error, match=whole) as caught:
        call(function, **changes)
    assert type(caught.value) in (error if isinstance(error, tuple) else (error,))
    assert re.search(rf"must be .*{told}", str(caught.value))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.args) == (type(caught.value), caught.value.args)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_backward_functions_take_no_bias_and_nothing_else_either(function):
    with pytest.raises(TypeError, match="unexpected keyword"):
        call(function, strides=2)
    with pytest.raises(TypeError, match="positional"):
        getattr(dr, function)(*(shaped(1, 1, 1),) * 3, 1)


@pytest.mark.parametrize(
    ("error", "parents"),
    [
        (dr.ParameterError, (dr.DeconvRefError, ValueError)),
        (dr.ShapeError, (dr.ParameterError, dr.DeconvRefError, ValueError)),
        (dr.DTypeError, (dr.DeconvRefError, TypeError)),
        (dr.BackendError, (dr.DeconvRefError, RuntimeError)),
    ],
)
def test_errors_are_also_pythons_own(error, parents):
    assert all(issubclass(error, parent) for parent in parents)
    others = {ValueError, TypeError, RuntimeError} - set(parents)
    assert not any(issubclass(error, other) for other in others)


def test_every_error_is_public():
    assert set(errors.__all__) <= set(dr.__all__)


@pytest.mark.parametrize(
    ("function", "changes", "wanted"),
    [
        ("conv", {"padding": "saem"}, "got 'saem'"),
        ("conv", {"groups": "2"}, "got '2'"),
        ("conv", {"stride": "2"}, "got '2'"),
    ],
)
def test_a_string_is_shown_with_its_quotes(function, changes, wanted):
    with pytest.raises(dr.ParameterError, match=wanted):
        call(function, **changes)


def test_the_cast_that_is_told_loses_nothing():
    x = shaped(2, 4, 7, 8, dtype=">f8")
    with pytest.raises(dr.DTypeError, match=r"Write x\.astype\(np\.float64\)"):
        call("conv", x=x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_list_is_told_the_dtype_of_the_other_arrays(dtype):
    weight = shaped(6, 2, 3, 2, dtype=dtype)
    with pytest.raises(dr.DTypeError, match=rf"Write np\.asarray\(x, dtype=np\.{dtype}\)"):
        call("conv", x=[1.0], weight=weight)


def test_a_refused_call_leaves_its_arguments_alone():
    arguments = legal("conv_backward") | {"stride": 0}
    before = {n: a.copy() for n, a in arguments.items() if isinstance(a, np.ndarray)}
    with pytest.raises(dr.ParameterError, match="stride"):
        dr.conv_backward(**arguments)
    assert all(np.array_equal(arguments[name], array) for name, array in before.items())


NO_ARRAYS = {
    "matrix": lambda shape: np.asmatrix(np.ones(shape)),
    "MaskedArray": lambda shape: np.ma.masked_equal(np.ones(shape), 2.0),
}
TAKING_ONE = {  # a matrix keeps two axes when it is reshaped: kernels would write beside it
    "dropout": lambda x: dr.dropout(x, 0.5, mask=np.ones(x.shape, bool)),
    "dropout_backward": lambda x: dr.dropout_backward(x, 0.5, mask=np.ones(x.shape, bool)),
    "mask": lambda x: dr.dropout(np.ones(x.shape), 0.5, mask=x > 0),
    "softmax": dr.softmax,
    "relu": dr.relu,
    "prelu": lambda x: dr.prelu(x, np.ones(4)),
    "softmax_cross_entropy": lambda x: dr.softmax_cross_entropy(x, x),
    "batch_norm": lambda x: dr.batch_norm(x, *[np.ones(4)] * 4, training=True),
    "fft_convolve": lambda x: dr.fft_convolve(np.ones((1, 1, 5, 5)), x),
}


@pytest.mark.parametrize("kind", NO_ARRAYS)
@pytest.mark.parametrize("function", TAKING_ONE)
def test_what_is_no_plain_array_is_refused(function, kind):
    with pytest.raises(dr.DTypeError, match=f"got {kind}.*np.asarray"):
        TAKING_ONE[function](NO_ARRAYS[kind]((3, 4)))
