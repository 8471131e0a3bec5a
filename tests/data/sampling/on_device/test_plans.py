"""Batches that are taken from images on the device are the loader's, byte for byte."""

from collections.abc import Sequence
from typing import Any

import albumentations
import numpy as np
import pytest
import torch

from segexp.data.items.forms import IMAGE_FORM, LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import CropLocations, GridLocations, RandomLocations
from segexp.data.sampling.loader import make_loader
from segexp.data.sampling.on_device.images import DeviceImages
from segexp.data.sampling.on_device.plans import CropPlans
from segexp.data.sampling.samples import Batch, KeyedSampler, RandomCrops
from segexp.errors import MismatchError
from segexp.types import LoaderOptions
from tests.data.made import painted

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
SIZES = ((40, 52), (33, 37), (64, 30))


def noise(number: int, shape: tuple[int, int], *, dtype: type = np.uint8, channels: int = 3) -> Item:
    """Pixels that no other place has, and a mask with ignored ones."""
    image = RNG.integers(0, np.iinfo(dtype).max, (*shape, channels), endpoint=True, dtype=dtype)
    mask = RNG.choice(np.array([0, 1, 2, 255], np.uint8), shape)
    return Item(f"noise_{number}", image, mask)


ITEMS = [noise(number, shape) for number, shape in enumerate(SIZES)]
SQUARES = [noise(number, (24, 24)) for number in range(3)]


def turns() -> list[Any]:
    """Every transform that is allowed, also inside others."""
    one_of = albumentations.OneOf([albumentations.Transpose(p=1.0), albumentations.NoOp(p=1.0)], p=0.7)
    return [albumentations.D4(p=0.8), albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5),
            albumentations.RandomRotate90(p=0.5), one_of]  # fmt: skip


def batches(crops: RandomCrops, items: Sequence[Item], workers: int | None) -> list[Batch]:
    """Two epochs; without a number of workers from the loader, else as the device takes them."""
    options = LoaderOptions(batch_size=4, num_workers=workers or 0, on_device=workers is not None)
    sampler = KeyedSampler(len(crops), crops.seed, shuffle=True)
    if workers is None:
        loader: Any = make_loader(crops, sampler, options, training=True)
    else:
        plans = CropPlans(crops, items)
        loader = make_loader(plans, sampler, options, training=True)
        images = DeviceImages(items, crops.size, CPU, stats=crops.stats)
    found = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for batch in loader:
            found.append(batch if workers is None else images.batch(batch["plan"], batch["index"]))
    return found


def assert_same(crops: RandomCrops, items: Sequence[Item], workers: int = 0) -> list[Batch]:
    wanted, found = batches(crops, items, None), batches(crops, items, workers)
    assert len(wanted) == len(found)
    for one, other in zip(wanted, found, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert (one[key].dtype, one[key].stride()) == (other[key].dtype, other[key].stride()), key
            assert one[key].numpy().tobytes() == other[key].numpy().tobytes(), key
    return wanted


def locations(items: Sequence[Item], count: int = 10, size: int | None = 20, positive: float = 0.0) -> CropLocations:
    counts = np.ones((len(items), 3), np.int64)
    return RandomLocations(items, count, size, counts, positive, (1,), balanced=positive > 0.5)


@pytest.mark.parametrize("transforms", [[], ["flips"], turns()], ids=["none", "flips", "all"])
def test_crops_and_turns_are_those_of_the_loader(transforms: list[Any]) -> None:
    if transforms == ["flips"]:
        transforms = [albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5)]
    crops = RandomCrops(locations(ITEMS, 24), 20, Augment(transforms=transforms), 3, redraw=True)
    found = assert_same(crops, ITEMS)
    images = torch.cat([batch["image"] for batch in found])
    assert len({image.numpy().tobytes() for image in images}) > 40  # of the 48 samples of two epochs


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_loading_processes_gives_the_same(workers: int) -> None:
    crops = RandomCrops(locations(ITEMS), 20, Augment(transforms=turns()), 5, redraw=True)
    assert_same(crops, ITEMS, workers)


def test_foreground_grids_and_fixed_crops_are_cut_alike() -> None:
    augment = Augment(transforms=turns())
    for places in (
        locations(ITEMS, positive=0.4),
        locations(ITEMS, positive=0.8),
        GridLocations(ITEMS, 20, 13, [True] * 3),
    ):
        assert_same(RandomCrops(places, 20, augment, 7, redraw=True), ITEMS)
    found = assert_same(RandomCrops(locations(ITEMS), 20, augment, 7, redraw=False), ITEMS)
    by_number = [
        {
            int(i): image.numpy().tobytes()
            for batch in epoch
            for i, image in zip(batch["index"], batch["image"], strict=True)
        }
        for epoch in (found[:3], found[3:])
    ]
    assert by_number[0] == by_number[1]


def test_whole_images_of_one_size() -> None:
    assert_same(RandomCrops(locations(SQUARES, 6, None), None, Augment(transforms=turns()), 1, redraw=True), SQUARES)
    oblong = [noise(number, (20, 28)) for number in range(2)]
    flips = [albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5)]
    assert_same(RandomCrops(locations(oblong, 6, None), None, Augment(transforms=flips), 1, redraw=True), oblong)
    quarter = Augment(transforms=[albumentations.Transpose(p=1.0)])
    for kind in (lambda crops: crops, lambda crops: CropPlans(crops, oblong)):
        samples: Any = kind(RandomCrops(locations(oblong, 6, None), None, quarter, 1, redraw=True))
        with pytest.raises(MismatchError, match=r"20x28 into 28x20.*choose augment=flips"):
            samples[0, 0]


def test_sixteen_bits_grey_and_stats_of_the_whole_image() -> None:
    items = [noise(number, shape, dtype=np.uint16, channels=1) for number, shape in enumerate(SIZES)]
    crops = RandomCrops(locations(items), 20, Augment(transforms=turns()), 2, redraw=True, stats=True)
    found = assert_same(crops, items)
    assert found[0]["image"].dtype == torch.uint16
    assert found[0]["stats"].shape == (4, 2, 1)


def test_targets_that_are_images_turn_with_them_and_labels_stay() -> None:
    def item(number: int, target: Any, form: Any) -> Item:
        return Item(f"item_{number}", ITEMS[number].image, target, form=form)

    others = [RNG.integers(0, 255, (*shape, 2), dtype=np.uint8) for shape in SIZES]
    for items in (
        [item(number, others[number], IMAGE_FORM) for number in range(3)],
        [item(number, number + 300, LABEL_FORM) for number in range(3)],
    ):
        crops = RandomCrops(locations(items), 20, Augment(transforms=turns()), 4, redraw=True)
        found = assert_same(crops, items)
    assert sorted(set(torch.cat([batch["target"] for batch in found]).tolist())) == [300, 301, 302]


def test_a_worker_names_the_image_of_a_sample_that_cannot_be_planned() -> None:
    crops = RandomCrops(locations([painted()]), 20, Augment(), 0, redraw=True)
    with pytest.raises(Exception, match="training sample 3 of epoch 1 could not be made: KeyError"):
        CropPlans(crops, ITEMS)[0, 3]
