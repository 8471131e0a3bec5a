"""Files that hold bare arrays after a short header: .npy, binary PPM and PGM."""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from segexp.rasters.base import Header, Raster
from segexp.rasters.faults import unreadable, unsupported
from segexp.rasters.formats.mapped import MappedRaster, PixelLayout
from segexp.rasters.pixel_types import check_dtype, check_size

_NUMBER = rb"(?:\s|#[^\n]*\n)+(\d+)"
_PNM = re.compile(rb"(P[56])" + _NUMBER * 3 + rb"\s")


def open_npy(path: Path, file: BinaryIO, state: tuple[int, int], *, raw: bool) -> Raster:
    """Opens an array (H, W) or (H, W, C) that ``numpy.save`` wrote.

    Raises:
        DataError: Other axes or types.
    """
    try:
        version = check_header_size(file, state[0])
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # numpy lets Python's own parser read it, which has errors of its own
        raise unreadable(path, error) from error
    if dtype.hasobject:
        advice = "save the array of pixels alone; of Cellpose take _cp_masks.png"
        raise unsupported(path, "an array of Python objects, which is never opened", "an array of numbers", advice)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] < 16 and shape[2] > 64):
        raise unsupported(path, f"an array of shape {shape}", "(H, W) or (H, W, C)", "move the channels to the end")
    height, width, channels = (*shape, 1)[:3]
    check_size(path, height, width, channels)
    native = check_dtype(path, dtype, raw=raw)
    header = Header(path, height, width, channels, native, "NumPy array", state)
    return MappedRaster(
        header, PixelLayout(file.tell(), dtype, (height, width, channels), "F" if fortran else "C"), raw=raw
    )


def check_header_size(file: BinaryIO, size: int) -> tuple[int, int]:
    """Gives the version of an array file, and leaves the file behind it.

    Args:
        file: At its first byte.
        size: Bytes of the file: numpy makes room for a header of whatever length is declared.

    Raises:
        ValueError: It is none of numpy's, or its header is longer than the file.
    """
    version: tuple[int, int] = npy_format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"its version is {version[0]}.{version[1]}, expected 1.0, 2.0 or 3.0")
    place = file.tell()
    declared = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if declared > size:
        raise ValueError(f"its header is said to have {declared} bytes")
    file.seek(place)
    return version


def open_pnm(path: Path, file: BinaryIO, state: tuple[int, int], *, raw: bool) -> Raster:
    """Opens a binary PGM or PPM of 8 or 16 bits.

    Raises:
        DataError: Its header is no such header.
    """
    start = file.read(4096)
    match = _PNM.match(start)
    if match is None:
        raise unreadable(path, "no width, height and greatest value after P5 or P6")
    width, height, white = (int(number) for number in match.groups()[1:])
    channels = 3 if match[1] == b"P6" else 1
    check_size(path, height, width, channels)
    if not 0 < white < 65536:
        raise unreadable(path, f"its greatest value is {white}")
    dtype = np.dtype(">u2" if white > 255 else "u1")
    kind = "PPM" if channels == 3 else "PGM"
    header = Header(path, height, width, channels, dtype.newbyteorder("="), kind, state, white=white)
    return MappedRaster(header, PixelLayout(match.end(), dtype, (height, width, channels)), raw=raw)
