"""Statistics of data sets and of single images against slow references, and resizing."""

import numpy as np
import pytest
import torch

from segexp.data.checks.survey import mean_and_std, survey_image
from segexp.data.items.item import Item
from segexp.image_statistics import DARK, batch_statistics, image_statistics
from segexp.spec import IGNORED
from tests.data.made import painted


def statistics(items: list[Item]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return mean_and_std([survey_image(item, 2) for item in items])


def noisy(height: int, width: int, channels: int, seed: int) -> Item:
    rng = np.random.default_rng(seed)
    mask = rng.choice(np.array([0, 1, IGNORED], np.uint8), (height, width), p=[0.6, 0.2, 0.2])
    return Item(f"noisy_{seed}", rng.integers(0, 256, (height, width, channels), dtype=np.uint8), mask)


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_are_those_of_the_pixels_that_count(channels: int) -> None:
    items = [noisy(30, 40, channels, 0), noisy(17, 23, channels, 1)]
    counted = np.concatenate([item.image[item.target != IGNORED] for item in items]).astype(np.float64)
    mean, std = statistics(items)
    assert len(mean) == len(std) == channels
    np.testing.assert_allclose(mean, counted.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, counted.std(axis=0), rtol=1e-10)
    everything = np.concatenate([item.image.reshape(-1, channels) for item in items]).mean(axis=0)
    assert not np.allclose(mean, everything)
    assert statistics(items[::-1]) == (mean, std)


def test_a_constant_channel_and_an_empty_mask_divide_by_one() -> None:
    flat = Item("flat", np.full((4, 4, 2), 7, np.uint8), np.zeros((4, 4), np.uint8))
    assert statistics([flat]) == ((7.0, 7.0), (1.0, 1.0))
    nothing = Item("nothing", np.full((4, 4, 1), 7, np.uint8), np.full((4, 4), IGNORED, np.uint8))
    assert statistics([nothing]) == ((0.0,), (1.0,))


def slow_statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of one image (C, H, W), pixel by pixel."""
    highest = max(int(image[:, y, x].max()) for y in range(image.shape[1]) for x in range(image.shape[2]))
    counted = [
        image[:, y, x].astype(float)
        for y in range(image.shape[1])
        for x in range(image.shape[2])
        if image[:, y, x].max() >= DARK * highest
    ]
    values = np.array(counted)
    return values.mean(axis=0), np.maximum(values.std(axis=0), 1.0)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 256), (np.uint16, 65536)])
def test_image_statistics_leave_the_dark_surround_out(dtype: type, top: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(top // 3, top, (3, 3, 12, 15)).astype(dtype)
    images[0, :, :5] = top // 100  # a dark surround
    images[1, :, :, :3] = 0
    images[2] = top // 4  # all alike: the deviation is at least 1
    mean, std = image_statistics(torch.from_numpy(images.astype(np.int32)))
    assert (mean.shape, mean.dtype, std.shape) == ((3, 3), torch.float32, (3, 3))
    for place in range(3):
        expected_mean, expected_std = slow_statistics(images[place])
        np.testing.assert_allclose(mean[place].numpy(), expected_mean, rtol=1e-5)
        np.testing.assert_allclose(std[place].numpy(), expected_std, rtol=1e-4)
    assert not np.isclose(mean[0, 0].item(), images[0, 0].mean(), rtol=1e-2)
    assert std[2].tolist() == [1.0, 1.0, 1.0]


def test_a_black_image_has_finite_statistics() -> None:
    mean, std = image_statistics(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    assert mean.tolist() == [[0.0] * 3]
    assert std.tolist() == [[1.0] * 3]


def test_statistics_of_an_item_are_mean_then_deviation() -> None:
    item = painted()
    whole = torch.from_numpy(item.image).permute(2, 0, 1)[None]
    assert (item.stats.shape, item.stats.dtype) == ((2, 3), np.float32)
    assert np.array_equal(item.stats, batch_statistics(whole)[0].numpy())
    assert np.array_equal(item.stats[0], image_statistics(whole)[0][0].numpy())


@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_averages_the_image_and_picks_labels(channels: int) -> None:
    item = noisy(32, 64, channels, 2)
    small = item.resized(16)
    assert small.name == item.name
    assert (small.image.shape, small.target.shape) == ((16, 16, channels), (16, 16))
    assert small.image.dtype == small.target.dtype == np.uint8
    blocks = item.image.reshape(16, 2, 16, 4, channels).astype(float).mean(axis=(1, 3))
    assert np.abs(small.image - blocks).max() <= 0.5 + 1e-9
    assert np.array_equal(small.target, item.target[::2, ::4])
