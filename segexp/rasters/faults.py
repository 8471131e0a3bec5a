"""Errors of image files in one form: name, size, the cause and what to do."""

import errno
import os
import stat
from pathlib import Path

from segexp.errors import DataError, SegexpError, UnreadableError
from segexp.system.causes import resource_error
from segexp.system.special_files import broken_link, special_kind

COPY_AGAIN = "It is truncated or no image: copy it again from its source"


LONGEST = 400
"""Characters of what a library says of a file."""


def unreadable(path: Path, cause: object, advice: str = COPY_AGAIN) -> SegexpError:
    """Makes the error of a file that cannot be read; of the machine, where that refused and the file is whole.

    Args:
        path: The file.
        cause: What is wrong with it: an error, or words.
        advice: What to do.
    """
    if isinstance(cause, BaseException) and (refused := resource_error(cause, str(path))) is not None:
        return refused
    text = " ".join(str(cause).split()) or type(cause).__name__
    # A library may repeat what stands in the file, at any length.
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return UnreadableError(f"{path}: cannot be read as an image ({size_of(path)} bytes; {text}). {advice}")


def unsupported(path: Path, found: str, expected: str, advice: str) -> UnreadableError:
    """Makes the error of a file that is whole, of a kind that is not taken."""
    return UnreadableError(f"{path}: found {found} ({size_of(path)} bytes), expected {expected}; {advice}")


def outside(path: Path, window: tuple[int, int, int, int], height: int, width: int) -> DataError:
    """Makes the error of a window (top, left, height, width) that does not lie inside the image."""
    top, left, rows, columns = window
    return DataError(
        f"{path}: a window of {rows}x{columns} pixels at row {top}, column {left} does not lie inside its "
        f"{height}x{width} pixels"
    )


def check_regular(path: Path) -> os.stat_result:
    """Checks that a file can be read to its end, and gives its status.

    Raises:
        DataError: It is a named pipe, a socket, a device, a folder, or leads nowhere.
        ResourceError: The machine cannot say.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise from_system(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise from_system(path, IsADirectoryError())
    if (what := special_kind(status.st_mode)) is not None:
        raise UnreadableError(f"{path}: is {what}, expected an image file; take it out of the data")
    return status


def from_system(path: Path, error: OSError) -> SegexpError:
    """Makes the error of what the operating system said on opening a file."""
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return UnreadableError(f"{path}: is {broken_link(path)}; mend it or take it away")
        return UnreadableError(f"{path}: no such file")
    if error.errno == errno.ELOOP:
        return UnreadableError(f"{path}: is {broken_link(path)}; mend it or take it away")
    if isinstance(error, IsADirectoryError):
        return UnreadableError(f"{path}: is a folder, expected an image file")
    if isinstance(error, PermissionError):
        return UnreadableError(
            f"{path}: no permission to read it ({size_of(path)} bytes); allow it, for example: chmod u+r"
        )
    return unreadable(path, error)


def size_of(path: Path) -> str:
    """Gives the size of a file in bytes, as text."""
    try:
        return str(path.stat().st_size)
    except OSError:
        return "unknown size,"
