"""What a report shows people: the page in a real browser, Markdown, pictures, histograms."""

import json
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest
from checking import check_source, kernel_file
from hypothesis import given
from hypothesis import strategies as st

from deconv_ref.conformance.case import Case, Operand
from deconv_ref.conformance.compare import Finding, Verdict
from deconv_ref.conformance.elements import wrong_elements
from deconv_ref.conformance.markdown import markdown_page
from deconv_ref.conformance.page import html_page
from deconv_ref.conformance.pictures import draw, place_of, spell_place
from deconv_ref.conformance.tally import Tally

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
NASTY = "<img src=x> | `ticks` @all _"

# Opens everything, measures, and leaves what it found in the title.
MEASURE = """
<script>
const ratio = (a, b) => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(n => n / 255)
      .map(n => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const [low, high] = [light(a), light(b)].sort((p, q) => p - q);
  return (high + 0.05) / (low + 0.05);
};
const style = element => getComputedStyle(element);
const behind = element => {
  const colour = style(element).backgroundColor;
  return colour.endsWith(", 0)") ? behind(element.parentElement) : colour;
};
const all = chosen => [...document.querySelectorAll(chosen)];
all("details").forEach(details => details.open = true);
const texts = all("body *").filter(element => !element.closest("svg, script")
  && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
const drawn = all("svg text:not(.plane)").map(text => {
  let rect = text;
  while (rect.tagName !== "rect") rect = rect.previousSibling;
  const fill = style(rect).fill;
  return ratio(style(text).fill, fill === "none" ? behind(text.closest("figure")) : fill);
});
const focusable = all("a, summary, [tabindex]");
document.title = JSON.stringify({
  width: innerWidth,
  needed: document.documentElement.scrollWidth,
  contrast: Math.min(...drawn, ...texts.map(e => ratio(style(e).color, behind(e)))),
  drawn: drawn.length,
  stuck: all("*").filter(e => e.scrollWidth > e.clientWidth && style(e).overflowX === "auto"
    && e.tabIndex < 0).length,
  scrolling: all(".scroll").filter(e => e.scrollWidth > e.clientWidth).length,
  unseen: focusable.filter(e => (e.focus(), style(e).outlineStyle !== "solid")).length,
  unsaid: all("svg").filter(e => !e.getAttribute("aria-label")).length,
  strangers: all("img, script, iframe, link").length - 1,
  lost: all("a").filter(a => !document.querySelector(a.getAttribute("href"))).length,
  background: style(document.body).backgroundColor,
});
</script>
"""


def doubled(right, **call):
    return right(**call) * 2


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A report of a file whose name, errors and results are as unpleasant as can be."""
    extra = f"""
NAME, VERSION = {NASTY!r}, "1.0"

def relu(x):
    raise ValueError({NASTY!r})

def softmax(x, axis=1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
"""
    source = kernel_file({"conv": doubled}, extra=extra)
    ops = ("conv", "conv_transpose", "relu", "softmax")
    report = check_source(
        tmp_path_factory.mktemp("kernel"), source, ops=ops, cases=12, shrink=False
    ).document
    wide = {"shape": [2, 2, 24], "dtype": "float64", "data": [-1.234e-30] * 96}
    of(report, "conv")["counterexample"]["inputs"]["bias"] = wide
    return report | {"command": f"deconv-ref check '{NASTY}' --json {'x' * 200}"}


@pytest.fixture(scope="module")
def page(document):
    return html_page(document)


def of(document, op, quantity="forward"):
    (record,) = [r for r in document["results"] if (r["op"], r["quantity"]) == (op, quantity)]
    return record


# In a browser


@pytest.fixture(scope="module")
def shown(page, tmp_path_factory):
    """What a browser measures of the page, by width and scheme.

    Each in a frame of its own: a window is never as narrow as a phone.
    """
    if BROWSER is None:
        pytest.skip("no chromium to show the page")
    folder = tmp_path_factory.mktemp("browser")
    page = page.replace("</body>", f"{MEASURE}</body>")
    scheme = "(prefers-color-scheme: dark)"
    assert scheme in page
    pages = {"light": page, "dark": page.replace(scheme, "(min-width: 0)")}
    frames = "".join(
        f'<iframe width="{width}" height="{height}" style="border: 0" srcdoc="{escape(text)}">'
        "</iframe>"
        for width, height in ((360, 740), (1280, 900))
        for text in pages.values()
    )
    titles = "[...document.querySelectorAll('iframe')].map(frame => frame.contentDocument.title)"
    collect = f"onload = () => document.title = '[' + {titles} + ']'"
    path = folder / "frames.html"
    path.write_text(f"<title></title>{frames}<script>{collect}</script>", encoding="utf-8")
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-sync"
    options += " --disable-background-networking --disable-component-update --dump-dom"
    command = [BROWSER, *options.split(), f"--user-data-dir={folder}/profile", path.as_uri()]
    printed = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
    measured = json.loads(re.search("<title>(.*?)</title>", printed)[1])
    return {
        (found["width"], scheme): found
        for scheme, found in zip(2 * [*pages], measured, strict=True)
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_readable_in_a_browser(width, scheme, shown):
    """On a phone, by keyboard, in the dark: measured where it counts, in the page itself."""
    found = shown[width, scheme]
    assert found["needed"] <= width, "the page itself scrolls sideways"
    assert found["contrast"] >= 4.5  # WCAG 2.2, AA
    assert found["drawn"] > 96
    assert not found["stuck"], "something scrolls that the keyboard does not reach"
    assert found["scrolling"] or width > 400  # wide tables scroll by themselves
    assert not found["unseen"], "focus cannot be seen"
    assert not found["unsaid"] and not found["lost"]
    assert not found["strangers"], "text from the target became markup"
    assert (found["background"] == "rgb(255, 255, 255)") is (scheme == "light")


# As text


class Outline(HTMLParser):
    """Reads what a page has, tag by tag."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for found, attributes in self.tags if found == tag]


def test_the_page_says_who_was_judged_by_what_and_how_to_repeat_it(page, document):
    text = " ".join("".join(Outline(page).text).split())
    for part in (document["command"], document["environment"]["numpy"], NASTY, "Seed0"):
        assert part in text.replace("Seed 0", "Seed0")


def test_verdicts_that_are_no_good_lead_to_what_shows_them(page, document):
    outline = Outline(page)
    failing = [r for r in document["results"] if r["verdict"] not in ("conforms", "absent")]
    links = [a["href"] for a in outline.all("a") if a["href"].startswith("#fault-")]
    assert len(links) == len(failing)
    assert {f"#{h['id']}" for h in outline.all("h3")} == set(links)


def test_one_call_that_fails_for_all_gradients_is_shown_once(tmp_path):
    extra = "def conv_backward(**_):\n    raise ValueError('not here')\n"
    checked = check_source(
        tmp_path, kernel_file(keep=["conv"], extra=extra), ops=("conv",), cases=9
    )
    page = html_page(checked.document)
    assert page.count("<article") == 1
    assert "gradients of x, weight, bias (refuses)" in page


def test_markdown_is_a_table_then_what_does_not_conform(document):
    text = markdown_page(document)
    lines = text.splitlines()
    (head,) = [i for i, line in enumerate(lines) if line.startswith("| operator |")]
    table = [line for line in lines[head:] if line.startswith("|")]
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table]
    assert set(cells) == {4}, "a target's name breaks the table"
    assert "| conv | forward | **wrong** |" in table
    assert of(document, "conv")["counterexample"]["script"].strip() in text
    assert f"```sh\n{document['command']}\n```" in text
    assert "<img" not in re.sub(r"^(`{3,})\w+\n.*?^\1$", "", text, flags=re.M | re.S).replace(
        "\\<", ""
    )


def test_fences_are_longer_than_any_in_the_text(document):
    changed = json.loads(json.dumps(document))
    of(changed, "conv")["counterexample"]["text"] = "a\n````\nb"
    assert "`````text\na\n````\nb\n`````\n" in markdown_page(changed)


# Pictures


def test_pictures_mark_what_is_wrong_and_what_it_is_made_of(document):
    shown = of(document, "conv")["counterexample"]
    assert shown["wrong"]
    got = draw("got", shown["got"], {"wrong": shown["wrong"], "at": shown["wrong"][:1]})
    assert got.count('class="corner"') == len(shown["wrong"])
    assert got.count('class="frame"') == 1


def test_as_many_digits_are_drawn_as_tell_right_from_wrong(document):
    changed = json.loads(json.dumps(document))
    shown = of(changed, "conv")["counterexample"]
    for name, value in (("expected", 0.52201888), ("got", 0.52201883)):
        shown[name] = {"shape": [1, 1, 1], "dtype": "float64", "data": [value]}
    shown["wrong"] = [0]
    page = html_page(changed)
    assert ">0.52201888</text>" in page and ">0.52201883</text>" in page


def test_planes_are_told_apart_and_every_cell_is_drawn():
    array = {"shape": [2, 2, 1, 3], "dtype": "float64", "data": [*range(11), "nan"]}
    figure = draw("x", array, {"feeding": [4]})
    assert figure.count("<rect") == 12
    assert re.findall(r'class="plane">(.*?)<', figure) == ["[0, 0]", "[0, 1]", "[1, 0]", "[1, 1]"]
    assert "feeding: [0, 1, 0, 1]" in figure and ">nan</text>" in figure


@pytest.mark.parametrize("shape", [[0, 3], [300], [2, 200]])
def test_what_is_empty_or_large_is_named_alone(shape):
    array = {"shape": shape, "dtype": "float32", "data": [0.5] * int(np.prod(shape))}
    figure = draw("x", array, {})
    assert "<svg" not in figure and f"x: float32 {tuple(shape)}" in figure


def test_the_kernel_lies_over_the_input_where_products_are_known(document):
    changed = json.loads(json.dumps(document))
    shown = of(changed, "conv")["counterexample"]
    shown["inputs"] = {
        "x": {"shape": [1, 1, 3], "dtype": "float32", "data": [5.0, 6.0, 7.0]},
        "weight": {"shape": [1, 1, 2], "dtype": "float32", "data": [8.0, 9.5]},
    }
    pairs = [([0, 0, 0], [0, 0, 0]), ([0, 0, 2], [0, 0, 1])]
    shown["taps"] = [{"cells": {"x": x, "weight": w}, "coefficient": 1.0} for x, w in pairs]
    page = html_page(changed)
    assert re.findall(r">([5-9.]+(?: · [5-9.]+)?)</text>", page)[:5] == [
        *("5 · 8", "6", "7 · 9.5", "8", "9.5"),
    ]
    assert "what that is multiplied with" in page


@given(st.data())
def test_places_are_indices_in_row_major_order(data):
    shape = data.draw(st.lists(st.integers(1, 5), max_size=4))
    place = data.draw(st.integers(0, int(np.prod(shape)) - 1))
    index = [int(i) for i in np.unravel_index(place, shape)] if shape else []
    assert spell_place(place, shape) == str(index)
    assert place_of(index, shape) == place


def test_wrong_elements_are_those_beyond_what_is_allowed():
    expected = np.array([[0.0, np.nan, 2.0, np.inf]])
    got = np.array([[-0.0, np.nan, 2.5, 1.0]])
    finding = Finding(Verdict.WRONG, "", expected, got)
    assert wrong_elements(finding) == [2, 3]
    tolerance = np.array([[0.0, 0.0, 0.5, 0.0]])
    bounded = Finding(Verdict.WRONG, "", expected, got, expected, tolerance)
    assert wrong_elements(bounded) == [3]
    assert wrong_elements(Finding(Verdict.WRONG, "", expected, got[0])) == []


# Histograms


@pytest.mark.parametrize(
    ("ulp", "most"),
    [(0, 0), (1e-9, 0.5), (0.5, 0.5), (0.51, 1), (1, 1), (3, 4), (4, 4), (2**53, 2**53)],
)
def test_errors_are_counted_up_to_powers_of_two(ulp, most):
    tally = counted(ulp)
    assert tally.ulps == {most: 1}


@pytest.mark.parametrize("ulp", [2.0**53 + 2, 1e308, np.inf])
def test_errors_beyond_all_bits_are_counted_as_infinite(ulp):
    assert counted(ulp).ulps == {np.inf: 1}


def test_what_is_excused_or_has_no_values_is_not_counted():
    tally = counted(0.0, verdict=Verdict.REFUSES)
    tally.add(CASE, Finding(Verdict.CONFORMS, differences=("by design",)))
    tally.add(CASE, Finding(Verdict.WRONG, "shape"))
    assert not tally.ulps and tally.cases == 3


CASE = Case("relu", {}, {"x": Operand(np.ones(2))}, exact=False)


def counted(ulp, verdict=Verdict.CONFORMS):
    tally = Tally()
    tally.add(CASE, Finding(verdict, ulp=ulp))
    return tally


def test_histograms_hold_every_case_that_was_compared(document, page):
    record = of(document, "softmax")
    assert sum(cases for _, cases in record["ulps"]) == record["cases"] == 12
    row = page[page.index('<th scope="row">softmax', page.index('id="errors"')) :]
    row = row[: row.index("</tr>")]
    assert sum(map(int, re.findall(r'class="bar" style="--share:\d+%">(\d+)<', row))) == 12
