"""What the documentation shows is true: examples run, and public functions explain themselves."""

import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pytest
from checking import check

import deconv_ref as dr
from deconv_ref.conformance import report
from deconv_ref.conformance.compare import Verdict

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def public_functions():
    return [name for name in dr.__all__ if inspect.isfunction(getattr(dr, name))]


def modules():
    """Name the modules whose docstrings have examples; adapters need frameworks, and have none."""
    names = [found.name for found in pkgutil.walk_packages(dr.__path__, "deconv_ref.")]
    return [name for name in names if ".frameworks." not in name and not name.endswith("__main__")]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for found, code in FENCED.findall(text) if found == language]


def run_examples(examples):
    report = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in examples:
        runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", modules())
def test_examples_of_a_module_run(name):
    run_examples(doctest.DocTestFinder().find(importlib.import_module(name)))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_examples_of_a_page_run(page):
    source = "\n".join(code for code in blocks(page, "python") if code.startswith(">>>"))
    example = doctest.DocTestParser().get_doctest(source, {}, str(page), str(page), 0)
    run_examples([example])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_of_a_page_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)  # code has no links
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("name", public_functions())
def test_public_function_explains_itself(name):
    function = getattr(dr, name)
    text = inspect.getdoc(function)
    for section in ("Parameters", "Returns", "Raises", "See Also", "Notes", "Examples"):
        assert re.search(rf"^{section}\n-+$", text, re.MULTILINE), f"{name} lacks {section}"
    _, parameters, _ = re.split(r"^(?:Parameters|Returns)\n-+$", text, flags=re.MULTILINE)
    documented = re.findall(r"^(\w[\w, ]*) : ", parameters, re.MULTILINE)
    assert ", ".join(documented).split(", ") == list(inspect.signature(function).parameters)
    assert ".. math::" in text, f"{name} lacks its equation"
    assert ">>> " in text, f"{name} lacks an example"


def test_kernel_of_the_tour_has_one_fault(tmp_path):
    """The README's kernel is right until the last axis is dilated, so that the tour is true."""
    (code,) = [code for code in blocks("README.md", "python") if "def conv(" in code]
    path = tmp_path / "my_kernel.py"
    path.write_text(code, encoding="utf-8")
    kernel = runpy.run_path(str(path))

    random = np.random.default_rng(0)
    x = random.integers(-4, 5, (2, 3, 9, 10)).astype(np.float32)
    weight = random.integers(-4, 5, (4, 3, 2, 3)).astype(np.float32)
    bias = random.integers(-4, 5, 4).astype(np.float32)
    parameters = {
        "stride": (2, 1),
        "padding": ((0, 1), (2, 0)),
        "dilation": (2, 1),
        "groups": 1,
        "flip_kernel": True,
    }
    assert kernel["unsupported"]("conv", parameters) is None
    expected = dr.conv(x, weight, bias, **parameters)
    np.testing.assert_array_equal(kernel["conv"](x, weight, bias, **parameters), expected)

    parameters["dilation"] = (1, 2)
    expected = dr.conv(x, weight, bias, **parameters)
    got = kernel["conv"](x, weight, bias, **parameters)
    assert got.shape == expected.shape
    assert (got != expected).any()


def test_the_tour_prints_what_the_checker_finds(tmp_path):
    (code,) = [code for code in blocks("README.md", "python") if "def conv(" in code]
    (printed,) = [text for text in blocks("README.md", "text") if "my_kernel conv:" in text]
    path = tmp_path / "my_kernel.py"
    path.write_text(code, encoding="utf-8")
    (result,) = [r for r in check(path, ops=("conv",)).results if r.verdict is Verdict.WRONG]
    told = [report.title(result), f"  {report.reason(result)}"]
    told += textwrap.indent(report.counterexample_text(result), "    ").splitlines()
    assert printed.splitlines()[-len(told) :] == told
