"""What is wrong with a file, in one form: its name, its size, the cause and what to do."""

from pathlib import Path

from segexp.errors import DataError, UnreadableError

COPY_AGAIN = "It is truncated or no image: copy it again from its source"


def unreadable(path: Path, cause: object, advice: str = COPY_AGAIN) -> UnreadableError:
    """The error of a file that is there and cannot be read."""
    text = " ".join(str(cause).split()) or type(cause).__name__
    return UnreadableError(f"{path}: cannot be read as an image ({size_of(path)} bytes; {text}). {advice}")


def unsupported(path: Path, found: str, expected: str, advice: str) -> UnreadableError:
    """The error of a file that is whole, of a kind that is not taken."""
    return UnreadableError(f"{path}: found {found} ({size_of(path)} bytes), expected {expected}; {advice}")


def outside(path: Path, window: tuple[int, int, int, int], height: int, width: int) -> DataError:
    """The error of a window (top, left, height, width) that does not lie inside the image."""
    top, left, rows, columns = window
    return DataError(
        f"{path}: a window of {rows}x{columns} pixels at row {top}, column {left} does not lie inside its "
        f"{height}x{width} pixels"
    )


def from_system(path: Path, error: OSError) -> UnreadableError:
    """The error that the operating system gave on opening a file, in words."""
    if isinstance(error, FileNotFoundError):
        return UnreadableError(f"{path}: no such file")
    if isinstance(error, IsADirectoryError):
        return UnreadableError(f"{path}: is a folder, expected an image file")
    if isinstance(error, PermissionError):
        return UnreadableError(
            f"{path}: no permission to read it ({size_of(path)} bytes); allow it, for example: chmod u+r"
        )
    return unreadable(path, error)


def size_of(path: Path) -> str:
    """Size of a file in bytes, as text."""
    try:
        return str(path.stat().st_size)
    except OSError:
        return "unknown size,"
