"""A remote image: of a large tiled TIFF GDAL fetches the tiles that are looked at, the rest is copied first."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from segexp.errors import DataError, SegexpError
from segexp.inference.predict.image.image_file import ImageFile, open_local_image
from segexp.inference.predict.remote.address import hide_secrets, network_errors, open_filesystem, path_in_address
from segexp.inference.predict.remote.gdal import StreamedRaster, gdal_environment, gdal_path
from segexp.inference.predict.remote.watch import GB, CopyWatch, RemoteLimits, TimedFilesystem, call_with_timeout
from segexp.rasters import Limit, close_files
from segexp.rasters.limit import image_limit
from segexp.rasters.tiff.gdal_raster import COMPRESSIONS, has_rasterio
from segexp.rasters.tiff.header import read_tiff_header
from segexp.runs.console import LOG

SMALL = 8 * 2**20
"""Bytes up to which a file is copied at once, which takes one request."""
ANY = RemoteLimits()
"""Unless other bounds are given."""
BLOCK = 2**20
"""Bytes that are read at a time while the header is looked for."""
SLOWEST = 4
"""Times ``timeout`` that such a block may take."""


@contextmanager
def open_remote_image(
    address: str, timeout: float, bounds: RemoteLimits = ANY, limit: Limit | None = None
) -> Iterator[ImageFile]:
    """Opens a remote file as one of this machine; a copy is removed at the end.

    Args:
        address: Where it is.
        timeout: Seconds without an answer after which it is given up.
        bounds: How long it may take in all, and how large a copy may be.
        limit: What decoding may take of the memory; None: what is in force in this process.

    Raises:
        DataError: It is not there, may not be read, is no image, or beyond the bounds.
    """
    system, path = open_filesystem(address, timeout)
    with network_errors(address, timeout):
        facts = call_with_timeout(timeout, system, "info", path)
    with ExitStack() as stack:
        streamed = None
        if _may_stream(address, facts):
            stack.enter_context(gdal_environment(timeout, bounds))
            stack.enter_context(_called(str(Path(address)), address))
            streamed = _streamed(TimedFilesystem(system, SLOWEST * timeout), path, address, facts["size"])
        if streamed is not None:
            if isinstance(streamed.raster, StreamedRaster):
                streamed.raster.set_limits(bounds, limit or image_limit())
            yield streamed
            return
    with _copied(system, path, address, facts, timeout, bounds) as copy, _called(str(copy), address):
        yield open_local_image(copy, limit)


def _may_stream(address: str, facts: dict[str, Any]) -> bool:
    size = facts.get("size")
    return (
        has_rasterio()
        and gdal_path(address) is not None
        and size is not None
        and size > SMALL
        # Of http: whether the server gives parts of a file.
        and facts.get("partial", True)
    )


def _streamed(system: Any, path: str, address: str, size: int) -> ImageFile | None:
    """None: it is none of the files that can be streamed.

    Raises:
        DataError: It is a TIFF that is damaged or not taken, which needs no copy to be told.
    """
    try:
        with system.open(path, "rb", block_size=BLOCK) as file:
            tiff = read_tiff_header(Path(address), (size, 0), raw=False, file=file)
    except DataError:
        raise
    except Exception:  # no TIFF, or a server that gives no parts of files
        return None
    place = gdal_path(address)
    if tiff.tile is None or tiff.compression not in COMPRESSIONS or place is None:
        return None
    raster = StreamedRaster(tiff.header, place, tiff.tile)
    try:
        raster.window(0, 0, 1, 1)
    except DataError as error:
        LOG.warning(
            hide_secrets(f"{address}: is copied first, since GDAL cannot stream it: {error.__cause__ or error}")
        )
        return None
    return ImageFile(raster, place, tiff.is_georeferenced)


@contextmanager
def _copied(
    system: Any, path: str, address: str, facts: dict[str, Any], timeout: float, bounds: RemoteLimits
) -> Iterator[Path]:
    name = PurePosixPath(path_in_address(address)).name or "image"
    with tempfile.TemporaryDirectory(prefix="segexp-") as folder:
        copy, size = Path(folder) / name, facts.get("size")
        with network_errors(address, timeout), _about(address):
            bounds.check_size(size)
            _check_disk(size, folder)
            call_with_timeout(bounds.seconds, system, "get_file", path, str(copy), callback=CopyWatch(timeout, bounds))
        found = copy.stat().st_size
        if size is not None and found != size:
            raise DataError(f"{address}: broke off after {found} of {size} bytes; the same command tries it again")
        try:
            yield copy
        finally:
            # Files that are kept open would keep their place on the disk.
            close_files()


def _check_disk(size: int | None, folder: str) -> None:
    free = shutil.disk_usage(folder).free
    if size is not None and size > free:
        raise DataError(
            f"its copy of {size / GB:.3g} GB does not fit into {tempfile.gettempdir()} ({free / GB:.3g} GB free); "
            "TMPDIR names another folder"
        )


@contextmanager
def _about(address: str) -> Iterator[None]:
    """Errors of a file begin with its address."""
    try:
        yield
    except DataError as error:
        raise DataError(hide_secrets(f"{address}: {error}")) from error


@contextmanager
def _called(name: str, address: str) -> Iterator[None]:
    """Errors name the address."""
    try:
        yield
    except SegexpError as error:
        raise type(error)(str(error).replace(name, address)) from error
