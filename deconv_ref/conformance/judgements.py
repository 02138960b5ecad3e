"""What is thought of the findings in docs/findings.md.

A judgement is of a release: it says what that release's documentation says. When a finding is gone,
its judgement goes too, and what has none is printed as not yet judged.
"""

import re
from enum import Enum
from typing import Any, NamedTuple

__all__ = ["JUDGEMENTS", "Judgement", "Kind", "judgement_of"]


class Kind(Enum):
    """What a finding is taken for."""

    BUG = "bug"
    DIFFERENCE = "undocumented difference"
    HOLE = "hole in the specification"


class Judgement(NamedTuple):
    """What is thought of a finding.

    Parameters
    ----------
    target : str
        The framework, as the checker is asked for it.
    shows : str
        Regular expression, found in the line "operator quantity: reason" or in the counterexample's
        text below it.
    kind : Kind
        What it is taken for.
    says : str
        What the framework documents, and where, in Markdown.
    threads : tuple of str
        Where others have reported it, as owner/name#number.
    """

    target: str
    shows: str
    kind: Kind
    says: str
    threads: tuple[str, ...] = ()


JUDGEMENTS = (
    Judgement(
        "torch",
        r"^pixel_unshuffle forward: shape \(0,",
        Kind.BUG,
        "`torch.nn.PixelUnshuffle` gives `C r²` channels of `H / r` by `W / r`, with no exception for "
        "an empty batch; here the input's shape comes back. `pixel_shuffle` does it right.",
        ("pytorch/pytorch#192816",),
    ),
    Judgement(
        "torch",
        r"^gelu forward: .*expected inf, got nan",
        Kind.BUG,
        "`torch.nn.functional.gelu` is `x Φ(x)`, and Φ is 1 at infinity. Longer arrays and float64 "
        "give infinity.",
        ("pytorch/pytorch#185770",),
    ),
)
"""Judgements, of which the first that fits counts."""


def judgement_of(record: dict[str, Any]) -> Judgement | None:
    """Find what is thought of a result.

    Parameters
    ----------
    record : dict
        A result with its counterexample, from a report.

    Returns
    -------
    Judgement or None
        The first judgement that fits; None if there is none.
    """
    shown = record["counterexample"]["text"]
    told = f"{record['op']} {record['quantity']}: {record['reason']}\n{shown}"
    for judgement in JUDGEMENTS:
        if judgement.target == record["target"] and re.search(judgement.shows, told):
            return judgement
    return None
