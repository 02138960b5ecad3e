"""The ledger as data: complete, true to the documents, each entry with function and test."""

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import deconv_ref as dr
from deconv_ref import documents
from deconv_ref.documents import LEDGER

ROOT = Path(__file__).parents[1]
ORIGINALS = ROOT.parent / "shared" / "documents"
FUNCTIONS = sorted({name for entry in LEDGER for name in entry.function})


def by_kind(kind):
    return [entry.id for entry in LEDGER if entry.kind == kind]


def test_equations_and_systems_are_all_there():
    numbers = {"A": 1, "B": 2, "C": 7, "D": 3, "E": 1}
    assert by_kind("equation") == [f"{a}{i + 1}" for a, n in numbers.items() for i in range(n)]
    systems = "system-a algorithm-b system-c system-d1 system-d2 system-e"
    assert by_kind("system") == systems.split()
    for entry in LEDGER:
        if entry.kind == "system":
            assert entry.function == (f"deconv_ref.documents.{entry.id.replace('-', '_')}",)


def test_slips_and_troubles_are_numbered_through():
    assert len({entry.id for entry in LEDGER}) == len(LEDGER)
    for kind in ("slip", "trouble"):
        counts = Counter(id[0] for id in by_kind(kind))
        assert set(counts) == set("ABCDE")
        assert by_kind(kind) == [
            f"{a}-{kind[0]}{i + 1}" for a, n in counts.items() for i in range(n)
        ]


def test_entries_stand_by_their_document_and_say_what_holds():
    letters = [entry.document for entry in LEDGER]
    assert letters == sorted(letters) and set(letters) == set(documents.DOCUMENTS)
    for entry in LEDGER:
        assert entry.title and entry.printed and entry.function
        assert entry.corrected or entry.kind in ("equation", "system")
        assert entry.corrected != entry.printed


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_public_names(name):
    """The longest part that is a module lists the next one; what is left is an attribute of it."""
    parts = name.split(".")
    for first in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:first]))
        except ImportError:
            continue
        break
    assert parts[first] in module.__all__
    thing = module
    for part in parts[first:]:
        thing = getattr(thing, part)
    assert callable(thing)


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_tests_exist(entry):
    path, name = entry.test.split("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the documents are not here")
@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_equations_are_printed_letter_by_letter(entry):
    if entry.kind == "equation":
        (original,) = ORIGINALS.glob(f"00{'ABCDE'.index(entry.document)}_*.txt")
        assert entry.printed in original.read_text(encoding="utf-8")


def test_docstrings_cite_entries_that_exist():
    cited = set()
    for path in (ROOT / "deconv_ref" / "documents").glob("*.py"):
        cited |= set(re.findall(r"\b[A-E]-[st]\d+\b", path.read_text(encoding="utf-8")))
    assert cited == set(by_kind("slip")) | set(by_kind("trouble"))


# Text --------------------------------------------------------------------------------------------


def test_the_overview_has_a_line_for_each_entry():
    lines = documents.text().splitlines()
    entries = [line.split(maxsplit=1) for line in lines if line.startswith(" ")]
    assert entries == [[entry.id, entry.title] for entry in LEDGER]
    assert [line[0] for line in lines if line and line[0] != " "] == list("ABCDE")


def test_ids_choose_entries_each_once_in_the_order_given():
    shown = documents.text(["d2", "SYSTEM-D2", "e", "E1"])
    titles = re.findall(r"^(\S+)  ", shown, re.MULTILINE)
    of_e = [entry.id for entry in LEDGER if entry.document == "E"]
    assert [title for title in titles if title] == ["D2", "system-d2", *of_e]
    with pytest.raises(dr.ParameterError, match=r"text: ids must be ids of the ledger .*got 'F1'"):
        documents.text(["A1", "F1"])


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_descriptions_hold_everything_in_lines_of_100(entry):
    told = documents.describe(entry)
    words = " ".join(told.split())
    for field in (entry.printed, entry.corrected or "right as printed", entry.note, entry.test):
        assert " ".join(field.split()) in words
    for line in told.splitlines():
        assert len(line) <= 100 or len(line.split()) <= 2  # a long name, with the row's before it


def test_the_page_is_that_of_the_data():
    path = ROOT / "docs" / "documents.md"
    remedy = "run python -m deconv_ref.documents > docs/documents.md"
    assert path.read_text(encoding="utf-8") == documents.page(), remedy


def test_the_module_prints_the_page():
    command = [sys.executable, "-m", "deconv_ref.documents"]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=120, cwd=ROOT)
    assert ran.stdout.decode() == documents.page()


def test_words_have_no_marks_but_code():
    """Or the page would take them for Markdown."""
    for entry in LEDGER:
        fields = [entry.title, entry.note]
        if entry.kind != "equation":
            fields += [entry.printed, entry.corrected or ""]
        for field in fields:
            assert not re.search(r"[*_<>\[\]`\\#|$]", re.sub(r"`[^`]+`", "", field)), entry.id
    lists = re.findall(r"^(?:[-+] |\d+[.)] )(\w+)", documents.page(), re.MULTILINE)
    assert set(lists) == {"Ours", "Test"}


def test_import_needs_no_framework():
    later = ("torch", "tensorflow", "scipy", "numba", "PIL", "typer")
    program = f"import sys, deconv_ref.documents; print([n for n in {later} if n in sys.modules])"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout.strip() == "[]"


def test_the_page_shows_equations_as_mathematics():
    page = documents.page()
    for entry in LEDGER:
        assert f"#### {entry.id}: {entry.title}\n" in page
        if entry.kind == "equation":
            assert f"```math\n{entry.printed}\n```" in page
