"""DRIVE: vessels in photographs of the retina (Staal et al. 2004), in its own file layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segexp.data.base import Items, SegmentationDataModule
from segexp.data.drive_files import DriveImage, scan
from segexp.data.items import Item, Mask
from segexp.data.labels import checked_mapping, to_classes
from segexp.data.rasters import read_grey, read_rgb
from segexp.data.splits import PHASES, Split, holdout, kfold, with_validation
from segexp.errors import DataError
from segexp.spec import IGNORED
from segexp.types import Fraction, NonNegativeInt, PositiveInt

GREY, ORANGE, TEAL = (40, 40, 48), (240, 140, 40), (60, 150, 150)
CLASSES = {
    "vessel": (("background", "vessel"), (GREY, ORANGE)),
    "three_class": (("outside", "vessel", "tissue"), (GREY, ORANGE, TEAL)),
}


class DriveDataModule(SegmentationDataModule):
    """Images of 565x584 pixels, vessels of one or two observers, and the circular field of view.

    With ``labels=vessel`` everything outside the field of view is 255 and counts nowhere; with
    ``labels=three_class`` the classes are 0 = outside the field of view, 1 = vessel, 2 = tissue inside it.
    """

    def __init__(
        self,
        root: str,
        labels: Literal["vessel", "three_class"] = "vessel",
        mask_values: dict[int, int] | None = None,
        split: Literal["official", "holdout", "kfold"] = "official",
        val_fraction: Fraction = 0.15,
        test_fraction: Fraction = 0.2,
        folds: PositiveInt = 5,
        fold: NonNegativeInt = 0,
        split_seed: NonNegativeInt = 0,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``training/`` and, for ``split=official``, ``test/``.
            labels: Two classes inside the field of view, or three over the whole image.
            mask_values: What the values of ``1st_manual`` mean, 0 or 1; None: 0 is background, 255 vessel.
            split: ``official``: test/ is tested, training/ gives training and validation images; ``holdout`` and
                ``kfold``: all three parts come from training/.
            val_fraction: Share of the images that are not tested that validate.
            test_fraction: Share tested with ``holdout``.
            folds: Number of folds.
            fold: Which one is tested, from 0.
            split_seed: Seed of the split; apart from ``seed``, so that runs with other seeds share a split.
            **shared: Keys of every data set.
        """
        super().__init__(**shared)
        self.root = Path(root).expanduser()
        self.labels = labels
        self.mask_values = checked_mapping(mask_values or {0: 0, 255: 1}, classes=2)
        self.split = split
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.folds = folds
        self.fold = fold
        self.split_seed = split_seed
        self._second: dict[str, Mask] = {}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Two classes, or system 1's three."""
        return CLASSES[self.labels]

    def scored_region(self) -> str:
        """In words, for results.json."""
        return "inside the field of view (mask/)" if self.labels == "vessel" else "all pixels"

    def read(self) -> Items:
        """Reads all images of the split."""
        files = {image.name: image for image in self._scan("training")}
        if self.split == "official":
            tested = {image.name: image for image in self._scan("test")}
            split = with_validation(list(files), list(tested), self.val_fraction, self.split_seed)
            files |= tested
        else:
            split = self._split(list(files))
        items: Items = {phase: [self._item(files[name]) for name in split[phase]] for phase in PHASES}
        self._second = {
            item.name: self._observed(files[item.name], second, item.mask.shape)
            for item in items["test"]
            if (second := files[item.name].second) is not None
        }
        return items

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """The second observer, when every test image has one."""
        names = [item.name for item in self.items("test")]
        if not all(name in self._second for name in names):
            return {}
        masks = self._second
        if self.eval_size is not None:
            size = self.eval_size
            masks = {n: Item(n, m[..., None], m).resized(size).mask for n, m in masks.items()}
        return {"second observer": {name: masks[name] for name in names}}

    def _scan(self, part: str) -> list[DriveImage]:
        found = scan(self.root, part)
        self.notes.extend(found.notes)
        return found.images

    def _split(self, names: Sequence[str]) -> Split:
        if self.split == "kfold":
            return kfold(names, self.folds, self.fold, self.val_fraction, self.split_seed)
        return holdout(names, self.val_fraction, self.test_fraction, self.split_seed)

    def _item(self, files: DriveImage) -> Item:
        image = read_rgb(files.image)
        return Item(files.name, image, self._target(files, files.manual, image.shape[:2]))

    def _observed(self, files: DriveImage, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Another observer's classes, as a prediction: a class everywhere, since 255 is for the truth alone."""
        mask = self._target(files, manual, expected)
        return np.where(mask == IGNORED, 0, mask).astype(np.uint8)

    def _target(self, files: DriveImage, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Class numbers of one observer's vessels; ``expected`` is the image's (H, W)."""
        vessel = to_classes(read_grey(manual), self.mask_values, manual)
        inside = to_classes(read_grey(files.mask), {0: 0, 255: 1}, files.mask, fixed=True)
        for path, array in ((manual, vessel), (files.mask, inside)):
            if array.shape != expected:
                raise DataError(
                    f"{path}: {_size(array.shape)} pixels, but its image {files.image} has {_size(expected)}"
                )
        if self.labels == "vessel":
            return np.where(inside == 1, vessel, IGNORED).astype(np.uint8)
        return np.where(inside == 0, 0, np.where(vessel == 1, 1, 2)).astype(np.uint8)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
