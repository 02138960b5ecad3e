"""The command ``deconv-ref documents``."""

from typing import Annotated

import typer

from deconv_ref.commands.usage import one_line_errors

__all__ = ["documents"]


def documents(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Entries, or documents A to E.")
    ] = None,
) -> None:
    """List the documents' equations, systems, slips and troubles, or tell all of some."""
    from deconv_ref.documents import text

    with one_line_errors():
        print(text(ids or ()))
