"""Checksums that files carry and decoders do not enforce: a flipped bit must be an error, not another pixel.

Pillow reads the pixels of a PNG without their checksums, GDAL stops a zlib stream before its own. Each file, or strip
or tile of it, is checked once in a process.
"""

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from segexp.rasters.faults import from_system, unreadable

State = tuple[int, int]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20
_SLACK = 1 << 16
_TOO_MUCH = "it unfolds to more than its pixels"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers of a pixel by the colour type of a PNG."""
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Of an interlaced PNG: first row, first column, and the steps of both."""
_KNOWN: set[tuple[str, State]] = set()
"""PNG files of this process that are whole."""


class DamagedError(ValueError):
    """A checksum does not fit, or data is missing."""


def check_png(path: Path, state: State) -> None:
    """Checks every chunk of a PNG, and the stream of its pixels.

    Args:
        path: The file.
        state: Its size and time of change.

    Raises:
        DataError: It is damaged.
    """
    key = (str(path), state)
    if key in _KNOWN:
        return
    try:
        with path.open("rb") as file:
            _check_png(file)
    except OSError as error:
        raise from_system(path, error) from error
    except (DamagedError, struct.error, zlib.error) as error:
        raise unreadable(path, error) from error
    _KNOWN.add(key)


def _check_png(file: BinaryIO) -> None:
    if file.read(8) != _SIGNATURE:
        raise DamagedError("it does not begin as a PNG")
    pixels, needed = _Inflated(), 0
    for kind, content in _chunks(file):
        if kind == b"IHDR":
            needed = _size_of_pixels(content)
        elif kind == b"IDAT":
            pixels.add(content)
    pixels.end(needed)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks, those of pixels in pieces.

    Raises:
        DamagedError: One has another checksum than it says, or the file ends before the last.
    """
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            raise DamagedError("it ends before its last chunk")
        left, kind = struct.unpack(">I4s", head)
        # Of a length that is damaged itself no more is read than the file holds.
        found = zlib.crc32(kind)
        pieces = []
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise DamagedError("it ends inside a chunk")
            left -= len(piece)
            found = zlib.crc32(piece, found)
            if kind == b"IDAT":
                yield kind, piece
            elif kind == b"IHDR":
                pieces.append(piece)
        if file.read(4) != struct.pack(">I", found):
            name = kind.decode("ascii", "replace")
            raise DamagedError(f"the checksum of its chunk {name!r} does not fit: it was changed after it was written")
        if kind == b"IHDR":
            yield kind, b"".join(pieces)


def _size_of_pixels(header: bytes) -> int:
    """Bytes of the rows, each with the number of its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _SAMPLES.get(colour, 1)
    if not interlaced:
        return int(height * (1 + (width * bits + 7) // 8))
    total = 0
    for top, left, down, across in _PASSES:
        rows, columns = -((top - height) // down), -((left - width) // across)
        total += rows * (1 + (columns * bits + 7) // 8) if rows > 0 and columns > 0 else 0
    return total


class _Inflated:
    """A zlib stream that is looked through and not kept."""

    def __init__(self, most: int | None = None) -> None:
        """Begins; ``most`` is how many bytes it may unfold to, None: any, which takes time and no memory."""
        self._stream = zlib.decompressobj()
        self._size = 0
        self._most = most

    def add(self, content: bytes) -> None:
        """The next bytes; whatever they unfold to, a piece of it is in memory at a time."""
        while content and not self._stream.eof:
            self._size += len(self._stream.decompress(content, _PIECE))
            if self._most is not None and self._size > self._most:
                raise DamagedError(_TOO_MUCH)
            content = self._stream.unconsumed_tail

    def end(self, needed: int) -> None:
        """Says that there is no more.

        Raises:
            DamagedError: The stream has not ended with its checksum, or is too short.
        """
        while not self._stream.eof and (more := self._stream.decompress(self._stream.unconsumed_tail, _PIECE)):
            self._size += len(more)
        if not self._stream.eof:
            raise DamagedError("the stream of its pixels breaks off before its checksum")
        if self._size < needed:
            raise DamagedError(f"its pixels are {self._size} bytes, its header says {needed}")


def check_block_sum(encoded: bytes, compression: str, size: int) -> None:
    """Checks a strip or tile of a TIFF, as far as its compression has checksums.

    Args:
        encoded: As it lies in the file.
        compression: Its name in tifffile, lower case.
        size: Bytes that it should unfold to, or less.

    Raises:
        DamagedError: It is damaged, or unfolds to far more.
    """
    check = _BLOCKS.get(compression)
    if check is not None:
        try:
            check(encoded, _SLACK + 2 * size)
        except (zlib.error, lzma.LZMAError, EOFError) as error:
            raise DamagedError(str(error)) from error


def _zlib(encoded: bytes, most: int) -> None:
    stream = _Inflated(most)
    stream.add(encoded)
    stream.end(0)


def _xz(encoded: bytes, most: int) -> None:
    # A dictionary that is declared is made room for: 256 MB are twice what the strongest preset takes.
    stream = lzma.LZMADecompressor(memlimit=1 << 28)
    size = len(stream.decompress(encoded, _PIECE))
    while not stream.eof:
        found = len(stream.decompress(b"", _PIECE))
        size += found
        if not found and stream.needs_input:
            raise DamagedError("it breaks off before its checksum")
        if size > most:
            raise DamagedError(_TOO_MUCH)


def _zstd(encoded: bytes, most: int) -> None:
    # Descriptor of the first frame: bit 2 says that it ends with a checksum.
    if encoded[:4] != b"\x28\xb5\x2f\xfd" or not encoded[4] & 4:
        return
    try:
        import imagecodecs
    except ImportError:
        return
    try:
        imagecodecs.zstd_decode(encoded, out=most)
    except RuntimeError as error:
        raise DamagedError(str(error)) from error


_BLOCKS: dict[str, Callable[[bytes, int], None]] = {
    "deflate": _zlib, "adobe_deflate": _zlib, "lzma": _xz, "zstd": _zstd,
}  # fmt: skip
WITH_CHECKSUMS = frozenset(_BLOCKS)
"""Compressions of TIFF, by their names in tifffile, of which blocks are checked."""
