"""Checksums of the zip archives that torch writes and does not look at when it reads: weights must be as they were."""

import zipfile
import zlib
from pathlib import Path

from segexp.errors import DataError
from segexp.runs.pickled.directory import check_directory
from segexp.runs.pickled.torch_file import refuse_bomb


def check_archive(path: Path, *, whole: bool = True) -> None:
    """Checks the pickle and every entry of a checkpoint, reading it once; what is neither archive nor pickle passes.

    Args:
        path: The file.
        whole: False: sizes alone, which reads next to nothing.

    Raises:
        DataError: An entry was changed after it was written, is cut off, or is packed, or the pickle takes more memory
            than the file could need.
    """
    try:
        check_directory(path)
        if not zipfile.is_zipfile(path):
            refuse_bomb(path)
            return
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            refuse_bomb(path)
            damaged = archive.testzip() if whole else None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise DataError(f"{path}: is damaged ({error}); copy it again from its source") from error
    if damaged is not None:
        raise DataError(f"{path}: is damaged: the checksum of {damaged} does not fit; copy it again from its source")


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuses entries that take more than the file: torch writes them as they are, while a bomb is packed.

    Raises:
        DataError: There is one.
    """
    packed = next((entry.filename for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None or sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
        raise DataError(
            f"{path}: {packed or 'what is in it'} takes more memory than the file has bytes, as in no checkpoint that "
            "torch writes; make it anew with torch.save if it is right"
        )
