"""What the benchmarks say follows from what they measured. Nothing is timed here."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numba import cuda

import deconv_ref as dr

ROOT = Path(__file__).parents[1]


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_exponents_of_powers_are_found_and_constants_have_none(module):
    exponent = module("table").exponent
    sizes = [3, 5, 8, 21]
    assert exponent(sizes, [7 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert exponent(sizes, [4.0] * 4) == pytest.approx(0)


def test_ratios_are_of_one_library_or_of_the_fastest(module):
    ratio, fastest = module("table").ratio, module("table").FASTEST
    seconds = {"deconv_ref": 2.0, "torch": 6.0, "jax": 3.0}
    assert ratio(seconds, "torch") == 3
    assert ratio(seconds, fastest) == 1.5
    assert ratio(seconds, "keras") is None
    assert ratio({"deconv_ref": 2.0}, fastest) is None


def test_the_summary_tells_the_geometric_mean_and_the_least(module):
    table = module("table").Table(0, ["deconv_ref", "torch"])
    rows = [{"deconv_ref": 1.0, "torch": 8.0}, {"deconv_ref": 1.0, "torch": 0.5}, {"deconv_ref": 1}]
    assert table.summary("forward", rows) == (
        "forward: torch / deconv_ref: geometric mean 2.00, least 0.50"
    )


def test_a_call_is_bound_by_its_arithmetic_or_by_its_bytes(module):
    rates = {"float32": 100.0, "float64": 50.0, "copy": 10.0}
    bound = module("roofline").seconds_at_least
    assert bound(rates, "float32", flops=1000, moved=10) == 10
    assert bound(rates, "float64", flops=1000, moved=10) == 20
    assert bound(rates, "float32", flops=1000, moved=200) == 20


def test_libraries_that_disagree_are_not_compared(module):
    check = module("workers").check_agreement
    ours = {"norms": {"forward": [5.0, 2.0]}}
    check(
        {"deconv_ref": ours, "torch": {"norms": {"forward": [5.0]}}, "jax": {"norms": {}}}, "case"
    )
    with pytest.raises(SystemExit, match="case, forward: results of torch"):
        check({"deconv_ref": ours, "torch": {"norms": {"forward": [5.01]}}}, "case")


SMALL = [
    ("conv", (2, 4, 5, 6), (6, 2, 3, 2), {"stride": (2, 3), "padding": 1, "groups": 2}),
    ("conv", (1, 3, 7), (2, 3, 3), {"dilation": 3, "padding": 4}),
    ("conv_transpose", (2, 4, 3, 5), (4, 3, 4, 3), {"stride": 2, "padding": 1}),
    ("conv_transpose", (1, 2, 4), (2, 1, 3), {"stride": 3, "output_padding": 2, "dilation": 2}),
]


@pytest.mark.parametrize(("op", "x", "weight", "parameters"), SMALL)
def test_products_are_counted_where_there_is_something_to_multiply(
    module, op, x, weight, parameters
):
    shape = module("shapes").Shape(op, x, weight, **parameters)
    y = getattr(dr, op)(np.ones(x), np.ones(weight), **shape.parameters)
    assert y.shape == shape.y
    assert shape.flops("forward") == 2 * y.sum()  # of ones: each product adds 1
    assert shape.flops("forward+backward") == 3 * shape.flops("forward")


def test_all_shapes_have_results_and_names_of_their_own(module):
    shapes = (*module("shapes").SHAPES, *module("shapes").MORE)
    assert all(min(shape.y) > 0 for shape in shapes)
    assert len({shape.name for shape in shapes}) == len(shapes)


def test_without_a_gpu_the_benchmark_says_so_in_one_line():
    if cuda.is_available():
        pytest.skip("a GPU is to be had")
    command = [sys.executable, "-m", "benchmarks.cuda", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "needs an NVIDIA GPU" in done.stderr


@pytest.mark.parametrize("cases", ["0", "-3", "many"])
def test_no_cases_are_none_to_time(module, cases, capsys):
    with pytest.raises(SystemExit) as ended:
        module("__main__").arguments(["checking", "--cases", cases])
    assert ended.value.code == 2
    assert f"must be a whole number of at least 1, got '{cases}'" in capsys.readouterr().err


def test_the_checker_is_timed_alone_and_on_clusters(module, tmp_path, capsys):
    kernel = tmp_path / "kernel.py"
    kernel.write_text("from deconv_ref import conv\n", encoding="utf-8")
    options = module("__main__").arguments(
        ["checking", "--target", str(kernel), "--cases", "6", "--threads", "1"]
    )
    rows = module("checking").run(options)["rows"]
    alone, *clusters = rows
    assert alone["processes"] is None
    assert [row["processes"] for row in clusters] == [1] * bool(find_spec("distributed"))
    assert {row["cases"] for row in rows} == {6}  # it has no conv_backward
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("6 cases of each function of conv")
    assert len(lines) == len(rows)
    times = (alone["seconds"], alone["cpu_seconds"])
    figures = [f"{figure:.1f}" for time in times for figure in (time, 6 / time)]
    assert lines[0].split() == ["one", "process", *figures]
