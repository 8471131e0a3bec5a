"""Damaged, missing and unsuitable files: an error that names the file, its size and what to do, and never zeros."""

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile

from segexp.errors import DataError
from segexp.rasters import open_raster, opening
from tests.rasters.files import ALL, IN_PARTS, gdal, pattern


def jpeg(**options: object) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(cv2.GaussianBlur(pattern(3), (0, 0), 2)).save(path, **options)


WITH_JPEG: dict[str, Callable[[Path], object]] = {
    **ALL,
    "base.jpg": jpeg(),
    "progressive.jpg": jpeg(progressive=True),
    "jpeg.tif": gdal(pattern(3, height=64, width=64), compress="jpeg", tiled=True, blockxsize=32, blockysize=32),
}


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", WITH_JPEG)
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    WITH_JPEG[name](path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError) as caught:
        open_raster(path).window(0, 0, 30, 40)
    pattern = rf": .*\({path.stat().st_size} bytes.*[Cc]opy it again from its source$"
    assert re.match(re.escape(str(path)) + pattern, str(caught.value)), caught.value


@pytest.mark.parametrize("name", IN_PARTS)
def test_so_without_rasterio(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    IN_PARTS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read as an image"):
        open_raster(tmp_path / name).read()


@pytest.mark.parametrize("rasterio", [True, False])
def test_strips_that_end_beyond_the_file_although_its_header_is_whole(
    tmp_path: Path, rasterio: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not rasterio:
        monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    path = tmp_path / "a.tif"
    for options in ({}, {"compression": "zlib", "rowsperstrip": 4}, {"rowsperstrip": 4}):
        tifffile.imwrite(path, pattern(3), photometric="rgb", **options)
        with tifffile.TiffFile(path) as file:
            cut = file.pages.first.dataoffsets[-1] + file.pages.first.databytecounts[-1] - 1
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(
            DataError, match=r"a\.tif: cannot be read .*\d+ bytes; (1 of \d+ strips or tiles end beyond|its)"
        ):
            open_raster(path)


@pytest.mark.parametrize("rasterio", [True, False])
def test_damage_inside_a_compressed_strip(tmp_path: Path, rasterio: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not rasterio:
        monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pattern(3), photometric="rgb", compression="zlib", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        start = file.pages.first.dataoffsets[1]
    content = bytearray(path.read_bytes())
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    raster = open_raster(path)
    assert np.array_equal(raster.window(0, 0, 10, 53), pattern(3)[:10])
    with pytest.raises(DataError, match=r"a\.tif: cannot be read as an image \(\d+ bytes; .*copy it again"):
        raster.window(5, 0, 10, 10)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:rasterio")
def test_strips_that_were_never_written(tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / "a.tif"
    shape = {"height": 64, "width": 64, "count": 1, "dtype": "uint8", "blockxsize": 32, "blockysize": 32}
    transform = rasterio.transform.from_origin(0, 0, 2, 2)
    with rasterio.open(path, "w", driver="GTiff", tiled=True, sparse_ok=True, transform=transform, **shape) as file:
        file.write(np.ones((1, 32, 32), np.uint8), window=((0, 32), (0, 32)))
    with pytest.raises(DataError, match=r"3 of 4 strips or tiles were never written\)\. Write it again without gaps"):
        open_raster(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("<html>404 not found</html>")


def folder(path: Path) -> None:
    path.mkdir()


def nothing(path: Path) -> None:
    pass


def no_rows(path: Path) -> None:
    np.save(path, np.zeros((0, 5, 3), np.uint8))


def no_width(path: Path) -> None:
    path.write_bytes(b"P5 0 5 255\n")


def no_height(path: Path) -> None:
    """A PNG of height 0; decoders differ in what they say of it."""
    content = bytearray(_png())
    content[20:24] = struct.pack(">I", 0)
    path.write_bytes(content)


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(pattern(3)).save(file, "PNG")
    return file.getvalue()


def floats(path: Path) -> None:
    np.save(path, np.zeros((5, 5), np.float32))


def float_tiff(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((5, 5), np.float32))


def objects(path: Path) -> None:
    np.save(path, np.array([[None]]), allow_pickle=True)


def vector(path: Path) -> None:
    np.save(path, np.zeros(5, np.uint8))


def channels_first(path: Path) -> None:
    np.save(path, np.zeros((3, 100, 100), np.uint8))


def ink_jpeg(path: Path) -> None:
    Image.fromarray(pattern(3)).convert("CMYK").save(path, "JPEG")


def ink_tiff(path: Path) -> None:
    tifffile.imwrite(path, pattern(4), photometric="separated")


def animation(path: Path) -> None:
    frames = [Image.fromarray(pattern(1, high=high)[..., 0]) for high in (100, 200)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])


def stack(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((4, 10, 10), np.uint8), photometric="minisblack")


def complex_tiff(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((5, 5), np.complex64))


FAULTS: dict[Callable[[Path], None], str] = {
    nothing: r"no such file$",
    folder: r"is a folder, expected an image file$",
    empty: r"cannot be read as an image \(0 bytes; it is empty\)\. It is truncated or no image: copy it again from",
    text: r"cannot be read as an image \(26 bytes; a web page in place of the image\)\. .*: copy it again from its",
    no_rows: r"cannot be read as an image \(128 bytes; it has 0x5 pixels of 3 channels: nothing is in it\)",
    no_width: r"cannot be read as an image \(11 bytes; it has 5x0 pixels of 1 channels: nothing is in it\)",
    no_height: r"cannot be read as an image \(\d+ bytes; ",
    floats: r"found float32 pixels \(228 bytes\), expected uint8 or uint16; scale it to 0\.\.65535 and save it as",
    float_tiff: r"found float32 pixels \(\d+ bytes\), expected uint8 or uint16; scale it to 0\.\.65535 and save it as",
    complex_tiff: r"found complex64 pixels \(\d+ bytes\), expected uint8 or uint16; bring its values into 0\.\.65535",
    objects: r"found an array of Python objects, which .* never opened \(\d+ bytes\), expected an array of numbers",
    vector: r"found an array of shape \(5,\) \(133 bytes\), expected \(H, W\) or \(H, W, C\)",
    channels_first: r"found an array of shape \(3, 100, 100\) .*; move the channels to the end$",
    ink_jpeg: r"found CMYK inks in a JPEG \(\d+ bytes\), expected grey, palette or RGB; convert it, for example",
    ink_tiff: r"found CMYK inks \(\d+ bytes\), expected grey or RGB; convert it to RGB$",
    animation: r"found an animation \(\d+ bytes\), expected one image; save its pictures as files$",
    stack: r"found 4 pages of the same size \(\d+ bytes\), expected one image; save each as a file, or all as",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_the_file_its_size_and_what_to_do(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    path = tmp_path / ("a.npy" if fault in (no_rows, floats, objects, vector, channels_first) else "a.bin")
    fault(path)
    with pytest.raises(DataError) as caught:
        open_raster(path)
    assert re.match(re.escape(str(path)) + ": " + FAULTS[fault], str(caught.value)), caught.value


def test_float_masks_are_refused_too(tmp_path: Path) -> None:
    floats(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"found float32 numbers in a mask .* expected integers; save class numbers as"):
        open_raster(tmp_path / "a.npy", raw=True)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ALL["colour.png"](tmp_path / "a.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a\.png: no permission to read it \(\d+ bytes\); allow it"):
        open_raster(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["strips.tif", "lzw.tif", "colour.npy"])
def test_a_file_that_shrinks_after_it_was_opened(tmp_path: Path, name: str) -> None:
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)
    (tmp_path / name).write_bytes(b"short")
    with pytest.raises(DataError, match=r"cannot be read as an image \(5 bytes; "):
        raster.read()


@pytest.mark.parametrize("name", ["strips.tif", "lzw.tif", "colour.png", "grey.npy"])
def test_a_file_that_goes_after_it_was_opened(tmp_path: Path, name: str) -> None:
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"{name}: no such file"):
        raster.read()


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.full((5, 5), 1, np.uint8))
    assert open_raster(path).read().max() == 1
    np.save(tmp_path / "b.npy", np.full((6, 6), 2, np.uint8))
    (tmp_path / "b.npy").replace(path)
    assert open_raster(path).read().shape == (6, 6, 1)
    assert open_raster(path).read().min() == 2


def test_others_cannot_make_pillow_fill_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg()(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DataError, match="truncated"):
        open_raster(tmp_path / "a.jpg").read()
