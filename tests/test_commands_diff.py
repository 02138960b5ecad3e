"""``deconv-ref diff``: what got worse between two reports, and files that are no reports."""

import json
import re
from collections import Counter

import pytest
from commanding import runner
from hypothesis import given
from hypothesis import strategies as st

from deconv_ref.conformance.diff import KINDS, compare_reports, diff_json, diff_text
from deconv_ref.conformance.reading import VERDICTS

MIRROR = {"worse": "better", "better": "worse", "gone": "new", "new": "gone"}


def record(verdict, op="conv", quantity="forward", framework="torch", version="2.0"):
    names = {"framework": framework, "version": version, "op": op, "quantity": quantity}
    return names | {"verdict": verdict, "reason": f"it {verdict}"}


def report(*records, seed=0):
    return {"deconv_ref": "0.1.0", "seed": seed, "results": list(records)}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / name).write_bytes(text)

    return write


# What is compared


REPORTS = st.dictionaries(
    st.tuples(st.sampled_from(["torch", "jax"]), st.sampled_from(["conv", "pad", "relu"])),
    st.sampled_from(VERDICTS),
).map(lambda drawn: report(*(record(v, op, framework=f) for (f, op), v in drawn.items())))


@given(REPORTS, REPORTS)
def test_forwards_and_backwards_mirror_each_other(old, new):
    always = record("conforms", op="linear")  # something in common
    old["results"].append(always)
    new["results"].append(always)
    there = Counter(change.kind for change in compare_reports(old, new))
    back = Counter(change.kind for change in compare_reports(new, old))
    assert {MIRROR.get(kind, kind): n for kind, n in there.items()} == back
    assert {change.kind for change in compare_reports(old, old)} == {"same"}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("conforms", "wrong", "worse"),
        ("conforms", "absent", "worse"),
        ("conforms", "refuses", "worse"),
        ("conforms", "inexact", "worse"),
        ("inexact", "wrong", "worse"),
        ("wrong", "crashes", "worse"),
        ("absent", "wrong", "worse"),
        ("crashes", "conforms", "better"),
        ("wrong", "refuses", "better"),
        ("absent", "refuses", "changed"),
        ("wrong", "wrong", "same"),
    ],
)
def test_what_is_worse(old, new, kind):
    (change,) = compare_reports(report(record(old)), report(record(new)))
    assert change.kind == kind


def test_files_of_one_name_are_told_apart_by_their_order():
    old = report(record("conforms"), record("wrong"))
    new = report(record("wrong"), record("wrong"))
    assert [change.kind for change in compare_reports(old, new)] == ["worse", "same"]


def test_what_is_absent_is_not_missed():
    old = report(record("conforms"), record("absent", op="pad"), record("wrong", op="relu"))
    changes = compare_reports(old, report(record("conforms")))
    assert [change.kind for change in changes] == ["same", "same", "gone"]


def test_programs_learn_what_people_read():
    old = report(record("conforms"), record("wrong", op="pad"))
    new = report(record("wrong", version="2.1"), record("conforms", op="pad", version="2.1"))
    document = diff_json(compare_reports(old, new), old, new)
    assert document["counts"] == {kind: int(kind in ("worse", "better")) for kind in KINDS}
    worse = document["changes"][0]
    assert (worse["op"], worse["change"]) == ("conv", "worse")
    assert worse["new"] == {"version": "2.1", "verdict": "wrong", "reason": "it wrong"}


def test_nothing_in_a_report_steers_the_terminal():
    bad = record("wrong") | {"reason": "\x1b[2J\nforged line"}
    text = diff_text(compare_reports(report(record("conforms")), report(bad)))
    assert "\x1b" not in text and len(text.splitlines()) == 3


# The command


def test_worse_is_status_1_and_told_line_by_line(run, write, tmp_path):
    write("old.json", report(record("conforms"), record("wrong", op="pad"), record("wrong", "x")))
    write("new.json", report(*(record("wrong", op, version="2.1") for op in ("conv", "pad"))))
    status, printed, complaints = run("diff old.json new.json --json changes.json")
    assert (status, complaints) == (1, "")
    assert printed.splitlines() == [
        "torch 2.0 -> 2.1",
        "  worse   conv forward: conforms -> wrong; it wrong",
        "torch 2.0",
        "  gone    x forward: wrong",
        "1 worse, 0 better, 0 changed, 1 gone, 0 new, 1 same",
    ]
    assert json.loads((tmp_path / "changes.json").read_text())["counts"]["worse"] == 1


def test_better_is_status_0_and_other_seeds_are_told(run, write):
    write("old.json", report(record("wrong")))
    write("new.json", report(record("conforms"), seed=5))
    status, printed, _ = run("diff old.json new.json")
    assert status == 0
    assert printed.startswith("the seeds differ, 0 and 5:")
    assert "better  conv forward: wrong -> conforms; it wrong" in printed


def test_a_report_of_a_run_under_way_is_told(run, write):
    write("old.json", report(record("wrong")))
    write("new.json", report(record("wrong")) | {"unfinished": {}})
    assert run("diff old.json new.json")[1].startswith("new.json is of a run that has not finished")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.json: no JSON"),
        (b"\xff\x00", "bad.json: no JSON"),
        (b"[" * 100_000, "bad.json: no JSON"),
        (b"9" * 10_000, "bad.json: no JSON"),
        ([], "bad.json: no report"),
        ({"results": {}}, "bad.json: no report"),
        (report("x"), r"bad.json: results\[0\] must have texts framework"),
        (report(record("wrong") | {"op": 3}), r"bad.json: results\[0\] must have texts"),
        (report(record("wrong") | {"op": None}), r"bad.json: results\[0\] must have texts"),
        (report(record("fine")), r"results\[0\] has verdict 'fine'; known: conforms"),
        (report(record("wrong", framework="jax")), "no framework and operator in common"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:30],
)
def test_a_file_that_is_no_report_is_misuse(content, message, run, write):
    write("good.json", report(record("wrong")))
    write("bad.json", content)
    for command in ("diff good.json bad.json", "diff bad.json good.json"):
        status, printed, complaints = run(command)
        assert (status, printed) == (2, "")
        assert re.fullmatch(f"deconv-ref: .*{message}.*\n", complaints)


@pytest.mark.parametrize(
    "words",
    [
        "diff good.json none.json",
        "diff good.json .",
        "diff good.json",
        "diff good.json --json no/x",
    ],
)
def test_misuse_is_status_2_and_one_line(words, run, write):
    write("good.json", report(record("wrong")))
    status, printed, complaints = run(words)
    assert (status, printed) == (2, "")
    assert complaints.startswith("deconv-ref: ") and complaints.count("\n") == 1
