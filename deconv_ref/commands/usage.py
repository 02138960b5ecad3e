"""What a command does when it was called wrongly: one line, and a status."""

import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from deconv_ref.errors import DeconvRefError

__all__ = ["UsageError", "check_writable", "choose", "choose_judged", "one_line_errors"]


class UsageError(Exception):
    """The command itself was wrong; the message is one line."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Tell what the package has to complain about as the command's own complaint."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # it warns of files before we refuse them
        try:
            yield
        except DeconvRefError as error:
            raise UsageError(" ".join(str(error).split())) from error


def check_writable(path: Path) -> None:
    """Ask for a file in a folder that can be written.

    Raises
    ------
    UsageError
        If it is none.
    """
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"cannot write {path}: it must be a file in a folder that can be written")


def choose(what: str, names: list[str] | None, known: Collection[str]) -> tuple[str, ...]:
    """Check names, and give each once; all there are if none was given."""
    for name in names or ():
        if name not in known:
            raise UsageError(f"unknown {what} {name!r}; known: {', '.join(known)}")
    return tuple(dict.fromkeys(names or known))


def choose_judged(names: list[str] | None, dtype: str | None) -> tuple[str, ...]:
    """Check names of operators that are to be judged in a dtype: in half precision not all are.

    Raises
    ------
    UsageError
        If one is unknown, or not judged in this dtype, or what has the dtype is not installed.
    """
    from deconv_ref.conformance.floating import HALVES, named
    from deconv_ref.conformance.halves import in_half_precision
    from deconv_ref.conformance.operators import OPERATORS

    if dtype not in HALVES:
        return choose("operator", names, OPERATORS)
    with one_line_errors():
        named(dtype)
    judged = in_half_precision(OPERATORS)
    for name in choose("operator", names, OPERATORS) if names else ():
        if name not in judged:
            raise UsageError(f"--dtype {dtype} is not for {name}; it is for {', '.join(judged)}")
    return choose("operator", names, judged)
