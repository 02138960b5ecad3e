"""The checker in half precision: what it draws, what right kernels give, what wrong ones show."""

import inspect
import json
import sys
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest
from checking import FUNCTIONS as CONVOLUTIONS
from checking import as_array, check_source, kernel_file, run_script
from commanding import runner
from hypothesis import given
from hypothesis import strategies as st
from planting import drawn

from deconv_ref.conformance import bounds, compare, journal
from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.floating import finfo, is_floating, named, rounded
from deconv_ref.conformance.halves import in_half_precision
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.testing import assert_conforms, cases
from deconv_ref.conformance.worker import Answer
from deconv_ref.errors import ParameterError

needs_bfloat16 = pytest.mark.skipif(not find_spec("ml_dtypes"), reason="ml_dtypes is missing")
HALVES = ["float16", pytest.param("bfloat16", marks=needs_bfloat16)]
FUNCTIONS = [
    function for name in in_half_precision(OPERATORS) for function in OPERATORS[name].functions()
]
BITS = {"float16": 11, "bfloat16": 8}


# Formats


@pytest.mark.parametrize("dtype", HALVES)
@given(number=st.floats(-(2.0**14), 2.0**14) | st.floats(-(2.0**-20), 2.0**-20))
def test_numbers_are_rounded_once(dtype, number):
    """Of all numbers of the format none is nearer; a tie goes to the even one."""
    got = rounded(np.array([number]), dtype)[0]
    kind = named(dtype).type
    around = [np.nextafter(got, kind(-np.inf)), np.nextafter(got, kind(np.inf))]
    distance = abs(Fraction(float(got)) - Fraction(number))
    others = [abs(Fraction(float(other)) - Fraction(number)) for other in around]
    assert distance <= min(others)
    if distance in others:
        assert got.view(np.uint16) % 2 == 0


@needs_bfloat16
def test_rounding_by_way_of_float32_would_be_another():
    """A hair above a tie is a tie in float32."""
    number = np.array([1 + 2.0**-8 + 2.0**-30])
    assert float(rounded(number, "bfloat16")[0]) == 1 + 2.0**-7
    assert np.isinf(rounded(np.array([3.4e38, -np.inf]), "bfloat16").astype(float)).all()


@pytest.mark.parametrize("dtype", HALVES)
def test_the_roundoff_is_the_format_s_own(dtype):
    assert bounds.unit_roundoff(dtype) == 2.0 ** -BITS[dtype]


@pytest.mark.parametrize("dtype", HALVES)
@given(
    seed=st.integers(0, 2**32 - 1),
    terms=st.integers(1, 60),
    scale=st.sampled_from([1.0, 2.0**-3, 2.0**2]),
)
def test_no_order_of_additions_leaves_the_bound(dtype, seed, terms, scale):
    """Products and partial sums are rounded in half precision, in an order drawn at random."""
    rng = np.random.default_rng(seed)
    kind = named(dtype)
    x, w = (rounded(rng.standard_normal(terms) * scale, kind) for _ in range(2))
    exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, w, strict=True))
    parts = list(x * w)
    while len(parts) > 1:
        one, other = (parts.pop(rng.integers(len(parts))) for _ in range(2))
        parts.append(one + other)
    assert parts[0].dtype == kind
    size = np.abs(x.astype(float)) @ np.abs(w.astype(float))
    underflow = terms * float(finfo(kind).tiny)
    bound = bounds.rounding_bound(np.array(float(terms)), np.array(size), kind) + underflow
    assert abs(Fraction(float(parts[0])) - exact) <= Fraction(float(bound))


@needs_bfloat16
def test_where_terms_are_too_many_nothing_is_promised():
    count, size = np.array([255.0, 256.0, 1e6]), np.ones(3)
    assert np.isinf(bounds.rounding_bound(count, size, "bfloat16")).tolist() == [False, True, True]
    assert np.isinf(bounds.rounding_bound(count, 1e5 * size, "float16")).all()  # overflows


# Cases


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_of_exact_cases_are_numbers_of_the_format(function, dtype):
    """What is only moved, or added up exactly, is there to the bit in half precision."""
    op = function.removesuffix("_backward")
    some = drawn(function, 40, dtypes=(dtype,))
    assert {str(case.dtype) for case in some} == {dtype}
    assert any(case.exact for case in some)
    once = op in ("leaky_relu", "prelu", "dropout")  # multiplied, and rounded once
    for case in some:
        truths = ask(case).truth.values()
        for truth in truths if case.exact and not once else ():
            if truth.dtype.kind == "f":
                np.testing.assert_array_equal(rounded(truth, dtype).astype(float), truth)


@pytest.mark.parametrize("dtype", HALVES)
def test_cases_are_not_emptied(dtype):
    """Integers are halved before single ones are left out, and most numbers stay."""
    some = drawn("conv_backward", 60, dtypes=(dtype,))
    arrays = [a.astype(float) for case in some for a in case.arrays().values() if a.size]
    assert np.median([np.count_nonzero(a) / a.size for a in arrays]) > 0.8
    assert np.median([np.abs(a).max() for a in arrays]) > 1


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("function", [*CONVOLUTIONS, "linear", "linear_backward", "pad_backward"])
def test_partial_sums_of_exact_cases_are_exact_in_any_order(function, dtype):
    """None is larger than the sum of absolute values, up to which the format has all integers."""
    exact = [case for case in drawn(function, 40, dtypes=(dtype,)) if case.exact]
    for case in exact:
        for size in ask(case).mapped(np.abs).values():
            assert np.max(size[np.isfinite(size)], initial=0.0) <= 2 ** BITS[dtype]


@needs_bfloat16
@pytest.mark.parametrize(("number", "fits"), [(128.0, True), (130.0, False)])
def test_what_is_turned_or_made_simpler_has_to_fit_too(number, fits):
    arrays = {"x": np.array([[number, 128.0]]), "weight": np.array([[1.0, -1.0]])}
    operands = {name: Operand(rounded(array, "bfloat16")) for name, array in arrays.items()}
    case = Case("linear", {}, operands, exact=True)
    assert OPERATORS["linear"].is_meant_for(case) is fits
    assert OPERATORS["linear"].is_meant_for(replace(case, exact=False))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("function", ["conv", "conv_backward", "linear_backward"])
def test_no_bound_is_vacuous(function, dtype):
    for case in drawn(function, 60, dtypes=(dtype,)):
        question = ask(case)
        for quantity in question.truth if not case.exact else ():
            allowed, size = question.margin(quantity).allowed, question.mapped(np.abs)[quantity]
            finite = np.isfinite(question.truth[quantity])
            assert np.all(np.isfinite(allowed[finite]))
            most = [float(np.max(a[finite], initial=0.0)) for a in (allowed, size)]
            assert most[0] <= 0.75 * most[1]


def test_float16_s_numbers_and_products_are_normal():
    tiny = float(finfo("float16").tiny)
    for case in drawn("conv", 60, dtypes=("float16",)):
        sizes = [np.abs(case.arrays()[name].astype(float)) for name in ("x", "weight")]
        least = [float(np.min(size[size > 0], initial=1.0)) for size in sizes]
        assert np.prod(least) >= tiny


# Verdicts


def in_float32(function, *arrays, **parameters):
    """Compute in float32 and round once."""
    given = [*arrays, *(v for v in parameters.values() if isinstance(v, np.ndarray))]
    dtype = given[0].dtype

    def cast(value, kind):
        return value.astype(kind) if isinstance(value, np.ndarray) else value

    wide = {name: cast(value, np.float32) for name, value in parameters.items()}
    results = function(*(cast(a, np.float32) for a in arrays), **wide)
    if isinstance(results, tuple):
        return tuple(cast(result, dtype) for result in results)
    return cast(results, dtype)


def judged(folder, source, op, dtype, count=40):
    return check_source(folder, source, ops=(op,), cases=count, dtypes=(dtype,))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_what_computes_in_float32_and_rounds_once_conforms(op, dtype, tmp_path):
    found = judged(tmp_path, kernel_file(dict.fromkeys(CONVOLUTIONS, in_float32)), op, dtype)
    assert {r["verdict"] for r in found.document["results"]} == {"conforms"}
    assert all(r["exact"] > 5 and r["exact"] < r["cases"] for r in found.document["results"])


IN_HALF = '''
import numpy as np

def linear(x, weight, bias=None):
    """Round every product and every partial sum, the last feature first."""
    y = np.zeros((*x.shape[:-1], len(weight)), x.dtype)
    for c in reversed(range(x.shape[-1])):
        y = y + x[..., c, None] * weight[:, c]
    return y if bias is None else y + bias

def linear_backward(grad_y, x, weight):
    rows, inputs = grad_y.reshape(-1, len(weight)), x.reshape(-1, x.shape[-1])
    grad_x = linear(grad_y, np.ascontiguousarray(weight.T))
    grad_weight = np.zeros_like(weight)
    bias = np.zeros(len(weight), weight.dtype)
    for row, single in zip(rows, inputs):
        grad_weight = grad_weight + row[:, None] * single
        bias = bias + row
    return grad_x, grad_weight, bias
'''


@pytest.mark.parametrize("dtype", HALVES)
def test_what_accumulates_in_half_precision_conforms(dtype, tmp_path):
    found = judged(tmp_path, IN_HALF, "linear", dtype, 80)
    records = found.document["results"]
    assert {r["verdict"] for r in records} == {"conforms"}
    assert max(r["worst"]["ulp"] for r in records) > 1  # it does round on the way


@needs_bfloat16
def test_bfloat16_arithmetic_in_float16_is_found(tmp_path):
    """The precision is named, and it is not the case's own."""
    rounds = "import ml_dtypes\n\ndef low(a):\n    return a.astype('bfloat16').astype(a.dtype)\n"
    source = IN_HALF.replace("* weight[:, c]", "* low(weight[:, c])") + rounds
    found = judged(tmp_path, source, "linear", "float16", 80).of("linear")["forward"]
    assert found["verdict"] in ("inexact", "wrong")
    sums = IN_HALF.replace("y = y + x", "y = low(y) + x") + rounds
    assert judged(tmp_path, sums, "linear", "float16", 80).verdicts("linear") != {
        "forward": "conforms"
    }


def flipped(conv, x, weight, bias=None, *, flip_kernel, **parameters):
    return conv(x, weight, bias, flip_kernel=not flip_kernel, **parameters)


def moved(conv, x, *arrays, padding, **parameters):
    if not isinstance(padding, str):
        padding = tuple((before + 1, after - 1) if after else (before, after)
                        for before, after in padding)  # fmt: skip
    return conv(x, *arrays, padding=padding, **parameters)


def one_tap_less(conv, x, weight, *bias, **parameters):
    weight = weight.copy()
    weight[..., -1] = 0
    return conv(x, weight, *bias, **parameters)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("fault", [flipped, moved, one_tap_less])
def test_wrong_kernels_are_found(fault, dtype, tmp_path):
    source = kernel_file({"conv": fault}, keep=["conv"])
    source += f"\n\n{inspect.getsource(in_float32)}\nconv = functools.partial(in_float32, conv)\n"
    [found] = judged(tmp_path, source, "conv", dtype).of("conv").values()
    assert found["verdict"] == "wrong"
    shown = found["counterexample"]
    assert shown["inputs"]["x"]["dtype"] == dtype
    assert as_array({**shown["expected"], "dtype": "float64"}).size < 20


@pytest.mark.parametrize("op", ["relu", "pad", "pixel_shuffle"])
def test_a_float16_that_saturates_is_found(op, tmp_path):
    source = f"""
import numpy as np
import deconv_ref

def {op}(x, **parameters):
    y = deconv_ref.{op}(x.astype(np.float32), **parameters)
    return np.clip(y, -65504, 65504).astype(x.dtype)
"""
    assert judged(tmp_path, source, op, "float16", 60).verdicts(op) == {"forward": "wrong"}


@pytest.mark.parametrize("dtype", HALVES)
def test_the_case_s_own_precision_excuses_nothing(dtype):
    """Neither TF32 and float16 in float16, nor bfloat16 in bfloat16."""
    case = next(c for c in drawn("linear", 90, dtypes=(dtype,)) if not c.exact and not c.empty)
    question = ask(case)
    margin, roundoff = question.margin("forward"), bounds.unit_roundoff(dtype)
    off = question.truth["forward"] + margin.allowed + 2 * roundoff * margin.products
    finding = compare.compare(question, Answer((rounded(off, dtype),)))["forward"]
    assert finding.verdict == (Verdict.INEXACT if dtype == "float16" else Verdict.WRONG)
    assert "11 bits" not in finding.reason


@needs_bfloat16
def test_our_own_tiers_refuse():
    with pytest.raises(AssertionError, match="float32 or float64, got bfloat16"):
        assert_conforms(__import__("deconv_ref"), "conv", cases=2, dtypes=["bfloat16"])


# What is written


@pytest.mark.parametrize("dtype", HALVES)
def test_programs_run_by_themselves(dtype, tmp_path):
    source = "def relu(x):\n    return abs(x)\n"
    found = judged(tmp_path, source, "relu", dtype, 12)
    shown = found.of("relu")["forward"]["counterexample"]
    assert dtype in shown["text"] and dtype in shown["script"]
    assert ("import ml_dtypes" in shown["script"]) == (dtype == "bfloat16")
    ran = run_script(shown["script"], tmp_path)
    assert (ran.returncode, ran.stdout.split()[-1]) == (1, "WRONG"), ran.stderr
    right = shown["script"].replace("results = relu(x=x)", "results = expected")
    assert run_script(right, tmp_path).returncode == 0


@pytest.mark.parametrize("dtype", HALVES)
def test_an_unfinished_report_keeps_the_bits(dtype):
    case = drawn("conv", 3, dtypes=(dtype,))[-1]
    again = journal.decoded(json.loads(json.dumps(journal.encoded(case))))
    assert again == case and again.dtype == case.dtype


@needs_bfloat16
def test_cases_for_other_tests(monkeypatch):
    for call in cases("relu", number=10, dtypes=["float16", "bfloat16"]):
        x = call.operands["x"]
        with np.errstate(invalid="ignore"):
            call.check(np.where(x <= 0, np.zeros((), x.dtype), x))
        assert is_floating(call.expected["forward"].dtype)
    with pytest.raises(ParameterError, match=r"ops must be of conv, .*, got .*sigmoid"):
        next(cases("sigmoid", dtypes=["float16"]))
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ParameterError, match="run python -m pip install ml_dtypes"):
        next(cases("relu", dtypes=["bfloat16"]))


# Command line


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder."""
    return runner(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "check cpu --op gelu --dtype float16",
            "--dtype float16 is not for gelu; it is for conv, ",
        ),
        ("check cpu --op geloo --dtype float16", "unknown operator 'geloo'"),
        ("vectors there --op mse --dtype float16", "--dtype float16 is not for mse"),
        ("vectors there --dtype bfloat16", "'bfloat16' is not one of"),
    ],
)
def test_what_is_not_judged_is_told_in_one_line(words, told, command):
    status, _, complaint = command(words)
    assert status == 2 and told in complaint
    assert len(complaint.splitlines()) == 1


def test_without_ml_dtypes_the_command_says_what_to_install(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    status, _, complaint = command("check cpu --op relu --dtype bfloat16")
    assert status == 2
    [line] = complaint.splitlines()
    assert line.endswith("run python -m pip install ml_dtypes")


def test_vectors_of_float16_are_judged(command, tmp_path):
    """What comes back as it was expected conforms."""
    assert command("vectors there --op linear --dtype float16 --cases 4")[0] == 0
    results = tmp_path / "results"
    results.mkdir()
    for file in (tmp_path / "there" / "expected").iterdir():
        array = np.load(file)
        assert array.dtype == np.float16
        np.save(results / file.name, array)
    status, told, _ = command("judge there results")
    assert status == 0 and "conforms" in told
