"""One flipped bit gives the same pixels or a refusal, wherever a file carries checksums."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segexp.errors import DataError, UserError
from segexp.rasters import close_files, open_raster, opening
from segexp.rasters.formats import checksums
from tests.rasters.bombs import chunk, png
from tests.rasters.files import Pixels, gdal

FLIPS = 160


def smooth() -> Pixels:
    """Colours as of a photograph, which compress."""
    steps = np.random.default_rng(0).integers(0, 3, (48, 56, 3))
    return np.cumsum(steps, axis=1).astype(np.uint8)


def flipped(path: Path, first: int, last: int) -> tuple[int, int, int]:
    """How many of the flips between two bytes are refused, harmless, and wrong."""
    content, right = path.read_bytes(), open_raster(path).read()
    bits = np.random.default_rng(1).choice(np.arange(8 * first, 8 * last), FLIPS, replace=False)
    refused = same = wrong = 0
    for bit in bits.tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        copy = path.with_name(f"{bit}{path.suffix}")
        copy.write_bytes(damaged)
        close_files()
        try:
            found = open_raster(copy).read()
        except UserError as error:
            assert str(copy) in str(error)
            refused += 1
        else:
            same += bool(np.array_equal(found, right))
            wrong += not np.array_equal(found, right)
        copy.unlink()
    return refused, same, wrong


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "I;16"])
def test_png(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    picture = Image.fromarray(smooth())
    if mode == "I;16":
        Image.fromarray(smooth()[..., 0].astype(np.uint16) * 200).save(path)
    else:
        picture.convert(mode).save(path)
    refused, same, wrong = flipped(path, 0, path.stat().st_size)
    assert (refused + same, wrong) == (FLIPS, 0)
    assert refused > FLIPS - 5


KINDS = ("deflate", "lzma", "predictor")


@pytest.mark.parametrize(("kind", "rasterio"), [("lerc", True), *((k, r) for k in KINDS for r in (True, False))])
def test_blocks_of_a_tiff(tmp_path: Path, kind: str, rasterio: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    if kind == "lerc":
        gdal(smooth(), compress="lerc", tiled=True, blockxsize=32, blockysize=32)(path)
    else:
        options = {"compression": "lzma"} if kind == "lzma" else {"compression": "zlib"}
        tifffile.imwrite(path, smooth(), photometric="rgb", tile=(32, 32), predictor=kind == "predictor", **options)
    if not rasterio:
        monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    with tifffile.TiffFile(path) as file:
        places = list(zip(file.pages.first.dataoffsets, file.pages.first.databytecounts, strict=True))
    first, last = min(start for start, _ in places), max(start + count for start, count in places)
    assert sum(count for _, count in places) > 0.9 * (last - first)
    refused, same, wrong = flipped(path, first, last)
    assert (refused + same, wrong) == (FLIPS, 0)
    assert refused > FLIPS // 2


def stream_of(pixels: Pixels) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


def test_a_stream_with_another_checksum_in_a_chunk_that_fits(tmp_path: Path) -> None:
    """Only the checksum of the stream itself (Adler-32) tells: whoever changed it made those of the chunks anew."""
    height, width, _ = smooth().shape
    stream = bytearray(stream_of(smooth()))
    path = tmp_path / "a.png"
    path.write_bytes(png(width, height, 8, 2, bytes(stream)))
    assert np.array_equal(open_raster(path).read(), smooth())
    stream[-1] ^= 1
    (tmp_path / "b.png").write_bytes(png(width, height, 8, 2, bytes(stream)))
    with pytest.raises(DataError, match=r"b\.png: cannot be read as an image .*incorrect data check"):
        open_raster(tmp_path / "b.png").read()
    (tmp_path / "c.png").write_bytes(png(width, height, 8, 2, bytes(stream[:-4])))
    with pytest.raises(DataError, match=r"c\.png: .*breaks off before its checksum"):
        open_raster(tmp_path / "c.png").read()
    (tmp_path / "d.png").write_bytes(png(width, height, 8, 2, stream_of(smooth()[:-1])))
    with pytest.raises(DataError, match=r"d\.png: .*its pixels are \d+ bytes, its header says \d+"):
        open_raster(tmp_path / "d.png").read()


def test_a_chunk_beside_the_pixels_counts_too(tmp_path: Path) -> None:
    """The orientation of a photograph may stand in one, also behind the pixels."""
    height, width, _ = smooth().shape
    whole, end = png(width, height, 8, 2, stream_of(smooth())), chunk(b"IEND", b"")
    broken = bytearray(chunk(b"tEXt", b"Comment\0fine"))
    broken[-1] ^= 1
    (tmp_path / "a.png").write_bytes(whole.removesuffix(end) + broken + end)
    with pytest.raises(DataError, match="checksum of its chunk 'tEXt' does not fit"):
        open_raster(tmp_path / "a.png").read()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 9), (17, 8)])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_sizes_of_interlaced_pixels(size: tuple[int, int], depth: int) -> None:
    """Counted by hand: each pixel belongs to one of the seven passes."""
    height, width = size
    order = np.array([[1, 6, 4, 6, 2, 6, 4, 6], [7] * 8, [5, 6] * 4, [7] * 8,
                      [3, 6, 4, 6, 3, 6, 4, 6], [7] * 8, [5, 6] * 4, [7] * 8])  # fmt: skip
    passes = np.tile(order, (-(-height // 8), -(-width // 8)))[:height, :width]
    expected = 0
    for number in range(1, 8):
        rows = (passes == number).sum(axis=1)
        expected += sum(1 + (int(count) * depth + 7) // 8 for count in rows if count)
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 1)
    assert checksums._size_of_pixels(header) == expected


def test_a_whole_file_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png")
    raster = open_raster(tmp_path / "a.png")
    raster.read()
    monkeypatch.setattr(checksums, "_check_png", lambda file: pytest.fail("checked again"))
    assert np.array_equal(raster.window(3, 5, 20, 30), smooth()[3:23, 5:35])
