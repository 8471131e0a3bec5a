"""Mask values to classes: nothing passes unchecked, and the message holds a line that works."""

import re
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.config.paths import conf_dir
from segexp.data.datasets.drive import DriveDataModule
from segexp.data.labels.label_map import check_mapping, to_classes
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError, DataError
from tests.data.made import read, write
from tests.lines import run_lines

DEFAULT = {0: 0, 255: 1}
FILE = Path("1st_manual/21_manual1.gif")


def values(*found: int) -> np.ndarray:
    return np.array([found], np.uint8)


def proposed(error: DataError) -> dict[int, int]:
    """The mapping in the line that the message tells to write, as Hydra reads it."""
    line = re.search(r"(datamodule\.mask_values)='(\{.*\})'$", str(error))
    assert line, str(error)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", ["datamodule=drive", f"{line[1]}={line[2]}"])
    mapping: dict[int, int] = OmegaConf.to_container(config.datamodule.mask_values)  # type: ignore[assignment]
    return mapping


def test_values_become_classes() -> None:
    classes = to_classes(np.array([[0, 255], [128, 0]], np.uint8), {0: 2, 128: 1, 255: 0}, FILE)
    assert classes.dtype == np.uint8
    assert classes.tolist() == [[2, 0], [1, 2]]


@pytest.mark.parametrize(
    ("found", "shown", "mapping"),
    [
        ((0, 1), "1", {0: 0, 1: 1, 255: 1}),
        ((0, 128, 255), "128", {0: 0, 128: 1, 255: 1}),
        ((7,), "7", {0: 0, 7: 1, 255: 1}),
        (tuple(range(0, 60, 5)), "5, 10, 15, 20, 25, 30, 35, 40, 45, 50, ...", None),
    ],
)
def test_illegal_values_are_named_with_a_line_that_makes_them_legal(
    found: tuple[int, ...], shown: str, mapping: dict[int, int] | None
) -> None:
    with pytest.raises(DataError) as caught:
        to_classes(values(*found), DEFAULT, FILE)
    assert str(caught.value).startswith(f"{FILE}: mask values {shown} fit no class (legal: 0, 255); if they are meant")
    new = proposed(caught.value)
    assert mapping is None or new == mapping
    assert set(np.unique(to_classes(values(*found), new, FILE))) <= {0, 1}
    # Other files, legal before, stay legal: the advice must not go round in circles.
    assert to_classes(values(0, 255), new, FILE).tolist() == [[0, 1]]


def test_many_values_and_fixed_mappings_are_no_matter_of_a_key() -> None:
    with pytest.raises(DataError, match=r"254 such values are no classes, was it resized or saved as JPEG\?"):
        to_classes(np.arange(256, dtype=np.uint8)[None], DEFAULT, FILE)
    with pytest.raises(DataError, match=r"mask values 3 fit no class \(legal: 0, 255\); copy it again") as caught:
        to_classes(values(0, 3), DEFAULT, FILE, fixed=True)
    assert "mask_values" not in str(caught.value)


@pytest.mark.parametrize(("mapping", "shown"), [({0: 0, 255: 2}, "255:2"), ({300: 1}, "300:1"), ({-1: 0}, "-1:0")])
def test_impossible_mappings_are_refused(mapping: dict[int, int], shown: str) -> None:
    with pytest.raises(ConfigError, match=rf"^datamodule\.mask_values: found {shown}, expected .* class of 0\.\.1$"):
        check_mapping(mapping, 2)
    with pytest.raises(ConfigError, match=shown):
        DriveDataModule("nowhere", mask_values=mapping)


def test_the_very_line_works_on_the_command_line_and_in_the_datamodule(tmp_path: Path) -> None:
    root = tmp_path / "DRIVE"
    generate("vessels", "drive", root, count=4, size=48, seed=0)
    manuals = sorted(root.glob("*/1st_manual/*.gif"))
    vessels = {path: read(path) > 0 for path in manuals}
    for path, vessel in vessels.items():
        write(path, vessel.astype(np.uint8))  # 0 and 1, as some copies have it
    with pytest.raises(DataError) as caught:
        DriveDataModule(str(root)).setup()
    line = re.search(r"datamodule\.mask_values='(.*)'$", str(caught.value))
    assert line
    keys = [f"datamodule.root={root}", f"datamodule.mask_values={line[1]}"]
    typed = ["check", "scope=config", "datamodule=drive", *keys]
    (answer,) = run_lines([typed])
    assert (answer.code, answer.err) == (0, "")
    assert "config is valid" in answer.out
    data = DriveDataModule(str(root), mask_values=proposed(caught.value))
    for phase in ("train", "val", "test"):
        for item in data.items(phase):
            folder = root / item.name.split("_")[1] / "1st_manual"
            vessel = vessels[folder / f"{item.name[:2]}_manual1.gif"]
            inside = item.target != 255
            assert np.array_equal(item.target[inside] == 1, vessel[inside])
