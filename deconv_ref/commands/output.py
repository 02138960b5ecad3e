"""Where verdicts go: to the console, and to files as JSON, HTML and Markdown."""

import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deconv_ref.commands.usage import UsageError, check_writable
from deconv_ref.writing import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from deconv_ref.conformance import runner
    from deconv_ref.conformance.frameworks import TargetError

__all__ = ["WRONG", "Output", "deliver", "open_console"]

WRONG = 1  # the exit status


@dataclass(frozen=True)
class Output:
    """Where the verdicts go.

    Attributes
    ----------
    console : Console
        Tables, and what is told on the way.
    quiet : bool
        Whether to print the table alone.
    json, html, markdown : path or None
        Files to write.
    left_out : callable or None
        Told of a target that cannot be loaded and is left out; None if that ends the command.
    """

    console: "Console"
    quiet: bool
    json: Path | None
    html: Path | None
    markdown: Path | None
    left_out: "Callable[[TargetError], None] | None"

    @property
    def files(self) -> dict[str, Path]:
        """The files to write, by option."""
        files = {"--json": self.json, "--html": self.html, "--markdown": self.markdown}
        return {option: path for option, path in files.items() if path is not None}

    def check_files(self) -> None:
        """Ask for files that can be written, each another one.

        Raises
        ------
        UsageError
            If they cannot, or two are one.
        """
        seen: dict[Path, tuple[str, Path]] = {}
        for option, path in self.files.items():
            check_writable(path)
            other, same = seen.setdefault(path.resolve(), (option, path))
            if other != option:
                raise UsageError(f"{other} and {option} must be two files, got {same} twice")

    def tell(self, line: str) -> None:
        """Print a line at once, if anybody reads: the run goes on for the files' sake."""
        with suppress(BrokenPipeError) if self.files else nullcontext():
            print(line, flush=True)


def open_console() -> "Console":
    """Open the console; a pipe has no width of its own: leave room for a column per framework."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


def deliver(results: "list[runner.Result]", seed: int, output: Output) -> bool:
    """Write files and print what was found; tell whether something is wrong."""
    from deconv_ref.conformance import report
    from deconv_ref.conformance.compare import Verdict

    try:  # the files first, for which no console is needed
        if output.files:
            # Without what makes no difference to the report.
            words = [word for word in sys.argv[1:] if word != "--resume"]
            command = shlex.join(["deconv-ref", *words])
            _write(report.json_report(results, seed, command), output)
    finally:
        report.print_table(output.console, results)
        if not output.quiet:
            report.explain(output.console, results)
    return any(result.verdict >= Verdict.WRONG for result in results)


def _write(document: dict[str, Any], output: Output) -> None:
    """Write a report to the files that were asked for."""
    from deconv_ref.conformance.markdown import markdown_page
    from deconv_ref.conformance.page import html_page
    from deconv_ref.conformance.report import write_json

    if output.json is not None:
        write_json(output.json, document)
    for path, write in ((output.html, html_page), (output.markdown, markdown_page)):
        if path is not None:
            write_whole(path, write(document).encode(errors="backslashreplace"))
