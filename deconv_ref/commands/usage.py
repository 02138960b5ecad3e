"""What a command does when it was called wrongly: one line, and a status."""

import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from deconv_ref.errors import DeconvRefError

__all__ = ["UsageError", "check_writable", "choose", "one_line_errors"]


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
