"""Verdicts: faults planted in a right kernel file are found in every run, and nothing else is."""

import os
import sys

import numpy as np
import pytest
import slices
from checking import as_array, check, check_source, kernel_file, run_script
from mutants import sampled
from mutants.convolution import CONVOLUTION, channels_from_the_last, taps_from_the_last
from mutants.harmless import in_float64
from mutants.measuring import assert_found

from deconv_ref.conformance.worker import Worker

MOST_ELEMENTS = 24  # of all operands of a counterexample together
SAMPLE = {  # to be found whatever the seed, with a counterexample that is looked at
    "same_on_the_wrong_side",
    "bias_of_the_first_group_for_all",
    "kernel_flipped",
    "stride_and_dilation_swapped",
    "dilation_forgotten_in_the_last_axis",
}
THE_FIVE = [m for m in CONVOLUTION.faults if m.substitute.__name__ in SAMPLE]


def check_fault(mutant, folder, **plan):
    """Check the kernel file with a fault in it, in a process of its own or not."""
    changes = {mutant.replaces: mutant.substitute}
    source = kernel_file(changes, keep=[mutant.function], **mutant.constants)
    return check_source(folder, source, ops=(mutant.op,), **plan)


# Faults


@pytest.mark.parametrize("fault", THE_FIVE, ids=str)
def test_a_common_fault_has_a_small_counterexample(fault, tmp_path):
    checked = check_fault(fault, tmp_path)
    for quantity in fault.wrong:
        counterexample = checked.of(fault.function)[quantity]["counterexample"]
        assert_right(counterexample, fault.function, quantity)
        elements = sum(len(array["data"]) for array in counterexample["inputs"].values())
        assert elements <= MOST_ELEMENTS


@pytest.mark.parametrize("mutant", sampled(CONVOLUTION.faults), ids=str)
def test_a_fault_is_found_and_nothing_else(mutant):
    assert_found(mutant)


@pytest.mark.parametrize("mutant", sampled(CONVOLUTION.variants), ids=str)
def test_a_harmless_variant_conforms(mutant):
    assert_found(mutant)


def assert_right(counterexample, function, quantity):
    """Compare what was expected with the right kernel, and see that what came differs."""
    arrays = {name: as_array(array) for name, array in counterexample["inputs"].items()}
    parameters = counterexample["parameters"]
    results = getattr(slices, function)(**arrays, **parameters)
    names = ("x", "weight", "bias") if function.endswith("_backward") else ("forward",)
    results = results if isinstance(results, tuple) else (results,)
    expected, got = as_array(counterexample["expected"]), as_array(counterexample["got"])
    right = dict(zip(names, results, strict=True))[quantity]
    np.testing.assert_allclose(right, expected, rtol=1e-4, strict=True)
    assert not np.array_equal(expected, got)


# Right kernels


FROM_THE_LAST = {"taps_of": taps_from_the_last, "gather": channels_from_the_last}
IN_FLOAT64 = dict.fromkeys(("gather", "scatter", "correlate"), in_float64)


@pytest.mark.parametrize(
    ("changes", "seed"),
    [({}, 0), (FROM_THE_LAST, 0), (FROM_THE_LAST, 1), (FROM_THE_LAST, 2), (IN_FLOAT64, 3)],
    ids=["in order", *["from the last"] * 3, "float64 cast back"],
)
def test_a_right_kernel_conforms_whatever_its_order(changes, seed, tmp_path):
    checked = check_source(tmp_path, kernel_file(changes), seed=seed)
    for record in checked.document["results"]:
        assert record["verdict"] == "conforms", record["reason"]
        assert record["cases"] == 200
        assert record["refused"] == 0
        assert record["counterexample"] is None
        assert record["worst"]["ulp"] > 0  # added in another order than the truth
        assert 0 < record["worst"]["of_bound"] <= 1


def test_a_file_may_have_some_of_the_functions(tmp_path):
    checked = check_source(tmp_path, kernel_file(keep=["conv_backward"]), cases=20)
    assert checked.verdicts("conv_backward") == dict.fromkeys(("x", "weight", "bias"), "conforms")
    for function in ("conv", "conv_transpose", "conv_transpose_backward"):
        for record in checked.of(function).values():
            assert record["verdict"] == "absent"
            assert record["cases"] == 0
            assert record["reason"] == "no such function"
            assert record["counterexample"] is None


# Lower precision


def rounded(right, a, b, *rest):
    def cut(values):
        mantissa, exponent = np.frexp(values)
        return np.ldexp(np.round(mantissa * 2.0**BITS) / 2.0**BITS, exponent)  # noqa: F821

    return right(cut(a), cut(b), *rest).astype(a.dtype)


def in_float32(right, a, b, *rest):
    return right(a.astype(np.float32), b.astype(np.float32), *rest).astype(a.dtype)


def by_fourier(right, x, weight, sides, output, stride, dilation, groups):
    axes = tuple(range(3, x.ndim + 1))
    canvas = by_group(canvas_of(x, sides), groups, 1)  # noqa: F821
    taps = by_group(weight, groups, 0)  # noqa: F821
    size = canvas.shape[3:]
    spread = np.zeros((*taps.shape[:3], *size), x.dtype)
    holes = zip(dilation, taps.shape[3:], strict=True)
    spread[:, :, :, *(slice(None, d * (k - 1) + 1, d) for d, k in holes)] = taps
    spectrum = np.einsum(
        "ngc...,gmc...->ngm...",
        np.fft.rfftn(canvas, size, axes),
        np.fft.rfftn(spread, size, axes).conj(),
    )
    y = np.fft.irfftn(spectrum, size, axes)
    strided = tuple(slice(0, (o - 1) * s + 1, s) for o, s in zip(output, stride, strict=True))
    return y[:, :, :, *strided].reshape(len(x), -1, *output).astype(x.dtype)


PRECISIONS = [
    ("gather", rounded, {"BITS": 11}, "float32", "TF32"),
    ("gather", rounded, {"BITS": 8}, "float32", "bfloat16"),
    ("gather", rounded, {"BITS": 11}, "float64", "TF32"),
    ("gather", in_float32, {}, "float64", "float32 arithmetic"),
    ("gather", by_fourier, {}, "float32", "FFT"),
    ("gather", by_fourier, {}, "float64", "FFT"),
    ("correlate", rounded, {"BITS": 11}, "float32", "TF32"),
    ("correlate", rounded, {"BITS": 8}, "float32", "bfloat16"),
    ("correlate", in_float32, {}, "float64", "float32 arithmetic"),
]


def check_precision(folder, replaces, substitute, constants, dtype):
    forward, gradient = ("conv", "forward"), ("conv_backward", "weight")
    function, quantity = forward if replaces == "gather" else gradient
    source = kernel_file({replaces: substitute}, keep=[function], **constants)
    checked = check_source(folder, source, ops=("conv",), dtypes=(dtype,))
    return checked.of(function)[quantity]


@pytest.mark.parametrize(("replaces", "substitute", "constants", "dtype", "precision"), PRECISIONS)
def test_lower_precision_is_inexact(replaces, substitute, constants, dtype, precision, tmp_path):
    record = check_precision(tmp_path, replaces, substitute, constants, dtype)
    assert record["verdict"] == "inexact", record["reason"]
    assert precision in record["reason"]


@pytest.mark.parametrize("case", [PRECISIONS[0], PRECISIONS[-1]])
def test_a_counterexample_of_lower_precision_reproduces(case, tmp_path):
    record = check_precision(tmp_path, *case[:-1])
    assert case[-1] in record["reason"]
    finished = run_script(record["counterexample"]["script"], tmp_path)
    assert finished.returncode == 1
    assert finished.stdout.endswith("WRONG\n")


# Answers that are no right array


def another_shape(right, **call):
    return right(**call)[:, :, None]


def always_float64(right, **call):
    return right(**call).astype(np.float64)


def nothing(right, **call):
    right(**call)


def a_python_list(right, **call):
    return right(**call).tolist()


def complex_numbers(right, **call):
    return right(**call) + 0j


def objects(right, **call):
    return right(**call).astype(object)


def whole_numbers(right, **call):
    return right(**call).astype(np.int64)


def not_numbers(right, **call):
    return right(**call) * np.nan


def infinities(right, **call):
    return right(**call) + np.inf


def two_results(right, **call):
    return right(**call), None


def writes_to_x(right, *, x, **call):
    y = right(x=x, **call)
    x += 1
    return y


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (another_shape, "shape (1, 1, 1, 1) where the equations give (1, 1, 1)"),
        (always_float64, "dtype float64 where the contract has float32"),
        (nothing, "gave a NoneType, not an array"),
        (a_python_list, "gave a list, not an array"),
        (complex_numbers, "gave an array of complex64, not an array"),
        (objects, "gave an array of object, not an array"),
        (whole_numbers, "dtype int64 where the contract has float32"),
        (not_numbers, "expected 0.0, got nan"),
        (infinities, "expected 0.0, got inf"),
        (two_results, "gave 2 results, not 1"),
        (writes_to_x, "writes to its operand x"),
    ],
)
def test_an_answer_that_is_no_right_array_is_wrong(fault, reason, tmp_path):
    source = kernel_file({"conv": fault}, keep=["conv"])
    record = check_source(tmp_path, source, ops=("conv",), cases=40).of("conv")["forward"]
    assert record["verdict"] == "wrong"
    assert reason in record["reason"]


def only_two(right, **call):
    return right(**call)[:2]


def no_gradient_of_bias(right, **call):
    return (*right(**call)[:2], None)


def none_at_all(right, **call):
    return None


@pytest.mark.parametrize(
    ("fault", "reason", "wrong"),
    [
        (only_two, "gave 2 results, not 3", {"x", "weight", "bias"}),
        (none_at_all, "gave 1 results, not 3", {"x", "weight", "bias"}),
        (no_gradient_of_bias, "gave a NoneType, not an array", {"bias"}),
    ],
)
def test_missing_gradients_are_wrong(fault, reason, wrong, tmp_path):
    source = kernel_file({"conv_backward": fault}, keep=["conv_backward"])
    checked = check_source(tmp_path, source, ops=("conv",), cases=20)
    records = checked.of("conv_backward")
    assert {q for q, record in records.items() if record["verdict"] == "wrong"} == wrong
    for quantity in wrong:
        assert reason in records[quantity]["reason"]


# Counterexamples


def assert_script_follows_the_file(record, folder):
    """Run the script with the kernel file as it is, and mended."""
    script = record["counterexample"]["script"]
    finished = run_script(script, folder)
    assert finished.stdout.endswith("WRONG\n"), finished.stdout + finished.stderr
    assert finished.returncode == 1
    (folder / "kernel.py").write_text(kernel_file(), encoding="utf-8")
    finished = run_script(script, folder)
    assert finished.stdout.endswith("right\n"), finished.stdout + finished.stderr
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("function", "fault"),
    [("conv", another_shape), ("conv", writes_to_x), ("conv_backward", only_two)],
)
def test_a_counterexample_without_a_right_array_reproduces(function, fault, tmp_path):
    source = kernel_file({function: fault}, keep=[function])
    checked = check_source(tmp_path, source, ops=("conv",), cases=20)
    *_, record = checked.of(function).values()
    assert_script_follows_the_file(record, tmp_path)


LAID_OUT = [m for m in CONVOLUTION.faults if m.substitute.__name__ == "strides_ignored"]


@pytest.mark.parametrize("fault", [*THE_FIVE[::3], *LAID_OUT], ids=str)
def test_a_counterexample_reproduces_until_the_file_is_mended(fault, tmp_path):
    checked = check_fault(fault, tmp_path, seed=3, worker=Worker)
    record = checked.of(fault.function)[fault.wrong[0]]
    assert "deconv_ref" not in record["counterexample"]["script"]
    assert_script_follows_the_file(record, tmp_path)


def test_strides_are_told(tmp_path):
    (fault,) = LAID_OUT
    record = check_fault(fault, tmp_path).of("conv")["forward"]
    x = record["counterexample"]["inputs"]["x"]
    assert len(x["strides"]) == len(x["shape"])
    contiguous = np.empty(x["shape"], x["dtype"])
    assert x["strides"] != [stride // contiguous.itemsize for stride in contiguous.strides]


def test_a_file_may_import_its_neighbours(tmp_path):
    (tmp_path / "neighbour.py").write_text("SCALE = 2\n", encoding="utf-8")
    source = "from neighbour import SCALE\n" + kernel_file({"conv": doubled}, keep=["conv"])
    checked = check_source(tmp_path, source, ops=("conv",), cases=20, worker=Worker)
    record = checked.of("conv")["forward"]
    assert record["verdict"] == "wrong"
    assert_script_follows_the_file(record, tmp_path)


def doubled(right, **call):
    return right(**call) * SCALE  # noqa: F821


def test_a_target_says_its_name_and_version(tmp_path):
    names = 'NAME = "odd \\"\\"\\" \\\\N name"\nVERSION = "1.0\\\\"'
    checked = check_source(
        tmp_path, kernel_file({"conv": doubled}, keep=["conv"], extra=names, SCALE=2), cases=20
    )
    record = checked.of("conv")["forward"]
    assert record["framework"] == 'odd """ \\N name'
    assert record["version"] == "1.0\\"
    assert_script_follows_the_file(record, tmp_path)


# The same seed


def mixed(right, *, x, weight, dilation, **call):
    if max(dilation) > 2:
        raise ValueError("no")
    return right(x=x, weight=weight, dilation=dilation, **call)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """Write files that are wrong, refuse, are inexact and conform."""
    folder = tmp_path_factory.mktemp("mixture")
    sources = {
        "wrong": kernel_file({"conv": doubled}, keep=["conv", "conv_backward"], SCALE=2),
        "refusing": kernel_file({"conv": mixed}, keep=["conv"]),
        "inexact": kernel_file({"gather": rounded}, keep=["conv", "conv_transpose"], BITS=11),
    }
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return [folder / f"{name}.py" for name in sources]


def test_the_same_seed_gives_the_same_report(mixture):
    """And whether targets are judged in processes, several at a time, or all in this one."""
    first = check(*mixture, cases=40, seed=7, worker=Worker).document
    assert {r["verdict"] for r in first["results"]} == {
        *("wrong", "refuses", "inexact", "conforms", "absent")
    }
    assert check(*mixture, cases=40, seed=7).document == first
    assert check(*mixture, cases=40, seed=7, jobs=2, worker=Worker).document == first


def test_another_seed_draws_other_cases(mixture):
    worst = [
        [record["worst"] for record in check(mixture[0], cases=50, seed=seed).document["results"]]
        for seed in (0, 1)
    ]
    assert worst[0] != worst[1]


@pytest.mark.skipif(sys.platform == "win32", reason="lists processes as POSIX systems do")
def test_no_process_is_left_behind(mixture):
    check(*mixture, cases=5, jobs=2, worker=Worker)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
