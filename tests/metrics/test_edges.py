"""Edges and rims against slow references that look at every neighbour."""

from functools import partial

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from segexp.metrics.edges import edges_of, outline, rim
from segexp.metrics.regions import Mask, Regions, crop, regions
from tests.metrics.scenes import drawn, scene, seen


def slow_edge(mask: Mask, ignored: Mask, width: int, corners: bool) -> Mask:
    """Pixels that see something that is neither the class nor ignored, ``width`` away or nearer."""
    found = np.zeros_like(mask)
    rows, columns = mask.shape
    for y, x in np.argwhere(mask):
        for dy in range(-width, width + 1):
            for dx in range(-width, width + 1):
                if corners or abs(dy) + abs(dx) <= width:
                    outside = not (0 <= y + dy < rows and 0 <= x + dx < columns)
                    found[y, x] |= outside or not (mask[y + dy, x + dx] or ignored[y + dy, x + dx])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_outline_against_slow_reference(seed: int) -> None:
    for found in (regions(scene(seed), 1), regions(scene(seed, 3), 2)):
        for mask in (found.prediction, found.truth):
            assert np.array_equal(outline(mask, found.ignored), slow_edge(mask, found.ignored, 1, corners=False))


@pytest.mark.parametrize("width", [1, 2, 5])
def test_rim_against_slow_reference(width: int) -> None:
    found = regions(scene(width), 1)
    for mask in (found.prediction, found.truth):
        assert np.array_equal(rim(mask, found.ignored, width), slow_edge(mask, found.ignored, width, corners=True))


@pytest.mark.parametrize("width", [1, 3, 8])
def test_rim_is_what_erosion_by_a_square_takes_off(width: int) -> None:
    mask = regions(scene(width, ignored=False), 1).truth
    eroded = binary_erosion(mask, np.ones((3, 3)), iterations=width)
    assert np.array_equal(rim(mask, np.zeros_like(mask), width), mask & ~eroded)


def test_the_border_of_the_image_is_an_edge_and_ignored_pixels_are_none() -> None:
    mask = drawn("##?", "##?", "##?") == 1
    ignored = drawn("##?", "##?", "##?") == 255
    assert outline(mask, ignored).tolist() == [[True, True, False], [True, False, False], [True, True, False]]
    assert outline(mask, np.zeros_like(ignored)).tolist() == mask.tolist()


@pytest.mark.parametrize("margin", [1, 3, 6])
def test_a_crop_changes_no_edge(margin: int) -> None:
    for seed in range(4):
        whole = regions(scene(seed), 1)
        far = Regions(*(np.pad(mask, ((20, 9), (0, 30))) for mask in whole))
        cut = crop(far, margin)
        assert cut.truth.size < far.truth.size
        for found, wanted in zip(
            edges_of(cut, partial(rim, width=margin)), edges_of(far, partial(rim, width=margin)), strict=True
        ):
            assert found.sum() == wanted.sum() > 0


def test_crop_is_the_smallest_window_around_both() -> None:
    image = seen(drawn(".....", ".#...", ".....", "....."), drawn(".....", ".....", "..#..", "....."))
    assert crop(regions(image, 1), 0).truth.tolist() == [[False, False], [False, True]]
    assert crop(regions(image, 1), 1).truth.shape == (4, 4)
    assert crop(regions(image, 1), 9).truth.shape == (4, 5)
    assert crop(regions(image, 2), 9).truth.shape == (0, 0)


def test_without_an_edge_all_pixels_stand_for_it() -> None:
    truth = drawn("?????", "?###?", "?###?", "?###?", "?????")
    hole = truth.copy()
    hole[2, 2] = 0
    predicted, true = edges_of(regions(seen(hole, truth), 1), outline)
    assert (int(predicted.sum()), int(true.sum())) == (8, 9)
    predicted, true = edges_of(regions(seen(hole, hole), 1), outline)
    assert (int(predicted.sum()), int(true.sum())) == (4, 4)
