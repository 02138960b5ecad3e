"""Show results as one self-contained HTML page: no scripts, no network."""

from collections.abc import Sequence
from html import escape

from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.report import (
    DIFFERS,
    counterexample_text,
    present,
    program,
    reason,
    title,
    together,
)
from deconv_ref.conformance.runner import Result
from deconv_ref.version import __version__

__all__ = ["html_page"]

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; white-space: nowrap; }
td.conforms { background: #2a82; }
td.refuses, td.inexact { background: #db23; }
td.wrong, td.crashes { background: #d334; font-weight: bold; }
td.absent { opacity: .6; }
pre { overflow-x: auto; padding: .75rem; background: #8881; }
h3 { margin: 2rem 0 .25rem; }
"""


def html_page(results: Sequence[Result], command: str) -> str:
    """Write the page.

    Parameters
    ----------
    results : sequence of Result
        What was found.
    command : str
        The command that finds it again.

    Returns
    -------
    str
        An HTML document: the matrix of verdicts, then every counterexample with its program.
    """
    faults = "\n".join(_fault(same) for same in together(results))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>deconv_ref: verdicts</title>
<style>{STYLE}</style>
</head>
<body>
<h1>deconv_ref {escape(__version__)}: verdicts</h1>
<p>Repeat with <code>{escape(command)}</code></p>
<div class="scroll" tabindex="0">
{_matrix(results)}
</div>
{_differences(results)}
<h2>What does not conform</h2>
{faults or "<p>Nothing.</p>"}
</body>
</html>
"""


def _matrix(results: Sequence[Result]) -> str:
    columns = dict.fromkeys((r.target, r.framework, r.version) for r in results)
    found = {(r.target, r.op, r.quantity): r for r in results}
    heads = "".join(
        f'<th scope="col">{escape(name)}<br>{escape(version)}</th>' for _, name, version in columns
    )
    lines = [f'<tr><th scope="col">operator</th><th scope="col">quantity</th>{heads}</tr>']
    for op, quantity in present(results):
        cells = "".join(_cell(found[target, op, quantity]) for target, _, _ in columns)
        lines.append(
            f'<tr><th scope="row">{escape(op)}</th><td>{escape(quantity)}</td>{cells}</tr>'
        )
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _cell(result: Result) -> str:
    verdict, star = result.verdict, DIFFERS if result.tally.differences else ""
    return f'<td class="{verdict}" title="{escape(reason(result))}">{verdict}{star}</td>'


def _differences(results: Sequence[Result]) -> str:
    """List what is different by design, which keeps a verdict from being worse."""
    lines = [
        f"<li>{escape(title(result))}: {escape(reason(result))}</li>"
        for result in results
        if result.verdict is Verdict.CONFORMS and result.tally.differences
    ]
    if not lines:
        return ""
    items = "\n".join(lines)
    return f"""<details><summary>{DIFFERS} By design</summary>
<ul>
{items}
</ul>
</details>"""


def _fault(same: Sequence[Result]) -> str:
    first = same[0]
    text, script = counterexample_text(first), program(*same)
    fold = "" if first.verdict is Verdict.REFUSES else " open"
    return f"""<h3>{escape(title(*same))}</h3>
<p>{escape(reason(first))}</p>
<details{fold}><summary>Counterexample</summary><pre>{escape(text)}</pre></details>
<details><summary>Program that shows it</summary><pre>{escape(script)}</pre></details>"""
