"""A table beside the images: what is known of each, such as patient, city or kind."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segexp.config.checks.suggest import did_you_mean
from segexp.data.folder.patterns import STEM, Match
from segexp.errors import DataError
from segexp.runs.text import printable, shortened
from segexp.system.special_files import special_file

KEY = "datamodule.table"
COLUMN = "datamodule.table_key"


@dataclass(frozen=True)
class MetadataTable:
    """Rows by the image that they speak of.

    Attributes:
        path: The file.
        rows: Per path of an image, its cells by column.
        unused: Rows of images that are not there.
    """

    path: Path
    rows: Mapping[str, Mapping[str, str]]
    unused: int


def read_table(path: Path, column: str | None, images: Sequence[Match]) -> MetadataTable:
    """Reads a table and finds the row of each image.

    Args:
        path: Text with a line of column names; cells are parted by comma, semicolon or tab.
        column: The column that names the image: by its path, its file name or its stem; ``7`` also names ``007``. If a
            part of ``datamodule.images`` has the column's name, it is that part which is looked up, say a patient of
            whom there are many images. None: the one column that names every image.
        images: The images.

    Raises:
        DataError: The table is missing or none, has no such column, names an image twice, or lacks one.
    """
    names, rows = _cells(path)
    if column is None:
        column = _guessed(path, names, rows, images)
    elif column not in names:
        raise DataError(f"{COLUMN}: {path} has no column {column!r}.{did_you_mean(column, names)}")
    cells = [_plain(row[column]) for row in rows]
    twice = [cell for cell, count in Counter(cells).items() if count > 1]
    if twice:
        raise DataError(f"{KEY}: {path} has more than one row for {_few(twice)} in column {_quoted(column)}; leave one")
    found = _found(column, cells, images)
    lacking = [match.path for match in images if match.path not in found]
    if lacking:
        raise DataError(
            f"{KEY}: {path} has no row for {_few(lacking)} in column {_quoted(column)}; add it, or give another column"
        )
    return MetadataTable(
        path, {image: rows[place] for image, place in found.items()}, len(rows) - len(set(found.values()))
    )


def table_path(root: Path, text: str) -> Path:
    """Path of a table that a key names: below the root, or as it is written."""
    path = Path(text).expanduser()
    return root / path if (root / path).is_file() or not path.is_file() else path


def listed(columns: Sequence[str], between: str = ", ") -> str:
    """Names for a message: of a line's length, whatever a file holds."""
    return shortened(printable(between.join(columns)), 200)


def _guessed(path: Path, names: Sequence[str], rows: Sequence[Mapping[str, str]], images: Sequence[Match]) -> str:
    """The one column whose cells name every image, no two the same row."""
    full = [name for name in names if len(_found(name, [_plain(row[name]) for row in rows], images)) == len(images)]
    if len(full) == 1:
        return full[0]
    what = f"{listed(full, ' and ')} both name" if full else f"no column of {listed(names)} names"
    raise DataError(
        f"{COLUMN}: not given, and {what} every image by its path, file name or name without ending (as "
        f"{PurePosixPath(images[0].path).stem}); give the column of {path} that does, or add what lacks"
    )


def _cells(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    if (what := special_file(path)) is not None:
        raise DataError(f"{KEY}: {path} is {what}, expected a file")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"{KEY}: no file {path}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{KEY}: {path} cannot be read as text ({error}); save it as CSV in UTF-8") from error
    if not lines:
        raise DataError(f"{KEY}: {path} is empty; expected a line of column names and a line for each image")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        cells = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise DataError(f"{KEY}: {path} cannot be read as a table ({error}); save it as CSV in UTF-8") from error
    names = cells[0]
    if len(set(names)) < len(names):
        raise DataError(f"{KEY}: {path} has two columns of one name: {listed(names)}")
    rows = [row for row in cells[1:] if any(row)]
    short = next((number for number, row in enumerate(rows, 2) if len(row) != len(names)), None)
    if short is not None:
        raise DataError(f"{KEY}: {path}: line {short} has {len(rows[short - 2])} cells, expected {len(names)}")
    return names, [dict(zip(names, row, strict=True)) for row in rows]


def _found(column: str, cells: Sequence[str], images: Sequence[Match]) -> dict[str, int]:
    """Place of the row of each image that has one."""
    known = {cell: place for place, cell in enumerate(cells)}
    found = {}
    for match in images:
        pure = PurePosixPath(match.path)
        own = (match.path, str(pure.with_suffix("")), pure.name, pure.stem, match.fields[STEM])
        names = (match.fields[column],) if column in match.fields else own
        place = next((known[_plain(name)] for name in names if _plain(name) in known), None)
        if place is not None:
            found[match.path] = place
    return found


def _plain(text: str) -> str:
    """A number without leading zeros, so that a table that went through a spreadsheet still fits."""
    return (text.lstrip("0") or "0") if text.isdecimal() and text.isascii() else text


def _quoted(column: str) -> str:
    return repr(shortened(printable(column), 100))


def _few(paths: Sequence[str], most: int = 3) -> str:
    return listed(paths[:most]) + (f" and {len(paths) - most} more" if len(paths) > most else "")
