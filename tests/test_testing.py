"""The checker in other people's tests: assertions, cases, and what pytest collects of a target."""

import configparser
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import slices
from test_documentation import ROOT, blocks

from deconv_ref.conformance import assert_conforms, cases
from deconv_ref.errors import ParameterError

KERNELS = """
import numpy as np
from .common import zero

def relu(x):
    return np.maximum(x, zero)

def linear_backward(grad_y, x, weight):
    rows = grad_y.reshape(-1, len(weight))
    return grad_y @ weight, rows.T @ x.reshape(len(rows), -1), rows.sum(0)

def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)

def elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(x)).astype(x.dtype)

def max_pool(x, **parameters):
    raise AssertionError("is declined")

def unsupported(op, parameters):
    return "no pooling today" if op == "max_pool" else None
"""


def relu(x):
    return np.maximum(x, 0)


def leaky(x):
    return np.where(x < 0, x / 2, x)


def half(x):
    return np.tanh(x).astype(np.float32).astype(x.dtype)


# Assertions


def test_a_module_that_is_right_conforms():
    assert_conforms(slices, cases=10)


@pytest.mark.parametrize("make", [dict, types.SimpleNamespace], ids=["mapping", "object"])
def test_what_is_wrong_is_told_with_its_cause(make):
    def conv(x, weight, bias=None, *, dilation, **parameters):
        return slices.conv(x, weight, bias, dilation=(1,) * len(dilation), **parameters)

    with pytest.raises(AssertionError, match=r"^kernel, conv: result \(wrong\)\n(.*\n)+") as caught:
        assert_conforms(make(NAME="kernel", conv=conv), cases=20)
    assert str(caught.value).endswith("\n    guess    as if dilation were 1")


def test_of_several_functions_each_is_told():
    with pytest.raises(AssertionError) as caught:
        assert_conforms({"relu": leaky, "elu": relu, "sigmoid": relu}, "relu", "elu", cases=10)
    assert re.findall("dict, (.*)", str(caught.value)) == [
        "relu: result (wrong)",
        "elu: result (refuses)",
    ]


def test_a_lower_precision_passes_where_it_is_allowed():
    with pytest.raises(AssertionError, match=r"tanh: result \(inexact\)\n  as from float32"):
        assert_conforms({"tanh": half}, cases=20)
    assert_conforms({"tanh": half}, cases=20, allow_inexact=True)


def test_what_is_refused_passes_where_it_is_declined():
    def picky(x):
        if x.ndim == 4:
            raise ValueError("three axes at most")
        return relu(x)

    def all_declined(op, parameters):
        return "not today"

    with pytest.raises(AssertionError, match=r"relu: result \(refuses\)\n  ValueError: three"):
        assert_conforms({"relu": picky}, cases=20)
    with pytest.raises(AssertionError, match=r"relu: result \(absent\)\n  declined every case"):
        assert_conforms({"relu": relu, "unsupported": all_declined}, cases=5)


@pytest.mark.parametrize(
    ("ops", "options", "message"),
    [
        (["conv"], {}, "target must be a target with functions for conv, got"),
        (["rely"], {}, "ops must be of conv, .*, got"),
        (["relu"], {"cases": 0}, "cases must be at least 1, got 0"),
        (["relu"], {"seed": -1}, "seed must be at least 0, got -1"),
        (["relu"], {"dtypes": ["int8"]}, "dtypes must be of .*, got"),
        (["relu"], {"dtypes": []}, "dtypes must be of .*, got"),
    ],
)
def test_an_assertion_of_nothing_is_an_error(ops, options, message):
    with pytest.raises(ParameterError, match=f"assert_conforms: {message}"):
        assert_conforms({"relu": relu}, *ops, **options)


def test_a_target_of_other_functions_is_an_error():
    with pytest.raises(ParameterError, match="target with functions for at least one operator"):
        assert_conforms({"rely": relu})


# Cases


@pytest.mark.parametrize("function", ["conv", "conv_backward", "conv_transpose_backward"])
def test_cases_judge_one_by_one(function):
    drawn = list(cases(function, number=12, seed=3))
    assert len(drawn) == 12
    layouts = set()
    for call in drawn:
        results = getattr(slices, function)(**call.operands, **call.parameters)
        call.check(results)
        layouts |= {(a.flags.c_contiguous, a.flags.writeable) for a in call.operands.values()}
        (quantity, *_), (right, *_) = zip(*call.expected.items(), strict=True)
        first = results if isinstance(results, np.ndarray) else results[0]
        assert right.shape == first.shape and right.dtype == first.dtype
        allowed = call.allowed[quantity]
        assert allowed is None or (allowed.shape == right.shape and np.all(allowed >= 0))
        off = np.where(np.isfinite(first), first + np.abs(first) + 1, 0)
        with pytest.raises(AssertionError, match=r"of seed 3, conv.*wrong\)\n(.*\n)*.* expected "):
            call.check((off, *results[1:]) if isinstance(results, tuple) else off)
    assert len(layouts) > 1


def test_cases_are_those_of_the_seed():
    def texts(**options):
        return [repr(call) for call in cases("max_pool", number=10, **options)]

    assert texts() == texts(seed=0) != texts(seed=1)
    assert {str(c.operands["x"].dtype) for c in cases("relu", dtypes=["float64"])} == {"float64"}


def test_a_case_tells_who_writes_to_an_operand():
    call = next(c for c in cases("relu") if c.operands["x"].flags.writeable)
    result = relu(call.operands["x"])
    call.operands["x"][...] = 7
    with pytest.raises(AssertionError, match="writes to its operand x"):
        call.check(result)


@pytest.mark.parametrize("results", [None, "text", (1, 2, 3)])
def test_a_case_wants_as_many_arrays_as_there_are(results):
    with pytest.raises(AssertionError, match=r"gave (a NoneType|a str|3 results)"):
        next(cases("relu")).check(results)


def test_cases_of_nothing_are_an_error():
    with pytest.raises(ParameterError, match=r"cases: function must be one of conv, .*, got rely"):
        cases("rely")
    with pytest.raises(ParameterError, match="cases: number must be at least 1, got 0"):
        cases("relu", number=0)


# The plugin


def finished(command, folder, **environment):
    # Plugins by name alone: whether this checkout is installed, and which others are, is no matter.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **alone, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def path_with(folder):
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", "-p", "_deconv_ref_pytest", "-rsfE"]
    return finished([*command, "--deconv-ref-cases", "8", *options], folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (folder / "mypackage").mkdir()
    (folder / "mypackage" / "__init__.py").touch()
    (folder / "mypackage" / "common.py").write_text("zero = 0\n")
    (folder / "mypackage" / "kernels.py").write_text(KERNELS)
    wrong = "import numpy as np\n\ndef relu(x):\n    return np.abs(x)\n"
    (folder / "wrong.py").write_text(wrong)
    (folder / "aborts.py").write_text("import os\n\ndef relu(x):\n    os.abort()\n")
    return folder


def test_the_command_says_the_same_of_the_module(folder):
    command = [sys.executable, "-m", "deconv_ref", "check", "wrong", "--op", "relu"]
    run = finished([*command, "--json", "report.json"], folder, PYTHONPATH=path_with(folder))
    assert run.returncode == 1
    wrong = {}
    exec((folder / "wrong.py").read_text(), wrong)
    with pytest.raises(AssertionError) as caught:
        assert_conforms(types.SimpleNamespace(NAME="wrong", relu=wrong["relu"]))
    assert f"\n{caught.value}\n" in run.stdout
    results = json.loads((folder / "report.json").read_text())["results"]
    (script,) = [r["counterexample"]["script"] for r in results if r["verdict"] == "wrong"]
    shown = finished([sys.executable, "-c", script], folder)
    assert (shown.returncode, shown.stdout.splitlines()[-1].split()[0]) == (1, "WRONG"), shown


def test_the_plugin_is_declared():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options"]["py_modules"] == "_deconv_ref_pytest"
    name, _, module = setup["options.entry_points"]["pytest11"].strip().partition(" = ")
    assert name == "deconv_ref"
    assert importlib.import_module(module).pytest_addoption


def test_the_plugin_imports_nothing_before_it_is_asked(folder):
    program = "import sys, pytest; pytest.main(['-p', '_deconv_ref_pytest']); print(*sys.modules)"
    names = finished([sys.executable, "-c", program], folder).stdout.splitlines()[-1].split()
    assert "_deconv_ref_pytest" in names
    assert not {"numpy", "deconv_ref"} & set(names)


def test_each_result_of_a_module_is_a_test(folder):
    run = run_pytest(folder, "-v", "--deconv-ref", "mypackage.kernels")
    outcomes = dict(re.findall(r"^mypackage\.kernels::(\S+) ([A-Z]+)", run.stdout, re.MULTILINE))
    assert outcomes == {
        "max_pool[forward]": "SKIPPED",
        "max_pool[indices]": "SKIPPED",
        "relu[forward]": "PASSED",
        "linear_backward[x]": "PASSED",
        "linear_backward[weight]": "PASSED",
        "linear_backward[bias]": "PASSED",
        "elu[forward]": "PASSED",
        "softmax[forward]": "PASSED",
    }, run.stdout
    assert "declined every case: no pooling today" in run.stdout
    assert run.returncode == 0


def test_what_is_wrong_or_aborts_fails_with_its_counterexample(folder):
    run = run_pytest(folder, "--deconv-ref", "wrong.py", "--deconv-ref", "aborts")
    for line in (
        "wrong, relu: result (wrong)",
        "    expected float32 (1, 1): [[0.]]",
        "    equation F1: max(x, 0)",
        "aborts, relu: result (crashes)",
        "FAILED wrong.py::relu[forward]",
        "FAILED aborts::relu[forward]",
    ):
        assert line in run.stdout
    assert "plugin.py" not in run.stdout  # no traceback
    assert run.returncode == 1


def test_the_tests_are_spread_over_processes_and_chosen_among(folder):
    pytest.importorskip("xdist")
    spread = ("-p", "xdist", "-n", "2", "--deconv-ref", "mypackage.kernels", "-m", "deconv_ref")
    run = run_pytest(folder, *spread, "-k", "relu or linear")
    assert re.search("== 4 passed in", run.stdout), run.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--deconv-ref", "nosuch.kernels"], "unknown target 'nosuch.kernels'; known: .*"),
        (["--deconv-ref", "mypackage"], ".*has none of the functions to check: .*"),
        (["--deconv-ref", "wrong", "--deconv-ref-op", "rely"], "--deconv-ref: ops must be of .*"),
    ],
)
def test_what_cannot_be_judged_is_a_usage_error_of_one_line(folder, options, message):
    run = run_pytest(folder, *options)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert re.fullmatch(f"ERROR: {message}\n", run.stderr.replace("\n\n", "\n"))


# The page


def example(language, part):
    (code,) = [code for code in blocks("docs/testing.md", language) if part in code]
    return code


def test_the_example_of_a_c_extension_is_true(tmp_path, monkeypatch):
    compiler = shutil.which("cc")
    if compiler is None or os.name != "posix":
        pytest.skip("needs a C compiler")
    source, test = example("c", "relu"), example("python", "ctypes")
    monkeypatch.chdir(tmp_path)

    def run_test(text, library):  # by another name: one that is loaded stays
        Path("kernels.c").write_text(text)
        flags = ["-O2", "-shared", "-fPIC", "kernels.c", "-o", library]
        subprocess.run([compiler, *flags], check=True)
        names = {}
        exec(test.replace("kernels.so", library), names)
        names["test_relu"]()

    with pytest.raises(AssertionError) as caught:
        run_test(source, "slip.so")
    assert str(caught.value) == example("text", "dict, relu").strip()
    run_test(source.replace("x[i] > 0 ? x[i] : 0", "x[i] < 0 ? 0 : x[i]"), "mended.so")


def test_the_example_of_an_onnx_backend_is_true():
    pytest.importorskip("onnx")
    names = {}
    exec(example("python", "ReferenceEvaluator"), names)
    names["test_softmax"]()


def test_the_example_of_a_triton_kernel_is_python():
    compile(example("python", "triton"), "my_kernels.py", "exec")
