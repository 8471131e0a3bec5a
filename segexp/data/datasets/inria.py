"""Buildings in aerial images (Maggiori et al. 2017, "Can semantic labeling methods generalize to any city?")."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from segexp.config.checks.suggest import nearest
from segexp.data.base import Items
from segexp.data.datasets.file_layout import list_contents
from segexp.data.file_kinds import is_clutter, is_image
from segexp.data.files import FilesDataModule, FoundFiles, Listing, Pair
from segexp.data.items.item import Item
from segexp.data.items.stored import FileMask, StoredItem, WindowItem
from segexp.data.labels.label_map import LabelMap, check_mapping
from segexp.data.labels.mask_reading import MaskReading
from segexp.data.root_folder import check_root
from segexp.data.splits.rules import PHASES, Split, holdout
from segexp.data.splits.split_file import read_split, take_over_split
from segexp.errors import ConfigError, DataError
from segexp.rasters import open_raster
from segexp.types import PositiveInt

CITIES = ("austin", "chicago", "kitsap", "tyrol-w", "vienna")
"""Cities with labels."""
UNLABELLED = ("bellingham", "bloomington", "innsbruck", "sfo", "tyrol-e")
"""Cities of the contest's test part, whose labels were never published."""
FIRST_TRAINED = 6
"""Tiles 1 to 5 of each city are the part that the authors keep aside."""

_NAME = re.compile(r"([a-z]+(?:-[a-z]+)*)([1-9][0-9]*)(?:_.*)?")
"""City and number of a tile; from the file name alone: a folder such as ``/data1`` must not be taken for it."""


class InriaDataModule(FilesDataModule):
    """Tiles of 5000x5000 pixels of 0.3 m, or crops of them, with masks of buildings; figures by city.

    Windows are read from the files; no tile is decoded for a crop. Splits never part a tile, but for
    ``split=patches``.
    """

    root_folder: ClassVar[str] = "AerialImageDataset of the Inria set"

    def __init__(
        self,
        root: str,
        cities: list[str] | None = None,
        mask_values: dict[int, int] | None = None,
        mask_reading: Literal["auto", "shown", "stored", "alpha"] = "auto",
        split: Literal["official", "holdout", "kfold", "patches"] = "official",
        patch_size: PositiveInt = 250,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: ``AerialImageDataset`` or the folder that holds it, or a folder with ``images/`` and ``gt/``.
            cities: Only these; None: all.
            mask_values: What the values of ``gt`` mean, 0 or 1; None: 0 is background, 255 building.
            mask_reading: Whether these are values that files show or that they store; ``auto``: whichever fits.
            split: ``official``: tiles 1-5 of each city are tested, a share of the others validates; ``holdout`` and
                ``kfold``: by tile, each part with its share of every city; ``patches``: the tiles are cut into patches,
                which are dealt out at random, so that patches of one tile lie in several parts.
            patch_size: Side of the patches of ``split=patches``.
            **shared: Keys of every data set of files.
        """
        super().__init__(split="holdout" if split == "patches" else split, **shared)
        self.root = Path(root).expanduser()
        self.cities = cities
        values = check_mapping(mask_values or {0: 0, 255: 1}, classes=2)
        # Values of the layout are those that are shown.
        own: MaskReading = "shown" if mask_values is None and mask_reading == "auto" else mask_reading
        self.labels = LabelMap(values, classes=2, reading=own)
        self.patch_size = patch_size if split == "patches" else None
        self._pixel_size: float | None = None

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Eight drawn tiles of 48x48 pixels."""
        from segexp.data.synthetic.generate import generate

        generate("buildings", "inria", folder / "files", count=8, size=48, seed=0)
        return {"root": str(folder / "files"), "crop_size": 32, "crops_per_image": 2}

    @classmethod
    def write_drawn(cls, folder: Path) -> dict[str, Any]:
        """Writes a drawn set in the layout of Inria: its tiles, each of four patches."""
        return cls.write_example(folder) | {"crop_size": 24, "patch_size": 24}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Background and building."""
        return ("background", "building"), ((40, 40, 48), (250, 190, 40))

    def listing(self) -> Listing:
        """Tiles or crops of ``images`` with their masks of ``gt``."""
        return find_tiles(self.root, self.cities)

    def assign(self, listing: Listing) -> Split:
        """Deals tiles out to the parts; says what else to do where tiles 1-5 are all there is."""
        if self.patch_size is not None:
            # Patches are dealt out later; all tiles are opened.
            return {"train": [pair.name for pair in listing.pairs], "val": [], "test": []}
        try:
            return super().assign(listing)
        except DataError as error:
            if self.split != "official" or self.split_file is not None:
                raise
            few = f"{len(listing.pairs) - len(listing.tested)} of them are of other tiles than 1-5 of a city"
            raise DataError(f"{error}: {few}, which split=official tests; use datamodule.split=holdout") from error

    def cache_name(self) -> str:
        """Names what mask values mean, for the key of a cache."""
        return f"{self.labels.numbers} {self.labels.choices.reading}"

    def file_labels(self) -> LabelMap:
        """Gives the map from mask values to class numbers."""
        return self.labels

    def open(self, pair: Pair) -> Item:
        """The headers of image and mask."""
        image = open_raster(pair.image)
        if image.channels != 3 or image.dtype != np.uint8:
            raise DataError(f"{pair.image}: found {image.describe()}, expected RGB of 8 bits")
        if self._pixel_size is None:
            self._pixel_size = image.pixel_size
        return StoredItem(pair.name, image, FileMask(open_raster(pair.mask_file, raw=True), self.labels), pair.group)

    def pixel_size(self) -> float | None:
        """0.3 m where the files are georeferenced, as those of the contest are."""
        return self._pixel_size

    def arrange(self, split: Split, items: Mapping[str, Item]) -> Items:
        """Gives the images of each part; with ``split=patches`` the patches are the images."""
        if self.patch_size is None:
            return super().arrange(split, items)
        patches = {patch.name: patch for tile in items.values() for patch in _cut(tile, self.patch_size)}
        names = list(patches)
        if self._kept is not None:
            parts = take_over_split(self._kept, names, self.notes)
        elif self.split_file is not None:
            parts = read_split(Path(self.split_file).expanduser(), names, self.notes)
        else:
            parts = holdout(names, self.val_fraction, self.test_fraction, self.split_seed)
        return {phase: [patches[name] for name in parts[phase]] for phase in PHASES}

    def find(self) -> FoundFiles:
        """Finds and opens all files; says what patches mean."""
        found = super().find()
        if self.patch_size is not None:
            found.notes += _patch_notes(list(found.items.values()), self.patch_size)
        return found

    def describe(self) -> dict[str, Any]:
        """Describes the data and its split for results.json; tells patches from tiles."""
        found = super().describe()
        if self.patch_size is not None and self.split_file is None:
            found["split"] |= {"rule": "patches", "patch_size": self.patch_size}
        return found


def _cut(tile: Item, side: int) -> list[WindowItem]:
    """Patches side by side from the top left."""
    height, width = tile.shape
    if min(height, width) < side:
        raise ConfigError(f"datamodule.patch_size: found {side}, but {tile.name} has {height}x{width} pixels")
    corners = [(y, x) for y in range(0, height - side + 1, side) for x in range(0, width - side + 1, side)]
    return [WindowItem(tile, y, x, side, side) for y, x in corners]


def _patch_notes(tiles: Sequence[Item], side: int) -> list[str]:
    notes = [
        "split=patches: patches of one tile lie in training, validation and test, and neighbours look alike: the "
        "figures are optimistic, better than on places never seen; split=official or holdout part whole tiles"
    ]
    total = sum(tile.shape[0] * tile.shape[1] for tile in tiles)
    used = sum(tile.shape[0] // side * (tile.shape[1] // side) for tile in tiles) * side**2
    if used < total:
        notes.append(f"{1 - used / total:.1%} of the pixels, at the right and lower borders, are in no patch")
    return notes


def find_tiles(root: Path, cities: Sequence[str] | None = None) -> Listing:
    """Finds ``images/`` and ``gt/`` and pairs their files by name; names every file that is amiss and opens none.

    Args:
        root: ``AerialImageDataset``, the folder that holds it, or a folder with ``images/`` and ``gt/`` of its own.
        cities: Only these; None: all of the contest.

    Returns:
        Tiles, or crops of tiles such as ``chicago12_0250_0500``, in the order of city and number. Crops of one tile may
        overlap and share ``split_by``; tiles 1 to 5 of each city are ``tested``.

    Raises:
        DataError: A folder is missing or empty.
    """
    folder = _labelled(root)
    known = [*CITIES, *UNLABELLED, *(cities or ())]
    listing = Listing()
    images = _find_named(folder / "images", known, listing)
    masks = _find_named(folder / "gt", known, listing)
    if not images and not listing.problems:
        raise DataError(f"{folder / 'images'}: no image named <city><number>.tif or <city><number>_<crop>.png")
    listing.problems += _missing_cities(folder, cities or (), images)
    wanted = {stem for stem in {*images, *masks} if cities is None or _tile(stem)[0] in cities}
    for stem in sorted(wanted, key=lambda stem: (*_tile(stem), stem)):
        if stem not in masks:
            listing.problems.append(
                f"{images[stem]}: its mask is missing, expected {folder / 'gt' / images[stem].name}"
            )
        elif stem not in images:
            listing.problems.append(f"{masks[stem]}: belongs to no image")
        else:
            city, number = _tile(stem)
            listing.pairs.append(Pair(stem, images[stem], masks[stem], None, city, f"{city}{number}", city))
            if number < FIRST_TRAINED:
                listing.tested.append(stem)
    _note_unlabelled(folder, listing)
    return listing


def _labelled(root: Path) -> Path:
    """The folder that holds ``images`` and ``gt``."""
    check_root(root, InriaDataModule.root_folder)
    for folder in (root / "AerialImageDataset" / "train", root / "train", root):
        if (folder / "images").is_dir():
            if not (folder / "gt").is_dir():
                raise DataError(f"{folder / 'gt'}: no such folder, expected the masks of {folder / 'images'}")
            return folder
    raise DataError(
        f"datamodule.root: {root} holds {list_contents(root)}; "
        "expected AerialImageDataset/train/images and gt, or images and gt"
    )


def _find_named(folder: Path, known: Sequence[str], listing: Listing) -> dict[str, Path]:
    """Files by name without its end; an image whose tile is not known is a problem: it would be missed silently."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_clutter(path.name):
            continue
        if not is_image(path.name):
            listing.notes.append(f"{path}: not used, it is no image")
        elif path.stem in files:
            listing.problems.append(f"{path}: has the name of {files[path.stem].name}; keep one of them")
        elif (problem := _problem(path, known)) is not None:
            listing.problems.append(problem)
        else:
            files[path.stem] = path
    return files


def _problem(path: Path, known: Sequence[str]) -> str | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return (
            f"{path}: its name does not say which tile it is; expected <city><number>{path.suffix} or "
            f"<city><number>_<crop>{path.suffix}, for example chicago12{path.suffix}; rename it or take it away"
        )
    if match[1] in known:
        return None
    best = nearest(match[1], known)
    return f"{path}: no city of the set is called {match[1]}; " + (
        f"is it {best}?" if best else "a city of your own is named in datamodule.cities"
    )


def _tile(stem: str) -> tuple[str, int]:
    """City and number of a name that has been let through."""
    match = _NAME.fullmatch(stem)
    if match is None:
        raise ValueError(f"{stem} was let through without a tile")
    return match[1], int(match[2])


def _missing_cities(folder: Path, cities: Sequence[str], images: dict[str, Path]) -> list[str]:
    there = sorted({_tile(stem)[0] for stem in images})
    return [
        f"datamodule.cities: no image of {city!r} in {folder / 'images'}; there are {', '.join(there) or 'none'}"
        for city in cities
        if city not in there
    ]


def _note_unlabelled(folder: Path, listing: Listing) -> None:
    """The test part lies beside ``train``."""
    images = folder.parent / "test" / "images"
    if folder.name == "train" and images.is_dir():
        count = sum(is_image(path.name) for path in images.iterdir())
        listing.notes.append(f"{images}: {count} images without published labels, not used")
