"""GeoTIFFs written from top to bottom: in whole tiles, with the place on the ground of the image they belong to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.errors import MissingExtraError
from segexp.inference.predict.image.source import ImageSource, open_dataset
from segexp.inference.predict.output.maps import OutputLayer
from segexp.inference.predict.output.sinks import Sink, partial_path
from segexp.spec import IGNORED

SOFTWARE = "segexp"


class TiffSink(Sink):
    """One GeoTIFF of all bands: compressed without loss; coordinate system, transform and tiling of the image."""

    def __init__(self, layer: OutputLayer, targets: Sequence[Path], source: ImageSource, tags: dict[str, str]) -> None:
        """Begins the file.

        Args:
            layer: What is written.
            targets: One path.
            source: The image.
            tags: Texts for the metadata.

        Raises:
            MissingExtraError: rasterio is not installed.
        """
        super().__init__(layer, targets)
        self._rows: list[NDArray[Any]] = []
        self._waiting = 0
        self._next = 0
        tile = source.ground.tile if source.ground is not None else None
        self._step = tile[0] if tile else 1
        self._width = source.width
        self._dataset = _begun(partial_path(targets[0]), _profile(layer, source, tile))
        self._describe(source, tags)

    def _describe(self, source: ImageSource, tags: dict[str, str]) -> None:
        dataset, ground = self._dataset, source.ground
        dataset.descriptions = self.layer.bands
        dataset.update_tags(TIFFTAG_SOFTWARE=SOFTWARE, **tags)
        if self.layer.palette is not None:
            dataset.write_colormap(1, dict(enumerate(self.layer.palette)) | {IGNORED: (0, 0, 0, 0)})
        if self.layer.scale is not None:
            dataset.scales = (self.layer.scale,) * len(self.layer.bands)
        if ground is not None and ground.gcps[0]:
            dataset.gcps = ground.gcps
        if ground is not None and ground.rpcs is not None:
            dataset.rpcs = ground.rpcs

    def write(self, rows: NDArray[Any]) -> None:
        """Writes as many rows as fill whole tiles; a tile that is written twice would be stored twice."""
        self._rows.append(rows)
        self._waiting += rows.shape[1]
        if self._waiting >= self._step:
            joined = np.concatenate(self._rows, axis=1)
            whole = self._waiting // self._step * self._step
            self._put(joined[:, :whole])
            # A copy: a view would keep all of the joined rows in memory.
            self._rows, self._waiting = [joined[:, whole:].copy()], self._waiting - whole

    def close(self) -> None:
        """Writes the last tiles, which the image may cut."""
        if self._waiting:
            self._put(np.concatenate(self._rows, axis=1))
        self._dataset.close()

    def abandon(self) -> None:
        """Closes and removes the file."""
        self._dataset.close()
        super().abandon()

    def _put(self, rows: NDArray[Any]) -> None:
        place = ((self._next, self._next + rows.shape[1]), (0, self._width))
        self._dataset.write(np.ascontiguousarray(rows), window=place)
        self._next += rows.shape[1]


def _profile(layer: OutputLayer, source: ImageSource, tile: tuple[int, int] | None) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": source.height,
        "width": source.width,
        "count": len(layer.bands),
        "dtype": layer.dtype,
        "nodata": layer.nodata,
        "compress": "deflate",
        "interleave": "pixel" if layer.is_rgb else "band",
        "BIGTIFF": "IF_SAFER",
    }
    if layer.is_rgb:
        profile["photometric"] = "rgb"
    if tile is not None:
        profile |= {"tiled": True, "blockysize": tile[0], "blockxsize": tile[1]}
    ground = source.ground
    if ground is not None and not ground.gcps[0]:
        profile |= {"crs": ground.crs, "transform": ground.transform}
    return profile


def _begun(path: Path, profile: dict[str, Any]) -> Any:
    try:
        return open_dataset(path, "w", **profile)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "format=tiff needs rasterio, which is not installed: pip install 'segexp[geo]', or use format=png"
        ) from error
