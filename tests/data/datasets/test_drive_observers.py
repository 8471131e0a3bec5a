"""DRIVE as it is downloaded: the second observer in palette GIFs that are nearly black and nearly white."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.data.checks.review import review_data
from segexp.data.datasets.drive import DriveDataModule
from segexp.data.synthetic.generate import generate
from segexp.errors import DataError
from tests.data.made import read

DIM, PALE = (4, 2, 4), (252, 254, 252)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten images; palettes of the second observer as in the published files, in either order."""
    folder = tmp_path / "DRIVE"
    generate("vessels", "drive", folder, count=10, size=(48, 40), seed=0)
    for place, path in enumerate(sorted(folder.glob("test/2nd_manual/*.gif"))):
        drawn, turned = (read(path) > 0).astype(np.uint8), place % 2
        image = Image.fromarray(1 - drawn if turned else drawn, "P")
        image.putpalette([*PALE, *DIM] if turned else [*DIM, *PALE])
        np.save(path.with_suffix(".npy"), drawn)
        image.save(path, optimize=False)
        path.with_suffix(".npy").rename(folder / f"{path.stem}.npy")
    return folder


def test_the_second_observer_is_read_as_it_is_shown(root: Path) -> None:
    data = DriveDataModule(str(root))
    seconds = data.observers()["second observer"]
    assert len(seconds) == 5
    for name, mask in seconds.items():
        drawn = np.load(root / f"{name[:2]}_manual2.npy")
        inside = read(root / "test/mask" / f"{name}_mask.gif") > 0
        assert np.array_equal(mask == 1, (drawn == 1) & inside)


def test_first_observer_and_field_of_view_too(root: Path) -> None:
    plain = {item.name: item.target for part in ("train", "test") for item in DriveDataModule(str(root)).items(part)}
    for path in [*root.glob("*/1st_manual/*.gif"), *root.glob("*/mask/*.gif")]:
        image = Image.fromarray((read(path) > 0).astype(np.uint8), "P")
        image.putpalette([*DIM, *PALE])
        image.save(path, optimize=False)
    data = DriveDataModule(str(root))
    found = {item.name: item.target for part in ("train", "test") for item in data.items(part)}
    assert all(np.array_equal(found[name], plain[name]) for name in plain)
    assert any("the darker of its two colours is read as 0" in note for note in data.notes)


@pytest.mark.parametrize("part", ["size", "values", "damaged"])
def test_check_refuses_a_second_observer_as_training_does(root: Path, part: str) -> None:
    file = root / "test/2nd_manual/02_manual2.gif"
    if part == "size":
        Image.fromarray(np.zeros((7, 9), np.uint8)).save(file)
    elif part == "values":
        Image.fromarray(np.resize(np.array([0, 77, 255], np.uint8), (48, 40))).save(file)
    else:
        file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError) as caught:
        DriveDataModule(str(root)).setup()

    def plain(results: Any, count: int, what: str) -> Any:
        return results

    told = review_data(DriveDataModule(str(root)), full=True, progress=plain).problems
    assert [problem.text for problem in told if problem.fatal] == [str(caught.value)]
    assert "02_manual2.gif" in str(caught.value)
