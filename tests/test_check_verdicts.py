"""Verdicts that a kernel might mislead: it offers little, saturates, keeps state, was lucky."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from checking import check, check_source, kernel_file, run_script
from hypothesis import given
from hypothesis import strategies as st
from planting import DTYPES, drawn
from scipy import fft

import deconv_ref
from deconv_ref.conformance import bounds, judge, report, runner, script, serve, tally
from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.compare import Finding, Verdict, compare, excused
from deconv_ref.conformance.judge import ask
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.search import made_plain, simpler, turned
from deconv_ref.conformance.strategies import plain_value
from deconv_ref.conformance.worker import Answer, Excuse, Worker
from deconv_ref.window import conv_window, reach

FUNCTIONS = [name for operator in OPERATORS.values() for name in operator.functions()]


@pytest.fixture
def asked(monkeypatch):
    """List the cases that targets are asked."""
    cases = []
    call = Worker.call

    def listed(worker, case):
        cases.append(case)
        return call(worker, case)

    monkeypatch.setattr(Worker, "call", listed)
    return cases


# What is offered, where that is little

PLAIN_IMAGES = """
def unsupported(op, parameters):
    if len(parameters["stride"]) != 2:
        return "images alone"
    if parameters["stride"] != (1, 1) or parameters["dilation"] != (1, 1):
        return "no steps"
    return "no groups" if parameters["groups"] > 1 or parameters["flip_kernel"] else None
"""


def test_a_kernel_that_offers_little_is_judged_on_all_of_it(tmp_path):
    source = f"import numpy as np\n{PLAIN_IMAGES}\n\ndef conv(**call):\n    return np.zeros(1)\n"
    checked = check_source(tmp_path, source, ops=("conv",), cases=20, shrink=False)
    record = checked.of("conv")["forward"]
    assert (record["verdict"], record["cases"]) == ("wrong", 20)


@pytest.mark.parametrize("judged", [3, 200])
def test_too_few_cases_are_told(judged):
    counted = tally.Tally(cases=judged, exact=judged)
    counted.seen[Verdict.CONFORMS] = judged
    declined = Counter(["odd steps alone"])
    result = runner.Result("a.py", "a", "", "conv", "forward", counted, declined, True, 200)
    told = "3 of 200 cases were judged" in report.reason(result)
    assert told == (judged < 200)


def is_plain(case, name):
    value = case.parameters.get(name)
    return value is None or value == "valid" or value == plain_value(name, value)


@pytest.mark.parametrize(
    ("function", "name"),
    [(f, name) for f in FUNCTIONS for name in OPERATORS[f.removesuffix("_backward")].plain],
)
def test_cases_are_as_plain_as_they_are_asked_for(function, name):
    asked_for = drawn(function, 8, plain=frozenset([name]))
    assert all(is_plain(case, name) and ask(case) for case in asked_for)
    others = drawn(function, 20)
    assert name not in others[0].parameters or not all(is_plain(case, name) for case in others)


def test_only_what_has_to_be_plain_is():
    parameters = {"stride": (2, 2), "padding": "same", "dilation": (1, 2), "groups": 2}
    names = OPERATORS["conv"].plain

    def offered(p):
        return p["stride"] == (1, 1) and p["groups"] == 1 and p["padding"] == "same"

    assert made_plain(parameters, names, offered) == {"stride", "groups"}
    assert made_plain(parameters, names, lambda _: False) == frozenset()


def test_what_is_left_out_of_results_was_not_declined(tmp_path):
    source = """
import deconv_ref


def unsupported(op, parameters):
    return "no ceil_mode" if parameters["ceil_mode"] else None


def max_pool(*arrays, **parameters):
    return deconv_ref.max_pool(*arrays, **parameters)[0]
"""
    records = check_source(tmp_path, source, ops=("max_pool",), cases=10).of("max_pool")
    assert "not offered: no ceil_mode" in records["forward"]["reason"]
    assert records["indices"]["verdict"] == "absent"
    assert records["indices"]["reason"] == "not among the results"


# Infinities

LINEAR = """
import numpy as np


def linear(x, weight, bias=None):
    y = x @ weight.T
    return {}
"""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("got", [42.0, -np.inf, np.nan, 0.0, 1e30])
def test_anything_else_than_an_infinity_is_wrong(got, dtype):
    operands = {"x": Operand(np.array([[np.inf, 1]], dtype))}
    operands["weight"] = Operand(np.array([[1, 2], [3, 4]], dtype))
    for exact in (True, False):
        question = ask(Case("linear", {}, operands, exact))
        right = compare(question, Answer((np.full((1, 2), np.inf, dtype),)))["forward"]
        assert right.verdict is Verdict.CONFORMS
        finding = compare(question, Answer((np.array([[np.inf, got]], dtype),)))["forward"]
        assert finding.verdict is Verdict.WRONG


@pytest.mark.parametrize("largest", ["1e30", "np.finfo(x.dtype).max"])
def test_infinities_that_saturate_are_wrong(largest, tmp_path):
    body = f"np.clip(y if bias is None else y + bias, -{largest}, {largest}).astype(x.dtype)"
    record = check_source(tmp_path, LINEAR.format(body), ops=("linear",)).of("linear")["forward"]
    assert record["verdict"] == "wrong"
    assert "as from" not in record["reason"]


# Lower precisions and fast algorithms


def test_what_ordinary_cases_do_not_show_is_wrong_and_has_no_excuse():
    case = drawn("conv", 1)[0]
    excuse = "as from bfloat16: "
    finding = Finding(Verdict.INEXACT, f"{excuse}1 of 2 elements differ", excuse=excuse)
    counted = tally.Tally()
    wide = replace(case, operands={"x": Operand(np.array([2.0**20], np.float32))}, exact=True)
    counted.add(wide, finding)
    counted.settle()
    assert counted.verdict is Verdict.WRONG
    assert counted.worst[Verdict.WRONG][1].reason == "1 of 2 elements differ"


def by_transforms(case):
    """Convolve in float32 by transforms, a pair of channels at a time."""
    p, arrays = case.parameters, case.arrays()
    x, weight = arrays["x"], arrays["weight"]
    spatial = x.shape[2:], weight.shape[2:], p["stride"], p["padding"], p["dilation"]
    window = conv_window("conv", *spatial)
    x = np.pad(x, [(0, 0), (0, 0), *window.padding]).astype(np.float32)
    reaches = tuple(map(reach, weight.shape[2:], p["dilation"]))
    spread = np.zeros((*weight.shape[:2], *reaches), np.float32)
    spread[(..., *(slice(None, None, d) for d in p["dilation"]))] = weight
    kernel = spread if p["flip_kernel"] else np.flip(spread, tuple(range(2, x.ndim)))
    size = [n + e - 1 for n, e in zip(x.shape[2:], reaches, strict=True)]
    axes = tuple(range(2, x.ndim))
    images, kernels = fft.rfftn(x, size, axes), fft.rfftn(kernel, size, axes)
    per_group = weight.shape[0] // p["groups"]
    y = []
    for m, one in enumerate(kernels):
        first = m // per_group * weight.shape[1]
        products = images[:, first : first + weight.shape[1]] * one
        y.append(fft.irfftn(products.sum(1), size, [a - 1 for a in axes]))
    ends = zip(reaches, x.shape[2:], p["stride"], strict=True)
    inside = (slice(None), slice(None), *(slice(e - 1, n, s) for e, n, s in ends))
    y = np.stack(y, 1)[inside]
    bias = arrays.get("bias", np.zeros(weight.shape[0], np.float32))
    return (y + bias.reshape(-1, *[1] * len(axes))).astype(np.float32)


def test_an_honest_transform_is_inexact_at_most():
    counted = tally.Tally()
    for case in drawn("conv", 120, dtypes=("float32",)):
        if not case.empty:
            finding = compare(ask(case), Answer((by_transforms(case),)))["forward"]
            assert finding.verdict <= Verdict.INEXACT, finding.reason
            counted.add(case, finding)
    counted.settle()
    assert "an FFT" in counted.worst[Verdict.INEXACT][1].reason


def test_exact_results_that_are_rounded_once_do_not_spoil_an_excuse():
    """0.75 times 0.1 is no float32: what came is the nearest, and is right."""
    arrays = {"grad_y": [[0.1, 1.0]], "x": [[-1.0, np.nan]]}
    operands = {name: Operand(np.array(array, np.float32)) for name, array in arrays.items()}
    case = Case("leaky_relu_backward", {"negative_slope": -0.75}, operands, exact=True)
    got = np.float32(-0.75) * operands["grad_y"].values
    wrong = compare(ask(case), Answer((got,)))
    assert wrong["x"].verdict is Verdict.WRONG
    assert wrong["x"].element == (0, 1)
    by_design = Excuse("NaN in x counts as negative", np.array([[0.0, np.inf]]))
    assert excused(ask(case), wrong, [by_design])["x"].verdict is Verdict.CONFORMS
    nearby = compare(ask(case), Answer((np.nextafter(got, np.float32(1)),)))
    assert excused(ask(case), nearby, [by_design])["x"].verdict is Verdict.WRONG


def test_what_differs_by_design_is_no_worse_beside_a_lower_precision():
    x = np.array([[-np.inf, -2.0, 0.5]])
    case = Case("gelu", {}, {"x": Operand(x)}, exact=False)
    question = ask(case)
    by_design = Excuse("minus infinity gives NaN", np.where(np.isinf(x), np.inf, 0.0))
    for off, verdict in ((2.0**-26, Verdict.INEXACT), (0.1, Verdict.WRONG)):
        got = np.where(np.isinf(x), np.nan, question.truth["forward"] * (1 + off))
        found = compare(question, Answer((got,)))
        assert (found["forward"].verdict, found["forward"].element) == (Verdict.WRONG, (0, 0))
        judged = excused(question, found, [by_design])["forward"]
        assert (judged.verdict, judged.element) == (verdict, (0, 1))
        assert np.isnan(judged.got[0, 0])
        named = judged.differences == ("minus infinity gives NaN",)
        assert named == (verdict is Verdict.INEXACT)


def test_large_values_elsewhere_excuse_nothing():
    """A transform mixes the values of one image with one kernel's, and no others."""
    x = np.array([1.0, 2.0**14], np.float32).reshape(2, 1, 1) * np.ones((2, 1, 5), np.float32)
    operands = {"x": Operand(x), "weight": Operand(np.ones((1, 1, 2), np.float32))}
    parameters = {"stride": (1,), "padding": "valid", "dilation": (1,), "groups": 1}
    case = Case("conv", {**parameters, "flip_kernel": False}, operands, exact=True)
    y = ask(case).truth["forward"].astype(np.float32)
    for image, expected in ((0, Verdict.WRONG), (1, Verdict.INEXACT)):
        got = y.copy()
        got[image, 0, 2] += 2.0**-3
        assert compare(ask(case), Answer((got,)))["forward"].verdict is expected


def test_dense_layers_have_no_transforms():
    case = next(c for c in drawn("linear", 20) if not c.empty)
    assert np.all(ask(case).margin("forward").transform() == 0)


@pytest.mark.parametrize("function", ["conv_backward", "conv_transpose", "conv_transpose_backward"])
def test_transforms_are_bounded_by_the_norms_of_channels(function):
    for case in drawn(function, 12):
        factors = {name: o for name, o in case.operands.items() if name != "bias"}
        question = ask(replace(case, operands=factors))
        for quantity, truth in question.truth.items():
            transform = question.margin(quantity).transform()
            if quantity == "bias":
                assert transform == 0
            elif truth.size:
                roundoff = 40 * bounds.unit_roundoff(case.dtype)
                assert np.shape(transform) == truth.shape
                # The largest value is a product of parts of the images, so it is in their norms.
                rows = np.nanmax(
                    np.abs(truth), tuple(range(2, truth.ndim)), keepdims=True, initial=0
                )
                assert np.all(transform >= roundoff * rows)


# Scripts


def test_a_script_compares_with_the_truth_before_it_was_rounded(tmp_path):
    """Down by so many units in the last place that the rounding of the truth decides."""
    source = """
import numpy as np


def sigmoid(x):
    with np.errstate(all="ignore"):
        y = (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype)
    for _ in range({}):
        y = np.where(np.isfinite(y) & (y > 0), np.nextafter(y, x.dtype.type(0)), y)
    return y
"""
    found = 0
    for ulps in (7, 8):
        plan = {"ops": ("sigmoid",), "cases": 60, "dtypes": ("float32",)}
        record = check_source(tmp_path, source.format(ulps), **plan).of("sigmoid")["forward"]
        if record["verdict"] == "wrong":
            finished = run_script(record["counterexample"]["script"], tmp_path)
            assert (finished.returncode, finished.stdout[-6:]) == (1, "WRONG\n")
            found += 1
    assert found


def test_a_script_imports_a_module_whose_folder_lies_here(monkeypatch, tmp_path):
    """A folder is what `judge` takes too: of result files, which need no module."""
    (tmp_path / "my_kernels").mkdir()
    (tmp_path / "my_kernels/__init__.py").write_text("def relu(x):\n    return x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    record = check("my_kernels", ops=("relu",), cases=10).of("relu")["forward"]
    assert record["verdict"] == "wrong"
    assert "\nfrom my_kernels import relu\n" in record["counterexample"]["script"]


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, 0.1, np.nan, -np.inf]), max_size=60))
def test_a_script_has_the_same_numbers_however_they_repeat(values):
    values = np.repeat(values, [1 + n % 11 for n in range(len(values))])
    written = np.array(eval(script._list_text(values)), np.float64)
    np.testing.assert_array_equal(written.view(np.int64), values.astype(np.float64).view(np.int64))


def test_a_script_has_the_sign_of_zero(tmp_path):
    source = """
import numpy as np


def relu(x):
    y = np.where(x > 0, x, np.where(np.isnan(x), x, 0)).astype(x.dtype)
    return np.where((x == 0) & np.signbit(x), x.dtype.type(np.nan), y)
"""
    record = check_source(tmp_path, source, ops=("relu",)).of("relu")["forward"]
    assert record["verdict"] == "wrong"
    assert run_script(record["counterexample"]["script"], tmp_path).returncode == 1


@pytest.mark.parametrize("text", ["nul \0", "\udc80", '"""', "\\N", "\x1b[0m"])
def test_a_script_compiles_whatever_the_error_says(text, tmp_path):
    source = f"def linear(x, weight, bias=None):\n    raise ValueError({text!r} + ' at last')\n"
    record = check_source(tmp_path, source, ops=("linear",), cases=3).of("linear")["forward"]
    assert record["verdict"] == "refuses"
    script = record["counterexample"]["script"]
    compile(script, "script", "exec")
    script.encode()


# State


def test_every_quantity_is_confirmed_in_a_process_of_its_own(tmp_path):
    source = """
import numpy as np

calls = []


def linear_backward(grad_y, x, weight):
    calls.append(1)
    k = len(calls) > 1
    rows, xs = (a.reshape(int(np.prod(a.shape[:-1])), a.shape[-1]) for a in (grad_y, x))
    two, three = k * (len(xs) > 1), k * (len(xs) > 2)
    return grad_y @ weight + k, rows.T @ xs + two, rows.sum(0) + three
"""
    records = check_source(tmp_path, source, ops=("linear",), cases=40).of("linear_backward")
    for quantity, record in records.items():
        assert record["verdict"] == "wrong"
        assert "not so in a fresh process" in record["reason"], quantity


@pytest.mark.parametrize("function", ["sigmoid", "max_unpool", "linear_backward"])
def test_what_is_kept_of_the_call_before_is_found_without_flags_too(function, tmp_path):
    """Results are kept by the sizes of the operands, whatever their signs."""
    source = f"""
import numpy as np

import deconv_ref

kept = {{}}


def {function}(**call):
    key = tuple((a.shape, np.abs(a).tobytes()) for a in call.values() if hasattr(a, "shape"))
    if key not in kept:
        kept[key] = deconv_ref.{function}(**call)
    return kept[key]
"""
    op = function.removesuffix("_backward")
    records = check_source(tmp_path, source, ops=(op,), cases=20).of(function)
    assert "wrong" in {record["verdict"] for record in records.values()}


def packs_by_shape(right, *, weight, packed={}, **call):  # noqa: B006 - kept over calls
    key = weight.shape, weight.dtype
    return right(weight=packed.setdefault(key, weight.copy()), **call)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_for_a_shape_is_found(seed, tmp_path):
    """Weights, say, that were packed once: the shapes that are drawn seldom repeat each other."""
    source = kernel_file({"conv": packs_by_shape}, keep=["conv"])
    plan = {"ops": ("conv",), "cases": 60, "seed": seed, "shrink": False}
    record = check_source(tmp_path, source, **plan).of("conv")["forward"]
    assert record["verdict"] == "wrong"
    assert "not so in a fresh process" in record["reason"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_call_that_is_turned_round_is_as_legal_and_as_exact(function):
    """Of integers, our kernels give it to the bit."""
    op = OPERATORS[function.removesuffix("_backward")]
    cases = drawn(function, 10)
    assert all(turned(turned(case)) == case for case in cases)
    meant = [case for case in map(turned, cases) if op.domain is None or op.domain(case)]
    assert len(meant) >= 5
    for case in meant:
        answer = serve._call(deconv_ref, case)
        assert answer.error is None
        findings = compare(ask(case), answer)
        assert {finding.verdict for finding in findings.values()} == {Verdict.CONFORMS}


# Shrinking


@pytest.mark.parametrize("function", FUNCTIONS)
def test_simpler_cases_are_smaller_and_of_the_same_kind(function):
    for case in drawn(function, 4):
        kinds = {name: operand.values.dtype for name, operand in case.operands.items()}
        for variant in simpler(case):
            assert variant.size() < case.size()
            assert {n: o.values.dtype for n, o in variant.operands.items()} == kinds


@pytest.mark.parametrize("exact", [True, False])
def test_values_of_either_kind_get_small(exact):
    values = np.array([0.25, 7.5, -64.0, 3.0], np.float32)
    case = Case("dropout", {"rate": 0.5}, {"x": Operand(values)}, exact)
    signs = [v for v in simpler(case) if np.array_equal(v.arrays()["x"], np.sign(values))]
    assert signs


WRONG_DROPOUT = """
import numpy as np


def dropout(x, rate, *, mask):
    y = x * mask / x.dtype.type(1 - rate)
    return y + 1 if np.count_nonzero(x) >= 4 else y
"""


def test_shrinking_costs_so_many_calls_and_says_if_time_was_up(asked, monkeypatch, tmp_path):
    plan = {"ops": ("dropout",), "cases": 30, "dtypes": ("float32",)}
    record = check_source(tmp_path, WRONG_DROPOUT, **plan).of("dropout")["forward"]
    assert 30 < len(asked) <= 30 + 2 * 400 + 1
    assert "time was up" not in record["reason"]
    x = record["counterexample"]["inputs"]["x"]
    assert sorted(map(abs, x["data"])) == [1, 1, 1, 1]
    monkeypatch.setattr(judge, "SHRINK_SECONDS", 0.0)
    again = check_source(tmp_path, WRONG_DROPOUT, **plan).of("dropout")["forward"]
    assert "time was up before it was shrunk to the end" in again["reason"]


@pytest.mark.parametrize("function", ["batch_norm", "batch_norm_backward", "richardson_lucy"])
def test_shrinking_stays_where_the_operator_is_meant_to_be_used(function, asked, tmp_path):
    op = function.removesuffix("_backward")
    assert all(OPERATORS[op].domain(case) for case in drawn(function, 30))
    source = f"def {function}(x, **call):\n    return (x * 0 + 7,)"
    source += f" * {len(OPERATORS[op].functions()[function])}\n"
    check_source(tmp_path, source, ops=(op,), cases=10)
    assert len(asked) > 10  # it was shrunk
    assert all(OPERATORS[op].domain(case) for case in asked)


def test_an_exact_case_and_one_that_is_not_are_two_questions():
    values = np.ones((1, 3), np.float32)
    cases = [Case("relu", {}, {"x": Operand(values)}, exact) for exact in (False, True)]
    assert cases[0].key() == cases[1].key()
    assert [ask(case).case.exact for case in cases] == [False, True]
