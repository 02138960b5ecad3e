"""The command ``deconv-ref vectors``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deconv_ref.commands.usage import UsageError, choose_judged

__all__ = ["vectors"]


class DType(StrEnum):
    """The dtypes of the files: ``.npy`` has no bfloat16."""

    float32 = "float32"
    float64 = "float64"
    float16 = "float16"


def vectors(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    op: Annotated[list[str] | None, typer.Option(help="Operator; again for more.")] = None,
    cases: Annotated[int, typer.Option(min=1, max=9999, help="Per function.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes the same bytes.")] = 0,
    dtype: Annotated[DType | None, typer.Option(help="Default: float32 and float64.")] = None,
) -> None:
    """Write test vectors: cases and right results as files, for programs in any language.

    `judge` tells whether what a program makes of them is right.
    """
    from deconv_ref.conformance.vectors.export import write_vectors
    from deconv_ref.writing import whole_folder

    ops = choose_judged(op, dtype)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already: name a new folder, or empty it yourself")
    if not folder.parent.is_dir():
        raise UsageError(f"cannot write {folder}: {folder.parent} is no folder")
    dtypes = (dtype.value,) if dtype else ("float32", "float64")
    with whole_folder(folder) as partial:
        index = write_vectors(partial, ops, cases, seed, dtypes)
    functions = len({record["function"] for record in index["cases"]})
    print(f"{folder}: {len(index['cases'])} cases of {functions} functions")
