"""A folder of images without masks: each is its own target, folders are groups, and a reconstruction trains on them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from segexp.cli.app import run
from segexp.data.datasets.images import ImagesDataModule
from segexp.errors import DataError
from segexp.spec import ImageTarget
from tests.training.runs import folders, read_json


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "shots" / ("left" if number % 2 else "right") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(rng.integers(0, 255, (32, 36, 3), np.uint8)).save(path)
    return tmp_path / "shots"


def test_an_image_is_its_own_target_and_its_folder_a_group(root: Path) -> None:
    module = ImagesDataModule(root=str(root), image_size=32)
    module.setup()
    assert module.spec.target == ImageTarget(3, itself=True)
    items = [item for phase in ("train", "val", "test") for item in module.items(phase)]
    assert {item.name for item in items} == {f"{'left' if n % 2 else 'right'}/{n:02d}" for n in range(12)}
    for item in items:
        assert item.group == item.name.partition("/")[0]
        assert item.shape == (32, 32)
        assert np.array_equal(item.image, item.target)
    grey = ImagesDataModule(root=str(root), channels="grey")
    assert grey.target() == ImageTarget(1, itself=True)


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"datamodule\.root: .* holds no image; found"):
        ImagesDataModule(root=str(tmp_path)).setup()


def test_a_reconstruction_trains_on_it(root: Path) -> None:
    words = (
        "task=reconstruction", "datamodule=images", f"datamodule.root={root}", "datamodule.image_size=32",
        "model.base=2", "model.kernel=8", "trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.progress=none",
        "datamodule.loader.num_workers=0", "datamodule.loader.batch_size=4", "bootstrap=0", "panels=1",
    )  # fmt: skip
    assert run([*words]) == 0
    (folder,) = folders()
    results = read_json(folder / "results.json")
    assert results["latents"]["classes"] == ["left", "right"]
    assert set(results["rows"][0]["dataset"]) == {"mse", "psnr", "knn_accuracy"}
