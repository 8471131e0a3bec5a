"""Data sets of files whose targets are no masks: a class for each image, another image, the image itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.checks.review import review_data
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.forms import IMAGE_FORM, LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem
from segexp.data.items.target_sources import FixedTarget, ImageTargetFile
from segexp.data.splits.rules import PHASES
from segexp.errors import DataError, SizeError
from segexp.rasters import open_raster
from segexp.spec import ImageTarget, LabelTarget, Target
from tests.data.made import read, write

CACHES = pytest.mark.parametrize("cache", ["none", "ram", "disk"])


class Labelled(FilesDataModule):
    """``<class>/*.png``; ``wrong``: what is given as class number of the first image."""

    def __init__(self, root: Path, image_size: int | None = None, wrong: Any = None, **keys: Any) -> None:
        super().__init__(**keys)
        self.root, self.image_size, self.wrong = root, image_size, wrong

    def target(self) -> Target:
        return LabelTarget(tuple(sorted(path.name for path in self.root.iterdir())))

    def listing(self) -> Listing:
        names = self.counted_classes()
        files = [(number, path) for number, name in enumerate(names) for path in sorted((self.root / name).iterdir())]
        return Listing(
            [
                Pair(f"{path.parent.name}_{path.stem}", path, label=number, stratum=path.parent.name)
                for number, path in files
            ]
        )

    def open(self, pair: Pair) -> Item:
        label = self.wrong if self.wrong is not None and pair.name.endswith("_0") else pair.label
        return StoredItem(pair.name, open_raster(pair.image), FixedTarget(label), form=LABEL_FORM)


class Rebuilt(FilesDataModule):
    """``a/*.png``; with ``other`` their targets lie in ``b/``, else they are themselves."""

    def __init__(self, root: Path, *, other: bool, **keys: Any) -> None:
        super().__init__(**keys)
        self.root, self.other = root, other

    def target(self) -> Target:
        return ImageTarget(3)

    def listing(self) -> Listing:
        files = sorted((self.root / "a").iterdir())
        return Listing([Pair(path.stem, path, self.root / "b" / path.name if self.other else None) for path in files])

    def open(self, pair: Pair) -> Item:
        target = None if pair.mask is None else ImageTargetFile(open_raster(pair.mask))
        return StoredItem(pair.name, open_raster(pair.image), target, form=IMAGE_FORM)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in (("cat", 12), ("dog", 6)):
        for number in range(count):
            size = (20 + number, 26, 3)
            write(tmp_path / "data" / name / f"{number}.png", rng.integers(0, 256, size, dtype=np.uint8))
    return tmp_path / "data"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(8):
        for folder in "ab":
            write(tmp_path / folder / f"{number}.png", rng.integers(0, 256, (16, 20, 3), dtype=np.uint8))
    return tmp_path


def problems(datamodule: FilesDataModule) -> list[str]:
    found = review_data(datamodule, full=True, progress=lambda results, *_: results)
    return [problem.text for problem in found.problems if problem.fatal]


@CACHES
def test_a_class_for_each_image(labelled: Path, cache: str) -> None:
    data = Labelled(labelled, crop_size=16, cache=cache)
    data.setup()
    for phase in PHASES:
        kinds = [item.name.split("_")[0] for item in data.items(phase)]
        assert [int(item.target) for item in data.items(phase)] == [kind == "dog" for kind in kinds]
        assert 1 <= kinds.count("cat") / kinds.count("dog") <= 3  # each part has about its share of both
    batch = next(iter(data.train_dataloader()))
    assert (batch["image"].shape, batch["target"].shape) == ((12, 3, 16, 16), (12,))
    counts = data.class_pixels("train")
    assert counts.sum(axis=1).tolist() == [1] * len(data.items("train"))
    assert data.spec.out_channels == 2 and data.spec.kind == "classification"
    for item in data.items("test"):
        assert np.array_equal(item.image, read(labelled / f"{item.name.replace('_', '/')}.png"))


def test_drawn_evenly_over_the_classes(labelled: Path) -> None:
    data = Labelled(labelled, crop_size=16, balance="classes", crops_total=400)
    samples = data.train_samples()
    share = np.mean([int(samples[0, index]["target"]) for index in range(400)])
    assert 0.42 < share < 0.58
    positive = Labelled(labelled, crop_size=16, positive_fraction=1.0, positive_classes=["dog"]).train_samples()
    assert {int(positive[0, index]["target"]) for index in range(len(positive))} == {1}


@CACHES
def test_images_of_one_size_are_batched_whole(labelled: Path, cache: str) -> None:
    with pytest.raises(DataError, match="different sizes"):
        raise DataError(problems(Labelled(labelled))[0])
    data = Labelled(labelled, image_size=12, cache=cache, loader={"batch_size": 20, "eval_batch_size": 4})
    data.setup()
    assert {item.shape for phase in PHASES for item in data.items(phase)} == {(12, 12)}
    item = data.items("train")[0]
    own = Item("x", read(labelled / f"{item.name.replace('_', '/')}.png"), 0, form=LABEL_FORM)
    assert np.array_equal(item.image, own.resized(12).image)
    assert next(iter(data.train_dataloader()))["image"].shape == (len(data.items("train")), 3, 12, 12)
    assert not problems(Labelled(labelled, image_size=12))


def test_another_label_is_looked_at_again(labelled: Path) -> None:
    first = Labelled(labelled, crop_size=16, split_seed=1)
    first.setup()
    turned = Labelled(labelled, crop_size=16, split_seed=1, wrong=1)
    turned.setup()
    moved = [item.name.startswith("cat_0") for item in turned.items("train")]
    assert np.array_equal(turned.class_pixels("train")[moved], np.repeat([[0, 1]], sum(moved), axis=0))


@pytest.mark.parametrize("wrong", [2, -1, 1.0])
def test_a_label_that_is_no_class_is_refused(labelled: Path, wrong: Any) -> None:
    for_all = problems(Labelled(labelled, crop_size=16, wrong=wrong))
    assert len(for_all) == 2
    assert f"cat/0.png: found the class number {wrong}, expected a whole number of 0 to 1 (cat, dog)" in for_all[0]
    with pytest.raises(DataError, match=r"found the class number"):
        Labelled(labelled, crop_size=16, wrong=wrong).setup()


def test_a_class_without_images_is_refused(labelled: Path) -> None:
    (labelled / "empty").mkdir()
    (text,) = problems(Labelled(labelled, crop_size=16))
    assert text.startswith("empty: none of the ") and "look at its images, or choose another split" in text
    with pytest.raises(DataError, match="empty: none of the"):
        Labelled(labelled, crop_size=16).setup()


def test_one_image_in_two_classes_is_refused_or_used_nowhere(labelled: Path) -> None:
    (labelled / "dog" / "9.png").write_bytes((labelled / "cat" / "3.png").read_bytes())
    found = problems(Labelled(labelled, crop_size=16))
    assert len(found) == 1 and "cat/3.png (class 0) and" in found[0] and "of different classes" in found[0]
    data = Labelled(labelled, crop_size=16, on_bad="skip")
    data.setup()
    names = {item.name for phase in PHASES for item in data.items(phase)}
    assert len(names) == 17 and not names & {"cat_3", "dog_9"}


@CACHES
@pytest.mark.parametrize("other", [True, False])
def test_an_image_is_the_target(images: Path, cache: str, other: bool) -> None:
    data = Rebuilt(images, other=other, cache=cache, crop_size=8)
    data.setup()
    for phase in PHASES:
        for item in data.items(phase):
            image, target = read(images / "a" / f"{item.name}.png"), read(images / "ab"[other] / f"{item.name}.png")
            assert np.array_equal(item.image, image) and np.array_equal(item.target, target)
            part = item.window(2, 3, 4, 5)
            assert np.array_equal(part[0], image[2:6, 3:8]) and np.array_equal(part[1], target[2:6, 3:8])
    assert data.spec.out_channels == 3
    assert next(iter(data.train_dataloader()))["target"].shape[1:] == (3, 8, 8)


def test_an_image_that_is_its_own_target_is_decoded_once(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Rebuilt(images, other=False, cache="none", crop_size=8)
    item = data.open(data.listing().pairs[0])
    assert item.decoded_bytes == 16 * 20 * 3
    calls: list[int] = []
    window = type(item.raster).window  # type: ignore[attr-defined]
    monkeypatch.setattr(type(item.raster), "window", lambda *place: calls.append(1) or window(*place))  # type: ignore[attr-defined]
    kept = item.decoded()
    assert len(calls) == 1 and kept.target is kept.image


@pytest.mark.parametrize(
    ("shape", "message"), [((16, 21, 3), "16x21 pixels, but its image"), ((16, 20), "its target has 1 channels")]
)
def test_an_image_target_that_does_not_fit_is_refused(images: Path, shape: tuple[int, ...], message: str) -> None:
    write(images / "b" / "3.png", np.zeros(shape, np.uint8))
    assert any("3.png" in text and message in text for text in problems(Rebuilt(images, other=True, crop_size=8)))
    with pytest.raises((SizeError, DataError), match=message):
        Rebuilt(images, other=True, crop_size=8).setup()


def test_an_image_target_that_cannot_be_read_is_found_before_training(images: Path) -> None:
    (images / "b" / "3.png").write_bytes((images / "b" / "3.png").read_bytes()[:300])
    with pytest.raises(DataError, match=r"b/3\.png"):
        Rebuilt(images, other=True, crop_size=8, cache="none").setup()


def test_a_split_of_an_earlier_run_is_kept(labelled: Path, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["cat_1", "dog_1"], "val": ["cat_2"], "test": ["dog_2"]}))
    data = Labelled(labelled, crop_size=16, split_file=str(path))
    assert [item.name for item in data.items("train")] == ["cat_1", "dog_1"]
    assert any("no image of dog among its 1 images" in note for note in data.notes)
