"""Targets that end, hang and print: what it costs, and what is told of it."""

import pytest
from checking import check_source, kernel_file, run_script

from deconv_ref.conformance import judge
from deconv_ref.conformance.worker import Worker


def aborts(right, **call):
    import os

    os.abort()


def reads_nowhere(right, **call):
    import ctypes

    ctypes.string_at(0)


def leaves(right, **call):
    raise SystemExit(3)


def interrupts_itself(right, **call):
    raise KeyboardInterrupt


def hangs(right, **call):
    while True:
        pass


def sleeps(right, **call):
    import time

    time.sleep(1000)


def shuts_its_files(right, **call):
    import os

    os.closerange(0, 100)
    return right(**call)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (aborts, "killed by signal 6"),
        (reads_nowhere, "killed by signal 11"),
        (leaves, "exited with status 3"),
        (interrupts_itself, "process "),
        (hangs, "no answer within 0.3 s"),
        (sleeps, "no answer within 0.3 s"),
        (shuts_its_files, "process "),
    ],
)
def test_a_crash_is_told(fault, reason, tmp_path):
    source = kernel_file({"conv": fault}, keep=["conv"])
    plan = {"timeout": 0.3} if "answer" in reason else {}
    checked = check_source(
        tmp_path, source, ops=("conv",), cases=3, worker=Worker, shrink=False, **plan
    )
    record = checked.of("conv")["forward"]
    assert record["verdict"] == "crashes"
    assert reason in record["reason"]
    assert list(record["counterexample"]["got"]) == ["error"]
    assert reason in record["counterexample"]["got"]["error"]


def test_a_crash_stays_with_its_function(tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "SHRINK_DEATHS", 1)
    source = kernel_file({"conv": aborts}, keep=["conv", "conv_backward"])
    checked = check_source(tmp_path, source, ops=("conv",), cases=20, worker=Worker)
    assert checked.verdicts("conv") == {"forward": "crashes"}
    assert set(checked.verdicts("conv_backward").values()) == {"conforms"}


def aborts_on_groups(right, *, groups, **call):
    import os

    if groups > 1:
        os.abort()
    return right(groups=groups, **call)


def test_a_crash_on_few_cases_is_found(tmp_path):
    source = kernel_file({"conv": aborts_on_groups}, keep=["conv"])
    record = check_source(tmp_path, source, ops=("conv",), worker=Worker).of("conv")["forward"]
    assert record["verdict"] == "crashes"
    counterexample = record["counterexample"]
    assert counterexample["parameters"]["groups"] > 1
    assert run_script(counterexample["script"], tmp_path).returncode == -6


def test_a_crash_of_large_arrays_alone_has_a_short_program(tmp_path):
    """There is no small case, and to try out values costs a process each."""
    source = "import os\n\ndef avg_pool(x, **_):\n    return os.abort() if x.size > 4096 else x\n"
    checked = check_source(tmp_path, source, ops=("avg_pool",), cases=60, worker=Worker)
    record = checked.of("avg_pool")["forward"]
    assert record["verdict"] == "crashes"
    script = record["counterexample"]["script"]
    assert len(script) < 10_000
    assert run_script(script, tmp_path).returncode < 0


def aborts_on_the_tenth_call(right, calls=[], **call):  # noqa: B006 - counts over calls
    import os

    calls.append(None)
    if len(calls) == 10:
        os.abort()
    return right(**call)


def test_a_crash_that_the_case_alone_does_not_cause_is_told_apart(tmp_path):
    source = kernel_file({"conv": aborts_on_the_tenth_call}, keep=["conv"])
    record = check_source(tmp_path, source, ops=("conv",), worker=Worker).of("conv")["forward"]
    assert record["verdict"] == "crashes"
    assert 30 < record["cases"] <= 40  # every tenth call kills a process, and the fourth ends it
    assert "a fresh process survives this case" in record["reason"]
    assert (
        f"4 of {record['cases']} cases; given up after {record['cases']} of 200" in record["reason"]
    )


def adds_one_from_the_tenth_call_on(right, calls=[], **call):  # noqa: B006 - counts over calls
    calls.append(None)
    return right(**call) + (len(calls) >= 10)


def test_a_fault_that_a_fresh_process_has_not_is_told_apart(tmp_path):
    source = kernel_file({"conv": adds_one_from_the_tenth_call_on}, keep=["conv"])
    checked = check_source(tmp_path, source, ops=("conv",), cases=20, worker=Worker)
    record = checked.of("conv")["forward"]
    assert record["verdict"] == "wrong"
    assert "not so in a fresh process" in record["reason"]


def prints(right, **call):
    import os
    import subprocess
    import sys

    print("noise " * 1000)
    sys.stdout.flush()
    os.write(1, b"\x80\x04noise" * 1000)
    os.write(2, b"noise" * 1000)
    subprocess.run(["echo", "noise"], check=True)
    assert sys.stdin.read() == ""
    assert os.read(0, 10) == b""
    return right(**call)


def test_prints_and_reads_do_no_harm(tmp_path, capfd):
    source = kernel_file({"conv": prints, "conv_backward": prints}, extra='print("noise")')
    checked = check_source(tmp_path, source, ops=("conv",), cases=20, worker=Worker)
    assert {r["verdict"] for r in checked.document["results"]} == {"conforms"}
    assert capfd.readouterr() == ("", "")
