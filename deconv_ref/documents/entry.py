"""The form of an entry of the ledger."""

from dataclasses import dataclass

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    """One thing that a document states, what holds, and where that is shown.

    Attributes
    ----------
    id : str
        As the code, the tests and the pages cite it: ``C2`` an equation, ``C-s1`` a slip, ``C-t1``
        a trouble that the document names, ``system-c`` a network.
    title : str
        What it is, in a few words.
    printed : str
        What the document says: LaTeX for an equation, letter by letter; else words, translated,
        and code in backquotes.
    corrected : str or None
        What holds, in the same form; None where it is right as printed. The remedy of a trouble.
    function : tuple of str
        Public names that compute it.
    test : str
        The test that shows it, as pytest names it.
    note : str
        What to know beside, in words.
    """

    id: str
    title: str
    printed: str
    corrected: str | None
    function: tuple[str, ...]
    test: str
    note: str = ""

    @property
    def document(self) -> str:
        """The letter of the document, A to E."""
        head, _, tail = self.id.rpartition("-")
        return (head if len(head) == 1 else tail[0]).upper()

    @property
    def kind(self) -> str:
        """What it is: "equation", "system", "slip" or "trouble"."""
        head, _, tail = self.id.rpartition("-")
        if len(head) == 1:
            return {"s": "slip", "t": "trouble"}[tail[0]]
        return "system" if head else "equation"
