"""Write synthetic images in the file layouts of real data sets, so that loaders can be tried without them."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segexp.data.synthetic.scenes import find_scene
from segexp.data.synthetic.write_layouts import (
    LayoutWriter,
    Size,
    write_arrays,
    write_cells,
    write_drive,
    write_folder,
    write_inria,
    write_salt,
)
from segexp.errors import ConfigError, DataError, MismatchError

NATIVE: dict[str, Size] = {
    "drive": (584, 565), "inria": 5000, "cells": 120, "salt": 101, "arrays": 224, "folder": 128
}  # fmt: skip
"""Size of the images of the real data sets: (H, W), or the side of a square."""


@dataclass(frozen=True)
class _Layout:
    """A writer and how many classes the layout holds; None: any number."""

    classes: int | None
    write: Callable[[LayoutWriter], None]


LAYOUTS: dict[str, _Layout] = {
    "drive": _Layout(2, write_drive),
    "inria": _Layout(2, write_inria),
    "cells": _Layout(3, write_cells),
    "salt": _Layout(2, write_salt),
    "arrays": _Layout(None, write_arrays),
    "folder": _Layout(None, write_folder),
}


def _find_layout(scene: str, layout: str) -> _Layout:
    classes = len(find_scene(scene).classes)
    if layout not in LAYOUTS:
        raise ConfigError(f"layout '{layout}' is unknown; valid are {', '.join(sorted(LAYOUTS))}")
    found = LAYOUTS[layout]
    if found.classes not in (classes, None):
        fitting = ", ".join(sorted(name for name, other in LAYOUTS.items() if other.classes in (classes, None)))
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
        layout: ``drive`` (half training, half test), ``inria`` (a quarter is test, without labels),
            ``cells`` (a quarter in Dataset 2, 2.5 times as large), ``salt`` (four of ten are empty) or ``arrays`` (an
            eighth has no labels), each part with at least one image; or ``folder`` (images and masks).
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
        found.write(LayoutWriter(scene, partial, count, NATIVE[layout] if size is None else size, seed))
    return sorted(path for path in out.rglob("*") if path.is_file())
