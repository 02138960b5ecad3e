"""Real frameworks through the checker, where they are installed."""

import os

import pytest
from checking import check, check_source, run_script

from deconv_ref.conformance import frameworks, judge
from deconv_ref.conformance.worker import Worker

CASES = 60
FEWER_CASES = {"jax": 30, "tensorflow": 6, "keras": 6, "openvino": 6, "tinygrad": 3}
"""Cases of what compiles each of them anew."""
CRASHES = ("mlx",)  # an integer division by 0, in gradients of empty batches
GRADIENTS = ("x", "weight", "bias")
FORWARD_ONLY = ("scipy", "onnx", "onnxruntime", "openvino")
NO_NUMBA = """
import os, pathlib, sys

pathlib.Path({!r}, f"{{sys.argv[1]}}-{{os.getpid()}}").touch()
raise ImportError("this process is a framework's")
"""


@pytest.fixture(scope="module")
def met(tmp_path_factory):
    """Give a folder where processes leave a file that import Numba and have none."""
    return tmp_path_factory.mktemp("met")


@pytest.fixture(scope="module")
def checked(met, tmp_path_factory):
    """Check each framework once, when it is first asked for."""
    known = {}
    folder = tmp_path_factory.mktemp("no_numba")
    (folder / "numba.py").write_text(NO_NUMBA.format(str(met)), encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))

    def ask(name):
        if name not in (*frameworks.installed(), *frameworks.OWN_TIERS):
            pytest.skip(f"{name} is not installed")
        if name not in known:
            cases = FEWER_CASES.get(name, CASES)
            with pytest.MonkeyPatch.context() as patch:
                if name not in frameworks.OWN_TIERS:
                    patch.setenv("PYTHONPATH", path)
                known[name] = check(name, cases=cases, worker=Worker)
        return known[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "SHRINK_SECONDS", 2.0)
        patch.setenv("DEV", os.environ.get("DEV", "PYTHON"))  # of tinygrad: needs no compiler
        yield ask


# Zeros of padding, or between the taps of a dilated kernel, are multiplied: by a NaN too.
NAN_BY_ZEROS = ("scipy", "jax", "onnx")


@pytest.mark.parametrize("name", ["scipy", "torch", "jax", *frameworks.OWN_TIERS])
def test_these_conform(name, checked):
    for result in checked(name).document["results"]:
        absent = name in FORWARD_ONLY and result["quantity"] != "forward"
        if name in NAN_BY_ZEROS and result["verdict"] == "inexact":
            assert result["op"] in ("conv", "conv_transpose")
            assert "as from NaN or infinity times zeros" in result["reason"], result["reason"]
            continue
        assert result["verdict"] == ("absent" if absent else "conforms"), result["reason"]
        assert result["cases"] == (0 if absent else FEWER_CASES.get(name, CASES))


@pytest.mark.parametrize("name", FORWARD_ONLY)
def test_gradients_are_absent(name, checked):
    for function in ("conv_backward", "conv_transpose_backward"):
        assert checked(name).verdicts(function) == dict.fromkeys(GRADIENTS, "absent")


def test_onnx_computes_conv(checked):
    (result,) = (
        result
        for result in checked("onnx").document["results"]
        if (result["op"], result["quantity"]) == ("conv", "forward")
    )
    assert result["verdict"] == "conforms" or "zeros between taps" in result["reason"]


def test_onnx_does_not_compute_conv_transpose(checked, tmp_path):
    result = checked("onnx").of("conv_transpose")["forward"]
    assert result["verdict"] in ("wrong", "refuses")
    script = result["counterexample"]["script"]
    assert "deconv_ref" not in script
    finished = run_script(script, tmp_path)
    assert finished.returncode == 1
    if result["verdict"] == "wrong":
        assert finished.stdout.endswith("WRONG\n"), finished.stdout + finished.stderr


@pytest.mark.parametrize("name", ["onnxruntime"])
def test_these_may_refuse_but_are_never_wrong(name, checked):
    for function in ("conv", "conv_transpose"):
        assert checked(name).verdicts(function)["forward"] in ("conforms", "refuses")


@pytest.mark.parametrize("name", frameworks.REQUIRES)
def test_none_crashes_and_counterexamples_stand_alone(name, checked):
    """TensorFlow's kernels for the CPU refuse some cases, and some versions get a few wrong."""
    for result in checked(name).document["results"]:
        assert result["verdict"] != "crashes" or name in CRASHES
        assert "changes for the whole process" not in result["reason"]
        if result["counterexample"] is not None:
            script = result["counterexample"]["script"]
            compile(script, name, "exec")
            assert "deconv_ref" not in script


@pytest.mark.parametrize("name", frameworks.REQUIRES)
def test_numba_and_frameworks_never_meet(name, checked, met):
    """Each has threads of its own, and two libraries of them in one process may hang it."""
    checked(name)
    assert [path.name for path in met.iterdir() if path.name.startswith(f"{name}-")] == []


KERNEL = """
import torch

def relu(x):
    assert torch.get_default_dtype() == torch.float32, "not put back"
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_grad_enabled(False)
    torch.rand(1)
    return torch.relu(torch.from_numpy(x.copy())).numpy()
"""


def test_settings_of_a_framework_are_put_back_and_named(tmp_path):
    pytest.importorskip("torch")
    checked = check_source(tmp_path, KERNEL, ops=("relu",), cases=4, worker=Worker)
    record = checked.of("relu")["forward"]
    assert record["verdict"] == "conforms"
    for name in ("set_default_dtype", "set_num_threads", "set_grad_enabled"):
        assert f"torch.{name} (4 cases)" in record["reason"]
    assert "torch's random state (4 cases)" in record["reason"]
