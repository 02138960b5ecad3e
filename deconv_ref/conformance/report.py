"""Tell what a check found: JSON for programs, a table and counterexamples for people."""

import json
import math
import platform
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deconv_ref.conformance.compare import Verdict
from deconv_ref.conformance.elements import wrong_elements
from deconv_ref.conformance.equations import equation
from deconv_ref.conformance.explain import explanation_lines
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.runner import Result
from deconv_ref.conformance.script import call_text, write_script
from deconv_ref.conformance.taps import Tap
from deconv_ref.version import __version__
from deconv_ref.writing import write_whole

__all__ = [
    "COLOURS",
    "DIFFERS",
    "counterexample_text",
    "explain",
    "finite",
    "heading",
    "json_array",
    "json_report",
    "present",
    "print_table",
    "program",
    "reason",
    "throughput",
    "title",
    "together",
    "write_json",
]

DIFFERS = "*"
COLOURS = {
    Verdict.ABSENT: "dim",
    Verdict.CONFORMS: "green",
    Verdict.REFUSES: "yellow",
    Verdict.INEXACT: "yellow",
    Verdict.WRONG: "bold red",
    Verdict.CRASHES: "bold red",
}


def reason(result: Result) -> str:
    """Say in one line why a result has its verdict."""
    tally, verdict = result.tally, result.verdict
    if verdict is Verdict.ABSENT:
        declined = _declined(result)
        if declined:
            return f"declined every case: {declined}"
        return "not among the results" if result.offered else "no such function"
    differences = [f"{d} ({n} cases)" for d, n in tally.differences.most_common()]
    parts = ["differs by design: " + ", ".join(differences)] if differences else []
    if verdict is Verdict.CONFORMS:
        rounded = tally.cases - tally.exact
        parts += [f"{tally.exact} exact cases bit for bit"] if tally.exact else []
        parts += [f"{rounded} within {tally.of_bound:.2f} of the bound"] if rounded else []
    else:
        _, finding = tally.worst[verdict]
        guess = tally.explanation.guess
        parts = [
            finding.reason,
            *([guess] if guess else []),
            f"{tally.seen[verdict]} of {tally.cases} cases",
            *parts,
        ]
    wrong = tally.seen[Verdict.WRONG] if verdict > Verdict.WRONG else 0
    parts += [f"wrong in {wrong} others"] if wrong else []
    parts += [f"given up after {tally.cases} of {result.wanted} cases"] if tally.given_up else []
    changes = ", ".join(f"{what} ({n} cases)" for what, n in tally.changes.most_common())
    parts += [f"changes for the whole process: {changes}"] if changes else []
    parts += [f"{tally.late} of {tally.cases} cases slow at first"] if tally.late else []
    parts += [f"not offered: {_declined(result)}"] if result.unsupported else []
    if result.unsupported and tally.cases < result.wanted and verdict is not Verdict.CRASHES:
        parts.append(f"so only {tally.cases} of {result.wanted} cases were judged")
    return "; ".join(" ".join(part.split()) for part in parts)


def throughput(results: Sequence[Result], seconds: float, cpu_seconds: float | None = None) -> str:
    """Say how many cases were judged, how many in a second and, if told, in one of CPU time."""
    functions: dict[tuple[str, str, bool], int] = {}
    for result in results:
        call = (result.target, result.op, result.quantity in OPERATORS[result.op].gradients)
        functions[call] = max(functions.get(call, 0), result.tally.cases)
    cases = sum(functions.values())
    took = f"{seconds:.1f} s"
    if cpu_seconds is not None:
        took = f"{cpu_seconds:.1f} s of CPU time, {cases / cpu_seconds:.0f} in each, and {took}"
    return f"{cases} cases in {took}: {cases / seconds:.0f} a second"


def _declined(result: Result) -> str:
    return ", ".join(reason for reason, _ in result.unsupported.most_common())


def json_report(results: Sequence[Result], seed: int, command: str = "") -> dict[str, Any]:
    """Arrange results as the contract's JSON document; `command` is what finds them again."""
    return {
        "deconv_ref": __version__,
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "system": f"{platform.system()} {platform.machine()}".strip(),
        },
        "command": command,
        "seed": seed,
        "results": [_json_result(result) for result in results],
    }


def _json_result(result: Result) -> dict[str, Any]:
    tally = result.tally
    return {
        "target": result.target,
        "framework": result.framework,
        "version": result.version,
        "op": result.op,
        "quantity": result.quantity,
        "offered": result.offered,
        "cases": tally.cases,
        "exact": tally.exact,
        "refused": tally.seen[Verdict.REFUSES],
        "verdict": str(result.verdict),
        "reason": reason(result),
        "differences": dict(tally.differences.most_common()),
        "worst": _worst(result),
        "ulps": [[n if math.isfinite(n) else str(n), tally.ulps[n]] for n in sorted(tally.ulps)],
        "counterexample": _counterexample(result),
    }


def _worst(result: Result) -> dict[str, float | None]:
    """Largest errors: of all cases where they conform, else of the counterexample."""
    measured: Any = result.tally
    if result.verdict in result.tally.worst:
        measured = result.tally.worst[result.verdict][1]
    return {"ulp": finite(measured.ulp), "of_bound": finite(measured.of_bound)}


def finite(value: float) -> float | None:
    """Give a number that JSON has, or None."""
    return value if math.isfinite(value) else None


def _counterexample(result: Result) -> dict[str, Any] | None:
    if result.verdict not in result.tally.worst:
        return None
    case, finding = result.tally.worst[result.verdict]
    inputs = {}
    for name, operand in case.operands.items():
        array = operand.array()
        inputs[name] = json_array(operand.values)
        # Not `flags`: to those an array of one cell is contiguous however it was cut out.
        if array.strides != np.empty(array.shape, array.dtype).strides:
            inputs[name]["strides"] = [stride // array.itemsize for stride in array.strides]
    assert finding.expected is not None
    got = {"error": finding.reason} if finding.got is None else json_array(finding.got)
    return {
        "function": case.function,
        "parameters": dict(case.parameters),
        "inputs": inputs,
        "expected": json_array(finding.expected),
        "got": got,
        "wrong": wrong_elements(finding),
        "equation": equation(case, result.quantity),
        "element": None if finding.element is None else list(finding.element),
        "taps": [_json_tap(tap) for tap in result.tally.explanation.taps],
        "guess": result.tally.explanation.guess,
        "text": counterexample_text(result),
        "script": program(result),
    }


def _json_tap(tap: Tap) -> dict[str, Any]:
    """Arrange what feeds an element: indices by operand, and numbers where it is a product."""
    numbers = {"coefficient": tap.coefficient, "product": tap.product}
    return {
        "cells": {name: list(at) for name, at in tap.cells.items()},
        **{k: v if v is None or math.isfinite(v) else str(v) for k, v in numbers.items()},
    }


def program(result: Result, *others: Result) -> str:
    """Write the program that shows a result's counterexample."""
    case, finding = result.tally.worst[result.verdict]
    told = counterexample_text(result)
    return write_script(result.target, title(result, *others), told, case, result.quantity, finding)


def title(result: Result, *others: Result) -> str:
    """Name what does not conform: one quantity, or several that fail together."""
    quantities = [r.quantity for r in (result, *others)]
    framework = f"{result.framework} {result.version}".strip()
    return heading(framework, result.op, quantities, str(result.verdict))


def heading(framework: str, op: str, quantities: Sequence[str], verdict: str) -> str:
    """Spell which quantities of an operator of a framework have a verdict."""
    plural = "s" if len(quantities) > 1 else ""
    what = f"result{plural} {', '.join(quantities)}"
    if quantities[0] in OPERATORS[op].gradients:
        what = f"gradient{plural} of {', '.join(quantities)}"
    elif list(quantities) == ["forward"]:
        what = "result"
    return f"{framework}, {op}: {what} ({verdict})"


def json_array(array: NDArray[Any]) -> dict[str, Any]:
    """Arrange an array as the contract does."""
    # JSON has no NaN and no infinities: they travel as strings.
    data = [v if math.isfinite(v) else str(v) for v in array.ravel().tolist()]
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": data}


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    write_whole(path, f"{json.dumps(document, indent=1, allow_nan=False)}\n".encode())


def print_table(console: Console, results: Sequence[Result]) -> None:
    """Print verdicts, a row per operator and quantity that any has, a column per target."""
    columns = list(dict.fromkeys((r.target, r.framework, r.version) for r in results))
    rows = present((r.op, r.quantity, r.offered) for r in results)
    cells = {(r.target, r.op, r.quantity): mark(r) for r in results}
    fixed = 2 + max(len(op) for op, _ in rows) + max(len(q) for _, q in rows) + 6
    while columns:
        fitting, width = 0, fixed
        while fitting < len(columns):
            width += 3 + max(len(columns[fitting][1]), len(columns[fitting][2]), len("conforms*"))
            if fitting and width > console.width:
                break
            fitting += 1
        table = Table()
        table.add_column("operator", no_wrap=True)
        table.add_column("quantity", no_wrap=True)
        for _, framework, version in columns[:fitting]:
            table.add_column(Text(f"{framework}\n{version}"), no_wrap=True)
        for op, quantity in rows:
            verdicts = [cells[target, op, quantity] for target, _, _ in columns[:fitting]]
            table.add_row(op, quantity, *verdicts)
        console.print(table)
        columns = columns[fitting:]
    if any(r.tally.differences for r in results):
        console.print(f"{DIFFERS} differs by design in some cases, as documented", soft_wrap=True)


def present(offers: Iterable[tuple[str, str, bool]]) -> list[tuple[str, str]]:
    """List operators and quantities, but for those that no target has; all of them if none has."""
    rows: dict[tuple[str, str], bool] = {}
    for op, quantity, offered in offers:
        rows[op, quantity] = rows.get((op, quantity), False) or offered
    return [row for row, offered in rows.items() if offered] or list(rows)


def mark(result: Result) -> Text:
    """Spell a verdict for the table, with a star where documented differences were met."""
    star = DIFFERS if result.tally.differences else ""
    return Text(f"{result.verdict}{star}", style=COLOURS[result.verdict])


def explain(console: Console, results: Sequence[Result]) -> None:
    """Print why each result that does not conform has its verdict, with its counterexample."""
    for same in together(results):
        heading = Text(f"\n{title(*same)}", style=COLOURS[same[0].verdict])
        heading.append(f"\n  {reason(same[0])}", style="default")
        console.print(heading, soft_wrap=True)
        text = counterexample_text(same[0])
        console.print(Text(textwrap.indent(text, "    ")), soft_wrap=True)
    for result in results:
        if result.verdict is Verdict.CONFORMS and result.tally.differences:
            console.print(Text(f"\n{title(result)}\n  {reason(result)}"), soft_wrap=True)


def together(results: Sequence[Result]) -> list[list[Result]]:
    """Group what does not conform by what shows it: one call that fails may spoil all gradients."""
    groups: dict[Any, list[Result]] = {}
    for result in results:
        if result.verdict > Verdict.CONFORMS:
            case, finding = result.tally.worst[result.verdict]
            key = (result.target, case.key(), finding.reason)
            groups.setdefault(key, []).append(result)
    return list(groups.values())


def counterexample_text(result: Result) -> str:
    """Spell a call, its arrays, and what was made out of them, for a person to read."""
    case, finding = result.tally.worst[result.verdict]
    lines = [call_text(case)]
    shown = {name: (operand.values, operand.layout) for name, operand in case.operands.items()}
    for name, values in (("expected", finding.expected), ("got", finding.got)):
        if values is not None:
            shown[name] = values, "contiguous"
    for name, (values, layout) in shown.items():
        memory = "" if layout == "contiguous" else f" {layout}"
        numbers = " ".join(np.array2string(values, threshold=40, separator=", ").split())
        lines.append(f"{name:8} {values.dtype} {values.shape}{memory}: {numbers}")
    lines += explanation_lines(case, result.quantity, finding, result.tally.explanation)
    return "\n".join(lines)
