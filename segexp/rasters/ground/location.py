"""Reads where on the ground an image lies: from the tags of a GeoTIFF, or from the files beside an image.

Neighbours are world files (.tfw, .jgw, .pgw, .wld and the like), GDAL's .aux.xml, and .prj for the coordinate system.
"""

import html
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

Transform = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: column and row (corners of pixels) become x = a col + b row + c and y = d col + e row + f."""
_USER_DEFINED = 32767
_POINT = 2
"""Of GTRasterTypeGeoKey: coordinates are those of the centres of pixels."""
_MOST = 1 << 20
"""Bytes of a neighbour that are read: these are small texts."""
_CODE = re.compile(r'(?:AUTHORITY|ID)\["EPSG",\s*"?(\d+)"?\]\s*\]\s*$')


@dataclass(frozen=True)
class GroundLocation:
    """Location of an image on the ground.

    Attributes:
        transform: From pixels to coordinates.
        epsg: Number of the coordinate system; None: not known.
        wkt: The coordinate system as text; None: not given as such.
    """

    transform: Transform
    epsg: int | None = None
    wkt: str | None = None

    def corners(self, height: int, width: int) -> NDArray[np.float64]:
        """Computes the four outer corners (x, y) as float64 (4, 2): top left, top right, bottom left, bottom right."""
        a, b, c, d, e, f = self.transform
        pixels = [(0, 0), (width, 0), (0, height), (width, height)]
        return np.array([(a * x + b * y + c, d * x + e * y + f) for x, y in pixels])

    def mirrored(self, height: int, width: int, *, rows: bool, columns: bool) -> "GroundLocation":
        """Gives the location of the same image with its rows, its columns or both in the opposite order."""
        a, b, c, d, e, f = self.transform
        if rows:
            b, c, e, f = -b, c + b * height, -e, f + e * height
        if columns:
            a, c, d, f = -a, c + a * width, -d, f + d * width
        return replace(self, transform=(a, b, c, d, e, f))

    def pixels_of(self, points: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Converts coordinates (n, 2) to column and row (n, 2); None: its pixels have no area."""
        a, b, c, d, e, f = self.transform
        matrix = np.array([[a, b], [d, e]])
        if not np.isfinite(matrix).all() or np.linalg.det(matrix) == 0:
            return None
        return np.asarray((points - (c, f)) @ np.linalg.inv(matrix).T)

    def describe(self, height: int, width: int) -> str:
        """Describes it: ``x 500000 to 500038.4, y 4999961.6 to 5000000, pixels of 0.3 x -0.3, EPSG:32633``."""
        corners = self.corners(height, width)
        (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
        a, b, _, d, e, _ = self.transform
        sides = f"pixels of {a:g} x {e:g}" if not (b or d) else "turned pixels"
        system = f", EPSG:{self.epsg}" if self.epsg is not None else ""
        return f"x {left:.12g} to {right:.12g}, y {bottom:.12g} to {top:.12g}, {sides}{system}"


def read_tag_location(page: tifffile.TiffPage) -> GroundLocation | None:
    """Reads the location from the tags of a GeoTIFF; None: they give none, or control points alone."""
    tags: dict[str, Any] = page.geotiff_tags or {}
    transform = _of_tags(tags)
    if transform is None:
        return None
    if int(tags.get("GTRasterTypeGeoKey", 0)) == _POINT:
        a, b, c, d, e, f = transform
        transform = (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    keys = (tags.get("ProjectedCSTypeGeoKey"), tags.get("GeographicTypeGeoKey"))
    # A projected system names the geographic one below it too: the first that is there counts.
    code = next((int(key) for key in keys if key is not None), _USER_DEFINED)
    return GroundLocation(transform, None if code == _USER_DEFINED else code)


def _of_tags(tags: dict[str, Any]) -> Transform | None:
    matrix, scale, points = (tags.get(f"Model{name}") for name in ("Transformation", "PixelScale", "Tiepoint"))
    if matrix is not None:
        rows = np.asarray(matrix, np.float64).reshape(4, 4)
        return tuple(float(rows[row, column]) for row in (0, 1) for column in (0, 1, 3))  # type: ignore[return-value]
    if scale is None or points is None or np.size(points) != 6:
        return None
    column, row, _, x, y, _ = (float(number) for number in np.ravel(points))
    a, e = float(scale[0]), -float(scale[1])
    return (a, 0.0, x - a * column, 0.0, e, y - e * row)


def read_sidecar_location(path: Path) -> GroundLocation | None:
    """Reads the location from the files beside an image; None: they give none."""
    auxiliary = _text(_beside(path, f"{path.name}.aux.xml"))
    transform = _of_auxiliary(auxiliary) or _of_world(path)
    if transform is None or transform[0] * transform[4] == transform[1] * transform[3]:
        return None
    wkt = read_coordinate_system(path)
    code = _CODE.search(wkt) if wkt else None
    return GroundLocation(transform, int(code[1]) if code else None, wkt)


def read_coordinate_system(path: Path) -> str | None:
    """Reads the coordinate system as text from .aux.xml or .prj beside an image; None: none."""
    auxiliary = _text(_beside(path, f"{path.name}.aux.xml"))
    found = _element(auxiliary, "SRS")
    text = html.unescape(found) if found is not None else _text(_beside(path, f"{path.stem}.prj", f"{path.stem}.PRJ"))
    return text.strip() or None


def _element(text: str, name: str) -> str | None:
    """What stands in the first element of a name; None: there is none. One pass, whatever the text repeats."""
    begin = text.find(f"<{name}")
    inside = text.find(">", begin) + 1 if begin >= 0 else 0
    end = text.find(f"</{name}>", inside) if inside else -1
    return text[inside:end] if end >= 0 else None


def _of_auxiliary(text: str) -> Transform | None:
    found = _element(text, "GeoTransform")
    numbers = _numbers(found.replace(",", " ")) if found is not None else None
    if numbers is None:
        return None
    c, a, b, f, d, e = numbers
    return (a, b, c, d, e, f)


def _of_world(path: Path) -> Transform | None:
    """A world file speaks of the centre of the first pixel."""
    suffix = path.suffix[1:].lower()
    short = f"{suffix[0]}{suffix[-1]}w" if len(suffix) >= 2 else f"{suffix}w"
    names = [f"{path.stem}.{end}" for end in (short, f"{suffix}w", "wld")]
    numbers = _numbers(_text(_beside(path, *names, *(f"{path.stem}.{n.rpartition('.')[2].upper()}" for n in names))))
    if numbers is None:
        return None
    a, d, b, e, x, y = numbers
    return (a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _numbers(text: str) -> tuple[float, ...] | None:
    try:
        found = tuple(float(word) for word in text.split())
    except ValueError:
        return None
    return found if len(found) == 6 and all(np.isfinite(found)) else None


def _beside(path: Path, *names: str) -> Path | None:
    # isfile, not is_file: a name that has become too long is no file, and no error.
    return next((path.with_name(name) for name in names if os.path.isfile(path.with_name(name))), None)  # noqa: PTH113


def _text(path: Path | None) -> str:
    """The beginning of a neighbour; empty where it cannot be read."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", errors="replace")
    except OSError:
        return ""
