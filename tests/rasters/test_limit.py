"""What decoding takes is known from the header, and held against a limit before anything is decoded."""

import io
import re
import resource
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile

from segexp.errors import DataError, TooLargeError
from segexp.rasters import Limit, open_raster, opening, set_image_limit
from segexp.rasters import limit as limits
from segexp.rasters.tiff.header import MOST_PAGES
from tests.rasters.bombs import BOMBS, gif, png, text, tiff
from tests.rasters.files import pattern


@pytest.fixture(autouse=True)
def usual_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set of another test may have set its own."""
    monkeypatch.setattr(limits._InForce, "limit", Limit())


def peak() -> int:
    """Largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_with_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, name: str, raw: bool) -> None:
    path = tmp_path / name
    BOMBS[name](path)
    assert path.stat().st_size < 5000
    before = peak()
    with pytest.raises(TooLargeError) as caught:
        open_raster(path, raw=raw).read()
    assert peak() - before < 100e6
    told = re.fullmatch(
        rf"{re.escape(str(path))}: decoding .*pixels.* would take ([\d.e+]+) GB of memory, found image_limit=0\.5 "
        r"\(GB\); if the image is meant and the machine has room, give image_limit=([\d.]+)\b.*",
        str(caught.value),
    )
    assert told is not None, caught.value
    assert float(told[1]) > 0.5
    assert float(told[1]) * 0.99 < float(told[2]) < float(told[1]) * 1.2


def test_the_limit_that_is_proposed_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(pattern(3, height=300, width=400)).save(path)
    with pytest.raises(TooLargeError) as caught:
        open_raster(path, limit=Limit(1e-4, "datamodule.image_limit"))
    proposed = re.search(r"give datamodule\.image_limit=([\d.e-]+)", str(caught.value))
    assert proposed is not None
    assert np.array_equal(open_raster(path, limit=Limit(float(proposed[1]))).read(), pattern(3, height=300, width=400))


@pytest.mark.parametrize("need", [1.0, 123.4, 5.0e8, 5.1e8, 2.52e10, 9.9999e10, 9.22e18])
def test_enough(need: float) -> None:
    assert need <= float(limits._enough(need)) * limits.GB <= 1.2 * need


@pytest.mark.parametrize("rasterio", [True, False])
def test_a_tile_that_unfolds_to_more_than_its_pixels(
    tmp_path: Path, rasterio: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not rasterio:
        monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    tiff(8, zlib.compress(bytes(300_000_000), 1), side=64, tile=64)(tmp_path / "a.tif")
    before = peak()
    with pytest.raises(DataError, match="it unfolds to more than its pixels"):
        open_raster(tmp_path / "a.tif").read()
    assert peak() - before < 100e6


def test_pixels_beyond_those_declared_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(10, 10, 8, 2, zlib.compress(bytes(300_000_000), 1)))
    before = peak()
    assert open_raster(tmp_path / "a.png").read().shape == (10, 10, 3)
    assert peak() - before < 100e6


def test_an_empty_mask_is_small_and_honest(tmp_path: Path) -> None:
    for name, mode in (("a.png", "1"), ("b.png", "L"), ("a.tif", "L")):
        options = {"compression": "tiff_deflate"} if name.endswith("tif") else {}
        Image.new(mode, (5000, 5000)).save(tmp_path / name, **options)
        assert (tmp_path / name).stat().st_size < 200_000
        raster = open_raster(tmp_path / name, raw=True)
        assert not any(strip.any() for strip in raster.strips())


def test_large_tiles_are_read_in_parts_whatever_the_limit_of_the_whole(tmp_path: Path) -> None:
    """A scene of 20000x20000 in tiles, all of them one: what a window needs is what is decoded."""
    path = tmp_path / "a.tif"
    tile = np.random.default_rng(0).integers(0, 256, (512, 512, 3)).astype(np.uint8)
    tiff(8, zlib.compress(tile.tobytes()), side=20_000, tile=512)(path)
    raster = open_raster(path)
    np.testing.assert_array_equal(raster.window(19_456, 512, 512, 512), tile)
    with pytest.raises(TooLargeError, match=r"20000x20000 pixels of it at once .* would take 1\.2 GB"):
        raster.read()


def test_the_limit_in_force(tmp_path: Path) -> None:
    Image.new("L", (1000, 1000)).save(tmp_path / "a.png")
    set_image_limit(0.001)
    with pytest.raises(TooLargeError, match=r"found datamodule\.image_limit=0\.001 \(GB\)"):
        open_raster(tmp_path / "a.png")
    assert open_raster(tmp_path / "a.png", limit=Limit(1.0)).read().shape == (1000, 1000, 1)


def test_settings_of_the_program_stay_and_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another bound of Pillow, and its wish to fill what is missing, are those of the program that imports segexp."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    seen: set[tuple[int | None, bool]] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.add((Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES))

    pixels = pattern(3, height=500, width=700)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    other = threading.Thread(target=watch)
    other.start()
    try:
        assert np.array_equal(open_raster(tmp_path / "a.png").read(), pixels)
        assert open_raster(tmp_path / "a.jpg").read().shape == pixels.shape
        with pytest.raises(DataError, match=r"cut\.jpg: cannot be read as an image .*truncated"):
            open_raster(tmp_path / "cut.jpg").read()
    finally:
        ended.set()
        other.join()
    assert seen == {(1000, True)}


def test_importing_changes_no_setting() -> None:
    """In this process all of segexp has been imported, and Pillow's own bound is there."""
    assert Image.MAX_IMAGE_PIXELS is not None


OTHERS = {
    "a.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
    "a.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60000 60000\n", "a PostScript file"),
    "a.psd": (b"8BPS\0\1", "a Photoshop file"),
    "a.ico": (b"\0\0\1\0\1\0", "an icon"),
    "a.dds": (b"DDS |\0\0\0", "a DDS texture"),
    "a.pcx": (b"\x0a\5\1\x08", "a PCX image"),
    "eps.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_decoders_of_pillow_are_not_asked(tmp_path: Path, name: str) -> None:
    start, words = OTHERS[name]
    text(start + bytes(100))(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}: found {words} \(\d+ bytes\), expected PNG, JPEG, TIFF, GIF"):
        open_raster(tmp_path / name)


def test_the_further_pictures_of_a_photograph_are_left_alone(tmp_path: Path) -> None:
    """Two pictures in one file (MPO), as some cameras write: the first is the image."""
    first, stream = Image.fromarray(pattern(3)), io.BytesIO()
    first.save(stream, "MPO", save_all=True, append_images=[Image.fromarray(pattern(3, 100))])
    (tmp_path / "a.jpg").write_bytes(stream.getvalue())
    raster = open_raster(tmp_path / "a.jpg")
    with Image.open(io.BytesIO(stream.getvalue())) as expected:
        assert np.array_equal(raster.read(), np.asarray(expected.convert("RGB")))


@pytest.mark.parametrize("end", [b"", b";"])
def test_a_gif_without_its_last_byte_is_whole(tmp_path: Path, end: bytes) -> None:
    stream = io.BytesIO()
    Image.fromarray(pattern(1)[..., 0]).save(stream, "GIF")
    (tmp_path / "a.gif").write_bytes(stream.getvalue().removesuffix(b";") + end)
    assert np.array_equal(open_raster(tmp_path / "a.gif").read(), pattern(1))
    (tmp_path / "b.gif").write_bytes(stream.getvalue()[:-3])
    with pytest.raises(DataError, match=r"b\.gif: cannot be read as an image .*it breaks off between its blocks"):
        open_raster(tmp_path / "b.gif")


def test_an_animation_of_huge_frames_is_an_animation(tmp_path: Path) -> None:
    before = peak()
    gif((65_535, 65_535), (65_535, 65_535))(tmp_path / "a.gif")
    with pytest.raises(DataError, match="found an animation"):
        open_raster(tmp_path / "a.gif")
    assert peak() - before < 100e6


def test_comments_of_a_gif_count(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.new("L", (8, 8)).save(path)
    content = path.read_bytes()
    place = content.index(b",")
    comment = b"!\xfe" + (b"\xff" + b"a" * 255) * 4000 + b"\0"
    path.write_bytes(content[:place] + comment + content[place:])
    assert open_raster(path, limit=Limit(0.1)).header.height == 8
    with pytest.raises(TooLargeError, match="1020000 bytes of comments"):
        open_raster(path, limit=Limit(0.001))


@pytest.mark.parametrize("pages", [255, 300])
def test_a_tiff_of_many_pages_is_not_read_to_its_end(pages: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8))
    with tifffile.TiffWriter(path, append=True) as file:
        for _ in range(pages - 1):
            file.write(np.zeros((4, 4), np.uint8), subfiletype=1, contiguous=False)
    if pages <= MOST_PAGES:
        assert open_raster(path).header.width == 8
    else:
        with pytest.raises(DataError, match="found more than 256 pages"):
            open_raster(path)


def test_what_a_library_repeats_of_a_file_is_cut(tmp_path: Path) -> None:
    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (" + b"9" * 5000 + b",), }"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    with pytest.raises(DataError) as caught:
        open_raster(tmp_path / "a.npy")
    assert len(str(caught.value)) < 800
