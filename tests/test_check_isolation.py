"""Targets that abort, leak, loop, write where they must not: each costs its case, and is named."""

import ctypes
import gc
import locale
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from checking import check_source

from deconv_ref.conformance.process import DiedError
from deconv_ref.conformance.settings import SETTINGS, Settings
from deconv_ref.conformance.worker import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what ends a process is Linux' own")

NASTY = """
import ctypes, os, signal, sys, time
import numpy as np

kept = []
asked = []

def relu(x):
    asked.append(x)
    nasty = {}
    if nasty:
        {}
    return np.maximum(x, 0)
"""
SEED, ONCE = 167, "x.ndim == 3"  # in one of four cases, the third and not the smallest
ALWAYS = "True"
PLAN = {"ops": ("relu",), "seed": SEED, "worker": Worker, "shrink": False}


def judged(folder, body, when=ALWAYS, **plan):
    """Judge a function that does something nasty at times; give the record of its results."""
    plan = {"cases": 4, **PLAN, **plan}
    return check_source(folder, NASTY.format(when, body), **plan).of("relu")["forward"]


# What ends the process


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.abort()", "process killed by signal 6 (SIGABRT)"),
        ("os._exit(0)", "process exited with status 0"),
        ("os.kill(0, signal.SIGTERM)", "process killed by signal 15 (SIGTERM)"),
        ("[os.dup2(1, fd) for fd in range(3, 50)]", "process "),
    ],
)
def test_a_death_costs_its_case_and_is_named(body, reason, tmp_path):
    record = judged(tmp_path, body, ONCE)
    assert record["verdict"] == "crashes"
    assert record["reason"].startswith(reason)
    assert "1 of 4 cases" in record["reason"]


def test_last_words_are_no_addresses_of_a_stack(tmp_path):
    words = "Check failed: a.cc:5\n*** Check failure stack trace: ***\n    @     0x7fac2e1f5  f()\n"
    record = judged(tmp_path, f"os.write(2, {words.encode()!r}); os.abort()", ONCE)
    assert record["reason"].startswith("process killed by signal 6 (SIGABRT): Check failed: a.cc:5")
    assert "0x" not in record["reason"]


@pytest.mark.parametrize("body", ["os.abort()", "time.sleep(60)"])
def test_a_function_that_always_dies_is_given_up(body, tmp_path):
    start = time.monotonic()
    record = judged(tmp_path, body, cases=8, timeout=0.3)
    cases = record["cases"]
    assert cases in (2, 4)
    assert f"{cases} of {cases} cases; given up after {cases} of 8 cases" in record["reason"]
    assert time.monotonic() - start < 20


def test_what_is_wrong_beside_a_crash_is_told(tmp_path):
    record = judged(tmp_path, "os.abort()\n    x = x + 1", ONCE)
    assert record["verdict"] == "crashes"
    assert "1 of 4 cases; wrong in 3 others" in record["reason"]


def test_of_crashes_one_that_its_case_causes_is_shown(tmp_path):
    """The first one, of a smaller array, is due to the call before."""
    flag = str(tmp_path / "flag")
    first = f"len(asked) == 2 and not os.path.exists({flag!r}) and open({flag!r}, 'w')"
    record = judged(tmp_path, "os.abort()", f"{ONCE} or {first}")
    assert record["reason"].startswith("process killed by signal 6 (SIGABRT); 2 of 4 cases")
    assert len(record["counterexample"]["inputs"]["x"]["shape"]) == 3


# What takes too much


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("while True: pass", "no answer within 0.3 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "no answer within 0.3 s"),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); time.sleep(60)", "no "),
    ],
)
def test_a_loop_costs_its_case_and_is_named(body, answer, tmp_path):
    record = judged(tmp_path, body, ONCE, timeout=0.3)
    assert (record["verdict"], record["cases"]) == ("crashes", 4)
    assert record["reason"].startswith(answer)


def test_a_leak_in_one_call_costs_its_case_and_is_named(tmp_path):
    body = "while True: kept.append(np.ones(2**20))"
    record = judged(tmp_path, body, ONCE, memory=300)
    assert (record["verdict"], record["cases"]) == ("crashes", 4)
    assert record["reason"].startswith("went over the memory limit of 300 MiB; 1 of 4 cases")


def test_a_leak_over_many_calls_is_named(tmp_path):
    body = "kept.append(np.ones(2**22)); time.sleep(0.06)"
    record = judged(tmp_path, body, cases=8, memory=200)
    assert record["verdict"] == "crashes"
    assert record["reason"].startswith(
        "went over the memory limit of 200 MiB; a fresh process survives this case, so one before"
    )


# What is printed, and what is left running


@pytest.mark.parametrize(
    "body",
    [
        "[os.write(2, b'noise' * 2**18) for _ in range(80)]",  # 100 MB
        "print('noise' * 2**18); print(b'\\x80' * 2**10, file=sys.stderr); sys.stdout.flush()",
        "os.system('echo noise; echo noise >&2')",
    ],
)
def test_noise_does_no_harm(body, tmp_path, capfd):
    record = judged(tmp_path, body, ONCE)
    assert (record["verdict"], record["cases"]) == ("conforms", 4)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_answer_is_not_taken_for_one(tmp_path):
    body = """
        for fd in range(3, 20):
            try:
                os.write(fd, b'noise' * 100)
            except OSError:
                pass"""
    record = judged(tmp_path, body, ONCE)
    assert (record["verdict"], record["cases"]) == ("crashes", 4)
    assert "what it answers cannot be read" in record["reason"]


FORKS = """
        if not os.fork():
            {}
            open({!r}, 'a').write(f"{{os.getpid()}} ")
            time.sleep(60)
            os._exit(0)
        while not os.path.exists({!r}): time.sleep(0.01)
        os._exit(0)"""


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # waiting for somebody to ask how it ended


@pytest.mark.parametrize("escape", ["os.closerange(3, 100)", "os.setsid()"])
def test_nobody_waits_for_the_children_of_the_dead(escape, tmp_path):
    """They may hold its ends of the pipes; those in its session are ended with it."""
    path = tmp_path / "pids"
    record = judged(tmp_path, FORKS.format(escape, str(path), str(path)), ONCE)
    children = [int(pid) for pid in path.read_text().split()]
    assert (record["verdict"], record["cases"]) == ("crashes", 4)
    assert record["reason"].startswith("process exited with status 0")
    left = [child for child in children if is_alive(child)]
    for child in left:
        os.kill(child, signal.SIGKILL)
    assert not left or escape == "os.setsid()"


def test_a_target_that_does_not_load_again_has_died(tmp_path):
    once = f"""
with open({str(tmp_path / "loads")!r}, "a+") as file:
    file.write("again ")
    file.seek(0)
    if file.read() != "again ":
        raise OSError("licence is taken")
"""
    source = once + NASTY.format(ONCE, "os.abort()")
    record = check_source(tmp_path, source, cases=20, **PLAN).of("relu")["forward"]
    assert (record["verdict"], record["cases"]) == ("crashes", 6)
    assert "given up after 6 of 20 cases" in record["reason"]


# What is written to


@pytest.mark.parametrize(
    "body",
    [
        "x[...] = np.maximum(x, 0); return x.copy()",
        "y = np.maximum(x, 0); x.flags.writeable = True; x[...] = 0; return y",
        "assert x.strides[-1] == 2 * x.itemsize; x.base[..., ::2] = 0; return np.maximum(x, 0)",
        "y = np.maximum(x, 0); x[x == 0] = -0.0; return y",
    ],
)
def test_who_writes_to_an_operand_is_wrong(body, tmp_path):
    body = f"try: {body.replace('; ', chr(10) + ' ' * 12)}\n        except Exception: pass"
    body = body.replace("try: ", "try:\n" + " " * 12)
    record = judged(tmp_path, body, cases=40)
    assert record["verdict"] == "wrong"
    assert record["reason"].startswith("writes to its operand x")


# Settings


def test_settings_are_put_back_after_every_call_and_named(tmp_path):
    body = """
        assert np.geterr()["over"] == "warn" and "NASTY" not in os.environ, "not put back"
        np.seterr(all="ignore")
        os.environ["NASTY"] = "yes"
        signal.alarm(1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(0.15)"""
    record = judged(tmp_path, body)
    assert (record["verdict"], record["cases"]) == ("conforms", 4)
    told = ("numpy.seterr", "os.environ", "signal handlers", "an alarm")
    changes = ", ".join(f"{what} (4 cases)" for what in told)
    assert record["reason"].endswith(f"changes for the whole process: {changes}")


def test_what_importing_changes_is_not_held_against_a_call(tmp_path):
    (tmp_path / "lazy.py").write_text("import os\nos.environ['NASTY'] = 'yes'\n")
    record = judged(tmp_path, "import lazy")
    assert "changes" not in record["reason"]


CHANGES = {
    "the rounding of arithmetic": lambda: ctypes.CDLL(None).fesetround(ROUND_DOWN),
    "numpy.seterr": lambda: np.seterr(under="raise"),
    "numpy.set_printoptions": lambda: np.set_printoptions(precision=2),
    "numpy.random": lambda: np.random.rand(),  # noqa: NPY002
    "random": random.random,
    "os.environ": lambda: os.environ.pop("PATH"),
    "the working directory": lambda: os.chdir("/"),
    "signal handlers": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    "an alarm": lambda: signal.setitimer(signal.ITIMER_REAL, 100),
    "warnings.filters": lambda: warnings.simplefilter("error"),
    "sys.stdin": lambda: setattr(sys, "stdin", None),
    "sys.stdout": lambda: setattr(sys, "stdout", None),
    "sys.stderr": lambda: setattr(sys, "stderr", None),
    "sys.setrecursionlimit": lambda: sys.setrecursionlimit(12345),
    "the locale": lambda: locale.setlocale(locale.LC_ALL, other_locale()),
    "gc": gc.disable,
}
ROUND_DOWN = {"x86_64": 0x400, "aarch64": 0x800000}.get(os.uname().machine, 0)


def other_locale():
    now = locale.setlocale(locale.LC_ALL)
    return "C" if now != "C" else "C.UTF-8"


@pytest.mark.parametrize("name", CHANGES)
def test_each_setting_is_told_and_put_back(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {setting.name: setting.read() for setting in SETTINGS}
    settings = Settings()
    CHANGES[name]()
    try:
        assert {s.name for s in SETTINGS if s.read() != before[s.name]} == {name}
    finally:
        told = settings.put_back()
    assert told == (name,)
    assert {setting.name: setting.read() for setting in SETTINGS} == before
    assert settings.put_back() == ()


def test_all_settings_but_those_of_frameworks_were_tried():
    assert {s.name for s in SETTINGS if s.module in ("sys", "numpy")} == set(CHANGES)


# The process itself


def test_numba_is_not_where_targets_are(tmp_path):
    """Nor is anything of a target where the truth is computed."""
    (tmp_path / "framework.py").write_text("")
    source = f"import framework\n{NASTY}".format("'numba' in sys.modules", "os.abort()")
    plan = {"ops": ("relu",), "cases": 8, "worker": Worker}
    assert check_source(tmp_path, source, **plan).verdicts("relu") == {"forward": "conforms"}
    assert "numba" in sys.modules
    assert "framework" not in sys.modules


def test_a_worker_that_was_closed_starts_no_process(tmp_path):
    path = tmp_path / "kernel.py"
    path.write_text("def relu(x):\n    return x\n")
    worker = Worker(str(path), 1, 1)
    worker.start(("relu",))
    worker.close()
    with pytest.raises(DiedError, match="stopped"):
        worker.call(None)
