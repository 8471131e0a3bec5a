"""Where the target of a stored image comes from when it is no mask: a value that is known, or another image file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.rasters import Raster


class FixedTarget:
    """A target that is known without a file: a class number, a number, several of them."""

    def __init__(self, value: Any) -> None:
        """Keeps it.

        Args:
            value: What the form of the item takes; an int is the class number of a ``LABEL_FORM``.
        """
        self.value = np.asarray(value)

    @property
    def paths(self) -> tuple[Path, ...]:
        """None."""
        return ()

    @property
    def shape(self) -> None:
        """It has no pixels."""
        return

    @property
    def mapped(self) -> bool:
        """Nothing is decoded."""
        return True

    @property
    def fingerprint(self) -> str:
        """Changes with the value."""
        return f"={self.value.tolist()}"

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """The whole target; what of it belongs to a window is known to the form of the item."""
        return self.value


class RasterSource:
    """One file that a target is read from, with its size as the header says."""

    def __init__(self, raster: Raster) -> None:
        """Keeps the file; nothing is decoded."""
        self.raster = raster

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file."""
        return (self.raster.path,)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.raster.height, self.raster.width

    @property
    def mapped(self) -> bool:
        """True if the file is memory-mapped."""
        return self.raster.mapped


class ImageTargetFile(RasterSource):
    """Another image of the same size, uint8 or uint16 (H, W, C): what a model learns to give in place of the first."""

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """A window (height, width, C)."""
        return self.raster.window(top, left, height, width)
