"""The command ``deconv-ref check``."""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deconv_ref.commands.output import WRONG, Output, deliver, open_console
from deconv_ref.commands.usage import UsageError, choose, choose_judged

if TYPE_CHECKING:
    from deconv_ref.conformance import runner
    from deconv_ref.conformance.cluster import Cluster
    from deconv_ref.conformance.frameworks import TargetError
    from deconv_ref.conformance.journal import Journal
    from deconv_ref.conformance.network import runner as network_runner

__all__ = ["check"]


class DType(StrEnum):
    """The dtypes to check."""

    float32 = "float32"
    float64 = "float64"
    float16 = "float16"
    bfloat16 = "bfloat16"


def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Frameworks (scipy, torch, tensorflow, keras, jax, onnx, onnxruntime, openvino, "
            "paddlepaddle, tinygrad, mlx, skimage), own tiers (equations, cpu, cuda), variants "
            "(torch-compile, jax-jit, jax-eager, torch-cuda, jax-cuda), .py files, or modules. "
            "Default: all that is installed, without variants.",
        ),
    ] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Train networks in lockstep: torch, keras, jax, cpu.")
    ] = False,
    op: Annotated[
        list[str] | None, typer.Option(help="Operator, or system of --network; again for more.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Updates of --network, per system; 20 unless given.")
    ] = None,
    cases: Annotated[
        int | None, typer.Option(min=1, help="Per operator and quantity; 200 unless given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same cases.")] = 0,
    dtype: Annotated[
        DType | None,
        typer.Option(
            help="Default: float32 and float64. The other two are of operators without "
            "transcendental functions: convolution, pooling, resampling, padding, linear, dropout, "
            "rectifiers; bfloat16 needs ml_dtypes."
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Targets at a time.")] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.1, max=86400, help="Seconds per case, 30, or system, 300."),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(min=1, metavar="MIB", help="That a target may take; 4096 unless given."),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of a Dask scheduler to judge on; local starts one."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write verdicts to this file, as they come.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished report in --json.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write them as a page to this file.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write them as Markdown to this file.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the table alone.")] = False,
) -> int:
    """Check whether frameworks, or your own kernels, compute what the equations say.

    Exit status: 0 nothing wrong; 1 something is wrong or crashes; 2 the command was wrong.
    """
    # Imported here: `--help` and `--version` need none of it.
    from deconv_ref.conformance.frameworks import TargetError

    output = Output(open_console(), quiet, json, html, markdown, None if targets else _left_out)
    output.check_files()
    if network and (cases is not None or html or markdown or dtype not in (None, DType.float32)):
        text = "--network trains in float32 for --steps, without --cases, and writes no --html"
        raise UsageError(f"{text} or --markdown")
    if resume and (network or json is None):
        raise UsageError("--resume is for operators, and needs the --json of the unfinished run")
    if network and dask is not None:
        raise UsageError("--dask is for operators; --network trains here")
    if not network and steps is not None:
        raise UsageError("--steps is for --network alone; operators have --cases")
    options = {"seed": seed, "jobs": jobs, "timeout": timeout, "memory": memory}
    try:
        if network:
            wrong = _train(_network_plan(targets, op, steps=steps, **options), output)
        else:
            plan = _plan(targets, op, dtype, cases=cases, **options)
            wrong = _judge(plan, output, resume, dask)
    except TargetError as error:
        raise UsageError(str(error)) from error
    return WRONG if wrong else 0


def _left_out(error: "TargetError") -> None:
    """Tell of what is installed, but broken, and was not asked for by name."""
    print(f"deconv-ref: left out: {error}", file=sys.stderr, flush=True)


def _plan(
    targets: list[str] | None, op: list[str] | None, dtype: DType | None, **options: Any
) -> "runner.Plan":
    """Plan to judge operators."""
    from deconv_ref.conformance.frameworks import OWN_TIERS, gpu_tier, installed
    from deconv_ref.conformance.runner import Plan

    ops = choose_judged(op, dtype)
    half = dtype in (DType.float16, DType.bfloat16)
    own = () if half else (*OWN_TIERS, *gpu_tier())  # which are of float32 and float64 alone
    dtypes = (dtype.value,) if dtype else None
    chosen = targets or (*installed(), *own)
    return Plan(ops=ops, **_options(chosen, dtypes=dtypes, **options))


def _network_plan(
    targets: list[str] | None, op: list[str] | None, **options: Any
) -> "network_runner.Plan":
    """Plan to train networks."""
    from deconv_ref.conformance.frameworks import OWN_TIERS, TRAINERS, installed
    from deconv_ref.conformance.network.runner import Plan
    from deconv_ref.conformance.network.systems import SYSTEMS

    systems = choose("system", op, SYSTEMS)
    there = [target for target in TRAINERS if target in (*installed(), *OWN_TIERS)]
    return Plan(systems=systems, **_options(targets or there, **options))


def _options(targets: Iterable[str], jobs: int | None, **others: Any) -> dict[str, Any]:
    """Arrange what all plans have; what was not given is left to them."""
    from deconv_ref.conformance.process import cores

    chosen = tuple(dict.fromkeys(targets))
    given = {name: value for name, value in others.items() if value is not None}
    return {"targets": chosen, "jobs": min(jobs or cores(), len(chosen)), **given}


def _judge(plan: "runner.Plan", output: Output, resume: bool, dask: str | None) -> bool:
    """Judge operators, or go on with it; tell whether something is wrong."""
    from deconv_ref.commands import bars
    from deconv_ref.conformance import report, runner
    from deconv_ref.conformance.journal import Journal

    functions = list(plan.functions())
    lines = not output.quiet and not output.console.is_terminal

    judged: list[runner.Result] = []

    def finished(results: list[runner.Result]) -> None:
        journal.add(results)
        judged.extend(results)
        if lines:
            first = results[0]
            verdicts = "  ".join(f"{r.quantity} {r.verdict}" for r in results)
            framework = f"{first.framework} {first.version}".strip()
            output.tell(f"{framework} {first.op}: {verdicts}")

    total = plan.cases * len(functions)
    with (
        _cluster(dask) as cluster,
        Journal(output.json, plan) as journal,
        bars.cases(total, output.console, output.quiet) as show,
    ):

        def progress(run: runner.Run, function: str, done: int) -> None:
            show(run.worker.target, functions.index(function) * plan.cases + done)

        found = _found(journal, output) if resume else []
        start, worked = time.perf_counter(), _cpu_seconds()
        judged_by = None if cluster is None else cluster.judge
        results = runner.check(plan, progress, finished, output.left_out, found, judged_by)
        took, worked = time.perf_counter() - start, _cpu_seconds() - worked
    wrong = deliver(results, plan.seed, output)
    if not output.quiet:
        here = cluster is None and os.name == "posix"  # who else was at work, is not known
        print(report.throughput(judged, took, worked if here else None))
        if cluster is not None:
            print(f"the cluster's processes were at work for {cluster.seconds:.1f} s")
    return wrong


def _cpu_seconds() -> float:
    """Tell how long this process was at work, and those that it started and that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _found(journal: "Journal", output: Output) -> "list[runner.Result]":
    """Read what an earlier run came to."""
    from deconv_ref.conformance.journal import JournalError

    try:
        found = journal.resume()
    except JournalError as error:
        raise UsageError(str(error)) from error
    if not output.quiet:
        output.tell(f"{output.json}: goes on after {len(found)} results")
    return found


def _cluster(address: str | None) -> "AbstractContextManager[Cluster | None]":
    """Reach the cluster, if there is to be one."""
    if address is None:
        return nullcontext()
    from deconv_ref.conformance.cluster import Cluster, ClusterError

    try:
        return Cluster(address)
    except ClusterError as error:
        raise UsageError(str(error)) from error


def _train(plan: "network_runner.Plan", output: Output) -> bool:
    """Train networks in lockstep; tell whether something is wrong."""
    from deconv_ref.conformance.compare import Verdict
    from deconv_ref.conformance.network import report, runner
    from deconv_ref.conformance.report import write_json

    def finished(result: runner.Result) -> None:
        if not output.quiet:
            output.tell(f"{result.framework} {result.system}: {result.verdict}")

    results = runner.check(plan, finished, output.left_out)
    try:
        if output.json is not None:
            write_json(output.json, report.json_report(results, plan))
    finally:
        report.print_table(output.console, results)
        if not output.quiet:
            report.explain(output.console, results)
    return any(result.verdict >= Verdict.WRONG for result in results)
