"""Tell what training in lockstep found: JSON for programs, a table and reasons for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.frameworks import is_file
from deconv_ref.conformance.network.runner import Plan, Result
from deconv_ref.conformance.report import COLOURS, finite, json_array
from deconv_ref.version import __version__

__all__ = ["explain", "json_report", "print_table"]


def json_report(results: Sequence[Result], plan: Plan) -> dict[str, Any]:
    """Arrange results as the contract's JSON document, a system for an operator.

    Parameters
    ----------
    results : sequence of Result
        What was found.
    plan : Plan
        What was checked.

    Returns
    -------
    dict
        The document.
    """
    return {
        "deconv_ref": __version__,
        "seed": plan.seed,
        "results": [_json_result(result, plan) for result in results],
    }


def _json_result(result: Result, plan: Plan) -> dict[str, Any]:
    near = result.lockstep
    refused = result.verdict is Verdict.REFUSES
    return {
        "framework": result.framework,
        "version": result.version,
        "op": result.system,
        "quantity": "training",
        "cases": 0 if result.verdict is Verdict.ABSENT else plan.steps,
        "refused": plan.steps if refused else 0,
        "verdict": str(result.verdict),
        "reason": result.reason,
        "worst": {
            "ulp": None,
            "of_bound": finite(max(near.by_itself, near.over_the_run)) if near else None,
        },
        "counterexample": _counterexample(result, plan),
    }


def _counterexample(result: Result, plan: Plan) -> dict[str, Any] | None:
    """Say where training parts, by the element that is farthest off."""
    if result.verdict <= Verdict.CONFORMS:
        return None
    parameters: dict[str, Any] = {"seed": plan.seed, "steps": plan.steps}
    expected: dict[str, Any] = {}
    got: dict[str, Any] = {"error": result.reason}
    if result.parting is not None:
        parting, (kind, name) = result.parting, result.parting.key
        parameters["steps"] = parting.step  # no more are needed
        parameters |= {"layer": parting.layer, "array": f"{kind} {name}".strip()}
        parameters["index"] = list(parting.index)
        if parting.expected is not None and parting.got is not None:
            expected, got = (json_array(np.array(v)) for v in (parting.expected, parting.got))
    return {
        "parameters": parameters,
        "inputs": {},
        "expected": expected,
        "got": got,
        "script": _script(result, parameters["steps"], plan.seed),
    }


def _script(result: Result, steps: int, seed: int) -> str:
    """Write the program that shows it again: what the command line does, as far as is needed."""
    target = str(Path(result.target).resolve()) if is_file(result.target) else result.target
    options = ["--op", result.system, "--steps", str(steps), "--seed", str(seed)]
    command = ["-m", "deconv_ref.cli", "check", "--network", target, *options]
    return (
        f"# {_title(result)}: {result.reason}\n"
        "import subprocess\nimport sys\n\n"
        f"command = [sys.executable, *{command!r}]\n"
        "raise SystemExit(subprocess.run(command).returncode)\n"
    )


def print_table(console: Console, results: Sequence[Result]) -> None:
    """Print verdicts, a row per system, a column per target."""
    table = Table()
    table.add_column("system", no_wrap=True)
    for _, framework, version in dict.fromkeys((r.target, r.framework, r.version) for r in results):
        table.add_column(Text(f"{framework}\n{version}"))
    for system in dict.fromkeys(result.system for result in results):
        verdicts = [result.verdict for result in results if result.system == system]
        table.add_row(system, *(Text(str(v), style=COLOURS[v]) for v in verdicts))
    console.print(table)


def explain(console: Console, results: Sequence[Result]) -> None:
    """Print the reason of each verdict."""
    for result in results:
        heading = Text(f"\n{_title(result)} ({result.verdict})", style=COLOURS[result.verdict])
        heading.append(f"\n  {result.reason}", style="default")
        console.print(heading, soft_wrap=True)


def _title(result: Result) -> str:
    return f"{result.framework} {result.version}".strip() + f", {result.system}"
