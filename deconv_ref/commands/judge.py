"""The command ``deconv-ref judge``."""

from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.output import WRONG, Output, deliver, open_console
from deconv_ref.commands.usage import one_line_errors

__all__ = ["judge"]


def judge(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What vectors wrote.")],
    results: Annotated[Path, typer.Argument(help="A folder of <case>.<quantity>.npy.")],
    json: Annotated[Path | None, typer.Option(help="Write verdicts to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write them as a page to this file.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write them as Markdown to this file.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the table alone.")] = False,
) -> int:
    """Judge what a program made of test vectors.

    Exit status: 0 nothing wrong; 1 something is wrong; 2 the command was wrong.
    """
    from deconv_ref.conformance.vectors.index import read_index
    from deconv_ref.conformance.vectors.results import judge_results

    output = Output(open_console(), quiet, json, html, markdown, None)
    output.check_files()
    with one_line_errors():
        index = read_index(folder)
        found = judge_results(folder, index, results)
    return WRONG if deliver(found, index["seed"], output) else 0
