"""Masks are read by what they show or by what they store, whichever the map fits; where both fit, it is asked."""

import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.data.folder.validity import open_valid_mask
from segexp.data.labels.label_keys import Values
from segexp.data.labels.label_map import LabelMap
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import LabelError
from segexp.rasters import open_raster

LINES = np.zeros((19, 23), np.uint8)
LINES[4:9, 3:20] = 1
LINES[12, 5] = 1
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)
DIM, PALE = (4, 2, 4), (252, 254, 252)
Write = Callable[[Path], object]
SHOWN: Values = {0: 0, 255: 1}
STORED: Values = {0: 0, 1: 1}
Colour = tuple[int, int, int]


def classes(path: Path, values: Values, reading: MaskReading = "auto") -> NDArray[np.uint8]:
    """As a data set reads it; two windows must agree with the whole."""
    labels = LabelMap(values, 2, reading=reading)
    labels.prepare([path])
    raster = open_raster(path, raw=True)
    whole = labels.window(raster, 0, 0, raster.height, raster.width)
    sent: LabelMap = pickle.loads(pickle.dumps(labels))
    parts = [sent.window(raster, top, 0, 4, raster.width) for top in (0, 4)]
    assert np.array_equal(np.concatenate(parts), whole[:8])
    return whole


def palette(*colours: Colour, padded: bool = False, indices: NDArray[np.uint8] = LINES) -> Write:
    def write(path: Path) -> None:
        image = Image.fromarray(indices, "P")
        numbers = [number for colour in colours for number in colour]
        image.putpalette(numbers + [0] * (768 - len(numbers)) * padded)
        image.save(path)

    return write


def low(bits: int, white: int) -> Write:
    """A grey PNG of few bits per pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def write(path: Path) -> None:
        height, width = LINES.shape
        digits = ["".join(f"{value * white:0{bits}b}" for value in row.tolist()) for row in LINES]
        rows = b"".join(b"\0" + int(d.ljust(-(-len(d) // 8) * 8, "0"), 2).to_bytes(-(-len(d) // 8)) for d in digits)
        header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)

    return write


def pillow(pixels: NDArray[np.generic]) -> Write:
    return lambda path: Image.fromarray(pixels).save(path)


def white_is_zero(bits: int) -> Write:
    """A TIFF that stores white as 0: lines are white on the screen."""
    from tests.rasters.files import gdal

    stored = (1 - LINES) * np.uint8(255 if bits == 8 else 1)
    more = {} if bits == 8 else {"nbits": bits, "compress": "ccittfax4"}
    return gdal(stored[..., None], photometric="MINISWHITE", **more)


def painted(colour: tuple[int, ...]) -> Write:
    pixels = np.zeros((*LINES.shape, len(colour)), np.uint8)
    pixels[LINES == 1] = colour
    return pillow(pixels)


BITS = LINES.astype(bool)
FORMS: dict[str, tuple[Write, bool]] = {
    # Whether {0, 1} fits what is stored, beside {0, 255} that fits what is shown.
    **{f"bits.{end}": (pillow(BITS), True) for end in ("png", "tif", "bmp", "pbm")},
    **{f"near.{end}": (palette(DIM, PALE), True) for end in ("png", "gif", "bmp", "tif")},
    **{f"near_padded.{end}": (palette(DIM, PALE, padded=True), True) for end in ("png", "gif", "tif")},
    **{f"black_white.{end}": (palette(BLACK, WHITE), True) for end in ("png", "gif", "bmp", "tif")},
    "black_red.png": (palette(BLACK, RED), True),
    "two_bits.png": (low(2, 3), False),
    "four_bits.png": (low(4, 15), False),
    "grey.png": (pillow(LINES * np.uint8(255)), False),
    "deep.png": (pillow(LINES.astype(np.uint16) * 65535), False),
    "rgb.png": (pillow(np.dstack([LINES * np.uint8(255)] * 3)), False),
    "rgb_near.png": (pillow(np.array([DIM, PALE], np.uint8)[LINES]), False),
    "rgb_near.bmp": (pillow(np.array([(3, 0, 5), (250, 255, 248)], np.uint8)[LINES]), False),
    "grey_alpha.png": (painted((255, 255)), False),
    "rgba.png": (painted((255, 255, 255, 255)), False),
    "rgba_red.png": (painted((255, 0, 0, 255)), False),
    "rgba_half.png": (painted((255, 0, 0, 128)), False),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_shown_and_what_is_stored(tmp_path: Path, name: str) -> None:
    write, has_numbers = FORMS[name]
    write(tmp_path / name)
    assert np.array_equal(classes(tmp_path / name, SHOWN), LINES)
    assert np.array_equal(classes(tmp_path / name, {255: 0, 0: 1}), 1 - LINES)
    if has_numbers:
        assert np.array_equal(classes(tmp_path / name, STORED), LINES)
    else:
        with pytest.raises(LabelError, match=r"fit no class|channels"):
            classes(tmp_path / name, STORED)


@pytest.mark.parametrize("end", ["png", "gif", "bmp", "tif"])
@pytest.mark.parametrize("colours", [(PALE, DIM), (WHITE, BLACK)])
def test_any_order_of_entries(tmp_path: Path, end: str, colours: tuple[Colour, Colour]) -> None:
    file = tmp_path / f"a.{end}"
    palette(*colours, indices=1 - LINES)(file)
    assert np.array_equal(classes(file, SHOWN), LINES)
    # Numbers are the numbers of the file, and that the lighter of them is the background is said.
    labels = LabelMap(STORED, 2)
    labels.prepare([file])
    (note,) = labels.choices.notes
    assert "read by the numbers it stores, of which class 0 shows lighter than class 1" in note
    assert np.array_equal(classes(file, STORED), 1 - LINES)


@pytest.mark.parametrize("bits", [1, 8])
def test_white_stored_as_zero(tmp_path: Path, bits: int) -> None:
    white_is_zero(bits)(tmp_path / "a.tif")
    assert np.array_equal(classes(tmp_path / "a.tif", SHOWN, "shown"), LINES)
    if bits == 1:
        assert np.array_equal(classes(tmp_path / "a.tif", SHOWN), LINES)
        assert np.array_equal(classes(tmp_path / "a.tif", STORED), 1 - LINES)
        return
    with pytest.raises(LabelError, match=r"a\.tif: datamodule\.mask_values fits this mask in two ways") as caught:
        classes(tmp_path / "a.tif", SHOWN)
    assert str(caught.value).splitlines()[1:] == ["  datamodule.mask_reading=stored", "  datamodule.mask_reading=shown"]
    assert np.array_equal(classes(tmp_path / "a.tif", SHOWN, "stored"), 1 - LINES)


def test_both_readings_that_agree_are_not_asked_about(tmp_path: Path) -> None:
    pillow(BITS)(tmp_path / "a.png")
    assert np.array_equal(classes(tmp_path / "a.png", {0: 0, 1: 1, 255: 1}), LINES)
    with pytest.raises(LabelError, match=r"the same pixels are 1 \(stored\), which is class 1 or 255 \(shown\), which"):
        classes(tmp_path / "a.png", {0: 0, 1: 1, 255: 0})


def test_palettes_in_another_order_read_by_their_numbers(tmp_path: Path) -> None:
    palette(BLACK, WHITE)(tmp_path / "a.png")
    palette(WHITE, BLACK)(tmp_path / "b.png")
    both = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(LabelError, match=r"b\.png: its numbers stand for other colours than those of .*a\.png"):
        LabelMap(STORED, 2).prepare(both)
    LabelMap(STORED, 2, reading="stored").prepare(both)
    LabelMap(SHOWN, 2).prepare(both)


def test_an_empty_mask_is_read_as_the_others_of_its_form(tmp_path: Path) -> None:
    """Dark background has index 1: an index of 0 alone must not become the background because 0 is a key."""
    palette(PALE, DIM, padded=True, indices=1 - LINES)(tmp_path / "a.tif")
    palette(PALE, DIM, padded=True, indices=np.zeros_like(LINES))(tmp_path / "b.tif")
    for paths in (["a.tif", "b.tif"], ["b.tif", "a.tif"]):
        labels = LabelMap(SHOWN, 2)
        labels.prepare([tmp_path / path for path in paths])
        assert labels.window(open_raster(tmp_path / "b.tif", raw=True), 0, 0, *LINES.shape).all()
    alone = LabelMap(SHOWN, 2)
    alone.prepare([tmp_path / "b.tif"])
    with pytest.raises(LabelError, match="in two ways"):
        alone.window(open_raster(tmp_path / "a.tif", raw=True), 0, 0, *LINES.shape)


def test_a_file_of_one_colour_is_read_as_the_others(tmp_path: Path) -> None:
    """Pillow gives every file a palette of its own: that of an all white mask has white as index 0."""
    whole = [np.zeros_like(LINES), LINES, np.ones_like(LINES)]
    for place, mask in enumerate(whole):
        Image.fromarray(mask * np.uint8(255)).save(tmp_path / f"{place}.gif")
        colours = [BLACK, WHITE] if place == 1 else [WHITE if place else BLACK]
        palette(*colours, indices=mask if place == 1 else np.zeros_like(LINES))(tmp_path / f"{place}.png")
    for end in ("gif", "png"):
        labels = LabelMap(SHOWN, 2)
        labels.prepare(sorted(tmp_path.glob(f"*.{end}")))
        for place, mask in enumerate(whole):
            raster = open_raster(tmp_path / f"{place}.{end}", raw=True)
            assert np.array_equal(labels.window(raster, 0, 0, *LINES.shape), mask), (end, place)


def test_class_numbers_with_a_palette_stay_numbers(tmp_path: Path) -> None:
    """Grey colours of a palette whose value is a class as well, such as ADE20K's, take nothing from its numbers."""
    numbers = np.resize(np.arange(4, dtype=np.uint8), LINES.shape)
    palette(BLACK, (2, 2, 2), (120, 0, 0), (9, 90, 9), padded=True, indices=numbers)(tmp_path / "a.png")
    labels = LabelMap({0: 0, 1: 1, 2: 2, 3: 3}, 4)
    labels.prepare([tmp_path / "a.png"])
    assert np.array_equal(labels.window(open_raster(tmp_path / "a.png", raw=True), 0, 0, *LINES.shape), numbers)


def test_black_paint_on_nothing_is_asked_about(tmp_path: Path) -> None:
    painted((0, 0, 0, 255))(tmp_path / "a.png")
    with pytest.raises(LabelError) as caught:
        classes(tmp_path / "a.png", SHOWN)
    lines = str(caught.value).splitlines()[1:]
    assert lines == ["  datamodule.mask_reading=shown", "  datamodule.mask_reading=alpha"]
    assert np.array_equal(classes(tmp_path / "a.png", SHOWN, "shown"), 1 - LINES)
    assert np.array_equal(classes(tmp_path / "a.png", SHOWN, "alpha"), LINES)


def test_pixels_painted_by_half(tmp_path: Path) -> None:
    pixels = np.zeros((*LINES.shape, 4), np.uint8)
    pixels[LINES == 1] = (255, 0, 0, 255)
    pixels[2, :4] = [(255, 0, 0, alpha) for alpha in (40, 90, 160, 200)]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"alpha channel has 5 values .*datamodule\.unknown_values=nearest"):
        classes(tmp_path / "a.png", SHOWN)
    labels = LabelMap(SHOWN, 2, nearest=True)
    labels.prepare([tmp_path / "a.png"])
    expected = LINES.copy()
    expected[2, 2:4] = 1
    assert np.array_equal(labels.window(open_raster(tmp_path / "a.png", raw=True), 0, 0, *LINES.shape), expected)


def test_numbers_that_fit_in_no_way_are_refused_as_they_are(tmp_path: Path) -> None:
    pillow(LINES.astype(np.uint16) * 255)(tmp_path / "a.png")
    assert np.array_equal(classes(tmp_path / "a.png", SHOWN), LINES)
    pillow(LINES.astype(np.uint16) * 300)(tmp_path / "b.png")
    with pytest.raises(LabelError, match="mask values 300 fit no class"):
        classes(tmp_path / "b.png", SHOWN)
    palette(BLACK, (1, 1, 1))(tmp_path / "c.gif")  # looks all black: numbers, and no picture of two tones
    with pytest.raises(LabelError, match="mask values 1 fit no class"):
        classes(tmp_path / "c.gif", SHOWN)


@pytest.mark.parametrize("end", ["png", "gif", "tif"])
@pytest.mark.parametrize("colours", [(DIM, PALE), (PALE, DIM)])
def test_fields_of_view_of_two_tones(tmp_path: Path, end: str, colours: tuple[Colour, Colour]) -> None:
    file = tmp_path / f"a.{end}"
    palette(*colours, indices=LINES if colours[0] == DIM else 1 - LINES)(file)
    assert np.array_equal(open_valid_mask(file).read()[..., 0] > 0, LINES == 1)
    tifffile.imwrite(tmp_path / "b.tif", np.array([DIM, PALE], np.uint8)[LINES], photometric="rgb")
    assert np.array_equal(open_valid_mask(tmp_path / "b.tif").read()[..., 0] > 0, LINES == 1)
