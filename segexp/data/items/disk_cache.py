"""Decoded copies of images on disk, for large compressed files of which many windows are read."""

import hashlib
import os
from pathlib import Path

import numpy as np

from segexp.data.checks.survey import cache_folder
from segexp.data.items.item import Image, Item, Mask
from segexp.data.items.stored import StoredItem, TargetSource
from segexp.data.items.target_sources import FixedTarget, ImageTargetFile
from segexp.rasters import open_raster

VERSION = 2
"""Of how files are decoded: copies of another one are not read. 2: masks are brought into line with their images."""


def on_disk(item: Item, name: str) -> Item:
    """Stores an item as memory-mapped arrays in the cache folder, unless it is there; gives an item of them.

    Args:
        item: An item of files.
        name: What else than the files decides the pixels, for example what mask values mean.
    """
    key = item.fingerprint
    if key is None:
        return item
    folder = _folder(name, key)
    if not is_on_disk(item, name):
        _save(folder / "image.npy", item.image)
        # The target last: where it is, the image is whole.
        if _has_target_file(item):
            _save(folder / _last_file(item), item.target)
    kept = StoredItem(item.name, open_raster(folder / "image.npy"), _source(item, folder), item.group, item.form)
    kept.known_as, kept.files = key, item.files
    return kept


def _has_target_file(item: Item) -> bool:
    """Whether the target has pixels of its own, so that it is decoded into a file too."""
    own_image = isinstance(item, StoredItem) and item.target_source is None
    return item.form.name in ("mask", "image") and not own_image


def _last_file(item: Item) -> str:
    """The file that is written last."""
    return f"{item.form.name}.npy".replace("image", "target") if _has_target_file(item) else "image.npy"


def _source(item: Item, folder: Path) -> TargetSource | None:
    """Where the target is read from: its decoded copy; None: from that of the image."""
    path = folder / _last_file(item)
    if item.form.name == "mask":
        return StoredClasses(path)
    if item.form.name == "image":
        return ImageTargetFile(open_raster(path)) if _has_target_file(item) else None
    return FixedTarget(item.target)


def is_on_disk(item: Item, name: str) -> bool:
    """Returns whether :func:`on_disk` has nothing to write."""
    return item.fingerprint is not None and (_folder(name, item.fingerprint) / _last_file(item)).is_file()


def _folder(name: str, key: str) -> Path:
    text = f"{VERSION} {name} {key}"
    return cache_folder() / "decoded" / hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _save(path: Path, array: Image | Mask) -> None:
    """Whole or not at all; two runs may write at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    np.save(temporary, array)
    temporary.replace(path)


class StoredClasses:
    """A mask that holds class numbers and 255 already."""

    mapped = True

    def __init__(self, path: Path) -> None:
        self.raster = open_raster(path)
        self.paths = (path,)
        self.shape = (self.raster.height, self.raster.width)

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window."""
        window = self.raster.window(top, left, height, width)
        return np.asarray(window[..., 0], dtype=np.uint8)
