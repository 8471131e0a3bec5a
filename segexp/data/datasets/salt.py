"""Salt bodies in seismic images: the layout of the TGS salt identification challenge (2018)."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.data.datasets.file_layout import find_by_pattern, find_unpaired, list_contents
from segexp.data.files import FilesDataModule, FoundFiles, Listing, Pair
from segexp.data.items.item import Item
from segexp.data.items.stored import FileMask, StoredItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.root_folder import check_root
from segexp.data.splits.rules import Split
from segexp.errors import DataError
from segexp.rasters import EqualChannelsRaster, open_raster

EMPTY, SALT = "empty", "salt"


class SaltDataModule(FilesDataModule):
    """Grey images of 101x101 pixels; four in ten show no salt. Every part of a split has its share of these.

    Masks are 16-bit images of 0 and 65535 where there is salt, and 8-bit images of 0 where there is none.
    """

    root_folder: ClassVar[str] = "that holds images/ and masks/ of the TGS set"

    def __init__(
        self,
        root: str,
        channels: Literal[1, 3] = 1,
        split: Literal["holdout", "kfold"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``images/`` and ``masks/``, or ``train/`` with both.
            channels: 1: grey, as the images are although they are saved as RGB; 3: RGB, for pretrained encoders.
            split: ``holdout``, ``kfold``: as for all data sets.
            **shared: Keys of every data set of files.
        """
        super().__init__(split=split, **shared)
        self.root = Path(root).expanduser()
        self.channels: Literal[1, 3] = channels
        self._strata: dict[str, str] = {}

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Ten drawn images of 40x40 pixels."""
        from segexp.data.synthetic.generate import generate

        generate("buildings", "salt", folder / "files", count=10, size=40, seed=0)
        return {"root": str(folder / "files"), "crop_size": 32}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Two classes."""
        return ("background", "salt"), ((0, 0, 0), (240, 190, 60))

    def listing(self) -> Listing:
        """Pairs of one name in ``images`` and ``masks``."""
        check_root(self.root, self.root_folder)
        folder = next((f for f in (self.root, self.root / "train") if (f / "images").is_dir()), None)
        if folder is None:
            raise DataError(
                f"{self.root / 'images'}: no such folder (datamodule.root={self.root} holds {list_contents(self.root)})"
            )
        listing = Listing()
        images, masks = (
            find_by_pattern(folder / part, r"(.+)\.png", "TGS", listing.notes) for part in ("images", "masks")
        )
        if not images:
            raise DataError(f"{folder / 'images'}: no image named *.png")
        listing.problems = find_unpaired(images, masks, lambda name: folder / "masks" / f"{name}.png", "its mask")
        listing.pairs = [Pair(name, path, masks[name]) for name, path in images.items() if name in masks]
        listing.notes += _missing(self.root / "train.csv", images)
        return listing

    def assign(self, listing: Listing) -> Split:
        """Reads all masks first: each part gets its share of those that are empty."""
        self._strata, _ = self._each(listing.pairs, lambda pair: pair.name, _stratum)
        listing.pairs = [replace(pair, stratum=self._strata[pair.name]) for pair in listing.pairs]
        return super().assign(listing)

    def open(self, pair: Pair) -> Item:
        """Image and mask."""
        return StoredItem(pair.name, EqualChannelsRaster(open_raster(pair.image), self.channels), _mask(pair.mask_file))

    def find(self) -> FoundFiles:
        """Finds and opens all files; counts the empty masks of each part."""
        found = super().find()
        empty = {phase: [self._strata[i.name] for i in items].count(EMPTY) for phase, items in found.parts.items()}
        parts = ", ".join(f"{empty[phase]} of {len(items)} in {phase}" for phase, items in found.parts.items())
        if any(found.parts.values()):
            found.notes.append(f"{sum(empty.values())} masks are empty: {parts}")
        return found


@cache
def _labels(*, deep: bool) -> LabelMap:
    """Black and white as they are shown: 255 in a mask of 16 bits would be nearly black."""
    return LabelMap({0: 0, 65535 if deep else 255: 1}, 2, fixed=True, reading="stored" if deep else "shown")


def _mask(path: Path) -> FileMask:
    raster = open_raster(path, raw=True)
    return FileMask(raster, _labels(deep=raster.header.white > 255))


def _stratum(pair: Pair) -> str:
    try:
        mask = _mask(pair.mask_file)
        return SALT if mask.window(0, 0, *mask.shape).any() else EMPTY
    except DataError:
        # It is opened again, and named then, if it is in a part that is used.
        return "unreadable"


def _missing(table: Path, images: dict[str, Path]) -> list[str]:
    """A note of images that the challenge's table has and the folder has not; the table itself is not needed."""
    if not table.is_file():
        return []
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            names = {row["id"] for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, csv.Error):
        return [f"{table}: not used, it is no table with a column id"]
    absent = len(names - set(images))
    return [f"{table}: {absent} of {len(names)} images in it are not there"] if absent else []
