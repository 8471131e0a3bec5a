"""Where a sample was cut, and samples for people to look at."""

import numpy as np
import pytest

from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import CropLocation, RandomLocations
from segexp.data.sampling.drawn_samples import class_pixels, draw_sample, spread_indices
from segexp.data.sampling.footprint import footprint
from segexp.data.sampling.samples import RandomCrops
from tests.data.made import coordinates, painted
from tests.data.sampling.test_augment import NAMES, build, config

ENDS = ((0, 0), (0, -1), (-1, -1), (-1, 0))


def pair(
    augment: Augment, item: Item, size: int | None, seed: int, place: CropLocation | None = None
) -> tuple[np.ndarray, np.ndarray]:
    image, _ = augment(item, size, np.random.default_rng(seed), place)
    return image, footprint(augment, item, size, np.random.default_rng(seed), place)


@pytest.mark.parametrize("name", ["none", "flips", "d4"])
@pytest.mark.parametrize("size", [None, 24, 70])
def test_corners_are_the_pixels_that_stand_there(name: str, size: int | None) -> None:
    """Red is the row and green the column of each pixel."""
    augment = build(config(f"augment={name}"))
    for seed in range(10):
        item = coordinates(60, 60)
        image, corners = pair(augment, item, size, seed)
        if size == 70:
            # A mirrored border: the place reaches beyond the image.
            assert corners.max(axis=0) - corners.min(axis=0) == pytest.approx([69, 69], abs=0.01)
            continue
        for (y, x), corner in zip(ENDS, corners, strict=True):
            assert corner == pytest.approx([image[y, x, 1], image[y, x, 0]], abs=0.01)


def test_turned_samples_keep_their_sides_also_beyond_the_border() -> None:
    augment = Augment(rotate=180.0, scale=0.3)
    for seed in range(20):
        image, corners = pair(augment, coordinates(60, 60), 32, seed)
        sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        assert sides == pytest.approx(sides[0], rel=0.02)
        assert 31 * np.exp(-0.31) < sides[0] < 31 * np.exp(0.31)
        inside = (corners.min() > 1) and (corners.max() < 58)
        for (y, x), corner in zip(ENDS, corners, strict=True):
            if inside:
                assert corner == pytest.approx([image[y, x, 1], image[y, x, 0]], abs=1.0)


def test_the_place_is_followed() -> None:
    _, corners = pair(Augment(), coordinates(60, 60), 20, 0, CropLocation(30, 25, 5, 4))
    assert corners[0] == pytest.approx([21, 25])


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_to_look_at_is_the_sample_of_training(name: str) -> None:
    items = [painted(seed=seed) for seed in range(3)]
    crops = RandomCrops(RandomLocations(items, 9, 24), 24, build(config(f"augment={name}")), 3, redraw=True)
    for epoch, index in ((0, 0), (1, 4), (2, 8)):
        drawn = draw_sample(crops, epoch, index)
        sample = crops[epoch, index]
        assert drawn.item is items[index % 3]
        assert np.array_equal(drawn.image, sample["image"])
        assert np.array_equal(drawn.mask, sample["target"])
        assert drawn.corners.shape == (4, 2)
    counts = class_pixels(crops, 0, [0, 5])
    assert counts.shape == (2, 256)
    assert counts.sum(axis=1).tolist() == [24 * 24] * 2
    assert counts[1, 255] == (crops[0, 5]["target"] == 255).sum()


def test_numbers_are_spread_over_an_epoch() -> None:
    assert spread_indices(100, 5) == [0, 25, 50, 74, 99]
    assert spread_indices(3, 8) == [0, 1, 2]
    assert spread_indices(1, 4) == [0]
