"""GDAL reads parts of remote files by itself (https://gdal.org/user/virtual_file_systems.html)."""

import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from segexp.errors import DataError, SegexpError
from segexp.inference.predict.remote.address import scheme
from segexp.inference.predict.remote.watch import LEAST, RemoteLimits
from segexp.rasters.base import Header, Pixels
from segexp.rasters.limit import Limit
from segexp.rasters.tiff.gdal_raster import GdalRaster

VIRTUAL = {"http": "vsicurl", "https": "vsicurl", "s3": "vsis3", "s3a": "vsis3", "gs": "vsigs", "gcs": "vsigs"}


def gdal_path(address: str) -> str | None:
    """Gives the path by which GDAL knows an address; None: it knows no such."""
    system = VIRTUAL.get(scheme(address))
    if system is None:
        return None
    return f"/vsicurl/{address}" if system == "vsicurl" else f"/{system}/{address.partition('://')[2]}"


def gdal_environment(timeout: float, bounds: RemoteLimits) -> Any:
    """Makes a context in which GDAL reads remote files: no search for files beside them, and no waiting for ever."""
    import rasterio

    return rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_HTTP_CONNECTTIMEOUT=timeout, GDAL_HTTP_LOW_SPEED_TIME=timeout,
        GDAL_HTTP_LOW_SPEED_LIMIT=LEAST, GDAL_HTTP_TIMEOUT=bounds.seconds,
        GDAL_HTTP_MAX_RETRY=3, GDAL_HTTP_RETRY_DELAY=1, **_endpoint(),
    )  # fmt: skip


def _endpoint() -> dict[str, str]:
    """The server of buckets that are not Amazon's, in GDAL's words: fsspec reads the variable of the AWS tools."""
    given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not given or "AWS_S3_ENDPOINT" in os.environ:
        return {}
    url = urlsplit(given)
    secure = "YES" if url.scheme == "https" else "NO"
    return {"AWS_S3_ENDPOINT": url.netloc, "AWS_HTTPS": secure, "AWS_VIRTUAL_HOSTING": "FALSE"}


class StreamedRaster(GdalRaster):
    """A remote tiled TIFF of which only the tiles that windows touch are fetched, each once.

    To be used within :func:`gdal_environment`. Tiles of as many rows as a window touches, and one more, are kept:
    windows that overlap come back to them. The cache of GDAL does not grow with the width of the raster.
    """

    def __init__(self, header: Header, place: str, tile: tuple[int, int]) -> None:
        """Keeps the header.

        Args:
            header: As it was read.
            place: What GDAL calls it.
            tile: Height and width of its tiles.
        """
        super().__init__(header)
        self._place, self._tile = place, tile
        self._bounds, self._seconds = RemoteLimits(), 0.0
        self._tiles: OrderedDict[tuple[int, int], Pixels] = OrderedDict()

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """A window, from the tiles that are here or are fetched."""
        rows = range(top // self._tile[0], (top + height - 1) // self._tile[0] + 1)
        columns = range(left // self._tile[1], (left + width - 1) // self._tile[1] + 1)
        wanted = [(row, column) for row in rows for column in columns]
        self._fetch([tile for tile in wanted if tile not in self._tiles])
        pixels = np.empty((height, width, self.header.channels), self.dtype)
        for tile in wanted:
            self._tiles.move_to_end(tile)
            first, second = tile[0] * self._tile[0] - top, tile[1] * self._tile[1] - left
            part = self._tiles[tile][max(-first, 0) : height - first, max(-second, 0) : width - second]
            first, second = max(first, 0), max(second, 0)
            pixels[first : first + part.shape[0], second : second + part.shape[1]] = part
        self._forget((len(rows) + 1) * -(-self.header.width // self._tile[1]))
        return pixels

    def _fetch(self, missing: Sequence[tuple[int, int]]) -> None:
        """Reads the rectangle around some tiles in one go: GDAL asks for all of them together."""
        if not missing:
            return
        (high, wide), (rows, columns) = self._tile, zip(*missing, strict=True)
        top, left = min(rows) * high, min(columns) * wide
        bottom = min((max(rows) + 1) * high, self.header.height)
        right = min((max(columns) + 1) * wide, self.header.width)
        start = time.monotonic()
        try:
            pixels = super().stored(top, left, bottom - top, right - left)
        except SegexpError as error:
            cause: BaseException = error
            while cause.__cause__ is not None:  # what rasterio says itself is where to look
                cause = cause.__cause__
            raise DataError(f"{self.path}: cannot be read over the network ({cause})") from error
        self._check_time(time.monotonic() - start)
        for row, column in missing:
            first, second = row * high - top, column * wide - left
            self._tiles[row, column] = pixels[first : first + high, second : second + wide].copy()

    def set_limits(self, bounds: RemoteLimits, limit: Limit) -> None:
        """Sets how long fetching may take in all, and what a tile and a window may take of the memory.

        Raises:
            TooLargeError: A tile takes more.
        """
        self._bounds, self._limit = bounds, limit
        # As it is stored, decoded, and once more in the cache of GDAL.
        need = 3 * self._tile[0] * self._tile[1] * self.header.channels * self.dtype.itemsize
        limit.check(self.path, need, f"decoding one tile ({self.header.kind})")

    def _check_time(self, seconds: float) -> None:
        self._seconds += seconds
        try:
            self._bounds.check_time(self._seconds)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    def _forget(self, most: int) -> None:
        while len(self._tiles) > most:
            self._tiles.popitem(last=False)

    def _address(self) -> str:
        return self._place

    def _blocks(self) -> None:
        """Nothing is checked: it would fetch every tile twice, and the network has checksums of its own."""
