"""Turns stored numbers into what a viewer shows: palette colours, white at 255, three channels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.rasters.faults import unreadable

_AT_ONCE = 1 << 20
"""Numbers looked up together: numpy makes indices of eight bytes of them."""


def look_up(values: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
    """Computes ``values[numbers]``, some rows at a time."""
    rows = max(1, _AT_ONCE // max(1, int(np.prod(numbers.shape[1:]))))
    found = np.empty((*numbers.shape, *values.shape[1:]), values.dtype)
    for top in range(0, len(numbers), rows):
        np.take(values, numbers[top : top + rows], axis=0, out=found[top : top + rows], mode="clip")
    return found


@dataclass(frozen=True)
class LookupTable:
    """Table from stored numbers to the numbers shown.

    Attributes:
        values: (n, C), what each stored number is shown as.
    """

    values: NDArray[Any]

    @property
    def channels(self) -> int:
        """Channels of what is shown."""
        return int(self.values.shape[1])

    def __call__(self, pixels: NDArray[Any], path: Path) -> NDArray[Any]:
        """Shows (h, w, C) pixels: a palette index as its colours, else each number by itself."""
        highest = int(pixels.max())
        if highest >= len(self.values):
            raise unreadable(path, f"it holds the number {highest}, its table has {len(self.values)} entries")
        if pixels.shape[2] == 1:
            return look_up(self.values, pixels[..., 0])
        return look_up(self.values[:, 0], pixels)


def display_table(
    palette: NDArray[np.uint8] | None, white: int, white_is_zero: bool, dtype: np.dtype[Any]
) -> LookupTable | None:
    """Makes the table by which stored numbers are shown; None: they are shown as they are.

    Args:
        palette: uint8 (n, 3), RGB of each index; without colour (red = green = blue) it gives one channel.
        white: The number of white.
        white_is_zero: Whether 0 is white and ``white`` black.
        dtype: Type of the stored numbers.
    """
    if palette is not None:
        grey = (palette == palette[:, :1]).all()
        return LookupTable(palette[:, :1] if grey else palette)
    if white >= 255 and not white_is_zero:
        return None
    numbers = np.arange(white + 1)
    if white_is_zero:
        numbers = numbers[::-1]
    if white < 255:
        numbers = np.rint(numbers * (255 / white))
    return LookupTable(numbers.astype(dtype)[:, None])


def as_rgb(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Converts pixels to three channels: grey is repeated, alpha is left out.

    Args:
        pixels: uint8 or uint16 (H, W, C), C of 1 to 4, as shown (not ``raw``).
        path: The file, for the message.

    Returns:
        (H, W, 3) of the same type.

    Raises:
        DataError: More than four channels, whose colours nobody knows.
    """
    channels = pixels.shape[2]
    if channels > 4:
        raise DataError(f"{path}: {channels} channels, expected grey or RGB, with or without alpha")
    if channels < 3:
        return np.repeat(pixels[..., :1], 3, axis=2)
    return pixels if channels == 3 else np.ascontiguousarray(pixels[..., :3])


def as_grey(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Converts pixels to one channel (H, W): grey as it is, of RGB with equal channels one; alpha is left out.

    Raises:
        DataError: The image has colour.
    """
    if pixels.shape[2] > 2 and not (pixels[..., :3] == pixels[..., :1]).all():
        raise DataError(f"{path}: a colour image, expected grey values; save it as grey")
    return np.ascontiguousarray(pixels[..., 0])
