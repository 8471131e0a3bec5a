"""Folders of small images and masks, for the tests of datamodule=folder."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.folder import FolderDataModule
from segexp.data.splits.rules import PHASES
from tests.data.made import write

NAMES = ("a1", "b2", "c3", "d4", "e5", "f6", "g7")


def photo(seed: int = 0, height: int = 40, width: int = 44, channels: int = 3, dtype: str = "uint8") -> NDArray[Any]:
    """A noisy image."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def blocks(values: Sequence[int], height: int = 40, width: int = 44, dtype: str = "uint8") -> NDArray[Any]:
    """A mask in which each value has its stripe."""
    rows = np.arange(height) * len(values) // height
    return np.repeat(np.array(values, dtype)[rows][:, None], width, axis=1)


def pairs(
    root: Path,
    image: str = "images/{}.png",
    mask: str = "masks/{}.png",
    names: Iterable[str] = NAMES,
    values: Sequence[int] = (0, 255),
) -> Path:
    """An image and its mask of each name; no two places hold the same image."""
    for name in names:
        write(root / image.format(name), photo(zlib.crc32(image.format(name).encode())))
        write(root / mask.format(name), blocks(values))
    return root


def names_of(data: FolderDataModule) -> dict[str, list[str]]:
    """Names of the images of each part."""
    data.setup()
    return {phase: [item.name for item in data.items(phase)] for phase in PHASES}


def everything(data: FolderDataModule) -> dict[str, Any]:
    """Items of all parts by name."""
    data.setup()
    return {item.name: item for phase in PHASES for item in data.items(phase)}


def guessed(root: Path, **keys: Any) -> dict[str, Any]:
    """What a data module settles."""
    data = FolderDataModule(str(root), **keys)
    data.setup()
    return dict(data.settled())
