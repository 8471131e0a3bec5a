"""Any images with masks in image files: a user's own data."""

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from PIL import Image as PillowImage

from segexp.data.base import Items
from segexp.data.checks.problems import Problem, problem_of
from segexp.data.files import FilesDataModule, FoundFiles, Listing, Pair
from segexp.data.folder.channels import Channels, OpaqueRaster, choose_channels, open_headers
from segexp.data.folder.crop_size import choose_crop_count, choose_crop_side
from segexp.data.folder.find import FolderFiles, NameKeys, find_files
from segexp.data.folder.hints import note_replaced_values, suggest_patients, suggest_units
from segexp.data.folder.masks.class_table import ClassTable, find_class_tables
from segexp.data.folder.masks.classes import LabelKeys, Labels, resolve_labels
from segexp.data.folder.masks.sample import NAMED_MASKS, MaskSample, sample_masks
from segexp.data.folder.override import format_override, format_overrides
from segexp.data.folder.validity import mask_nodata, open_valid_mask
from segexp.data.items.item import Item
from segexp.data.items.stored import FileMask, MaskSource, StoredItem, ValidMask
from segexp.data.labels.label_keys import parse_key
from segexp.data.labels.label_map import LabelMap
from segexp.data.labels.mask_reading import MaskReading
from segexp.data.splits.split_lists import suggest_lists
from segexp.errors import DataError, UserError
from segexp.rasters import SelectedBands, open_raster
from segexp.spec import IGNORED
from segexp.types import PositiveInt


class FolderDataModule(FilesDataModule):
    """Images and masks found by patterns of their names; what is not given is guessed where it is safe, and said."""

    root_folder: ClassVar[str] = "that holds images and masks"

    unlike = f"{format_override('channels', 'rgb')} or {format_override('channels', 'grey')} brings them to the same"

    def __init__(
        self,
        root: str,
        images: str = "auto",
        masks: str = "auto",
        valid: str | None = "auto",
        mask_values: dict[int | str, int | str] | None = None,
        classes: list[str] | None = None,
        ignored: list[int | str] | None = None,
        colours: dict[str, str] | list[str] | None = None,
        unknown_values: Literal["raise", "nearest"] = "raise",
        mask_reading: MaskReading = "auto",
        channels: Literal["auto", "all", "rgb", "grey"] = "auto",
        bands: list[PositiveInt] | None = None,
        split_by: str | None = None,
        group: str | None = None,
        stratum: str | None = None,
        table: str | None = None,
        table_key: str | None = None,
        parts: dict[str, str | list[str]] | None = None,
        unpaired: Literal["raise", "skip"] = "raise",
        split: Literal["auto", "official", "holdout", "kfold"] = "auto",
        crop_size: PositiveInt | Literal["auto"] | None = "auto",
        crops_per_image: PositiveInt | Literal["auto"] = "auto",
        pad_to_crop: bool = True,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder below which everything lies.
            images: Pattern of the images, see :mod:`segexp.data.folder.patterns`; ``auto``: guessed with the masks.
            masks: Path of the mask of an image, made of the parts of its name, for example ``masks/{stem}.png``.
            valid: Path of a file that holds 0 where nothing counts; None: there is none.
            mask_values: Class of each value or colour, by name or number; None: guessed.
            classes: Names in the order of their numbers; None: as they appear in ``mask_values``.
            ignored: Values or colours of pixels that count nowhere.
            colours: Colours of the classes in pictures; None: those of the masks, or chosen.
            unknown_values: What becomes of a pixel whose value is no class: an error, or the nearest value that is one.
            mask_reading: Whether mask values are what a viewer shows (``shown``), what files store (``stored``: indices
                of a palette, 0 and 1 of one bit), or 0 for transparent pixels and 255 for others (``alpha``); ``auto``:
                whichever the values fit.
            channels: ``all``: as in the files; ``rgb`` and ``grey`` bring all images to that, without alpha; ``auto``:
                by a sample of the images.
            bands: Which bands of the files are the channels, numbered from 1, in their order; None: all. Kept with the
                model, so that a prediction picks the same.
            split_by: What a split must not cut apart, made of the parts of the name or of the table.
            group: What is scored together, likewise.
            stratum: What every part of the split gets its share of, likewise.
            table: CSV file, below the root or elsewhere, with a row for each image.
            table_key: Its column that names the image; None: the one that does.
            parts: Folder names of ``{split}`` that are train, val and test; None: the usual ones.
            unpaired: What becomes of images without masks, and of masks without images.
            split: ``auto``: ``official`` where folders or table tell the parts, else ``holdout``.
            crop_size: Side of the crops in pixels; ``auto``: by the sizes of the images; None: whole images.
            crops_per_image: Crops of each image an epoch; ``auto``: as many as cover it.
            pad_to_crop: Whether images smaller than the crops are mirrored around.
            **shared: Keys of every data set of files.
        """
        super().__init__(
            split="holdout" if split == "auto" else split,
            crop_size=None if crop_size == "auto" else crop_size,
            crops_per_image=1 if crops_per_image == "auto" else crops_per_image,
            pad_to_crop=pad_to_crop,
            **shared,
        )
        self.root = Path(root).expanduser()
        self.names = NameKeys(images, masks, valid, split_by, group, stratum, table, table_key, parts, unpaired)
        self.label_keys = LabelKeys(mask_values, classes, tuple(ignored or ()), colours, mask_reading)
        self.unknown_values = unknown_values
        self.channels: Literal["auto", "all", "rgb", "grey"] = channels
        self.bands = tuple(bands) if bands else None
        self._file_channels: set[int] = set()
        chosen = {"split": split, "crop_size": crop_size, "crops_per_image": crops_per_image}
        self.left_open = [key for key, value in chosen.items() if value == "auto"]
        self._pixel_sizes: set[float | None] = set()

    def read_labels_by(self, keys: LabelKeys) -> None:
        """Takes other keys of the labels, such as those of a model, before :attr:`labels` are asked for."""
        self.label_keys = keys

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Six images of squares, with masks of three classes and a border that is ignored."""
        for number in range(6):
            rng = np.random.default_rng(number)
            mask = np.kron(rng.integers(0, 3, (8, 8)), np.ones((6, 6), int)).astype(np.uint8)
            image = np.repeat(mask[..., None] * np.uint8(80), 3, axis=2)
            mask[:4], image[:4] = IGNORED, 255
            for name, pixels in ((f"images/{number}.png", image), (f"masks/{number}_mask.png", mask)):
                (folder / name).parent.mkdir(exist_ok=True)
                PillowImage.fromarray(pixels).save(folder / name)
        return {"root": str(folder), "ignored": [IGNORED], "crop_size": 32, "crops_per_image": 2}

    @cached_property
    def found(self) -> FolderFiles:
        """Files and what belongs to them."""
        return find_files(self.root, self.names)

    @cached_property
    def labels(self) -> Labels:
        """Classes, and what mask values mean."""
        return resolve_labels(self.label_keys, lambda: self.sample, lambda: self.class_tables)

    @cached_property
    def class_tables(self) -> list[ClassTable]:
        """Tables that name classes, beside images and masks or above them."""
        pairs = self.found.listing.pairs
        return find_class_tables(self.root, [path for pair in pairs for path in (pair.image, pair.mask_file)])

    @cached_property
    def sample(self) -> MaskSample:
        """Looks at some of the masks, once; raises DataError where no image has one."""
        pairs = self.found.listing.pairs
        if not pairs:
            raise DataError(f"datamodule.masks: no image has its mask in {self.found.rules.masks.text}")
        keeps_white = any(parse_key(key) == (IGNORED, False) for key in self.label_keys.ignored)
        masks = None if self.label_keys.classes is not None or not self.class_tables else NAMED_MASKS
        paths = [pair.mask_file for pair in pairs]
        return sample_masks(paths, self.label_keys.reading, keeps_white=keeps_white, masks=masks)

    @cached_property
    def label_map(self) -> LabelMap:
        """Turns mask values into class numbers."""
        labels, nearest = self.labels, self.unknown_values == "nearest"
        return LabelMap(labels.values, len(labels.names), nearest, names=labels.names, reading=labels.reading)

    def file_labels(self) -> LabelMap:
        """Gives the map from mask values to class numbers."""
        return self.label_map

    @cached_property
    def shown_as(self) -> Channels:
        """Channels that images are brought to: as ``channels`` says, else by a sample of the images."""
        if self.channels != "auto":
            return self.channels
        if self.bands is not None:
            return "all"
        return choose_channels(open_headers([pair.image for pair in self.found.listing.pairs]))

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Gives names and colours of the classes, as the config says or as a sample of the masks tells."""
        return self.labels.names, self.labels.colours

    def scored_region(self) -> str:
        """Says in words which pixels the figures speak of."""
        if self.found.rules.valid is not None:
            return f"where {self.found.rules.valid.text} is not 0"
        return "pixels that are not ignored" if IGNORED in self.labels.values.values() else "all pixels"

    def listing(self) -> Listing:
        """Images and masks that fit the patterns."""
        found = self.found
        if "split" in self.left_open:
            self.split = "official" if found.official else "holdout"
        elif self.split == "official" and not found.official and self.split_file is None:
            raise DataError(
                "datamodule.split: found official, but no names tell which images are training and which test: that "
                f"takes a {{split}} in datamodule.images ({found.rules.images.text}), or a column split in "
                "datamodule.table; use holdout or kfold"
            )
        listing = replace(found.listing, notes=list(found.listing.notes))
        if found.rules.split_by is None and self.split != "official" and self.split_file is None:
            paths = [pair.image.relative_to(self.root).as_posix() for pair in listing.pairs]
            folders = suggest_patients(found.rules.images, paths)
            listing.notes += folders or suggest_units([pair.name for pair in listing.pairs])
        if self.split != "official" and self.split_file is None and self._kept is None:
            listing.notes += suggest_lists(self.root, [pair.name for pair in listing.pairs])
        return listing

    def cache_name(self) -> str:
        """Names what mask values mean and what images are brought to, for the key of a cache."""
        labels = self.label_map
        how = f"{self.unknown_values} {self.labels.reading} {self.shown_as} {self.bands}"
        return f"{labels.numbers} {labels.colours} {how}"

    def open(self, pair: Pair) -> Item:
        """The headers of the image and its masks; of masks with unknown values all pixels, to count them."""
        image = open_raster(pair.image)
        self._pixel_sizes.add(image.pixel_size and round(image.pixel_size, 6))
        self._file_channels.add(image.channels)
        chosen = image if self.bands is None else SelectedBands(image, self.bands)
        shown = chosen if self.shown_as == "all" else OpaqueRaster(chosen, self.shown_as)
        mask: MaskSource = FileMask(open_raster(pair.mask_file, raw=True), self.label_map)
        if self.unknown_values == "nearest":
            mask.window(0, 0, *mask.shape)
        if pair.valid is not None:
            mask = ValidMask(mask, open_valid_mask(pair.valid))
        return StoredItem(pair.name, shown, mask_nodata(mask, image), pair.group)

    def pixel_size(self) -> float | None:
        """Gives the metres of a pixel where all GeoTIFFs have the same; None elsewhere."""
        return next(iter(self._pixel_sizes)) if len(self._pixel_sizes) == 1 else None

    def picked(self) -> tuple[tuple[int, ...] | None, int | None]:
        """Gives the bands that ``bands`` picks, and how many the files have; None where all are taken."""
        counts = self._file_channels
        return self.bands, next(iter(counts)) if self.bands is not None and len(counts) == 1 else None

    def find(self) -> FoundFiles:
        """Finds and opens all files; settles first the crops that are left open, since others must fit them."""
        try:
            # Once, before threads open files.
            self.cache_name()
        except UserError as error:
            return self._by_names(error)
        found = super().find()
        self.settle(found.parts)
        found.notes = [*self._guesses(), *found.notes]
        return found

    def _by_names(self, error: UserError) -> FoundFiles:
        """Tells what names and headers say against the files, where nothing is known of the classes."""
        problems = [problem_of(error, kind="folders and files" if type(error) is DataError else None)]
        with suppress(UserError):
            listing = self.found.listing
            problems += [Problem("folders and files", line) for line in listing.problems]
            _, unfit = self._each(listing.pairs, lambda pair: pair.name, _headers)
            problems += [problem for problem in unfit if problem.text != str(error)]
        return FoundFiles(problems=problems)

    def _guesses(self) -> list[str]:
        """Says in words what was guessed."""
        notes = [*self.found.notes, *self.labels.notes, *note_replaced_values(self.label_map.changed)]
        if self.shown_as != "all" and self.channels == "auto":
            notes.append(f"images have different channels or alpha: all are read as {self.shown_as}")
        return notes

    def settle(self, items: Items) -> None:
        """Crops by the sizes of the training images."""
        sizes = [item.shape for item in items.get("train", [])]
        if sizes and "crop_size" in self.left_open:
            self.crop_size = choose_crop_side(sizes, grid=self.sampling == "grid")
        if sizes and "crops_per_image" in self.left_open:
            self.crops_per_image = choose_crop_count(sizes, self.crop_size)

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; notes how to fix all that was guessed."""
        first = self._items is None
        super().setup(stage)
        if first and (guessed := self.guessed()):
            self.notes.append(f"to fix what was guessed, add: {format_overrides(guessed)}")

    def guessed(self) -> dict[str, Any]:
        """All that is settled, where files, classes or channels were guessed; a split and crops are no guess."""
        converted = self.channels == "auto" and self.shown_as != "all"
        return self.settled() if self.found.guessed or self.labels.guessed or converted else {}

    def settled(self) -> dict[str, Any]:
        """Gives key and value of all that was guessed or chosen: files, classes, channels, split, crops."""
        own = {"split": self.split, "crop_size": self.crop_size, "crops_per_image": self.crops_per_image}
        channels = {"channels": self.shown_as} if self.channels == "auto" else {}
        return {**self.found.guessed, **self.labels.guessed, **channels, **{key: own[key] for key in self.left_open}}


def _headers(pair: Pair) -> StoredItem:
    """An image with its mask whose values mean nothing yet: it can be opened, and sizes are the same."""
    unknown = LabelMap({0: 0, 1: 1}, 2)
    return StoredItem(pair.name, open_raster(pair.image), FileMask(open_raster(pair.mask_file, raw=True), unknown))
