"""A window is the same part of the whole image, for every backend and every turn."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.errors import DataError
from segexp.rasters import open_raster, opening, orientation
from tests.rasters.files import ALL, IN_PARTS, pattern


def windows(height: int, width: int, count: int = 12) -> list[tuple[int, int, int, int]]:
    """Random ones, and those at the corners."""
    rng = np.random.default_rng(0)
    found = [(0, 0, 1, 1), (height - 1, width - 1, 1, 1), (0, 0, height, width), (height - 9, 0, 9, width)]
    for _ in range(count):
        top, left = int(rng.integers(height)), int(rng.integers(width))
        found.append((top, left, int(rng.integers(1, height - top + 1)), int(rng.integers(1, width - left + 1))))
    return found


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_a_window_is_a_slice_of_the_whole(tmp_path: Path, name: str, raw: bool) -> None:
    ALL[name](tmp_path / name)
    _compare(tmp_path / name, raw=raw)


@pytest.mark.parametrize("name", IN_PARTS)
def test_so_without_rasterio(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "has_rasterio", lambda: False)
    IN_PARTS[name](tmp_path / name)
    _compare(tmp_path / name, raw=True)


def _compare(path: Path, *, raw: bool) -> None:
    raster = open_raster(path, raw=raw)
    whole = raster.read()
    for top, left, height, width in windows(raster.height, raster.width):
        window = raster.window(top, left, height, width)
        assert np.array_equal(window, whole[top : top + height, left : left + width])
        assert window.dtype == raster.dtype
        assert window.flags.owndata or window.base is not None
        assert window.flags.writeable
    assert np.array_equal(np.concatenate(list(raster.strips(10))), whole)


@pytest.mark.parametrize("window", [(-1, 0, 5, 5), (0, 50, 5, 5), (30, 0, 8, 5), (0, 0, 0, 5), (0, 0, 5, -1)])
def test_a_window_beyond_the_image_is_refused(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    ALL["strips.tif"](tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: a window of .* does not lie inside its 37x53 pixels"):
        open_raster(tmp_path / "a.tif").window(*window)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_orientation_is_undone_in_every_format(tmp_path: Path, name: str, orientation: int) -> None:
    pixels = np.full((37, 53, 3), 128, np.uint8) if name == "a.jpg" else pattern(3)
    pixels[:8, :16] = 0  # JPEG: whole blocks, which it keeps
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[274] = orientation
    image.save(tmp_path / name, exif=exif, **({"quality": 100, "subsampling": 0} if name == "a.jpg" else {}))
    raster = open_raster(tmp_path / name)
    expected = np.array(_upright(image, orientation))
    assert (raster.height, raster.width) == expected.shape[:2]
    assert raster.orientation == orientation
    assert int(np.abs(raster.read().astype(int) - expected).max()) <= (2 if name == "a.jpg" else 0)
    assert raster.describe().endswith(f"turned upright (EXIF orientation {orientation})") == (orientation != 1)
    _compare(tmp_path / name, raw=True)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """What Pillow calls the way back, by its own names."""
    flip = Image.Transpose
    ways = {
        2: flip.FLIP_LEFT_RIGHT,
        3: flip.ROTATE_180,
        4: flip.FLIP_TOP_BOTTOM,
        5: flip.TRANSPOSE,
        6: flip.ROTATE_270,
        7: flip.TRANSVERSE,
        8: flip.ROTATE_90,
    }
    return image.transpose(ways[orientation]) if orientation in ways else image


def test_a_nonsensical_orientation_is_upright() -> None:
    assert [orientation.valid_orientation(value) for value in (0, 9, None, "6", 6)] == [1, 1, 1, 1, 6]
