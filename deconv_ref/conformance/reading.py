"""Read a report that ``deconv-ref check --json`` wrote, or somebody else's."""

import json
from pathlib import Path
from typing import Any

from deconv_ref.errors import DeconvRefError

__all__ = ["VERDICTS", "ReportError", "read_json", "read_report"]

VERDICTS = ("conforms", "refuses", "absent", "inexact", "wrong", "crashes")
TEXTS = ("framework", "version", "op", "quantity", "verdict", "reason")


class ReportError(DeconvRefError):
    """A file that holds no report."""


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        The document, with ``results`` that have at least who, what, verdict and reason.

    Raises
    ------
    ReportError
        If the file holds something else.
    OSError
        If it cannot be read.
    """
    document = read_json(path)
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list):
        raise ReportError(f"{path}: no report: deconv-ref check --json writes one")
    for number, record in enumerate(results):
        texts = [record.get(name) for name in TEXTS] if isinstance(record, dict) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise ReportError(f"{path}: results[{number}] must have texts {', '.join(TEXTS)}")
        if record["verdict"] not in VERDICTS:
            known = ", ".join(VERDICTS)
            raise ReportError(
                f"{path}: results[{number}] has verdict {record['verdict']!r}; known: {known}"
            )
    return document


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ReportError
        If it holds no JSON.
    OSError
        If it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # not text, not JSON, or nested without end
        raise ReportError(f"{path}: no JSON: {error}") from error
