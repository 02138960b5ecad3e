"""Reports that are written as results come, and runs that go on from them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from rich.console import Console

from deconv_ref import cli
from deconv_ref.commands.check import _judge
from deconv_ref.commands.output import Output
from deconv_ref.conformance import journal, report, runner
from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import TargetError
from deconv_ref.conformance.here import Here
from deconv_ref.conformance.journal import Journal, JournalError, decoded, encoded
from deconv_ref.conformance.judge import Judge

COMMAND = [sys.executable, "-m", "deconv_ref", "check"]
OPS = ("relu", "max_pool", "sigmoid", "huber", "tanh")
SOURCE = """
import os, pathlib, time
import numpy as np

VERSION = os.environ.get("KERNEL_VERSION", "")

def relu(x):
    return np.where(x > 1, np.inf, -x)

def max_pool(x, kernel_size, **_):
    return x[..., :1], np.zeros(x[..., :1].shape, np.int64)

def unsupported(op, parameters):
    return "one axis" if op == "max_pool" and len(parameters["kernel_size"]) == 1 else None

def sigmoid(x):
    if pathlib.Path("hang").exists():
        pathlib.Path("hung").write_text(str(os.getpid()))
        while True:
            pass
    return x.astype(np.float16)

def huber(prediction, target, **_):
    raise ValueError("not here")

def tanh(x):
    return np.tanh(x)
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.py").write_text(SOURCE)
    return "kernel.py"


def read(path):
    return json.loads(path.read_text())


# A run that is killed


def command(*arguments):
    ops = [word for op in ("relu", "sigmoid", "tanh") for word in ("--op", op)]
    return [*COMMAND, "kernel.py", *ops, "--cases", "8", *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="what ends orphans is Linux' own")
def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not(kernel):
    Path("hang").touch()
    process = subprocess.Popen(command("--json", "killed.json"), stdout=subprocess.DEVNULL)
    wait_for(lambda: Path("hung").exists() and Path("hung").read_text())
    wait_for(lambda: len(read(Path("killed.json"))["results"]) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not is_alive(Path("hung").read_text()))  # though it does not listen
    document = json.loads(Path("killed.json").read_text())
    assert "unfinished" in document
    assert [r["op"] for r in document["results"]] == ["relu", "relu"]
    assert document["results"][0]["counterexample"]["script"]

    Path("hang").unlink()
    resumed = run("--json", "killed.json", "--resume")
    whole = run("--json", "whole.json")
    assert resumed.returncode == whole.returncode == 1
    report = Path("killed.json").read_text().replace("killed.json", "whole.json")
    assert report == Path("whole.json").read_text()  # but for the name in the command
    assert "unfinished" not in json.loads(report)
    first, rest = resumed.stdout.split("\n", 1)
    assert first == "killed.json: goes on after 2 results"
    last = re.compile(r"\d+ cases in .* s: \d+ a second\n$")
    assert last.sub("", whole.stdout).endswith(last.sub("", rest))
    assert (last.search(whole.stdout)[0][:2], last.search(rest)[0][:2]) == ("24", "16")
    assert "kernel relu: " not in rest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "--resume is for operators, and needs the --json of the unfinished run"),
        (["--network", "--json", "a.json", "--resume"], "--resume is for operators, and needs .*"),
        (["kernel.py", "--json", "kernel.py", "--resume"], "kernel.py is no report of deconv-ref"),
        (["kernel.py", "--memory", "0"], ".*--memory.*"),
        (["kernel.py", "--memory", "inf"], ".*--memory.*"),
        (
            ["kernel.py", "--memory", "5", "--op", "tanh"],
            "kernel.py: went over the memory limit .*",
        ),
    ],
)
def test_misuse_is_status_2_and_one_line(arguments, message, kernel, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["deconv-ref", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(f"deconv-ref: {message}\n", printed.err)
    assert Path("kernel.py").read_text() == SOURCE


# The file


def check(plan, finished=lambda _: None, found=()):
    """Judge by a plan, in this process; what is found may be as large as it was drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Worker", Here)
        patch.setattr(Judge, "_shrink", lambda *_: None)
        patch.setattr(sys, "path", [*sys.path])
        return runner.check(plan, lambda *_: None, finished, found=found)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("judged") / "kernel.py"
    path.write_text(SOURCE)
    return runner.Plan((str(path),), ops=OPS, cases=8)


@pytest.fixture(scope="module")
def parts(plan):
    """What is found by the plan, function by function."""
    parts = []
    check(plan, parts.append)
    assert {str(result.verdict) for part in parts for result in part} == {
        *("wrong", "refuses", "conforms", "absent")
    }
    return parts


def test_the_file_is_whole_whenever_it_is_read(plan, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", 0)
    path = tmp_path / "report.json"
    kept = Journal(path, plan)
    results = []
    for part in parts:
        kept.add(part)
        results += part
        found = Journal(path, plan).resume()
        assert report.json_report(found, plan.seed) == report.json_report(results, plan.seed)
        assert read(path)["results"] == json.loads(
            json.dumps(report.json_report(found, 0)["results"])
        )


def test_what_was_found_before_is_not_judged_again(plan, parts):
    before = [result for part in parts[:3] for result in part]
    told = []
    results = check(plan, told.append, before)
    assert [part[0].function for part in told] == [part[0].function for part in parts[3:]]
    whole = [result for part in parts for result in part]
    assert report.json_report(results, plan.seed) == report.json_report(whole, plan.seed)


def count(path):
    return len(read(path)["results"])


@pytest.mark.parametrize(("pause", "soon"), [(1e9, False), (100, True)])
def test_the_file_is_not_written_all_the_time(pause, soon, plan, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", pause)
    path = tmp_path / "report.json"
    with Journal(path, plan) as kept:
        kept.add(parts[0])
        monkeypatch.setattr(journal, "write_json", pytest.fail)
        kept.add(parts[1])
        kept.add(parts[2])
        assert count(path) == len(parts[0])
        monkeypatch.undo()
        if soon:
            wait_for(lambda: count(path) == sum(map(len, parts[:3])))


def test_a_thread_that_is_late_does_not_write_over_the_end(plan, parts, tmp_path):
    path = tmp_path / "report.json"
    with Journal(path, plan) as kept:
        pass
    kept.add(parts[0])
    assert not path.exists()


def test_an_interrupt_leaves_all_that_was_found(plan, parts, tmp_path, monkeypatch):
    def interrupted(plan, progress, finished, *_):
        for part in parts:
            finished(part)
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "PAUSE", 1e9)
    monkeypatch.setattr(runner, "check", interrupted)
    path = tmp_path / "report.json"
    with pytest.raises(KeyboardInterrupt):
        _judge(plan, Output(Console(), True, path, None, None, None), resume=False, dask=None)
    assert count(path) == sum(map(len, parts))


@pytest.mark.parametrize("path", [None, Path(os.devnull), Path("no/such/folder")])
def test_where_no_report_can_be_kept_the_run_goes_on(path, plan, parts):
    with Journal(path, plan) as kept:
        assert kept.resume() == []
        kept.add(parts[0])


def change(name, value):
    return lambda document: document["unfinished"]["plan"].update({name: value})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda document: document.pop("unfinished"), "is finished: there is nothing to resume"),
        (change("deconv_ref", "0.0"), "is of another run: deconv_ref 0.0, not "),
        (change("seed", 3), "is of another run: seed 3, not 0"),
        (change("cases", 200), "is of another run: cases 200, not 8"),
        (change("files", {}), "is of another run: a target's file has changed"),
        (change("more", 1), "is of another run: more 1, not None"),
        (lambda document: document["unfinished"].update(plan=None), "is finished"),
        (lambda document: document["unfinished"].update(plan=[]), "is of another run"),
        (lambda document: document["unfinished"].pop("plan"), "is no report"),
        (lambda document: document["unfinished"].update(found=[{"os": {}}]), "is damaged"),
        (lambda document: document["unfinished"]["found"][0]["Result"].pop("op"), "is damaged"),
        (lambda document: document["unfinished"].update(found=[7]), "is damaged"),
    ],
)
def test_another_report_is_refused(damage, message, plan, parts, tmp_path):
    path = tmp_path / "report.json"
    Journal(path, plan).add(parts[0])
    assert len(Journal(path, plan).resume()) == len(parts[0])
    document = read(path)
    damage(document)
    path.write_text(json.dumps(document))
    with pytest.raises(JournalError, match=message) as refused:
        Journal(path, plan).resume()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"unfinished": 3}'])
def test_what_is_no_report_is_refused(content, plan, tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is no report of deconv-ref"):
        Journal(path, plan).resume()


def test_another_version_of_a_target_is_refused(plan, parts, monkeypatch):
    monkeypatch.setenv("KERNEL_VERSION", "1.1")
    with pytest.raises(TargetError, match=r"was kernel in the report, is kernel 1\.1 now"):
        check(plan, found=parts[0])


# What is written


DTYPES = [np.float16, np.float32, np.float64, np.int64, np.bool_]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(Verdict)
    | st.sampled_from(DTYPES).flatmap(
        lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0, max_side=3))
    ),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return type(a) is type(b) and (repr(a) == repr(b))


@given(VALUES)
def test_nothing_is_lost_in_writing(value):
    assert same(value, decoded(json.loads(json.dumps(encoded(value), allow_nan=False))))


def test_counters_count_on():
    seen = decoded(encoded(Counter({Verdict.WRONG: 2})))
    assert seen[Verdict.WRONG] == 2
    assert seen[Verdict.CRASHES] == 0
