"""Trivial predictors on images whose answer is known."""

import numpy as np
import pytest
import torch
from skimage.filters import threshold_multiotsu

from segexp.data.items.item import Item
from segexp.evaluation.baselines import LARGE, _thresholds, constant, fit_otsu, most_frequent_class
from segexp.metrics.counts import confusion
from segexp.metrics.measures import dataset_scores
from segexp.spec import IGNORED, DataSpec, MaskTarget

TWO = DataSpec(MaskTarget(("background", "square"), ((0, 0, 0), (255, 0, 0))))
THREE = DataSpec(MaskTarget(("dark", "bright", "middle"), ((0, 0, 0), (255, 0, 0), (0, 255, 0))))


def square(*, bright: bool, channel: int = 1, seed: int = 0) -> Item:
    """A square in one channel, noise in the others."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((20, 30), np.uint8)
    mask[5:12, 8:20] = 1
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    levels = np.where(mask == 1, 180, 60) if bright else np.where(mask == 1, 60, 180)
    image[..., channel] = levels + rng.integers(-20, 21, mask.shape)
    return Item(f"item{seed}", image, mask)


@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("channel", [0, 2])
def test_otsu_finds_a_square_exactly(bright: bool, channel: int) -> None:
    predict, words = fit_otsu([square(bright=bright, channel=channel, seed=n) for n in range(3)], TWO)
    unseen = square(bright=bright, channel=channel, seed=9)
    assert np.array_equal(predict(unseen), unseen.target)
    order = "background, square" if bright else "square, background"
    assert words == f"channel {channel}, dark to bright: {order}"


def test_polarity_is_that_of_the_validation_images() -> None:
    predict, _ = fit_otsu([square(bright=True)], TWO)
    dark = square(bright=False, seed=5)
    assert np.array_equal(predict(dark), 1 - dark.target)


def test_ignored_pixels_do_not_move_the_threshold() -> None:
    item = square(bright=True)
    image, mask = item.image.copy(), item.target.copy()
    image[:, 22:], mask[:, 22:] = 255, IGNORED
    spoiled = Item("spoiled", image, mask)
    predict, _ = fit_otsu([spoiled], TWO)
    assert np.array_equal(predict(spoiled)[:, :22], item.target[:, :22])


def test_three_levels() -> None:
    mask = np.repeat(np.array([[0, 1, 2]], np.uint8), 6, axis=0).repeat(5, axis=1)
    image = np.zeros((*mask.shape, 3), np.uint8)
    image[..., 0] = np.array([10, 240, 120], np.uint8)[mask]
    item = Item("three", image, mask)
    predict, words = fit_otsu([item], THREE)
    assert np.array_equal(predict(item), mask)
    assert words == "channel 0, dark to bright: dark, middle, bright"


def test_an_image_of_one_grey_is_one_level() -> None:
    flat = Item("flat", np.full((4, 4, 3), 7, np.uint8), np.zeros((4, 4), np.uint8))
    predict, _ = fit_otsu([square(bright=True)], TWO)
    assert predict(flat).max() == 0


def test_constant_and_most_frequent() -> None:
    item = square(bright=True)
    # Of both images together, whichever has more in each.
    assert most_frequent_class(np.array([[10, 9], [1, 3]])) == 1
    assert most_frequent_class(np.array([[10, 9], [1, 0]])) == 0
    counts = confusion(torch.from_numpy(constant(1)(item))[None], torch.from_numpy(item.target)[None], 2)
    scores = dataset_scores(counts, ("a", "b"))
    share = 7 * 12 / 600
    assert scores["accuracy"] == pytest.approx(share)
    assert scores["iou"] == {"a": 0.0, "b": pytest.approx(share)}
    assert scores["recall"] == {"a": 0.0, "b": 1.0}


def deep(item: Item, hot: int = 0) -> Item:
    """The same scene in 16 bits, as satellites send it: up to 3,000 and some, with a few hot pixels."""
    image = item.image.astype(np.uint16).repeat(4, axis=0).repeat(4, axis=1) * 13
    image[0, :hot] = 65535
    return Item(item.name, image, item.target.repeat(4, axis=0).repeat(4, axis=1))


@pytest.mark.parametrize("hot", [0, 1])
def test_16_bit_images_are_split_as_well_as_8_bit_ones(hot: int) -> None:
    predict, words = fit_otsu([deep(square(bright=True, seed=n)) for n in range(3)], TWO)
    unseen = deep(square(bright=True, seed=9), hot)
    assert int(np.count_nonzero(predict(unseen) != unseen.target)) <= hot
    assert words == "channel 1, dark to bright: background, square"


def test_three_levels_of_16_bits_are_quick() -> None:
    """Of 65,536 values, three classes would take a table of 2 billion cells."""
    rng = np.random.default_rng(0)
    mask = np.repeat(np.array([[0, 1, 2]], np.uint8), 60, axis=0).repeat(20, axis=1)
    grey = np.array([5_000, 60_000, 30_000])[mask] + rng.integers(-4_000, 4_001, mask.shape)
    item = Item("deep", grey.astype(np.uint16)[..., None], mask)
    predict, words = fit_otsu([item], DataSpec(MaskTarget(THREE.classes, THREE.colours), 1))
    assert np.array_equal(predict(item), mask)
    assert words == "channel 0, dark to bright: dark, middle, bright"


def test_thresholds_of_8_bits_are_those_of_scikit_image() -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(20, 240, (50, 60), dtype=np.uint8)
    for classes in (2, 3):
        own = _thresholds(grey, np.zeros_like(grey), classes)
        assert own.tolist() == threshold_multiotsu(grey, classes=classes).tolist()


def test_large_images_are_split_by_a_part_of_their_pixels() -> None:
    """The thresholds come from every n-th row and column, the prediction has all pixels; and the note says so."""
    item = square(bright=True)
    image, mask = (array.repeat(60, axis=0).repeat(60, axis=1) for array in (item.image, item.target))
    large = Item("large", image, mask)
    assert large.target.size > 2 * LARGE
    predict, words = fit_otsu([large], TWO)
    assert np.array_equal(predict(large), large.target)
    assert words == (
        "channel 1, dark to bright: background, square; thresholds of large images from about a million of their pixels"
    )
