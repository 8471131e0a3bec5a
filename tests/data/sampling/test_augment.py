"""Every augmentation of conf/augment, found by itself, and what the augmentation refuses."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.config.paths import conf_dir
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.data.sampling.loader import make_loader
from segexp.data.sampling.samples import KeyedSampler, RandomCrops
from segexp.errors import ConfigError, MismatchError
from segexp.spec import IGNORED
from segexp.training.building.datamodule import build_datamodule
from segexp.types import LoaderOptions
from tests.data.made import coordinates, painted

NAMES = sorted(path.stem for path in (conf_dir() / "augment").glob("*.yaml"))
GEOMETRY = {"HorizontalFlip", "VerticalFlip", "D4", "Transpose", "RandomRotate90"}
"""Transforms that move pixels and keep their values; all others are left out where image and mask are compared."""


def config(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        plain: dict[str, Any] = OmegaConf.to_container(compose("train", list(overrides)), resolve=True)  # type: ignore[assignment]
    return plain


def build(plain: dict[str, Any]) -> Augment:
    return build_datamodule(plain["datamodule"], plain["augment"]).augment


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


def sample(augment: Augment, item: Item, seed: int, size: int | None = 24) -> tuple[np.ndarray, np.ndarray]:
    return augment(item, size, np.random.default_rng(seed))


def test_there_are_augmentations() -> None:
    assert {"none", "flips", "d4", "strong"} <= set(NAMES)


def test_labels_are_those_of_before_and_seeds_decide(name: str) -> None:
    augment = build(config(f"augment={name}"))
    seen = set()
    for seed in range(12):
        item = painted(seed=seed % 3)
        image, mask = sample(augment, item, seed)
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((24, 24, 3), np.uint8, (24, 24), np.uint8)
        assert set(np.unique(mask)) <= set(np.unique(item.target)) | {IGNORED}
        again = sample(augment, item, seed)
        assert image.tobytes() == again[0].tobytes()
        assert mask.tobytes() == again[1].tobytes()
        seen.add(image.tobytes())
    assert len(seen) == 12


def test_image_and_mask_move_together(name: str) -> None:
    plain = config(f"augment={name}")
    transforms = plain["augment"]["transforms"]
    plain["augment"]["transforms"] = [t for t in transforms if t["_target_"].rsplit(".")[-1] in GEOMETRY]
    augment = build(plain)
    moved = 0
    for seed in range(12):
        item = painted(seed=seed)
        image, mask = sample(augment, item, seed)
        expected = np.where(mask == IGNORED, 255, mask.astype(int) * 80)
        difference = np.abs(image[..., 0].astype(int) - expected)
        # Resampling mixes the two sides of an edge; inside the patches of 6x6 pixels the values are exact.
        if plain["augment"]["rotate"] or plain["augment"]["scale"]:
            inside = (mask != IGNORED) & _flat(mask)
            assert inside.sum() > 50
            assert (difference[inside] <= 1).all()
        else:
            assert (difference == 0).all()
        plain_crop, _ = sample(Augment(), item, seed)
        moved += not np.array_equal(image, plain_crop)
    assert moved == 0 if name == "none" else moved >= 5


@pytest.mark.parametrize(("channels", "step"), [(1, 80), (5, 80), (3, 8000)], ids=["grey", "5 bands", "16 bits"])
def test_image_and_mask_move_together_whatever_the_image(name: str, channels: int, step: int) -> None:
    plain = config(f"augment={name}")
    transforms = plain["augment"]["transforms"]
    plain["augment"]["transforms"] = [t for t in transforms if t["_target_"].rsplit(".")[-1] in GEOMETRY]
    augment = build(plain)
    dtype = np.uint16 if step > 255 else np.uint8
    for seed in range(6):
        mask = painted(seed=seed).target
        image = np.repeat((np.where(mask == IGNORED, 0, mask).astype(dtype) * dtype(step))[..., None], channels, axis=2)
        changed, labels = sample(augment, Item("painted", image, mask), seed)
        assert (changed.shape, changed.dtype, labels.shape) == ((24, 24, channels), dtype, (24, 24))
        inside = (labels != IGNORED) & _flat(labels)
        assert inside.sum() > 50
        difference = np.abs(changed.astype(int) - np.where(labels == IGNORED, 0, labels).astype(int)[..., None] * step)
        # Rounding of the interpolation.
        assert difference[inside].max() <= max(1, step // 1000)


def batches(augment: Augment, workers: int) -> list[list[str]]:
    """Digests of the samples of two epochs, in the order of their numbers."""
    crops = RandomCrops(RandomLocations([painted(seed=s) for s in range(3)], 12, 20), 20, augment, 7, redraw=True)
    sampler = KeyedSampler(12, 7, shuffle=True)
    options = LoaderOptions(batch_size=2, num_workers=workers, persistent_workers=True)
    loader = make_loader(crops, sampler, options, training=True)
    epochs = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        found = {}
        for batch in loader:
            for place, index in enumerate(batch["index"].tolist()):
                content = (
                    batch["image"][place].contiguous().numpy().tobytes() + batch["target"][place].numpy().tobytes()
                )
                found[index] = hashlib.sha256(content).hexdigest()
        epochs.append([found[index] for index in range(12)])
    return epochs


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
def test_epochs_and_workers_differ_and_their_number_changes_nothing(name: str) -> None:
    augment = build(config(f"augment={name}"))
    first, second = batches(augment, 0)
    assert all(one != other for one, other in zip(first, second, strict=True))
    # Twelve samples in six batches: every worker makes some, of the same three images, and no two are the same.
    assert len(set(first)) == len(set(second)) == 12
    assert batches(augment, 4) == [first, second]


def _flat(mask: np.ndarray) -> np.ndarray:
    """Pixels whose 3x3 neighbourhood is of one class."""
    flat = np.zeros(mask.shape, bool)
    windows = np.lib.stride_tricks.sliding_window_view(mask, (3, 3))
    flat[1:-1, 1:-1] = windows.min(axis=(2, 3)) == windows.max(axis=(2, 3))
    return flat


def test_flips_are_drawn_apart() -> None:
    """One seed for all transforms would couple them: both flips or none."""
    augment = build(config("augment=flips"))
    item = coordinates(16, 16)
    corners = [tuple(int(v) for v in sample(augment, item, seed, None)[0][0, 0, :2]) for seed in range(200)]
    assert set(corners) == {(0, 0), (0, 15), (15, 0), (15, 15)}
    assert min(corners.count(corner) for corner in set(corners)) > 25  # 50 expected of each


def test_colour_does_not_depend_on_the_flip() -> None:
    flip, invert = ({"_target_": f"albumentations.{name}", "p": 0.5} for name in ("HorizontalFlip", "InvertImg"))
    plain = config("augment=none")
    plain["augment"]["transforms"] = [flip, invert]
    augment = build(plain)
    corners = [tuple(int(v) for v in sample(augment, coordinates(16, 16), s, None)[0][0, 0, :2]) for s in range(100)]
    assert set(corners) == {(0, 0), (0, 15), (255, 255), (255, 240)}


def test_d4_gives_all_eight_positions_and_only_these() -> None:
    augment = build(config("augment=d4"))
    item = coordinates(16, 16)
    turns = [np.rot90(item.image, k) for k in range(4)]
    eight = {a.tobytes() for turn in turns for a in (np.ascontiguousarray(turn), np.ascontiguousarray(turn[:, ::-1]))}
    assert len(eight) == 8
    found = {np.ascontiguousarray(sample(augment, item, seed, None)[0]).tobytes() for seed in range(80)}
    assert found == eight


def test_d4_on_an_oblong_says_what_to_do() -> None:
    augment = build(config("augment=d4"))
    with pytest.raises(MismatchError, match=r"16x24 into 24x16.*crop_size.*augment=flips"):
        for seed in range(40):
            sample(augment, coordinates(16, 24), seed, None)


def test_strong_changes_colours_within_its_limits() -> None:
    augment = build(config("augment=strong"))
    grey = Item("grey", np.full((32, 32, 3), 120, np.uint8), np.zeros((32, 32), np.uint8))
    values = {int(sample(augment, grey, seed)[0][12, 12, 0]) for seed in range(60)}
    assert len(values) > 10
    # Brightness moves by 15 % of 255 and contrast by 20 % about the mean or zero, saturation hardly at grey.
    assert min(values) >= 120 * 0.8 - 0.15 * 255 - 2
    assert max(values) <= 120 * 1.2 + 0.15 * 255 + 22


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ({"_target_": "albumentations.D4", "propability": 1.0}, "propability"),
        ({"_target_": "albumentations.D44"}, "D44"),
        ({"_target_": "albumentations.HorizontalFlip", "p": 3}, "p"),
    ],
)
def test_what_albumentations_does_not_take_is_an_error_of_the_config(transform: dict[str, Any], expected: str) -> None:
    plain = config("augment=none")
    plain["augment"]["transforms"] = [transform]
    with pytest.raises(ConfigError, match=rf"^augment: .*\b{expected}\b"):
        build_datamodule(plain["datamodule"], plain["augment"])
