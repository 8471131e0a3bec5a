"""Samples are keyed by (seed, epoch, index) and by nothing else; ranks share an epoch without overlap."""

import hashlib

import albumentations
import numpy as np
import torch

from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.data.sampling.loader import make_loader
from segexp.data.sampling.samples import KeyedSampler, RandomCrops, WholeImages, collate
from segexp.types import LoaderOptions
from tests.data.made import painted

ITEMS = [painted(seed=seed) for seed in range(3)]


def full_augment() -> Augment:
    changes = [albumentations.D4(p=1.0), albumentations.RandomBrightnessContrast(p=1.0)]
    return Augment(rotate=45.0, scale=0.2, transforms=changes)


def crops(seed: int = 5, count: int = 10, redraw: bool = True, stats: bool = False) -> RandomCrops:
    return RandomCrops(RandomLocations(ITEMS, count, 20), 20, full_augment(), seed, redraw=redraw, stats=stats)


def digest(data: RandomCrops, epoch: int, index: int) -> str:
    sample = data[(epoch, index)]
    return hashlib.sha256(sample["image"].tobytes() + sample["target"].tobytes()).hexdigest()


def test_a_key_gives_the_same_bytes_in_any_order() -> None:
    first = {(e, i): digest(crops(), e, i) for e in range(2) for i in range(10)}
    one = crops()
    np.random.seed(99)
    torch.manual_seed(99)
    again = {(e, i): digest(one, e, i) for e in (1, 0) for i in reversed(range(10))}
    assert first == again
    assert len(set(first.values())) == 20  # epochs differ, indices differ
    assert digest(crops(seed=6), 0, 0) != first[0, 0]


def test_sample_i_comes_from_image_i_modulo_their_number() -> None:
    data = RandomCrops(RandomLocations(ITEMS, 7, None), None, Augment(), 0, redraw=True)
    assert len(data) == 7
    for index in range(7):
        sample = data[(3, index)]
        assert np.array_equal(sample["target"], ITEMS[index % 3].target)
        assert sample["index"] == index


def test_without_redraw_every_epoch_is_epoch_0() -> None:
    fixed = [digest(crops(redraw=False), epoch, 4) for epoch in range(3)]
    assert fixed == [digest(crops(), 0, 4)] * 3
    assert digest(crops(), 1, 4) != fixed[0]


def epochs(workers: int, persistent: bool) -> list[tuple[str, list[int]]]:
    options = LoaderOptions(batch_size=4, num_workers=workers, persistent_workers=persistent)
    data = crops()
    sampler = KeyedSampler(len(data), 5, shuffle=True)
    loader = make_loader(data, sampler, options, training=True)
    found = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for batch in loader:
            content = batch["image"].contiguous().numpy().tobytes() + batch["target"].numpy().tobytes()
            found.append((hashlib.sha256(content).hexdigest(), batch["index"].tolist()))
    return found


def test_workers_do_not_change_the_batches() -> None:
    none = epochs(0, False)
    assert len({content for content, _ in none}) == 6
    assert [len(index) for _, index in none] == [4, 4, 2] * 2
    assert sorted(i for _, index in none[:3] for i in index) == list(range(10))
    assert [index for _, index in none[:3]] != [index for _, index in none[3:]]
    assert epochs(1, False) == none
    assert epochs(2, True) == none


def test_stats_of_the_whole_image_come_with_the_crop_where_asked_for() -> None:
    assert "stats" not in crops()[(0, 0)]
    batch = collate([crops(stats=True)[(0, index)] for index in (0, 1)])
    assert (batch["stats"].shape, batch["stats"].dtype) == ((2, 2, 3), torch.float32)
    assert np.array_equal(batch["stats"][1].numpy(), ITEMS[1].stats)


def test_collate_stacks_without_a_copy_of_the_channels() -> None:
    batch = collate([WholeImages(ITEMS)[(0, index)] for index in range(3)])
    image = batch["image"]
    assert (image.shape, image.dtype) == ((3, 3, 48, 48), torch.uint8)
    assert image.is_contiguous(memory_format=torch.channels_last)
    assert (batch["target"].shape, batch["target"].dtype) == ((3, 48, 48), torch.uint8)
    assert batch["index"].tolist() == [0, 1, 2]
    for place, item in enumerate(ITEMS):
        assert np.array_equal(image[place].permute(1, 2, 0).numpy(), item.image)
        assert np.array_equal(batch["target"][place].numpy(), item.target)


def test_order_is_seeded_and_changes_with_the_epoch() -> None:
    def order(seed: int, epoch: int, shuffle: bool = True) -> list[int]:
        sampler = KeyedSampler(20, seed, shuffle=shuffle)
        sampler.set_epoch(epoch)
        return [index for _, index in sampler]

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert order(1, 2, shuffle=False) == list(range(20))


def test_the_order_of_the_first_epoch_again_and_again() -> None:
    sampler = KeyedSampler(5, 7, shuffle=True, repeats=True)
    first = list(sampler)
    sampler.set_epoch(3)
    assert list(sampler) == first
    assert [epoch for epoch, _ in first] == [0] * 5
