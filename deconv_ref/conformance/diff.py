"""What a new release broke or mended: two reports, result by result."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deconv_ref.conformance.reading import ReportError

__all__ = ["KINDS", "Change", "compare_reports", "diff_json", "diff_text"]

KINDS = ("worse", "better", "changed", "gone", "new", "same")
RANKS = {"conforms": 0, "refuses": 1, "absent": 1, "inexact": 2, "wrong": 3, "crashes": 4}

Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """A quantity of an operator of a framework, then and now.

    Attributes
    ----------
    framework, op, quantity : str
        What was judged.
    kind : str
        ``"worse"``, ``"better"``, ``"changed"`` (from absent to refused, or back), ``"gone"`` (not
        in the new report), ``"new"`` (in that alone) or ``"same"``.
    old, new : mapping or None
        Its record in each report.
    """

    framework: str
    op: str
    quantity: str
    kind: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None

    @property
    def reason(self) -> str:
        """What is wrong now or, where it is mended, what was."""
        told = self.old if self.kind in ("better", "gone") else self.new
        return str(told["reason"]) if told else ""


def compare_reports(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Compare two reports.

    Parameters
    ----------
    old, new : mapping
        As `deconv_ref.conformance.reading.read_report` gives them.

    Returns
    -------
    list of Change
        In the new report's order, what is gone at the end. Frameworks are known by their names,
        whatever their versions.

    Raises
    ------
    ReportError
        If they have nothing in common.
    """
    before, after = _keyed(old["results"]), _keyed(new["results"])
    if not before.keys() & after.keys():
        raise ReportError("the reports have no framework and operator in common")
    keys = [*after, *(key for key in before if key not in after)]
    return [
        Change(*key[:3], _kind(before.get(key), after.get(key)), before.get(key), after.get(key))
        for key in keys
    ]


def diff_text(changes: Sequence[Change]) -> str:
    """Tell changes to people: per framework a heading, then a line for each, then how many."""
    lines = []
    heading = None
    for change in sorted(changes, key=lambda c: (c.framework, KINDS.index(c.kind))):
        if change.kind == "same":
            continue
        title = f"{change.framework} {_versions(change)}".strip()
        if title != heading:
            lines.append(title)
            heading = title
        verdicts = " -> ".join(r["verdict"] for r in (change.old, change.new) if r)
        reason = f"; {change.reason}" if change.kind in ("worse", "better", "changed") else ""
        lines.append(f"  {change.kind:7} {change.op} {change.quantity}: {verdicts}{reason}")
    counts = Counter(change.kind for change in changes)
    lines.append(", ".join(f"{counts[kind]} {kind}" for kind in KINDS))
    return "\n".join(map(_printable, lines))


def diff_json(
    changes: Sequence[Change], old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrange changes for programs."""
    counts = Counter(change.kind for change in changes)
    return {
        "old": _made(old),
        "new": _made(new),
        "counts": {kind: counts[kind] for kind in KINDS},
        "changes": [
            {
                "framework": change.framework,
                "op": change.op,
                "quantity": change.quantity,
                "change": change.kind,
                "old": _told(change.old),
                "new": _told(change.new),
            }
            for change in changes
            if change.kind != "same"
        ],
    }


def _keyed(results: Sequence[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    """Name each record; files of one name are told apart by their order."""
    keyed: dict[Key, Mapping[str, Any]] = {}
    times: Counter[Any] = Counter()
    for record in results:
        name = (record["framework"], record["op"], record["quantity"])
        keyed[*name, times[name]] = record
        times[name] += 1
    return keyed


def _kind(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        if "absent" in [record["verdict"] for record in (old, new) if record]:
            return "same"  # nothing came of it in the other report either
        return "gone" if new is None else "new"
    before, after = RANKS[old["verdict"]], RANKS[new["verdict"]]
    if before != after:
        return "worse" if after > before else "better"
    return "same" if old["verdict"] == new["verdict"] else "changed"


def _versions(change: Change) -> str:
    versions = dict.fromkeys(r["version"] for r in (change.old, change.new) if r)
    return " -> ".join(version for version in versions if version)


def _printable(line: str) -> str:
    """Take out what would steer a terminal: reports come from anywhere."""
    return "".join(sign if sign.isprintable() else " " for sign in line)


def _made(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in ("deconv_ref", "seed", "command")}


def _told(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {name: record[name] for name in ("version", "verdict", "reason")}
