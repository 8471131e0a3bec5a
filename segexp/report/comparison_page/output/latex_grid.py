"""A grid as a table that fits the page of a thesis: names wrap, remarks are footnotes, many columns go on below."""

from collections.abc import Sequence

from segexp.report.comparison_page.output.grid import Cell, Grid, Head
from segexp.report.latex import escape_breakable, escape_latex, format_table, format_tabular, split_word
from segexp.runs.text import printable

TEXT_WIDTH = 345.0
r"""``\textwidth`` of ``article`` at 10 pt, the narrowest that is common (pt)."""
LETTER = 5.1
r"""Width of a letter in ``\small``, Computer Modern (pt)."""
OTHER_LETTERS = {
    **dict.fromkeys("0123456789", 4.7),
    **dict.fromkeys(".,:;'()[]|ijlft ", 3.6),
    **dict.fromkeys("+-±<>↓−=w", 7.3),
    **dict.fromkeys("mMW%", 8.8),
}
"""Widths of those that are much narrower or wider (pt)."""
CAPITAL = 7.0
BOLD = 1.16
"""How much wider bold letters are."""
GAP = 12.0
r"""Between two columns, twice ``\tabcolsep`` (pt)."""
NARROWEST = 70.0
"""Least width that a column of words is left with (pt)."""
HEAD_LETTERS = 14
"""Letters of a line of a head."""


def grid_as_latex(grid: Grid, caption: str, label: str, notes: Sequence[str] = ()) -> str:
    r"""A table of booktabs; the best of a column is bold, and what is wrong with a row is a mark, told below.

    No line is wider than the text of ``article`` at 10 pt: names are wrapped, and numbers that do not fit beside each
    other stand in further blocks below.

    Args:
        grid: Words in its first columns, numbers in the others.
        caption: In LaTeX.
        label: Behind ``tab:``.
        notes: Sentences in LaTeX for below the table.
    """
    remarks = dict.fromkeys(
        cell.minor for row in grid.rows for cell, head in _pairs(row, grid) if _is_remark(cell, head)
    )
    marks = {remark: _mark(place) for place, remark in enumerate(remarks)}
    told = [rf"\textsuperscript{{{mark}}}\,{escape_breakable(remark)}." for remark, mark in marks.items()]
    tabulars = [_tabular(part, marks) for part in _blocks(grid)]
    return format_table(caption, label, tabulars, [*told, *notes])


def _pairs(row: Sequence[Cell], grid: Grid) -> list[tuple[Cell, Head]]:
    return list(zip(row, grid.heads, strict=True))


def _is_remark(cell: Cell, head: Head) -> bool:
    """Behind a word stands a remark, behind a number its deviation."""
    return bool(cell.minor) and not head.number


def _mark(place: int) -> str:
    return chr(ord("a") + place % 26) * (1 + place // 26)


def _blocks(grid: Grid) -> list[Grid]:
    """The grid, or several with the same words and as many of the numbers as fit beside them."""
    words = [place for place, head in enumerate(grid.heads) if not head.number]
    room = TEXT_WIDTH + GAP - sum(min(_natural(grid, place), _least(grid, place)) + GAP for place in words)
    blocks: list[list[int]] = [[]]
    left = room
    for place in (place for place, head in enumerate(grid.heads) if head.number):
        width = _natural(grid, place) + GAP
        if width > left and blocks[-1]:
            blocks.append([])
            left = room
        blocks[-1].append(place)
        left -= width
    return [_columns(grid, [*words, *block]) for block in blocks]


def _columns(grid: Grid, places: Sequence[int]) -> Grid:
    rows, below = ([[row[place] for place in places] for row in part] for part in (grid.rows, grid.below))
    return Grid(grid.title, [grid.heads[place] for place in places], rows, below)


def _natural(grid: Grid, place: int) -> float:
    """Width of a column whose cells are not wrapped (pt)."""
    head, cells = grid.heads[place], [row[place] for row in (*grid.rows, *grid.below)]
    shown = [_width(line) for line in _head_lines(head.text)]
    for cell in cells:
        text = cell.whole if head.number else cell.text + "a" * bool(cell.minor)
        shown.append(_width(printable(text)) * (BOLD if cell.best else 1.0))
    return max(shown)


def _least(grid: Grid, place: int) -> float:
    """Width that a column of words needs where they are wrapped (pt)."""
    cells = [row[place] for row in (*grid.rows, *grid.below)]
    parts = [part for cell in cells for word in printable(cell.text).split() for part in split_word(word)]
    return max(NARROWEST, *map(_width, parts)) if parts else NARROWEST


def _width(text: str) -> float:
    """Width of a text on one line (pt), rather too much."""
    return sum(OTHER_LETTERS.get(letter, CAPITAL if letter.isupper() else LETTER) for letter in text)


def _head_lines(text: str) -> list[str]:
    """Lines of a head: words, and parts of words that are long, as many as fit."""
    lines = [""]
    for word in printable(text).split():
        for place, part in enumerate(split_word(word)):
            space = " " if place == 0 and lines[-1] else ""
            if lines[-1] and len(lines[-1] + space + part) > HEAD_LETTERS:
                lines.append(part)
            else:
                lines[-1] += space + part
    return lines


def _tabular(grid: Grid, marks: dict[str, str]) -> str:
    widths = _widths(grid)
    kinds = "".join(_kind(head, width) for head, width in zip(grid.heads, widths, strict=True))
    head = " & ".join(_head(head) for head in grid.heads)
    rows, below = ([_row(row, grid, widths, marks) for row in part] for part in (grid.rows, grid.below))
    # Without the room that stands outside of the first and the last column.
    return format_tabular(f"@{{}}{kinds}@{{}}", head, rows, below)


def _widths(grid: Grid) -> list[float | None]:
    """Width of each column of words that has to be wrapped (pt); None: as wide as its cells."""
    natural = [_natural(grid, place) for place in range(len(grid.heads))]
    left = (
        TEXT_WIDTH
        - GAP * (len(natural) - 1)
        - sum(w for w, head in zip(natural, grid.heads, strict=True) if head.number)
    )
    widths: list[float | None] = [None] * len(natural)
    words = sorted((place for place, head in enumerate(grid.heads) if not head.number), key=lambda at: natural[at])
    for done, place in enumerate(words):
        share = left / (len(words) - done)
        if natural[place] > share:
            widths[place] = share
        left -= min(natural[place], share)
    return widths


def _kind(head: Head, width: float | None) -> str:
    if head.number:
        return "r"
    return "l" if width is None else rf"p{{{int(100 * width / TEXT_WIDTH) / 100:.2f}\textwidth}}"


def _head(head: Head) -> str:
    lines = [escape_latex(line) for line in _head_lines(head.text)]
    stacked = r"\\".join(lines)
    return lines[0] if len(lines) == 1 else rf"\shortstack[{'r' if head.number else 'l'}]{{{stacked}}}"


def _row(row: Sequence[Cell], grid: Grid, widths: Sequence[float | None], marks: dict[str, str]) -> str:
    return " & ".join(
        _cell(cell, head, width, marks) for (cell, head), width in zip(_pairs(row, grid), widths, strict=True)
    )


def _cell(cell: Cell, head: Head, width: float | None, marks: dict[str, str]) -> str:
    if head.number:
        text = escape_latex(cell.whole)
    else:
        text = escape_latex(cell.text) if width is None else rf"\raggedright {escape_breakable(cell.text)}"
        text += rf"\textsuperscript{{{marks[cell.minor]}}}" if _is_remark(cell, head) else ""
    return rf"\textbf{{{text}}}" if cell.best else text
