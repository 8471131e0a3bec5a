"""Write synthetic images in the file layouts of real data sets, so that loaders can be tried without them."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segexp.data.geotiff import write_geotiff
from segexp.data.inria_files import CITIES, UNLABELLED
from segexp.data.scenes import Scene, draw, scene_info
from segexp.data.scenes.degrade import texture
from segexp.errors import ConfigError, DataError, MismatchError

Bytes = NDArray[np.uint8]
Size = int | tuple[int, int]

_ZONES = {
    "austin": 14, "chicago": 16, "kitsap": 10, "tyrol-w": 32, "vienna": 33,
    "bellingham": 10, "bloomington": 16, "innsbruck": 32, "sfo": 10, "tyrol-e": 33,
}  # fmt: skip
"""Zone of the map (UTM north) that each city lies in."""
_GROUND = 0.3
"""Metres a pixel of Inria."""
NATIVE: dict[str, Size] = {"drive": (584, 565), "inria": 5000, "cells": 120}
"""Size of the images of the real data sets: (H, W), or the side of a square."""
_CELL_GREYS = np.array((0, 128, 255), np.uint8)


@dataclass(frozen=True)
class _Job:
    """What to draw and where: ``root`` is the temporary folder that becomes ``out``."""

    scene: str
    root: Path
    count: int
    size: Size
    seed: int

    def draw(self, index: int, size: Size | None = None) -> Scene:
        return draw(self.scene, self.seed, index, self.size if size is None else size)

    def rng(self, index: int) -> np.random.Generator:
        """For what belongs to an image and is not part of it: its size, the second observer."""
        return np.random.default_rng((self.seed, index, 1))

    def save(self, name: str, array: Bytes) -> None:
        """Write an image; Pillow writes TIFF as plain strips, and GIF, which OpenCV below 4.11 cannot."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # without it a GIF of 0 and 255 gets a palette of two entries, and a raw reader sees 0 and 1
        Image.fromarray(array).save(path, optimize=False)


def second_observer(rng: np.random.Generator, mask: Bytes) -> Bytes:
    """The same vessels as another person would trace them.

    In places the strokes are a pixel wider, in others they follow only the wider vessels.

    Args:
        rng: Source of randomness.
        mask: uint8 (H, W) of 0 and 1.

    Returns:
        uint8 (H, W) of 0 and 1.
    """
    mood = texture(rng, (mask.shape[0], mask.shape[1]), max(mask.shape) / 4)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    wider = cv2.dilate(mask, cross)
    fewer = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cross)
    return np.where(mood > 0.6, wider, np.where(mood < -0.4, fewer, mask)).astype(np.uint8)


def _write_drive(job: _Job) -> None:
    """Training from 21 on and test from 01 on, as in DRIVE; later when the test part alone reaches 21."""
    tests = max(1, job.count // 2)
    first = max(21, tests + 1)
    for index in range(max(1, job.count - tests)):
        _write_eye(job, index, f"{first + index:02d}", "training")
    for place in range(tests):
        index = job.count + place
        scene = _write_eye(job, index, f"{place + 1:02d}", "test")
        other = second_observer(job.rng(index), scene.mask) * scene.fov
        job.save(f"test/2nd_manual/{place + 1:02d}_manual2.gif", other * np.uint8(255))


def _write_eye(job: _Job, index: int, number: str, part: str) -> Scene:
    scene = job.draw(index)
    job.save(f"{part}/images/{number}_{part}.tif", scene.image)
    # nothing is traced outside the field of view
    job.save(f"{part}/1st_manual/{number}_manual1.gif", scene.mask * scene.fov * np.uint8(255))
    job.save(f"{part}/mask/{number}_{part}_mask.gif", scene.fov * np.uint8(255))
    return scene


def _inria_tile(place: int) -> int:
    """Tile number at a place: over the five cities 6 1 6 1 6, then 1 6 1 6 1, then 7 2 7 2 7 ...

    The official validation part is tiles 1-5 of each city, so two images suffice for both parts to have one.
    """
    city_round, city = divmod(place, len(CITIES))
    pair, late = divmod(city_round, 2)
    if pair >= 5:
        return 1 + city_round
    return pair + (1 if (city + late) % 2 else 6)


def _write_inria(job: _Job) -> None:
    """Three quarters with labels, one quarter without."""
    tests = max(1, job.count // 4)
    for index in range(max(1, job.count - tests)):
        tile = CITIES[index % len(CITIES)], _inria_tile(index)
        scene = job.draw(index)
        _save_tile(job, "train/images", tile, scene.image)
        _save_tile(job, "train/gt", tile, scene.mask * np.uint8(255))
    for place in range(tests):
        tile = UNLABELLED[place % len(UNLABELLED)], 1 + place // len(UNLABELLED)
        _save_tile(job, "test/images", tile, job.draw(job.count + place).image)


def _save_tile(job: _Job, folder: str, tile: tuple[str, int], pixels: Bytes) -> None:
    """Tiles of a city lie side by side on the map, six in a row."""
    city, number = tile
    path = job.root / "AerialImageDataset" / folder / f"{city}{number}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    down, across = divmod(number - 1, 6)
    corner = 500_000 + across * pixels.shape[1] * _GROUND, 4_500_000 - down * pixels.shape[0] * _GROUND
    write_geotiff(path, pixels, 32600 + _ZONES[city], corner, _GROUND)


def _cell_size(job: _Job, index: int) -> tuple[int, int]:
    """Three of four images have the full size; the sides of the others are up to a quarter shorter."""
    full = (job.size, job.size) if isinstance(job.size, int) else job.size
    rng = job.rng(index)
    if rng.random() < 0.75:
        return full
    height, width = (max(32, side - 4 * int(rng.integers(0, side // 16 + 1))) for side in full)
    return height, width


def _write_cells(job: _Job) -> None:
    """Three quarters in Dataset 1, of about the size asked for; the others 2.5 times as large."""
    second = max(1, job.count // 4)
    first = max(1, job.count - second)
    full = (job.size, job.size) if isinstance(job.size, int) else job.size
    large = (min(5000, full[0] * 5 // 2), min(5000, full[1] * 5 // 2))
    # the real label files differ in their headers too
    _write_cell_set(job, "Dataset 1", "image ID,class label", [_cell_size(job, n) for n in range(first)], 0)
    _write_cell_set(job, "Dataset 2", "image ID,class", [large] * second, job.count)


def _write_cell_set(job: _Job, folder: str, header: str, sizes: list[tuple[int, int]], start: int) -> None:
    lines = [header]
    for number, size in enumerate(sizes, start=1):
        scene = job.draw(start + number - 1, size)
        job.save(f"{folder}/{number:03d}.bmp", scene.image)
        job.save(f"{folder}/{number:03d}.png", _CELL_GREYS[scene.mask])
        lines.append(f"{number},{scene.kind}")
    table = job.root / f"Class Labels of {folder}.csv"
    # CRLF as in the real files
    table.write_bytes(("\r\n".join(lines) + "\r\n").encode("ascii"))


@dataclass(frozen=True)
class _Layout:
    classes: int
    write: Callable[[_Job], None]


LAYOUTS: dict[str, _Layout] = {
    "drive": _Layout(2, _write_drive),
    "inria": _Layout(2, _write_inria),
    "cells": _Layout(3, _write_cells),
}


def _find_layout(scene: str, layout: str) -> _Layout:
    classes = len(scene_info(scene).classes)
    if layout not in LAYOUTS:
        raise ConfigError(f"layout '{layout}' is unknown; valid are {', '.join(sorted(LAYOUTS))}")
    found = LAYOUTS[layout]
    if found.classes != classes:
        fitting = ", ".join(sorted(name for name, other in LAYOUTS.items() if other.classes == classes))
        raise MismatchError(
            f"layout '{layout}' holds {found.classes} classes and scene '{scene}' has {classes}; "
            f"layouts that fit this scene: {fitting}"
        )
    return found


@contextmanager
def _whole_or_nothing(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out`` that takes its name when all is written, and is removed otherwise."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; name a folder that does not exist yet or is empty")
    if out.exists() and any(out.iterdir()):
        raise DataError(f"folder {out} is not empty and nothing is overwritten; empty it or name another one")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}.partial"
    partial.mkdir()
    try:
        yield partial
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def generate(scene: str, layout: str, out: Path, count: int, size: Size | None, seed: int) -> list[Path]:
    """Draw images of a scene and write them as a real data set would lie on disk.

    Args:
        scene: ``vessels``, ``buildings`` or ``cells``.
        layout: ``drive`` (half training, half test), ``inria`` (a quarter is test, without labels) or
            ``cells`` (a quarter in Dataset 2, 2.5 times as large); each part gets at least one image.
        out: Folder to make; it must not exist or be empty.
        count: Images in total, 1 or more.
        size: Side of a square or (H, W), 32..5000 pixels; None: as in the real set, see ``NATIVE``.
        seed: The same seed gives the same files.

    Returns:
        All files that were written, sorted.

    Raises:
        ConfigError: Scene or layout is unknown, or a number is out of range.
        MismatchError: The layout holds another number of classes than the scene has.
        DataError: ``out`` is a file or not empty.
    """
    found = _find_layout(scene, layout)
    if count < 1:
        raise ConfigError(f"count is {count}; at least 1 image must be asked for")
    out = Path(out)
    with _whole_or_nothing(out) as partial:
        found.write(_Job(scene, partial, count, NATIVE[layout] if size is None else size, seed))
    return sorted(path for path in out.rglob("*") if path.is_file())
