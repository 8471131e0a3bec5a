"""Tables as CSV: what a spreadsheet would take for a formula gets an apostrophe, and every cell can be read back.

A spreadsheet runs what begins with ``=``, ``+``, ``-`` or ``@`` (OWASP, CSV injection); names of files and classes come
from anybody. Numbers are never changed, in whatever way they are written.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

LONGEST = 2**24
"""Letters of a cell that are read; the module csv stops at 131,072."""
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def guard_formula(cell: Any) -> Any:
    """Puts an apostrophe before a text that a spreadsheet would run; anything else stays as it is."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguard_formula(cell: str) -> str:
    """Takes the apostrophe of :func:`guard_formula` off again."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def format_csv(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None, *, as_it_is: bool = False
) -> str:
    """Formats mappings as CSV, a line each.

    Args:
        rows: Cells by column; missing ones are empty.
        columns: In their order; None: in order of appearance.
        as_it_is: Texts are written as they are, for tables whose names must be those of the files.
    """
    names: list[Any] = list(dict.fromkeys(key for row in rows for key in row) if columns is None else columns)
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    if not as_it_is:
        lines = [[guard_formula(cell) for cell in line] for line in lines]
    stream = io.StringIO(newline="")
    # The module quotes a line feed but not a carriage return, at which a reader would end the row.
    alone = any("\r" in cell for line in lines for cell in line if isinstance(cell, str))
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if alone else csv.QUOTE_MINIMAL).writerows(lines)
    return stream.getvalue()


def read_csv(stream: TextIO) -> list[dict[str, str]]:
    """Reads a table that :func:`format_csv` wrote, without the apostrophes; cells beyond the head are left out.

    Args:
        stream: Opened with ``newline=""``.

    Raises:
        csv.Error: It is no such table.
    """
    csv.field_size_limit(LONGEST)
    reader = csv.DictReader(stream)
    return [{unguard_formula(key): unguard_formula(value or "") for key, value in row.items() if key} for row in reader]
