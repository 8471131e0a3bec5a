"""Images whose class is told by the folder that they lie in, or by a table: found by name, none is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segexp.config.checks.suggest import did_you_mean
from segexp.config.overrides.quoting import printed
from segexp.data.file_kinds import is_clutter
from segexp.data.folder.guessing.roles import ROLES, infer_role, split_words
from segexp.data.folder.parts import PARTS
from segexp.data.folder.patterns import FILE, PART, STEM, Match
from segexp.data.folder.table import listed, read_table
from segexp.data.folder.tree import Tree
from segexp.data.splits.rules import Phase
from segexp.errors import DataError


@dataclass(frozen=True)
class ClassFile:
    """An image.

    Attributes:
        path: Relative to the root, with ``/``.
        label: Name of its class.
        part: Part of an official split, as a folder or the table says; None: they say nothing.
        cells: Its row of the table by column; empty where there is no table.
    """

    path: str
    label: str
    part: Phase | None = None
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassFiles:
    """Images, and what was passed over.

    Attributes:
        images: Sorted by path.
        problems: A line for each image without a class.
        notes: A line for what is passed over.
    """

    images: list[ClassFile]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_by_folder(tree: Tree) -> ClassFiles:
    """``<class>/**/*``, or ``train/<class>/**/*`` with ``val/`` and ``test/`` beside it, each under its usual names."""
    paths = [PurePosixPath(path) for path in tree.images]
    official = _are_parts({path.parts[0] for path in paths if len(path.parts) > 1})
    depth = 1 if official else 0
    inside = [path for path in paths if len(path.parts) > depth + 1]
    images = [
        ClassFile(str(path), path.parts[depth], PARTS[path.parts[0].lower()] if official else None) for path in inside
    ]
    stray = [str(path) for path in paths if len(path.parts) <= depth + 1]
    notes = [f"{len(stray)} images lie in no folder of a class, as {stray[0]}: not used"] if stray else []
    known = {tuple(path.parts[: depth + 1]) for path in inside}
    tops = sorted({path.parts[0] for path in inside}) if official else [""]
    return ClassFiles(images, notes=notes + _empty(tree.root, tops, known))


def look_like_masks(root: Path, images: Sequence[ClassFile]) -> list[str]:
    """A note where the folders are called as those of a segmentation, and their files alike: none of them is a class.

    Args:
        root: The folder that holds them, as the user gave it.
        images: With their classes.
    """
    stems: dict[str, set[str]] = {}
    for image in images:
        words = split_words(PurePosixPath(image.path).stem)
        # a_mask.png is the mask of a.jpg.
        stems.setdefault(image.label, set()).add("_".join(word for word in words if word not in ROLES))
    roles = {name: infer_role(split_words(name)) for name in stems}
    pictures, masks = ({name for name in stems if roles[name] == role} for role in ("image", "mask"))
    if not pictures or not masks or "other" in roles.values():
        return []
    seen, drawn = (set().union(*(stems[name] for name in names)) for names in (pictures, masks))
    paired = len(seen & drawn)
    if paired * 2 < len(seen):
        return []
    return [
        f"the classes are called {' and '.join(sorted(stems))}, and {paired} of {len(seen)} images have a file of "
        "their name among the masks: if these are masks, write datamodule=folder "
        f"{printed('datamodule.root', str(root))} without task=classification"
    ]


def _are_parts(folders: set[str]) -> bool:
    """Whether all folders are parts of a split, one of them for training."""
    phases = {PARTS.get(name.lower()) for name in folders}
    return None not in phases and "train" in phases and len(phases) > 1


def _empty(root: Path, tops: list[str], known: set[tuple[str, ...]]) -> list[str]:
    """Folders that hold no image, where those of classes are."""
    found = []
    for top in tops:
        for folder in sorted(path for path in (root / top).iterdir() if path.is_dir() and not is_clutter(path.name)):
            if folder.relative_to(root).parts not in known:
                found.append(f"{folder}: holds no image, so it is not used")
    return found


def find_by_table(tree: Tree, table: Path, key: str | None, column: str) -> ClassFiles:
    """The class of each image by a column of a table; a column ``split`` tells the parts of an official split.

    Args:
        tree: Files of the data set.
        table: CSV file with a line of column names and a line for each image.
        key: Its column that names the image; None: the one that does.
        column: Its column that names the class.

    Raises:
        DataError: There is no such table or column, or an image has no row.
    """
    paths = [PurePosixPath(path) for path in tree.images]
    matches = [Match(str(path), (), {STEM: path.stem, FILE: path.name}) for path in paths]
    if not matches:
        return ClassFiles([])
    found = read_table(table, key, matches)
    columns = list(next(iter(found.rows.values())))
    if column not in columns:
        raise DataError(
            f"datamodule.table_class: {table} has no column {column!r}.{did_you_mean(column, columns)} Its columns are "
            f"{listed(columns)}"
        )
    images, problems = [], []
    for path in tree.images:
        cells = found.rows[path]
        if cells[column]:
            images.append(ClassFile(path, cells[column], PARTS.get(cells.get(PART, "").lower()), cells))
        else:
            problems.append(f"{table}: the row of {path} names no class in column {column!r}")
    notes = [f"{table}: {found.unused} rows are of images that are not there"] if found.unused else []
    return ClassFiles(images, problems, notes)
