"""One file per model: named arrays and a document of JSON, in the safetensors format.

The format holds arrays and text and nothing that runs: reading a file executes none of it. The
document stands in the header's metadata, with a SHA-256 digest of everything, so that damage is
found wherever it is.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deconv_ref.errors import ParameterError, message
from deconv_ref.writing import write_whole

__all__ = ["read", "write"]

KEY = "deconv_ref.nn"
VERSION = 1  # of the document


def write(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], document: Mapping[str, Any]
) -> None:
    """Write a file as `write_whole` does: whole, or not at all.

    Parameters
    ----------
    path : str or path
        Where to.
    arrays : mapping of str to array
        The arrays, float32 or float64.
    document : mapping of str to object
        What JSON can hold, by name.

    Raises
    ------
    ParameterError
        If JSON cannot hold it; the message names the part.
    OSError
        If the file cannot be written.
    """
    from safetensors.numpy import save

    document = {name: _plain(name, value) for name, value in document.items()}
    contents = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {"version": VERSION, "sha256": _digest(contents, document), "document": document}
    write_whole(path, save(contents, metadata={KEY: json.dumps(header)}))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Any]:
    """Read a file that `write` wrote.

    Parameters
    ----------
    path : str or path
        Where from.

    Returns
    -------
    arrays : dict of str to array
        The arrays, read-only.
    document : object
        What came with them.

    Raises
    ------
    ParameterError
        If there is no such file, or it is damaged or none of deconv_ref's; the message says which.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise fault(f"{error.strerror}: {path}", "Pass the path of a saved model") from None
    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a dtype NumPy lacks
        got = f"{path}, which is cut short, damaged or in another format ({error})"
        raise fault(got, "Restore the file, or save the model again") from None
    if KEY not in metadata:
        got = f"{path}, a safetensors file of another program"
        raise fault(got, "Build the network and give it these arrays by set_weights")
    try:
        header = json.loads(metadata[KEY])
        version, document = header["version"], header["document"]
        whole = header["sha256"] == _digest(arrays, document)
    except (ValueError, KeyError, TypeError, RecursionError):
        version, document, whole = VERSION, None, False
    if version != VERSION:
        got = f"{path}, whose document has version {version}, not {VERSION}"
        raise fault(got, "Read it with the version of deconv_ref that wrote it")
    if not whole:
        got = f"{path}, whose contents do not have the digest written beside them"
        raise fault(got, "The file is damaged: restore it, or save the model again")
    return arrays, document


def fault(got: str, remedy: str) -> ParameterError:
    """Make the error of a file that holds no model.

    Parameters
    ----------
    got : str
        What is wrong with it.
    remedy : str
        What to do.

    Returns
    -------
    ParameterError
        The error, to be raised.
    """
    return ParameterError(message("load", "path", "a model saved by deconv_ref.nn", got, remedy))


def _plain(name: str, value: Any) -> Any:
    """Give a value as JSON gives it back: tuples as lists, keys as texts."""
    wanted, remedy = "what JSON can hold", "Use texts, plain numbers, lists, and dicts of them"
    try:
        return json.loads(json.dumps(value), object_pairs_hook=_distinct)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(
            message("save", name, wanted, f"what it cannot ({error})", remedy)
        ) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict; keys that are one in JSON, as 1 and "1" are, would lose a value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"two keys of one text among {[key for key, _ in pairs]}")
    return found


def _digest(arrays: Mapping[str, Any], document: Any) -> str:
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{json.dumps(name)} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
