"""Outlines of the objects of a written mask, as GeoJSON or GeoPackage: read and written piece by piece."""

import importlib.util
import json
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

from segexp.errors import MissingExtraError
from segexp.inference.predict.image.source import GeoReference, open_dataset
from segexp.inference.predict.output.tracing import Part, Ring, trace_objects

PolygonForm = Literal["geojson", "gpkg"]

TOGETHER = 10_000
"""Polygons that go into a GeoPackage at a time."""


class Polygon(NamedTuple):
    """Outline of one object.

    Attributes:
        name: Its class.
        parts: Polygons, of which pixels share sides; they touch at corners. Each is the outer border, then its holes;
            points in the coordinates of the mask (pixels where it has none).
        area_px: Area in pixels.
        area_m2: Area in square metres; None: coordinates are not in a unit of length.
    """

    name: str
    parts: list[Part]
    area_px: float
    area_m2: float | None

    @property
    def geometry(self) -> dict[str, Any]:
        """Geometry as a GeoJSON object."""
        if len(self.parts) == 1:
            return {"type": "Polygon", "coordinates": self.parts[0]}
        return {"type": "MultiPolygon", "coordinates": self.parts}

    @property
    def properties(self) -> dict[str, Any]:
        """Attributes of the object: class and areas."""
        area = {} if self.area_m2 is None else {"area_m2": self.area_m2}
        return {"class": self.name, "area_px": self.area_px, **area}


def check_polygons(form: PolygonForm, simplify: float) -> None:
    """Refuses settings that need packages which are not installed.

    Raises:
        MissingExtraError: Names them.
    """
    needed = [
        "rasterio",
        *(["shapely"] if simplify or form == "gpkg" else []),
        *(["pyogrio"] if form == "gpkg" else []),
    ]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"write=[polygons]: needs {', '.join(missing)}, not installed: pip install 'segexp[geo,vector]'"
        )


def write_polygons(
    mask: Path,
    target: Path,
    classes: Sequence[str],
    form: PolygonForm,
    simplify: float = 0.0,
    ground: GeoReference | None = None,
) -> int:
    """Traces every object of all classes but the first; pixels that touch at a corner belong together.

    Args:
        mask: Class numbers, GeoTIFF or PNG.
        target: File to write.
        classes: Names.
        form: ``geojson``: with the coordinates of the mask, named in ``crs``; ``gpkg``: layer ``objects``.
        simplify: How far a border may move (Douglas and Peucker 1973), in units of the coordinates; areas are those of
            the pixels all the same.
        ground: Where the mask lies, if it does not say so itself.

    Returns:
        Number of polygons.
    """
    with open_dataset(mask) as dataset:
        transform, crs = (dataset.transform, dataset.crs) if ground is None else (ground.transform, ground.crs)
        found = _traced(dataset, classes, transform, crs)
        if simplify:
            found = (_simplified(polygon, simplify) for polygon in found)
        return _geojson(found, target, crs) if form == "geojson" else _geopackage(found, target, crs)


def _traced(dataset: Any, classes: Sequence[str], transform: Any, crs: Any) -> Iterator[Polygon]:
    pixel = abs(transform.determinant)
    metres = crs.linear_units_factor[1] if crs is not None and crs.is_projected else None
    for number, traced_parts in trace_objects(dataset):
        # GDAL traces in the coordinates that the mask itself gives: pixels where its place is told from elsewhere.
        is_there = transform == dataset.transform
        parts = traced_parts if is_there else [[_moved(ring, transform) for ring in part] for part in traced_parts]
        area = sum(_area(ring) * (1 if place == 0 else -1) for part in parts for place, ring in enumerate(part))
        square = None if metres is None else round(area * metres**2, 4)
        yield Polygon(classes[number], parts, round(area / pixel, 3), square)


def _moved(ring: Ring, transform: Any) -> Ring:
    """Points in pixels as coordinates."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return [(a * x + b * y + c, d * x + e * y + f) for x, y in ring]


def _area(ring: Ring) -> float:
    """Area inside a closed ring, by the shoelace formula about its first point, which keeps large coordinates exact."""
    x0, y0 = ring[0]
    return abs(sum((x - x0) * (v - y0) - (u - x0) * (y - y0) for (x, y), (u, v) in pairwise(ring))) / 2


def _simplified(polygon: Polygon, tolerance: float) -> Polygon:
    from shapely.geometry import mapping, shape

    geometry = mapping(shape(polygon.geometry).simplify(tolerance, preserve_topology=True))
    is_one = geometry["type"] == "Polygon"
    return polygon._replace(parts=[geometry["coordinates"]] if is_one else list(geometry["coordinates"]))


def _geojson(polygons: Iterator[Polygon], target: Path, crs: Any) -> int:
    count = 0
    with target.open("w", encoding="utf-8") as stream:
        stream.write('{"type": "FeatureCollection",' + _crs_member(crs) + ' "features": [')
        for count, polygon in enumerate(polygons, start=1):
            feature = {"type": "Feature", "properties": polygon.properties, "geometry": polygon.geometry}
            stream.write((",\n" if count > 1 else "\n") + json.dumps(feature))
        stream.write("\n]}\n")
    return count


def _crs_member(crs: Any) -> str:
    """The member that GDAL and QGIS read; RFC 7946 knows degrees of WGS 84 alone, and would need no name for them."""
    if crs is None:
        return ""
    code = crs.to_epsg()
    if code is None:
        return f' "crs_wkt": {json.dumps(crs.to_wkt())},'
    name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}
    return f' "crs": {json.dumps(name)},'


def _geopackage(polygons: Iterator[Polygon], target: Path, crs: Any) -> int:
    target.unlink(missing_ok=True)
    count = 0
    while True:
        some = list(islice(polygons, TOGETHER))
        # Without a single object there is an empty layer.
        if some or not count:
            _append(some, target, crs)
        count += len(some)
        if len(some) < TOGETHER:
            return count


def _append(polygons: Sequence[Polygon], target: Path, crs: Any) -> None:
    import numpy as np
    import shapely
    from pyogrio.raw import write

    geometry = np.array([shapely.to_wkb(shapely.geometry.shape(p.geometry)) for p in polygons], dtype=object)
    columns: dict[str, Any] = {
        "class": np.array([p.name for p in polygons], dtype=object),
        "area_px": np.array([p.area_px for p in polygons], dtype=np.float64),
        "area_m2": np.array([np.nan if p.area_m2 is None else p.area_m2 for p in polygons], dtype=np.float64),
    }
    with warnings.catch_warnings():
        # A picture has no coordinate system; pyogrio would tell everyone who predicts one.
        warnings.filterwarnings("ignore", "'crs' was not provided")
        write(
            target, geometry, list(columns.values()), list(columns), layer="objects", driver="GPKG",
            geometry_type="MultiPolygon", promote_to_multi=True, crs=None if crs is None else crs.to_wkt(),
            append=target.exists(),
        )  # fmt: skip
