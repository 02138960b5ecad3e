"""The command ``deconv-ref diff``."""

from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.usage import check_writable, one_line_errors

__all__ = ["diff"]

WORSE = 1


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="A report of check --json.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="A later one.")],
    json: Annotated[Path | None, typer.Option(help="Write the changes to this file.")] = None,
) -> int:
    """Show what a new release broke or mended.

    Exit status: 0 nothing got worse; 1 something did; 2 the command was wrong.
    """
    from deconv_ref.conformance.diff import compare_reports, diff_json, diff_text
    from deconv_ref.conformance.reading import read_report
    from deconv_ref.conformance.report import write_json

    if json is not None:
        check_writable(json)
    with one_line_errors():
        reports = read_report(old), read_report(new)
        changes = compare_reports(*reports)
    if json is not None:
        write_json(json, diff_json(changes, *reports))
    for path, report in zip((old, new), reports, strict=True):
        if "unfinished" in report:
            print(f"{path} is of a run that has not finished")
    seeds = [report.get("seed") for report in reports]
    if seeds[0] != seeds[1]:
        print(f"the seeds differ, {seeds[0]} and {seeds[1]}: other cases may show other faults")
    print(diff_text(changes))
    return WORSE if any(change.kind == "worse" for change in changes) else 0
