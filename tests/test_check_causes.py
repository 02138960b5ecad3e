"""What is made out about a counterexample: the guess at its cause, its taps, its equation."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from checking import as_array, check_source, kernel_file, run_script
from mutants.convolution import CONVOLUTION
from mutants.pooling import POOLING
from planting import drawn

from deconv_ref.conformance import judge
from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.causes import guess
from deconv_ref.conformance.causes.guess import hypotheses
from deconv_ref.conformance.causes.hypothesis import Witness
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.equations import EQUATIONS, equation
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.taps import IN_PAIRS, LINEAR, taps
from deconv_ref.conformance.truth import Question

ROOT = Path(__file__).parents[1]
FUNCTIONS = [
    (op, f, q) for op, o in OPERATORS.items() for f, qs in o.functions().items() for q in qs
]
SIZE_RIGHT = ", though the size of the result is right"


@pytest.fixture(autouse=True)
def shrunk_a_little(monkeypatch):
    monkeypatch.setattr(judge, "SHRINK_CALLS", 60)


def named(function, name, faults=CONVOLUTION.faults):
    """Find a planted fault."""
    return next(f for f in faults if f.function == function and f.substitute.__name__ == name)


def found(fault, folder, of=None, cases=30):
    """Check a kernel file with a fault in it, and give the record of the first wrong quantity."""
    changes = {fault.replaces: fault.substitute}
    source = kernel_file(changes, of=of) if of else kernel_file(changes)
    checked = check_source(
        folder, source, ops=(fault.function.removesuffix("_backward"),), cases=cases
    )
    return checked.of(fault.function)[fault.wrong[0]]


# Guesses

CONVOLUTIONS = [
    ("conv", "sides_swapped", "as if padding were swapped front and back"),
    (
        "conv",
        "effective_kernel_as_k_plus_d_less_1",
        "as if a dilated kernel spanned k + d - 1 cells",
    ),
    (
        "conv",
        "dilation_forgotten_in_the_last_axis",
        "as if dilation were 1 in the last axis" + SIZE_RIGHT,
    ),
    ("conv", "the_first_stride_for_all", "as if stride of the first axis were used for all"),
    ("conv", "bias_of_the_first_group_for_all", "as if bias of the first group were used for all"),
    ("conv", "strides_ignored", "as if strides of x were ignored: from memory, in order"),
    ("conv_backward", "groups_ignored", "as if x of the first group were used for all"),
    ("conv_backward", "stride_and_dilation_swapped", "as if stride and dilation were swapped"),
]
POOLINGS = [
    ("max_pool", "last_of_equals", "as if the last of equal maxima won, not the first"),
    ("avg_pool", "padding_never_counts", "as if the divisor left padding out"),
    ("max_unpool", "added_up", "as if values for the same cell were added up"),
    ("max_unpool_backward", "indices_of_the_first_channel",
     "as if indices of the first channel were used for all"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "name", "expected"), CONVOLUTIONS)
def test_causes_of_wrong_convolutions_are_guessed(function, name, expected, tmp_path):
    record = found(named(function, name), tmp_path)
    assert record["counterexample"]["guess"].startswith(expected)
    assert expected in record["reason"]


@pytest.mark.parametrize(("function", "name", "expected"), POOLINGS)
def test_causes_of_wrong_pooling_are_guessed(function, name, expected, tmp_path):
    record = found(named(function, name, POOLING.faults), tmp_path, of=POOLING.kernels)
    assert record["counterexample"]["guess"].startswith(expected)


def told(operator, quantity, change, cases):
    """Guess at what a change of the truth shows in some cases, the smallest as a counterexample."""
    shown = []
    for case in (case for case in cases if not case.empty):
        truth = OPERATORS[operator].evaluate(case)[quantity]
        got = change(case, truth).astype(case.dtype)
        if not np.array_equal(got, truth.astype(case.dtype), equal_nan=True):
            shown.append((case, Finding(Verdict.WRONG, got=got)))
    shown.sort(key=lambda seen: seen[0].size())
    return guess(OPERATORS[operator], quantity, shown[0], shown[1:7])


def biased(case, truth):
    m = case.parameters["momentum"]
    x = case.arrays()["x"].astype(np.float64)
    biased = (1 - m) * case.arrays()["running_var"] + m * x.var((0, *range(2, x.ndim)))
    return biased if case.parameters["training"] else truth


def epsilon_outside(case, truth):
    x = case.arrays()["x"].astype(np.float64)
    deviation = x.std((0, *range(2, x.ndim))) + case.parameters["epsilon"]
    with np.errstate(divide="ignore"):
        return 1 / deviation if case.parameters["training"] else truth


CHANGES = {
    "as if the population variance (K) were stored": ("batch_norm", "running_var", biased),
    "as if epsilon were outside the root": ("batch_norm", "saved_inv_std", epsilon_outside),
    "half of what it should be": ("l2_penalty", "forward", lambda case, truth: truth / 2),
    "of the opposite sign": ("linear", "forward", lambda case, truth: -truth),
    "as if rate were 0": ("dropout", "forward", lambda c, y: y * (1 - c.parameters["rate"])),
    "the root of what it should be": ("l2_penalty", "forward", lambda case, truth: np.sqrt(truth)),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_causes_of_other_wrong_results_are_guessed(expected):
    operator, quantity, change = CHANGES[expected]
    assert told(operator, quantity, change, drawn(operator, 40)).startswith(expected)


def garbage(case, truth):
    noise = np.random.default_rng(truth.size).integers(1, 99, truth.shape)
    return np.where(np.isfinite(truth), truth, 0) * 1.37 + noise


@pytest.mark.parametrize("function", ["conv", "max_pool", "batch_norm", "softmax", "upsample"])
def test_nothing_is_guessed_of_garbage(function):
    assert told(function, "forward", garbage, drawn(function, 20)) is None


def test_a_single_small_case_says_perhaps():
    """One cell times one weight: a hundred things would give 0."""
    operands = {"x": Operand(np.ones((1, 1, 1))), "weight": Operand(np.ones((1, 1, 1)))}
    window = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}
    case = Case("conv", {**window, "flip_kernel": False}, operands, exact=True)
    finding = Finding(Verdict.WRONG, got=np.zeros((1, 1, 1)))
    assert guess(OPERATORS["conv"], "forward", (case, finding), []).startswith("perhaps ")


def test_what_does_not_explain_most_failing_cases_is_not_told():
    cases = [c for c in drawn("linear", 60) if not c.empty and "bias" in c.operands]
    shown = [(c, Finding(Verdict.WRONG, got=garbage(c, OPERATORS["linear"].evaluate(c)["forward"])))
             for c in cases[:6]]  # fmt: skip
    truth = OPERATORS["linear"].evaluate(cases[6])["forward"]
    halved = cases[6], Finding(Verdict.WRONG, got=(truth / 2).astype(cases[6].dtype))
    assert guess(OPERATORS["linear"], "forward", halved, []) is not None
    assert guess(OPERATORS["linear"], "forward", halved, shown) is None


@pytest.mark.parametrize(("op", "function", "quantity"), FUNCTIONS)
def test_hypotheses_can_be_tried_on_whatever_is_drawn(op, function, quantity):
    """In a run a hypothesis that fails is passed over, so that here is where it would show."""
    cases = [case for case in drawn(function, 8) if not case.empty]
    case = min(cases, key=lambda case: sum(a.size for a in case.arrays().values()))
    truth = OPERATORS[op].evaluate(case)[quantity]
    finding = Finding(Verdict.WRONG, got=truth + truth.dtype.type(1), before=tuple(cases[:2]))
    witness = Witness.of(OPERATORS[op], quantity, case, finding)
    with np.errstate(all="ignore"):
        for hypothesis in hypotheses(OPERATORS[op], case, quantity):
            witness.agrees(hypothesis.predict(witness))


# Taps


@pytest.mark.parametrize("op", [*IN_PAIRS, *LINEAR])
def test_taps_add_up_to_the_element(op):
    operator = OPERATORS[op]
    for function, quantities in operator.functions().items():
        for case in drawn(function, 12):
            question = Question(operator, case, operator.evaluate(case))
            finite = all(np.isfinite(array).all() for array in question.arrays().values())
            for quantity in quantities:
                truth = question.truth[quantity]
                if (
                    not finite
                    or not truth.size
                    or sum(a.size for a in case.arrays().values()) > 256
                ):
                    continue
                element = np.unravel_index(truth.size // 2, truth.shape)
                fed = taps(question, quantity, tuple(map(int, element)))
                total = sum(tap.product for tap in fed)
                constant = case.parameters.get("value", 0.0) if not fed else 0.0
                nothing = np.isnan(truth[element])  # 0 / 0, an average of no cells
                assert nothing or np.isclose(total + constant, truth[element], rtol=1e-9, atol=1e-9)


def test_taps_name_the_cells_that_are_multiplied():
    x, weight = (Operand(np.arange(1.0, n + 1).reshape(1, 1, n)) for n in (5, 2))
    window = {"stride": (2,), "padding": ((1, 0),), "dilation": (3,), "groups": 1}
    case = Case("conv", {**window, "flip_kernel": True}, {"x": x, "weight": weight}, exact=True)
    question = Question(OPERATORS["conv"], case, OPERATORS["conv"].evaluate(case))
    at = [(dict(tap.cells), tap.product) for tap in taps(question, "forward", (0, 0, 1))]
    assert at == [
        ({"x": (0, 0, 1), "weight": (0, 0, 1)}, 4.0),
        ({"x": (0, 0, 4), "weight": (0, 0, 0)}, 5.0),
    ]


def test_taps_of_what_is_no_sum_are_the_cells_that_it_looks_at():
    operands = {"x": Operand(np.arange(6.0).reshape(1, 3, 2))}
    case = Case("softmax", {"axis": 1}, operands, exact=False)
    question = Question(OPERATORS["softmax"], case, OPERATORS["softmax"].evaluate(case))
    cells = [tap.cells["x"] for tap in taps(question, "forward", (0, 1, 1))]
    assert cells == [(0, 0, 1), (0, 1, 1), (0, 2, 1)]


# Equations


@pytest.mark.parametrize("number", EQUATIONS)
def test_equations_are_those_of_the_documentation(number):
    """Word by word, in order, after the number; in between, the pages have columns and names."""
    pages = "".join(
        (ROOT / "docs" / page).read_text("utf-8") for page in ("legend.md", "operators.md")
    )
    starts = [m.end() for m in re.finditer(rf"(?:^ {{4}}|\*\*| +){number}\b", pages, re.M)]
    words = EQUATIONS[number].replace(",", " ").split()

    def follow(start):
        text = pages[start : start + 700]
        for word in words:
            at = text.find(word)
            if at < 0:
                return False
            text = text[at + len(word) :]
        return True

    assert any(map(follow, starts))


@pytest.mark.parametrize(("op", "function", "quantity"), FUNCTIONS)
def test_every_result_has_an_equation(op, function, quantity):
    assert equation(drawn(function, 1)[0], quantity).split(": ")[0] in EQUATIONS


def test_the_number_follows_the_parameters():
    numbers = {
        case.parameters["mode"]: equation(case, "x").split(":")[0]
        for case in drawn("upsample_backward", 12)
    }
    assert numbers == {"nearest": "U3", "linear": "U5"}


# Where it is told


def test_report_and_script_tell_the_same(tmp_path):
    record = found(named("conv", "kernel_flipped"), tmp_path)
    example = record["counterexample"]
    assert example["equation"].startswith("Q1: ")
    element = tuple(example["element"])
    expected, got = as_array(example["expected"]), as_array(example["got"])
    assert expected[element] != got[element]
    assert sum(tap["product"] for tap in example["taps"]) == expected[element]
    for tap in example["taps"]:
        factors = [as_array(example["inputs"][n])[tuple(at)] for n, at in tap["cells"].items()]
        assert np.prod(factors) == tap["product"]

    text = ast.get_docstring(ast.parse(example["script"]))
    for line in (example["equation"], example["guess"], "fed by   x[", "wrong    forward["):
        assert line in text
    assert run_script(example["script"], tmp_path).returncode == 1
