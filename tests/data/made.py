"""Small images for the tests of data: what stands in them is known."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segexp.data.items.item import Item
from segexp.spec import IGNORED


def painted(height: int = 48, width: int = 48, seed: int = 0, classes: int = 3) -> Item:
    """An item whose image is a function of its mask: each channel is 80 times the class; a tenth is ignored."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (height // 6 + 1, width // 6 + 1))
    mask = np.kron(coarse, np.ones((6, 6), int))[:height, :width].astype(np.uint8)
    image = np.repeat(mask[..., None] * np.uint8(80), 3, axis=2)
    mask[: height // 10] = IGNORED
    image[: height // 10] = 255
    return Item(f"painted_{seed}", image, mask)


def coordinates(height: int, width: int) -> Item:
    """Red is the row, green the column, blue and mask are their sum modulo 5."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    mask = ((rows.astype(int) + columns) % 5).astype(np.uint8)
    return Item("coordinates", np.stack([rows, columns, mask], axis=2), mask)


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def write(path: Path, array: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
