"""Parts of the checker: the cases it draws, its bounds, its truth, and what it writes."""

import inspect
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from planting import DTYPES, drawn

import deconv_ref
from deconv_ref.conformance import bounds, compare, judge, search
from deconv_ref.conformance.case import JUNK, LAYOUTS, Case, Operand
from deconv_ref.conformance.draws import Choices, Draws
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import LITERAL, Operator, Question
from deconv_ref.conformance.worker import Answer
from deconv_ref.window import conv_window

OPS = ("conv", "conv_transpose")
FUNCTIONS = [op + end for op in OPS for end in ("", "_backward")]
ALL = [function for operator in OPERATORS.values() for function in operator.functions()]


@pytest.fixture(scope="module")
def cases():
    """Draw as many cases as a few ordinary runs do, by function."""
    return {function: drawn(function, 600) for function in FUNCTIONS}


# Strategies


@pytest.mark.parametrize("function", ALL)
def test_any_choices_make_a_legal_case(function):
    """Whoever shrinks a case need know nothing of what its choices mean."""
    operator = replace(OPERATORS[function.removesuffix("_backward")], tier=LITERAL)  # quick
    build = Draws(operator.cases, function, DTYPES, 0).build

    @settings(max_examples=20, phases=[Phase.generate])
    @given(st.lists(st.integers(0, 9), max_size=40))
    def check(choices):
        draw = Choices(choices)
        operator.evaluate(build(draw))
        assert build(Choices(draw.made)) == build(Choices(choices))

    check()


@pytest.mark.parametrize("function", ALL)
def test_cases_are_small_enough_for_fractions(function):
    """Our own equations answer in good time, element by element."""
    elements = [
        operand.values.size for case in drawn(function, 150) for operand in case.operands.values()
    ]
    assert max(elements) < 2**18


@pytest.mark.parametrize("function", [*FUNCTIONS, "max_pool", "avg_pool", "relu", "relu_backward"])
def test_an_axis_is_very_long_at_fixed_places_whatever_the_seed(function):
    """Faults of narrow indices are not left to chance: five cases where 200 are judged."""
    for seed in (0, 1):
        long = [
            number
            for number, case in enumerate(drawn(function, 160, seed=seed))
            if max(operand.values.size for operand in case.operands.values()) > 2**15
        ]
        assert long == [15, 46, 77, 108, 139]


def test_what_is_drawn_can_be_built_again():
    draws = Draws(OPERATORS["conv"].cases, "conv", DTYPES, 5)
    for number in (7, 0, 16, 30):
        assert draws.build(Choices(draws.choices(number))) == draws.case(number)
    assert tuple(map(draws.case, range(31))) == drawn("conv", 31, seed=5)


def test_shrinking_leaves_what_the_condition_needs():
    """Choices are lowered, left out and made anew until no single step helps."""
    draws = Draws(OPERATORS["conv"].cases, "conv", DTYPES, 0)

    def holds(case):
        return case.parameters["stride"][-1] == 3 and case.parameters["groups"] > 1

    found = []

    def condition(case):
        return holds(case) and not found.append(case)

    number = next(
        n for n in range(500) if holds(c := draws.case(n)) and len(c.parameters["stride"]) == 3
    )
    search.shrink(draws.build, draws.choices(number), condition, 0)
    smallest = found[-1]
    assert smallest.parameters | {"padding": 0} == {
        "stride": (3,),
        "padding": 0,
        "dilation": (1,),
        "groups": 2,
        "flip_kernel": False,
    }
    assert smallest.arrays()["x"].shape == (1, 2, 1)
    assert {operand.layout for operand in smallest.operands.values()} == {"contiguous"}


STARTS = {
    "a long kernel": lambda case: case.arrays()["weight"].shape[-1] > 4,
    "a long stride": lambda case: case.parameters["stride"][-1] > 3,
    "many channels": lambda case: case.arrays()["x"].shape[1] > 6,
    "many images": lambda case: len(case.arrays()["x"]) > 3,
    "a rule of padding": lambda case: isinstance(case.parameters["padding"], str),
    "padding of each side": lambda case: any(b != a for b, a in pairs(case)),
}


@pytest.mark.parametrize("start", STARTS)
def test_what_does_not_matter_shrinks_whatever_else_was_drawn_for_it(start):
    """A choice on which it depends how many there are goes, and the others stay what they were."""
    draws = Draws(OPERATORS["conv"].cases, "conv", DTYPES, 0)

    def dilated(case):
        return case.parameters["dilation"][-1] > 1 and case.arrays()["weight"].shape[-1] > 1

    found = []
    number = next(n for n in range(400) if dilated(c := draws.case(n)) and STARTS[start](c))
    condition = lambda case: dilated(case) and not found.append(case)  # noqa: E731
    search.shrink(draws.build, draws.choices(number), condition, 0)
    assert set(found[-1].parameters["stride"]) == {1}
    assert sum(array.size for array in found[-1].arrays().values()) <= 5


@pytest.mark.parametrize("least", [1, search.LARGE], ids=["of any size", "of large ones alone"])
def test_large_cases_are_asked_last(least):
    """Each may take a second: none is asked where a small one shows the same."""
    draws = Draws(OPERATORS["avg_pool"].cases, "avg_pool", DTYPES, 0)

    def size(case):
        return case.arrays()["x"].size

    def padded(case):
        return any(b or a for b, a in pairs(case)) and size(case) >= least

    asked, found = [], []

    def condition(case):
        asked.append(size(case))
        return padded(case) and not found.append(case)

    number = next(n for n in range(2000) if padded(c := draws.case(n)) and size(c) > search.LARGE)
    search.shrink(draws.build, draws.choices(number), condition, 0)
    assert (max(asked) > search.LARGE) == (least > 1)
    assert found[-1].parameters["kernel_size"] == (1,)
    assert least > 1 or size(found[-1]) == 1


@pytest.mark.parametrize("function", FUNCTIONS)
def test_exact_cases_are_exact(cases, function):
    """The largest sum of absolute products is an integer that the dtype holds."""
    exact = [case for case in cases[function] if case.exact]
    assert len(exact) > 200
    for case in exact:
        arrays = case.arrays().values()
        assert all(np.array_equal(a, np.round(a), equal_nan=True) for a in arrays)
        magnitude = asked(case).mapped(lambda array: np.abs(np.nan_to_num(array)))
        largest = max(float(values.max(initial=0)) for values in magnitude.values())
        assert largest <= 2.0 ** (np.finfo(case.dtype).nmant + 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_cases_use_the_whole_precision(cases, dtype):
    exact = [c for function in FUNCTIONS for c in cases[function] if c.exact and c.dtype == dtype]
    largest = [
        max(float(np.nanmax(np.abs(v), initial=0)) for v in asked(c).truth.values())
        for c in exact
        if c.wide
    ]
    assert max(largest) > 2.0 ** (np.finfo(dtype).nmant - 1)
    assert sum(not case.wide for case in exact) > len(exact) / 4


def pairs(case):
    padding = case.parameters["padding"]
    return () if isinstance(padding, str) else padding


def reaches(case):
    kernel = case.arrays()["weight"].shape[2:]
    return [d * (k - 1) + 1 for d, k in zip(case.parameters["dilation"], kernel, strict=True)]


def remainder(case):
    p, arrays = case.parameters, case.arrays()
    size, kernel = arrays["x"].shape[2:], arrays["weight"].shape[2:]
    window = conv_window("conv", size, kernel, p["stride"], p["padding"], p["dilation"])
    axes = zip(size, window.padding, reaches(case), p["stride"], strict=True)
    return any((n + sum(sides) - e) % s for n, sides, e, s in axes)


def channels(case):
    x, weight = case.arrays()["x"], case.arrays()["weight"]
    groups = case.parameters["groups"]
    return x.shape[1], weight.shape[0] if case.op == "conv" else weight.shape[1] * groups


def differ(values):
    return len(set(values)) > 1


REACHED = {
    **{f"{axes} axes": lambda c, n=axes: len(c.parameters["stride"]) == n for axes in (1, 2, 3)},
    **{
        f'"{rule}"': lambda c, r=rule: c.parameters["padding"] == r
        for rule in ("valid", "same", "same_lower", "full")
    },
    **{
        layout: lambda c, x=layout: any(o.layout == x for o in c.operands.values())
        for layout in LAYOUTS
    },
    **{dtype: lambda c, d=dtype: c.dtype == d for dtype in DTYPES},
    "exact": lambda c: c.exact,
    "rounded": lambda c: not c.exact,
    "more before": lambda c: any(b > a for b, a in pairs(c)),
    "more after": lambda c: any(b < a for b, a in pairs(c)),
    "sides differ by axis": lambda c: differ(pairs(c)),
    "padding of a whole window": lambda c: any(
        max(sides) >= e for sides, e in zip(pairs(c), reaches(c), strict=False)
    ),
    "strides differ": lambda c: differ(c.parameters["stride"]),
    "dilations differ": lambda c: differ(c.parameters["dilation"]),
    "kernel sizes differ": lambda c: differ(c.arrays()["weight"].shape[2:]),
    "stride and dilation": lambda c: any(
        s > 1 and d > 1 and k > 1
        for s, d, k in zip(
            c.parameters["stride"],
            c.parameters["dilation"],
            c.arrays()["weight"].shape[2:],
            strict=True,
        )
    ),
    "several images": lambda c: c.arrays()["x"].shape[0] > 1,
    "groups of several": lambda c: (
        1 < c.parameters["groups"] < min(channels(c)) and differ(channels(c))
    ),
    "three groups": lambda c: c.parameters["groups"] == 3,
    "depthwise": lambda c: 1 < c.parameters["groups"] == channels(c)[0],
    "channels differ": lambda c: differ(channels(c)),
    "flipped": lambda c: c.parameters["flip_kernel"],
    "overlap": lambda c: any(
        s < e for s, e in zip(c.parameters["stride"], reaches(c), strict=True)
    ),
    "gaps": lambda c: any(s > e for s, e in zip(c.parameters["stride"], reaches(c), strict=True)),
    "kernel longer than the input": lambda c: any(
        e > n for e, n in zip(reaches(c), c.arrays()["x"].shape[2:], strict=True)
    ),
    "one cell": lambda c: all(n == 1 for n in c.arrays()["x"].shape[2:]),
    "beyond a vector of 16": lambda c: c.arrays()["x"].shape[-1] > 17,
}
OF_CONV = {"remainder": remainder}
OF_CONV_TRANSPOSE = {
    "output_padding": lambda c: max(c.parameters["output_padding"]) > 0,
    "output_padding differs": lambda c: differ(c.parameters["output_padding"]),
    "output_padding of a stride": lambda c: any(
        o >= s for o, s in zip(c.parameters["output_padding"], c.parameters["stride"], strict=True)
    ),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_real_bugs_needed_is_drawn(cases, function):
    """Each at least once in a hundred cases: a run of 200 is all but sure to meet it."""
    transposed = function.startswith("conv_transpose")
    wanted = REACHED | (OF_CONV_TRANSPOSE if transposed else OF_CONV)
    found = cases[function]
    counts = {name: sum(map(bool, map(holds, found))) for name, holds in wanted.items()}
    assert {name: n for name, n in counts.items() if n < len(found) / 100} == {}


def test_bias_is_there_and_not(cases):
    names = [tuple(case.operands) for case in cases["conv"]]
    assert set(names) == {("x", "weight"), ("x", "weight", "bias")}


def test_taps_can_be_told_apart(cases):
    weights = [c.arrays()["weight"] for c in cases["conv"] if c.arrays()["weight"].size > 3]
    assert sum(differ(np.abs(weight).flat) for weight in weights) > 0.9 * len(weights)


def test_seeds_draw_the_same_or_others():
    first, again, other = (
        [case.key() for case in drawn.__wrapped__("conv", 30, seed)] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


DRAW = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2]:
    import somebody
from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.operators.convolution import convolutions
draws = Draws(convolutions, "conv", ("float32", "float64"), 0)
import hashlib
print(hashlib.sha256(repr([draws.case(n).key() for n in range(100)]).encode()).hexdigest())
"""


def test_a_seed_draws_the_same_whatever_is_imported(tmp_path):
    source = "NUMBERS = [" + ", ".join(str(n * n * 7919) for n in range(500)) + "]\n"
    (tmp_path / "somebody.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-c", DRAW, str(tmp_path)]
    digests = {
        subprocess.run([*command, flag], capture_output=True, text=True, check=True).stdout
        for flag in ("", "imported")
    }
    assert len(digests) == 1


# Operands


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1), (1, 1, 5), (3,), (2, 1, 3, 2)])
def test_layouts_hold_the_same_values(layout, shape):
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    kept = values.copy()
    array = Operand(values, layout).array()
    np.testing.assert_array_equal(array, values, strict=True)
    assert array.flags.writeable == (layout != "read-only")
    assert not np.may_share_memory(array, values)  # else what a target writes goes unseen
    if layout != "read-only":
        array[...] = -1
    np.testing.assert_array_equal(values, kept)
    if min(shape) > 1 and len(shape) > 1:
        assert array.flags.c_contiguous == (layout in ("contiguous", "read-only"))


def test_gaps_of_a_sliced_operand_are_junk():
    array = Operand(np.ones((2, 3)), "sliced").array()
    assert np.count_nonzero(array.base == JUNK) == array.base.size - array.size


# Bounds


def sums(count, most):
    number = st.floats(-(2**20), 2**20, width=32, allow_subnormal=False).filter(
        lambda v: v == 0 or abs(v) > 2**-40
    )
    return st.lists(st.tuples(number, number), min_size=1, max_size=most)


@given(terms=sums(1, 60), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
@settings(max_examples=300)
def test_no_order_of_addition_leaves_the_bound(terms, dtype, seed):
    number = np.dtype(dtype).type
    random.Random(seed).shuffle(terms)
    terms = [(number(a), number(b)) for a, b in terms]
    total = number(0)
    for a, b in terms:
        total = number(total + number(a * b))
    exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in terms)
    magnitude = sum(abs(float(a) * float(b)) for a, b in terms)
    in_double = sum(float(a) * float(b) for a, b in terms)
    n = np.array(float(len(terms)))
    bound = float(bounds.rounding_bound(n, np.array(magnitude), dtype))
    assert abs(float(total) - in_double) <= bound
    higham = bounds.gamma(n, bounds.unit_roundoff(dtype))
    exact_magnitude = sum(abs(Fraction(float(a)) * Fraction(float(b))) for a, b in terms)
    assert abs(Fraction(float(total)) - exact) <= Fraction(float(higham)) * exact_magnitude * (
        1 + Fraction(1, 2**40)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_gamma_is_highams(n, dtype):
    u = Fraction(1, 2 ** (np.finfo(dtype).nmant + 1))
    gamma = bounds.gamma(np.array(float(n)), bounds.unit_roundoff(dtype))
    assert Fraction(float(gamma)) == pytest.approx(n * u / (1 - n * u), rel=1e-12)


def test_the_bound_is_no_wider_than_it_need_be():
    """A sum that loses as much as rounding can is close to its bound."""
    u = bounds.unit_roundoff("float32")
    bound = bounds.rounding_bound(np.array(1.0), np.array(1.0), "float32")
    assert u <= bound <= 1.001 * u


# Truth and identity


def asked(case):
    """Join a case and its truth."""
    operator = OPERATORS[case.op]
    return Question(operator, case, operator.evaluate(case))


def convolution(**changes):
    parameters = {
        "stride": (2,),
        "padding": ((1, 0),),
        "dilation": (1,),
        "groups": 1,
        "flip_kernel": False,
    }
    operands = {
        "grad_y": Operand(np.array([[[1.0, 2.0]]])),
        "x": Operand(np.array([[[1.0, 2.0, 4.0]]])),
        "weight": Operand(np.array([[[1.0, 3.0]]])),
    }
    return Case("conv_backward", parameters | changes, operands, exact=True)


def test_truth_by_hand():
    gradients = asked(convolution()).truth
    np.testing.assert_array_equal(gradients["x"], [[[3, 2, 6]]])
    np.testing.assert_array_equal(gradients["weight"], [[[4, 9]]])
    np.testing.assert_array_equal(gradients["bias"], [3])


@pytest.mark.parametrize("quantity", ["x", "weight"])
def test_a_broken_truth_does_not_go_unseen(quantity, monkeypatch):
    right = Operator.evaluate

    def broken(operator, case, arrays=None):
        results = right(operator, case, arrays)
        if quantity in results:
            results[quantity] = results[quantity] + 1
        return results

    monkeypatch.setattr(Operator, "evaluate", broken)
    judge.ask.cache_clear()
    with pytest.raises(AssertionError, match="deconv_ref is wrong itself"):
        judge.ask(convolution())


def test_a_sound_truth_passes():
    question = judge.ask(convolution())
    findings = compare.compare(question, Answer(tuple(question.truth.values())))
    assert {str(finding.verdict) for finding in findings.values()} == {"conforms"}


@pytest.mark.parametrize("op", OPS)
def test_identity_holds_for_what_is_drawn(cases, op):
    for case in [case for case in cases[f"{op}_backward"] if case.exact][:100]:
        assert OPERATORS[op].identity(asked(case))


# Shrinking


@pytest.mark.parametrize("function", FUNCTIONS)
def test_simpler_cases_are_smaller_and_legal(cases, function):
    for case in cases[function][:100]:
        for simpler in search.simpler(case):
            assert simpler.size() < case.size()
            assert (simpler.function, simpler.exact) == (case.function, case.exact)
            assert simpler.dtype == case.dtype
            OPERATORS[simpler.op].evaluate(simpler)


def test_verdicts_are_ordered_as_the_contract_says():
    order = ["conforms", "refuses", "inexact", "wrong", "crashes"]
    assert [str(v) for v in sorted(compare.Verdict) if str(v) != "absent"] == order


def test_every_operator_is_judged():
    """Adding one to the public API without a record here is found out."""
    public = {name for name in deconv_ref.__all__ if inspect.isfunction(getattr(deconv_ref, name))}
    assert public == {name for op in OPERATORS.values() for name in op.functions()}


@pytest.mark.filterwarnings("error")
def test_bounds_of_special_values_warn_nobody():
    one = Operand(np.ones((1, 1)))  # of a single class the slope is 0, times infinity
    parameters = {"reduction": "sum", "grad_loss": np.inf}
    operands = {"prediction": one, "target": one}
    question = judge.ask(Case("softmax_cross_entropy_backward", parameters, operands, exact=False))
    assert question.margin("prediction").allowed == 0
