"""Files of some bytes that declare more pixels than there is memory."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

SIDE = 60_000
Write = Callable[[Path], object]


def gif(*frames: tuple[int, int], screen: tuple[int, int] = (1, 1)) -> Write:
    """Frames that are to be disposed of, for which Pillow makes room on opening."""
    parts = [b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0)]
    for width, height in frames:
        parts += [b"!\xf9\x04\x08\0\0\0\0", b"," + struct.pack("<HHHHB", 0, 0, width, height, 0), b"\x02\x01\0\0"]
    return lambda path: path.write_bytes(b"".join(parts) + b";")


def bmp(bits: int, compression: int = 0, content: bytes = bytes(100), height: int = SIDE) -> Write:
    colours = b"".join(bytes((level, level, level, 0)) for level in range(2**bits)) if bits <= 8 else b""
    start = 54 + len(colours)
    head = struct.pack("<IiiHHIIiiII", 40, SIDE, height, 1, bits, compression, len(content), 0, 0, 0, 0)
    whole = b"BM" + struct.pack("<IHHI", start + len(content), 0, 0, start) + head + colours + content
    return lambda path: path.write_bytes(whole)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, stream: bytes, *more: bytes) -> bytes:
    """A PNG with this stream of pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def blank_png(depth: int, colour: int, *more: bytes, side: int = SIDE) -> Write:
    return lambda path: path.write_bytes(png(side, side, depth, colour, zlib.compress(bytes(1000)), *more))


def jpeg(marker: bytes, **options: bool) -> Write:
    """A small photograph whose header is made to declare another size."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "JPEG", **options)
    content = bytearray(stream.getvalue())
    place = content.index(marker) + 5
    content[place : place + 4] = struct.pack(">HH", SIDE, SIDE)
    return lambda path: path.write_bytes(content)


def webp(path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "WEBP")
    size = struct.pack("<I", 16_000 - 1)[:3] * 2
    parts = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + stream.getvalue()[12:]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(parts)) + parts)


def tiff(compression: int, content: bytes = bytes(100), side: int = SIDE, tile: int | None = None) -> Write:
    """RGB in one strip, or in tiles that all lie in one place."""
    count = 1 if tile is None else (-(-side // tile)) ** 2

    def tags(start: int) -> list[tuple[int, list[int]]]:
        where = [(273, [start]), (278, [side]), (279, [len(content)])]
        if tile is not None:
            where = [(322, [tile]), (323, [tile]), (324, [start] * count), (325, [len(content)] * count)]
        return [(256, [side]), (257, [side]), (258, [8] * 3), (259, [compression]), (262, [2]), (277, [3]), *where]

    def header(start: int) -> bytes:
        listed, entries, beyond = tags(start), b"", b""
        after = 8 + 2 + 12 * len(listed) + 4
        for tag, values in listed:
            packed = struct.pack(f"<{len(values)}I", *values)
            place = packed if len(packed) == 4 else struct.pack("<I", after + len(beyond))
            beyond += b"" if len(packed) == 4 else packed
            entries += struct.pack("<HHI", tag, 4, len(values)) + place
        return b"II*\0" + struct.pack("<IH", 8, len(listed)) + entries + bytes(4) + beyond

    return lambda path: path.write_bytes(header(len(header(0))) + content)


def text(words: bytes) -> Write:
    return lambda path: path.write_bytes(words)


DEFLATED = zlib.compress(bytes(1000))
BOMBS: dict[str, Write] = {
    "screen.gif": gif((65_535, 65_535), screen=(65_535, 65_535)),
    "frame.gif": gif((65_535, 65_535)),
    "plain.bmp": bmp(24),
    "upside_down.bmp": bmp(32, height=-SIDE),
    "one_bit.bmp": bmp(1),
    "run_lengths.bmp": bmp(8, 1, b"\0\2\xff\xff" * 200 + b"\0\1"),
    "run_lengths_4.bmp": bmp(4, 2, b"\xff\x11" * 200 + b"\0\1"),
    "colour.png": blank_png(8, 2),
    "deep.png": blank_png(16, 6),
    "indices.png": blank_png(1, 3, chunk(b"PLTE", bytes(6))),
    "largest.png": blank_png(1, 0, side=2**31 - 1),
    "base.jpg": jpeg(b"\xff\xc0"),
    "progressive.jpg": jpeg(b"\xff\xc2", progressive=True),
    "canvas.webp": webp,
    "plain.ppm": text(b"P3 60000 60000 255\n1 2 3 "),
    "bits.pbm": text(b"P4 60000 60000\n" + bytes(100)),
    "plain.pbm": text(b"P1 60000 60000\n1 0 1"),
    "deflate.tif": tiff(8, DEFLATED),
    "packbits.tif": tiff(32773, b"\x81\0" * 100),
    "lzw.tif": tiff(5),
    "tile.tif": tiff(8, DEFLATED, tile=SIDE),
}
