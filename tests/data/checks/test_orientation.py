"""Images and masks with different orientation tags: read upright, and not in silence."""

from pathlib import Path

import numpy as np
from PIL import Image

from segexp.data.checks.orientation import note_turned
from segexp.data.datasets.inria import InriaDataModule
from segexp.data.items.stored import FileMask, StoredItem, ValidMask
from segexp.data.labels.label_map import LabelMap
from segexp.rasters import open_raster


def save(path: Path, pixels: np.ndarray, orientation: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[274] = orientation
    image.save(path, exif=exif if orientation != 1 else None)


def item(folder: Path, name: str, image: int, mask: int) -> StoredItem:
    save(folder / f"{name}.png", np.zeros((20, 20, 3), np.uint8), image)
    save(folder / f"{name}_mask.png", np.full((20, 20), 255, np.uint8), mask)
    labels = LabelMap({0: 0, 255: 1}, 2)
    source = FileMask(open_raster(folder / f"{name}_mask.png", raw=True), labels)
    valid = ValidMask(source, open_raster(folder / f"{name}_mask.png", raw=True))
    return StoredItem(name, open_raster(folder / f"{name}.png"), valid if name == "fov" else source)


def test_only_differing_ones_are_named(tmp_path: Path) -> None:
    alike = [item(tmp_path, "plain", 1, 1), item(tmp_path, "both", 3, 3)]
    assert note_turned(alike) == []
    (note,) = note_turned([*alike, item(tmp_path, "half", 3, 1), item(tmp_path, "fov", 1, 2)])
    assert note.startswith("2 images have another orientation tag (EXIF) than their masks: half, fov; images and masks")


def test_a_datamodule_of_files_notes_it_and_reads_upright(tmp_path: Path) -> None:
    for number in range(1, 7):
        mask = np.zeros((20, 20), np.uint8)
        mask[:5] = 255
        pixels = np.dstack([mask, mask, np.full_like(mask, number)])  # no two alike
        turned = number == 2
        save(tmp_path / "images" / f"austin{number}.png", pixels[::-1, ::-1] if turned else pixels, 3 if turned else 1)
        save(tmp_path / "gt" / f"austin{number}.png", mask, 1)
    data = InriaDataModule(str(tmp_path), split="holdout", crop_size=20)
    items = [item for phase in ("train", "val", "test") for item in data.items(phase)]  # type: ignore[arg-type]
    assert len(items) == 6
    for one in items:
        assert np.array_equal(one.image[..., 0] == 255, one.target == 1)
    assert next(note for note in data.notes if "orientation" in note).startswith("1 images have another orientation")
