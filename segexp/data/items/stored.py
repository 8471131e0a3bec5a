"""An item whose pixels lie in files: nothing is decoded before it is asked for, and no more than asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.forms import MASK_FORM, TargetForm
from segexp.data.items.item import DerivedItem, Image, Item, Mask
from segexp.data.items.target_sources import FixedTarget, ImageTargetFile, RasterSource
from segexp.data.labels.label_map import LabelMap
from segexp.errors import SizeError
from segexp.rasters import Raster
from segexp.rasters.ground.align import align_mask
from segexp.spec import IGNORED


class TargetSource(Protocol):
    """The target of an image, from files or known without: a mask of :class:`FileMask`, or see ``target_sources``."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files that it reads."""

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width, known from the headers; None: it has no pixels."""

    @property
    def mapped(self) -> bool:
        """True if windows are read without decoding."""

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """The target of a window."""


class MaskSource(TargetSource, Protocol):
    """Class numbers uint8 (H, W) from one file or several."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, known from the headers."""

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window; raises DataError for a value that is no class."""


class FileMask(RasterSource):
    """The mask of one file, its values turned into class numbers."""

    def __init__(self, raster: Raster, labels: LabelMap) -> None:
        """Keeps them; ``raster`` is opened raw, so that numbers come as they are stored."""
        super().__init__(raster)
        self.labels = labels

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window."""
        return self.labels.window(self.raster, top, left, height, width)


class ValidMask:
    """A mask that is 255 wherever another file holds 0: outside a field of view, nodata."""

    def __init__(self, mask: MaskSource, valid: Raster) -> None:
        self.mask = mask
        self.valid = valid

    @property
    def paths(self) -> tuple[Path, ...]:
        """Both files."""
        return (*self.mask.paths, self.valid.path)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the mask."""
        return self.mask.shape

    @property
    def mapped(self) -> bool:
        """True if both are memory-mapped."""
        return self.mask.mapped and self.valid.mapped

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window, 255 where it is not valid."""
        valid = self.valid.window(top, left, height, width).any(axis=2)
        return np.where(valid, self.mask.window(top, left, height, width), IGNORED).astype(np.uint8)


def raster_holders(source: object) -> Iterator[tuple[object, str]]:
    """Yields the parts of a mask that read a file of their own, with the name of the attribute that holds the file."""
    while source is not None:
        for name in ("raster", "valid"):
            if isinstance(vars(source).get(name), Raster):
                yield source, name
        source = getattr(source, "mask", None)


class StoredItem(Item):
    """An image file and its target, read in windows: a mask, a value of the whole image, another image or itself."""

    def __init__(
        self,
        name: str,
        raster: Raster,
        target: TargetSource | None,
        group: str | None = None,
        form: TargetForm = MASK_FORM,
    ) -> None:
        """Compares sizes and places in the headers; no pixel is read.

        Args:
            name: Unique name.
            raster: The image.
            target: A mask of :class:`FileMask` and the like; a ``FixedTarget``, such as a class number with
                ``LABEL_FORM``; an ``ImageFile`` with ``IMAGE_FORM``; None: the image itself, read once, ``IMAGE_FORM``.
            group: What it is scored together with.
            form: How the target follows the image, of :mod:`segexp.data.items.forms`.

        Raises:
            SizeError: Image and target have different sizes.
            PlaceError: Both say where they lie, and it is not the same place.
        """
        self.name = name
        self.group = group
        self.form = form
        self.raster = raster
        self.target_source = target
        self.known_as: str | None = None
        self.files = self.paths
        self._check_sizes()
        for holder, attribute in raster_holders(target):
            setattr(holder, attribute, align_mask(getattr(holder, attribute), raster))

    def _check_sizes(self) -> None:
        source = self.target_source
        valid = getattr(source, "valid", None)
        sizes = [] if source is None or source.shape is None else [(source.paths[0], source.shape)]
        if valid is not None:
            sizes.append((valid.path, (valid.height, valid.width)))
        for path, (height, width) in sizes:
            if (height, width) != self.shape:
                raise SizeError(
                    f"{path}: {height}x{width} pixels, but its image {self.raster.path} has "
                    f"{self.raster.height}x{self.raster.width} (height x width)"
                )

    @property
    def image(self) -> Image:
        """The whole image, decoded anew at each call."""
        return self.raster.read()

    @property
    def target(self) -> NDArray[Any]:
        """The whole target, decoded anew at each call."""
        return self._target_window(0, 0, *self.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, from the header."""
        return self.raster.height, self.raster.width

    @property
    def channels(self) -> int:
        """Channels, from the header."""
        return int(self.raster.channels)

    @property
    def target_channels(self) -> int | None:
        """Channels of a target that is an image, from its header; None: it is none."""
        if self.form.name != "image":
            return None
        return self.target_source.raster.channels if isinstance(self.target_source, ImageTargetFile) else self.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16, from the header."""
        return self.raster.dtype

    @property
    def in_memory(self) -> bool:
        """True if the files are memory-mapped, so that a window costs no decoding."""
        return self.raster.mapped and (self.target_source is None or self.target_source.mapped)

    @property
    def decoded_bytes(self) -> int:
        """Memory that image and target take decoded, where they are one once."""
        both = super().decoded_bytes
        return both // 2 if self.target_source is None else both

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the image first."""
        return (self.raster.path, *(() if self.target_source is None else self.target_source.paths))

    @property
    def fingerprint(self) -> str:
        """Names, sizes and times of the files, and a value; of a copy, those of its originals (``known_as``)."""
        if self.known_as is not None:
            return self.known_as
        states = [(path, path.stat()) for path in self.paths]
        files = "|".join(f"{path.resolve()}:{state.st_size}:{state.st_mtime_ns}" for path, state in states)
        return files + (self.target_source.fingerprint if isinstance(self.target_source, FixedTarget) else "")

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, NDArray[Any]]:
        """A window of both; only files that cannot be read in parts are decoded whole."""
        image = self.raster.window(top, left, height, width)
        return image, image if self.target_source is None else self._target_window(top, left, height, width)

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """A window of the mask, for sampling; where classes are not of pixels, no file is read for it."""
        if self.form.classes_of == "pixels":
            return self._target_window(top, left, height, width)
        value = self.target_source.value if isinstance(self.target_source, FixedTarget) else np.zeros((1, 1, 1))
        return self.form.class_window(value, top, left, height, width)

    def _target_window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        if self.target_source is None:
            return self.raster.window(top, left, height, width)
        if isinstance(self.target_source, FixedTarget):
            return self.form.window(self.target_source.value, top, left, height, width)
        return self.target_source.window(top, left, height, width)

    def decoded(self) -> Item:
        """An item with the pixels in memory."""
        made = Item(self.name, *self.window(0, 0, *self.shape), self.group, self.form)
        made.files = self.files
        return made


class WindowItem(DerivedItem):
    """A part of an item that counts as an image of its own: a patch of a tile."""

    def __init__(self, whole: Item, top: int, left: int, height: int, width: int) -> None:
        """Names the part after its place: ``chicago1_250_500`` begins in row 250, column 500."""
        super().__init__(whole, f"{whole.name}_{top}_{left}")
        self.place = (top, left, height, width)

    @property
    def image(self) -> Image:
        """The part of the image."""
        return self.whole.window(*self.place)[0]

    @property
    def target(self) -> NDArray[Any]:
        """The part of the target."""
        return self.whole.window(*self.place)[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the part."""
        return self.place[2], self.place[3]

    @property
    def in_memory(self) -> bool:
        """True if the pixels of the whole image cost nothing to reach."""
        return self.whole.in_memory

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the whole image with the place of the window."""
        known = self.whole.fingerprint
        return None if known is None else f"{known}@{self.place}"

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, NDArray[Any]]:
        """A window inside the part."""
        return self.whole.window(self.place[0] + top, self.place[1] + left, height, width)

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class of each pixel of a window inside the part, for sampling."""
        return self.whole.class_window(self.place[0] + top, self.place[1] + left, height, width)

    def decoded(self) -> Item:
        """An item with the pixels of the part in memory."""
        image, target = self.whole.window(*self.place)
        return Item(self.name, np.array(image), np.array(target), self.group, self.form)
