"""The files below a folder, listed once, without arrays of Python objects: pickles may run anything when opened."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from numpy.lib import format as npy_format

from segexp.data.file_kinds import file_ending, is_clutter, is_image
from segexp.data.root_folder import check_root
from segexp.errors import DataError
from segexp.system.special_files import special_file

MOST = 2_000_000
"""More files than this are no data set but a whole disk."""


@dataclass(frozen=True)
class Tree:
    """Files below a root.

    Attributes:
        root: The folder.
        files: Paths relative to it, with ``/``, sorted; all kinds.
        special: Named pipes, sockets, devices, and folders that are named as images: each in words.
    """

    root: Path
    files: tuple[str, ...]
    special: tuple[str, ...] = ()

    @property
    def images(self) -> list[str]:
        """Paths of the files that end as images do."""
        return [path for path in self.files if is_image(path)]

    def says(self, most: int = 12) -> str:
        """Says in words how many files of which kind each folder holds: ``images (20 tif), masks (20 gif)``."""
        counts: dict[str, Counter[str]] = {}
        for path in self.files:
            folder = str(PurePosixPath(path).parent)
            counts.setdefault("the folder itself" if folder == "." else folder, Counter())[file_ending(path)] += 1
        words = [
            f"{folder} ({', '.join(f'{count} {kind}' for kind, count in kinds.most_common(3))})"
            for folder, kinds in counts.items()
        ]
        return ", ".join(words[:most]) + (f" and {len(words) - most} more folders" if len(words) > most else "")


def list_files(root: Path, below: Sequence[str] = ("",), what: str = "that holds images and masks") -> Tree:
    """Lists all files, also behind links.

    Args:
        root: Folder of the data set.
        below: Only what lies in these folders of it.
        what: Which folder the root should be, see :func:`segexp.data.root_folder.check_root`.

    Raises:
        DataError: It is no folder, or far too many files.
    """
    check_root(root, what)
    found: set[str] = set()
    special: set[str] = set()
    for folder in below:
        for path in walk_files(root / folder, special):
            found.add(path.relative_to(root).as_posix())
            if len(found) > MOST:
                raise DataError(f"datamodule.root: {root} holds more than {MOST:,} files; is it the data set's folder?")
    return Tree(root, tuple(sorted(found)), tuple(sorted(special)))


def walk_files(top: Path, special: set[str]) -> Iterator[Path]:
    """Regular files below a folder, also behind links, without what file managers leave behind.

    Links that lead nowhere are given too: their goals may have gone.

    Args:
        top: The folder.
        special: Takes a line on each named pipe, socket, device, and folder that is named as an image.
    """
    seen: set[str] = set()
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        # A link to a folder above would go round for ever.
        if real in seen or not folder.is_dir():
            continue
        seen.add(real)
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_clutter(entry.name):
                    continue
                # Known from the listing itself, without another question to the file system, but for links.
                if _is(entry.is_file):
                    yield Path(entry.path)
                elif _is(entry.is_dir):
                    waiting.append(Path(entry.path))
                    if is_image(entry.name):
                        special.add(f"{entry.path}: passed over, is a folder, not an image file")
                elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - of 100,000 files
                    yield Path(entry.path)
                else:
                    what = special_file(Path(entry.path)) or "no regular file"
                    special.add(f"{entry.path}: passed over, is {what}")


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError:  # a link that leads back to itself, a folder that may not be looked into
        return False


CELLPOSE = "_seg.npy"
"""What Cellpose calls its own files; the masks in them are saved as ``_cp_masks.png`` too, if it is asked to."""


def leave_out_pickles(tree: Tree) -> tuple[Tree, list[str]]:
    """The tree without such arrays, and a note if there are some."""
    arrays = [path for path in tree.files if file_ending(path).lower() == "npy"]
    objects = {path for path in arrays if path.endswith(CELLPOSE) or _holds_objects(tree.root / path)}
    if not objects:
        return tree, []
    kept = Tree(tree.root, tuple(path for path in tree.files if path not in objects))
    cellpose = sum(path.endswith(CELLPOSE) for path in objects)
    advice = "; Cellpose saves its masks as _cp_masks.png too" if cellpose else ""
    return kept, [f"passed over: {len(objects)} .npy files that hold Python objects, as {min(objects)}{advice}"]


def _holds_objects(path: Path) -> bool:
    """By its header; what cannot be read is named later."""
    try:
        with path.open("rb") as file:
            version = npy_format.read_magic(file)
            read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            return bool(read(file)[2].hasobject)
    except (OSError, ValueError, EOFError):
        return False
