"""Every format and kind: the header says what is there, and the stored numbers come out as they were written."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from segexp.errors import DataError, MissingExtraError
from segexp.rasters import Raster, as_grey, as_rgb, open_raster, opening, read_grey, read_rgb
from segexp.rasters.formats.whole import PillowTiffRaster
from segexp.rasters.tiff import gdal_raster as gdal_file
from segexp.rasters.tiff import header
from segexp.rasters.tiff.gdal_raster import GdalRaster
from segexp.rasters.tiff.tifffile_raster import SegmentsRaster
from tests.rasters.files import ALL, HEIGHT, IN_PARTS, MAPPED, PALETTE, WIDTH, gdal, pattern, pillow


@pytest.mark.parametrize("name", ALL)
def test_stored_numbers_come_out_as_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    written = ALL[name](path)
    raster = open_raster(path, raw=True)
    pixels = raster.read()
    assert np.array_equal(pixels, written)
    assert pixels.dtype == raster.dtype == (np.uint8 if written.dtype == bool else written.dtype.newbyteorder("="))
    assert (raster.height, raster.width, raster.channels) == written.shape
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous
    assert raster.mapped == (name in MAPPED)


@pytest.mark.parametrize("name", IN_PARTS)
def test_tifffile_reads_the_same_without_rasterio(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = IN_PARTS[name](tmp_path / name)
    assert isinstance(open_raster(tmp_path / name), GdalRaster)
    if name == "fax.tif" and 4 not in tifffile.TIFF.DECOMPRESSORS:
        pytest.skip("tifffile and imagecodecs decode fax from 2026.3 on")
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    raster = open_raster(tmp_path / name, raw=True)
    assert isinstance(raster, SegmentsRaster)
    assert np.array_equal(raster.read(), written)
    shown = open_raster(tmp_path / name)
    monkeypatch.undo()
    assert np.array_equal(shown.read(), open_raster(tmp_path / name).read())


PILLOW = ["lzw.tif", "packbits.tif", "one_bit.tif", "fax.tif", "four_bits.tif", "white_is_zero.tif"]


@pytest.mark.parametrize("name", PILLOW)
def test_pillow_reads_the_same_without_rasterio_and_codecs(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = IN_PARTS[name](tmp_path / name)
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    monkeypatch.setattr(header, "_has_codecs", lambda page: False)
    raster = open_raster(tmp_path / name, raw=True)
    assert isinstance(raster, PillowTiffRaster)
    assert np.array_equal(raster.read(), written)


def test_an_extra_is_asked_for_where_nothing_else_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep.tif"
    gdal(pattern(5, high=65536, dtype=np.uint16), compress="zstd")(path)
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    monkeypatch.setattr(header, "_has_codecs", lambda page: False)
    with pytest.raises(
        MissingExtraError, match=r"deep\.tif: a TIFF of 16 bits and compression zstd .*pip install 'segexp\[geo\]'"
    ):
        open_raster(path)


def test_a_compression_that_gdal_lacks_goes_to_tifffile(tmp_path: Path) -> None:
    path = tmp_path / "jp2.tif"
    pixels = pattern(3, height=64, width=64)
    tifffile.imwrite(path, pixels, compression="jpeg2000", photometric="rgb", tile=(32, 32))
    raster = open_raster(path)
    assert isinstance(raster, SegmentsRaster)
    assert np.array_equal(raster.window(10, 20, 30, 40), pixels[10:40, 20:60])


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_agrees_with_opencv(tmp_path: Path, mode: str) -> None:
    smooth = cv2.GaussianBlur(pattern(3), (0, 0), 3)
    Image.fromarray(smooth).convert(mode).save(tmp_path / "a.jpg", quality=90)
    raster = open_raster(tmp_path / "a.jpg")
    assert raster.channels == len(mode)
    flag = cv2.IMREAD_COLOR if mode == "RGB" else cv2.IMREAD_GRAYSCALE
    expected = cv2.imread(str(tmp_path / "a.jpg"), flag).reshape(HEIGHT, WIDTH, -1)[:, :, ::-1]  # BGR
    assert int(cv2.absdiff(raster.read(), expected).max()) <= 2


def test_jpeg_inside_a_tiff_is_rgb_for_both_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = cv2.GaussianBlur(pattern(3, height=64, width=64), (0, 0), 4)
    gdal(smooth, compress="jpeg", photometric="ycbcr", tiled=True, blockxsize=32, blockysize=32)(tmp_path / "a.tif")
    by_gdal = open_raster(tmp_path / "a.tif").read()
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    by_tifffile = open_raster(tmp_path / "a.tif").read()
    assert int(cv2.absdiff(by_gdal, by_tifffile).max()) <= 6
    assert float(cv2.absdiff(by_gdal, smooth).mean()) < 5


WORDS = {
    "colour.png": "RGB uint8 53x37 PNG",
    "alpha.png": "4 channels uint8 53x37 PNG",
    "grey_alpha.png": "grey and alpha uint8 53x37 PNG",
    "deep.png": "grey uint16 53x37 PNG",
    "one_bit.png": "1-bit uint8 53x37 PNG",
    "indices.gif": "palette uint8 53x37 GIF",
    "colour.bmp": "RGB uint8 53x37 BMP",
    "strips.tif": "RGB uint8 53x37 TIFF, strips, uncompressed",
    "tiles.tif": "RGB uint8 90x70 TIFF, tiles 48x32, uncompressed",
    "tiles_apart.tif": "5 channels uint8 90x70 TIFF, tiles 16x32, deflate, bands apart",
    "lzw.tif": "RGB uint8 90x70 TIFF, strips, lzw",
    "deep.ppm": "RGB uint16 53x37 PPM",
    "grey.npy": "grey uint8 53x37 NumPy array",
}


@pytest.mark.parametrize("name", WORDS)
def test_described_in_words(tmp_path: Path, name: str) -> None:
    ALL[name](tmp_path / name)
    assert open_raster(tmp_path / name).describe() == WORDS[name]


@pytest.mark.parametrize("name", ["indices.png", "indices.gif", "indices.bmp", "indices.tif"])
def test_palette_images_show_their_colours(tmp_path: Path, name: str) -> None:
    indices = ALL[name](tmp_path / name)[..., 0]
    shown, stored = open_raster(tmp_path / name), open_raster(tmp_path / name, raw=True)
    assert (shown.channels, stored.channels) == (3, 1)
    assert np.array_equal(shown.read(), PALETTE[indices])
    for raster in (shown, stored):
        assert raster.palette is not None
        assert np.array_equal(raster.palette[: len(PALETTE)], PALETTE)


def test_a_palette_of_greys_shows_one_channel(tmp_path: Path) -> None:
    indices = pattern(1, 2)
    image = Image.fromarray(indices[..., 0])
    image.putpalette([40, 40, 40, 200, 200, 200])
    image.save(tmp_path / "a.png")
    shown = open_raster(tmp_path / "a.png")
    assert shown.channels == 1
    assert np.array_equal(shown.read(), np.where(indices == 1, 200, 40))


WHITE = {"one_bit.png": 1, "two_bits.png": 3, "four_bits.png": 15, "one_bit.tif": 1, "labels.pgm": 3}


@pytest.mark.parametrize(("name", "white"), WHITE.items())
def test_few_bits_are_shown_up_to_255(tmp_path: Path, name: str, white: int) -> None:
    stored = ALL[name](tmp_path / name)
    assert np.array_equal(open_raster(tmp_path / name).read(), stored * (255 // white))


def test_white_is_zero_is_shown_inverted(tmp_path: Path) -> None:
    stored = ALL["white_is_zero.tif"](tmp_path / "a.tif")
    assert np.array_equal(open_raster(tmp_path / "a.tif").read(), 255 - stored)
    with Image.open(tmp_path / "a.tif") as image:
        assert np.array_equal(np.array(image)[..., None], 255 - stored)


def test_integers_of_any_size_are_for_masks_only(tmp_path: Path) -> None:
    labels = pattern(1, 9).astype(np.int64)
    np.save(tmp_path / "a.npy", labels[..., 0])
    tifffile.imwrite(tmp_path / "a.tif", labels[..., 0].astype(np.int32), compression="zlib")
    for path in (tmp_path / "a.npy", tmp_path / "a.tif"):
        assert np.array_equal(open_raster(path, raw=True).read(), labels)
        with pytest.raises(DataError, match=r"found int\d\d pixels \(\d+ bytes\), expected uint8 or uint16; bring its"):
            open_raster(path)


def test_rgb_and_grey(tmp_path: Path) -> None:
    grey, alpha = pattern(1), pattern(4)
    pillow(grey)(tmp_path / "grey.png")
    pillow(alpha)(tmp_path / "alpha.png")
    pillow(grey, "RGB")(tmp_path / "thrice.png")
    assert np.array_equal(read_rgb(tmp_path / "grey.png"), np.repeat(grey, 3, axis=2))
    assert np.array_equal(read_rgb(tmp_path / "alpha.png"), alpha[..., :3])
    assert np.array_equal(read_grey(tmp_path / "thrice.png"), grey[..., 0])
    with pytest.raises(DataError, match=r"alpha\.png: a colour image, expected grey values"):
        read_grey(tmp_path / "alpha.png")
    assert as_rgb(pattern(2), tmp_path).shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(as_grey(pattern(2), tmp_path), pattern(2)[..., 0])
    with pytest.raises(DataError, match="5 channels, expected grey or RGB"):
        as_rgb(pattern(5), tmp_path)
    pillow(pattern(1, 65536, np.uint16))(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: found uint16 pixels .* expected 8 bits"):
        read_rgb(tmp_path / "deep.png")


def test_the_name_says_nothing_about_the_format(tmp_path: Path) -> None:
    written = ALL["strips.tif"](tmp_path / "a.tif")
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    assert np.array_equal(open_raster(tmp_path / "a.png").read(), written)


def test_gdal_keeps_a_small_cache() -> None:
    import os

    assert gdal_file.has_rasterio()
    assert os.environ["GDAL_CACHEMAX"] == "64"


def test_a_raster_is_a_raster(tmp_path: Path) -> None:
    ALL["strips.tif"](tmp_path / "a.tif")
    raster = open_raster(tmp_path / "a.tif")
    assert isinstance(raster, Raster)
    assert (raster.path, raster.nodata, raster.pixel_size, raster.palette) == (tmp_path / "a.tif", None, None, None)


def test_without_codecs_tifffile_is_asked_for_what_it_can_do_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    monkeypatch.setattr(header, "_imagecodecs", lambda: False)
    kinds = {}
    for name in IN_PARTS:
        IN_PARTS[name](tmp_path / name)
        try:
            kinds[name] = type(open_raster(tmp_path / name)).__name__
        except MissingExtraError:
            kinds[name] = "extra"
    alone = {name for name, kind in kinds.items() if kind == "SegmentsRaster"}
    assert alone == {
        "tiles.tif", "tiles_apart.tif", "deflate.tif", "deep_deflate.tif", "packbits.tif", "lzma.tif", "one_bit.tif",
        "white_is_zero.tif",
    }  # fmt: skip
    assert kinds["twelve_bits.tif"] == "extra"
    assert kinds["lzw.tif"] == kinds["fax.tif"] == "PillowTiffRaster"
