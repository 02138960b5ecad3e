"""Files that are written whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["whole_folder", "write_whole"]


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole, or leave the one that is there as it is.

    The bytes go to a new file in the same folder and, once they are on the disk, take its name. A
    process that is killed on the way leaves the new file, ``.<name>.<random>.tmp``, behind. A link
    stays a link: the file that it leads to is written. So does a device or a pipe, which is
    written into.

    Parameters
    ----------
    path : str or path
        Where to.
    content : bytes
        All that the file is to hold.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "file")
    ...     write_whole(path, b"content")
    ...     path.read_bytes()
    b'content'
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Fill a folder that is there whole or not at all.

    Parameters
    ----------
    path : str or path
        The folder; if there is one already, it is empty.

    Yields
    ------
    path
        A new folder beside it, ``.<name>.<random>.tmp``, which takes its name if nothing fails. A
        process that is killed on the way leaves it behind.

    Raises
    ------
    OSError
        If it cannot be written, or holds something by then.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    partial.mkdir()
    try:
        yield partial
        if target.is_dir():
            target.rmdir()  # nothing but an empty one
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Put a new name on the disk too, where folders can be opened for that."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
