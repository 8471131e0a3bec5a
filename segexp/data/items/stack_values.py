"""What numbers in arrays mean: pixels in floating point, classes as numbers or one-hot channels."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Mask
from segexp.data.labels.label_map import LabelMap
from segexp.errors import DataError, LabelError
from segexp.rasters.formats.stack import Stack

ImageValues = Literal["stored", "unit", "byte"]
KEY = "datamodule.image_values"
HIGHEST = {"unit": 1, "byte": 255}
Convert = Callable[[NDArray[Any], Path], NDArray[Any]]


def image_convert(stack: Stack, values: ImageValues) -> tuple[Convert | None, np.dtype[Any]]:
    """Finds the function that makes pixels of the numbers of an array of images, and the type of the pixels.

    Args:
        stack: The array.
        values: ``stored``: uint8 and uint16 as they are; ``unit``: 0..1; ``byte``: 0..255 of any other type.

    Raises:
        DataError: The type is another one; nothing is converted unasked.
    """
    if stack.dtype.name in ("uint8", "uint16"):
        if values == "unit" or (values == "byte" and stack.dtype == np.uint16):
            raise DataError(f"{stack.path}: found {stack.dtype} pixels, but {KEY}={values}; set {KEY}=stored")
        return None, stack.dtype
    if values == "stored":
        first = stack.window(0, 0, 0, *stack.size)
        seen = f"{float(first.min()):g} to {float(first.max()):g} in the first image"
        raise DataError(
            f"{stack.path}: found {stack.dtype} pixels, {seen}, expected uint8 or uint16; say what they are: "
            f"{KEY}=unit (0..1) or byte (0..255), and they become 8 bits"
        )
    return partial(_to_bytes, values=values), np.dtype(np.uint8)


def _to_bytes(numbers: NDArray[Any], name: Path, values: Literal["unit", "byte"]) -> NDArray[Any]:
    """The nearest of 256 levels, uint8."""
    low, high = numbers.min(), numbers.max()
    # Not a number compares false.
    if not (low >= 0 and high <= HIGHEST[values]):
        raise DataError(f"{name}: found pixels of {low:g} to {high:g}, but {KEY}={values} says 0..{HIGHEST[values]}")
    return np.rint(numbers * (255 / HIGHEST[values])).astype(np.uint8)


class StackMask:
    """Classes of one image of a stack: numbers, or one channel for each class that holds 1 where it is."""

    def __init__(self, stack: Stack, index: int, labels: LabelMap | None) -> None:
        """Reads no number.

        Args:
            stack: The array.
            index: Which image.
            labels: What the numbers mean; None: one-hot channels.
        """
        self.stack = stack
        self.index = index
        self.labels = labels
        # What is one-hot or floating point costs a pass at each use, which a cache saves.
        self.mapped = labels is not None and stack.dtype == np.uint8

    @property
    def paths(self) -> tuple[Path, ...]:
        """The array file."""
        return (self.stack.path,)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.stack.size

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window."""
        numbers = self.stack.window(self.index, top, left, height, width)
        name = self.stack.name(self.index)
        if self.labels is None:
            return _from_one_hot(numbers, name, top, left)
        return self.labels.apply(_whole(numbers[..., 0], name), name)


def _from_one_hot(numbers: NDArray[Any], name: Path, top: int, left: int) -> Mask:
    """Number of the channel that is 1.

    Raises:
        DataError: A pixel has no 1, several, or another number.
    """
    bad = ((numbers != 0) & (numbers != 1)).any(axis=2) | (numbers.sum(axis=2) != 1)
    if bad.any():
        y, x = (int(axis[0]) for axis in np.nonzero(bad))
        found = ", ".join(f"{number:g}" for number in numbers[y, x].tolist()[:8])
        raise LabelError(
            f"{name}: {int(bad.sum())} pixels are not one-hot, the first in row {top + y}, column {left + x}: found "
            f"{found}, expected exactly one 1, else 0; save class numbers (N, H, W) if some pixels have no class (255)"
        )
    return np.asarray(numbers.argmax(axis=2), dtype=np.uint8)


def _whole(numbers: NDArray[Any], name: Path) -> NDArray[Any]:
    """Class numbers as integers.

    Raises:
        DataError: A number is none of a class.
    """
    if numbers.dtype.kind != "f":
        return numbers
    if not (np.rint(numbers) == numbers).all():
        stray = numbers[np.rint(numbers) != numbers].flat[0]
        raise DataError(f"{name}: found {stray:g} among class numbers, expected whole numbers; save them as uint8")
    return numbers.astype(np.int64)
