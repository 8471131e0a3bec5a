"""DRIVE: vessels in photographs of the retina (Staal et al. 2004), in its own file layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.datasets.drive_files import DriveImage, scan
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.item import Item, Mask
from segexp.data.labels.label_map import LabelMap, checked_mapping
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import DataError, SizeError
from segexp.rasters import open_raster, read_rgb
from segexp.spec import IGNORED

GREY, ORANGE, TEAL = (40, 40, 48), (240, 140, 40), (60, 150, 150)
CLASSES = {
    "vessel": (("background", "vessel"), (GREY, ORANGE)),
    "three_class": (("outside", "vessel", "tissue"), (GREY, ORANGE, TEAL)),
}


class DriveDataModule(FilesDataModule):
    """Images of 565x584 pixels, vessels of one or two observers, and the circular field of view.

    With ``labels=vessel`` everything outside the field of view is 255 and counts nowhere; with
    ``labels=three_class`` the classes are 0 = outside the field of view, 1 = vessel, 2 = tissue inside it.
    """

    def __init__(
        self,
        root: str,
        labels: Literal["vessel", "three_class"] = "vessel",
        mask_values: dict[int, int] | None = None,
        mask_reading: Literal["auto", "shown", "stored", "alpha"] = "auto",
        split: Literal["official", "holdout", "kfold"] = "official",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``training/`` and, for ``split=official``, ``test/``.
            labels: Two classes inside the field of view, or three over the whole image.
            mask_values: What the values of ``1st_manual`` mean, 0 or 1; None: 0 is background, 255 vessel.
            mask_reading: Whether these are values that files show or that they store; ``auto``: whichever fits.
            split: ``official``: test/ is tested, training/ gives training and validation images; ``holdout`` and
                ``kfold``: all three parts come from training/.
            **shared: Keys of every data set of files.
        """
        super().__init__(split=split, **shared)
        self.root = Path(root).expanduser()
        self.labels = labels
        self.mask_values = checked_mapping(mask_values or {0: 0, 255: 1}, classes=2)
        # Values of the layout are those that are shown.
        own: MaskReading = "shown" if mask_values is None and mask_reading == "auto" else mask_reading
        self._values = LabelMap(self.mask_values, classes=2, reading=own)
        self._view = LabelMap({0: 0, 255: 1}, classes=2, fixed=True, reading="shown")
        self._files: dict[str, DriveImage] = {}
        self._second: dict[str, Mask] = {}

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Six drawn photographs of 48x48 pixels."""
        from segexp.data.synthetic.generate import generate

        generate("vessels", "drive", folder / "files", count=6, size=48, seed=0)
        return {"root": str(folder / "files"), "crop_size": 32, "crops_per_image": 2}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Two classes, or system 1's three."""
        return CLASSES[self.labels]

    def scored_region(self) -> str:
        """In words, for results.json."""
        return "inside the field of view (mask/)" if self.labels == "vessel" else "all pixels"

    def listing(self) -> Listing:
        """Images of training/, and of test/ where that is tested."""
        parts = ("training", "test") if self.split == "official" and self.split_file is None else ("training",)
        listing = Listing()
        for part in parts:
            found = scan(self.root, part)
            listing.notes += found.notes
            listing.problems += found.problems
            for image in found.images:
                self._files[image.name] = image
                listing.pairs.append(Pair(image.name, image.image, image.manual, image.mask))
                if part == "test":
                    listing.tested.append(image.name)
        return listing

    def cache_name(self) -> str:
        """Labels and what mask values mean."""
        return f"{self.labels} {self.mask_values} {self._values.choices.reading}"

    def file_labels(self) -> LabelMap:
        """What the observers' values mean."""
        return self._values

    def open(self, pair: Pair) -> Item:
        """Image, vessels and field of view."""
        files = self._files[pair.name]
        image = read_rgb(files.image)
        return Item(files.name, image, self._target(files, files.manual, image.shape[:2]))

    def beside(self, items: Sequence[Item]) -> list[Problem]:
        """The second observer's masks of these images, where there are any; gives what is amiss with them."""
        problems = []
        for item in items:
            files = self._files[item.name]
            if files.second is not None:
                try:
                    self._second[item.name] = self._observed(files, files.second, item.shape)
                except DataError as error:
                    problems.append(problem_of(error))
        return problems

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """The second observer, when every test image has one."""
        names = [item.name for item in self.items("test")]
        if not all(name in self._second for name in names):
            return {}
        masks = self._second
        if self.eval_size is not None:
            size = self.eval_size
            masks = {n: Item(n, m[..., None], m).resized(size).target for n, m in masks.items()}
        return {"second observer": {name: masks[name] for name in names}}

    def _observed(self, files: DriveImage, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Another observer's classes, as a prediction: a class everywhere, since 255 is for the truth alone."""
        mask = self._target(files, manual, expected)
        return np.where(mask == IGNORED, 0, mask).astype(np.uint8)

    def _target(self, files: DriveImage, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Class numbers of one observer's vessels; ``expected`` is the image's (H, W)."""
        vessel, inside = _classes(manual, self._values), _classes(files.mask, self._view)
        for path, array in ((manual, vessel), (files.mask, inside)):
            if array.shape != expected:
                raise SizeError(
                    f"{path}: {_size(array.shape)} pixels, but its image {files.image} has {_size(expected)}"
                )
        if self.labels == "vessel":
            return np.where(inside == 1, vessel, IGNORED).astype(np.uint8)
        return np.where(inside == 0, 0, np.where(vessel == 1, 1, 2)).astype(np.uint8)


def _classes(path: Path, labels: LabelMap) -> Mask:
    raster = open_raster(path, raw=True)
    return labels.window(raster, 0, 0, raster.height, raster.width)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
