"""The files below a folder, listed once."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segexp.data.file_kinds import ending, is_clutter, is_image
from segexp.errors import DataError

MOST = 2_000_000
"""More files than this are no data set but a whole disk."""


@dataclass(frozen=True)
class Tree:
    """Files below a root.

    Attributes:
        root: The folder.
        files: Paths relative to it, with ``/``, sorted; all kinds.
    """

    root: Path
    files: tuple[str, ...]

    @property
    def images(self) -> list[str]:
        """Those that end as images do."""
        return [path for path in self.files if is_image(path)]

    def says(self, most: int = 12) -> str:
        """What lies where, in words: ``images (20 tif), masks (20 gif)``."""
        counts: dict[str, Counter[str]] = {}
        for path in self.files:
            folder = str(PurePosixPath(path).parent)
            counts.setdefault("the folder itself" if folder == "." else folder, Counter())[ending(path)] += 1
        words = [
            f"{folder} ({', '.join(f'{count} {kind}' for kind, count in kinds.most_common(3))})"
            for folder, kinds in counts.items()
        ]
        return ", ".join(words[:most]) + (f" and {len(words) - most} more folders" if len(words) > most else "")


def list_files(root: Path, below: Sequence[str] = ("",)) -> Tree:
    """Lists all files, also behind links.

    Args:
        root: Folder of the data set.
        below: Only what lies in these folders of it.

    Raises:
        DataError: It is no folder, or far too many files.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "no such folder"
        raise DataError(f"datamodule.root: {root}: {what}; give the folder that holds images and masks")
    found: set[str] = set()
    for folder in below:
        for path in walk(root / folder):
            found.add(path.relative_to(root).as_posix())
            if len(found) > MOST:
                raise DataError(f"datamodule.root: {root} holds more than {MOST:,} files; is it the data set's folder?")
    return Tree(root, tuple(sorted(found)))


def walk(top: Path) -> Iterator[Path]:
    """All files below a folder, also behind links, without what file managers leave behind."""
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        # A link to a folder above would go round for ever.
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = [name for name in subfolders if not is_clutter(name)]
        yield from (Path(folder, name) for name in names if not is_clutter(name))
