"""Sinks that take the rows of a map: pictures written when all rows are there, or GeoTIFFs, band by band.

Everything is written under another name beside its place and renamed when the whole prediction of a file is done.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.inference.predict.output.maps import OutputLayer
from segexp.spec import IGNORED

Form = Literal["png", "tiff"]


def layer_files(layer: OutputLayer, stem: Path, form: Form) -> list[Path]:
    """Names the files of a map, ``<stem>_mask.png``; as pictures, probabilities of many classes have one each."""
    if form == "tiff" or layer.dtype == "float32":
        return [append_to_stem(stem, f"{layer.name}.tif")]
    if layer.is_rgb or len(layer.bands) == 1:
        return [append_to_stem(stem, f"{layer.name}.png")]
    return [append_to_stem(stem, f"{layer.name}_{re.sub(r'[^A-Za-z0-9._-]+', '-', band)}.png") for band in layer.bands]


def append_to_stem(stem: Path, ending: str) -> Path:
    """Makes ``sub/a_mask.png`` of ``sub/a`` and ``mask.png``."""
    return stem.with_name(f"{stem.name}_{ending}")


def partial_path(path: Path) -> Path:
    """Names a file until it is whole."""
    return path.with_name(f".{path.name}.partial")


class Sink(ABC):
    """Takes the rows of one map from top to bottom."""

    def __init__(self, layer: OutputLayer, targets: Sequence[Path]) -> None:
        self.layer = layer
        self.targets = list(targets)
        for target in self.targets:
            target.parent.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def write(self, rows: NDArray[Any]) -> None:
        """Takes the next rows (bands, n, W)."""

    @abstractmethod
    def close(self) -> None:
        """Writes what is left; afterwards the files are whole, under their partial names."""

    def commit(self) -> None:
        """Gives the files their names."""
        for target in self.targets:
            partial_path(target).replace(target)

    def abandon(self) -> None:
        """Removes what was written."""
        for target in self.targets:
            partial_path(target).unlink(missing_ok=True)


class PictureSink(Sink):
    """Sink for PNG, with the palette of the classes for a mask; float32 as a plain TIFF. Keeps all in memory."""

    def __init__(self, layer: OutputLayer, targets: Sequence[Path], height: int, width: int) -> None:
        super().__init__(layer, targets)
        self._pixels = np.empty((len(layer.bands), height, width), layer.dtype)
        self._next = 0

    def write(self, rows: NDArray[Any]) -> None:
        """Keeps the next rows (bands, n, W)."""
        self._pixels[:, self._next : self._next + rows.shape[1]] = rows
        self._next += rows.shape[1]

    def close(self) -> None:
        """Encodes all rows."""
        pixels, paths = self._pixels, [partial_path(target) for target in self.targets]
        if self.layer.dtype == "float32":
            tifffile.imwrite(paths[0], pixels if len(pixels) > 1 else pixels[0], photometric="minisblack")
        elif self.layer.is_rgb:
            Image.fromarray(pixels.transpose(1, 2, 0)).save(paths[0], "PNG")
        elif self.layer.palette is not None:
            _save_palette(paths[0], pixels[0], self.layer.palette)
        else:
            for path, band in zip(paths, pixels, strict=True):
                Image.fromarray(band).save(path, "PNG")


def _save_palette(path: Path, classes: NDArray[np.uint8], colours: Sequence[tuple[int, int, int]]) -> None:
    picture = Image.fromarray(classes)
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    picture.putpalette(table.tobytes())
    # Pixels without data are see-through.
    hidden = {"transparency": IGNORED} if bool((classes == IGNORED).any()) else {}
    picture.save(path, "PNG", **hidden)
