"""GDAL reads parts of remote files by itself (https://gdal.org/user/virtual_file_systems.html)."""

import os
from typing import Any
from urllib.parse import urlsplit

from segexp.data.rasters.base import Header, Pixels
from segexp.data.rasters.gdal import GdalRaster
from segexp.errors import DataError
from segexp.use.prediction.remote.address import scheme

VIRTUAL = {"http": "vsicurl", "https": "vsicurl", "s3": "vsis3", "s3a": "vsis3", "gs": "vsigs", "gcs": "vsigs"}


def virtual(address: str) -> str | None:
    """What GDAL calls an address; None: it knows no such."""
    system = VIRTUAL.get(scheme(address))
    if system is None:
        return None
    return f"/vsicurl/{address}" if system == "vsicurl" else f"/{system}/{address.partition('://')[2]}"


def settings(timeout: float) -> Any:
    """A context in which GDAL reads remote files: no search for files beside them, and no waiting for ever."""
    import rasterio

    return rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_HTTP_CONNECTTIMEOUT=timeout, GDAL_HTTP_LOW_SPEED_TIME=timeout,
        GDAL_HTTP_LOW_SPEED_LIMIT=1, GDAL_HTTP_MAX_RETRY=3, GDAL_HTTP_RETRY_DELAY=1, VSI_CACHE=True, **_endpoint(),
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
    """A remote tiled TIFF of which only the tiles that a window touches are fetched; within :func:`settings`."""

    def __init__(self, header: Header, place: str) -> None:
        """Keeps the header.

        Args:
            header: As it was read.
            place: What GDAL calls it.
        """
        super().__init__(header)
        self._place = place

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Fetches and decodes what the window touches."""
        try:
            return super().stored(top, left, height, width)
        except DataError as error:
            cause = error.__cause__ or error
            raise DataError(f"{self.path}: cannot be read over the network ({cause})") from error

    def _address(self) -> str:
        return self._place
