"""Show a report as Markdown, for a bug report or a README."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

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

__all__ = ["fenced", "markdown_page", "plain"]

SIGNS = re.compile(r"([\\`*\[\]<>#|~&$@]|(?<![^\W_])_|_(?![^\W_]))")


def markdown_page(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        The report, as `deconv_ref.conformance.report.json_report` arranges it.

    Returns
    -------
    str
        The matrix of verdicts, then every counterexample with its program.
    """
    records = document["results"]
    environment = document["environment"]
    origin = (
        f"deconv_ref {document['deconv_ref']}, Python {environment['python']}, "
        f"NumPy {environment['numpy']}, {environment['system']}, seed {document['seed']}"
    )
    parts = [f"{plain(summary(records).capitalize())}.", plain(origin), _matrix(records)]
    if document["command"]:
        parts.insert(2, f"Again:\n\n{fenced(document['command'], 'sh')}")
    if any(record["differences"] for record in records):
        parts.append(rf"\{DIFFERS} differs by design in some cases, as documented")
    parts += map(_fault, failures(records))
    return "\n\n".join(parts) + "\n"


def _matrix(records: Sequence[Record]) -> str:
    targets = columns(records)
    found = {(r["target"], r["op"], r["quantity"]): r for r in records}
    heads = [f"{plain(name)} {plain(version)}".strip() for name, version in targets.values()]
    lines = [_row(["operator", "quantity", *heads]), "|" + " --- |" * (2 + len(heads))]
    for op, quantity in rows(records):
        cells = [found.get((target, op, quantity)) for target in targets]
        spelled = [_verdict(record) if record else "" for record in cells]
        lines.append(_row([plain(op), plain(quantity), *spelled]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verdict(record: Record) -> str:
    spelled = plain(marked(record))
    return f"**{spelled}**" if record["verdict"] in ("wrong", "crashes") else spelled


def _fault(same: Sequence[Record]) -> str:
    first = same[0]
    shown = first["counterexample"]
    parts = [f"### {plain(title(same))}", plain(first["reason"])]
    program = fenced(shown["script"], "python")
    parts += [
        fenced(shown["text"], "text"),
        f"<details><summary>Program that shows it</summary>\n\n{program}\n\n</details>",
    ]
    return "\n\n".join(parts)


def plain(text: str) -> str:
    r"""Spell text so that it is text in Markdown too, whatever signs are in it.

    Examples
    --------
    >>> print(plain("a_b <c>"))
    a_b \<c\>
    """
    return SIGNS.sub(r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str) -> str:
    """Put text between fences that are longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
