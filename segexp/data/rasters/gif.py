"""The blocks of a GIF, looked at before Pillow opens it: opening alone makes room for the frames that are declared."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from segexp.data.rasters.faults import from_system, unreadable, unsupported
from segexp.data.rasters.limit import Limit

_FRAME, _EXTENSION, _END = 0x2C, 0x21, 0x3B


def check_gif(path: Path, limit: Limit) -> None:
    """Refuses a GIF that is broken off, an animation, or would take more than ``limit``; any other file passes.

    Raises:
        DataError: Says so.
    """
    try:
        with path.open("rb") as file:
            if file.read(6) in (b"GIF87a", b"GIF89a"):
                _check(path, file, limit)
    except OSError as error:
        raise from_system(path, error) from error


def _check(path: Path, file: BinaryIO, limit: Limit) -> None:
    try:
        width, height, flags = struct.unpack("<HHBxx", file.read(7))
        file.seek(_colours(flags), 1)
        frames = []
        for frame in _frames(file):
            frames.append(frame)
            if len(frames) > 1:
                raise unsupported(path, "an animation", "one image", "save its pictures as files")
    except (struct.error, IndexError, EOFError) as error:
        raise unreadable(path, "it breaks off between its blocks") from error
    if not frames:
        raise unreadable(path, "no picture is in it")
    left, top, wide, high = frames[0]
    width, height = max(width, left + wide), max(height, top + high)
    # The picture, its copy as an array, and one more that Pillow makes for what it thinks is the next frame.
    need = 2 * width * height + wide * high
    limit.check(path, need, f"decoding its {width}x{height} pixels (GIF)")


def _frames(file: BinaryIO) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height of each frame, to the end of the file.

    Raises:
        EOFError: A block ends beyond the file.
    """
    # Some programs leave the last byte out, which says nothing but that the file ends.
    while (kind := (file.read(1) or bytes([_END]))[0]) != _END:
        if kind == _FRAME:
            *place, flags = struct.unpack("<HHHHB", file.read(9))
            yield place[0], place[1], place[2], place[3]
            file.seek(_colours(flags) + 1, 1)
            _skip(file)
        elif kind == _EXTENSION:
            _byte(file)
            _skip(file)
        elif kind != 0:  # some programs leave an empty block between others
            raise EOFError


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip(file: BinaryIO) -> None:
    while length := _byte(file):
        if len(file.read(length)) < length:
            raise EOFError


def _byte(file: BinaryIO) -> int:
    found = file.read(1)
    if not found:
        raise EOFError
    return found[0]
