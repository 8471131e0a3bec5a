"""Writes files beside a picture that say where it lies: a world file, and GDAL's .aux.xml where the system is known."""

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from segexp.rasters.ground.location import Transform

_WORLD = {".png": ".pgw", ".tif": ".tfw"}


def write_world_file(picture: Path, transform: Transform, wkt: str | None) -> None:
    """Writes ``a_mask.pgw`` and ``a_mask.png.aux.xml`` beside ``a_mask.png``.

    Args:
        picture: The picture; it need not be there yet.
        transform: From its pixels (corners) to coordinates.
        wkt: The coordinate system as text; None: unknown.
    """
    a, b, c, d, e, f = transform
    # A world file speaks of the centre of the first pixel.
    numbers = (a, d, b, e, c + (a + b) / 2, f + (d + e) / 2)
    world = picture.with_suffix(_WORLD[picture.suffix])
    world.write_text("".join(f"{number!r}\n" for number in numbers), encoding="ascii")
    if wkt is not None:
        place = ", ".join(repr(number) for number in (c, a, b, f, d, e))
        text = f"  <SRS>{escape(wkt)}</SRS>\n  <GeoTransform>{place}</GeoTransform>\n"
        beside = picture.with_name(f"{picture.name}.aux.xml")
        beside.write_text(f"<PAMDataset>\n{text}</PAMDataset>\n", encoding="utf-8")


def is_identity(transform: Any) -> bool:
    """Tells whether a transform gives pixels as coordinates, as GDAL does for a file that says nothing."""
    return tuple(transform)[:6] == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
