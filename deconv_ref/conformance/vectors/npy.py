"""Arrays as ``.npy`` files, version 1.0: row-major, little-endian, the same bytes everywhere."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

__all__ = ["npy_bytes", "read_npy"]


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Give the content of a file that holds an array."""
    little = np.array(array, array.dtype.newbyteorder("<"), order="C")
    file = io.BytesIO()
    npy.write_array(file, little, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def read_npy(path: Path) -> NDArray[Any]:
    """Read a file, whatever its order of axes and bytes.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    array
        In row-major order and this machine's byte order.

    Raises
    ------
    ValueError
        If it holds no array, or less of it than it says.
    OSError
        If it cannot be read.
    """
    # Mapped, a file that is shorter than it says is refused before memory is asked for.
    try:
        mapped = npy.open_memmap(path, mode="r")
    except (ValueError, OverflowError, SyntaxError, TypeError) as error:
        raise ValueError(f"no whole .npy file ({error})") from error
    return np.array(mapped, mapped.dtype.newbyteorder("="), order="C", subok=False)
