"""Targets are asked ahead, in one message, what they decline; nobody is judged otherwise for it."""

import pytest
from checking import check_source, kernel_file

from deconv_ref.conformance import judge, report
from deconv_ref.conformance.worker import Worker

EVEN = 'return "odd steps alone" if parameters["stride"][0] == 2 else None'
RARELY = 'parameters["stride"][0] == 3 and parameters["groups"] > 1'
UNSUPPORTED = {
    "declines": EVEN,
    "dies": f"os.abort() if {RARELY} else None\n    {EVEN}",
    "hangs": f"time.sleep(60) if {RARELY} else None\n    {EVEN}",
    "is slow": f"time.sleep(0.06)\n    {EVEN}",  # too slow for as many as are asked at once
    "changes settings": f'os.environ["NASTY"] = "yes"\n    {EVEN}',
    "raises": f'raise OSError("disk") if {RARELY} else ValueError("odd")',
}


def source(body):
    extra = f"import os, time\n\ndef unsupported(op, parameters):\n    {body}\n"
    return kernel_file(keep=["conv"], extra=extra)


@pytest.mark.parametrize("body", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_asking_ahead_changes_no_report(body, tmp_path, monkeypatch):
    plan = {"ops": ("conv",), "cases": 12, "timeout": 0.8, "worker": Worker}
    ahead = check_source(tmp_path, source(body), **plan).document
    monkeypatch.setattr(Worker, "foresee", lambda *_: None)
    assert check_source(tmp_path, source(body), **plan).document == ahead


def test_there_is_one_message_for_many_cases(tmp_path, monkeypatch):
    asked, ask = [], Worker._ask
    monkeypatch.setattr(
        Worker, "_ask", lambda self, *request: asked.append(request) or ask(self, *request)
    )
    check_source(tmp_path, source(EVEN), ops=("conv",), cases=3 * judge.AHEAD)
    several = [
        len(parameters) for kind, _, *rest in asked if kind == "unsupported" for parameters in rest
    ]
    assert sum(several) > 3 * judge.AHEAD
    assert len(several) < sum(several) / 4


def test_rates_are_of_cpu_time_where_it_is_known(tmp_path):
    results = check_source(tmp_path, source(EVEN), ops=("conv",), cases=6).results
    assert report.throughput(results, 2.0) == "6 cases in 2.0 s: 3 a second"
    expected = "6 cases in 1.5 s of CPU time, 4 in each, and 2.0 s: 3 a second"
    assert report.throughput(results, 2.0, 1.5) == expected
