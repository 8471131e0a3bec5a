"""Reads where objects really are: boxes of a table, centres of .xyc files as ALL-IDB has them."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.inference.localize.peaks import Peak
from segexp.runs.text import printable, shortened
from segexp.system.special_files import special_file

COLUMNS = ("x0", "y0", "x1", "y1")
"""Columns of a table of boxes beside the first one, which names the image without its ending; pixels."""
LARGEST = 2**26
"""Bytes of a table or list that is read."""


@dataclass(frozen=True)
class Objects:
    """Objects of an image.

    Attributes:
        centres: float64 (N, 2), x and y in pixels.
        boxes: float64 (M, 4), x0, y0, x1, y1 in pixels; None: not known.
    """

    centres: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    boxes: NDArray[np.float64] | None = None

    def inside(self, peak: Peak) -> bool | None:
        """True if a place lies in a box, its border included; None: the set has no boxes."""
        if self.boxes is None:
            return None
        x0, y0, x1, y1 = self.boxes.T
        return bool(((x0 <= peak.x) & (peak.x <= x1) & (y0 <= peak.y) & (peak.y <= y1)).any())

    def distances(self, peak: Peak) -> NDArray[np.float64]:
        """Distances (N,) of a place to the centres, pixels."""
        return np.asarray(np.hypot(*(self.centres - (peak.x, peak.y)).T))


def read_objects(boxes: str | None, centres: str | None) -> dict[str, Objects] | None:
    """Reads the objects of all images, by the name of the file without its ending.

    Args:
        boxes: A CSV file: its first column names the image, ``x0``, ``y0``, ``x1`` and ``y1`` are a box in pixels.
        centres: A folder of ``<image>.xyc``: a line ``x y`` an object; an empty file: the image has none.

    Returns:
        Centres are those of the files, else the middles of the boxes; None: neither was given.

    Raises:
        DataError: A file is missing or none of these.
    """
    if boxes is None and centres is None:
        return None
    rectangles = {} if boxes is None else read_boxes(Path(boxes).expanduser())
    points = {} if centres is None else read_centres(Path(centres).expanduser())
    return {
        name: _objects(points.get(name), rectangles.get(name), known=boxes is not None)
        for name in {**points, **rectangles}
    }


def _objects(points: NDArray[np.float64] | None, boxes: NDArray[np.float64] | None, *, known: bool) -> Objects:
    rectangles = np.zeros((0, 4)) if boxes is None else boxes
    middles = (rectangles[:, :2] + rectangles[:, 2:]) / 2
    return Objects(middles if points is None else points, rectangles if known else None)


def read_boxes(path: Path) -> dict[str, NDArray[np.float64]]:
    """Boxes (N, 4) by image of a CSV file, see :func:`read_objects`.

    Raises:
        DataError: It is missing, or a line is no box.
    """
    rows = list(csv.reader(_lines(path, "boxes")))
    header = [cell.strip() for cell in rows[0]] if rows else []
    found = shortened(printable(",".join(header)), 200) or "nothing"
    if len(header) < 1 + len(COLUMNS) or any(column not in header for column in COLUMNS):
        raise DataError(
            f"boxes: {path} begins with {found}, expected a table whose first column names the "
            f"image and that has the columns {', '.join(COLUMNS)} (pixels)"
        )
    boxes: dict[str, list[list[float]]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            cells = dict(zip(header, row, strict=False))
            box = _numbers(path, number, [cells.get(column, "") for column in COLUMNS], "a box x0,y0,x1,y1")
            if box[0] > box[2] or box[1] > box[3]:
                raise DataError(f"{path}, line {number}: found {box}, expected x0 <= x1 and y0 <= y1")
            boxes.setdefault(Path(row[0].strip()).stem if "." in row[0] else row[0].strip(), []).append(box)
    return {name: np.array(each) for name, each in boxes.items()}


def read_centres(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Centres (N, 2) by image of a folder of .xyc files, see :func:`read_objects`.

    Raises:
        DataError: There is no such folder, it holds none, or a line is no place.
    """
    if not folder.is_dir():
        raise DataError(f"centres: no folder {folder}; give one of files <image>.xyc with a line 'x y' an object")
    files = sorted(folder.glob("*.xyc"))
    if not files:
        raise DataError(f"centres: {folder} holds no file <image>.xyc")
    return {path.stem: _centres(path) for path in files}


def _centres(path: Path) -> NDArray[np.float64]:
    lines = ((number, line.split()) for number, line in enumerate(_lines(path, "centres"), start=1))
    rows = [_numbers(path, number, cells, "a place x y") for number, cells in lines if cells]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _numbers(path: Path, line: int, cells: list[str], expected: str) -> list[float]:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = [math.nan]
    if len(numbers) != (4 if "box" in expected else 2) or not all(map(math.isfinite, numbers)):
        found = shortened(printable(" ".join(cells)), 200)
        raise DataError(f"{path}, line {line}: found {found!r}, expected {expected} in pixels")
    return numbers


def _lines(path: Path, key: str) -> Iterator[str]:
    if (what := special_file(path)) is not None:
        raise DataError(f"{key}: {path} is {what}, expected a file")
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{key}: {path} has {path.stat().st_size} bytes, expected at most {LARGEST}")
        return iter(path.read_text(encoding="utf-8-sig").splitlines())
    except FileNotFoundError:
        raise DataError(f"{key}: no file {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{key}: {path} cannot be read as text ({error})") from error


def of_images(objects: Mapping[str, Objects], names: list[str], key: str) -> dict[str, Objects]:
    """The objects of some images; those of which nothing is said have none.

    Raises:
        DataError: Nothing is said of any of them: the table is of other images.
    """
    if not any(name in objects for name in names):
        raise DataError(
            f"{key}: names {', '.join(list(objects)[:3]) or 'no image'}, but the images are {', '.join(names[:3])}; "
            "names are those of the image files without their endings"
        )
    with_boxes = any(each.boxes is not None for each in objects.values())
    none = Objects(boxes=np.zeros((0, 4)) if with_boxes else None)
    return {name: objects.get(name, none) for name in names}
