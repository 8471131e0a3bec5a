"""Checks sizes and types of pixels."""

from pathlib import Path
from typing import Any

import numpy as np

from segexp.rasters.faults import unreadable, unsupported

IMAGE_TYPES = ("uint8", "uint16")


def check_dtype(path: Path, dtype: np.dtype[Any], *, raw: bool) -> np.dtype[Any]:
    """Gives the type of the pixels in the byte order of this machine; bool becomes uint8.

    Args:
        path: The file.
        dtype: Type of the stored numbers.
        raw: Masks may hold any integers, what they mean is checked by their label map; images have 8 or 16 bits.

    Raises:
        DataError: Floating point or another type that is not taken.
    """
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.name in IMAGE_TYPES or (raw and dtype.kind in "iu"):
        return dtype.newbyteorder("=")
    if raw:
        raise unsupported(path, f"{dtype} numbers in a mask", "integers", "save class numbers as uint8")
    scale = "scale it to 0..65535" if dtype.kind == "f" else "bring its values into 0..65535"
    raise unsupported(path, f"{dtype} pixels", "uint8 or uint16", f"{scale} and save it as uint16")


def check_size(path: Path, height: int, width: int, channels: int) -> None:
    """Refuses an image without pixels.

    Raises:
        DataError: A side or the number of channels is zero.
    """
    if min(height, width, channels) < 1:
        raise unreadable(path, f"it has {height}x{width} pixels of {channels} channels: nothing is in it")
