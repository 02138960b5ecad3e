"""The page of findings holds what was reproduced, and no more."""

import ast
import json
import re
from pathlib import Path

import pytest

from deconv_ref.conformance import findings, judgements, script
from deconv_ref.conformance.frameworks import REQUIRES
from deconv_ref.conformance.judgements import JUDGEMENTS, Judgement, Kind, judgement_of

PAGE = (Path(__file__).parents[1] / "docs" / "findings.md").read_text(encoding="utf-8")

SHOWS = 'print("WRONG")\nraise SystemExit(1)\n'
PROGRAMS = {
    "shows": SHOWS,
    "right": 'print("right")\n',
    "not_ours": f"import deconv_ref\n{SHOWS}",
    "status_alone": "raise SystemExit(1)\n",
    "says_so_alone": 'print("WRONG")\n',
    "aborts": "import os\nos.abort()\n",
    "hangs": "import time\ntime.sleep(60)\n",
}


def a_result(name="shows", op="conv", verdict="wrong", **changed):
    counterexample = {
        "function": op,
        "parameters": {"stride": [2]},
        "inputs": {},
        "text": f"{op}(x=x, stride=(2,))",
        "script": PROGRAMS[name],
    }
    result = {
        "target": "torch",
        "framework": "torch",
        "version": "9.9",
        "op": op,
        "quantity": "forward",
        "verdict": verdict,
        "reason": f"1 of 2 elements differ <{name}>; 3 of 60 cases; not offered: groups",
        "counterexample": counterexample,
    }
    return result | changed


def write(path, *results):
    path.write_text(json.dumps({"results": list(results)}))
    return str(path)


@pytest.mark.parametrize(
    ("name", "verdict", "expected"),
    [
        ("shows", "wrong", True),
        ("right", "wrong", False),
        ("not_ours", "wrong", False),
        ("status_alone", "wrong", False),
        ("says_so_alone", "wrong", False),
        ("aborts", "wrong", False),
        ("hangs", "wrong", False),
        ("shows", "crashes", False),
        ("right", "crashes", False),
        ("aborts", "crashes", True),
        ("hangs", "crashes", True),
    ],
)
def test_a_finding_is_what_its_program_shows(name, verdict, expected, monkeypatch):
    monkeypatch.setattr(findings, "SECONDS", 1.0 if name == "hangs" else 60.0)
    assert findings.shows_its_fault(a_result(name, verdict=verdict)) is expected


def test_page_holds_what_was_reproduced_alone(tmp_path, capsys):
    conforms = a_result(verdict="conforms", counterexample=None)
    none_wrong = conforms | {"target": "jax", "framework": "jax", "version": "1.1"}
    first = write(tmp_path / "a.json", a_result(), a_result("right", op="relu"), conforms)
    assert findings.main([first, write(tmp_path / "b.json", none_wrong)]) == 0
    printed, told = capsys.readouterr()
    assert told == "left out, not reproduced: torch 9.9, relu: result (wrong)\n"
    assert re.findall("^## .*", printed, re.MULTILINE) == ["## torch 9.9"]
    assert re.findall("^### .*", printed, re.MULTILINE) == [
        "### torch 9.9, conv: result (wrong)",
    ]
    assert f"```python\n{SHOWS}```" in printed
    assert "1 of 2 elements differ \\<shows\\>; 3 of 60 cases.\n" in printed
    assert "not offered" not in printed
    assert "**Not yet judged.**\n" in printed
    assert "| torch | 9.9 | 1 |\n| jax | 1.1 |  |\n" in printed


def test_one_call_that_spoils_several_results_is_one_finding(tmp_path, capsys):
    spoilt = [a_result(op="conv", quantity=quantity) for quantity in ("x", "weight")]
    assert findings.main([write(tmp_path / "a.json", *spoilt)]) == 0
    assert "### torch 9.9, conv: gradients of x, weight (wrong)\n" in capsys.readouterr().out


def test_judgement_is_printed_with_its_finding(tmp_path, capsys, monkeypatch):
    own = (
        Judgement("jax", "conv", Kind.BUG, "Not of this one."),
        Judgement("torch", r"^conv forward: .*<shows>", Kind.HOLE, "`a` is open.", ("a/b#1",)),
    )
    monkeypatch.setattr(judgements, "JUDGEMENTS", own)
    assert findings.main([write(tmp_path / "a.json", a_result())]) == 0
    printed = capsys.readouterr().out
    assert "**Hole in the specification.** `a` is open. Reported there: a/b#1.\n" in printed
    assert "Not of this one" not in printed
    assert judgement_of(a_result(op="conv_transpose")) is None


def test_what_two_reports_show_is_one_finding_if_it_is_judged_the_same(
    tmp_path, capsys, monkeypatch
):
    own = (Judgement("torch", "<shows>", Kind.BUG, "a"), Judgement("torch", "else", Kind.HOLE, "b"))
    monkeypatch.setattr(judgements, "JUDGEMENTS", own)
    again, other = a_result(), a_result(reason="something else; 1 of 60 cases")
    again["counterexample"]["parameters"] = {"stride": [3]}
    paths = [
        write(tmp_path / f"{n}.json", *some)
        for n, some in enumerate([[a_result()], [again, other]])
    ]
    assert findings.main(paths) == 0
    kinds = re.findall(r"^\*\*.*?\*\*", capsys.readouterr().out, re.MULTILINE)
    assert kinds.count("**Bug.**") == kinds.count("**Hole in the specification.**") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ("{}", "no report: deconv-ref check --json writes one"),
        (json.dumps({"results": [a_result(target=None)]}), r"results\[0\] must have a text target"),
        (
            json.dumps({"results": [a_result(), a_result(counterexample={"script": ""})]}),
            r"results\[1\] has no program: make the report again",
        ),
    ],
)
def test_other_files_are_refused_in_one_line(content, message, tmp_path, capsys):
    path = tmp_path / "a.json"
    path.write_text(content)
    assert findings.main([str(path)]) == 2
    printed, told = capsys.readouterr()
    assert not printed
    assert re.fullmatch(rf"error: {re.escape(str(path))}: {message}.*\n", told)


@pytest.mark.parametrize("arguments", [[], ["none.json"]])
def test_without_a_report_there_is_no_page(arguments, capsys):
    assert findings.main(arguments) == 2
    printed, told = capsys.readouterr()
    assert not printed
    assert told.count("\n") == 1


def test_every_finding_has_a_program_that_needs_the_framework_alone():
    programs = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(programs) == len(re.findall("^### ", PAGE, re.MULTILINE)) > 0
    for program in programs:
        assert "deconv_ref" not in program
        assert "raise SystemExit" in ast.unparse(ast.parse(program).body[-1])


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_every_judgement_is_of_a_finding(judgement):
    assert set(judgement.targets.split()) <= set(REQUIRES)
    assert f"**{judgement.kind.value.capitalize()}.** {judgement.says}" in PAGE
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", thread) for thread in judgement.threads)


@pytest.mark.parametrize("name", REQUIRES)
def test_names_of_an_adapter_mean_one_thing(name):
    # Counterexamples have the adapter's files one after the other in a single program.
    meanings = {}
    for statement in ast.parse(script._adapter_source(name)).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            defined = {statement.name}
        elif isinstance(statement, ast.Assign):
            targets = [node for target in statement.targets for node in ast.walk(target)]
            defined = {
                n.id for n in targets if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
        else:
            continue
        for defined_name in defined:
            meanings.setdefault(defined_name, set()).add(ast.unparse(statement))
    assert not {own: texts for own, texts in meanings.items() if len(texts) > 1}
