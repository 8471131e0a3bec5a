"""White cells learnt from masks that a classifier made, tested on drawn ones: weak supervision, in two file layouts."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from PIL import Image as PillowImage

from segexp.config.checks.built_words import check_word
from segexp.data.datasets.cells import find_cell_images
from segexp.data.datasets.file_layout import find_by_pattern, find_unpaired
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.item import Item
from segexp.data.items.stored import FileMask, StoredItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.root_folder import check_root
from segexp.data.splits.rules import Split, holdout, take_validation
from segexp.errors import ConfigError, DataError
from segexp.rasters import open_raster
from segexp.types import PositiveFloat

PATCH = "patch_"
"""How names of patches begin, so that they are none of a cell's."""


class CellsFromCamDataModule(FilesDataModule):
    """Patches with pseudo-masks train and validate; images of segmentation_WBC with drawn masks are tested.

    A cell is nucleus and cytoplasm together. The tested images are those that ``datamodule=cells`` tests with the same
    keys. They are resampled, with their masks, so that cells have the size that they have in training, and scored so.
    """

    root_folder: ClassVar[str] = "that holds images/ and masks/ of python -m segexp localize write=[mask]"

    def __init__(
        self,
        root: str,
        cells: str | None = None,
        dataset: Literal[1, 2] = 1,
        train_on: Literal["maps", "truth"] = "maps",
        patch_scale: PositiveFloat = 0.5,
        scale: PositiveFloat | Literal["auto"] = "auto",
        split: Literal["holdout"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder of ``localize write=[mask]``: ``images/`` and ``masks/`` (0, 1, and 255 where nothing counts).
            cells: Folder that holds ``Dataset 1``, ``Dataset 2`` and their tables of types; None: there are no drawn
                masks, and patches are tested against their pseudo-masks, which says little.
            dataset: Which of both is tested.
            train_on: ``maps``: patches and their pseudo-masks; ``truth``: the images of ``cells`` that are not tested,
                with their drawn masks: what full supervision reaches on the same test images.
            patch_scale: Factor by which patches and their masks are resampled.
            scale: Factor by which images of ``cells`` are resampled; ``auto``: the median diameter of a cell in the
                pseudo-masks, times ``patch_scale``, over that in the drawn masks of images that are not tested.
            split: ``holdout`` alone.
            **shared: Keys of every data set of files.

        Raises:
            ConfigError: ``truth`` without ``cells``.
        """
        super().__init__(split=split, **shared)
        if cells is None and train_on == "truth":
            raise ConfigError("datamodule.cells: must be given with datamodule.train_on=truth, which learns from them")
        self.root, self.cells = Path(root).expanduser(), None if cells is None else Path(cells).expanduser()
        self.dataset: Literal[1, 2] = dataset
        self.train_on = train_on
        check_word("datamodule.scale", scale, PositiveFloat | Literal["auto"])
        self.patch_scale, self.scale = float(patch_scale), scale
        self.factor = 1.0 if scale == "auto" else float(scale)
        self._drawn = LabelMap({0: 0, 128: 1, 255: 1}, 2, nearest=True, fixed=True, reading="shown")
        self._made = LabelMap({0: 0, 1: 1, 255: 255}, 2, fixed=True, reading="stored")

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Drawn cells of 48x48 pixels and less, and other ones with masks whose borders count nowhere."""
        from segexp.data.synthetic.generate import generate

        for seed, name in enumerate(("cells", "others")):
            generate("cells", "cells", folder / name, count=12, size=48, seed=seed)
        for place in ("images", "masks"):
            (folder / "made" / place).mkdir(parents=True)
        for path in sorted((folder / "others" / "Dataset 1").glob("*.bmp")):
            PillowImage.open(path).save(folder / "made" / "images" / f"{path.stem}.png")
            cell = (np.asarray(PillowImage.open(path.with_suffix(".png"))) > 0).astype(np.uint8)
            border = cv2.dilate(cell, np.ones((3, 3))) != cv2.erode(cell, np.ones((3, 3)))
            PillowImage.fromarray(np.where(border, 255, cell).astype(np.uint8)).save(
                folder / "made" / "masks" / f"{path.stem}.png"
            )
        return {"root": str(folder / "made"), "cells": str(folder / "cells"), "crop_size": 16}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Background and cell."""
        return ("background", "cell"), ((0, 0, 0), (150, 60, 190))

    def listing(self) -> Listing:
        """Patches, and images of cells; opens the table of types alone."""
        check_root(self.root, self.root_folder)
        listing = Listing() if self.cells is None else find_cell_images(self.cells, self.dataset)
        images, masks = (
            find_by_pattern(self.root / place, r"(.+)\.png", "localize", listing.notes) for place in ("images", "masks")
        )
        if not images:
            raise DataError(f"{self.root / 'images'}: no image named *.png; write them with localize write=[mask]")
        listing.problems += find_unpaired(images, masks, lambda name: self.root / "masks" / f"{name}.png", "its mask")
        made = [Pair(f"{PATCH}{name}", path, masks[name]) for name, path in images.items() if name in masks]
        listing.pairs = [*made, *listing.pairs]
        return listing

    def assign(self, listing: Listing) -> Split:
        """Deals the images out, and measures cells in masks that are not tested."""
        patches = [pair for pair in listing.pairs if _is_patch(pair)]
        cells = [pair for pair in listing.pairs if not _is_patch(pair)]
        if not cells:
            listing.notes.append("no datamodule.cells: figures speak of pseudo-masks, not of what is drawn by hand")
            names = [pair.name for pair in patches]
            return holdout(names, self.val_fraction, self.test_fraction, self.split_seed)
        strata = {pair.name: pair.stratum for pair in cells if pair.stratum is not None}
        names = [pair.name for pair in cells]
        split = holdout(names, self.val_fraction, self.test_fraction, self.split_seed, strata=strata)
        if self.scale == "auto":
            known = {*split["train"], *split["val"]}
            in_patches = self._diameter(patches, self._made)
            in_cells = self._diameter([pair for pair in cells if pair.name in known], self._drawn)
            self.factor = self.patch_scale * in_patches / in_cells
            listing.notes.append(
                f"cells are {in_patches:.0f} pixels wide in pseudo-masks and {in_cells:.0f} in drawn ones (median): "
                f"patches are resampled by {self.patch_scale:g}, images of cells by {self.factor:.3f}"
            )
        if self.train_on == "truth":
            return split
        return take_validation([pair.name for pair in patches], split["test"], self.val_fraction, self.split_seed)

    def _diameter(self, pairs: list[Pair], labels: LabelMap) -> float:
        """Median diameter in pixels of a disc of the area of what a mask shows, of masks that show something.

        Raises:
            DataError: None shows anything.
        """
        masks = (FileMask(open_raster(pair.mask_file, raw=True), labels) for pair in pairs)
        areas = [int((mask.window(0, 0, *mask.shape) == 1).sum()) for mask in masks]
        known = [area for area in areas if area]
        if not known:
            raise DataError(
                f"{pairs[0].mask_file.parent}: none of {len(pairs)} masks shows a cell; train a better classifier, or "
                "make masks with a lower mask.threshold"
            )
        return float(np.sqrt(np.median(known) * 4 / np.pi))

    def cache_name(self) -> str:
        """Tells caches apart by the size of the images."""
        return f"{self.patch_scale:.4f} {self.factor:.4f}"

    def open(self, pair: Pair) -> Item:
        """Image and mask of a patch or a cell, resampled."""
        labels, factor = (self._made, self.patch_scale) if _is_patch(pair) else (self._drawn, self.factor)
        mask = FileMask(open_raster(pair.mask_file, raw=True), labels)
        return _resampled(StoredItem(pair.name, open_raster(pair.image), mask, pair.group), factor)

    def describe(self) -> dict[str, Any]:
        """Describes the data for results.json, and how much larger cells are seen than they are."""
        return {**super().describe(), "train_on": self.train_on, "patch_scale": self.patch_scale, "scale": self.factor}


def _is_patch(pair: Pair) -> bool:
    return pair.name.startswith(PATCH)


def _resampled(item: Item, factor: float) -> Item:
    height, width = item.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(item.image, size, interpolation=how), item.dtype).reshape(size[1], size[0], -1)
    mask = np.asarray(cv2.resize(item.target, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return Item(item.name, image, mask, item.group)
