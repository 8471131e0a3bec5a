"""Any images with a class each, by the folder they lie in or by a table: a user's own data."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.config.checks.suggest import did_you_mean
from segexp.data.datasets.class_files import ClassFile, ClassFiles, find_by_folder, find_by_table, look_like_masks
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.folder.channels import Channels, OpaqueRaster, choose_channels, open_headers
from segexp.data.folder.override import format_override
from segexp.data.folder.table import table_path
from segexp.data.folder.tree import leave_out_pickles, list_files
from segexp.data.items.forms import LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem
from segexp.data.items.target_sources import FixedTarget
from segexp.errors import DataError
from segexp.rasters import open_raster
from segexp.spec import LabelTarget
from segexp.types import PositiveInt

FOLDER = "folder"
"""Value of ``split_by`` for images of one folder."""


class ImageFolderDataModule(FilesDataModule):
    """Images of any format in a folder for each class, at any depth below it, or with a table of their classes."""

    root_folder: ClassVar[str] = "that holds a folder of images for each class"

    unlike = f"{format_override('channels', 'rgb')} or {format_override('channels', 'grey')} brings them to the same"
    differing = "set datamodule.image_size, to which all are resized"

    def __init__(
        self,
        root: str,
        classes: list[str] | None = None,
        table: str | None = None,
        table_key: str | None = None,
        table_class: str = "class",
        channels: Literal["auto", "all", "rgb", "grey"] = "auto",
        image_size: PositiveInt | None = 224,
        split_by: str | None = None,
        split: Literal["auto", "official", "holdout", "kfold"] = "auto",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder below which all images lie.
            classes: Names in the order of their numbers; images of others are left out. None: all, sorted by name.
            table: CSV file, below the root or elsewhere, with a row for each image; None: folders tell the classes.
            table_key: Its column that names the image; None: the one that does.
            table_class: Its column that names the class.
            channels: ``all``: as in the files; ``rgb`` and ``grey`` bring all images to that, without alpha; ``auto``:
                by a sample of the images.
            image_size: Side to which all images are resized, whatever their shape; None: native sizes.
            split_by: What a split must not cut apart: a column of the table, say ``patient``, or ``folder``: the images
                of one folder; None: nothing.
            split: ``official``: folders ``train``, ``val`` and ``test``, or a column ``split`` of the table, tell the
                parts; ``auto``: that where they do, else ``holdout``.
            **shared: Keys of every data set of files.
        """
        super().__init__(split="holdout" if split == "auto" else split, **shared)
        self.root = Path(root).expanduser()
        self.class_names = classes
        self.table, self.table_key, self.table_class = table, table_key, table_class
        self.channels: Literal["auto", "all", "rgb", "grey"] = channels
        self.image_size = image_size
        self.split_by = split_by
        self.left_open = split == "auto"

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Ten drawn images of 40 and 48 pixels a side for each of three classes."""
        from segexp.data.synthetic.labelled import write_class_folders

        write_class_folders(folder / "files", count=10)
        return {"root": str(folder / "files"), "image_size": 32}

    @cached_property
    def _files(self) -> ClassFiles:
        """All images with their classes, listed once."""
        tree, notes = leave_out_pickles(list_files(self.root, what=self.root_folder))
        if self.table is None:
            found = find_by_folder(tree)
        else:
            found = find_by_table(tree, table_path(self.root, self.table), self.table_key, self.table_class)
        if not found.images:
            raise DataError(
                f"datamodule.root: {self.root} holds no image in a folder of its class; expected "
                f"{self.root}/<class>/*, or a table of the classes (datamodule.table); found {tree.says() or 'nothing'}"
            )
        return ClassFiles(found.images, found.problems, [*notes, *found.notes, *tree.special])

    @cached_property
    def _names(self) -> tuple[str, ...]:
        known = sorted({image.label for image in self._files.images})
        names = known if self.class_names is None else self.class_names
        if len(set(names)) < 2:
            raise DataError(f"datamodule.root: {self.root}: found the class {', '.join(names)} alone, expected two")
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known)
                raise DataError(f"datamodule.classes: {self.root} holds no image of {name!r}.{hint}")
        return tuple(names)

    def target(self) -> LabelTarget:
        """Names of the classes."""
        return LabelTarget(self._names)

    def listing(self) -> Listing:
        """All images of the classes."""
        names, files = self._names, self._files
        images = [image for image in files.images if image.label in names]
        listing = Listing(problems=list(files.problems), notes=list(files.notes))
        listing.notes += look_like_masks(self.root, images) if self.table is None else []
        others = sorted({image.label for image in files.images} - set(names))
        if others:
            count = len(files.images) - len(images)
            listing.notes.append(f"{count} images of classes that are not asked for are left out: {', '.join(others)}")
        listing.pairs = [
            Pair(
                name, self.root / image.path, split_by=self._unit(image), stratum=image.label,
                label=names.index(image.label),
            )
            for name, image in zip(_image_names(images), images, strict=True)
        ]  # fmt: skip
        self._take_parts(listing, images)
        return listing

    def _unit(self, image: ClassFile) -> str | None:
        """What a split must not cut apart."""
        if self.split_by is None:
            return None
        if self.split_by == FOLDER:
            return image.path.rpartition("/")[0]
        if self.split_by not in image.cells:
            known = [FOLDER, *image.cells]
            raise DataError(
                f"datamodule.split_by: found {self.split_by!r}, expected {FOLDER} or a column of datamodule.table."
                f"{did_you_mean(self.split_by, known)} There are {', '.join(known)}"
            )
        return image.cells[self.split_by] or None

    def _take_parts(self, listing: Listing, images: Sequence[ClassFile]) -> None:
        """Settles the split, and which images an official one tests and validates on."""
        of: dict[str, list[str]] = {"train": [], "val": [], "test": []}
        for pair, image in zip(listing.pairs, images, strict=True):
            if image.part is not None:
                of[image.part].append(pair.name)
        told = bool(images) and sum(map(len, of.values())) == len(images) and bool(of["train"])
        if self.left_open:
            self.split = "official" if told else "holdout"
        elif self.split == "official" and not told and self.split_file is None:
            raise DataError(
                "datamodule.split: found official, but neither folders train, val and test nor a column split of "
                "datamodule.table tell the part of each image; use holdout or kfold"
            )
        if told and not of["test"]:
            of["val"], of["test"] = [], of["val"]
            listing.notes.append("the official split has no test part: its validation part is tested")
        listing.tested, listing.validated = of["test"], of["val"] or None

    @cached_property
    def shown_as(self) -> Channels:
        """Channels that images are brought to: as ``channels`` says, else by a sample of the images."""
        if self.channels != "auto":
            return self.channels
        return choose_channels(open_headers([self.root / image.path for image in self._files.images]))

    def cache_name(self) -> str:
        """Names what images are brought to, for the key of a cache."""
        return self.shown_as

    def open(self, pair: Pair) -> Item:
        """An image with its class; reads the header."""
        image = open_raster(pair.image)
        shown = image if self.shown_as == "all" else OpaqueRaster(image, self.shown_as)
        return StoredItem(pair.name, shown, FixedTarget(pair.label), form=LABEL_FORM)

    def settled(self) -> dict[str, Any]:
        """The split, and the channels, where they were chosen by the files."""
        return ({"split": self.split} if self.left_open else {}) | (
            {"channels": self.shown_as} if self.channels == "auto" else {}
        )


def _image_names(images: Sequence[ClassFile]) -> list[str]:
    """Paths without endings; with them where two images differ by these alone."""
    short = [image.path.rpartition(".")[0] for image in images]
    counts = Counter(short)
    return [image.path if counts[name] > 1 else name for name, image in zip(short, images, strict=True)]
