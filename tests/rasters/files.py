"""Writes a small file of every format and kind, and says what stands in it."""

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]
HEIGHT, WIDTH = 37, 53


def pattern(
    channels: int = 3, high: int = 256, dtype: Any = np.uint8, height: int = HEIGHT, width: int = WIDTH
) -> Pixels:
    """Random numbers of 0..high-1 (H, W, C), the same at each call."""
    rng = np.random.default_rng(channels * 1000 + high)
    return rng.integers(0, high, (height, width, channels)).astype(dtype)


def pillow(pixels: Pixels, mode: str | None = None, **options: Any) -> Callable[[Path], Pixels]:
    def write(path: Path) -> Pixels:
        plain = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        image = Image.fromarray(plain)
        (image.convert(mode) if mode else image).save(path, **options)
        return pixels

    return write


def one_bit(path: Path) -> Pixels:
    """0 and 1."""
    pixels = pattern(1, 2)
    Image.fromarray(pixels[..., 0] > 0).save(path)
    return pixels


def palette(path: Path) -> Pixels:
    """Indices 0..4 with five colours, see PALETTE."""
    pixels = pattern(1, len(PALETTE))
    image = Image.fromarray(pixels[..., 0], mode="L")
    image.putpalette(PALETTE.ravel().tolist())
    image.save(path)
    return pixels


PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 30], [255, 255, 255]], np.uint8)


def with_opencv(pixels: Pixels) -> Callable[[Path], Pixels]:
    def write(path: Path) -> Pixels:
        order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.shape[2] > 1 else [0]
        assert cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., order]))
        return pixels

    return write


def packed_png(bits: int) -> Callable[[Path], Pixels]:
    """Grey of 2 or 4 bits, which no library at hand writes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def write(path: Path) -> Pixels:
        pixels = pattern(1, 2**bits)
        rows = b"".join(b"\0" + _packed(row, bits) for row in pixels[..., 0])
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
        parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
        return pixels

    return write


def _packed(row: Pixels, bits: int) -> bytes:
    digits = "".join(f"{int(value):0{bits}b}" for value in row)
    digits += "0" * (-len(digits) % 8)
    return bytes(int(digits[place : place + 8], 2) for place in range(0, len(digits), 8))


def tiff(pixels: Pixels, apart: bool = False, **options: Any) -> Callable[[Path], Pixels]:
    """Written by tifffile."""

    def write(path: Path) -> Pixels:
        stored = pixels.transpose(2, 0, 1) if apart else pixels
        options.setdefault("photometric", "rgb" if pixels.shape[2] == 3 else "minisblack")
        planar = ("separate" if apart else "contig") if pixels.shape[2] > 1 else None
        tifffile.imwrite(path, stored[..., 0] if pixels.shape[2] == 1 else stored, planarconfig=planar, **options)
        return pixels

    return write


def tiff_palette(path: Path) -> Pixels:
    pixels = pattern(1, len(PALETTE))
    colours = np.zeros((3, 256), np.uint16)
    colours[:, : len(PALETTE)] = PALETTE.T.astype(np.uint16) * 257
    tifffile.imwrite(path, pixels[..., 0], photometric="palette", colormap=colours)
    return pixels


def gdal(pixels: Pixels, **options: Any) -> Callable[[Path], Pixels]:
    """Written by rasterio."""

    def write(path: Path) -> Pixels:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning

        height, width, channels = pixels.shape
        shape = {"height": height, "width": width, "count": channels, "dtype": pixels.dtype}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="GTiff", **shape, **options) as file:
                file.write(pixels.transpose(2, 0, 1))
        return pixels

    return write


def npy(pixels: Pixels, flat: bool = False) -> Callable[[Path], Pixels]:
    def write(path: Path) -> Pixels:
        np.save(path, pixels[..., 0] if flat else pixels)
        return pixels

    return write


def pnm(kind: bytes, pixels: Pixels, white: int) -> Callable[[Path], Pixels]:
    def write(path: Path) -> Pixels:
        header = kind + b"\n# a comment\n%d %d\n%d\n" % (WIDTH, HEIGHT, white)
        path.write_bytes(header + pixels.astype(">u2" if white > 255 else "u1").tobytes())
        return pixels

    return write


def plain_pgm(path: Path) -> Pixels:
    pixels = pattern(1)
    rows = "\n".join(" ".join(map(str, row)) for row in pixels[..., 0].tolist())
    path.write_text(f"P2 {WIDTH} {HEIGHT} 255\n{rows}\n")
    return pixels


WIDE = {"height": 70, "width": 90}
U16 = {"high": 65536, "dtype": np.uint16}

MAPPED = {
    "strips.tif": tiff(pattern(3), rowsperstrip=5),
    "one_strip.tif": tiff(pattern(1)),
    "deep.tif": tiff(pattern(3, **U16), rowsperstrip=7),
    "big_endian.tif": tiff(pattern(2, **U16), byteorder=">"),
    "big.tif": tiff(pattern(3), bigtiff=True),
    "apart.tif": tiff(pattern(3), apart=True, rowsperstrip=4),
    "bands.tif": tiff(pattern(7)),
    "indices.tif": tiff_palette,
    "colour.npy": npy(pattern(3)),
    "grey.npy": npy(pattern(1), flat=True),
    "deep.npy": npy(pattern(4, **U16)),
    "big_endian.npy": npy(pattern(1, high=65536, dtype=">u2")),
    "fortran.npy": npy(np.asfortranarray(pattern(3))),
    "bool.npy": npy(pattern(1, 2).astype(bool), flat=True),
    "colour.ppm": pnm(b"P6", pattern(3), 255),
    "grey.pgm": pnm(b"P5", pattern(1), 255),
    "deep.ppm": pnm(b"P6", pattern(3, **U16), 65535),
    "deep.pgm": pnm(b"P5", pattern(1, high=4096, dtype=np.uint16), 4095),
    "labels.pgm": pnm(b"P5", pattern(1, 4), 3),
}
"""Files whose windows are copied out of a memory map."""
IN_PARTS = {
    "tiles.tif": tiff(pattern(3, **WIDE), tile=(32, 48)),
    "tiles_apart.tif": tiff(pattern(5, **WIDE), apart=True, tile=(32, 16), compression="zlib"),
    "deflate.tif": tiff(pattern(3, **WIDE), compression="zlib", predictor=True, rowsperstrip=16),
    "deep_deflate.tif": tiff(pattern(1, **U16, **WIDE), compression="zlib", tile=(32, 32), byteorder=">"),
    "lzw.tif": gdal(pattern(3, **WIDE), compress="lzw"),
    "zstd.tif": gdal(pattern(4, **WIDE), compress="zstd", tiled=True, blockxsize=32, blockysize=16),
    "packbits.tif": gdal(pattern(1, 3, **WIDE), compress="packbits"),
    "lzma.tif": gdal(pattern(3, **WIDE), compress="lzma"),
    "one_bit.tif": gdal(pattern(1, 2, **WIDE), nbits=1, compress="deflate"),
    "fax.tif": gdal(pattern(1, 2, **WIDE), nbits=1, compress="ccittfax4"),
    "four_bits.tif": gdal(pattern(1, 16, **WIDE), nbits=4),
    "twelve_bits.tif": gdal(pattern(2, high=4096, dtype=np.uint16, **WIDE), nbits=12),
    "white_is_zero.tif": gdal(pattern(1, **WIDE), photometric="miniswhite", compress="deflate"),
}
"""TIFF of which strips or tiles are decoded."""
WHOLE = {
    "grey.png": pillow(pattern(1)),
    "colour.png": pillow(pattern(3)),
    "alpha.png": pillow(pattern(4)),
    "grey_alpha.png": pillow(pattern(2)),
    "deep.png": pillow(pattern(1, **U16)),
    "deep_colour.png": with_opencv(pattern(3, **U16)),
    "deep_alpha.png": with_opencv(pattern(4, **U16)),
    "one_bit.png": one_bit,
    "two_bits.png": packed_png(2),
    "four_bits.png": packed_png(4),
    "indices.png": palette,
    "indices.gif": palette,
    "grey.gif": pillow(np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1).astype(np.uint8)),
    "colour.bmp": pillow(pattern(3)),
    "grey.bmp": pillow(pattern(1)),
    "indices.bmp": palette,
    "one_bit.bmp": one_bit,
    "one_bit.pbm": one_bit,
    "plain.pgm": plain_pgm,
}
"""Files that are decoded whole."""
ALL = {**MAPPED, **IN_PARTS, **WHOLE}
