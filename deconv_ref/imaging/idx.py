"""The idx files of MNIST and of the data sets made in its image."""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deconv_ref.errors import ParameterError, message

__all__ = ["read_idx"]

GZIP = b"\x1f\x8b"
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.generic]:
    r"""Read an idx file, the format of MNIST.

    Four bytes (0, 0, type, D), then D sizes of four bytes each, then the values in row-major order;
    every number big-endian. The file is whole only if its length is

    .. math:: 4 + 4 D + b \prod_d n_d

    bytes, b being the bytes of one value.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed by gzip, whatever its name.

    Returns
    -------
    array of the sizes in the file
        The values as stored: uint8, int8, int16, int32, float32 or float64. Of MNIST uint8, images
        ``(N, H, W)`` and labels ``(N,)``.

    Raises
    ------
    ParameterError
        If the file cannot be opened, is no idx file, is damaged, or is shorter or longer than it
        says.

    See Also
    --------
    read_image : Reads image files.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.idx")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    content = _content(path)
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not magic[3]:
        raise _fault(path, f"it begins with {magic!r}")
    dtype, start = np.dtype(DTYPES[magic[2]]), 4 + 4 * magic[3]
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    length = start + dtype.itemsize * math.prod(sizes)
    if len(content) != length:
        reason = f"it has {len(content)} bytes where its sizes {sizes} ask for {length}"
        raise _fault(path, reason)
    values = np.frombuffer(content, dtype, offset=start).reshape(sizes)
    return values.astype(dtype.newbyteorder("="))


def _content(path: str | os.PathLike[str]) -> bytes:
    """Read a file, and uncompress it if need be."""
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP) else content
    except (OSError, EOFError, zlib.error, TypeError, ValueError) as error:
        raise _fault(path, str(error)) from None


def _fault(path: object, reason: str) -> ParameterError:
    return ParameterError(message("read_idx", "path", "a whole idx file", f"{path!s}: {reason}"))
