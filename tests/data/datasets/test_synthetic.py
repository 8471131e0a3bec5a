"""The embedded data set, and what every datamodule does with its settings."""

import operator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from segexp.data.checks.survey import mean_and_std, survey_image
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem
from segexp.data.sampling.loader import make_loader, worker_count
from segexp.data.sampling.samples import KeyedSampler, WholeImages
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.scenes import SCENES, draw_scene
from segexp.errors import ConfigError
from segexp.spec import DataSpec
from segexp.types import LoaderOptions
from tests.data.made import painted

SMALL: dict[str, Any] = {"size": 48, "train_images": 4, "val_images": 2, "test_images": 3}


def contents(data: SyntheticDataModule, phase: str) -> list[bytes]:
    return [item.image.tobytes() + item.target.tobytes() for item in data.items(phase)]  # type: ignore[arg-type]


def test_parts_share_no_image() -> None:
    data = SyntheticDataModule(**SMALL)
    everything = [image for phase in PHASES for image in contents(data, phase)]
    assert len(everything) == len(set(everything)) == 9
    assert [item.name for item in data.items("test")] == ["test_000", "test_001", "test_002"]


def test_more_training_images_leave_all_others_as_they_are() -> None:
    few, many = SyntheticDataModule(**SMALL), SyntheticDataModule(**{**SMALL, "train_images": 7})
    assert contents(many, "train")[:4] == contents(few, "train")
    for phase in ("val", "test"):
        assert contents(many, phase) == contents(few, phase)


def test_only_scene_seed_changes_the_images() -> None:
    first = SyntheticDataModule(**SMALL)
    assert contents(first, "test") == contents(SyntheticDataModule(**SMALL, seed=5), "test")
    assert not set(contents(first, "test")) & set(contents(SyntheticDataModule(**SMALL, scene_seed=5), "test"))


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_items_are_the_scenes_ignored_outside_the_field_of_view(scene: str) -> None:
    data = SyntheticDataModule(scene=scene, **SMALL)  # type: ignore[arg-type]
    drawn = draw_scene(scene, 0, 1, 48)
    item = data.items("train")[1]
    assert np.array_equal(item.image, drawn.image)
    assert np.array_equal(item.target, np.where(drawn.fov == 0, 255, drawn.mask))
    assert (255 in item.target) == (scene == "vessels")
    assert ("field of view" in data.scored_region()) == (scene == "vessels")
    assert data.spec.classes == SCENES[scene].classes
    assert data.spec.out_channels == (3 if scene == "cells" else 1)
    assert len(data.spec.colours) == len(set(data.spec.colours)) == len(data.spec.classes)


@pytest.mark.parametrize(
    ("normalize", "scaling", "std"), [("unit", "fixed", (255.0,) * 3), ("image", "image", (255.0,) * 3)]
)
def test_spec_without_statistics_of_the_data(normalize: Any, scaling: str, std: tuple[float, ...]) -> None:
    data = SyntheticDataModule(**SMALL, normalize=normalize)
    assert (data.spec.mean, data.spec.std, data.spec.scaling) == ((0.0,) * 3, std, scaling)
    batch = next(iter(data.train_dataloader()))
    assert ("stats" in batch) == (normalize == "image")


def test_imagenet_statistics_are_those_of_torchvision_times_255(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SyntheticDataModule(**SMALL, normalize="imagenet").spec
    assert spec.mean == pytest.approx([255 * m for m in (0.485, 0.456, 0.406)])
    assert spec.std == pytest.approx([255 * s for s in (0.229, 0.224, 0.225)])
    grey = SyntheticDataModule(**SMALL, normalize="imagenet")
    items = grey.read()
    one = {phase: [Item(item.name, item.image[..., :1], item.target) for item in items[phase]] for phase in items}
    monkeypatch.setattr(grey, "read", lambda: one)
    with pytest.raises(ConfigError, match=r"imagenet.*RGB.* 1 channels"):
        grey.setup()


def test_spec_with_statistics_of_the_training_images_survives_a_round_trip() -> None:
    data = SyntheticDataModule(**SMALL)
    assert (data.spec.mean, data.spec.std) == mean_and_std([survey_image(item, 2) for item in data.items("train")])
    assert data.spec.scaling == "fixed"
    assert data.spec.in_channels == 3
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec


def test_describe_says_how_much_of_what() -> None:
    data = SyntheticDataModule(**SMALL, crop_size=32, crops_per_image=5, loader={"batch_size": 3})
    described = data.describe()
    sizes = described["train"].pop("sizes")
    assert (sizes["images"], [found["name"] for found in sizes["objects"]]) == (4, ["vessel"])
    assert described["train"] == {
        "images": 4,
        "samples": 20,
        "shape": [20, 3, 32, 32],
        "names": [f"train_{n:03d}" for n in range(4)],
    }
    assert described["test"]["shape"] == [3, 3, 48, 48]
    assert described["classes"] == ["background", "vessel"]
    assert described["notes"] == []
    assert described["loader"] == {**asdict(LoaderOptions()), "batch_size": 3}
    assert SyntheticDataModule(**SMALL, crops_total=7, crops_per_image=5).describe()["train"]["samples"] == 7


def test_crops_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"crop_size: found 49, but train_000 has 48x48 pixels .*; use at most 48"):
        SyntheticDataModule(**SMALL, crop_size=49).setup()
    assert SyntheticDataModule(**SMALL, crop_size=48).spec.in_channels == 3


# Option -> a value that is not the default, and what the training loader holds then.
REACHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "batch_size": (3, {"batch_sampler.size": 3}),
    "eval_batch_size": (2, {"batch_sampler.size": 16}),  # for evaluation, see below
    "num_workers": (2, {"num_workers": 2}),
    "prefetch_factor": (5, {"prefetch_factor": 5}),
    "pin_memory": (True, {"pin_memory": True}),
    "persistent_workers": (False, {"persistent_workers": False}),
    "drop_last": (True, {"batch_sampler.drop_last": True}),
}


def loader(training: bool, **options: Any) -> DataLoader[Any]:
    items = [painted(seed=seed) for seed in range(5)]
    sampler = KeyedSampler(5, 0, shuffle=False)
    return make_loader(WholeImages(items), sampler, LoaderOptions(**options), training=training)


def test_every_option_is_in_the_table() -> None:
    # on_device is for the datamodule, which takes another set of samples: tests/data/sampling/on_device.
    assert REACHES.keys() | {"on_device"} == {field.name for field in fields(LoaderOptions)}


@pytest.mark.parametrize("option", REACHES)
def test_every_option_reaches_the_loader(option: str) -> None:
    value, expected = REACHES[option]
    # Prefetching and persistence are properties of workers.
    workers = {"num_workers": 1} if option in ("prefetch_factor", "persistent_workers") else {}
    made, default = loader(True, **{**workers, option: value}), loader(True, **workers)
    for name, wanted in expected.items():
        held = operator.attrgetter(name)
        assert held(made) == wanted
        assert option == "eval_batch_size" or held(default) != wanted


def test_evaluation_takes_whole_images_in_order_and_leaves_none_out() -> None:
    batches = list(loader(False, eval_batch_size=2, batch_size=4, drop_last=True))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    assert [len(batch["index"]) for batch in loader(True, batch_size=2, drop_last=True)] == [2, 2]
    assert [len(batch["index"]) for batch in loader(True, batch_size=2)] == [2, 2, 1]


def test_workers_are_chosen_by_the_machine_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert worker_count(LoaderOptions()) == 0
    assert worker_count(LoaderOptions(num_workers=3)) == 3
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert 1 <= worker_count(LoaderOptions()) <= 8
    assert worker_count(LoaderOptions(num_workers=0)) == 0


def test_loader_options_of_the_datamodule_arrive() -> None:
    data = SyntheticDataModule(**SMALL, crop_size=16, crops_per_image=2, loader={"batch_size": 3, "drop_last": True})
    assert [tuple(batch["image"].shape) for batch in data.train_dataloader()] == [(3, 3, 16, 16)] * 2
    assert [tuple(batch["image"].shape) for batch in data.val_dataloader()] == [(1, 3, 48, 48)] * 2


def test_a_resumed_run_starts_in_its_epoch() -> None:
    data = SyntheticDataModule(**SMALL, crop_size=16)
    first = next(iter(data.train_dataloader()))["image"]
    data.begin_at(3)
    third = next(iter(data.train_dataloader()))["image"]
    assert not torch.equal(first, third)


def test_batches_move_to_a_device_as_they_are() -> None:
    data = SyntheticDataModule(**SMALL, normalize="image")
    batch = next(iter(data.train_dataloader()))
    moved = data.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert {key: value.device.type for key, value in moved.items()} == {  # type: ignore[attr-defined]
        "image": "meta", "target": "meta", "stats": "meta", "index": "cpu",
    }  # fmt: skip
    assert moved["image"].dtype == torch.uint8


def test_workers_reach_evaluation_only_when_asked() -> None:
    assert loader(False).num_workers == 0
    assert loader(False, num_workers=1).num_workers == 1


def test_many_large_images_lie_on_disk_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path))
    kept = SyntheticDataModule(**SMALL)
    stored = SyntheticDataModule(**SMALL, memory_limit=0.0)
    for phase in PHASES:
        assert contents(stored, phase) == contents(kept, phase)
        assert all(type(item) is StoredItem and item.in_memory for item in stored.items(phase))
        assert [item.name for item in stored.items(phase)] == [item.name for item in kept.items(phase)]
    assert stored.spec == kept.spec
    assert any(str(tmp_path) in note for note in stored.notes)
    assert kept.notes == []
    assert len(list(tmp_path.rglob("mask.npy"))) == 9


def test_images_on_disk_are_neither_drawn_nor_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path))
    caplog.set_level("INFO", logger="segexp")
    first = SyntheticDataModule(**SMALL, memory_limit=0.0)
    spec = first.spec
    assert caplog.messages == [f"drawing     9 images of 48x48 into {tmp_path}, once"]
    monkeypatch.setattr("segexp.data.synthetic.drawn_item.draw_scene", None)
    monkeypatch.setattr("segexp.data.datasets.synthetic.survey_image", None)
    again = SyntheticDataModule(**SMALL, memory_limit=0.0)
    assert again.spec == spec
    assert contents(again, "test") == contents(first, "test")
    assert len(caplog.messages) == 1


def test_no_more_than_one_image_is_held_while_they_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import weakref

    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path))
    alive: list[Any] = []
    most = 0

    def counting(*numbers: Any) -> Any:
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in alive) + 1)
        scene = draw_scene(*numbers)
        alive.append(weakref.ref(scene))
        return scene

    monkeypatch.setattr("segexp.data.synthetic.drawn_item.draw_scene", counting)
    SyntheticDataModule(**SMALL, memory_limit=0.0).setup()
    assert len(alive) == 9
    assert most <= 2
