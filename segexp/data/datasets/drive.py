"""DRIVE: vessels in photographs of the retina (Staal et al. 2004), in its own file layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.datasets.file_layout import find_by_pattern, find_unpaired, list_contents
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.item import Item, Mask
from segexp.data.labels.label_map import LabelMap, check_mapping
from segexp.data.labels.mask_reading import MaskReading
from segexp.data.root_folder import check_root
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

    root_folder: ClassVar[str] = "that holds DRIVE's training/ and test/"

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
        self.mask_values = check_mapping(mask_values or {0: 0, 255: 1}, classes=2)
        # Values of the layout are those that are shown.
        own: MaskReading = "shown" if mask_values is None and mask_reading == "auto" else mask_reading
        self._values = LabelMap(self.mask_values, classes=2, reading=own)
        self._view = LabelMap({0: 0, 255: 1}, classes=2, fixed=True, reading="shown")
        self._second_files: dict[str, tuple[Pair, Path]] = {}
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
            found, seconds = find_drive_images(self.root, part)
            listing.notes += found.notes
            listing.problems += found.problems
            listing.pairs += found.pairs
            self._second_files |= {
                pair.name: (pair, seconds[pair.name]) for pair in found.pairs if pair.name in seconds
            }
            if part == "test":
                listing.tested = [pair.name for pair in found.pairs]
        return listing

    def cache_name(self) -> str:
        """Labels and what mask values mean."""
        return f"{self.labels} {self.mask_values} {self._values.choices.reading}"

    def file_labels(self) -> LabelMap:
        """Gives the map from the observers' values to class numbers."""
        return self._values

    def open(self, pair: Pair) -> Item:
        """Image, vessels and field of view."""
        image = read_rgb(pair.image)
        return Item(pair.name, image, self._target(pair, pair.mask_file, image.shape[:2]))

    def beside(self, items: Sequence[Item]) -> list[Problem]:
        """Reads the second observer's masks of these images, where there are any; gives what is amiss with them."""
        problems = []
        for item in items:
            if item.name in self._second_files:
                pair, manual = self._second_files[item.name]
                try:
                    self._second[item.name] = self._observed(pair, manual, item.shape)
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

    def _observed(self, pair: Pair, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Another observer's classes, as a prediction: a class everywhere, since 255 is for the truth alone."""
        mask = self._target(pair, manual, expected)
        return np.where(mask == IGNORED, 0, mask).astype(np.uint8)

    def _target(self, pair: Pair, manual: Path, expected: tuple[int, ...]) -> Mask:
        """Class numbers of one observer's vessels; ``expected`` is the image's (H, W)."""
        if pair.valid is None:
            raise ValueError(f"{pair.name} was let through without a field of view")
        vessel, inside = _classes(manual, self._values), _classes(pair.valid, self._view)
        for path, array in ((manual, vessel), (pair.valid, inside)):
            if array.shape != expected:
                raise SizeError(
                    f"{path}: {_size(array.shape)} pixels, but its image {pair.image} has {_size(expected)}"
                )
        if self.labels == "vessel":
            return np.where(inside == 1, vessel, IGNORED).astype(np.uint8)
        return np.where(inside == 0, 0, np.where(vessel == 1, 1, 2)).astype(np.uint8)


def find_drive_images(root: Path, part: str) -> tuple[Listing, dict[str, Path]]:
    """Finds the images of ``root/training`` or ``root/test``, and names every file that is amiss; none is opened.

    Args:
        root: Folder that holds ``training`` (and ``test``).
        part: ``training`` or ``test``.

    Returns:
        Pairs of image, first observer's vessels (0 and 255) and field of view (0 and 255), named as ``21_training``;
        and the second observer's vessels by these names, where there are some.

    Raises:
        DataError: The folder is missing or empty.
    """
    folder = root / part
    _check_folder(root, folder, part)
    listing = Listing()
    notes = listing.notes
    images = find_by_pattern(folder / "images", rf"(\d+)_{part}\.tif", "DRIVE", notes)
    if not images:
        raise DataError(f"{folder / 'images'}: no image named NN_{part}.tif; is datamodule.root the DRIVE folder?")
    manuals = find_by_pattern(folder / "1st_manual", r"(\d+)_manual1\.gif", "DRIVE", notes)
    masks = find_by_pattern(folder / "mask", rf"(\d+)_{part}_mask\.gif", "DRIVE", notes)
    seconds = find_by_pattern(folder / "2nd_manual", r"(\d+)_manual2\.gif", "DRIVE", notes)
    listing.problems = [
        *find_unpaired(images, manuals, lambda n: folder / "1st_manual" / f"{n}_manual1.gif", "its vessels"),
        *find_unpaired(images, masks, lambda n: folder / "mask" / f"{n}_{part}_mask.gif", "its field of view"),
    ]
    lacking = [images[number].name for number in sorted(set(images) - set(seconds))]
    if seconds and lacking:
        notes.append(
            f"{folder / '2nd_manual'}: no second observer for {', '.join(lacking)}; not scored unless all have one"
        )
    notes += [f"{seconds[number]}: belongs to no image" for number in sorted(set(seconds) - set(images))]
    complete = sorted(set(images) & set(manuals) & set(masks))
    listing.pairs = [Pair(images[n].stem, images[n], manuals[n], masks[n]) for n in complete]
    return listing, {images[n].stem: seconds[n] for n in complete if n in seconds}


def _check_folder(root: Path, folder: Path, part: str) -> None:
    check_root(root, DriveDataModule.root_folder)
    if not folder.is_dir():
        hint = "; datamodule.split=holdout needs only training/" if part == "test" else ""
        raise DataError(f"{folder}: no such folder (datamodule.root={root} holds {list_contents(root)}){hint}")


def _classes(path: Path, labels: LabelMap) -> Mask:
    raster = open_raster(path, raw=True)
    return labels.window(raster, 0, 0, raster.height, raster.width)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
