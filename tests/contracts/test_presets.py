"""What every preset in conf/experiment must do; a new YAML is found by itself.

Two epochs on drawn data of its layout, narrow here and as it is in ``make test-slow``, with its pictures at the end;
and the parameters that its system is known by.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.inspection.rows import InputSetting, build_on_meta
from segexp.training.building.datamodule import build_datamodule
from tests.contracts.small_models import SHRINK
from tests.training.runs import Done, run

NAMES = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))

QUICK = (
    "datamodule.generate=true", "trainer.max_epochs=2", "trainer.check_val_every_n_epoch=1", "trainer.accelerator=cpu",
    "trainer.progress=none", "bootstrap=0", "panels=1", "metric=[]", "output_dir=outputs",
)  # fmt: skip
SMALL = {
    "datamodule": {"crops_total": 4, "eval_size": 32, "image_size": 32, "size": 32, "crop_size": 32},
    "model": SHRINK | {"base": 2},
}
"""Keys that make a preset small, where it has them and they are set."""

COUNTS = {
    "allidb_cam": (3, 2, 11_177_538),
    "allidb_cam_tuned": (3, 2, 11_177_538),
    "arrays_fcn8s_vgg16": (3, 2, 136_514_116),
    "cells_from_cam": (3, 1, 1_941_105),
    "cells_unet": (3, 3, 1_941_139),
    "cifar_minigooglenet": (3, 10, 1_651_114),
    "drive_cunet": (3, 1, 29_465),
    "drive_segnet": (3, 2, 29_444_162),
    "drive_shallow_segnet": (3, 3, 3_523),
    "drive_shallow_segnet_tuned": (3, 3, 3_523),
    "drive_wnet": (3, 1, 68_482),
    "folder_deeplabv3": (3, 21, 58_630_997),
    "inria_chicago_laboratory": (3, 1, 29_465),
    "inria_cunet": (3, 1, 29_465),
    "inria_cunet_bce": (3, 1, 29_465),
    "inria_cunet_bce_jaccard": (3, 1, 29_465),
    "mnist_cae": (1, 1, 51_459),
    "mnist_cae_tuned": (1, 1, 51_459),
    "salt_unet": (1, 1, 1_940_817),
}
"""Channels of the data, outputs, and parameters, as the systems have them."""


def preset(name: str, *words: str) -> Experiment:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", [f"experiment={name}", *words]))


def narrow(name: str) -> list[str]:
    """Words that make it small, by the keys that it has."""
    plain = preset(name, "datamodule.generate=true").plain()
    return [
        f"{part}.{key}={value}"
        for part, keys in SMALL.items()
        for key, value in keys.items()
        if plain[part].get(key) is not None
    ]


def check(done: Done) -> None:
    """Two epochs, figures of the model, each reference figure beside one of the run, and the pictures."""
    assert [row["epoch"] for row in done.rows] == ["0", "1"]
    assert done.content["rows"][0]["dataset"]
    assert (
        any("DRAWN IMAGES" in note for note in done.content["notes"]) or "synthetic" in done.record["choices"].values()
    )
    asked = dict(done.experiment.references or {})
    assert {entry["figure"]: entry["reference"] for entry in done.content.get("references", [])} == asked
    assert all(entry["found"] is not None for entry in done.content.get("references", []))
    check_pictures(done)


def check_pictures(done: Done) -> None:
    """The page, the curves, and what each task draws of a test image, in the sizes of that image."""
    assert (done.path / "report.html").stat().st_size > 10_000
    sizes = dict(picture_sizes(done.path))
    width, height = sizes["curves.png"]
    assert width > height > 600, "loss and figures side by side"
    names = {place.split("/")[1].removesuffix(".png") for place in sizes if place.startswith("panels/01_")}
    assert len(names) == 1, sizes
    {"segmentation": check_masks, "reconstruction": check_digits, "classification": check_labels}[done.content["kind"]](
        done, sizes, names.pop()
    )


def check_masks(done: Done, sizes: dict[str, tuple[int, int]], name: str) -> None:
    layers = {sizes[f"panels/layers/{name}/{part}.png"] for part in ("image", "truth", "prediction", "probability")}
    assert layers <= seen_sizes(done.experiment) and len(layers) == 1
    width, height = sizes[f"panels/{name}.png"]
    assert width > 3 * height, "image, truth, prediction and errors side by side"
    classes = len(done.content["task"]["classes"])
    maps = [size for place, size in sizes.items() if place.startswith("class_maps/")]
    planes = classes > 2 or bool(done.experiment.task.get("two_logits"))
    assert len(maps) == (1 if planes else 0)
    assert sizes["confusion.png"][1] > 400


def seen_sizes(experiment: Experiment) -> set[tuple[int, int]]:
    """Widths and heights of the test images as the model sees them."""
    data = build_datamodule(experiment.datamodule)
    data.setup()
    return {(item.image.shape[1], item.image.shape[0]) for item in data.items("test")}


def check_digits(done: Done, sizes: dict[str, tuple[int, int]], name: str) -> None:
    width, height = sizes["panels/reconstructions.png"]
    assert width > 4 * height, "two rows of digits, inputs above reconstructions"
    assert min(sizes["latents.png"]) > 500
    assert min(sizes["panels/latents/grid.png"]) > 280, "ten digits a side or more"
    assert min(sizes["panels/latents/point.png"]) > 28
    assert sizes[f"panels/{name}.png"][0] > 2 * 28


def check_labels(done: Done, sizes: dict[str, tuple[int, int]], name: str) -> None:
    assert min(sizes["confusion.png"]) > 400
    assert min(sizes[f"panels/{name}.png"]) >= 32


def picture_sizes(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            image.load()
            yield path.relative_to(folder).as_posix(), image.size


ALIKE = ("allidb_cam_tuned", "drive_shallow_segnet_tuned", "inria_cunet_bce", "mnist_cae_tuned")
"""Two epochs of these in ``make test-slow`` alone: the one that they build on, or that builds on them, trains anyway.

What they change there (rates, schedules, augmentation, normalisation) is tried by tests of its own; that they compose
and are valid, by tests/config/test_conf.py.
"""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else []) for name in NAMES]
)
def test_two_epochs_narrow(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check(run(preset(name, *QUICK, *narrow(name)), pictures=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_epochs_as_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check(run(preset(name, *QUICK), pictures=True))


def test_every_preset_but_templates_is_counted() -> None:
    assert set(NAMES) - set(COUNTS) == {"small_models_cells", "small_models_drive"}


@pytest.mark.parametrize("name", COUNTS)
def test_it_has_the_parameters_of_its_system(name: str) -> None:
    channels, outputs, expected = COUNTS[name]
    model: Mapping[str, Any] = preset(name, "datamodule.generate=true").model
    built = build_on_meta(dict(model), InputSetting(0, 0, channels, outputs))
    assert sum(parameter.numel() for parameter in built.parameters()) == expected
