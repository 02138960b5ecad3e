"""``python -m deconv_ref.conformance.findings REPORT.json...``: what releases get wrong.

It prints docs/findings.md, from reports that ``deconv-ref check --json`` wrote. The program of each
counterexample is run again by the Python that runs this, in a process of its own that cannot import
deconv_ref. What does not show its fault there is left out, and told on standard error.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deconv_ref.conformance.judgements import Kind, judgement_of
from deconv_ref.conformance.markdown import fenced, plain
from deconv_ref.conformance.reading import ReportError, read_report
from deconv_ref.conformance.records import Record, columns, failures, title

__all__ = ["main", "page", "read_records", "shows_its_fault"]

FAULTS = ("wrong", "crashes")
NOT_YET = "not yet judged"
SECONDS = 120.0  # of a program, of which importing a framework may take many
WITHOUT_US = "import sys\n\nsys.modules['deconv_ref'] = None\n"

INTRODUCTION = """\
# What releases get wrong

Every `wrong` and every `crashes` that the checker found in the releases below, with the smallest
call that shows it, what the framework's documentation says of it, and what we take it for:

- **bug**: it contradicts what the framework documents, or what the framework itself gives when the
  same values come in another layout, shape or place;
- **undocumented difference**: one can see why somebody might want it, but no page says so;
- **hole in the specification**: what is documented leaves the result open, and others settle it.

What a framework documents as different is no fault and not listed: it stands under "By design" in
[Conventions](conventions.md). Nothing is listed that was not run: each program below has ended with
`WRONG`, or crashed, in a process of its own in which deconv_ref could not be imported. It needs
NumPy and the framework alone. All of it was found on a CPU.

This page is printed by the tool, from reports that are made first. With each finding stands of how
many cases it was; more cases may find more, and other seeds or dtypes show others first. What two
reports show of the same framework, and is judged the same, is printed once.

```sh
deconv-ref check torch --cases 300 --json torch.json    # and so on
deconv-ref check jax --op max_pool --cases 300 --seed 1 --json jax_max_pool.json
deconv-ref check onnx --op avg_pool --cases 200 --seed 2 --json onnx_avg_pool.json
deconv-ref check tensorflow --op conv --dtype bfloat16 --cases 60 --json tensorflow_bfloat16.json
python -m deconv_ref.conformance.findings torch.json ... > docs/findings.md
```
"""


def read_records(path: Path) -> list[Record]:
    """Read what a report has found.

    Parameters
    ----------
    path : path
        A file that ``deconv-ref check --json`` wrote.

    Returns
    -------
    list of dict
        Its results, those that are wrong or crash with a program.

    Raises
    ------
    ReportError
        If the file holds something else.
    OSError
        If it cannot be read.
    """
    records: list[Record] = read_report(path)["results"]
    for number, record in enumerate(records):
        if not isinstance(record.get("target"), str):
            raise ReportError(f"{path}: results[{number}] must have a text target")
        if record["verdict"] in FAULTS and not _has_program(record.get("counterexample")):
            raise ReportError(
                f"{path}: results[{number}] has no program: make the report again, "
                "with deconv-ref check --json"
            )
    return records


def _has_program(shown: Any) -> bool:
    if not isinstance(shown, dict) or not all(
        isinstance(shown.get(name), str) for name in ("function", "script", "text")
    ):
        return False
    return "parameters" in shown and "inputs" in shown


def shows_its_fault(record: Record) -> bool:
    """Tell whether a counterexample's program, run by itself, shows what was found.

    Parameters
    ----------
    record : dict
        A result that is wrong or crashes.

    Returns
    -------
    bool
        Whether the program prints WRONG and ends with status 1 or, of a crash, is killed, ends
        with another status, or does not end.
    """
    crash = record["verdict"] == "crashes"
    program = WITHOUT_US + record["counterexample"]["script"]
    command = [sys.executable, "-I", "-"]
    with TemporaryDirectory() as folder:
        try:
            finished = subprocess.run(
                command, input=program.encode(), capture_output=True, cwd=folder, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return crash
    if crash:
        return finished.returncode not in (0, 1)
    return finished.returncode == 1 and finished.stdout.split()[-1:] == [b"WRONG"]


def page(records: Sequence[Record], found: Sequence[Sequence[Record]]) -> str:
    """Build docs/findings.md.

    Parameters
    ----------
    records : sequence of dict
        All results of the reports.
    found : sequence of sequences of dict
        Those that are at fault and reproduced; what one call shows together.

    Returns
    -------
    str
        Markdown.
    """
    blocks = [INTRODUCTION, _table(records, found)]
    for target, (framework, version) in columns(records).items():
        own = [same for same in found if same[0]["target"] == target]
        if own:
            blocks.append(f"## {plain(f'{framework} {version}')}\n")
            blocks += [block for same in own for block in _finding(same)]
    return "\n".join(blocks)


def _table(records: Sequence[Record], found: Sequence[Sequence[Record]]) -> str:
    """Count what was found in each framework, by kind."""
    kinds = [*(kind.value for kind in Kind), NOT_YET]
    counts = Counter((same[0]["target"], _kind(same)) for same in found)
    shown = [kind for kind in kinds if any(kind == other for _, other in counts)]
    lines = [_row(["framework", "release", *shown]), _row(["---"] * (2 + len(shown)))]
    for target, (framework, version) in columns(records).items():
        cells = [str(counts[target, kind] or "") for kind in shown]
        lines.append(_row([plain(framework), plain(version), *cells]))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _kind(same: Sequence[Record]) -> str:
    judgement = judgement_of(same[0])
    return judgement.kind.value if judgement else NOT_YET


def _finding(same: Sequence[Record]) -> Iterator[str]:
    """Write what one call shows."""
    first = same[0]
    judgement = judgement_of(first)
    yield f"### {plain(title(same))}\n"
    yield f"{plain(_what(first['reason']))}.\n"
    says = f" {judgement.says}" if judgement else ""
    if judgement and judgement.threads:
        says += f" Reported there: {', '.join(judgement.threads)}."
    yield f"**{_kind(same).capitalize()}.**{says}\n"
    yield fenced(first["counterexample"]["text"], "text") + "\n"
    program = fenced(first["counterexample"]["script"], "python")
    yield f"<details><summary>Program that shows it</summary>\n\n{program}\n\n</details>\n"


def _distinct(records: Sequence[Record]) -> list[Record]:
    """Leave out what an earlier report showed too: the same result, judged the same."""
    first: dict[Any, Record] = {}
    for number, record in enumerate(records):
        judgement = judgement_of(record)
        result = record["target"], record["op"], record["quantity"]
        first.setdefault((result, judgement) if judgement else number, record)
    return list(first.values())


def _what(reason: str) -> str:
    """Take from a reason what was found and in how many cases, without what is told besides.

    Examples
    --------
    >>> _what("1 of 2 elements differ; perhaps x; 3 of 60 cases; not offered: groups")
    '1 of 2 elements differ; perhaps x; 3 of 60 cases'
    """
    counted = re.match(r".*?\d+ of \d+ cases", reason)
    return counted[0] if counted else reason


def main(arguments: Sequence[str]) -> int:
    """Read reports, try what is in them, and print the page.

    Parameters
    ----------
    arguments : sequence of str
        Paths of the reports.

    Returns
    -------
    int
        Exit status: 0, or 2 where there is no report.
    """
    if not arguments:
        print("usage: python -m deconv_ref.conformance.findings REPORT.json...", file=sys.stderr)
        return 2
    try:
        records = [record for path in arguments for record in read_records(Path(path))]
    except (ReportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = []
    for same in failures(_distinct([record for record in records if record["verdict"] in FAULTS])):
        if shows_its_fault(same[0]):
            found.append(same)
        else:
            print(f"left out, not reproduced: {title(same)}", file=sys.stderr)
    print(page(records, found), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
