"""White blood cells (Zheng et al. 2018, set segmentation_WBC): nucleus and cytoplasm, in its own file layout."""

from pathlib import Path
from typing import Any, Literal

from segexp.data.datasets.cells_files import scan
from segexp.data.files import FilesDataModule, Found, Listing, Pair
from segexp.data.items.item import Item, Mask
from segexp.data.items.stored import FileMask, StoredItem
from segexp.data.labels.label_map import LabelMap
from segexp.errors import ConfigError, DataError
from segexp.rasters import open_raster

NAMES = ("background", "cytoplasm", "nucleus")
COLOURS = ((0, 0, 0), (80, 170, 230), (150, 60, 190))
GREYS = {0: 0, 128: 1, 255: 2}


class CellMask(FileMask):
    """A mask of 0, 128 and 255; where it holds another value the error says which key maps it."""

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window."""
        try:
            return super().window(top, left, height, width)
        except DataError as error:
            if self.labels.nearest:
                raise
            hint = "or set datamodule.stray=nearest: each becomes the nearest of 0, 128 and 255, which is reported"
            raise type(error)(f"{error}, {hint}") from error


class CellsDataModule(FilesDataModule):
    """Two sets of images of one white cell each: 120x120 pixels and less (1), 300x300 (2).

    Every part of a split gets its share of each type of cell, and each type is scored by itself beside the whole.
    """

    def __init__(
        self,
        root: str,
        dataset: Literal[1, 2, "both"] = 1,
        stray: Literal["raise", "nearest"] = "raise",
        split: Literal["holdout", "kfold", "across"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``Dataset 1``, ``Dataset 2`` and their tables of types.
            dataset: Which set the images come from.
            stray: What becomes of mask values other than 0, 128 and 255: ``raise`` names the files and ends;
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
        self.labels = LabelMap(GREYS, len(NAMES), nearest=stray == "nearest", fixed=True, reading="shown")

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
            found = scan(self.root, number)
            listing.pairs += found.pairs
            listing.problems += found.problems
            listing.notes += found.notes
            if across and number != self.dataset:
                listing.tested = [pair.name for pair in found.pairs]
        return listing

    def cache_name(self) -> str:
        """Whether stray values are mapped."""
        return "nearest" if self.labels.nearest else ""

    def file_labels(self) -> LabelMap:
        """What 0, 128 and 255 mean."""
        return self.labels

    def open(self, pair: Pair) -> Item:
        """Image and mask; with ``stray=nearest`` the mask is read, so that all that is changed is known at once."""
        mask = CellMask(open_raster(pair.mask, raw=True), self.labels)
        item = StoredItem(pair.name, open_raster(pair.image), mask, pair.group)
        if self.labels.nearest:
            mask.window(0, 0, *mask.shape)
        return item

    def find(self) -> Found:
        """As every data set of files; what was set to the nearest value is noted, file by file."""
        found = super().find()
        found.notes += sorted(self.labels.notes())
        return found

    def describe(self) -> dict[str, Any]:
        """As every data set, and which of the two sets this is."""
        return {**super().describe(), "dataset": self.dataset}
