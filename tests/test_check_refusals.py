"""Refusals, and what a target says that it does not offer."""

from types import SimpleNamespace

import numpy as np
import pytest
from checking import check_source, kernel_file, run_script

from deconv_ref.conformance import serve


def refuses_dilation(right, *, dilation, **call):
    if max(dilation) > 1:
        raise ValueError("only dilation 1\n  is done")
    return right(dilation=dilation, **call)


def test_an_error_is_a_refusal(tmp_path):
    source = kernel_file({"conv": refuses_dilation}, keep=["conv"])
    record = check_source(tmp_path, source, ops=("conv",)).of("conv")["forward"]
    assert record["verdict"] == "refuses"
    assert "ValueError: only dilation 1 is done" in record["reason"]
    assert record["cases"] == 200
    assert 50 < record["refused"] < 200
    assert f"{record['refused']} of 200 cases" in record["reason"]
    assert max(record["counterexample"]["parameters"]["dilation"]) == 2
    finished = run_script(record["counterexample"]["script"], tmp_path)
    assert finished.returncode == 1
    assert "ValueError: only dilation 1" in finished.stderr


UNSUPPORTED = """
def unsupported(op, parameters):
    {}
"""


def test_what_is_not_offered_is_no_refusal(tmp_path):
    extra = UNSUPPORTED.format(
        'return "only dilation 1" if max(parameters["dilation"]) > 1 else None'
    )
    source = kernel_file({"conv": refuses_dilation}, keep=["conv"], extra=extra)
    record = check_source(tmp_path, source, ops=("conv",)).of("conv")["forward"]
    assert record["verdict"] == "conforms"
    assert record["refused"] == 0
    assert record["cases"] == 200
    assert "; not offered: only dilation 1" in record["reason"]


def refuses_float64(right, *, x, **call):
    if x.dtype == np.float64:
        raise TypeError("only float32 is done")
    return right(x=x, **call)


@pytest.mark.parametrize("signature", ["op, parameters, dtype", "op, parameters, *, dtype"])
def test_the_dtype_is_told_if_it_is_asked_for(signature, tmp_path):
    asks = f"""
def unsupported({signature}):
    return "no float64" if dtype == "float64" else None
"""
    source = kernel_file({"conv": refuses_float64}, keep=["conv"], extra=asks)
    record = check_source(tmp_path, source, ops=("conv",)).of("conv")["forward"]
    assert (record["verdict"], record["refused"], record["cases"]) == ("conforms", 0, 200)
    assert "; not offered: no float64" in record["reason"]


def test_a_function_that_has_no_signature_is_told_no_dtype():
    answer = serve.unsupported(SimpleNamespace(unsupported=max), "conv", {}, "float64")
    assert answer.startswith("unsupported() raised TypeError: '>' not supported")


def test_nothing_offered_is_absent(tmp_path):
    source = kernel_file(extra=UNSUPPORTED.format('return f"no {op}, for now"'), keep=["conv"])
    record = check_source(tmp_path, source, ops=("conv",), cases=5).of("conv")["forward"]
    assert record["verdict"] == "absent"
    assert "no conv, for now" in record["reason"]
    assert record["cases"] == 0
    assert record["counterexample"] is None


def test_parameters_reach_the_target_as_the_contract_says(tmp_path):
    extra = """
def unsupported(op, parameters):
    names = {"stride", "padding", "dilation", "groups", "flip_kernel"}
    assert set(parameters) == (names | {"output_padding"} if op == "conv_transpose" else names)
    axes = len(parameters["stride"])
    for name in names & {"stride", "dilation", "output_padding"}:
        assert type(parameters[name]) is tuple and len(parameters[name]) == axes
        assert all(type(n) is int for n in parameters[name])
    assert type(parameters["groups"]) is int and type(parameters["flip_kernel"]) is bool
    padding = parameters["padding"]
    if isinstance(padding, str):
        assert padding in ("valid", "same", "same_lower", "full")
    else:
        assert all(type(n) is int for before, after in padding for n in (before, after))
        assert len(padding) == axes
"""
    source = kernel_file(extra=extra, keep=["conv", "conv_transpose"])
    checked = check_source(tmp_path, source, cases=50)
    assert set(checked.verdicts("conv").values()) == {"conforms"}
    assert set(checked.verdicts("conv_transpose").values()) == {"conforms"}


@pytest.mark.parametrize(
    "body", ["raise RuntimeError('broken')", "return 17", "return ['a', None]", "return False"]
)
def test_nonsense_in_place_of_a_reason_says_so(body, tmp_path):
    source = kernel_file(extra=UNSUPPORTED.format(body), keep=["conv"])
    checked = check_source(tmp_path, source, ops=("conv",), cases=2)
    record = checked.of("conv")["forward"]
    assert record["verdict"] != "conforms"
    assert "unsupported" in record["reason"]
