"""Files that a run folder names: only those that lie in it, since anybody may have written the names."""

from pathlib import Path


def inside(folder: Path, name: object) -> Path | None:
    """The place that ``name`` gives in a folder; None where that is elsewhere, also by a symbolic link.

    Args:
        folder: Whose file names it.
        name: Relative or absolute, as a text or path; anything else names nothing.
    """
    if not isinstance(name, str | Path) or not str(name):
        return None
    path = folder / name
    try:
        path.exists()  # raises where no file system has such a name
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, a circle of links
        return None
