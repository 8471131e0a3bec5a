"""Settings of a prediction's outputs: which maps are written, in which form, and the names of their files."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from segexp.inference.predict.image.image_file import ImageFile
from segexp.inference.predict.output.maps import Depth, output_layers
from segexp.inference.predict.output.polygons import PolygonForm
from segexp.inference.predict.output.sinks import Form, append_to_stem, layer_files, partial_path
from segexp.inference.predict.postprocessing.settings import Postprocess
from segexp.rasters.tiff.gdal_raster import has_rasterio
from segexp.spec import DataSpec

HUGE = 1 << 26
"""Pixels from which on a TIFF gives TIFFs, georeferenced or not: a PNG is kept in memory until it is whole."""


@dataclass(frozen=True)
class OutputSettings:
    """Choice of the outputs of a prediction, and of their form.

    Attributes:
        write: Of ``mask``, ``probability``, ``overlay``, ``uncertainty``, ``polygons``.
        form: ``png``, ``tiff``, or ``auto`` by the file.
        depth: Type of probabilities and uncertainty.
        polygons: Format of the polygons.
        simplify: Largest distance that a simplified border may move, in units of the coordinates; 0: as it is.
        bands: Bands of the file that are the model's channels, from 1; None: all.
        postprocess: What is done to objects.
    """

    write: tuple[str, ...] = ("mask",)
    form: Literal["auto", "png", "tiff"] = "auto"
    depth: Depth = "uint8"
    polygons: PolygonForm = "geojson"
    simplify: float = 0.0
    bands: tuple[int, ...] | None = None
    postprocess: Postprocess = field(default_factory=Postprocess)

    def form_for(self, file: ImageFile) -> Form:
        """Chooses the form of a file's outputs: PNG, but GeoTIFF for georeferenced and for huge TIFFs."""
        if self.form != "auto":
            return self.form
        raster = file.raster
        is_huge = file.is_tiff and raster.height * raster.width > HUGE
        is_placed = file.has_tags or (file.location is not None and has_rasterio())
        return "tiff" if is_huge or is_placed else "png"

    def files(self, spec: DataSpec, stem: Path, form: Form) -> list[Path]:
        """Lists all outputs of a file in one form."""
        found = [
            path for layer in output_layers(spec, self.write, self.depth) for path in layer_files(layer, stem, form)
        ]
        return [*found, self.polygon_file(stem)] if "polygons" in self.write else found

    def file_variants(self, spec: DataSpec, stem: Path) -> list[list[Path]]:
        """Lists all outputs of a file, in each form: which one it is stands in its header."""
        return [self.files(spec, stem, form) for form in get_args(Form)]

    def existing_files(self, spec: DataSpec, stem: Path) -> list[Path]:
        """Lists the outputs that exist already; none where their names would be too long."""
        return [path for files in self.file_variants(spec, stem) for path in files if os.path.exists(path)]  # noqa: PTH110

    def remove_partial(self, spec: DataSpec, stem: Path) -> None:
        """Removes what a process that was killed has left of the outputs of a file."""
        write = (*self.write, "mask")
        found = [
            partial_path(path)
            for form in get_args(Form)
            for layer in output_layers(spec, write, self.depth)
            for path in layer_files(layer, stem, form)
        ]
        for path in (*found, self.polygon_file(stem, whole=False)):
            path.unlink(missing_ok=True)

    def polygon_file(self, stem: Path, *, whole: bool = True) -> Path:
        """Names the file of the polygons; a GeoPackage must end as one, also while it is written."""
        path = append_to_stem(stem, f"polygons.{self.polygons}")
        return path if whole else path.with_name(f".{path.stem}.partial{path.suffix}")
