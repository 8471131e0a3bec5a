"""CIFAR-10 (Krizhevsky 2009) in its binary version: small colour images of ten classes in a few large files."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.data.datasets.file_layout import find_by_pattern, list_contents
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.forms import LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.root_folder import check_root
from segexp.data.synthetic.labelled import CIFAR_CLASSES, CIFAR_SIDE
from segexp.errors import DataError
from segexp.spec import LabelTarget

FOLDER = "cifar-10-batches-bin"
PIXELS = 3 * CIFAR_SIDE**2
RECORD = 1 + PIXELS
"""Bytes of an image: its class, then the planes of red, green and blue, row by row."""
TEST = "test_batch"
BESIDE = r"batches\.meta\.txt|readme\.html"
"""What else lies there."""


class CifarDataModule(FilesDataModule):
    """``cifar-10-batches-bin/data_batch_N.bin`` and ``test_batch.bin``; images are kept in memory, 3 KB each.

    The published split shows some pictures twice; it is kept, so that figures compare with those of others.
    """

    root_folder: ClassVar[str] = "that holds cifar-10-batches-bin"

    copies_matter = False

    def __init__(self, root: str, split: Literal["official", "holdout", "kfold"] = "official", **shared: Any) -> None:
        """Stores the settings.

        Args:
            root: Folder that holds ``cifar-10-batches-bin``, or that folder.
            split: ``official``: ``test_batch.bin`` is tested; ``holdout``, ``kfold``: as for all data sets.
            **shared: Keys of every data set of files.
        """
        super().__init__(split=split, **shared)
        self.root = Path(root).expanduser()
        self._records: dict[str, tuple[NDArray[np.uint8], int]] = {}

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Drawn images: two training batches of thirty and twenty of the test."""
        from segexp.data.synthetic.labelled import write_cifar

        write_cifar(folder / "files", count=30, tests=20)
        return {"root": str(folder / "files")}

    def target(self) -> LabelTarget:
        """The ten classes."""
        return LabelTarget(CIFAR_CLASSES)

    def listing(self) -> Listing:
        """An image for each record; reads the bytes of the classes."""
        check_root(self.root, self.root_folder)
        folder = self.root / FOLDER if (self.root / FOLDER).is_dir() else self.root
        listing = Listing()
        files = find_by_pattern(folder, rf"((?:data_batch_\d+|{TEST})\.bin|{BESIDE})", "CIFAR-10", listing.notes)
        batches = {Path(name).stem: path for name, path in files.items() if path.suffix == ".bin"}
        if not any(name != TEST for name in batches):
            raise DataError(f"{folder / 'data_batch_1.bin'}: no such file ({folder} holds {list_contents(folder)})")
        if self.split == "official" and self.split_file is None and TEST not in batches:
            raise DataError(f"{folder / TEST}.bin: no such file, which datamodule.split=official tests; use holdout")
        for name, path in batches.items():
            self._add(listing, name, path)
        return listing

    def _add(self, listing: Listing, name: str, path: Path) -> None:
        """The images of a file."""
        try:
            records = _records(path)
        except DataError as error:
            listing.problems.append(str(error))
            return
        labels = records[:, 0].tolist()
        for index, label in enumerate(labels):
            image = f"{name}_{index:05d}"
            self._records[image] = records, index
            listing.pairs.append(Pair(image, path, stratum=CIFAR_CLASSES[label], label=label))
            if name == TEST:
                listing.tested.append(image)

    def open(self, pair: Pair) -> Item:
        """An image in memory."""
        records, index = self._records[pair.name]
        planes = records[index, 1:].reshape(3, CIFAR_SIDE, CIFAR_SIDE)
        return Item(pair.name, np.ascontiguousarray(planes.transpose(1, 2, 0)), pair.label, form=LABEL_FORM)


def _records(path: Path) -> NDArray[np.uint8]:
    """Records of a file, uint8 (N, 3073), memory-mapped.

    Raises:
        DataError: Its length is no multiple of a record, or a class is above 9.
    """
    size = path.stat().st_size
    if size == 0 or size % RECORD:
        raise DataError(
            f"{path}: found {size} bytes, expected a multiple of {RECORD}, a byte of the class and 32x32 pixels of "
            "three colours for each image; get the binary version of CIFAR-10, or copy the file anew"
        )
    records = np.memmap(path, np.uint8, "r").reshape(-1, RECORD)
    highest = int(records[:, 0].max())
    if highest >= len(CIFAR_CLASSES):
        raise DataError(
            f"{path}: found class {highest}, expected 0 to 9; this is no file of CIFAR-10 (CIFAR-100 has two bytes of "
            "classes)"
        )
    return records
