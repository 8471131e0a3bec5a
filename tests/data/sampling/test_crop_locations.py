"""Where samples are cut: shares of foreground, balance of classes, grids."""

import numpy as np
import pytest

from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.class_blocks import BlockIndex
from segexp.data.sampling.crop_locations import GridLocations, RandomLocations, starts
from segexp.data.sampling.samples import RandomCrops
from segexp.errors import DataError
from segexp.spec import IGNORED


def speck(name: str, height: int, width: int, where: tuple[int, int], number: int = 1) -> Item:
    """One pixel of foreground."""
    mask = np.zeros((height, width), np.uint8)
    mask[where] = number
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Item(name, image, mask)


def counted(items: list[Item], classes: int) -> np.ndarray:
    return np.array([np.bincount(item.target.ravel(), minlength=256)[:classes] for item in items])


ITEMS = [
    speck("corner", 90, 100, (0, 0)), speck("edge", 100, 90, (99, 40)), speck("empty", 80, 80, (0, 0), number=0)
]  # fmt: skip


@pytest.mark.parametrize("augment", [Augment(), Augment(rotate=180.0, scale=0.3)], ids=["plain", "turned"])
@pytest.mark.parametrize("share", [0.37, 1.0])
def test_share_of_samples_with_foreground(augment: Augment, share: float) -> None:
    places = RandomLocations(ITEMS, 1000, 32, counted(ITEMS, 2), positive_fraction=share, positive_classes=[1])
    crops = RandomCrops(places, 32, augment, 0, redraw=True)
    for epoch in range(2 if share < 1 else 1):
        found = sum((crops[(epoch, index)]["target"] == 1).any() for index in range(1000))
        assert found >= 1000 * share
    assert found < 1000 * share + 60  # a single pixel is seldom hit by chance


def test_foreground_lies_anywhere_in_the_sample() -> None:
    item = speck("middle", 200, 200, (100, 100))
    places = RandomLocations([item], 400, 32, counted([item], 2), positive_fraction=1.0, positive_classes=[1])
    crops = RandomCrops(places, 32, Augment(rotate=90.0, scale=0.1), 0, redraw=True)
    found = np.array([np.argwhere(crops[(0, index)]["target"] == 1)[0] for index in range(400)])
    assert found.min(axis=0).tolist() == [0, 0]
    assert found.max(axis=0).tolist() == [31, 31]
    assert np.abs(found.mean(axis=0) - 15.5).max() < 2


def test_no_foreground_anywhere_is_an_error() -> None:
    with pytest.raises(DataError, match=r"^datamodule\.positive_fraction: no training image"):
        RandomLocations(ITEMS[2:], 10, 32, counted(ITEMS[2:], 2), positive_fraction=0.5, positive_classes=[1])


def test_balance_shows_rare_classes_as_often() -> None:
    items = [speck(f"common_{n}", 40, 40, (5, 5), 1) for n in range(19)] + [speck("rare", 40, 40, (5, 5), 2)]
    places = RandomLocations(items, 900, None, counted(items, 3), balanced=True)
    names = [places.draw(index, np.random.default_rng(index))[0].name for index in range(900)]
    # Background is in every image: a third of a twentieth comes on top of the third.
    assert abs(names.count("rare") / 900 - (1 / 3 + 1 / 60)) < 0.05


def test_grid_is_every_window_once() -> None:
    items = [speck("a", 100, 150, (0, 0)), speck("b", 60, 50, (0, 0))]
    grid = GridLocations(items, 50, 50, [False, False])
    assert len(grid) == 6 + 2
    crops = RandomCrops(grid, 50, Augment(), 0, redraw=True)
    for index, (top, left) in enumerate((y, x) for y in (0, 50) for x in (0, 50, 100)):
        assert np.array_equal(crops[(7, index)]["image"], items[0].image[top : top + 50, left : left + 50])
    assert np.array_equal(crops[(0, 7)]["image"], items[1].image[10:60, :50])  # moved inward


def test_windows_in_which_nothing_counts_are_left_out() -> None:
    mask = np.full((60, 60), IGNORED, np.uint8)
    mask[35, 35] = 0
    grid = GridLocations([Item("one", np.zeros((60, 60, 1), np.uint8), mask)], 20, 20, [True])
    assert (len(grid), grid.left_out) == (1, 8)
    assert grid.draw(0, np.random.default_rng(0))[1].y == 30  # type: ignore[union-attr]


def test_starts_cover_the_side() -> None:
    assert starts(5000, 250, 250) == list(range(0, 5000, 250))
    assert starts(565, 224, 224) == [0, 224, 341]
    assert starts(224, 224, 100) == [0]
    assert starts(300, 224, 50) == [0, 50, 76]


def test_block_index_draws_each_pixel_equally_often() -> None:
    mask = np.zeros((130, 70), np.uint8)
    wanted = {(0, 0), (63, 63), (64, 64), (129, 69), (129, 0), (70, 69)}
    for place in wanted:
        mask[place] = 3
    index = BlockIndex(mask, [3, 7])
    assert (index.total, index.counts.shape) == (6, (3, 2))
    item = Item("one", np.zeros((130, 70, 1), np.uint8), mask)
    drawn = [index.draw(item, np.random.default_rng(seed)) for seed in range(1200)]
    assert set(drawn) == wanted
    assert all(abs(drawn.count(place) - 200) < 60 for place in wanted)
