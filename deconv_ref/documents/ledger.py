"""The ledger: every equation, network, slip and trouble of the five documents, as data."""

from collections.abc import Iterable
from textwrap import fill, wrap

from deconv_ref.documents import document_a, document_b, document_c, document_d, document_e
from deconv_ref.documents.entry import Entry
from deconv_ref.errors import ParameterError, message

__all__ = ["DOCUMENTS", "LEDGER", "describe", "page", "text"]

DOCUMENTS = {
    "A": "Compression and restoration by deconvolution",
    "B": "Image enhancement by deconvolution",
    "C": "Image repair by deconvolutional networks",
    "D": "CNNs in compression and reconstruction",
    "E": "Super-resolution by deconvolution",
}

LEDGER: tuple[Entry, ...] = (
    *document_a.ENTRIES,
    *document_b.ENTRIES,
    *document_c.ENTRIES,
    *document_d.ENTRIES,
    *document_e.ENTRIES,
)

KINDS = {
    "equation": "Equations",
    "system": "Networks and algorithms",
    "slip": "What does not hold as printed",
    "trouble": "Troubles and remedies",
}
WIDTH = 100

INTRODUCTION = """\
# The documents' ledger

Five documents ask for what deconv_ref computes. Here is what they state, what of it holds, and
which function and which test of ours show it. An id such as C2 means the same in code, tests and
pages. The ledger is data, `deconv_ref.documents.LEDGER`; this page is made of it by
`python -m deconv_ref.documents`.
"""


def describe(entry: Entry) -> str:
    r"""Write an entry as a paragraph for a terminal.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    str
        Lines of up to 100 characters, unless a name is longer.

    Examples
    --------
    >>> print(describe(LEDGER[0]))
    A1  One layer: convolution, bias, activation
      printed    y = f(W \ast x + b)
      corrected  right as printed
      function   deconv_ref.conv, deconv_ref.nn.Conv, deconv_ref.nn.Relu
      test       tests/test_documents_slips.py::test_a1_a_layer_is_convolution_bias_and_activation
      note       Printed as the model of deconvolution, it is that of every convolution layer; a
                 deconvolution layer has the transpose of W in its place (B1).
    """
    remedied = "remedy" if entry.kind == "trouble" else "corrected"
    rows = {
        "printed": entry.printed,
        remedied: entry.corrected or "right as printed",
        "function": ", ".join(entry.function),
        "test": entry.test,
        "note": entry.note,
    }
    lines = [f"{entry.id}  {entry.title}"]
    for name, value in rows.items():
        if value:
            lines.append(_hanging(f"  {name:9}  ", value))
    return "\n".join(lines)


def text(ids: Iterable[str] = ()) -> str:
    """Write the ledger for a terminal.

    Parameters
    ----------
    ids : iterable of str
        Entries to describe, or letters of documents for all of theirs; case does not matter.
        Without any, there is a line for each entry.

    Returns
    -------
    str
        The text.

    Raises
    ------
    ParameterError
        If an id is of no entry.

    Examples
    --------
    >>> print(text(["b-s4"]))
    B-s4  Sizes without padding
      printed    x is 5x5, w is 3x3, padding is 0, and the result is 5x5.
      corrected  The result is 7x7; a padding of 1 cuts a pixel off around it, which leaves 5x5.
      function   deconv_ref.conv_transpose
      test       tests/test_ledger.py::test_b_widens_its_image_unless_it_is_padded
    """
    entries: list[Entry] = []
    for name in ids:
        found = [e for e in LEDGER if name.lower() in (e.id.lower(), e.document.lower())]
        if not found:
            wanted = "ids of the ledger or letters of documents, A to E"
            remedy = "Without any, all ids are listed"
            raise ParameterError(message("text", "ids", wanted, repr(name), remedy))
        entries += [entry for entry in found if entry not in entries]
    return "\n\n".join(map(describe, entries)) or _overview()


def page() -> str:
    """Write the ledger as a page, in Markdown with mathematics as GitHub shows it.

    Returns
    -------
    str
        The text of docs/documents.md.
    """
    parts = [INTRODUCTION]
    for letter, title in DOCUMENTS.items():
        parts.append(f"## {letter}: {title}\n")
        for kind, heading in KINDS.items():
            entries = [e for e in LEDGER if (e.document, e.kind) == (letter, kind)]
            if entries:
                parts += [f"### {heading} ({letter})\n", *map(_section, entries)]
    return "\n".join(parts)


def _overview() -> str:
    """List all entries by document."""
    lines = []
    for letter, title in DOCUMENTS.items():
        lines.append(f"\n{letter}  {title}")
        lines += [f"   {e.id:11}  {e.title}" for e in LEDGER if e.document == letter]
    return "\n".join(lines)[1:]


def _section(entry: Entry) -> str:
    """Write an entry for the page."""
    statement = _formula if entry.kind == "equation" else _words
    printed = "As printed" if entry.corrected else "As printed, and right"
    lines = [f"#### {entry.id}: {entry.title}\n", statement(printed, entry.printed)]
    if entry.corrected:
        heading = "Remedy" if entry.kind == "trouble" else "Corrected"
        lines.append(statement(heading, entry.corrected))
    if entry.note:
        lines.append(_words("Note", entry.note))
    functions = ", ".join(f"`{name}`" for name in entry.function)
    return "\n".join([*lines, _hanging("- ", f"Ours: {functions}"), f"- Test: `{entry.test}`\n"])


def _formula(heading: str, latex: str) -> str:
    return f"{heading}:\n\n```math\n{latex}\n```\n"


def _words(heading: str, words: str) -> str:
    paragraph = f"**{heading}.** {words}"
    return fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _hanging(start: str, words: str) -> str:
    """Wrap words after a start, below each other."""
    lines = wrap(words, WIDTH - len(start), break_long_words=False, break_on_hyphens=False)
    return start + f"\n{'':{len(start)}}".join(lines)
