"""The command line: ``deconv-ref check``, ``documents``, and the commands on real images."""

import os
import shlex
import sys
from collections.abc import Collection
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deconv_ref import commands
from deconv_ref.commands.usage import UsageError, check_writable
from deconv_ref.version import __version__
from deconv_ref.writing import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from deconv_ref.conformance.runner import Plan, Result, Run

__all__ = ["main"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

WRONG, MISUSED, INTERRUPTED = 1, 2, 130


class DType(StrEnum):
    """The dtypes to check."""

    float32 = "float32"
    float64 = "float64"


def main() -> None:
    """Run the command line: every failure is one line on standard error and a status."""
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
    try:
        status = app(standalone_mode=False)
        if status == INTERRUPTED:  # what Typer makes of Ctrl-C
            print("deconv-ref: interrupted", file=sys.stderr)
    except (UsageError, OSError) as error:  # a full disk, say, is nobody's traceback to read
        print(f"deconv-ref: {error}", file=sys.stderr)
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


@app.command()
def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Frameworks (scipy, torch, tensorflow, keras, jax, onnx, onnxruntime, skimage), "
            "own tiers (equations, cpu), or .py files. Default: all that is installed.",
        ),
    ] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Train networks in lockstep: torch, keras, jax, cpu.")
    ] = False,
    op: Annotated[
        list[str] | None, typer.Option(help="Operator, or system of --network; again for more.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates of --network, per system.")] = 20,
    cases: Annotated[int, typer.Option(min=1, help="Per operator and quantity.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same cases.")] = 0,
    dtype: Annotated[DType | None, typer.Option(help="Default: both.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Targets at a time.")] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.1, max=86400, help="Seconds per case, 30, or system, 300."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write verdicts to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write them as a page to this file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the table alone.")] = False,
) -> int:
    """Check whether frameworks, or your own kernels, compute what the equations say.

    Exit status: 0 nothing wrong; 1 something is wrong or crashes; 2 the command was wrong.
    """
    # Imported here: `--help` and `--version` need none of it.
    from rich.console import Console

    from deconv_ref.conformance import page, report
    from deconv_ref.conformance.compare import Verdict

    for path in (json, html):
        if path is not None:
            check_writable(path)
    # A pipe has no width of its own: leave room for a column per framework.
    console = Console(width=None if sys.stdout.isatty() else 160)
    if network:
        if html or dtype is DType.float64:
            raise UsageError("--network trains in float32, and writes no --html")
        return _check_network(targets, op, steps, seed, jobs, timeout, console, json, quiet)
    plan = _plan(targets, op, cases, seed, dtype, jobs, timeout or 30.0)
    results = _run(plan, console, quiet)
    report.print_table(console, results)
    if not quiet:
        report.explain(console, results)
    if json is not None:
        report.write_json(json, report.json_report(results, seed))
    if html is not None:
        command = shlex.join(["deconv-ref", *sys.argv[1:]])
        write_whole(html, page.html_page(results, command).encode())
    return WRONG if any(result.verdict >= Verdict.WRONG for result in results) else 0


def _check_network(
    targets: list[str] | None,
    op: list[str] | None,
    steps: int,
    seed: int,
    jobs: int | None,
    timeout: float | None,
    console: "Console",
    json: Path | None,
    quiet: bool,
) -> int:
    from deconv_ref.conformance.compare import Verdict
    from deconv_ref.conformance.frameworks import OWN_TIERS, TRAINERS, TargetError, installed
    from deconv_ref.conformance.network import report, runner
    from deconv_ref.conformance.network.systems import SYSTEMS
    from deconv_ref.conformance.report import write_json

    _check_known("system", op, SYSTEMS)
    there = [target for target in TRAINERS if target in (*installed(), *OWN_TIERS)]
    chosen = tuple(dict.fromkeys(targets or there))
    plan = runner.Plan(
        targets=chosen,
        systems=tuple(dict.fromkeys(op or SYSTEMS)),
        steps=steps,
        seed=seed,
        jobs=min(jobs or os.cpu_count() or 1, len(chosen)),
        timeout=timeout or 300.0,
    )

    def finished(result: runner.Result) -> None:
        if not quiet:
            print(f"{result.framework} {result.system}: {result.verdict}", flush=True)

    try:
        results = runner.check(plan, finished)
    except TargetError as error:
        raise UsageError(str(error)) from error
    report.print_table(console, results)
    if not quiet:
        report.explain(console, results)
    if json is not None:
        write_json(json, report.json_report(results, plan))
    return WRONG if any(result.verdict >= Verdict.WRONG for result in results) else 0


def _check_known(what: str, names: list[str] | None, known: Collection[str]) -> None:
    for name in names or ():
        if name not in known:
            raise UsageError(f"unknown {what} {name!r}; known: {', '.join(known)}")


def _plan(
    targets: list[str] | None,
    op: list[str] | None,
    cases: int,
    seed: int,
    dtype: DType | None,
    jobs: int | None,
    timeout: float,
) -> "Plan":
    from deconv_ref.conformance.frameworks import OWN_TIERS, installed
    from deconv_ref.conformance.operators import OPERATORS
    from deconv_ref.conformance.runner import Plan

    _check_known("operator", op, OPERATORS)
    chosen = tuple(dict.fromkeys(targets or (*installed(), *OWN_TIERS)))
    return Plan(
        targets=chosen,
        ops=tuple(dict.fromkeys(op or OPERATORS)),
        cases=cases,
        seed=seed,
        dtypes=(dtype.value,) if dtype else ("float32", "float64"),
        jobs=min(jobs or os.cpu_count() or 1, len(chosen)),
        timeout=timeout,
    )


def _run(plan: "Plan", console: "Console", quiet: bool) -> list["Result"]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from deconv_ref.conformance import runner
    from deconv_ref.conformance.frameworks import TargetError

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
    tasks: dict[str, Any] = {}
    functions = list(plan.functions())
    show_bars = console.is_terminal and not quiet

    def progress(run: "Run", function: str, done: int) -> None:
        if show_bars:
            target = run.worker.target
            if target not in tasks:
                tasks[target] = bars.add_task(target, total=plan.cases * len(functions))
            bars.update(tasks[target], completed=functions.index(function) * plan.cases + done)

    def finished(results: list["Result"]) -> None:
        if not quiet and not show_bars:
            first = results[0]
            verdicts = "  ".join(f"{r.quantity} {r.verdict}" for r in results)
            framework = f"{first.framework} {first.version}".strip()
            print(f"{framework} {first.op}: {verdicts}", flush=True)

    try:
        with bars if show_bars else nullcontext():
            return runner.check(plan, progress, finished)
    except TargetError as error:
        raise UsageError(str(error)) from error


@app.command()
def documents(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Entries, or documents A to E.")
    ] = None,
) -> None:
    """List the documents' equations, systems, slips and troubles, or tell all of some."""
    from deconv_ref.documents import text
    from deconv_ref.errors import ParameterError

    try:
        print(text(tuple(ids or ())))
    except ParameterError as error:
        raise UsageError(str(error)) from error


commands.register(app)


if __name__ == "__main__":
    main()
