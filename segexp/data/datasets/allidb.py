"""Patches of blood smears with or without a certain cell: the layout of ALL-IDB2 (Labati et al. 2011)."""

import csv
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.data.datasets.file_layout import find_by_pattern, list_contents
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.forms import LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem
from segexp.data.items.target_sources import FixedTarget
from segexp.data.root_folder import check_root
from segexp.errors import ConfigError, DataError
from segexp.rasters import EqualChannelsRaster, open_raster
from segexp.spec import LabelTarget
from segexp.system.special_files import special_file
from segexp.types import PositiveInt

TABLE = "fields.csv"
"""Beside the folder of the patches: the field that each was cut from."""


class AllIdbDataModule(FilesDataModule):
    """``ALL_IDB2/img/ImNNN_C.tif``, C = 0 or 1, each resized to one size; patches of one field are never parted.

    The genuine set has 260 patches of 257x257 pixels, centred on a cell that is a lymphoblast (1) or healthy (0), and
    does not say which field each was cut from; ``ALL_IDB2/fields.csv`` with the columns patch and field does.
    """

    root_folder: ClassVar[str] = "that holds ALL_IDB2/img"

    def __init__(
        self,
        root: str,
        classes: list[str] | None = None,
        image_size: PositiveInt | None = 224,
        split: Literal["holdout", "kfold"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``ALL_IDB2/img``, or the folder ``ALL_IDB2``.
            classes: Names of C = 0 and C = 1; None: healthy, lymphoblast.
            image_size: Side to which all patches are resized, pixels; None: as they are.
            split: ``holdout``, ``kfold``: as for all data sets; by field where ``fields.csv`` tells it.
            **shared: Keys of every data set of files.

        Raises:
            ConfigError: ``classes`` are not two.
        """
        super().__init__(split=split, **shared)
        if classes is not None and len(classes) != 2:
            raise ConfigError(f"datamodule.classes: found {len(classes)} names, expected 2, of C = 0 and C = 1")
        self.root = Path(root).expanduser()
        self.names = tuple(classes or ("healthy", "lymphoblast"))
        self.image_size = image_size
        self.by_field = False

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Twenty drawn patches of ten fields, of 64x64 pixels."""
        from segexp.data.synthetic.labelled import write_allidb

        write_allidb(folder / "files", fields=10)
        return {"root": str(folder / "files"), "image_size": 32}

    def target(self) -> LabelTarget:
        """Names of C = 0 and C = 1."""
        return LabelTarget(self.names)

    def listing(self) -> Listing:
        """Patches by their names; opens ``fields.csv`` alone."""
        check_root(self.root, self.root_folder)
        folders = [self.root / place for place in ("ALL_IDB2/img", "img")]
        folder = next((place for place in folders if place.is_dir()), None)
        if folder is None:
            held = list_contents(self.root)
            raise DataError(f"{folders[0]}: no such folder (datamodule.root={self.root} holds {held})")
        listing = Listing()
        patches = find_by_pattern(folder, r"(Im\d+_[01])\.tiff?", "ALL-IDB2", listing.notes)
        if not patches:
            raise DataError(f"{folder}: no patch named ImNNN_0.tif or ImNNN_1.tif")
        fields = _read_fields(folder.parent / TABLE, patches, listing)
        self.by_field = fields is not None
        listing.pairs = [
            Pair(
                name, path, split_by=None if fields is None else fields.get(name), stratum=name[-1], label=int(name[-1])
            )
            for name, path in patches.items()
        ]  # fmt: skip
        return listing

    def open(self, pair: Pair) -> Item:
        """A patch as RGB with its class; reads the header."""
        image = EqualChannelsRaster(open_raster(pair.image), 3)
        return StoredItem(pair.name, image, FixedTarget(pair.label), form=LABEL_FORM)

    def describe(self) -> dict[str, Any]:
        """Describes the data and its split, and whether fields were kept together."""
        return {**super().describe(), "split_by": "field" if self.by_field else "patch"}


def _read_fields(table: Path, patches: dict[str, Path], listing: Listing) -> dict[str, str] | None:
    """Field of each patch; None, with a note, where no table tells it.

    Raises:
        DataError: The table is none, or lacks its columns.
    """
    if not table.exists():
        listing.notes.append(
            f"{table}: no such file, so patches are split one by one: those of one field may lie in several parts, and "
            "figures speak of other patches of these fields, not of other fields"
        )
        return None
    if (what := special_file(table)) is not None:
        raise DataError(f"{table}: is {what}, expected a table")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        fields = {row["patch"]: row["field"] for row in rows}
    except (OSError, ValueError, csv.Error, KeyError) as error:
        raise DataError(f"{table}: cannot be read as a table with the columns patch and field ({error})") from error
    listing.problems += [f"{table}: no field for patch {name}" for name in patches if not fields.get(name)]
    unused = len(set(fields) - set(patches))
    if unused:
        listing.notes.append(f"{table}: {unused} of {len(fields)} rows are of patches that are not there")
    return fields
