"""Tables of classes that data sets and annotation tools leave beside masks: the name of each value or colour."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segexp.data.folder.masks.meaning import Value
from segexp.runs.text import printable

LARGEST = 200_000
"""Bytes of a file that may be such a table."""
FOLDERS = 2000
"""Folders that are looked into."""
LONGEST = 100
"""Letters of a name; what is longer is none."""


@dataclass(frozen=True)
class ClassTable:
    """Names of classes by the value, or the three numbers of the colour, that stands for each.

    Attributes:
        path: The file, below the root.
        names: Name of each value.
        contradiction: Where files of this name give a value different names, in words.
    """

    path: str
    names: dict[Value, str]
    contradiction: str = ""

    def of(self, values: Iterable[Value]) -> dict[Value, Value] | None:
        """The entry of each value of masks: a grey among colours is that colour; None: the table lacks one."""
        found = {}
        for value in values:
            forms = [form for form in (value, value * 3, value[:1]) if form in self.names]
            grey = len(set(value)) == 1
            if not forms or (forms[0] != value and not grey):
                return None
            found[value] = forms[0]
        return found


def find_class_tables(root: Path, files: Iterable[Path]) -> list[ClassTable]:
    """Reads the tables that lie beside images and masks or above them; files of one name make one table."""
    folders = {folder for path in files for folder in path.relative_to(root).parents}
    found: dict[str, ClassTable] = {}
    for folder in sorted(folders)[:FOLDERS]:
        for name, read in _READERS.items():
            names = _table(root / folder / name, read)
            if names is not None:
                table = ClassTable(printable((folder / name).as_posix()), names)
                found[name] = _joined(found[name], table) if name in found else table
    return list(found.values())


def _joined(one: ClassTable, other: ClassTable) -> ClassTable:
    """Both tables as one; masks of labelme's folders may each count their own classes."""
    names = {**other.names, **one.names}
    differ = [value for value, name in other.names.items() if names[value] != name]
    if not differ or one.contradiction:
        return ClassTable(one.path, names, one.contradiction)
    value = " ".join(map(str, differ[0]))
    said = f"{value} is {names[differ[0]]} in {one.path} and {other.names[differ[0]]} in {other.path}"
    return ClassTable(one.path, names, said)


def _table(path: Path, read: Callable[[Sequence[str]], dict[Value, str]]) -> dict[Value, str] | None:
    """What a file says; None: there is none, or it is no such table."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        names = read([line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()])
    except (OSError, ValueError, LookupError, csv.Error):
        return None
    plain = {value: printable(" ".join(name.replace("/", "-").split())) for value, name in names.items()}
    unique = len(set(plain.values())) == len(plain) >= 2
    usable = all(0 < len(name) <= LONGEST and name != "ignored" for name in plain.values())
    return plain if unique and usable else None


def _rows(lines: Sequence[str]) -> list[dict[str, str]]:
    delimiter = max(",;\t", key=lines[0].count)
    cells = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    names = [name.lower() for name in cells[0]]
    return [dict(zip(names, row, strict=True)) for row in cells[1:]]


def _colours(lines: Sequence[str]) -> dict[Value, str]:
    """``name,r,g,b`` of Kaggle."""
    return {(int(row["r"]), int(row["g"]), int(row["b"])): row["name"] for row in _rows(lines)}


def _pixel_values(lines: Sequence[str]) -> dict[Value, str]:
    """``Pixel Value, Class`` of Roboflow."""
    return {(int(row["pixel value"]),): row["class"] for row in _rows(lines)}


def _label_map(lines: Sequence[str]) -> dict[Value, str]:
    """``label:r,g,b:parts:actions`` of CVAT."""
    cells = [line.split(":") for line in lines if not line.startswith("#")]
    return {_colour(cell[1].split(",")): cell[0] for cell in cells}


def _label_colours(lines: Sequence[str]) -> dict[Value, str]:
    """``64 128 64<tab>Animal`` of CamVid."""
    cells = [line.split(maxsplit=3) for line in lines]
    return {_colour(cell[:3]): cell[3] for cell in cells}


def _colour(numbers: Sequence[str]) -> Value:
    red, green, blue = map(int, numbers)
    return red, green, blue


def _objects(lines: Sequence[str]) -> dict[Value, str]:
    """``Idx ... Name`` of ADE20K, whose 0 is everything else; of several words for a thing the first."""
    names: dict[Value, str] = {(int(row["idx"]),): row["name"] for row in _rows(lines)}
    short = {value: name.split(",")[0].split(";")[0] for value, name in names.items()}
    return {(0,): "other", **(short if len(set(short.values())) == len(short) else names)}


def _in_order(lines: Sequence[str]) -> dict[Value, str]:
    """Names in the order of their numbers, of labelme: the first is the background, or numbers may begin at 1."""
    if lines[0].strip().strip("_").lower() != "background":
        raise ValueError(lines[0])
    return {(number,): line.strip().strip("_") for number, line in enumerate(lines)}


_READERS: Mapping[str, Callable[[Sequence[str]], dict[Value, str]]] = {
    "class_dict.csv": _colours,
    "class_dict_seg.csv": _colours,
    "label_class_dict.csv": _colours,
    "_classes.csv": _pixel_values,
    "labelmap.txt": _label_map,
    "label_colors.txt": _label_colours,
    "objectInfo150.txt": _objects,
    "label_names.txt": _in_order,
    "class_names.txt": _in_order,
}
"""By the names that files have."""
