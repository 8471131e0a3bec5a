"""Checksums of the zip archives that torch writes and does not look at when it reads: weights must be as they were."""

import zipfile
import zlib
from pathlib import Path

from segexp.errors import DataError


def check_archive(path: Path) -> None:
    """Checks every entry of a checkpoint, reading it once; a file that is no zip archive passes.

    Raises:
        DataError: An entry was changed after it was written, or is cut off.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise DataError(f"{path}: is damaged ({error}); copy it again from its source") from error
    if damaged is not None:
        raise DataError(f"{path}: is damaged: the checksum of {damaged} does not fit; copy it again from its source")
