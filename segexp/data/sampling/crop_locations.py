"""Where training samples are cut: at random, with a share that holds foreground, or on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Item
from segexp.data.sampling.class_blocks import BlockIndex
from segexp.errors import DataError
from segexp.spec import IGNORED


@dataclass(frozen=True)
class CropLocation:
    """Pixel (y, x) of the image comes to lie on pixel (v, u) of the sample; turns and zooms leave it there."""

    y: int
    x: int
    v: int
    u: int


class CropLocations(Protocol):
    """Chooses the image, and the location in it, that sample ``index`` of an epoch is cut from."""

    def __len__(self) -> int:
        """Samples an epoch."""

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Item, CropLocation | None]:
        """Image and place; None leaves the place to the crop."""


class RandomLocations:
    """Samples spread evenly over the images, or over the classes, at random places in them."""

    def __init__(
        self,
        items: Sequence[Item],
        count: int,
        size: int | None,
        counts: NDArray[np.int64] | None = None,
        positive_fraction: float = 0.0,
        positive_classes: Sequence[int] = (),
        balanced: bool = False,
    ) -> None:
        """Stores the settings.

        Args:
            items: Images.
            count: Samples an epoch.
            size: Side of the samples; None: whole images.
            counts: int64 (N, C), pixels of each class in each image; needed for the two below.
            positive_fraction: At least this share of the samples holds a pixel of ``positive_classes``.
            positive_classes: Classes that count as foreground.
            balanced: Draw a class first, then an image that has it, so that rare classes are seen as often as others.

        Raises:
            DataError: Foreground is asked for and no image has any.
        """
        self.items = items
        self.count = count
        self.size = size
        self.positive_fraction = positive_fraction
        self.positive_classes = tuple(positive_classes)
        every = range(len(items))
        self._positive = [] if counts is None else [i for i in every if counts[i, list(positive_classes)].any()]
        self._by_class: list[list[int]] = []
        if balanced and counts is not None:
            lists = [[i for i in every if counts[i, k]] for k in range(counts.shape[1])]
            self._by_class = [found for found in lists if found]
        if positive_fraction > 0 and not self._positive:
            raise DataError(
                "datamodule.positive_fraction: no training image holds a pixel of the classes asked for "
                f"({', '.join(map(str, positive_classes))}); set it to 0 or look at the masks"
            )
        self._blocks: dict[int, BlockIndex] = {}

    def __len__(self) -> int:
        return self.count

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Item, CropLocation | None]:
        """Image and place of sample ``index``; all randomness from ``rng``."""
        if self._wants_foreground(index):
            return self._foreground(index, rng)
        if self._by_class:
            images = self._by_class[int(rng.integers(len(self._by_class)))]
            return self.items[images[int(rng.integers(len(images)))]], None
        return self.items[index % len(self.items)], None

    def _wants_foreground(self, index: int) -> bool:
        """Every epoch has its share whatever is drawn: sample i wants it when i p passes a whole number."""
        share = self.positive_fraction
        return share > 0 and int((index + 1) * share + 1e-9) > int(index * share + 1e-9)

    def _foreground(self, index: int, rng: np.random.Generator) -> tuple[Item, CropLocation | None]:
        """A random foreground pixel at a random pixel of the sample."""
        number = self._positive[int(rng.integers(len(self._positive)))] if self._by_class else (
            self._positive[index % len(self._positive)]
        )  # fmt: skip
        item = self.items[number]
        if self.size is None or item.form.classes_of != "pixels":
            return item, None
        if number not in self._blocks:
            self._blocks[number] = BlockIndex(item.class_window(0, 0, *item.shape), self.positive_classes)
        y, x = self._blocks[number].draw(item, rng)
        return item, CropLocation(y, x, int(rng.integers(self.size)), int(rng.integers(self.size)))


class GridLocations:
    """All windows of a regular grid over all images; those in which nothing counts are left out."""

    def __init__(self, items: Sequence[Item], size: int, stride: int, has_ignored: Sequence[bool]) -> None:
        """Lists the windows.

        Args:
            items: Images of at least ``size`` pixels a side.
            size: Side of the windows.
            stride: Step of the grid; the last window of a row or column is moved inward, so that all pixels are seen.
            has_ignored: Per image, whether any pixel is ignored; only these masks are looked at.
        """
        self.items = items
        self.size = size
        self._places: list[tuple[int, int, int]] = []
        self.left_out = 0
        for number, item in enumerate(items):
            corners = [(y, x) for y in starts(item.shape[0], size, stride) for x in starts(item.shape[1], size, stride)]
            if has_ignored[number]:
                mask = item.class_window(0, 0, *item.shape)
                kept = [(y, x) for y, x in corners if (mask[y : y + size, x : x + size] != IGNORED).any()]
                self.left_out += len(corners) - len(kept)
                corners = kept
            self._places += [(number, y, x) for y, x in corners]

    def __len__(self) -> int:
        return len(self._places)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Item, CropLocation | None]:
        """Window ``index``; nothing is drawn."""
        number, top, left = self._places[index % len(self._places)]
        middle = self.size // 2
        return self.items[number], CropLocation(top + middle, left + middle, middle, middle)


def starts(length: int, size: int, stride: int) -> list[int]:
    """First pixels of windows along a side: every ``stride``, the last one moved inward to end with the side."""
    last = length - size
    regular = list(range(0, last + 1, stride))
    return regular if not regular or regular[-1] == last else [*regular, last]
