"""The page of conventions is what the adapters say, and what they say is of something."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import deconv_ref as dr
from deconv_ref.conformance import script, sources
from deconv_ref.conformance.conventions import CHAPTERS, VALUES, keys, page, spelling
from deconv_ref.conformance.frameworks import REQUIRES
from deconv_ref.conformance.frameworks._difference import Difference
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.sources import Adapter, read

PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
COMMAND = "python -m deconv_ref.conformance.conventions > docs/conventions.md"
FUNCTIONS = {function for operator in OPERATORS.values() for function in operator.functions()}
KEYS = {key for op in OPERATORS for key in keys(op)}

CHILD = """
import json, sys
from importlib import import_module

adapter = import_module(f"deconv_ref.conformance.frameworks.{sys.argv[1]}")
functions = json.loads(sys.argv[2])
answers = {
    "functions": [function for function in functions if hasattr(adapter, function)],
    "spellings": adapter.SPELLINGS,
    "differences": {
        function: [[difference.reason, difference.quantity] for difference in differences]
        for function, differences in adapter.DIFFERENCES.items()
    },
}
print("\\n" + json.dumps(answers))
"""

UNLOADED = """
import sys
from deconv_ref.conformance.conventions import page

page()
print(*sys.modules)
"""


def run(program, *arguments):
    command = [sys.executable, "-P", "-c", program, *arguments]
    environment = {"DEV": "PYTHON", **os.environ}  # of tinygrad, which asks for a compiler else
    finished = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return finished.stdout


def stand_in(key):
    """Name the key that speaks for all operators, or all gradients, where a key says nothing."""
    function, dot, parameter = key.partition(".")
    everyone = "gradients" if function.endswith("_backward") else "operators"
    return everyone + dot + parameter


def an_adapter(**said):
    names = frozenset(said.pop("names", ["conv", "conv_backward"]))
    return Adapter("some", "Some framework.", names, said.get("spellings", {}), {})


def test_page_is_what_the_adapters_say():
    assert PAGE.read_text(encoding="utf-8") == page(), f"docs/conventions.md is old: {COMMAND}"


def test_page_is_built_without_any_framework():
    frameworks = {package for packages in REQUIRES.values() for package in packages}
    loaded = set(run(UNLOADED).split())
    assert "deconv_ref.conformance.conventions" in loaded
    assert not loaded & (frameworks - {"scipy"})  # scipy.fft is our own


def test_page_has_a_section_for_every_operator():
    sections = re.findall(r"^### (\w+)$", page(), re.MULTILINE)
    assert sorted(sections) == sorted([*OPERATORS, *REQUIRES])


def test_remarks_are_numbered_as_the_tables_refer_to_them():
    for section in page().split("\n### "):
        referred = {int(number) for number in re.findall(r"<sup>(\d+)</sup>", section)}
        listed = [int(number) for number in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]
        assert listed == sorted(referred) == list(range(1, len(listed) + 1))


def test_rows_of_a_table_have_as_many_cells():
    for table in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table


@pytest.mark.parametrize("key", VALUES)
def test_values_are_those_of_the_parameter(key):
    op = key.partition(".")[0]
    assert key in keys(op)
    text = getattr(dr, op).__doc__ + dr.conv.__doc__ + dr.ssim.__doc__  # to which others refer
    assert all(value in text for value in VALUES[key])


def test_chapters_are_those_of_the_package():
    ops = Path(dr.__file__).parent / "ops"
    assert sorted(CHAPTERS) == sorted(path.parent.name for path in ops.glob("*/equations.py"))


@pytest.mark.parametrize("name", REQUIRES)
def test_every_function_of_an_adapter_is_spelled(name):
    adapter = read(name)
    functions = FUNCTIONS & adapter.names
    assert functions
    assert not {function for function in functions if spelling(adapter, function) == "?"}


@pytest.mark.parametrize("name", REQUIRES)
def test_every_spelling_is_of_something(name):
    adapter = read(name)
    known = KEYS | {stand_in(key) for key in KEYS}
    unknown = adapter.spellings.keys() - known
    assert not unknown
    names = adapter.names | read("onnx").names if name == "onnxruntime" else adapter.names
    shown = {key for key in known if "." not in key or key.partition(".")[0] in names}
    shown |= {stand_in(key) for key in shown}
    unseen = adapter.spellings.keys() - shown
    assert not unseen, "parameters of functions that it does not have"


@pytest.mark.parametrize("name", REQUIRES)
def test_spellings_differ_from_ours(name):
    plain = {text for text in read(name).spellings.values() if text in ("", "same")}
    assert not plain, "what is the same is left out"


@pytest.mark.parametrize("name", REQUIRES)
def test_every_difference_is_of_a_function(name):
    assert read(name).differences.keys() <= FUNCTIONS


@pytest.mark.parametrize("name", REQUIRES)
def test_spellings_stay_out_of_counterexamples(name):
    (function, *_) = sorted(FUNCTIONS & read(name).names)
    program = script._target_source(name, function)
    assert re.search(rf"^(def {function}\(|{function}(, \w+)? = )", program, re.MULTILINE)
    assert "SPELLINGS" not in program


@pytest.mark.parametrize("name", REQUIRES)
def test_source_is_read_as_python_reads_it(name):
    if not all(find_spec(package) for package in REQUIRES[name]):
        pytest.skip(f"{name} is not installed")
    answers = json.loads(run(CHILD, name, json.dumps(sorted(FUNCTIONS))).splitlines()[-1])
    adapter = read(name)
    assert answers["functions"] == sorted(FUNCTIONS & adapter.names)
    assert adapter.spellings == {
        key: text for together, text in answers["spellings"].items() for key in together.split()
    }
    assert answers["differences"] == {
        function: [[difference.reason, difference.quantity] for difference in differences]
        for function, differences in adapter.differences.items()
    }


def test_keys_have_values_and_what_the_gradient_adds():
    assert keys("upsample") == [
        "upsample",
        "upsample.x",
        "upsample.scale_factor",
        "upsample.mode",
        'upsample.mode="nearest"',
        'upsample.mode="linear"',
        "upsample.align_corners",
        "upsample_backward",
        "upsample_backward.grad_y",
        "upsample_backward.input_size",
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("conv", "`c`; with a remark"),
        ("conv.stride", "`own`"),
        ("conv.x", "`all`"),
        ("conv.groups", "same"),
        ("conv_backward", "`g`"),
        ("conv_backward.grad_y", "`seed`"),
        ("conv_transpose", "—"),
        ("conv_transpose.stride", "—"),
        ("dropout", "—; none with a mask"),
    ],
)
def test_spelling_is_its_own_or_that_of_all(key, expected):
    spellings = {
        "conv": "`c`; with a remark",
        "conv.stride": "`own`",
        "operators.stride": "`all`",
        "operators.x": "`all`",
        "gradients": "`g`",
        "gradients.grad_y": "`seed`",
        "dropout": "none with a mask",
    }
    assert spelling(an_adapter(spellings=spellings), key) == expected


def test_function_without_spelling_stands_out():
    assert spelling(an_adapter(), "conv") == "?"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"one " "text"', "one text"),
        ('{"a": "b"} | {"c": "d"}', {"a": "b", "c": "d"}),
        ('{**{"a": "b"}, "c": "d"}["a"]', "b"),
        ('Difference("why")', Difference("why")),
        ('Difference("why", lambda x: x, "x")', Difference("why", quantity="x")),
        ('[*[Difference("why")], Difference(Difference("less").reason)]', "both"),
    ],
)
def test_expressions_of_tables_are_evaluated(source, expected):
    expected = [Difference("why"), Difference("less")] if expected == "both" else expected
    assert sources._value("_difference", ast.parse(source, mode="eval").body) == expected


def test_other_expressions_are_refused_with_their_place():
    with pytest.raises(ValueError, match=r"_difference.py, line 1: f'\{1\}' is no text of a table"):
        sources._value("_difference", ast.parse("f'{1}'", mode="eval").body)
