"""The command line: ``deconv-ref`` and its commands."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.apply import apply
from deconv_ref.commands.check import check
from deconv_ref.commands.compare import compare
from deconv_ref.commands.diff import diff
from deconv_ref.commands.documents import documents
from deconv_ref.commands.judge import judge
from deconv_ref.commands.train import train
from deconv_ref.commands.usage import UsageError
from deconv_ref.commands.vectors import vectors
from deconv_ref.version import __version__

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

MISUSED, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line: every failure is one line on standard error and a status."""
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what a terminal lacks must not end a command
    try:
        status = app(standalone_mode=False)
        if status == INTERRUPTED:  # what Typer makes of Ctrl-C
            print("deconv-ref: interrupted", file=sys.stderr)
    except (UsageError, OSError) as error:  # a full disk, say, is nobody's traceback to read
        print(f"deconv-ref: {error}", file=sys.stderr)
        status = MISUSED
    except MemoryError as error:
        print(f"deconv-ref: not enough memory: {error}".removesuffix(": "), file=sys.stderr)
        status = MISUSED
    except Exception as error:
        if not hasattr(error, "format_message"):  # Click's own complaints have it
            raise
        message = " ".join(error.format_message().split())
        if message:  # none where Click has shown the help instead
            print(f"deconv-ref: {message}", file=sys.stderr)
        status = MISUSED
    sys.exit(status)


def _version(value: bool) -> None:
    if value:
        print(f"deconv-ref {__version__}")
        raise typer.Exit


@app.callback()
def deconv_ref(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, help="Print the version.")
    ] = False,
) -> None:
    """Hold convolutions, transposed convolutions and their gradients to their equations."""


for command in (check, diff, vectors, judge, documents, train, apply, compare):
    app.command()(command)


if __name__ == "__main__":
    main()
