"""IDX files of unsigned bytes, plain or packed by gzip: the format of MNIST and its kin (LeCun et al. 1998)."""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from segexp.rasters.faults import check_regular, from_system, unreadable, unsupported
from segexp.rasters.limit import image_limit

UNSIGNED_BYTE = 0x08
"""Code of the only type that is read; the others (signed, wider, floating point) hold no pixels of MNIST."""
MOST_AXES = 4

Stream = BinaryIO | gzip.GzipFile


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Reads all numbers of a file; its header decides how many, and no more than these are unpacked.

    The header is big-endian: two bytes of 0, the code of the type, the number of axes, then the size of each axis in 4
    bytes.

    Args:
        path: The file, packed or not, whatever its name ends in.

    Returns:
        uint8 in the shape of the header: (N, H, W) of images, (N,) of labels.

    Raises:
        DataError: It is missing, damaged, no IDX file of unsigned bytes, or larger than one file may be.
    """
    check_regular(path)
    try:
        with path.open("rb") as raw:
            if raw.read(2) != b"\x1f\x8b":
                raw.seek(0)
                return _numbers(path, raw)
            raw.seek(0)
            with gzip.open(raw) as unpacked:
                return _numbers(path, unpacked)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise unreadable(path, error) from error
    except OSError as error:
        raise from_system(path, error) from error


def _numbers(path: Path, stream: Stream) -> NDArray[np.uint8]:
    shape = _shape(path, stream)
    size = math.prod(shape)
    image_limit().check(path, size, f"its {'x'.join(map(str, shape))} numbers")
    # One more than there should be: a longer file is another one than its header says.
    content = stream.read(size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else str(len(content))
        raise unreadable(path, f"its header says {size} numbers, it holds {found}")
    return np.frombuffer(bytearray(content), np.uint8).reshape(shape)  # of bytes it could not be written to


def _shape(path: Path, stream: Stream) -> tuple[int, ...]:
    """Sizes of the axes from the header."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= MOST_AXES:
        raise unsupported(path, f"a beginning of {magic.hex(' ') or 'nothing'}", "an IDX file", "copy it again")
    if magic[2] != UNSIGNED_BYTE:
        raise unsupported(path, f"numbers of type 0x{magic[2]:02x}", "unsigned bytes (0x08)", "use MNIST's own files")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise unreadable(path, "it ends within its header")
    return tuple(int.from_bytes(sizes[start : start + 4], "big") for start in range(0, len(sizes), 4))


def write_idx(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Writes numbers uint8 as an IDX file, packed where the name ends in ``.gz``; the same bytes at every call."""
    header = bytes([0, 0, UNSIGNED_BYTE, numbers.ndim]) + b"".join(size.to_bytes(4, "big") for size in numbers.shape)
    content = header + np.ascontiguousarray(numbers).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
