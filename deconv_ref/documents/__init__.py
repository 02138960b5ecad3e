"""The five documents: what they state, what holds, their networks, and remedies for troubles.

`ledger` joins the entries of `document_a` to `document_e`; `systems` and `algorithm` build what the
documents build, and `remedies` measures what helps.
"""

from deconv_ref.documents.algorithm import Fitted, algorithm_b
from deconv_ref.documents.entry import Entry
from deconv_ref.documents.ledger import DOCUMENTS, LEDGER, describe, page, text
from deconv_ref.documents.remedies import (
    border_level,
    checkerboard,
    errors_on_other_images,
    overlaps,
    restoration_errors,
    signal_after,
)
from deconv_ref.documents.systems import system_a, system_c, system_d1, system_d2, system_e

__all__ = [
    "DOCUMENTS",
    "LEDGER",
    "Entry",
    "Fitted",
    "algorithm_b",
    "border_level",
    "checkerboard",
    "describe",
    "errors_on_other_images",
    "overlaps",
    "page",
    "restoration_errors",
    "signal_after",
    "system_a",
    "system_c",
    "system_d1",
    "system_d2",
    "system_e",
    "text",
]
