"""What pages show of a report's records, which are the `results` of its JSON document."""

import json
from collections.abc import Sequence
from typing import Any

from deconv_ref.conformance.report import DIFFERS, heading, present

__all__ = ["Record", "columns", "failures", "marked", "rows", "summary", "title"]

Record = dict[str, Any]
FINE = ("conforms", "absent")


def columns(records: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Name and version of each target, by what it was asked for as."""
    return {r["target"]: (r["framework"], r["version"]) for r in records}


def rows(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Operators and quantities that any target has."""
    return present((r["op"], r["quantity"], r["offered"]) for r in records)


def marked(record: Record) -> str:
    """Spell a verdict, with a star where documented differences were met."""
    return record["verdict"] + (DIFFERS if record["differences"] else "")


def failures(records: Sequence[Record]) -> list[list[Record]]:
    """Group what does not conform by what shows it: one call may spoil several quantities."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record["verdict"] not in FINE:
            shown = record["counterexample"]
            asked = [shown[name] for name in ("function", "parameters", "inputs")]
            key = json.dumps([record["target"], record["reason"], asked])
            groups.setdefault(key, []).append(record)
    return list(groups.values())


def title(same: Sequence[Record]) -> str:
    """Name what fails together."""
    first = same[0]
    framework = f"{first['framework']} {first['version']}".strip()
    return heading(framework, first["op"], [r["quantity"] for r in same], first["verdict"])


def summary(records: Sequence[Record]) -> str:
    """Count verdicts, the worst first."""
    verdicts = [record["verdict"] for record in records]
    order = ("crashes", "wrong", "inexact", "refuses", "conforms", "absent")
    return ", ".join(f"{verdicts.count(v)} {v}" for v in order if v in verdicts)
