"""Many images in one array file of ``numpy.save``: a window of one is read without the others."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from segexp.rasters.base import Header, Pixels, Raster
from segexp.rasters.faults import check_regular, from_system, unreadable, unsupported
from segexp.rasters.formats.arrays import check_header_size
from segexp.rasters.formats.mapped import MappedRaster, PixelLayout

SHAPES = "(N, H, W) or (N, H, W, C)"


@dataclass(frozen=True)
class Stack:
    """An array (N, H, W, C) in a file.

    Attributes:
        path: The file.
        shape: As stored, with or without C.
        tall: The images below one another, an image of N x H rows: in C order they lie so.
    """

    path: Path
    shape: tuple[int, ...]
    tall: MappedRaster

    @property
    def count(self) -> int:
        """Number of images N."""
        return self.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of each."""
        return self.shape[1], self.shape[2]

    @property
    def channels(self) -> int:
        """Numbers per pixel C; 1 without that axis."""
        return self.tall.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers in the byte order of this machine."""
        return self.tall.dtype

    def window(self, index: int, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads the stored numbers (height, width, C) of a window of image ``index``."""
        return self.tall.window(index * self.shape[1] + top, left, height, width)

    def name(self, index: int) -> Path:
        """Names image ``index`` for messages: ``images.npy[3]``."""
        return self.path.with_name(f"{self.path.name}[{index}]")


def open_stack(path: Path) -> Stack:
    """Reads the header of an array file.

    Raises:
        DataError: It is missing, damaged, or of another shape, order or type.
    """
    state = check_regular(path)
    try:
        with path.open("rb") as file:
            if file.read(6) == MAGIC_PREFIX:
                file.seek(0)
                check_header_size(file, state.st_size)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise from_system(path, error) from error
    except Exception as error:  # numpy lets Python's own parser read the header, which has errors of its own
        raise unreadable(path, error, "Write it again with numpy.save") from error
    if not isinstance(array, np.memmap):
        raise unsupported(path, "an archive of arrays", "one array", "write each with numpy.save")
    _check(path, array)
    count, height, width, channels = (*array.shape, 1)[:4]
    key = state.st_size, state.st_mtime_ns
    header = Header(path, count * height, width, channels, array.dtype.newbyteorder("="), "NumPy arrays", key)
    layout = PixelLayout(array.offset, array.dtype, (count * height, width, channels))
    return Stack(path, array.shape, MappedRaster(header, layout, raw=True))


def _check(path: Path, array: np.memmap[Any, Any]) -> None:
    shape = array.shape
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise unsupported(path, f"an array of shape {shape}", SHAPES, "stack the images along a first axis")
    if len(shape) == 4 and shape[1] <= 4 < shape[3] and shape[2] == shape[3]:
        raise unsupported(
            path, f"an array of shape {shape}", SHAPES, "move the channels to the end: np.moveaxis(a, 1, -1)"
        )
    if array.dtype.kind not in "biuf":
        raise unsupported(path, f"{array.dtype} numbers", "integers or floating point", "convert and save it again")
    if not array.flags.c_contiguous:
        raise unsupported(
            path, "an array in Fortran order", "C order", "save it with np.save(path, np.ascontiguousarray(a))"
        )


class StackRaster(Raster):
    """One image of a stack as a raster."""

    def __init__(
        self, stack: Stack, index: int, convert: Callable[[Pixels, Path], Pixels] | None, dtype: np.dtype[Any]
    ) -> None:
        """Reads no pixel.

        Args:
            stack: The array.
            index: Which image.
            convert: Turns stored numbers (h, w, C) into pixels of ``dtype``, given the name for messages; None: they
                are pixels.
            dtype: uint8 or uint16.
        """
        height, width = stack.size
        kind = f"NumPy array {index + 1} of {stack.count}"
        super().__init__(Header(stack.path, height, width, stack.channels, dtype, kind, stack.tall.header.state))
        self.stack = stack
        self.index = index
        self.convert = convert
        self.mapped = convert is None

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a window (h, w, C) and converts it to pixels."""
        numbers = self.stack.window(self.index, top, left, height, width)
        return numbers if self.convert is None else self.convert(numbers, self.stack.name(self.index))
