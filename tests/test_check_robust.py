"""What must not end a check, or lose what it found: slow starts, broken pipes, odd trainers."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from checking import check_source, kernel_file, run_script

from deconv_ref.conformance import process, serve
from deconv_ref.conformance.frameworks import _cpu_network
from deconv_ref.conformance.network import course
from deconv_ref.conformance.network.lockstep import compare
from deconv_ref.conformance.network.systems import make_task
from deconv_ref.conformance.worker import DiedError, Worker

COMMAND = [sys.executable, "-m", "deconv_ref.cli", "check"]
RIGHT = """
def linear(x, weight, bias=None):
    {}
    y = x @ weight.T
    return y if bias is None else y + bias
"""


def judged(folder, source, **plan):
    plan = {"ops": ("linear",), "worker": Worker, **plan}
    return check_source(folder, source, **plan).of("linear")["forward"]


# Time


def test_what_is_slow_once_is_judged_by_its_answer(tmp_path):
    """As with a cache of compiled code on the disk."""
    once = f"""import pathlib, time
    there = pathlib.Path({str(tmp_path)!r}, "compiled")
    if not there.exists():
        there.touch()
        time.sleep(60)"""
    record = judged(tmp_path, RIGHT.format(once), cases=8, timeout=2)
    assert (record["verdict"], record["cases"]) == ("conforms", 8)
    assert "1 of 8 cases slow at first" in record["reason"]


def test_what_is_slow_again_and_again_has_no_answer(tmp_path):
    """Every process answers once, and sleeps then."""
    twice = """import time
    calls.append(1)
    if len(calls) > 1:
        time.sleep(60)"""
    record = judged(tmp_path, "calls = []\n" + RIGHT.format(twice), cases=20, timeout=0.3)
    assert record["verdict"] == "crashes"
    assert "no answer within 0.3 s; a fresh process answers in time" in record["reason"]


def test_nobody_is_blamed_for_the_death_of_the_first_call(tmp_path):
    """What only a fresh process survives was not done by the case before, if there was none."""
    once = f"""import os, pathlib
    there = pathlib.Path({str(tmp_path)!r}, "once")
    if not there.exists():
        there.touch()
        os.abort()"""
    record = judged(tmp_path, RIGHT.format(once), cases=5)
    assert record["verdict"] == "crashes"
    assert "a fresh process survives this case" in record["reason"]
    assert "did the harm" not in record["reason"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os.abort()", "unsupported(): process killed by signal 6"),
        ("import time; time.sleep(60)", "unsupported(): no answer within 0.5 s"),
    ],
)
def test_unsupported_that_gives_no_answer_is_named_once(body, reason, tmp_path, monkeypatch):
    launched = []
    launch = Worker._launch
    monkeypatch.setattr(Worker, "_launch", lambda self: (launched.append(self), launch(self)))
    source = kernel_file(keep=["conv"], extra=f"def unsupported(op, parameters):\n    {body}\n")
    plan = {"ops": ("conv",), "cases": 20, "timeout": 0.5, "worker": Worker}
    checked = check_source(tmp_path, source, **plan)
    record = checked.of("conv")["forward"]
    assert record["verdict"] == "crashes"
    assert record["reason"].startswith(reason)
    assert len(launched) <= 2
    assert run_script(record["counterexample"]["script"], tmp_path).returncode == 0  # as it says


def test_only_the_end_of_a_long_log_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LAST_BYTES", 100)
    noise = "import os; os.write(2, b'noise ' * 10_000 + b'\\n' + b'the end'); os._exit(3)"
    record = judged(tmp_path, RIGHT.format(noise), cases=2)
    assert record["reason"].startswith("process exited with status 3: the end; ")
    long = "import os; os.write(2, b'x' * 10_000); os._exit(3)"
    record = judged(tmp_path, RIGHT.format(long), cases=2)
    assert record["reason"].startswith("process exited with status 3: " + "x" * 100 + "; ")


def test_who_died_says_whether_it_was_of_time():
    assert not DiedError("aborted").late
    assert DiedError("no answer", late=True).late


# What is written


@pytest.fixture
def run(tmp_path):
    def command(*arguments, **options):
        options = {"capture_output": True, "text": True, "cwd": tmp_path, "timeout": 60, **options}
        return subprocess.run([*COMMAND, *map(str, arguments)], **options)

    (tmp_path / "right.py").write_text(RIGHT.format("pass"))
    (tmp_path / "odd.py").write_text(RIGHT.format("raise ValueError('bad name \\udc80 größer')"))
    return command


def test_files_are_written_though_nobody_reads_what_is_printed(run, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ("--op", "linear", "--cases", 3, "--json", "a.json", "--html", "a.html")
    finished = run("right.py", *arguments, capture_output=False, stdout=writing, stderr=-1)
    os.close(writing)
    assert "Traceback" not in finished.stderr
    results = json.loads((tmp_path / "a.json").read_text())["results"]
    assert [r["verdict"] for r in results] == ["conforms", "absent", "absent", "absent"]
    assert "conforms" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_what_is_found_is_printed_though_it_cannot_be_written(run):
    finished = run("right.py", "--op", "linear", "--cases", 3, "--json", "/dev/full")
    assert finished.returncode == 2
    assert "│ conforms │" in finished.stdout


def test_signs_that_nothing_can_print_do_no_harm(run, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    arguments = ("--op", "linear", "--cases", 3, "--json", "a.json", "--html", "a.html")
    finished = run("odd.py", *arguments, env=environment)
    assert (finished.returncode, finished.stderr) == (0, "")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "bad name \\udc80 größer" in page
    assert "gr\\xf6\\xdfer" not in page


def test_two_reports_need_two_files(run, tmp_path):
    finished = run("right.py", "--json", "a", "--html", tmp_path / "a")
    assert finished.returncode == 2
    assert finished.stderr == "deconv-ref: --json and --html must be two files, got a twice\n"


# What is installed, but broken


@pytest.fixture
def broken(tmp_path):
    folder = tmp_path / "fake" / "scipy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('libwhatever.so: cannot open')\n")
    return {**os.environ, "PYTHONPATH": f"{folder.parent}:{os.environ.get('PYTHONPATH', '')}"}


LISTED = """
import sys

from deconv_ref import cli
from deconv_ref.conformance import frameworks

frameworks.REQUIRES = {"scipy": ("scipy",)}
cli.main()
"""


def test_a_broken_framework_is_left_out_unless_it_was_named(run, broken):
    arguments = ["check", "--op", "linear", "--cases", "2"]
    command = [sys.executable, "-c", LISTED, *arguments]
    options = {"capture_output": True, "text": True, "env": broken, "timeout": 60}
    finished = subprocess.run(command, **options)
    assert finished.returncode == 0
    assert finished.stderr.startswith("deconv-ref: left out: scipy: cannot be imported")
    assert finished.stderr.count("\n") == 1
    assert "conforms" in finished.stdout
    named = run("scipy", "--op", "linear", "--cases", 2, env=broken)
    assert named.returncode == 2
    assert named.stderr.startswith("deconv-ref: scipy: cannot be imported")


# Trainers


@pytest.fixture(scope="module")
def lockstep():
    task = make_task("system_c", "keras", 0, 2)
    growth = [{}, {}]  # of the run as a whole nothing is asked

    def compared(train):
        trained = serve._train(SimpleNamespace(train=train), task)
        assert trained.error is None, trained.error
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(course, "NOISY", 2)  # enough for what is right
            return compare(task, trained.steps, growth, 0)

    return compared


def with_field(field, value):
    def train(*arguments):
        for step in _cpu_network.train(*arguments):
            yield {**step, field: value}

    return train


@pytest.mark.parametrize("field", ["gradients", "parameters", "outputs", "output_gradients"])
@pytest.mark.parametrize("value", [np.zeros((2, 2)), [1.0, 2.0], "text", 5.0], ids=repr)
def test_arrays_without_names_are_where_training_parts(field, value, lockstep):
    parting = lockstep(with_field(field, value)).parting
    assert parting.reason == f"step 1: {field} are not arrays by name"
    assert parting.layer == ""


def test_parameters_of_other_names_do_no_harm(lockstep):
    def train(*arguments):
        for step in _cpu_network.train(*arguments):
            yield {**step, "parameters": {**step["parameters"], "momentum": np.zeros(3)}}

    assert lockstep(train).parting is None


def test_steps_that_nobody_asked_for_are_too_many(lockstep):
    def train(*arguments):
        for step in _cpu_network.train(*arguments):
            yield step
        while True:
            yield step

    parting = lockstep(train).parting
    assert parting.reason == "step 3: loss is one too many: of 2"
