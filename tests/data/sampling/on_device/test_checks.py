"""What cannot lie on the device is refused in a line, by training and by the check, before anything is written."""

from collections.abc import Sequence
from typing import Any
from unittest import mock

import albumentations
import numpy as np
import pytest

from segexp.cli.app import run
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.forms import ValueForm
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.on_device.checks import check_device_memory, on_device_fits
from segexp.data.sampling.on_device.plans import CropPlans
from segexp.errors import ConfigError
from segexp.types import LoaderOptions
from tests.data.made import painted
from tests.training.runs import TINY


class Own(Augment):
    """Might do anything."""


class OwnForm(ValueForm):
    """Of a task of its own."""

    name = "boxes"


class BrighterFlip(albumentations.HorizontalFlip):
    """Derived from one that is allowed."""


FLIP, BRIGHT = albumentations.HorizontalFlip(), albumentations.RandomBrightnessContrast()
SMALL = [painted(), painted(30, 48, seed=1)]


@pytest.mark.parametrize(
    ("items", "size", "augment", "words"),
    [
        (SMALL, 20, Augment(rotate=30.0), "augment.rotate: found 30 with datamodule.loader.on_device=true"),
        (SMALL, 20, Augment(scale=0.2), "augment.scale: found 0.2"),
        (
            SMALL,
            20,
            Augment(transforms=[FLIP, BRIGHT]),
            r"augment.transforms\[1\]: found RandomBrightness.* D4",
        ),
        (SMALL, 20, Augment(transforms=[albumentations.OneOf([FLIP, BRIGHT])]), r"transforms\[0\]: found RandomBright"),
        (SMALL, 20, Augment(transforms=[BrighterFlip()]), r"transforms\[0\]: found BrighterFlip"),
        (SMALL, 20, Own(), "augment: found Own .* expected an Augment"),
        (SMALL, 32, Augment(), "painted_1 has 30x48 pixels, .*crop_size=32 .*; use datamodule.crop_size=30 or less"),
        (SMALL, None, Augment(), "whole images have different sizes; use datamodule.crop_size=30"),
        ([Item("one", SMALL[0].image, 1, form=OwnForm())], 20, Augment(), "targets of the form boxes"),
    ],
)
def test_reasons(items: Sequence[Item], size: int | None, augment: Augment, words: str) -> None:
    (problem,) = on_device_fits(items, size, augment)
    assert problem.fatal
    with pytest.raises(ConfigError, match=words):
        raise problem.error or AssertionError


def test_what_moves_whole_pixels_passes() -> None:
    turns: list[Any] = [albumentations.D4(), albumentations.Sequential([FLIP, albumentations.RandomRotate90()])]
    assert list(on_device_fits(SMALL, 20, Augment(transforms=turns))) == []


def test_images_that_do_not_fit_into_the_memory() -> None:
    with mock.patch("segexp.data.sampling.on_device.checks.free_memory", return_value=48 * 48 * 4 * 2):
        check_device_memory(SMALL[:1], "cpu")
        with pytest.raises(ConfigError, match=r"2 training images take 0 MiB and 0 MiB are free on cpu"):
            check_device_memory(SMALL, "cpu")


def test_the_check_and_the_training_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    line = [*TINY, "augment=strong", "datamodule.loader.on_device=true"]
    words = "augment.rotate: found 180 with datamodule.loader.on_device=true, but nothing is interpolated there"
    assert run(["check", *line]) == 2
    assert words in capsys.readouterr().out
    assert run(line) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "augment.transforms[1]: found RandomBrightnessContrast" in said
    with mock.patch("segexp.data.sampling.on_device.checks.free_memory", return_value=1):
        assert run(["check", *line, "augment=d4"]) == 2
    assert "4 training images take 0 MiB and 0 MiB are free on cpu" in capsys.readouterr().out


def test_the_option_reaches_the_loader_and_the_memory_that_it_asks_for() -> None:
    keys: dict[str, Any] = {"size": 32, "train_images": 3, "val_images": 2, "test_images": 2, "crop_size": 16}
    options = LoaderOptions(num_workers=2, batch_size=10**6, on_device=True)
    data = SyntheticDataModule(**keys, loader=options)
    with mock.patch("segexp.data.sampling.loader_memory.free_shared", return_value=10**6):
        data.setup()  # a million samples of 16x16 would not have fit
        with pytest.raises(ConfigError, match="2 loading processes hold up to"):
            SyntheticDataModule(**keys, loader=LoaderOptions(num_workers=2, batch_size=10**6)).setup()
    loader = data.train_dataloader()
    assert isinstance(loader.dataset, CropPlans)
    assert loader.num_workers == 2
    assert np.array_equal(loader.dataset[0, 1]["plan"][:1], [1])
