"""Checks the sizes that a GIF or WebP declares before Pillow opens it: opening alone makes room for the pictures."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from segexp.rasters.faults import from_system, unreadable, unsupported
from segexp.rasters.limit import Limit

OF_COMMENT = 4
"""Bytes of a byte of comments, which Pillow puts together bit by bit."""
OF_WEBP = 23
"""Bytes of a pixel: two canvases of four, the bytes on their way out, Pillow's picture, and the array."""
_FRAME, _EXTENSION, _END = 0x2C, 0x21, 0x3B


def check_declared(path: Path, limit: Limit) -> None:
    """Refuses a GIF that is broken off or an animation, and a GIF or WebP that would take more than ``limit``.

    Any other file passes.

    Raises:
        DataError: Says so.
    """
    try:
        with path.open("rb") as file:
            start = file.read(30)
            if start.startswith((b"GIF87a", b"GIF89a")):
                file.seek(6)
                _check_gif(path, file, limit)
            elif start.startswith(b"RIFF") and start[8:12] == b"WEBP":
                _check_webp(path, start, limit)
    except OSError as error:
        raise from_system(path, error) from error


def _check_gif(path: Path, file: BinaryIO, limit: Limit) -> None:
    try:
        width, height, flags = struct.unpack("<HHBxx", file.read(7))
        file.seek(_colours(flags), 1)
        frames, words = [], 0
        for block in _blocks(file):
            if isinstance(block, int):
                words += block
                continue
            frames.append(block)
            if len(frames) > 1:
                raise unsupported(path, "an animation", "one image", "save its pictures as files")
    except (struct.error, IndexError, EOFError) as error:
        raise unreadable(path, "it breaks off between its blocks") from error
    if not frames:
        raise unreadable(path, "no picture is in it")
    left, top, wide, high = frames[0]
    width, height = max(width, left + wide), max(height, top + high)
    # The picture, its copy as an array, and one more that Pillow makes for what it thinks is the next frame.
    pixels = 2 * width * height + wide * high
    limit.check(path, pixels, f"decoding its {width}x{height} pixels (GIF)")
    limit.check(path, pixels + OF_COMMENT * words, f"its {words} bytes of comments (GIF)")


def _check_webp(path: Path, start: bytes, limit: Limit) -> None:
    """Of the three forms of the first chunk; what is none of them is left to the decoder."""
    kind, width, height = start[12:16], 0, 0
    if len(start) < 30:
        raise unreadable(path, "it breaks off in its header")
    if kind == b"VP8X":
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (number & 0x3FFF for number in struct.unpack("<HH", start[26:30]))
    words = f"decoding its {width}x{height} pixels (WEBP)"
    limit.check(path, OF_WEBP * width * height, words)


def _blocks(file: BinaryIO) -> Iterator[tuple[int, int, int, int] | int]:
    """Left, top, width and height of each frame, and the bytes of each other block, to the end of the file.

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
            yield _skip(file)
        elif kind != 0:  # some programs leave an empty block between others
            raise EOFError


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip(file: BinaryIO) -> int:
    """Passes over the parts of a block; gives their bytes."""
    passed = 0
    while length := _byte(file):
        passed += length
        if len(file.read(length)) < length:
            raise EOFError
    return passed


def _byte(file: BinaryIO) -> int:
    found = file.read(1)
    if not found:
        raise EOFError
    return found[0]
