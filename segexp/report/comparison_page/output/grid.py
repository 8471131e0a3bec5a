"""A table whose cells know more than their text: a value to sort by, whether it is the best, a link."""

from dataclasses import dataclass, field, replace

from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.markdown import escape_text
from segexp.report.table import Table
from segexp.report.values import ABSENT


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is read.
        value: What is sorted by; None sorts last.
        minor: What follows in smaller letters, such as a deviation.
        best: Whether it is the best of its column.
        href: Address to go to.
        note: What is told when the pointer rests on it.
    """

    text: str
    value: float | str | None = None
    minor: str = ""
    best: bool = False
    href: str = ""
    note: str = ""

    @property
    def whole(self) -> str:
        """All that is read, where there is one size of letters."""
        return f"{self.text} {self.minor}".rstrip()


@dataclass(frozen=True)
class Head:
    """Head of a column.

    Attributes:
        text: Its name.
        number: Whether its cells are values, which stand to the right.
        note: What the column is, in a line.
    """

    text: str
    number: bool = True
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """Heads, rows, and rows of reference below them that are not sorted."""

    title: str
    heads: list[Head]
    rows: list[list[Cell]]
    below: list[list[Cell]] = field(default_factory=list)

    def as_table(self) -> Table:
        """For the terminal; the best of a column has a star."""
        words = sum(not head.number for head in self.heads)
        marked = any(cell.best for row in self.rows for cell in row)
        rows = [
            tuple(_plain(cell, marked and head.number) for cell, head in zip(row, self.heads, strict=True))
            for row in [*self.rows, *self.below]
        ]
        header = tuple(head.text + (" " if marked and head.number else "") for head in self.heads)
        return Table(self.title, header, tuple(rows), words)

    def as_markdown(self) -> str:
        """A table as GitHub draws it; the best of a column is bold."""
        lines = [_line([escape_text(head.text) for head in self.heads])]
        lines.append("| " + " | ".join("---:" if head.number else "---" for head in self.heads) + " |")
        for row in [*self.rows, *self.below]:
            lines.append(
                _line([f"**{escape_text(cell.whole)}**" if cell.best else escape_text(cell.whole) for cell in row])
            )
        return "\n".join(lines)

    @property
    def marks_less(self) -> bool:
        """Whether an arrow in a head says that less is better."""
        return any("↓" in head.text for head in self.heads)

    def without(self, *heads: str) -> "Grid":
        """Leaves out columns by their heads."""
        kept = [place for place, head in enumerate(self.heads) if head.text not in heads]
        rows, below = ([[row[place] for place in kept] for row in part] for part in (self.rows, self.below))
        return Grid(self.title, [self.heads[place] for place in kept], rows, below)

    def unmarked(self, *heads: str) -> "Grid":
        """Marks no best cell in the columns with these heads."""
        plain = [head.text in heads for head in self.heads]
        rows = [
            [replace(cell, best=cell.best and not at) for cell, at in zip(row, plain, strict=True)] for row in self.rows
        ]
        return replace(self, rows=rows)


def _plain(cell: Cell, room: bool) -> str:
    """Text with a star, or room for one where others have it, so that digits stand below each other."""
    return cell.whole + ("*" if cell.best else " " if room else "")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def number(text: str, value: float | None, *, best: bool = False, note: str = "") -> Cell:
    """A cell of a value, ``-`` where there is none."""
    return Cell(ABSENT if value is None else text, value, best=best, note=note)


def spread_cell(found: Spread | None, digits: int, *, best: bool = False, note: str = "") -> Cell:
    """A cell of a mean with its deviation, ``-`` where there is none."""
    if found is None:
        return Cell(ABSENT)
    minor = "" if found.deviation is None else f"± {found.deviation:.{digits}f}"
    return Cell(f"{found.mean:.{digits}f}", found.mean, minor, best=best, note=note)
