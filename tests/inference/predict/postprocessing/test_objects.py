"""Objects of rasters in bands: the result is that of the whole image, whatever the bands."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from segexp.errors import ConfigError
from segexp.inference.predict.postprocessing import spool, watershed
from segexp.inference.predict.postprocessing.components import BandedComponents
from segexp.inference.predict.postprocessing.objects import postprocess
from segexp.inference.predict.postprocessing.settings import Postprocess
from segexp.inference.predict.postprocessing.spool import Spool
from segexp.inference.predict.postprocessing.watershed import watershed_lines

EIGHT = np.ones((3, 3), int)
BANDS = (1, 2, 3, 7, 64, 65, 1000)


def blobs(size: tuple[int, int], grain: float, seed: int) -> NDArray[np.float32]:
    """Smooth noise between 0 and 1, its median at 0.5: objects of all forms that wind through the image."""
    found = ndimage.gaussian_filter(np.random.default_rng(seed).random(size), grain)
    return (np.argsort(np.argsort(found.ravel())) / found.size).reshape(size).astype(np.float32)


def mask(classes: int, seed: int, size: tuple[int, int] = (65, 80)) -> NDArray[np.uint8]:
    """Objects of several sizes, with pixels without data."""
    found = np.floor(blobs(size, 1.2, seed) * classes).clip(0, classes - 1).astype(np.uint8)
    found[blobs(size, 2.0, seed + 1) > 0.97] = 255
    return found


def specks_gone(found: NDArray[np.uint8], number: int, smallest: int) -> NDArray[np.uint8]:
    labels, _ = ndimage.label(found == number, EIGHT)
    small = np.bincount(labels.ravel()) < smallest
    small[0] = False
    return np.where(small[labels], 0, found).astype(np.uint8)


def holes_filled(found: NDArray[np.uint8], number: int, largest: int) -> NDArray[np.uint8]:
    """One component after the other, by a definition of its own."""
    done = found.copy()
    labels, count = ndimage.label(found != number)
    for index in range(1, count + 1):
        hole = labels == index
        at_border = hole[[0, -1]].any() or hole[:, [0, -1]].any()
        if not at_border and hole.sum() <= largest and not found[hole].any():
            done[hole] = number
    return done


@pytest.mark.parametrize("rows", BANDS)
def test_sizes_and_holes_of_each_class(rows: int) -> None:
    given = mask(3, 5)
    expected = given
    for number in (1, 2):
        expected = specks_gone(holes_filled(expected, number, 12), number, 20)
    assert (expected != given).sum() > 100
    found = postprocess(given, Postprocess(fill_holes=12, min_size=20), 3, rows=rows)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rows", BANDS)
def test_hysteresis(rows: int) -> None:
    probability = blobs((65, 80), 1.0, 3)
    given = (probability >= 0.8).astype(np.uint8)
    given[blobs((65, 80), 2.0, 4) > 0.95] = 255
    labels, _ = ndimage.label(((probability >= 0.6) & (given != 255)) | (given == 1), EIGHT)
    expected = np.where((labels > 0) & np.isin(labels, np.unique(labels[given == 1])), 1, given).astype(np.uint8)
    assert (expected != given).sum() > 300
    assert ((probability >= 0.6) & (expected == 0)).sum() > 50  # some touch nothing sure
    found = postprocess(given, Postprocess(hysteresis=0.6), 2, probability, rows=rows)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rows", BANDS)
def test_parted_objects(rows: int) -> None:
    """Objects that wind over many bands, and small ones inside a band and at the border of the image."""
    given = (blobs((120, 100), 3.0, 8) > 0.55).astype(np.uint8)
    given[60:70, 40:50] = 255
    expected = given.copy()
    expected[watershed_lines(given == 1, 4)] = 0
    assert (expected != given).sum() > 100
    np.testing.assert_array_equal(postprocess(given, Postprocess(split=4), 2, rows=rows), expected)


def test_parts_are_apart_even_at_corners_and_only_lines_are_lost() -> None:
    """Two discs that overlap, their centres 24 apart, and a third alone."""
    rows, columns = np.mgrid[:60, :70]
    given = np.zeros((60, 70), bool)
    for row, column in ((20, 15), (20, 39), (46, 53)):
        given |= (rows - row) ** 2 + (columns - column) ** 2 < 14**2
    lines = watershed_lines(given, 8)
    parts, count = ndimage.label(given & ~lines, EIGHT)
    assert count == 3
    assert len({parts[20, 15], parts[20, 39], parts[46, 53]}) == 3
    assert set(np.argwhere(lines)[:, 1]) <= {26, 27, 28}
    assert lines.sum() < 25


def test_a_large_object_with_a_ridge_is_parted_at_once() -> None:
    """Many centres as deep as each other: scikit-image's own lines take hours here."""
    given = np.ones((200, 400), bool)
    lines = watershed_lines(given, 3)
    _, count = ndimage.label(given & ~lines, EIGHT)
    assert count > 10
    assert 0 < lines.mean() < 0.3


def test_all_steps_together_and_one_pixel_wide_images() -> None:
    probability = blobs((90, 70), 1.5, 11)
    given = (probability >= 0.7).astype(np.uint8)
    settings = Postprocess(hysteresis=0.6, fill_holes=9, min_size=15, split=3)
    whole = postprocess(given, settings, 2, probability, rows=90)
    for rows in (1, 4, 89):
        np.testing.assert_array_equal(postprocess(given, settings, 2, probability, rows=rows), whole)
    line = np.tile(np.array([1, 1, 0, 1], np.uint8), 5)
    for given in (line[None], line[:, None]):
        np.testing.assert_array_equal(postprocess(given, Postprocess(min_size=3), 2, rows=1), specks_gone(given, 1, 3))
    empty = np.zeros((5, 4), np.uint8)
    np.testing.assert_array_equal(postprocess(empty, Postprocess(min_size=3, split=2), 2, rows=2), empty)


def test_only_objects_on_the_borders_of_bands_are_kept() -> None:
    """A spiral that meets itself late, and many specks inside a band that take no memory."""
    pixels = np.zeros((30, 40), bool)
    pixels[0:25, 2] = pixels[24, 2:30] = pixels[5:25, 29] = pixels[5, 10:30] = True
    pixels[1:9:6, 12:28:2] = True
    components = BandedComponents(30, 8)
    for top in range(0, 30, 10):
        components.add(top, pixels[top : top + 10])
    components.join()
    assert components.joined.area.tolist() == [25 + 27 + 19 + 19]
    assert [int(column[0]) for column in components.joined.columns[2:]] == [0, 2, 24, 29]
    assert pixels[tuple(components.seeds[0])]


def test_an_object_too_large_to_be_parted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.zeros((40, 50), np.uint8)
    given[5:35, 10:14] = 1
    monkeypatch.setattr(watershed, "MOST_PIXELS", 119)
    with pytest.raises(ConfigError, match=r"split: one object, from row 5 and column 10 on, is 4 x 30 pixels large"):
        postprocess(given, Postprocess(split=3), 2, rows=8)
    postprocess(given, Postprocess(split=3), 2, rows=40)  # inside a band there is no window
    monkeypatch.setattr(watershed, "MOST_PIXELS", 120)
    postprocess(given, Postprocess(split=3), 2, rows=8)


def test_a_large_mask_lies_in_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 100)
    given = np.arange(200, dtype=np.uint8).reshape(20, 10)
    kept = Spool(10, tmp_path, rows=6)
    kept.append(given[:7])
    kept.append(given[7:])
    kept.replace(3, np.zeros((2, 3), np.uint8), left=4)
    given = given.copy()
    given[3:5, 4:7] = 0
    assert [(top, len(rows)) for top, rows in kept.bands()] == [(0, 6), (6, 6), (12, 6), (18, 2)]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in kept.bands()]), given)
    np.testing.assert_array_equal(kept.window(2, 3, 3, 5), given[2:5, 3:8])
    assert list(tmp_path.iterdir()) == []
    kept.close()
