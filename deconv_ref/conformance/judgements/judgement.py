"""What a judgement of a finding is."""

from enum import Enum
from typing import NamedTuple

__all__ = ["Judgement", "Kind"]


class Kind(Enum):
    """What a finding is taken for."""

    BUG = "bug"
    DIFFERENCE = "undocumented difference"
    HOLE = "hole in the specification"


class Judgement(NamedTuple):
    """What is thought of a finding.

    Parameters
    ----------
    targets : str
        Frameworks, as the checker is asked for them, with spaces between.
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

    targets: str
    shows: str
    kind: Kind
    says: str
    threads: tuple[str, ...] = ()
