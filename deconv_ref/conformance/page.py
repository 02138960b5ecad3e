"""Show a report as one self-contained HTML page: no scripts, no network."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from deconv_ref.conformance.pictures import draw, place_of, spell, spell_place
from deconv_ref.conformance.records import (
    Record,
    columns,
    failures,
    marked,
    rows,
    summary,
    title,
)
from deconv_ref.conformance.report import DIFFERS
from deconv_ref.conformance.style import STYLE

__all__ = ["html_page"]

BINS = (0, 0.5, 1, 2, 4, 16, 256, math.inf)
BIN_NAMES = ("0", "to ½", "to 1", "to 2", "to 4", "to 16", "to 256", "more")


def html_page(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        The report, as `deconv_ref.conformance.report.json_report` arranges it.

    Returns
    -------
    str
        An HTML document: the matrix of verdicts, histograms of errors, then every counterexample
        with a picture and its program.
    """
    records = document["results"]
    faults = failures(records)
    places = {(r["target"], r["op"], r["quantity"]): i for i, f in enumerate(faults, 1) for r in f}
    shown = "\n".join(_fault(number, same) for number, same in enumerate(faults, 1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>deconv_ref: verdicts</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#faults">Skip to what does not conform</a>
<header>
<h1>deconv_ref: verdicts</h1>
<p class="summary">{escape(summary(records))}</p>
{_origin(document)}
</header>
<main>
<section aria-labelledby="verdicts">
<h2 id="verdicts">Verdicts</h2>
{_matrix(records, places)}
{_differences(records)}
</section>
<section aria-labelledby="errors">
<h2 id="errors">Rounding errors</h2>
{_histograms(records)}
</section>
<section aria-labelledby="faults">
<h2 id="faults">What does not conform</h2>
{shown or "<p>Nothing.</p>"}
</section>
</main>
</body>
</html>
"""


def _origin(document: Mapping[str, Any]) -> str:
    """Say what made the report, and how to make it again."""
    environment = document["environment"]
    versions = [
        f"deconv_ref {document['deconv_ref']}",
        f"Python {environment['python']}",
        f"NumPy {environment['numpy']}",
        environment["system"],
    ]
    frameworks = (f"{n} {v}".strip() for n, v in columns(document["results"]).values())
    return f"""<dl>
<dt>Judged</dt><dd>{escape(", ".join(frameworks))}</dd>
<dt>By</dt><dd>{escape(", ".join(versions))}</dd>
<dt>Seed</dt><dd>{escape(str(document["seed"]))}</dd>
<dt>Again</dt><dd><code>{escape(document["command"])}</code></dd>
</dl>"""


def _matrix(records: Sequence[Record], places: Mapping[tuple[str, str, str], int]) -> str:
    targets = columns(records)
    found = {(r["target"], r["op"], r["quantity"]): r for r in records}
    heads = "".join(
        f'<th scope="col">{escape(name)}<br><small>{escape(version)}</small></th>'
        for name, version in targets.values()
    )
    lines = [f'<tr><th scope="col">operator<br><small>quantity</small></th>{heads}</tr>']
    for op, quantity in rows(records):
        there = ((target, op, quantity) for target in targets)
        cells = "".join(_cell(found.get(key), places.get(key)) for key in there)
        lines.append(f"<tr>{_row_head(op, quantity)}{cells}</tr>")
    return _table("Operators against targets", lines)


def _row_head(op: str, quantity: str) -> str:
    broken = escape(op).replace("_", "_<wbr>")  # a phone has no room for the longest names
    return f'<th scope="row">{broken}<br><small>{escape(quantity)}</small></th>'


def _table(caption: str, lines: Iterable[str]) -> str:
    """Put a table into a region that scrolls by itself, with the keyboard too."""
    body = "\n".join(lines)
    name = escape(caption)
    return f"""<div class="scroll" role="region" aria-label="{name}" tabindex="0">
<table>
<caption>{name}</caption>
{body}
</table>
</div>"""


def _cell(record: Record | None, place: int | None) -> str:
    if record is None:
        return "<td></td>"
    text = escape(marked(record))
    if place is not None:
        text = f'<a href="#fault-{place}">{text}</a>'
    return f'<td class="{escape(record["verdict"])}" title="{escape(record["reason"])}">{text}</td>'


def _differences(records: Sequence[Record]) -> str:
    """List what is different by design, which keeps a verdict from being worse."""
    lines = [
        f"<li>{escape(title([record]))}: {escape(record['reason'])}</li>"
        for record in records
        if record["verdict"] == "conforms" and record["differences"]
    ]
    if not lines:
        return ""
    items = "\n".join(lines)
    return f"""<details><summary>{DIFFERS} By design</summary>
<ul>
{items}
</ul>
</details>"""


def _histograms(records: Sequence[Record]) -> str:
    """Show of each target how many cases were off by how much."""
    parts = []
    for target, (name, version) in columns(records).items():
        measured = [r for r in records if r["target"] == target and r["ulps"]]
        if measured:
            framework = f"{name} {version}".strip()
            heads = "".join(f'<th scope="col">{bin_name}</th>' for bin_name in BIN_NAMES)
            lines = [
                '<tr><th scope="col">operator<br><small>quantity</small></th>'
                f'{heads}<th scope="col">of bound</th></tr>',
                *map(_histogram, measured),
            ]
            table = _table(f"{framework}: cases by their largest error in ulp", lines)
            parts.append(f"<details><summary>{escape(framework)}</summary>\n{table}\n</details>")
    if not parts:
        return "<p>No values were compared.</p>"
    text = "Cases by the largest error of each, in units in the last place of the true value."
    return f"<p>{text}</p>\n" + "\n".join(parts)


def _histogram(record: Record) -> str:
    counts = [0] * len(BINS)
    for ulp, cases in record["ulps"]:
        counts[next(i for i, most in enumerate(BINS) if float(ulp) <= most)] += cases
    total = sum(counts)
    cells = "".join(
        f'<td class="bar" style="--share:{100 * n / total:.0f}%">{n}</td>' if n else "<td></td>"
        for n in counts
    )
    of_bound = record["worst"]["of_bound"]
    share = "" if of_bound is None else f"{of_bound:.2g}"
    return f"<tr>{_row_head(record['op'], record['quantity'])}{cells}<td>{share}</td></tr>"


def _fault(number: int, same: Sequence[Record]) -> str:
    first = same[0]
    shown = first["counterexample"]
    fold = "" if first["verdict"] == "refuses" else " open"
    return f"""<article aria-labelledby="fault-{number}">
<h3 id="fault-{number}">{escape(title(same))}</h3>
<p>{escape(first["reason"])}</p>
<details{fold}><summary>Counterexample</summary>
{_pictures(shown)}
<pre>{escape(shown["text"])}</pre>
</details>
<details><summary>Program that shows it</summary>
<pre>{escape(shown["script"])}</pre>
</details>
</article>"""


def _pictures(shown: Mapping[str, Any]) -> str:
    """Draw the arrays of a counterexample, if there is a result to compare."""
    if "error" in shown["got"]:
        return ""
    wrong, feeding = shown["wrong"], _feeding(shown)
    first = wrong[:1]
    figures = [
        draw(name, array, {"feeding": feeding.get(name, {})}, feeding.get(name))
        for name, array in shown["inputs"].items()
    ]
    digits = _telling(shown["expected"]["data"], shown["got"]["data"], wrong)
    figures.append(draw("expected", shown["expected"], {"at": first}, digits=digits))
    figures.append(draw("got", shown["got"], {"wrong": wrong, "at": first}, digits=digits))
    legend = ""
    if wrong:
        place = spell_place(wrong[0], shown["expected"]["shape"])
        legend = f"Red corner: wrong. Frame: the first of them, {place}."
    if any(feeding.values()):
        legend += " Shaded: what it is made of."
    if any(factor for fed in feeding.values() for factor in fed.values()):
        legend += " Behind the point: what that is multiplied with."
    shown_legend = f'<p class="legend">{legend}</p>\n' if legend else ""
    pictures = "\n".join(figures)
    return f'{shown_legend}<div class="pictures">\n{pictures}\n</div>'


def _telling(expected: Sequence[Any], got: Sequence[Any], wrong: Iterable[int]) -> int:
    """Count the digits that tell what is wrong from what is right."""
    enough = (
        n for n in (4, 9, 17) if all(spell(expected[i], n) != spell(got[i], n) for i in wrong)
    )
    return next(enough, 17)


def _feeding(shown: Mapping[str, Any]) -> dict[str, dict[int, str]]:
    """Give the places of each operand that feed the first wrong element, and what multiplies each.

    Where it is known which two cells make a product, the factor goes with the first: the kernel,
    say, lies over the input.
    """
    inputs = shown["inputs"]
    fed: dict[str, dict[int, str]] = {name: {} for name in inputs}
    for tap in shown["taps"]:
        places = {n: place_of(index, inputs[n]["shape"]) for n, index in tap["cells"].items()}
        factors = [spell(inputs[name]["data"][place]) for name, place in places.items()]
        factors.append("" if tap["coefficient"] in (None, 1) else spell(tap["coefficient"]))
        for name, factor in zip(places, factors[1:], strict=True):
            fed[name][places[name]] = factor
    return fed
