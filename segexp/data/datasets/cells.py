"""White blood cells (Zheng et al. 2018, set segmentation_WBC): nucleus and cytoplasm, in its own file layout."""

import csv
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.config.checks.built_words import check_word
from segexp.data.datasets.file_layout import find_by_pattern, find_unpaired, list_contents
from segexp.data.files import FilesDataModule, FoundFiles, Listing, Pair
from segexp.data.items.item import Item, Mask
from segexp.data.items.stored import FileMask, StoredItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.root_folder import check_root
from segexp.errors import ConfigError, DataError
from segexp.rasters import open_raster
from segexp.system.special_files import special_file

NAMES = ("background", "cytoplasm", "nucleus")
COLOURS = ((0, 0, 0), (80, 170, 230), (150, 60, 190))
GREYS = {0: 0, 128: 1, 255: 2}
TYPES = {1: "neutrophil", 2: "lymphocyte", 3: "monocyte", 4: "eosinophil", 5: "basophil"}
"""Types of cells by their number in the tables."""


class CellMask(FileMask):
    """A mask of 0, 128 and 255; where it holds another value the error says which key maps it."""

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window."""
        try:
            return super().window(top, left, height, width)
        except DataError as error:
            if self.labels.nearest:
                raise
            nearest = "datamodule.unknown_values=nearest"
            hint = f"or set {nearest}: each becomes the nearest of 0, 128 and 255, which is reported"
            raise type(error)(f"{error}, {hint}") from error


class CellsDataModule(FilesDataModule):
    """Two sets of images of one white cell each: 120x120 pixels and less (1), 300x300 (2).

    Every part of a split gets its share of each type of cell, and each type is scored by itself beside the whole.
    """

    root_folder: ClassVar[str] = (
        "that holds Dataset 1, Dataset 2 and the tables Class Labels of Dataset 1.csv and 2.csv"
    )

    def __init__(
        self,
        root: str,
        dataset: Literal[1, 2, "both"] = 1,
        unknown_values: Literal["raise", "nearest"] = "raise",
        split: Literal["holdout", "kfold", "across"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``Dataset 1``, ``Dataset 2`` and their tables of types.
            dataset: Which set the images come from.
            unknown_values: What becomes of mask values other than 0, 128 and 255: ``raise`` names the files and ends;
                ``nearest`` takes the nearest of the three and reports it file by file.
            split: ``holdout``, ``kfold``: as for all data sets; ``across``: all images of ``dataset`` train and
                validate, all of the other set are tested.
            **shared: Keys of every data set of files.

        Raises:
            ConfigError: ``across`` with both sets.
        """
        super().__init__(**shared)
        if split == "across" and dataset == "both":
            raise ConfigError(
                "datamodule.split: across tests the set that does not train; set datamodule.dataset=1 or 2"
            )
        self.split = split
        self.root = Path(root).expanduser()
        self.dataset = dataset
        check_word("datamodule.unknown_values", unknown_values, Literal["raise", "nearest"])
        self.labels = LabelMap(GREYS, len(NAMES), nearest=unknown_values == "nearest", fixed=True, reading="shown")

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Twelve drawn cells of 48x48 pixels and less, and larger ones."""
        from segexp.data.synthetic.generate import generate

        generate("cells", "cells", folder / "files", count=12, size=48, seed=0)
        return {"root": str(folder / "files"), "crop_size": 32}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Background, cytoplasm, nucleus."""
        return NAMES, COLOURS

    def listing(self) -> Listing:
        """Images of the sets that are used."""
        across = self.split == "across" and self.split_file is None
        listing = Listing()
        for number in (1, 2) if self.dataset == "both" or across else (self.dataset,):
            found = find_cell_images(self.root, number)
            listing.pairs += found.pairs
            listing.problems += found.problems
            listing.notes += found.notes
            if across and number != self.dataset:
                listing.tested = [pair.name for pair in found.pairs]
        return listing

    def cache_name(self) -> str:
        """Tells caches apart by whether values without a class are mapped."""
        return "nearest" if self.labels.nearest else ""

    def file_labels(self) -> LabelMap:
        """Gives the map from 0, 128 and 255 to class numbers."""
        return self.labels

    def open(self, pair: Pair) -> Item:
        """Opens image and mask; with ``unknown_values=nearest`` reads the mask, so that changes are known at once."""
        mask = CellMask(open_raster(pair.mask_file, raw=True), self.labels)
        item = StoredItem(pair.name, open_raster(pair.image), mask, pair.group)
        if self.labels.nearest:
            mask.window(0, 0, *mask.shape)
        return item

    def find(self) -> FoundFiles:
        """Finds and opens all files; notes file by file what was set to the nearest value."""
        found = super().find()
        found.notes += sorted(self.labels.notes())
        return found

    def describe(self) -> dict[str, Any]:
        """Describes the data and its split for results.json, and which of the two sets it is."""
        return {**super().describe(), "dataset": self.dataset}


def find_cell_images(root: Path, number: int) -> Listing:
    """Finds the images of ``Dataset 1`` or ``Dataset 2`` with masks and types; opens only the table of types.

    Args:
        root: Folder that holds ``Dataset 1``, ``Dataset 2`` and a table ``Class Labels of Dataset N.csv`` for each.
        number: 1 or 2.

    Raises:
        DataError: The folder is missing or empty, or its table is missing or none.
    """
    check_root(root, CellsDataModule.root_folder)
    folder = root / f"Dataset {number}"
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (datamodule.root={root} holds {list_contents(root)})")
    listing = Listing()
    files = find_by_pattern(folder, r"(\d+\.(?:bmp|png))", "segmentation_WBC", listing.notes)
    images = {Path(name).stem: path for name, path in files.items() if path.suffix == ".bmp"}
    masks = {Path(name).stem: path for name, path in files.items() if path.suffix == ".png"}
    if not images:
        raise DataError(f"{folder}: no image named NNN.bmp")
    listing.problems += find_unpaired(images, masks, lambda stem: folder / f"{stem}.png", "its mask")
    types = _types(root / f"Class Labels of Dataset {number}.csv", images, listing)
    listing.pairs = [
        Pair(f"set{number}_{stem}", image, masks[stem], group=kind, stratum=f"{number} {kind}")
        for stem, image in images.items()
        if stem in masks and (kind := types.get(int(stem))) is not None
    ]
    return listing


def _types(table: Path, images: dict[str, Path], listing: Listing) -> dict[int, str]:
    """Types by image number; what does not fit goes to the problems, rows of images that are not there to the notes."""
    numbers = {int(stem) for stem in images}
    types = _read_types(table, listing.problems)
    listing.problems += [f"{images[s]}: no row for image {int(s)} in {table}" for s in images if int(s) not in types]
    unused = len(set(types) - numbers)
    if unused:
        listing.notes.append(f"{table}: {unused} of {len(types)} rows are of images that are not there")
    return {number: TYPES[kind] for number, kind in types.items() if kind in TYPES}


def _read_types(table: Path, problems: list[str]) -> dict[int, int]:
    """Number of the type by number of the image; the two tables have different headers, which are passed over."""
    if (what := special_file(table)) is not None:
        raise DataError(f"{table}: is {what}, expected a table")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise DataError(
            f"{table}: no such file; it gives the type of each cell (image number, 1 to 5), by which images are split "
            "and scored"
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a table ({error}); copy it again from its source") from error
    types: dict[int, int] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            image, kind = (int(cell) for cell in row[:2])
        except ValueError:
            problems.append(f"{table}, line {line}: found {','.join(row)}, expected an image number and a type")
            continue
        if kind not in TYPES:
            problems.append(f"{table}, line {line}: found type {kind}, expected 1 to 5 ({', '.join(TYPES.values())})")
        if types.setdefault(image, kind) != kind:
            problems.append(f"{table}, line {line}: image {image} is there twice, as type {types[image]} and {kind}")
    return types
