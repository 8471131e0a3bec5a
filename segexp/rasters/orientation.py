"""EXIF orientation: pixels are always given upright, so that an image and its mask cannot differ unnoticed.

Values 1 to 8 as in the TIFF 6.0 specification: 2 and 4 mirror, 3 turns by half, 5 to 8 swap rows and columns.
"""

from typing import Any

from numpy.typing import NDArray

Window = tuple[int, int, int, int]

# Whether rows and columns are swapped; then whether rows, then columns are mirrored, which gives the upright image.
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright_size(orientation: int, height: int, width: int) -> tuple[int, int]:
    """Gives height and width of the upright image from those stored."""
    return (width, height) if _STEPS[orientation][0] else (height, width)


def upright(orientation: int, pixels: NDArray[Any]) -> NDArray[Any]:
    """Gives the upright view of stored pixels (h, w, C)."""
    swap, rows, columns = _STEPS[orientation]
    turned = pixels.swapaxes(0, 1) if swap else pixels
    return turned[:: -1 if rows else 1, :: -1 if columns else 1]


def stored_window(orientation: int, window: Window, height: int, width: int) -> Window:
    """Converts a window (top, left, height, width) of the upright image of ``height`` x ``width`` to the stored one."""
    top, left, rows, columns = window
    swap, mirror_rows, mirror_columns = _STEPS[orientation]
    if mirror_rows:
        top = height - top - rows
    if mirror_columns:
        left = width - left - columns
    return (left, top, columns, rows) if swap else (top, left, rows, columns)


def valid_orientation(value: object) -> int:
    """Reads an orientation tag; anything but 1 to 8 means nothing and counts as upright."""
    return value if isinstance(value, int) and value in _STEPS else 1
